//! A bucket that stops answering: whoever asks is told so and when to come again, and nothing that was acknowledged is lost.

use hazard_tests::server::{START_MS, TestServer, village};
use serde_json::json;
use sync_core::people::Role;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::phone::{Phone, hash, header, refused, sample};

/// A way to the S3-compatible server that can be closed; connections through it break then.
struct Gate {
    closed: watch::Sender<bool>,
    endpoint: String,
}

impl Gate {
    async fn before(endpoint: &str) -> Self {
        let inner = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (closed, heard) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((outer, _)) = listener.accept().await {
                tokio::spawn(pass(outer, inner.clone(), heard.clone()));
            }
        });
        Self { closed, endpoint }
    }

    fn close(&self) {
        self.closed.send(true).unwrap();
    }

    fn open(&self) {
        self.closed.send(false).unwrap();
    }
}

async fn pass(mut outer: TcpStream, inner: String, mut closed: watch::Receiver<bool>) {
    if *closed.borrow() {
        return;
    }
    let mut inner = TcpStream::connect(inner).await.unwrap();
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut outer, &mut inner) => {}
        _ = closed.wait_for(|closed| *closed) => {}
    }
}

async fn start() -> (TestServer, Gate) {
    let mut options = crate::bucket();
    let gate = Gate::before(options.endpoint.as_ref().unwrap()).await;
    options.endpoint = Some(gate.endpoint.clone());
    (TestServer::start_with(move |settings| settings.photos = Some(options)).await, gate)
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_said_clearly_and_uploads_go_on_afterwards() {
    let (server, gate) = start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let (hash, stored) = (hash(&bytes), phone.upload(&sample("gps/DSCN0012.jpg")).await);
    phone.create_with(&hash, bytes.len(), &bytes[..50_000]).await;
    gate.close();
    for response in [
        phone.send(&hash, 50_000, &bytes[50_000..]).await,
        phone.head(&hash).await,
        phone.show(&stored, "?variant=original").send().await.unwrap(),
        phone.show(&stored, "?variant=256").send().await.unwrap(),
    ] {
        assert_eq!(header(&response, "retry-after"), "10");
        let status = response.status().as_u16();
        assert!(status == 503, "{status}");
    }
    let asked = json!({"sent_at_ms": START_MS, "pull": {}, "photos": [stored]});
    let (status, answer) = server.post(&phone.session, "/sync", &asked).await;
    assert_eq!(status, 200, "the ledger works without photos: {answer}");
    assert!(answer["pull"]["records"].is_array(), "{answer}");
    assert!(answer["photos_received"].is_null() && answer["photos_wanted"].is_null(), "nobody knows now: {answer}");
    gate.open();
    assert_eq!(phone.offset(&hash).await, 50_000, "what was acknowledged is there");
    assert_eq!(phone.send(&hash, 50_000, &bytes[50_000..]).await.status(), 204);
    let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(shown.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn a_server_starts_without_its_photo_store_and_finds_it_later() {
    let (mut server, gate) = start().await;
    let session = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    gate.close();
    server.restart().await.unwrap();
    let bytes = sample("gps/DSCN0010.jpg");
    let told = Phone::new(&server, session.clone()).create_with(&hash(&bytes), bytes.len(), &bytes).await;
    assert_eq!(refused(told).await, (503, "photo_store_unavailable".to_owned()));
    gate.open();
    Phone::new(&server, session).upload(&bytes).await;
}
