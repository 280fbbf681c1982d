//! From a photo's bytes to pixels, inside limits of pixels, memory and time: a JPEG that is shown much smaller is decoded
//! at a half, a quarter or an eighth of its size, everything else whole. What is made of the pixels is in `variants`.

use std::io::{self, Cursor, Read};
use std::time::Instant;

use image::error::ImageError;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use jpeg_decoder::{CodingProcess, Error as JpegError, PixelFormat};

use super::variants::Refusal;
use super::{exif, sniff};
use crate::limits::{DECODE_BYTES_MAX, PIXELS_MAX, SIDE_PX_MAX};

/// Bytes of a JPEG between two looks at the clock.
const BYTES_PER_LOOK: usize = 4096;

/// Pixels, and the colour profile that they are meant in.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) image: DynamicImage,
    pub(super) profile: Option<Vec<u8>>,
}

/// Decodes `bytes` so that the longer side is at least `edge_px`, or whole where the photo is smaller. Gives up at
/// `deadline`.
///
/// # Errors
/// A [`Refusal`]; images that are too large are refused by their header, before memory is taken for their pixels.
pub(super) fn decode(bytes: &[u8], edge_px: u16, deadline: Instant) -> Result<Decoded, Refusal> {
    let format = image::guess_format(bytes).ok();
    if !matches!(format, Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
        return Err(Refusal::FormatNotDecoded { content_type: sniff::content_type(bytes).to_owned() });
    }
    let (width, height) = exif::stored_size(bytes).unwrap_or((0, 0));
    check_size(width, height)?;
    if format == Some(ImageFormat::Jpeg)
        && let Some(decoded) = reduced(bytes, (width, height), edge_px, deadline)?
    {
        return Ok(decoded);
    }
    whole(bytes, (width, height), deadline)
}

fn check_size(width: u32, height: u32) -> Result<(), Refusal> {
    if width.max(height) > SIDE_PX_MAX || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(Refusal::TooManyPixels { width, height });
    }
    Ok(())
}

/// A JPEG at the smallest scale that suffices. `None` where that is the whole, and where this decoder cannot read what the
/// other perhaps can: rarer colours, and files that end early, of which the other shows what came.
fn reduced(bytes: &[u8], stored: (u32, u32), edge_px: u16, deadline: Instant) -> Result<Option<Decoded>, Refusal> {
    let mut decoder = jpeg_decoder::Decoder::new(Timed { bytes, until_look: 0, deadline });
    let given_up = |error: JpegError| match error {
        JpegError::Io(error) if error.kind() == io::ErrorKind::TimedOut => Err(Refusal::TooSlow),
        _ => Ok(None),
    };
    if let Err(error) = decoder.read_info() {
        return given_up(error);
    }
    // What this decoder reads from the header, it takes memory for: another reader's size, or none, is no leave to go on.
    let Some(announced) = decoder.info() else { return Ok(None) };
    check_size(announced.width.into(), announced.height.into())?;
    if announced.coding_process == CodingProcess::Lossless {
        return Err(Refusal::FormatNotDecoded { content_type: sniff::content_type(bytes).to_owned() });
    }
    let (width, height) = match decoder.scale(edge_px, edge_px) {
        Ok(size) => size,
        Err(error) => return given_up(error),
    };
    let (width, height) = (u32::from(width), u32::from(height));
    let Some(info) = decoder.info().filter(|_| (width, height) != stored) else { return Ok(None) };
    let pixels = match decoder.decode() {
        Ok(pixels) => pixels,
        Err(error) => return given_up(error),
    };
    let image = match info.pixel_format {
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        PixelFormat::L8 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        PixelFormat::L16 | PixelFormat::CMYK32 => None,
    };
    Ok(image.map(|image| Decoded { image, profile: decoder.icc_profile() }))
}

/// All pixels of a JPEG, PNG or WebP. A JPEG of very many scans is given up by the decoder itself.
fn whole(bytes: &[u8], (width, height): (u32, u32), deadline: Instant) -> Result<Decoded, Refusal> {
    if Instant::now() >= deadline {
        return Err(Refusal::TooSlow);
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(damaged)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_PX_MAX);
    limits.max_image_height = Some(SIDE_PX_MAX);
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    reader.limits(limits.clone());
    let too_many = || Refusal::TooManyPixels { width, height };
    let refusal = |error| match error {
        ImageError::Limits(_) => too_many(),
        ImageError::Unsupported(_) => Refusal::FormatNotDecoded { content_type: sniff::content_type(bytes).to_owned() },
        other => damaged(other),
    };
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    if decoder.total_bytes() > DECODE_BYTES_MAX {
        return Err(too_many());
    }
    decoder.set_limits(limits).map_err(refusal)?;
    let profile = decoder.icc_profile().ok().flatten();
    Ok(Decoded { image: DynamicImage::from_decoder(decoder).map_err(refusal)?, profile })
}

