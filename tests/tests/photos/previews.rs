//! Previews of photos that are on their way: shown as what they are, of any use to nobody but those who may see the photo, and
//! gone when the photo is here.

use std::io::Cursor;

use hazard_tests::server::{START_MS, TestServer, township, village};
use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage};
use reqwest::{Method, Response};
use server::db::blobs::Blob;
use server::db::{DbError, Scope};
use server::photos::names::BlobName;
use sync_core::people::Role;

use crate::lost::told;
use crate::phone::{Phone, hash, header, problem, refused, sample};
use crate::shown::record;

/// A JPEG of one colour, as a phone makes previews.
fn picture(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = DynamicImage::ImageRgb8(RgbImage::from_pixel(width, height, Rgb(colour)));
    image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

const RED: [u8; 3] = [200, 20, 20];
const BLUE: [u8; 3] = [20, 20, 200];

/// The picture that an answer shows, and what the answer says that it is.
async fn seen(response: Response) -> (DynamicImage, String) {
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, "image/jpeg"));
    let state = header(&response, "photo-state").to_owned();
    (image::load_from_memory(&response.bytes().await.unwrap()).unwrap(), state)
}

fn is_red(image: &DynamicImage) -> bool {
    let [red, _, blue, _] = image.get_pixel(image.width() / 2, image.height() / 2).0;
    red > blue
}

/// How many previews lie in the store.
fn kept(server: &TestServer) -> usize {
    std::fs::read_dir(crate::photos_dir(server).join("previews")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_preview_is_shown_as_one_and_is_no_receipt_until_the_photo_itself_is_here() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let office = Phone::new(&server, server.enlist("sun", Role::Supervisor, &[]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    record(&server, &hash, 0).await;
    assert_eq!(phone.preview(&hash, picture(256, 192, RED)).await.status(), 204);
    assert_eq!(told(&phone, &hash).await, (false, true), "the photo is wanted all the same");

    let shown = office.show(&hash, "?variant=256").send().await.unwrap();
    assert_eq!(header(&shown, "cache-control"), "private, no-store");
    let (image, state) = seen(shown).await;
    assert_eq!((image.dimensions(), state.as_str()), ((256, 192), "preview"));
    let path = format!("/photos/{hash}?variant=256");
    let head = server.request_as(&office.session, Method::HEAD, &path).send().await.unwrap();
    assert_eq!((head.status().as_u16(), header(&head, "photo-state")), (200, "preview"));
    for query in ["", "?variant=1280", "?variant=original"] {
        let waits = office.show(&hash, query).send().await.unwrap();
        assert_eq!(refused(waits).await, (404, "photo_pending".to_owned()), "{query}");
    }

    phone.upload(&bytes).await;
    assert_eq!(told(&phone, &hash).await, (true, false));
    let shown = office.show(&hash, "?variant=256").send().await.unwrap();
    assert_eq!(header(&shown, "etag"), format!("\"{hash}-256\""));
    let (image, state) = seen(shown).await;
    assert_eq!((image.dimensions(), state.as_str()), ((256, 192), "-"));
    assert_eq!(kept(&server), 0);
    assert_eq!(phone.preview(&hash, picture(256, 192, RED)).await.status(), 204, "it comes late, and is not needed");
    assert_eq!(kept(&server), 0);
}

#[tokio::test]
async fn a_preview_needs_a_record_that_its_sender_may_see_and_is_shown_to_those_who_may_see_the_photo() {
    let server = crate::start().await;
    let sender = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let neighbour = Phone::new(&server, server.enlist("li", Role::Inspector, &[village(0)]).await);
    let elsewhere = Phone::new(&server, server.enlist("zhao", Role::Inspector, &[village(1)]).await);
    let hash = hash(b"a photo on its way");
    let unknown = (404, "photo_unknown".to_owned());
    assert_eq!(refused(sender.preview(&hash, picture(256, 192, RED)).await).await, unknown);
    record(&server, &hash, 0).await;
    assert_eq!(refused(elsewhere.preview(&hash, picture(256, 192, BLUE)).await).await, unknown);
    let pending = sender.show(&hash, "?variant=256").send().await.unwrap();
    assert_eq!(refused(pending).await, (404, "photo_pending".to_owned()));
    assert_eq!(kept(&server), 0);
    assert_eq!(sender.preview(&hash, picture(256, 192, RED)).await.status(), 204);
    seen(neighbour.show(&hash, "?variant=256").send().await.unwrap()).await;
    assert_eq!(refused(elsewhere.show(&hash, "?variant=256").send().await.unwrap()).await, unknown);
    let stranger = server.request(Method::PUT, &format!("/photos/{hash}/preview")).send().await.unwrap();
    assert_eq!(refused(stranger).await, (401, "token_missing".to_owned()));
}

#[tokio::test]
async fn the_first_preview_stays() {
    let server = crate::start().await;
    let sender = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let neighbour = Phone::new(&server, server.enlist("li", Role::Inspector, &[village(0)]).await);
    let hash = hash(b"a photo on its way");
    record(&server, &hash, 0).await;
    for (phone, colour) in [(&sender, RED), (&sender, RED), (&neighbour, BLUE)] {
        assert_eq!(phone.preview(&hash, picture(100, 50, colour)).await.status(), 204);
    }
    let (image, _) = seen(sender.show(&hash, "?variant=256").send().await.unwrap()).await;
    assert!(is_red(&image));
}

#[tokio::test]
async fn what_is_no_preview_is_refused_with_its_reason_and_nothing_of_it_is_kept() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let hash = hash(b"a photo on its way");
    record(&server, &hash, 0).await;
    let mut png = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(30, 20).write_to(&mut png, ImageFormat::Png).unwrap();
    // A frame of 65,535 by 65,535 pixels, announced in a few bytes.
    let mut bomb = picture(8, 8, RED);
    let frame = bomb.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    bomb[frame + 5..frame + 9].fill(0xff);
    let cases: [(Vec<u8>, &str); 6] = [
        (png.into_inner(), "format_not_decoded"),
        (b"<html><script>alert(1)</script>".to_vec(), "format_not_decoded"),
        (Vec::new(), "format_not_decoded"),
        (picture(257, 100, RED), "too_many_pixels"),
        (bomb, "too_many_pixels"),
        (picture(256, 192, RED)[..40].to_vec(), "damaged"),
    ];
    for (bytes, reason) in cases {
        let (status, problem) = problem(phone.preview(&hash, bytes).await).await;
        assert_eq!((status, &problem["code"], &problem["reason"]), (422, &"preview_unusable".into(), &reason.into()));
    }
    let (status, problem) = problem(phone.preview(&hash, vec![0xff; 32 * 1024 + 1]).await).await;
    assert_eq!((status, &problem["code"], &problem["bytes_max"]), (413, &"body_too_large".into(), &32_768.into()));
    assert_eq!(kept(&server), 0);
}

#[tokio::test]
async fn nothing_of_a_preview_is_kept_but_its_pixels() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let hash = hash(b"a photo on its way");
    record(&server, &hash, 0).await;
    let plain = picture(64, 48, RED);
    // A comment, and what follows the end of the picture.
    let sent = [&plain[..2], b"\xff\xfe\x00\x08secret", &plain[2..], b"secret"].concat();
    assert_eq!(phone.preview(&hash, sent).await.status(), 204);
    let shown = phone.show(&hash, "?variant=256").send().await.unwrap().bytes().await.unwrap();
    assert!(!shown.windows(6).any(|word| word == b"secret"));
    assert!(is_red(&image::load_from_memory(&shown).unwrap()));
}

#[tokio::test]
async fn a_preview_stays_as_long_as_its_record_waits_for_the_photo_and_no_longer() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let previews = &server.app().photos.previews;
    let bytes = sample("gps/DSCN0010.jpg");
    let (waiting, here, unnamed) = (hash(b"a photo on its way"), hash(&bytes), hash(b"named by nobody"));
    for named in [&waiting, &here] {
        record(&server, named, 0).await;
    }
    assert_eq!(phone.preview(&waiting, picture(64, 48, RED)).await.status(), 204);
    phone.upload(&bytes).await;
    // What is left when a server is killed between a photo's last byte and the end of its preview, or a record is mended.
    for left in [&here, &unnamed] {
        let name = BlobName::preview(township(), left.parse().unwrap());
        server.app().photos.store.put(name, picture(64, 48, BLUE)).await.unwrap();
    }
    let (_, state) = seen(phone.show(&here, "?variant=256").send().await.unwrap()).await;
    assert_eq!(state, "-", "the photo itself is shown");
    assert_eq!((kept(&server), previews.sweep().await.unwrap(), kept(&server)), (3, 2, 1));
    assert_eq!(previews.sweep().await.unwrap(), 0);
    let (image, _) = seen(phone.show(&waiting, "?variant=256").send().await.unwrap()).await;
    assert!(is_red(&image));
}

