//! A phone that speaks tus, politely or by hand over a raw socket, and the photos that it sends.

use std::path::PathBuf;
use std::time::Duration;

use data_encoding::BASE64;
use hazard_tests::server::{Session, TestServer};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const CHUNK_TYPE: &str = "application/offset+octet-stream";

/// A real photo, for example `gps/DSCN0010.jpg`.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let path = samples().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; set HAZARD_SHARED", path.display()))
}

/// The names of a group of real photos.
pub(crate) fn group(name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(samples().join(name)).expect("the samples are there; set HAZARD_SHARED");
    let mut names: Vec<String> =
        entries.map(|entry| format!("{name}/{}", entry.unwrap().file_name().to_string_lossy())).collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

fn samples() -> PathBuf {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    std::env::var_os("HAZARD_SHARED").map_or(beside, PathBuf::from).join("data/photos")
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

pub(crate) fn checksum(bytes: &[u8]) -> String {
    format!("sha256 {}", BASE64.encode(&Sha256::digest(bytes)))
}

pub(crate) fn metadata(hash: &str) -> String {
    format!("sha256 {},filetype {}", BASE64.encode(hash.as_bytes()), BASE64.encode(b"image/jpeg"))
}

/// A header of an answer as text.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("-", |value| value.to_str().unwrap())
}

/// The status and the problem's code of an answer.
pub(crate) async fn refused(response: Response) -> (u16, String) {
    let (status, body) = hazard_tests::server::read(response).await;
    (status, body["code"].as_str().unwrap_or("-").to_owned())
}

/// The status and the whole problem of an answer.
pub(crate) async fn problem(response: Response) -> (u16, Value) {
    hazard_tests::server::read(response).await
}

/// One phone of one person.
pub(crate) struct Phone<'a> {
    pub(crate) server: &'a TestServer,
    pub(crate) session: Session,
}

impl<'a> Phone<'a> {
    pub(crate) fn new(server: &'a TestServer, session: Session) -> Self {
        Self { server, session }
    }

    /// A request below `/uploads` with the version that is spoken.
    pub(crate) fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.request_as(&self.session, method, &format!("/uploads{path}")).header("Tus-Resumable", "1.0.0")
    }

    pub(crate) async fn create(&self, hash: &str, length: usize) -> Response {
        let request =
            self.tus(Method::POST, "").header("Upload-Length", length).header("Upload-Metadata", metadata(hash));
        request.send().await.unwrap()
    }

    pub(crate) async fn create_with(&self, hash: &str, length: usize, body: &[u8]) -> Response {
        let request =
            self.tus(Method::POST, "").header("Upload-Length", length).header("Upload-Metadata", metadata(hash));
        request.header("Content-Type", CHUNK_TYPE).body(body.to_vec()).send().await.unwrap()
    }

    pub(crate) fn patch(&self, hash: &str, offset: usize, chunk: &[u8]) -> RequestBuilder {
        let request = self.tus(Method::PATCH, &format!("/{hash}")).header("Upload-Offset", offset);
        request.header("Content-Type", CHUNK_TYPE).body(chunk.to_vec())
    }

    pub(crate) async fn send(&self, hash: &str, offset: usize, chunk: &[u8]) -> Response {
        self.patch(hash, offset, chunk).send().await.unwrap()
    }

    pub(crate) async fn head(&self, hash: &str) -> Response {
        self.tus(Method::HEAD, &format!("/{hash}")).send().await.unwrap()
    }

    /// Where the upload stands; the answer must be a success.
    pub(crate) async fn offset(&self, hash: &str) -> usize {
        let response = self.head(hash).await;
        assert_eq!(response.status(), 200);
        header(&response, "upload-offset").parse().unwrap()
    }

    /// Uploads a whole photo in one request; its hash.
    pub(crate) async fn upload(&self, bytes: &[u8]) -> String {
        let hash = hash(bytes);
        let response = self.create_with(&hash, bytes.len(), bytes).await;
        assert_eq!((response.status().as_u16(), header(&response, "upload-offset")), (201, &*bytes.len().to_string()));
        hash
    }

    /// `GET photos/{hash}` with a query such as `?variant=256`.
    pub(crate) fn show(&self, hash: &str, query: &str) -> RequestBuilder {
        self.server.request_as(&self.session, Method::GET, &format!("/photos/{hash}{query}"))
    }

    /// Sends a preview of a photo.
    pub(crate) async fn preview(&self, hash: &str, bytes: Vec<u8>) -> Response {
        let request = self.server.request_as(&self.session, Method::PUT, &format!("/photos/{hash}/preview"));
        request.header("Content-Type", "image/jpeg").body(bytes).send().await.unwrap()
    }

    /// Opens a socket, announces a chunk of `announced` bytes at `offset`, and sends only `sent`.
    pub(crate) async fn begin_by_hand(&self, hash: &str, offset: usize, announced: usize, sent: &[u8]) -> TcpStream {
        let mut socket = self.patch_head(hash, offset, &format!("Content-Length: {announced}")).await;
        socket.write_all(sent).await.unwrap();
        socket.flush().await.unwrap();
        socket
    }

    /// Sends a chunk without saying before how long it is, and its end after a while; what the server answered.
    pub(crate) async fn send_in_pieces(&self, hash: &str, offset: usize, chunk: &[u8], end_after: Duration) -> String {
        let mut socket = self.patch_head(hash, offset, "Transfer-Encoding: chunked\r\nConnection: close").await;
        for piece in chunk.chunks(10_000) {
            socket.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
            socket.write_all(piece).await.unwrap();
            socket.write_all(b"\r\n").await.unwrap();
        }
        tokio::time::sleep(end_after).await;
        socket.write_all(b"0\r\n\r\n").await.unwrap();
        rest_of(socket).await
    }

    async fn patch_head(&self, hash: &str, offset: usize, framing: &str) -> TcpStream {
        let authority = self.server.url("").trim_start_matches("http://").to_owned();
        let mut socket = TcpStream::connect(&authority).await.unwrap();
        let head = format!(
            "PATCH /api/v1/uploads/{hash} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {}\r\n\
             Tus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\nContent-Type: {CHUNK_TYPE}\r\n{framing}\r\n\r\n",
            self.session.access_token
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket
    }

    /// The file of the first `bytes` bytes of this phone's unfinished upload.
    pub(crate) fn part(&self, hash: &str, bytes: usize) -> PathBuf {
        crate::part_file(self.server, &format!("{}.{hash}", self.session.device), bytes)
    }

    /// Asks where the upload stands until it stands at `offset` and takes another request.
    pub(crate) async fn until_offset(&self, hash: &str, offset: usize) {
        let mut seen = 0;
        for _ in 0..2_000 {
            seen = self.offset(hash).await;
            // The request that recorded these bytes may not have ended yet; an empty chunk changes nothing.
            if seen == offset && self.send(hash, offset, b"").await.status() == 204 {
                return;
            }
        }
        panic!("the upload stands at {seen}, not at {offset}");
    }
}

/// What the server sends on a socket until it closes it.
pub(crate) async fn rest_of(mut socket: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is as good an end as a close.
    let _ = socket.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}
