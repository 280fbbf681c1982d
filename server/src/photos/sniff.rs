//! What bytes are, by their first bytes. What a client says that they are is never believed: a browser would run it.

use image::ImageFormat;

/// Brands of the ISO base media file format that phones write photos with (ISO/IEC 23008-12).
const HEIF_BRANDS: [&[u8]; 6] = [b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"];

/// The media type of a photo or scan; `application/octet-stream` for everything that is not known to be harmless.
#[must_use]
pub fn content_type(bytes: &[u8]) -> &'static str {
    if bytes.get(4..8) == Some(b"ftyp") && bytes.get(8..12).is_some_and(|brand| HEIF_BRANDS.contains(&brand)) {
        return "image/heic";
    }
    if bytes.starts_with(b"%PDF-") {
        return "application/pdf";
    }
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => "image/jpeg",
        Ok(ImageFormat::Png) => "image/png",
        Ok(ImageFormat::WebP) => "image/webp",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_photos_and_scans_have_a_type_that_a_browser_shows() {
        let cases: [(&[u8], &str); 7] = [
            (b"\xff\xd8\xff\xe0....", "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n", "image/png"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
            (b"%PDF-1.7", "application/pdf"),
            (b"<html><script>", "application/octet-stream"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'>", "application/octet-stream"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(content_type(bytes), expected);
        }
    }
}
