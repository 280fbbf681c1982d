//! Reduced pictures: one decode, the EXIF orientation applied, every metadata left behind. Pure computation on bytes in
//! memory; how they are decoded is in `decode`, who may run how many at a time, and where the results are kept, is decided in `workshop`.

use std::time::Instant;

use fast_image_resize::Resizer;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use moxcms::{ColorProfile, Layout, TransformOptions};
use serde::{Deserialize, Serialize};

use super::decode::{Decoded, damaged, decode};
use super::{exif, sniff};

/// JPEG quality of variants, of 100: the usual point where artefacts are not yet seen on a phone.
const JPEG_QUALITY: u8 = 80;

/// The sizes in which photos are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VariantSize {
    /// 256 px: lists and maps.
    Small,
    /// 1280 px: a phone's screen, a page in a document.
    Large,
}

impl VariantSize {
    /// Every size, the smaller first.
    pub const ALL: [Self; 2] = [Self::Small, Self::Large];

    /// The longer side in pixels, never exceeded and never reached by enlarging.
    #[must_use]
    pub fn long_edge_px(self) -> u16 {
        match self {
            Self::Small => 256,
            Self::Large => 1280,
        }
    }
}

/// Why a stored photo has no variants: its bytes are kept and can be fetched as they came. Or why a preview is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Refusal {
    /// Neither JPEG, PNG nor WebP; HEIC, for example.
    #[error("only JPEG, PNG and WebP are reduced on the server, and this is {content_type}")]
    FormatNotDecoded {
        /// What the first bytes say that it is.
        content_type: String,
    },
    /// The header announces more pixels, or more memory, than are decoded.
    #[error("the image announces {width} by {height} pixels, more than are decoded")]
    TooManyPixels {
        /// Announced width in pixels; 0 where the header cannot be read.
        width: u32,
        /// Announced height in pixels.
        height: u32,
    },
    /// Decoding takes longer than it may: a file made to do so, and no camera's.
    #[error("the image takes too long to be decoded")]
    TooSlow,
    /// The bytes cannot be decoded.
    #[error("the image is damaged: {detail}")]
    Damaged {
        /// The decoder's words.
        detail: String,
    },
}

impl Refusal {
    /// The word that programs are told.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::FormatNotDecoded { .. } => "format_not_decoded",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooSlow => "too_slow",
            Self::Damaged { .. } => "damaged",
        }
    }
}

/// Both variants as JPEG files.
#[derive(Debug)]
pub struct Rendered {
    /// 256 px.
    pub small: Vec<u8>,
    /// 1280 px.
    pub large: Vec<u8>,
}

/// Decodes `bytes` once and makes both variants, turned upright by the EXIF `orientation` (1–8). Gives up at `deadline`.
///
/// # Errors
/// A [`Refusal`]; images that are too large are refused by their header, before memory is taken for their pixels.
pub fn render(bytes: &[u8], orientation: u8, deadline: Instant) -> Result<Rendered, Refusal> {
    let Decoded { image, profile } = decode(bytes, VariantSize::Large.long_edge_px(), deadline)?;
    let orientation = Orientation::from_exif(orientation).unwrap_or(Orientation::NoTransforms);
    let mut large = shrink(image, VariantSize::Large.long_edge_px())?;
    large.apply_orientation(orientation);
    let mut large = over_white(large);
    if let Some(profile) = profile {
        to_srgb(&mut large, &profile);
    }
    let encoded = encode(&large)?;
    let small = shrink(DynamicImage::ImageRgb8(large), VariantSize::Small.long_edge_px())?;
    Ok(Rendered { small: encode(&small.into_rgb8())?, large: encoded })
}

/// A preview that a phone has sent, written anew: upright, in sRGB, and nothing of it but its pixels. Gives up at `deadline`.
///
/// # Errors
/// A [`Refusal`]: it is no JPEG, its longer side is more than 256 px, or it cannot be decoded.
pub fn redraw(bytes: &[u8], deadline: Instant) -> Result<Vec<u8>, Refusal> {
    let content_type = sniff::content_type(bytes);
    if content_type != "image/jpeg" {
        return Err(Refusal::FormatNotDecoded { content_type: content_type.to_owned() });
    }
    let (width, height) = exif::stored_size(bytes).unwrap_or((0, 0));
    if width.max(height) > u32::from(VariantSize::Small.long_edge_px()) {
        return Err(Refusal::TooManyPixels { width, height });
    }
    Ok(render(bytes, exif::read_facts(bytes).orientation, deadline)?.small)
}

/// Brings colours into sRGB, which is what a picture without a profile is taken for. An unreadable profile, or one that
/// is not of RGB, leaves them as they are.
fn to_srgb(image: &mut RgbImage, profile: &[u8]) {
    let Ok(source) = ColorProfile::new_from_slice(profile) else { return };
    let target = ColorProfile::new_srgb();
    let Ok(transform) = source.create_transform_8bit(Layout::Rgb, &target, Layout::Rgb, TransformOptions::default())
    else {
        return;
    };
    let mut converted = vec![0; image.as_raw().len()];
    if transform.transform(image.as_raw(), &mut converted).is_ok() {
        image.copy_from_slice(&converted);
    }
}

/// The image with its longer side at most `long_edge_px`, in eight bits a channel, with transparency where it had any.
fn shrink(image: DynamicImage, long_edge_px: u16) -> Result<DynamicImage, Refusal> {
    let image = if image.color().has_alpha() {
        DynamicImage::ImageRgba8(image.into_rgba8())
    } else {
        DynamicImage::ImageRgb8(image.into_rgb8())
    };
    let long_edge_px = u32::from(long_edge_px);
    let (width, height) = image.dimensions();
    let long_edge = width.max(height);
    if long_edge <= long_edge_px {
        return Ok(image);
    }
    let scaled = |side: u32| {
        let rounded = (u64::from(side) * u64::from(long_edge_px) + u64::from(long_edge) / 2) / u64::from(long_edge);
        u32::try_from(rounded).unwrap_or(long_edge_px).max(1)
    };
    let mut smaller = DynamicImage::new(scaled(width), scaled(height), image.color());
    Resizer::new().resize(&image, &mut smaller, None).map_err(damaged)?;
    Ok(smaller)
}

/// The image on white paper: signatures are strokes on a transparent ground, and JPEG knows no transparency.
fn over_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    let mut paper = RgbImage::new(width, height);
    for (sheet, ink) in paper.pixels_mut().zip(image.pixels()) {
        let [red, green, blue, alpha] = ink.0;
        sheet.0 = [red, green, blue].map(|channel| {
            let mixed = u16::from(channel) * u16::from(alpha) + 255 * (255 - u16::from(alpha));
            u8::try_from(mixed / 255).unwrap_or(u8::MAX)
        });
    }
    paper
}

/// A JPEG with half the colours each way, as cameras write it: a third fewer bytes, and nobody sees it at this size.
fn encode(image: &RgbImage) -> Result<Vec<u8>, Refusal> {
    let (Ok(width), Ok(height)) = (u16::try_from(image.width()), u16::try_from(image.height())) else {
        return Err(damaged("no JPEG is that large"));
    };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, JPEG_QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(image.as_raw(), width, height, ColorType::Rgb).map_err(damaged)?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "variants_tests.rs"]
mod tests;
