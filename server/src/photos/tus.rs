//! The words of tus 1.0.0 (<https://tus.io/protocols/resumable-upload>): headers read and written. What they do to an
//! upload is decided in `uploads`.

use std::time::{Duration, UNIX_EPOCH};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue, HttpDate};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, HttpResponseBuilder};
use data_encoding::BASE64;
use sync_core::limits::PHOTO_BYTES_MAX;
use sync_core::time::Ms;

use super::hash::ContentHash;
use super::uploads::Standing;
use crate::error::{Code, Problem};

/// The only version that is spoken.
const VERSION: &str = "1.0.0";
const VERSION_VALUE: HeaderValue = HeaderValue::from_static(VERSION);

/// The extensions that are spoken.
const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";

/// The media type of a chunk.
const CHUNK_TYPE: &str = "application/offset+octet-stream";

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The middleware around every upload address: demands the version, obeys `X-HTTP-Method-Override` (core protocol), and
/// writes `Tus-Resumable` into every answer.
///
/// # Errors
/// Those of the inner services, unchanged; a missing version is answered with a problem.
pub async fn speak<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let asked = request.headers().get(METHOD_OVERRIDE).map(|name| Method::from_bytes(name.as_bytes()));
    if let Some(Ok(method)) = asked {
        request.head_mut().method = method;
    }
    let spoken = request.headers().get(TUS_RESUMABLE).is_some_and(|version| version == VERSION);
    let mut response = if spoken || request.method() == Method::OPTIONS {
        next.call(request).await?.map_into_left_body()
    } else {
        let problem = Problem::new(Code::TusVersionUnsupported, format!("Send the header Tus-Resumable: {VERSION}"));
        let mut answer = HttpResponse::from_error(problem);
        answer.headers_mut().insert(TUS_VERSION, VERSION_VALUE);
        request.into_response(answer).map_into_right_body()
    };
    response.headers_mut().insert(TUS_RESUMABLE, VERSION_VALUE);
    Ok(response)
}

/// Marks an answer that was given before this middleware as one of tus.
pub fn mark(answer: &mut HttpResponse) {
    answer.headers_mut().insert(TUS_RESUMABLE, VERSION_VALUE);
}

/// Says what is spoken, for `OPTIONS`.
pub fn describe(answer: &mut HttpResponseBuilder) {
    answer
        .insert_header((TUS_VERSION, VERSION))
        .insert_header(("tus-extension", EXTENSIONS))
        .insert_header(("tus-max-size", PHOTO_BYTES_MAX))
        .insert_header(("tus-checksum-algorithm", "sha1,sha256"));
}

/// Says where an upload stands, for `HEAD`, `POST` and `PATCH`.
pub fn tell(answer: &mut HttpResponseBuilder, standing: &Standing) {
    answer
        .insert_header((UPLOAD_OFFSET, standing.received))
        .insert_header(("upload-length", standing.length))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    if let Some(expires_at_ms) = standing.expires_at_ms {
        answer.insert_header(("upload-expires", http_date(expires_at_ms)));
    }
}

/// The `Upload-Metadata` that a creation's hash came in. Of other keys nothing is kept.
#[must_use]
pub fn metadata_of(hash: ContentHash) -> String {
    format!("sha256 {}", BASE64.encode(hash.to_string().as_bytes()))
}

/// The address of a device's upload.
#[must_use]
pub fn location(hash: ContentHash) -> String {
    format!("/api/v1/uploads/{hash}")
}

fn http_date(at_ms: Ms) -> String {
    HttpDate::from(UNIX_EPOCH + Duration::from_millis(at_ms)).to_string()
}

/// What a creation announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// SHA-256 of the whole.
    pub hash: ContentHash,
    /// Bytes of the whole.
    pub length: u64,
}