/// The words of a decoder about bytes that it cannot read.
pub(super) fn damaged(error: impl std::fmt::Display) -> Refusal {
    Refusal::Damaged { detail: error.to_string() }
}

/// Bytes that can be read until a moment. A few kilobytes of a progressive JPEG can ask for thousands of passes over all
/// its pixels; each pass must be read, so that this ends them.
struct Timed<'a> {
    bytes: &'a [u8],
    until_look: usize,
    deadline: Instant,
}

impl Read for Timed<'_> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.until_look.checked_sub(buffer.len().max(1)) {
            Some(left) => self.until_look = left,
            None if Instant::now() >= self.deadline => return Err(io::ErrorKind::TimedOut.into()),
            None => self.until_look = BYTES_PER_LOOK,
        }
        self.bytes.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::photos::samples;
    use image::GenericImageView;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn a_large_jpeg_is_decoded_at_the_smallest_scale_that_suffices() {
        let bytes = samples::read("phones/iphone_hdr_NO.jpg");
        for (edge_px, long) in
            [(3265, 3264), (1633, 3264), (1632, 1632), (1280, 1632), (816, 816), (256, 408), (1, 408)]
        {
            let (width, height) = decode(&bytes, edge_px, soon()).unwrap().image.dimensions();
            assert_eq!(width.max(height), long, "{edge_px}");
        }
    }

    #[test]
    fn a_jpeg_at_reduced_scale_shows_what_the_whole_shows() {
        for name in samples::list("phones") {
            let bytes = samples::read(&name);
            let small =
                |image: DynamicImage| image.resize_exact(64, 64, image::imageops::FilterType::Triangle).into_luma8();
            let one = small(decode(&bytes, 400, soon()).unwrap().image);
            let other = small(decode(&bytes, u16::MAX, soon()).unwrap().image);
            let apart: u32 = one.pixels().zip(other.pixels()).map(|(a, b)| u32::from(a.0[0].abs_diff(b.0[0]))).sum();
            assert!(apart < 2 * 64 * 64, "{name}: {apart}");
        }
    }

    /// The headers of a JPEG of one grey component, whose frame is of the kind that its marker says, and a few bytes of a scan.
    fn announced(marker: u8, width: u16, height: u16) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, marker, 0, 11, 8];
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.extend([1, 1, 0x11, 0]);
        // A table of one code of one bit.
        bytes.extend([0xff, 0xc4, 0, 20, 0, 1]);
        bytes.extend([0; 15]);
        bytes.push(0);
        bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0]);
        bytes.extend([0; 64]);
        bytes.extend([0xff, 0xd9]);
        bytes
    }

    #[test]
    fn a_lossless_jpeg_is_not_decoded_whatever_size_it_announces() {
        let refused = |side| decode(&announced(0xc3, side, side), 256, soon()).unwrap_err();
        assert_eq!(refused(65_535), Refusal::TooManyPixels { width: 65_535, height: 65_535 });
        assert_eq!(refused(64), Refusal::FormatNotDecoded { content_type: "image/jpeg".to_owned() });
    }

    #[test]
    fn a_jpeg_is_refused_by_the_size_that_its_decoder_reads() {
        for (width, height) in [(65_535, 65_535), (20_001, 1), (10_000, 5_001)] {
            let refused = reduced(&announced(0xc0, width, height), (0, 0), 256, soon()).unwrap_err();
            assert_eq!(refused, Refusal::TooManyPixels { width: width.into(), height: height.into() });
        }
    }

    #[test]
    fn decoding_ends_at_its_deadline() {
        let bytes = samples::read("phones/iphone_hdr_NO.jpg");
        assert_eq!(decode(&bytes, 256, Instant::now()).unwrap_err(), Refusal::TooSlow);
        assert_eq!(decode(&bytes, u16::MAX, Instant::now()).unwrap_err(), Refusal::TooSlow);
        let mut timed = Timed { bytes: &bytes, until_look: 0, deadline: soon() };
        let mut half = vec![0; bytes.len() / 2];
        timed.read_exact(&mut half).unwrap();
        timed.deadline = Instant::now();
        assert_eq!(timed.read_to_end(&mut half).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
