//! TLS to PostgreSQL for a libpq that has none: a socket in a folder that only this user may enter, and behind it, for each
//! connection, one to the database that is encrypted and whose certificate is checked before a byte of libpq's goes there.
//! A lost connection at either end is lost at both. What a URL asks for is read in `way`.

use std::fs::Permissions;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as StdListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use socket2::{SockRef, TcpKeepalive};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::way::Peer;
use crate::limits::TLS_AUTHORITIES_BYTES_MAX;

/// The name that libpq gives a socket in the folder that `host` names (for the port that the URL of a bridge says).
const SOCKET: &str = ".s.PGSQL.5432";

/// «Let us speak TLS» (PostgreSQL's protocol, SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// How long the way to the database may take until it is open. libpq gives up sooner, by its `connect_timeout`.
const OPENING_WAIT: Duration = Duration::from_secs(20);

/// Bytes of a first message that are read before libpq is told why there is no connection.
const FIRST_MESSAGE_BYTES_MAX: usize = 10_000;

/// A network that swallows every packet is noticed in some 25 s, as on libpq's own connections.
const IDLE: Duration = Duration::from_secs(10);
const PROBE_EVERY: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;
const UNANSWERED_MAX: Duration = Duration::from_secs(20);

/// The socket, and the thread behind it. Both end with this value, and every connection with them.
pub(super) struct Bridge {
    folder: TempDir,
    ending: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Bridge {
    /// Opens a socket to a database. Nothing is connected before somebody uses it.
    ///
    /// # Errors
    /// There is no authority to check its certificate by, or no room for the socket.
    pub(super) fn open(peer: Peer) -> Result<Self, String> {
        let far = Arc::new(Far::new(peer)?);
        let refused = |error: io::Error| format!("no socket can be made for it: {error}");
        let folder = tempfile::Builder::new().prefix("hazard-pg-").permissions(Permissions::from_mode(0o700)).tempdir();
        let folder = folder.map_err(refused)?;
        let listener = StdListener::bind(folder.path().join(SOCKET)).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let (ending, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("db-tls".to_owned());
        let thread = thread.spawn(move || runtime.block_on(serve(listener, far, ended))).map_err(refused)?;
        Ok(Self { folder, ending: Some(ending), thread: Some(thread) })
    }

    /// What libpq takes for its host.
    pub(super) fn folder(&self) -> String {
        let bytes = self.folder.path().as_os_str().as_encoded_bytes();
        bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(self.ending.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that speaks TLS to the database ended with a panic");
        }
    }
}

async fn serve(listener: StdListener, far: Arc<Far>, mut ended: oneshot::Receiver<()>) {
    let listener = match UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "no TLS can be spoken to the database"),
    };
    loop {
        tokio::select! {
            _ = &mut ended => return,
            near = listener.accept() => match near {
                Ok((near, _)) => drop(tokio::spawn(carry(near, Arc::clone(&far)))),
                Err(error) => {
                    // Out of file descriptors: whoever asked is told by libpq, and others may yet close theirs.
                    tracing::warn!(%error, "a connection to the database could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

/// Carries one connection until either end closes it.
async fn carry(mut near: UnixStream, far: Arc<Far>) {
    let opened = timeout(OPENING_WAIT, far.connect()).await;
    let outcome = match opened.unwrap_or_else(|_| Err("it does not answer".to_owned())) {
        Ok(mut stream) => copy_bidirectional(&mut near, &mut stream).await.map(drop),
        Err(why) => refuse(&mut near, &why).await,
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection to the database broke");
    }
}

/// Tells libpq why there is no connection, as the database itself would (ErrorResponse). Its first message is read before: a
/// socket that is closed over unread bytes is broken before its last words are read.
async fn refuse(near: &mut UnixStream, why: &str) -> io::Result<()> {
    let bytes = usize::try_from(near.read_u32().await?).unwrap_or(usize::MAX).saturating_sub(4);
    near.read_exact(&mut vec![0; bytes.min(FIRST_MESSAGE_BYTES_MAX)]).await?;
    let words: String = why.chars().filter(|letter| *letter != '\0').collect();
    let fields = format!("SFATAL\0VFATAL\0C08001\0M{words}\0\0");
    let length = u32::try_from(fields.len()).unwrap_or(u32::MAX).saturating_add(4);
    near.write_all(&[b"E", length.to_be_bytes().as_slice(), fields.as_bytes()].concat()).await?;
    near.shutdown().await
}

/// The database at the other end.
struct Far {
    peer: Peer,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Far {
    fn new(peer: Peer) -> Result<Self, String> {
        let name = ServerName::try_from(peer.name.clone());
        let name = name.map_err(|_| "no certificate can be for its host".to_owned())?;
        let authorities = match &peer.authorities {
            Some(file) => authorities_in(file).map_err(|why| format!("sslrootcert {}: {why}", file.display()))?,
            None => authorities_of_the_system()?,
        };
        let versions = [&TLS13, &TLS12];
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&versions)
            .map_err(|error| format!("TLS cannot be spoken: {error}"))?;
        let mut config = config.with_root_certificates(authorities).with_no_client_auth();
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self { peer, name, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Connects, asks for TLS, and checks who answers.
    async fn connect(&self) -> Result<TlsStream<TcpStream>, String> {
        let lost = |error: io::Error| format!("it cannot be reached: {error}");
        let mut stream = TcpStream::connect((self.peer.host.as_str(), self.peer.port)).await.map_err(lost)?;
        watch(&stream).map_err(lost)?;
        stream.write_all(&SSL_REQUEST).await.map_err(lost)?;
        match stream.read_u8().await.map_err(lost)? {
            b'S' => {}
            b'N' => {
                return Err("it does not speak TLS: switch it on there (ssl = on), or say sslmode=disable where its \
                            network is private"
                    .to_owned());
            }
            _ => return Err("what answers there is no PostgreSQL".to_owned()),
        }
        self.tls.connect(self.name.clone(), stream).await.map_err(|error| {
            format!("its certificate is not accepted: {error}. sslrootcert=<file> names an authority of your own")
        })
    }
}

/// Lets the system notice an end that is gone, also when the network swallows every packet.
fn watch(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(IDLE).with_interval(PROBE_EVERY).with_retries(PROBES);
    socket.set_tcp_keepalive(&probes)?;
    socket.set_tcp_user_timeout(Some(UNANSWERED_MAX))
}

fn authorities_in(file: &Path) -> Result<RootCertStore, String> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(TLS_AUTHORITIES_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(|error| error.to_string())?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| format!("it is not PEM: {error}"))?;
        store.add(certificate).map_err(|error| error.to_string())?;
    }
    if store.is_empty() { Err("no certificate is in it".to_owned()) } else { Ok(store) }
}

fn authorities_of_the_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        return Err(
            "this system trusts no authority (Debian: ca-certificates). sslrootcert=<file> names one".to_owned()
        );
    }
    Ok(store)
}
