//! TLS by the server itself, as clients meet it: an authority of the test's own, HTTP/1.1 and HTTP/2, a certificate
//! that is renewed under open connections. How files are read is tested beside `tls/`.

use std::path::Path;
use std::sync::Arc;

use hazard_tests::server::{PASSWORD, START_MS, TestServer};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SerialNumber};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::json;
use server::tls::TlsFiles;
use sync_core::people::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority that the test's clients trust.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server's certificate with a serial number, and its key.
    fn certify(&self, serial: u64) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["safety.example.cn".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// A client's settings that trust this authority alone.
    fn client(&self, version: &'static SupportedProtocolVersion, alpn: &[&[u8]]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

fn put(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, mode).unwrap();
}

/// A server with a certificate of the authority, and the folder of its files.
async fn start(authority: &Authority) -> (TestServer, tempfile::TempDir, TlsFiles) {
    let dir = tempfile::tempdir().unwrap();
    let files = TlsFiles { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
    let (cert, key) = authority.certify(1);
    put(&files.cert, &cert);
    put(&files.key, &key);
    let given = files.clone();
    let server = TestServer::start_with(move |settings| settings.tls = Some(given)).await;
    (server, dir, files)
}

async fn connect(server: &TestServer, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(server.url("").trim_start_matches("http://")).await.unwrap();
    client.connect(ServerName::try_from("safety.example.cn").unwrap(), tcp).await
}

/// The certificate that a connection was shown.
fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Sends a request and reads an answer that ends with the connection.
async fn ask(stream: &mut TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn sign_in(username: &str) -> String {
    let body = json!({ "username": username, "password": PASSWORD, "device_name": "phone" }).to_string();
    format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: safety.example.cn\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_signs_in_over_tls_of_either_version() {
    let authority = Authority::new();
    let (server, _dir, _) = start(&authority).await;
    server.make_account("wang", Role::Leader, &[]).await;
    for version in [&TLS12, &TLS13] {
        let mut stream = connect(&server, &authority.client(version, &[b"http/1.1"])).await.unwrap();
        let answer = ask(&mut stream, &sign_in("wang")).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("access_token"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    }
    let stranger = Authority::new().client(&TLS13, &[]);
    assert!(connect(&server, &stranger).await.is_err(), "another authority's client trusts nobody here");
    assert!(server.app().public_url().starts_with("https://"));
}

#[tokio::test]
async fn http_2_is_spoken_with_who_asks_for_it() {
    let authority = Authority::new();
    let (server, _dir, _) = start(&authority).await;
    let stream = connect(&server, &authority.client(&TLS13, &[b"h2", b"http/1.1"])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = http::Request::get("https://safety.example.cn/healthz").body(()).unwrap();
    let (answer, _) = requests.send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status().as_u16(), 200);
    drop(requests);
    driving.abort();
}

#[tokio::test]
async fn a_certificate_is_renewed_under_open_connections_and_a_mismatched_pair_is_not_shown() {
    let authority = Authority::new();
    let (server, _dir, files) = start(&authority).await;
    server.make_account("wang", Role::Leader, &[]).await;
    let client = authority.client(&TLS13, &[b"http/1.1"]);
    let mut before = connect(&server, &client).await.unwrap();
    let first = shown(&before);
    let look = async || {
        let certificate = server.app().certificate.clone().unwrap();
        tokio::task::spawn_blocking(move || certificate.renew(START_MS)).await.unwrap()
    };

    let (cert, key) = authority.certify(2);
    put(&files.cert, &cert);
    let refusal = look().await.unwrap_err().to_string();
    assert!(refusal.contains("key.pem"), "half of the pair is there: {refusal}");
    assert_eq!(shown(&connect(&server, &client).await.unwrap()), first);

    put(&files.key, &key);
    assert!(look().await.unwrap());
    let mut after = connect(&server, &client).await.unwrap();
    assert_ne!(shown(&after), first);
    for stream in [&mut before, &mut after] {
        let answer = ask(stream, &sign_in("wang")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "the old connection goes on, and the new one: {answer}");
    }
}

#[tokio::test]
async fn clear_text_on_a_tls_port_gets_no_answer() {
    let authority = Authority::new();
    let (server, _dir, _) = start(&authority).await;
    let mut stream = TcpStream::connect(server.url("").trim_start_matches("http://")).await.unwrap();
    stream.write_all(sign_in("wang").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset is as good as an end.
    drop(stream.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}