#[tokio::test]
async fn a_photo_that_the_store_has_lost_has_a_preview_again_until_it_is_back() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    record(&server, &hash, 0).await;
    // As in a ledger that came back without its store: the row says that the bytes are here.
    let noted = Blob {
        township: township(),
        hash: hash.parse().unwrap(),
        account: phone.session.account,
        bytes: u64::try_from(bytes.len()).unwrap(),
        content_type: "image/jpeg".to_owned(),
        size_px: None,
        facts: "{}".to_owned(),
        stored_at_ms: START_MS,
    };
    let written = server.app().database.write(Scope::Township(township()), move |tx| tx.insert_blob(&noted)).await;
    written.unwrap_or_else(|error: DbError| panic!("{error}"));
    for query in ["?variant=256", "?variant=1280", "?variant=original"] {
        let lost = phone.show(&hash, query).send().await.unwrap();
        assert_eq!(refused(lost).await, (404, "photo_pending".to_owned()), "{query}");
    }
    assert_eq!(phone.preview(&hash, picture(64, 48, RED)).await.status(), 204);
    let (image, state) = seen(phone.show(&hash, "?variant=256").send().await.unwrap()).await;
    assert!(is_red(&image) && state == "preview");
    phone.upload(&bytes).await;
    let (_, state) = seen(phone.show(&hash, "?variant=256").send().await.unwrap()).await;
    assert_eq!((state.as_str(), kept(&server)), ("-", 0));
}
