//! TLS to PostgreSQL, against a real one that is put behind the handshake of PostgreSQL's protocol. They need a PostgreSQL
//! server, whatever database the other tests are run on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may fail loudly")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::db::scratch::{self, Scratch};
use crate::db::{Database, DatabaseOptions, OpenError, Scope};

/// A PostgreSQL that speaks TLS, or says that it does not.
struct Encrypted {
    scratch: Scratch,
    address: SocketAddr,
    folder: tempfile::TempDir,
    door: tokio::task::JoinHandle<()>,
}

impl Encrypted {
    /// One whose certificate is for `name`.
    async fn start(name: &str, speaks_tls: bool) -> Self {
        let scratch = Scratch::on(&scratch::server().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.path().join("authority.pem"), authority.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], key.serialize_der().try_into().unwrap())
            .unwrap();
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let behind = place(&scratch.url());
        let acceptor = speaks_tls.then(|| TlsAcceptor::from(Arc::new(config)));
        let door = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, acceptor.clone(), behind.clone()));
            }
        });
        Self { scratch, address, folder, door }
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Options for it by a host's name, with parameters.
    fn options(&self, host: &str, parameters: &str) -> DatabaseOptions {
        let url = self.scratch.url();
        let (head, name) = url.rsplit_once('/').unwrap();
        let user = head.trim_start_matches("postgres://").split_once('@').unwrap().0;
        let authority = self.authority();
        let at = format!("{host}:{}/{name}?{parameters}", self.address.port());
        DatabaseOptions::postgres(format!("postgres://{user}@{at}&sslrootcert={}", authority.display()))
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        self.door.abort();
    }
}

fn place(url: &str) -> String {
    url.split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned()
}

/// The beginning of PostgreSQL's protocol as its server speaks it, and then what the server behind says.
async fn answer(mut stream: TcpStream, acceptor: Option<TlsAcceptor>, behind: String) {
    let mut asked = [0; 8];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(asked, [0, 0, 0, 8, 4, 210, 22, 47], "nothing comes before the question for TLS");
    let Some(acceptor) = acceptor else { return stream.write_all(b"N").await.unwrap() };
    stream.write_all(b"S").await.unwrap();
    let Ok(mut near) = acceptor.accept(stream).await else { return };
    let mut far = TcpStream::connect(behind).await.unwrap();
    copy_bidirectional(&mut near, &mut far).await.ok();
}

async fn open(options: DatabaseOptions) -> Result<Database, OpenError> {
    tokio::task::spawn_blocking(move || Database::open(&options)).await.unwrap()
}

async fn refused(options: DatabaseOptions) -> String {
    let Err(error) = open(options).await else { panic!("it was opened") };
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_read_and_written_over_tls_whose_certificate_is_checked() {
    let there = Encrypted::start("localhost", true).await;
    for mode in ["require", "verify-full"] {
        let database = open(there.options("localhost", &format!("sslmode={mode}"))).await.unwrap();
        database.write(Scope::Apart, |tx| tx.touch()).await.unwrap();
        assert!(database.read(|tx| tx.migration()).await.is_ok_and(|migration| !migration.is_empty()));
        tokio::task::spawn_blocking(move || database.close()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_host_or_of_an_unknown_authority_is_not_accepted() {
    let there = Encrypted::start("db.example", true).await;
    let other = refused(there.options("localhost", "sslmode=verify-full")).await;
    assert!(other.contains("certificate is not accepted") && other.contains("cannot be reached"), "{other}");
    let there = Encrypted::start("localhost", true).await;
    let stranger = Encrypted::start("localhost", true).await;
    std::fs::copy(stranger.authority(), there.authority()).unwrap();
    let unknown = refused(there.options("localhost", "sslmode=require")).await;
    assert!(unknown.contains("certificate is not accepted") && unknown.contains("sslrootcert="), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_tls_is_told_apart_and_nothing_is_sent_to_it_in_clear() {
    let there = Encrypted::start("localhost", false).await;
    let why = refused(there.options("localhost", "sslmode=require")).await;
    assert!(why.contains("does not speak TLS") && why.contains("sslmode=disable"), "{why}");
    let url = format!("postgres://u@localhost:{}/x?sslmode=require&sslrootcert=/nothing", there.address.port());
    let why = refused(DatabaseOptions::postgres(url)).await;
    assert!(why.contains("sslrootcert /nothing") && why.contains("verify-full"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_encrypted_connection_is_busy_and_made_again() {
    let there = Encrypted::start("localhost", true).await;
    let database = open(there.options("localhost", "sslmode=require")).await.unwrap();
    database.write(Scope::Apart, |tx| tx.touch()).await.unwrap();
    let url = there.scratch.url();
    tokio::task::spawn_blocking(move || super::tests::cut_all_at(&url)).await.unwrap();
    let mut tries = 0;
    while database.write(Scope::Apart, |tx| tx.touch()).await.is_err() {
        tries += 1;
        assert!(tries < 10, "it comes back");
    }
    tokio::task::spawn_blocking(move || database.close()).await.unwrap();
}