/// Reads the headers of a creation: `Upload-Length`, and `Upload-Metadata` with the key `sha256`, whose value is the hash
/// as 64 hexadecimal digits, encoded in Base64 as tus demands (bare digits are understood too). Other keys are ignored.
///
/// # Errors
/// `malformed_request` naming the header; `photo_too_large`.
pub fn announced(headers: &HeaderMap) -> Result<Announced, Problem> {
    if headers.contains_key("upload-defer-length") {
        return Err(malformed("Upload-Defer-Length", "The length must be known when an upload is created"));
    }
    let length = number(headers, "Upload-Length")?
        .ok_or_else(|| malformed("Upload-Length", "Send the photo's length in bytes"))?;
    if length == 0 {
        return Err(malformed("Upload-Length", "A photo has at least one byte"));
    }
    if length > PHOTO_BYTES_MAX {
        return Err(Problem::new(Code::PhotoTooLarge, format!("At most {PHOTO_BYTES_MAX} bytes are taken"))
            .with("bytes_max", PHOTO_BYTES_MAX));
    }
    let wanted = "Send the key sha256 with the photo's SHA-256 in 64 lower-case hexadecimal digits, in Base64";
    let hash = metadata(headers, "sha256")?.ok_or_else(|| malformed("Upload-Metadata", wanted))?;
    let decoded = BASE64.decode(hash.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let hash = decoded.and_then(|text| text.parse().ok()).or_else(|| hash.parse().ok());
    Ok(Announced { hash: hash.ok_or_else(|| malformed("Upload-Metadata", wanted))?, length })
}

/// The value of a key in `Upload-Metadata`, still in Base64.
fn metadata<'a>(headers: &'a HeaderMap, key: &str) -> Result<Option<&'a str>, Problem> {
    let Some(value) = headers.get("upload-metadata") else { return Ok(None) };
    let text = value.to_str().map_err(|_| malformed("Upload-Metadata", "The header is not ASCII"))?;
    let mut found = None;
    for pair in text.split(',') {
        let (name, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        if name == key && found.replace(value.trim()).is_some() {
            return Err(malformed("Upload-Metadata", "A key stands there twice"));
        }
    }
    Ok(found)
}

/// The sum of a body, by the algorithm that the client chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// What tus demands of every server.
    Sha1([u8; 20]),
    /// What is asked of our own phones.
    Sha256([u8; 32]),
}

/// The headers of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHead {
    /// Bytes of the body, where they are known before it comes.
    pub announced: Option<u64>,
    /// What the body must come to, where the client said it (checksum extension).
    pub checksum: Option<Checksum>,
}

/// Reads the headers of a body of bytes; `None` where the request has none (a creation without upload).
///
/// # Errors
/// `malformed_request` naming the header.
pub fn chunk_head(headers: &HeaderMap) -> Result<Option<ChunkHead>, Problem> {
    let typed = headers.get(header::CONTENT_TYPE).is_some_and(|value| value == CHUNK_TYPE);
    if !typed {
        return Ok(None);
    }
    Ok(Some(ChunkHead { announced: number(headers, "Content-Length")?, checksum: checksum(headers)? }))
}

/// Reads `Upload-Offset`.
///
/// # Errors
/// `malformed_request` when it is missing or not a number.
pub fn offset(headers: &HeaderMap) -> Result<u64, Problem> {
    number(headers, "Upload-Offset")?.ok_or_else(|| malformed("Upload-Offset", "Send the offset of the first byte"))
}

/// The answer to a chunk of another type.
#[must_use]
pub fn wrong_type() -> Problem {
    Problem::new(Code::UnsupportedMedia, format!("Send the bytes as Content-Type: {CHUNK_TYPE}"))
}

fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
    let Some(value) = headers.get("upload-checksum") else { return Ok(None) };
    let wanted = || malformed("Upload-Checksum", "Send: sha256 (or sha1) <the chunk's sum in Base64>");
    let (algorithm, sum) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(wanted)?;
    let bytes = || BASE64.decode(sum.trim().as_bytes()).map_err(|_| wanted());
    Ok(Some(match algorithm {
        "sha1" => Checksum::Sha1(bytes()?.try_into().map_err(|_| wanted())?),
        "sha256" => Checksum::Sha256(bytes()?.try_into().map_err(|_| wanted())?),
        _ => return Err(malformed("Upload-Checksum", "The algorithms are sha256 and sha1")),
    }))
}

