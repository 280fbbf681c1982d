//! Variants of real, turned, transparent, damaged and hostile images.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use super::*;
use crate::photos::exif;
use crate::photos::samples;
use image::{GrayImage, ImageFormat, Rgba, RgbaImage};
use std::io::Cursor;
use std::time::Duration;

fn render(bytes: &[u8], orientation: u8) -> Result<Rendered, Refusal> {
    super::render(bytes, orientation, Instant::now() + Duration::from_secs(60))
}

fn rendered(name: &str) -> Rendered {
    let bytes = samples::read(name);
    render(&bytes, exif::read_facts(&bytes).orientation).unwrap_or_else(|refused| panic!("{name}: {refused}"))
}

fn opened(jpeg: &[u8]) -> DynamicImage {
    image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap()
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A PNG of a few dozen bytes whose header announces `width` × `height` pixels of RGB.
fn bomb_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(&DynamicImage::new_rgb8(1, 1));
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// CRC-32 as PNG chunks carry it (ISO 3309), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

fn mean_difference(one: &GrayImage, other: &GrayImage) -> f64 {
    let sum: u64 = one.pixels().zip(other.pixels()).map(|(a, b)| u64::from(a.0[0].abs_diff(b.0[0]))).sum();
    f64::from(u32::try_from(sum).unwrap()) / f64::from(one.width() * one.height())
}

#[test]
fn a_preview_is_written_anew_and_only_a_small_jpeg_is_one() {
    let soon = || Instant::now() + Duration::from_secs(60);
    let small = rendered("gps/DSCN0010.jpg").small;
    let mut sent = small[..2].to_vec();
    sent.extend(b"\xff\xfe\x00\x08secret");
    sent.extend(&small[2..]);
    let drawn = redraw(&sent, soon()).unwrap();
    assert_eq!(opened(&drawn).dimensions(), opened(&small).dimensions());
    assert!(!drawn.windows(6).any(|word| word == b"secret"));
    let large = samples::read("gps/DSCN0010.jpg");
    assert_eq!(redraw(&large, soon()).unwrap_err(), Refusal::TooManyPixels { width: 640, height: 480 });
    assert_eq!(redraw(&bomb_png(9, 9), soon()).unwrap_err().reason(), "format_not_decoded");
    assert_eq!(redraw(&small[..40], soon()).unwrap_err().reason(), "damaged");
    assert_eq!(redraw(&small, Instant::now()).unwrap_err(), Refusal::TooSlow);
}

#[test]
fn the_eight_orientations_of_a_scene_look_alike() {
    for scene in ["landscape", "portrait"] {
        let looks: Vec<GrayImage> = (1..=8)
            .map(|code| {
                let variant = opened(&rendered(&format!("orientation/{scene}_{code}.jpg")).large);
                variant.resize_exact(60, 60, image::imageops::FilterType::Triangle).into_luma8()
            })
            .collect();
        let turned = mean_difference(&looks[0], &image::imageops::rotate180(&looks[0]));
        assert!(turned > 20.0, "the measure must see a wrong turn: {turned}");
        for (code, look) in (1..=8).zip(&looks) {
            let difference = mean_difference(&looks[0], look);
            assert!(difference < 6.0, "{scene}_{code} differs from {scene}_1 by {difference} of 255");
        }
    }
}

#[test]
fn variants_keep_the_proportions_and_their_longest_side() {
    for name in samples::list("phones") {
        let facts = exif::read_facts(&samples::read(&name));
        let (width, height) = facts.shown_size().unwrap();
        let variants = rendered(&name);
        for (jpeg, edge) in [(&variants.small, 256), (&variants.large, 1280)] {
            let (w, h) = opened(jpeg).dimensions();
            assert_eq!(w.max(h), edge, "{name}");
            let error = f64::from(w) / f64::from(h) - f64::from(width) / f64::from(height);
            assert!(error.abs() < 0.02, "{name}: {width}×{height} became {w}×{h}");
        }
    }
}

#[test]
fn a_small_photo_is_never_enlarged() {
    let variants = render(&png(&DynamicImage::new_rgb8(100, 40)), 1).unwrap();
    assert_eq!(opened(&variants.small).dimensions(), (100, 40));
    assert_eq!(opened(&variants.large).dimensions(), (100, 40));
}

#[test]
fn a_strip_of_one_pixel_keeps_that_pixel() {
    let variants = render(&png(&DynamicImage::new_rgb8(6000, 1)), 1).unwrap();
    assert_eq!(opened(&variants.small).dimensions(), (256, 1));
}

#[test]
fn variants_carry_no_metadata() {
    let variants = rendered("gps/DSCN0010.jpg");
    for jpeg in [&variants.small, &variants.large] {
        let facts = exif::read_facts(jpeg);
        assert_eq!((facts.orientation, facts.taken_at, facts.location), (1, None, None));
        assert!(!jpeg.windows(4).any(|four| four == b"Exif"));
    }
}

#[test]
fn a_transparent_signature_stays_black_on_white() {
    let mut signature = RgbaImage::from_pixel(300, 100, Rgba([0, 0, 0, 0]));
    for x in 20..280 {
        for y in 45..55 {
            signature.put_pixel(x, y, Rgba([0, 0, 0, 255]));
        }
    }
    let variant = opened(&render(&png(&signature.into()), 1).unwrap().large).into_luma8();
    assert!(variant.get_pixel(5, 5).0[0] > 245, "paper: {:?}", variant.get_pixel(5, 5));
    assert!(variant.get_pixel(150, 50).0[0] < 10, "ink: {:?}", variant.get_pixel(150, 50));
}

#[test]
fn png_webp_and_sixteen_bit_images_are_decoded() {
    let scene = image::load_from_memory(&samples::read("gps/DSCN0010.jpg")).unwrap();
    let mut webp = Cursor::new(Vec::new());
    scene.write_to(&mut webp, ImageFormat::WebP).unwrap();
    for bytes in [png(&scene), webp.into_inner(), png(&DynamicImage::ImageRgb16(scene.to_rgb16()))] {
        let small = opened(&render(&bytes, 1).unwrap().small);
        assert_eq!(small.dimensions(), (256, 192));
    }
}

#[test]
fn an_image_bomb_is_refused_by_its_header() {
    for (width, height) in [(60_000, 60_000), (2_000_000_000, 1), (u32::MAX >> 1, u32::MAX >> 1), (19_000, 19_000)] {
        let bytes = bomb_png(width, height);
        assert!(bytes.len() < 100);
        let refused = render(&bytes, 1).unwrap_err();
        assert!(matches!(refused, Refusal::TooManyPixels { .. }), "{width}×{height}: {refused:?}");
    }
}

#[test]
fn a_jpeg_that_announces_too_much_is_refused_by_its_header() {
    let mut bytes = samples::read("gps/DSCN0010.jpg");
    let frame = bytes.windows(2).rposition(|two| two == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(render(&bytes, 1), Err(Refusal::TooManyPixels { width: 65535, height: 65535 })));
}

#[test]
fn formats_that_are_not_decoded_are_named_as_such() {
    let cases: [(&[u8], &str); 4] = [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic"),
        (b"%PDF-1.7", "application/pdf"),
        (b"", "application/octet-stream"),
        (b"GIF89a\x01\0\x01\0", "application/octet-stream"),
    ];
    for (bytes, content_type) in cases {
        let content_type = content_type.to_owned();
        assert_eq!(render(bytes, 1).unwrap_err(), Refusal::FormatNotDecoded { content_type });
    }
}

#[test]
fn damaged_photos_are_shown_or_refused_but_never_crash() {
    for name in samples::list("invalid") {
        let bytes = samples::read(&name);
        match render(&bytes, exif::read_facts(&bytes).orientation) {
            Ok(variants) => assert!(opened(&variants.small).width() <= 256, "{name}"),
            Err(refused) => assert!(matches!(refused, Refusal::Damaged { .. }), "{name}: {refused:?}"),
        }
    }
}

#[test]
fn a_photo_cut_anywhere_is_shown_in_part_or_refused() {
    let whole = samples::read("gps/DSCN0010.jpg");
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        if let Ok(variants) = render(&whole[..at], 1) {
            assert_eq!(opened(&variants.small).dimensions(), (256, 192), "cut at {at}");
        }
    }
}
