//! Stored bytes as an answer's body: the whole or one range, streamed in bounded memory. Who may have them is decided in
//! `sight`.

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header::{self, ByteRangeSpec, Header, HeaderMap, IfNoneMatch, Range};
use actix_web::{HttpMessage, HttpRequest};

use super::store::Blob;
use crate::error::{Code, Problem, Success};

/// What is sent beside the bytes.
#[derive(Clone, Debug)]
pub struct Sent<'a> {
    /// The media type.
    pub content_type: &'a str,
    /// A name that changes when the bytes do; with quotes, as in the header.
    pub etag: String,
    /// Whether parts may be asked for.
    pub ranges: bool,
    /// Whether they only stand for a photo that is on its way: said, and to be kept by nobody.
    pub is_preview: bool,
}

/// Says that a picture is a preview.
const PREVIEW: (&str, &str) = ("photo-state", "preview");

/// Whether the client's copy, named by `If-None-Match`, is the one that it would get.
#[must_use]
pub fn is_unchanged(request: &HttpRequest, etag: &str) -> bool {
    let own = etag.trim_matches('"');
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.tag() == own),
        Err(_) => false,
    }
}

/// The answer with no body for a client that has the bytes already.
#[must_use]
pub fn unchanged(etag: &str) -> HttpResponse {
    Success::Unchanged.answer().insert_header((header::ETAG, etag)).insert_header(CACHE).finish()
}

/// Photos never change under their hash; they are private to whoever may see them.
pub const CACHE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "private, max-age=31536000, immutable");

/// A preview gives way to the photo's own variant at the same address.
const NO_CACHE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "private, no-store");

/// The answer with `blob`, or with the one range of it that `request` asks for.
#[must_use]
pub fn send(request: &HttpRequest, blob: Blob, sent: &Sent<'_>) -> HttpResponse {
    let range = if sent.ranges { asked_range(request.headers(), request, &sent.etag) } else { None };
    let whole = blob.bytes;
    let (mut answer, from, count) = match range.map(|range| range.to_satisfiable_range(whole)) {
        None => (Success::Whole.answer(), 0, whole),
        Some(Some((first, last))) => {
            let mut answer = Success::Part.answer();
            answer.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{whole}")));
            (answer, first, last.saturating_sub(first).saturating_add(1))
        }
        Some(None) => return unsatisfiable(whole),
    };
    if sent.ranges {
        answer.insert_header((header::ACCEPT_RANGES, "bytes"));
    }
    let shown = sent.content_type.starts_with("image/") || sent.content_type == "application/pdf";
    if sent.is_preview {
        answer.insert_header(PREVIEW);
    }
    answer
        .insert_header((header::CONTENT_TYPE, sent.content_type))
        .insert_header((header::CONTENT_DISPOSITION, if shown { "inline" } else { "attachment" }))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((header::ETAG, sent.etag.as_str()))
        .insert_header(if sent.is_preview { NO_CACHE } else { CACHE })
        .body(SizedStream::new(count, blob.stream(from, count)))
}

/// The single range that is asked for. Several at once, other units, and a range of an older copy (`If-Range`) are
/// answered with the whole, as RFC 9110 allows.
fn asked_range(headers: &HeaderMap, request: &impl HttpMessage, etag: &str) -> Option<ByteRangeSpec> {
    if headers.get(header::IF_RANGE).is_some_and(|known| known != etag) {
        return None;
    }
    match Range::parse(request).ok()? {
        Range::Bytes(ranges) => match ranges.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        },
        Range::Unregistered(..) => None,
    }
}

fn unsatisfiable(whole: u64) -> HttpResponse {
    let problem = Problem::new(Code::RangeUnsatisfiable, format!("The photo has {whole} bytes"));
    let mut answer = HttpResponse::from_error(problem);
    if let Ok(value) = header::HeaderValue::from_str(&format!("bytes */{whole}")) {
        answer.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    answer
}