/// A header of nothing but decimal digits.
fn number(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.map(Some).ok_or_else(|| malformed(name, "This must be a whole number of bytes"))
}

fn malformed(header: &'static str, detail: &str) -> Problem {
    Problem::new(Code::MalformedRequest, detail).with("header", header)
}

/// The answer to a problem with an upload: where the problem tells an offset, `Upload-Offset` tells it too.
#[must_use]
pub fn answer_to(problem: Problem) -> HttpResponse {
    let offset = problem.to_json().get("offset").and_then(serde_json::Value::as_u64);
    let mut answer = HttpResponse::from_error(problem);
    if let Some(offset) = offset {
        answer.headers_mut().insert(UPLOAD_OFFSET, HeaderValue::from(offset));
    }
    answer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn the_hash_is_read_from_base64_and_from_bare_digits() {
        let hash = ContentHash::of(b"photo");
        let digits = hash.to_string();
        let encoded = BASE64.encode(digits.as_bytes());
        for value in [
            format!("sha256 {encoded}"),
            format!("filename cGhvdG8=,sha256 {encoded},filetype aW1hZ2UvanBlZw=="),
            format!("is_new, sha256 {encoded}"),
            format!("sha256 {digits}"),
        ] {
            let found = announced(&headers(&[("upload-length", "5"), ("upload-metadata", &value)]));
            assert_eq!(found.unwrap(), Announced { hash, length: 5 }, "{value}");
        }
    }

    #[test]
    fn a_creation_without_a_usable_length_or_hash_names_the_header() {
        let good = format!("sha256 {}", BASE64.encode(ContentHash::of(b"photo").to_string().as_bytes()));
        let twice = format!("{good},{good}");
        let cases: [(&[(&'static str, &str)], &str); 9] = [
            (&[("upload-metadata", &good)], "Upload-Length"),
            (&[("upload-metadata", &good), ("upload-length", "-5")], "Upload-Length"),
            (&[("upload-metadata", &good), ("upload-length", "+5")], "Upload-Length"),
            (&[("upload-metadata", &good), ("upload-length", "0")], "Upload-Length"),
            (&[("upload-metadata", &good), ("upload-length", "99999999999999999999999")], "Upload-Length"),
            (&[("upload-metadata", &good), ("upload-defer-length", "1")], "Upload-Defer-Length"),
            (&[("upload-length", "5")], "Upload-Metadata"),
            (&[("upload-length", "5"), ("upload-metadata", "sha256 bm8=")], "Upload-Metadata"),
            (&[("upload-length", "5"), ("upload-metadata", &twice)], "Upload-Metadata"),
        ];
        for (pairs, header) in cases {
            let problem = announced(&headers(pairs)).unwrap_err();
            assert_eq!(problem.code(), Code::MalformedRequest, "{pairs:?}");
            assert_eq!(problem.to_json()["header"], header, "{pairs:?}");
        }
    }

    #[test]
    fn only_a_whole_sha256_or_sha1_is_a_checksum() {
        let sum = BASE64.encode(&[7; 32]);
        let read = |value: &str| checksum(&headers(&[("upload-checksum", value)]));
        assert_eq!(read(&format!("sha256 {sum}")).unwrap(), Some(Checksum::Sha256([7; 32])));
        let short = BASE64.encode(&[7; 20]);
        assert_eq!(read(&format!("sha1 {short}")).unwrap(), Some(Checksum::Sha1([7; 20])));
        for wrong in [
            "sha256",
            "sha256 ",
            "sha256 bm8=",
            "sha1 bm8=",
            &format!("sha1 {sum}"),
            &format!("md5 {sum}"),
            "sha256 %%%",
        ] {
            assert_eq!(read(wrong).unwrap_err().code(), Code::MalformedRequest, "{wrong}");
        }
    }

    #[test]
    fn an_expiry_is_written_as_an_http_date() {
        assert_eq!(http_date(1_772_409_600_000), "Mon, 02 Mar 2026 00:00:00 GMT");
    }
}
