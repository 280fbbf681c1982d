//! Reading a request's body into memory: within its limit, in bounded time, and inflated in bounded memory. What its bytes
//! mean, and photos, which are never held whole, are not here.

use std::future::Future;
use std::io::Read;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use flate2::bufread::{GzDecoder, ZlibDecoder};
use futures_util::StreamExt;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::error::{Code, Problem};
use crate::limits::{BODY_BYTES_PER_S_MIN, BODY_STALL, INLINE_BODY_BYTES_MAX};

/// How a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

impl Encoding {
    fn of(request: &HttpRequest) -> Option<Self> {
        let Some(value) = request.headers().get(header::CONTENT_ENCODING) else { return Some(Self::Identity) };
        let known = [("identity", Self::Identity), ("gzip", Self::Gzip), ("deflate", Self::Deflate)];
        let named = value.to_str().ok()?;
        known.into_iter().find(|(name, _)| named.eq_ignore_ascii_case(name)).map(|(_, encoding)| encoding)
    }
}

/// Reads a whole body, decompressed (gzip, deflate), of at most `bytes_max` bytes, as it is sent and after decompression.
///
/// # Errors
/// `body_too_large`, `body_stalled`, `unsupported_media` for another encoding, `malformed_body` for a damaged or cut one.
pub fn read_body(
    request: &HttpRequest,
    payload: &mut Payload,
    bytes_max: usize,
) -> impl Future<Output = Result<Bytes, Problem>> + use<> {
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let encoding = Encoding::of(request);
    let stall = request.app_data::<web::Data<App>>().map_or(BODY_STALL, |app| app.settings.body_stall);
    let payload = payload.take();
    async move {
        let encoding = encoding
            .ok_or_else(|| Problem::new(Code::UnsupportedMedia, "Send the body as it is, or as gzip or deflate"))?;
        if announced.is_some_and(|bytes| usize::try_from(bytes).map_or(true, |bytes| bytes > bytes_max)) {
            return Err(too_large(bytes_max));
        }
        let sent = gather(payload, bytes_max, stall).await?;
        match encoding {
            Encoding::Identity => Ok(sent),
            _ if sent.len() <= INLINE_BODY_BYTES_MAX && bytes_max <= INLINE_BODY_BYTES_MAX => {
                inflate(encoding, &sent, bytes_max)
            }
            _ => spawn_blocking(move || inflate(encoding, &sent, bytes_max))
                .await
                .map_err(|error| Problem::internal(error.to_string()))?,
        }
    }
}

/// Gathers a body as it is sent.
async fn gather(mut payload: Payload, bytes_max: usize, stall: Duration) -> Result<Bytes, Problem> {
    let began = Instant::now();
    let mut sent = BytesMut::new();
    loop {
        let given_up_at = (Instant::now() + stall).min(began + time_for(sent.len(), stall));
        let next = timeout_at(given_up_at, payload.next()).await;
        let next =
            next.map_err(|_| Problem::new(Code::BodyStalled, "Send the request again; nothing of it was kept"))?;
        let Some(chunk) = next else { return Ok(sent.freeze()) };
        let chunk = chunk.map_err(|_| damaged())?;
        if sent.len().saturating_add(chunk.len()) > bytes_max {
            return Err(too_large(bytes_max));
        }
        sent.extend_from_slice(&chunk);
    }
}

/// How long a body may have taken of which so many bytes have come: who sends a byte now and then holds no place for long.
fn time_for(sent_bytes: usize, stall: Duration) -> Duration {
    let at_least_s = u64::try_from(sent_bytes).unwrap_or(u64::MAX) / BODY_BYTES_PER_S_MIN;
    stall.saturating_add(Duration::from_secs(at_least_s))
}

/// Inflates a body, of which no more than one byte over the limit is ever made.
fn inflate(encoding: Encoding, sent: &[u8], bytes_max: usize) -> Result<Bytes, Problem> {
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut body = Vec::new();
    let read = match encoding {
        Encoding::Identity => sent.take(most).read_to_end(&mut body),
        Encoding::Gzip => GzDecoder::new(sent).take(most).read_to_end(&mut body),
        Encoding::Deflate => ZlibDecoder::new(sent).take(most).read_to_end(&mut body),
    };
    let bytes = read.map_err(|_| damaged())?;
    if bytes > bytes_max { Err(too_large(bytes_max)) } else { Ok(body.into()) }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("At most {bytes_max} bytes are read here")).with("bytes_max", bytes_max)
}

fn damaged() -> Problem {
    Problem::new(Code::MalformedBody, "The body was cut off, or its compression is damaged")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn packed(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
        let (mut gzip, mut zlib) =
            (GzEncoder::new(Vec::new(), Compression::best()), ZlibEncoder::new(Vec::new(), Compression::best()));
        if encoding == Encoding::Gzip {
            gzip.write_all(bytes).unwrap();
            return gzip.finish().unwrap();
        }
        zlib.write_all(bytes).unwrap();
        zlib.finish().unwrap()
    }

    #[test]
    fn a_body_of_just_the_limit_is_inflated_and_one_byte_more_is_too_large() {
        for encoding in [Encoding::Gzip, Encoding::Deflate] {
            let sent = packed(encoding, &[7; 1001]);
            assert_eq!(inflate(encoding, &sent, 1001).unwrap(), vec![7; 1001]);
            assert_eq!(inflate(encoding, &sent, 1000).unwrap_err().code(), Code::BodyTooLarge);
        }
    }

    #[test]
    fn a_bomb_is_not_inflated_beyond_its_limit() {
        // Its second half is damaged: who inflates all of it first finds that, and not that it is too large.
        for encoding in [Encoding::Gzip, Encoding::Deflate] {
            let mut sent = packed(encoding, &vec![0; 64 << 20]);
            let half = sent.len() / 2;
            sent[half..].fill(0xff);
            assert_eq!(inflate(encoding, &sent, 32 * 1024).unwrap_err().code(), Code::BodyTooLarge);
            assert_eq!(inflate(encoding, &sent, 128 << 20).unwrap_err().code(), Code::MalformedBody);
        }
    }

    #[test]
    fn a_cut_or_damaged_body_is_malformed() {
        let sent = packed(Encoding::Gzip, b"{\"sent_at_ms\":0}");
        for odd in [&sent[..sent.len() - 4], &sent[..5], b"", b"{}"] {
            assert_eq!(inflate(Encoding::Gzip, odd, 1000).unwrap_err().code(), Code::MalformedBody, "{odd:?}");
        }
    }

    #[test]
    fn a_trickle_has_no_more_than_its_stall_and_a_slow_link_all_its_time() {
        let stall = Duration::from_secs(60);
        assert_eq!(time_for(59, stall), stall);
        assert_eq!(time_for(512 * 1024, stall), stall + Duration::from_secs(2048));
    }
}
