//! The target `headers`: what the server reads of a photo's bytes and of an upload's headers before it knows whether
//! either is honest. The first byte chooses which.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use server::photos::exif::{PhotoFacts, read_facts};
use server::photos::hash::ContentHash;
use server::photos::sniff::content_type;
use server::photos::tus::announced;
use sync_core::limits::PHOTO_BYTES_MAX;

/// Reads `data` as a photo, or as the two headers of an upload with a line break between them.
pub fn headers(data: &[u8]) {
    match data.split_first() {
        Some((0, photo)) => self::photo(photo),
        Some((_, lines)) => upload(lines),
        None => {}
    }
}

fn photo(bytes: &[u8]) {
    let kind = content_type(bytes);
    assert!(
        ["image/jpeg", "image/png", "image/webp", "image/heic", "application/pdf", "application/octet-stream"]
            .contains(&kind)
    );
    let facts = read_facts(bytes);
    assert!((1..=8).contains(&facts.orientation));
    assert!(facts.shown_size().is_none_or(|(width, height)| width > 0 && height > 0));
    if let Some(place) = &facts.location {
        assert!((-90.0..=90.0).contains(&place.lat) && (-180.0..=180.0).contains(&place.lon));
    }
    // Kept beside the photo as JSON, and read again when somebody asks.
    let text = serde_json::to_string(&facts).expect("facts can be written");
    assert_eq!(serde_json::from_str::<PhotoFacts>(&text).expect("and read again"), facts);
}

fn upload(lines: &[u8]) {
    let (length, metadata) = lines.split_at(lines.iter().position(|byte| *byte == b'\n').unwrap_or(lines.len()));
    let metadata = metadata.strip_prefix(b"\n").unwrap_or(metadata);
    let mut headers = HeaderMap::new();
    for (name, value) in [("upload-length", length), ("upload-metadata", metadata)] {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        headers.insert(HeaderName::from_static(name), value);
    }
    if let Ok(upload) = announced(&headers) {
        assert!((1..=PHOTO_BYTES_MAX).contains(&upload.length));
        assert_eq!(upload.hash.to_string().parse::<ContentHash>().ok(), Some(upload.hash));
    }
}
