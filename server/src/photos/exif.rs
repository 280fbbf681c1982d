//! What a photo says about itself: format, size, orientation, time and place. Only headers are read here; pixels are
//! decoded in `variants`. Whatever is damaged, missing or impossible is left out: reading never fails.

use std::io::{BufRead, Cursor, Seek, SeekFrom};

use ::exif::{DateTime, Exif, In, Rational, Reader, Tag, Value};
use image::ImageReader;
use jiff::civil::{self, Date};
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

/// What was read from a photo's headers. Kept with the blob as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotoFacts {
    /// Width in pixels as stored, before the orientation is applied; `None` where the format is not decoded here.
    pub width: Option<u32>,
    /// Height in pixels as stored.
    pub height: Option<u32>,
    /// The EXIF orientation, 1–8 (EXIF 2.32, tag 0x0112); 1 where there is none.
    pub orientation: u8,
    /// When the shutter opened, by the camera's own clock.
    pub taken_at: Option<TakenAt>,
    /// Where it was taken.
    pub location: Option<PhotoLocation>,
}

impl PhotoFacts {
    /// Width and height in pixels as a person sees the photo: orientations 5–8 stand on their side.
    #[must_use]
    pub fn shown_size(&self) -> Option<(u32, u32)> {
        let (width, height) = (self.width?, self.height?);
        Some(if self.orientation >= 5 { (height, width) } else { (width, height) })
    }
}

/// A camera's time: wall-clock text, and the instant where the camera also knew its zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenAt {
    /// The camera's wall clock, `YYYY-MM-DDTHH:MM:SS`, zone unknown.
    pub local: String,
    /// Ms since 1970, where the photo names the zone's offset.
    pub ms: Option<i64>,
}

/// A position from the photo's GPS tags, WGS 84 as EXIF asks for (some cameras disregard it).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotoLocation {
    /// Degrees north, −90 to 90.
    pub lat: f64,
    /// Degrees east, −180 to 180.
    pub lon: f64,
    /// Metres above the sea.
    pub altitude_m: Option<f64>,
    /// Metres of horizontal error, as the receiver judged it.
    pub accuracy_m: Option<f64>,
    /// Ms since 1970 by the satellites' clock.
    pub fixed_at_ms: Option<i64>,
}

/// Reads the facts in `bytes`, the whole file.
#[must_use]
pub fn read_facts(bytes: &[u8]) -> PhotoFacts {
    read_facts_of(&mut Cursor::new(bytes))
}

/// Reads the facts in what `source` gives from its first byte on; of the pixels nothing is read.
#[must_use]
pub fn read_facts_of(source: &mut (impl BufRead + Seek)) -> PhotoFacts {
    let size = size_of(&mut *source);
    let exif = source.seek(SeekFrom::Start(0)).ok().and_then(|_| read_exif(source));
    PhotoFacts {
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        orientation: exif.as_ref().and_then(orientation).unwrap_or(1),
        taken_at: exif.as_ref().and_then(taken_at),
        location: exif.as_ref().and_then(location),
    }
}

/// Width and height in pixels as the header announces them.
pub(super) fn stored_size(bytes: &[u8]) -> Option<(u32, u32)> {
    size_of(Cursor::new(bytes))
}

fn size_of(source: impl BufRead + Seek) -> Option<(u32, u32)> {
    let reader = ImageReader::new(source).with_guessed_format().ok()?;
    reader.into_dimensions().ok().filter(|(width, height)| *width > 0 && *height > 0)
}

/// As many of the tags as can be read; a damaged tag costs itself alone.
fn read_exif(source: &mut (impl BufRead + Seek)) -> Option<Exif> {
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    let found = reader.read_from_container(source);
    found.or_else(|error| error.distill_partial_result(|_| ())).ok()
}

fn value(exif: &Exif, tag: Tag) -> Option<&Value> {
    exif.get_field(tag, In::PRIMARY).map(|field| &field.value)
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match value(exif, tag)? {
        Value::Ascii(texts) => texts.first().map(Vec::as_slice),
        _ => None,
    }
}

fn rationals(exif: &Exif, tag: Tag) -> Option<&[Rational]> {
    match value(exif, tag)? {
        Value::Rational(numbers) => Some(numbers),
        _ => None,
    }
}

