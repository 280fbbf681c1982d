//! Facts read from real photos, and from damaged ones.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use super::*;
use crate::photos::samples;

#[test]
fn a_gps_camera_tells_time_and_place() {
    let facts = read_facts(&samples::read("gps/DSCN0010.jpg"));
    assert_eq!(facts.shown_size(), Some((640, 480)));
    assert_eq!(facts.taken_at, Some(TakenAt { local: "2008-10-22T16:28:39".to_owned(), ms: None }));
    let place = facts.location.unwrap();
    assert!((place.lat - 43.467_448).abs() < 1e-5, "{place:?}");
    assert!((place.lon - 11.885_127).abs() < 1e-5, "{place:?}");
    // 2008-10-23T14:27:07.24Z, as the tags say: the camera's calendar and the satellites' differ by a day.
    assert_eq!(place.fixed_at_ms, Some(1_224_772_027_240));
}

#[test]
fn every_gps_sample_has_a_position_in_arezzo() {
    for name in samples::list("gps") {
        let facts = read_facts(&samples::read(&name));
        let place = facts.location.unwrap_or_else(|| panic!("{name} has no position"));
        assert!((43.4..43.5).contains(&place.lat) && (11.8..11.9).contains(&place.lon), "{name}: {place:?}");
        assert!(facts.taken_at.is_some(), "{name}");
    }
}

#[test]
fn phone_photos_tell_orientation_and_altitude() {
    let iphone = read_facts(&samples::read("phones/iphone_hdr_YES.jpg"));
    assert_eq!(iphone.taken_at.unwrap().local, "2015-04-10T20:12:23");
    assert!(iphone.location.unwrap().altitude_m.is_some());
    let orientations: Vec<u8> =
        samples::list("phones").iter().map(|name| read_facts(&samples::read(name)).orientation).collect();
    assert!(orientations.iter().all(|code| (1..=8).contains(code)), "{orientations:?}");
    assert!(orientations.contains(&6), "one of the phones was held upright: {orientations:?}");
}

#[test]
fn the_eight_orientations_are_read_as_named() {
    for scene in ["landscape", "portrait"] {
        for code in 1..=8_u8 {
            let facts = read_facts(&samples::read(&format!("orientation/{scene}_{code}.jpg")));
            assert_eq!(facts.orientation, code, "{scene}");
            let (width, height) = facts.shown_size().unwrap();
            assert_eq!(width > height, scene == "landscape", "{scene}_{code}: {width}×{height}");
        }
    }
}

#[test]
fn damaged_files_give_what_can_be_read_and_nothing_impossible() {
    for name in samples::list("invalid") {
        let facts = read_facts(&samples::read(&name));
        assert!((1..=8).contains(&facts.orientation), "{name}");
        if let Some(place) = facts.location {
            assert!(place.lat.abs() <= 90.0 && place.lon.abs() <= 180.0, "{name}");
        }
    }
}

#[test]
fn a_photo_cut_or_flipped_anywhere_in_its_header_is_read_without_harm() {
    let whole = samples::read("gps/DSCN0010.jpg");
    for at in (0..12_000).step_by(7) {
        let _ = read_facts(&whole[..at]);
        let mut flipped = whole[..16_384].to_vec();
        flipped[at] ^= 0xff;
        let facts = read_facts(&flipped);
        assert!((1..=8).contains(&facts.orientation), "flipped at {at}");
    }
}

#[test]
fn bytes_that_are_no_photo_have_no_facts() {
    for bytes in [&b""[..], b"%PDF-1.7", b"\xff\xd8\xff", &[0_u8; 4096]] {
        let facts = read_facts(bytes);
        let none = PhotoFacts { width: None, height: None, orientation: 1, taken_at: None, location: None };
        assert_eq!(facts, none);
    }
}
