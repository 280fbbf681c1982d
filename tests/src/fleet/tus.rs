//! A resuming uploader (tus 1.0): asks the server how far it is, and goes on from there, after a cut as after a crash.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{RequestBuilder, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::measures::Measures;
use super::session::Session;
use super::trouble::Trouble;

/// Bytes sent under one checksum: what a cut costs at most.
const CHUNK_BYTES: usize = 128 * 1024;
/// Tries in a row without a byte of progress.
const TRIES_MAX: u32 = 200;

/// Uploads photos for one session.
#[derive(Debug)]
pub struct Uploader {
    session: Arc<Session>,
    /// The server as reached by the link for photos.
    base_url: String,
    measures: Arc<Measures>,
}

/// Where an upload stands.
enum Place {
    /// The server has all bytes.
    Complete,
    /// It has so many.
    At(usize),
    /// It knows no such upload (any more).
    Unknown,
    /// No answer; try again.
    NoAnswer,
}

impl Uploader {
    /// An uploader.
    #[must_use]
    pub fn new(session: Arc<Session>, base_url: String, measures: Arc<Measures>) -> Self {
        Self { session, base_url, measures }
    }

    /// Sends the bytes of a file until the server has them. The address of the upload is kept beside the file, so that a
    /// phone that was switched off goes on where it stopped.
    ///
    /// # Errors
    /// The file cannot be read, the server refuses, or nothing moves for too long.
    pub async fn upload(&self, path: &Path, hash: &str) -> Result<(), Trouble> {
        let bytes = tokio::fs::read(path).await.map_err(Trouble::io("reading a photo"))?;
        let kept = path.with_extension("upload");
        let mut url = std::fs::read_to_string(&kept).ok();
        // Half of the photos are sent chunk by chunk under a checksum, half in one go, resumable at any byte.
        let in_chunks = hash.bytes().next().is_some_and(|digit| digit.is_ascii_digit());
        let mut place = Place::NoAnswer;
        let mut tries = 0;
        while tries < TRIES_MAX {
            place = match (&url, place) {
                (None, _) | (_, Place::Unknown) => {
                    let (created, place) = self.create(&bytes, hash).await?;
                    if let Some(created) = &created {
                        std::fs::write(&kept, created).map_err(Trouble::io("keeping the address of an upload"))?;
                    }
                    url = created;
                    place
                }
                (Some(_), Place::Complete) => {
                    return Ok(());
                }
                (Some(url), Place::NoAnswer) => self.ask(url, bytes.len()).await?,
                (Some(url), Place::At(offset)) => {
                    let next = self.send(url, &bytes, offset, in_chunks).await?;
                    if matches!(next, Place::At(reached) if reached > offset) {
                        tries = 0;
                    }
                    next
                }
            };
            if matches!(place, Place::NoAnswer | Place::Unknown) {
                self.measures.retries.one();
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            tries = tries.saturating_add(1);
        }
        Err(Trouble::Stuck(format!("the photo {hash} does not get through")))
    }

    fn tus(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(self.session.access_token()).header("Tus-Resumable", "1.0.0")
    }

    /// Sends a request. A token that has run out counts as no answer, after signing in.
    async fn answer(&self, request: RequestBuilder) -> Result<Option<Response>, Trouble> {
        let Ok(response) = self.tus(request).send().await else { return Ok(None) };
        match response.status() {
            StatusCode::UNAUTHORIZED => match self.session.sign_in().await {
                Err(Some(refusal)) => Err(Trouble::Server(refusal)),
                _ => Ok(None),
            },
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED => Ok(None),
            _ => Ok(Some(response)),
        }
    }

    async fn create(&self, bytes: &[u8], hash: &str) -> Result<(Option<String>, Place), Trouble> {
        let metadata = format!("sha256 {},filetype {}", BASE64.encode(hash.as_bytes()), BASE64.encode(b"image/jpeg"));
        let request = self.session.http().post(format!("{}/api/v1/uploads", self.base_url));
        let request = request.header("Upload-Length", bytes.len()).header("Upload-Metadata", metadata);
        let Some(response) = self.answer(request).await? else { return Ok((None, Place::NoAnswer)) };
        if response.status() != StatusCode::CREATED {
            return Err(refusal("creating an upload", response).await);
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok()).map(str::to_owned);
        let location =
            location.ok_or_else(|| Trouble::Server("an upload was created without a Location".to_owned()))?;
        Ok((Some(location), at(&response, bytes.len()).unwrap_or(Place::At(0))))
    }

    async fn ask(&self, url: &str, len: usize) -> Result<Place, Trouble> {
        let Some(response) = self.answer(self.session.http().head(self.address(url))).await? else {
            return Ok(Place::NoAnswer);
        };
        if response.status() == StatusCode::NOT_FOUND || response.status() == StatusCode::GONE {
            return Ok(Place::Unknown);
        }
        Ok(at(&response, len).unwrap_or(Place::NoAnswer))
    }

    async fn send(&self, url: &str, bytes: &[u8], offset: usize, in_chunks: bool) -> Result<Place, Trouble> {
        let end = if in_chunks { offset.saturating_add(CHUNK_BYTES).min(bytes.len()) } else { bytes.len() };
        let chunk = bytes.get(offset..end).unwrap_or_default().to_vec();
        let mut request = self
            .session
            .http()
            .patch(self.address(url))
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .header("Upload-Offset", offset);
        if in_chunks {
            let checksum = format!("sha256 {}", BASE64.encode(&Sha256::digest(&chunk)));
            request = request.header("Upload-Checksum", checksum);
        }
        let Some(response) = self.answer(request.body(chunk)).await? else { return Ok(Place::NoAnswer) };
        match response.status() {
            StatusCode::NO_CONTENT => Ok(at(&response, bytes.len()).unwrap_or(Place::NoAnswer)),
            // The server is elsewhere than the phone thought: ask it.
            StatusCode::CONFLICT => Ok(Place::NoAnswer),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Place::Unknown),
            _ => Err(refusal("sending a photo", response).await),
        }
    }

    /// The address of an upload by this link, whatever host the server named.
    fn address(&self, url: &str) -> String {
        match url.find("/api/v1/") {
            Some(start) => format!("{}{}", self.base_url, url.get(start..).unwrap_or_default()),
            None => url.to_owned(),
        }
    }
}

fn at(response: &Response, len: usize) -> Option<Place> {
    let offset: usize = response.headers().get("Upload-Offset")?.to_str().ok()?.parse().ok()?;
    Some(if offset >= len { Place::Complete } else { Place::At(offset) })
}

async fn refusal(what: &str, response: Response) -> Trouble {
    let status = response.status();
    Trouble::Server(format!("{what}: {status} {}", response.text().await.unwrap_or_default()))
}