fn number(rational: Rational) -> Option<f64> {
    Some(rational.to_f64()).filter(|number| rational.denom != 0 && number.is_finite())
}

fn orientation(exif: &Exif) -> Option<u8> {
    let code = value(exif, Tag::Orientation)?.get_uint(0)?;
    u8::try_from(code).ok().filter(|code| (1..=8).contains(code))
}

fn taken_at(exif: &Exif) -> Option<TakenAt> {
    let mut stamp = DateTime::from_ascii(ascii(exif, Tag::DateTimeOriginal)?).ok()?;
    if let Some(offset) = ascii(exif, Tag::OffsetTimeOriginal) {
        stamp.offset = None;
        let _ignored_when_unreadable = stamp.parse_offset(offset);
    }
    let local = civil::DateTime::new(
        i16::try_from(stamp.year).ok().filter(|year| *year > 0)?,
        i8::try_from(stamp.month).ok()?,
        i8::try_from(stamp.day).ok()?,
        i8::try_from(stamp.hour).ok()?,
        i8::try_from(stamp.minute).ok()?,
        i8::try_from(stamp.second).ok()?,
        0,
    )
    .ok()?;
    let ms = stamp.offset.and_then(|minutes| {
        let zone = TimeZone::fixed(Offset::from_seconds(i32::from(minutes).checked_mul(60)?).ok()?);
        Some(zone.to_timestamp(local).ok()?.as_millisecond())
    });
    Some(TakenAt { local: local.to_string(), ms })
}

fn location(exif: &Exif) -> Option<PhotoLocation> {
    let lat = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, *b"NS", 90.0)?;
    let lon = degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, *b"EW", 180.0)?;
    // Receivers without a fix write zeros. A real photo from 0° N 0° E, in the Gulf of Guinea, is not our township's.
    if lat == 0.0 && lon == 0.0 {
        return None;
    }
    Some(PhotoLocation {
        lat,
        lon,
        altitude_m: altitude(exif),
        accuracy_m: rationals(exif, Tag::GPSHPositioningError).and_then(|error| number(*error.first()?)),
        fixed_at_ms: fixed_at_ms(exif),
    })
}

/// Degrees, minutes and seconds as a signed number, `None` outside ±`limit`; `signs` are the positive and negative letters.
fn degrees(exif: &Exif, tag: Tag, reference: Tag, signs: [u8; 2], limit: f64) -> Option<f64> {
    let parts = rationals(exif, tag)?;
    let whole = number(*parts.first()?)?;
    let minutes = parts.get(1).and_then(|part| number(*part)).unwrap_or(0.0);
    let seconds = parts.get(2).and_then(|part| number(*part)).unwrap_or(0.0);
    let size = whole + minutes / 60.0 + seconds / 3600.0;
    let letter = ascii(exif, reference)?.first()?.to_ascii_uppercase();
    let signed = match signs.iter().position(|sign| *sign == letter)? {
        0 => size,
        _ => -size,
    };
    (signed.abs() <= limit).then_some(signed)
}

fn altitude(exif: &Exif) -> Option<f64> {
    let metres = number(*rationals(exif, Tag::GPSAltitude)?.first()?)?;
    let below_sea = value(exif, Tag::GPSAltitudeRef).and_then(|side| side.get_uint(0)) == Some(1);
    Some(if below_sea { -metres } else { metres })
}

/// The satellites' date (`YYYY:MM:DD`) and time (three rationals), both UTC.
fn fixed_at_ms(exif: &Exif) -> Option<i64> {
    let text = std::str::from_utf8(ascii(exif, Tag::GPSDateStamp)?).ok()?;
    let date: Date = text.trim().replace(':', "-").parse().ok()?;
    let midnight_ms = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_millisecond();
    let [hours, minutes, seconds] = rationals(exif, Tag::GPSTimeStamp)? else { return None };
    let day_ms = [(hours, 3_600_000), (minutes, 60_000), (seconds, 1_000)].into_iter().try_fold(
        0_u64,
        |sum, (part, unit_ms): (&Rational, u64)| {
            sum.checked_add(u64::from(part.num).checked_mul(unit_ms)?.checked_div(u64::from(part.denom))?)
        },
    )?;
    midnight_ms.checked_add(i64::try_from(day_ms).ok().filter(|ms| *ms < 86_400_000)?)
}

#[cfg(test)]
#[path = "exif_tests.rs"]
mod tests;
