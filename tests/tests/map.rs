//! Stories over HTTP about the background map: a package of tiles that the office has put on the server, one that is missing,
//! damaged or replaced, and who may have it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "stories fail loudly"
)]

use std::fs::{File, FileTimes};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use hazard_tests::map_package::{DrawnTile, Village, write};
use hazard_tests::server::{Session, TestServer, village};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use server::limits::MAP_TILE_BYTES_MAX;
use sync_core::people::Role;
use tempfile::TempDir;

/// The beginnings of pictures: a tile is told by them.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0";
const WEBP: &[u8] = b"RIFF\x04\0\0\0WEBP";

const ATTRIBUTION: (&str, &str) =
    ("attribution", "<a href='https://map.example.cn'>某省地图院</a> 审图号：GS(2026)1号");

/// A folder with a package that a story may change.
struct Office {
    folder: TempDir,
    /// Each replacement is a second younger than the one before.
    writes: u64,
}

impl Office {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), writes: 0 }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("青山镇 50%.mbtiles")
    }

    fn puts(&mut self, metadata: &[(&str, &str)], tiles: &[DrawnTile]) {
        write(&self.path(), metadata, tiles).unwrap();
        self.writes += 1;
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + self.writes);
        File::options()
            .write(true)
            .open(self.path())
            .unwrap()
            .set_times(FileTimes::new().set_modified(modified))
            .unwrap();
    }

    async fn serves(&self) -> (TestServer, Session) {
        self.serves_saying(None).await
    }

    async fn serves_saying(&self, attribution: Option<&str>) -> (TestServer, Session) {
        let (path, attribution) = (self.path(), attribution.map(str::to_owned));
        let server = TestServer::start_with(|settings| {
            settings.map_file = Some(path);
            settings.map_attribution = attribution;
        })
        .await;
        let session = server.enlist("wang", Role::Inspector, &[village(0)]).await;
        (server, session)
    }
}

fn tile(zoom: u8, column: u32, row: u32, kind: &[u8], words: &str) -> DrawnTile {
    (zoom, column, row, [kind, words.as_bytes()].concat())
}

async fn facts(server: &TestServer, who: &Session) -> Value {
    let (status, facts) = server.get(who, "/map").await;
    assert_eq!(status, 200, "{facts}");
    facts
}

async fn ask(server: &TestServer, who: &Session, id: &str, at: &str) -> Response {
    server.request_as(who, Method::GET, &format!("/map/{id}/{at}")).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("-", |value| value.to_str().unwrap())
}

async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap();
    (status, problem["code"].as_str().unwrap().to_owned())
}

fn not_found() -> (u16, String) {
    (404, "not_found".to_owned())
}

#[tokio::test]
async fn tiles_are_given_with_rows_from_the_north_and_their_own_type() {
    let mut office = Office::new();
    let tiles = [
        tile(2, 3, 0, PNG, "north"),
        tile(2, 3, 3, JPEG, "south"),
        tile(2, 3, 1, WEBP, "between"),
        tile(2, 0, 0, b"<svg ", "no picture"),
    ];
    office.puts(&[("name", "青山镇"), ("format", "png"), ATTRIBUTION], &tiles);
    let (server, wang) = office.serves().await;
    let id = facts(&server, &wang).await["id"].as_str().unwrap().to_owned();
    for (at, content_type, words) in
        [("2/3/0", "image/png", "north"), ("2/3/3", "image/jpeg", "south"), ("2/3/1", "image/webp", "between")]
    {
        let given = ask(&server, &wang, &id, at).await;
        assert_eq!((given.status().as_u16(), header(&given, "content-type")), (200, content_type), "{at}");
        assert_eq!(header(&given, "x-content-type-options"), "nosniff");
        let bytes = given.bytes().await.unwrap();
        assert!(bytes.ends_with(words.as_bytes()), "{at}");
    }
    // One that is not there, one that is no picture, those beyond the world, and what is no number.
    for at in ["2/3/2", "2/0/0", "2/4/0", "2/0/4", "23/0/0", "300/0/0", "2/-1/0", "2/0/x"] {
        assert_eq!(code(ask(&server, &wang, &id, at).await).await, not_found(), "{at}");
    }
}

#[tokio::test]
async fn the_facts_are_those_of_the_package_and_without_its_bounds_those_of_its_tiles() {
    let mut office = Office::new();
    let tiles = [tile(1, 1, 0, PNG, ""), tile(5, 25, 13, PNG, "")];
    office.puts(
        &[("name", "青山镇"), ("format", "PNG"), ("bounds", "109.0,27.2,109.4,27.7"), ("maxzoom", "9"), ATTRIBUTION],
        &tiles,
    );
    let (server, wang) = office.serves().await;
    let first = facts(&server, &wang).await;
    assert_eq!(first["id"].as_str().unwrap().len(), 32);
    let mut told = first.clone();
    told["id"] = Value::Null;
    // The levels are those that have tiles, whatever the metadata say.
    assert_eq!(
        told,
        json!({
            "id": null, "name": "青山镇", "attribution": "某省地图院 审图号：GS(2026)1号", "format": "png",
            "bounds": [109.0, 27.2, 109.4, 27.7], "min_zoom": 1, "max_zoom": 5,
        })
    );
    office.puts(&[], &tiles);
    let second = facts(&server, &wang).await;
    assert_eq!(
        (&second["name"], &second["attribution"], &second["format"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let bounds: Vec<f64> = second["bounds"].as_array().unwrap().iter().map(|edge| edge.as_f64().unwrap()).collect();
    for (edge, expected) in bounds.iter().zip([0.0, 0.0, 180.0, 85.051_128_78]) {
        assert!((edge - expected).abs() < 1e-6, "{bounds:?}");
    }
}

#[tokio::test]
async fn a_tile_is_cached_for_ever_and_another_package_has_another_id() {
    let mut office = Office::new();
    office.puts(&[("format", "png")], &[tile(0, 0, 0, PNG, "old")]);
    let (server, wang) = office.serves().await;
    let old = facts(&server, &wang).await["id"].as_str().unwrap().to_owned();
    assert_eq!(facts(&server, &wang).await["id"], old.as_str(), "it stays while the file does");
    let given = ask(&server, &wang, &old, "0/0/0").await;
    let etag = header(&given, "etag").to_owned();
    assert_eq!(etag, format!("\"{old}-0-0-0\""));
    assert_eq!(header(&given, "cache-control"), "private, max-age=31536000, immutable");
    let again = server.request_as(&wang, Method::GET, &format!("/map/{old}/0/0/0")).header("If-None-Match", &etag);
    assert_eq!(again.send().await.unwrap().status(), 304);

    office.puts(&[("format", "png")], &[tile(0, 0, 0, PNG, "new")]);
    assert_eq!(code(ask(&server, &wang, &old, "0/0/0").await).await, not_found());
    let new = facts(&server, &wang).await["id"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    assert!(ask(&server, &wang, &new, "0/0/0").await.bytes().await.unwrap().ends_with(b"new"));
}

#[tokio::test]
async fn what_the_operator_says_of_the_map_stands_in_place_of_what_the_package_says() {
    let mut office = Office::new();
    office.puts(&[("format", "png"), ATTRIBUTION], &[tile(0, 0, 0, PNG, "")]);
    let (server, wang) = office.serves_saying(Some("某市自然资源局 <b>审图号：S(2026)7号</b>")).await;
    assert_eq!(facts(&server, &wang).await["attribution"], "某市自然资源局 审图号：S(2026)7号");
}

#[tokio::test]
async fn only_those_who_have_signed_in_have_the_map_and_all_of_them_do() {
    let mut office = Office::new();
    office.puts(&[("format", "png")], &[tile(0, 0, 0, PNG, "")]);
    let (server, wang) = office.serves().await;
    let id = facts(&server, &wang).await["id"].as_str().unwrap().to_owned();
    for path in ["/map".to_owned(), format!("/map/{id}/0/0/0")] {
        let stranger = server.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(code(stranger).await, (401, "token_missing".to_owned()), "{path}");
    }
    for (name, role) in [("sun", Role::Supervisor), ("li", Role::Leader), ("he", Role::Admin)] {
        let somebody = server.enlist(name, role, &[]).await;
        assert_eq!(ask(&server, &somebody, &id, "0/0/0").await.status(), 200, "{name}");
    }
}

#[tokio::test]
async fn without_a_map_there_is_none() {
    let server = TestServer::start().await;
    let wang = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    for path in ["/map", "/map/0/0/0/0"] {
        let answer = server.request_as(&wang, Method::GET, path).send().await.unwrap();
        assert_eq!(code(answer).await, not_found(), "{path}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_no_map_until_it_can_and_the_ledger_works_all_the_while() {
    let mut office = Office::new();
    let (server, wang) = office.serves().await;
    let none = |why: &'static str| {
        let asked = server.request_as(&wang, Method::GET, "/map").send();
        async move { assert_eq!(code(asked.await.unwrap()).await, not_found(), "{why}") }
    };
    none("it is not there").await;
    assert!(!office.path().exists(), "none is made");
    std::fs::write(office.path(), "no database at all ".repeat(400)).unwrap();
    none("it is no database").await;
    office.puts(&[("format", "pbf")], &[tile(0, 0, 0, PNG, "")]);
    none("its tiles are vectors").await;
    office.puts(&[("format", "png")], &[]);
    none("it is empty").await;
    std::fs::write(office.path(), "").unwrap();
    none("it has no tables").await;
    assert_eq!(server.get(&wang, "/hazards").await.0, 200);
    office.puts(&[("format", "png")], &[tile(0, 0, 0, PNG, "at last")]);
    let id = facts(&server, &wang).await["id"].as_str().unwrap().to_owned();
    assert_eq!(ask(&server, &wang, &id, "0/0/0").await.status(), 200);
}

#[tokio::test]
async fn a_package_that_is_damaged_in_the_middle_gives_what_can_be_read_and_takes_nobody_with_it() {
    let mut office = Office::new();
    let large = "x".repeat(40_000);
    let tiles: Vec<_> = (0..32).map(|column| tile(5, column, 9, PNG, &large)).collect();
    office.puts(&[("format", "png")], &tiles);
    // The first pages, with the schema, stay; most of the tiles' own are overwritten.
    let mut bytes = std::fs::read(office.path()).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    std::fs::write(office.path(), bytes).unwrap();
    let (server, wang) = office.serves().await;
    let (status, told) = server.get(&wang, "/map").await;
    let id = told["id"].as_str().unwrap_or("0").to_owned();
    let mut given = Vec::new();
    for column in 0..32 {
        given.push(ask(&server, &wang, &id, &format!("5/{column}/9")).await.status().as_u16());
    }
    assert!(given.iter().all(|status| [200, 404].contains(status)), "{status} {told} {given:?}");
    assert!(given.contains(&404), "{given:?}");
    assert_eq!(server.get(&wang, "/hazards").await.0, 200);
}

#[tokio::test]
async fn a_tile_beyond_the_limit_is_not_given() {
    let mut office = Office::new();
    let long = |bytes: usize| "x".repeat(bytes - PNG.len());
    let tiles = [tile(1, 0, 0, PNG, &long(MAP_TILE_BYTES_MAX)), tile(1, 1, 0, PNG, &long(MAP_TILE_BYTES_MAX + 1))];
    office.puts(&[("format", "png")], &tiles);
    let (server, wang) = office.serves().await;
    let id = facts(&server, &wang).await["id"].as_str().unwrap().to_owned();
    let whole = ask(&server, &wang, &id, "1/0/0").await;
    assert_eq!(whole.bytes().await.unwrap().len(), MAP_TILE_BYTES_MAX);
    assert_eq!(code(ask(&server, &wang, &id, "1/1/0").await).await, not_found());
}

#[tokio::test]
async fn a_drawn_village_lies_where_its_middle_is() {
    let mut office = Office::new();
    let drawn = Village { lat: 27.48, lon: 109.125, reach_m: 400.0, min_zoom: 12, max_zoom: 15 };
    office.puts(&[("format", "png")], &drawn.draw().unwrap());
    let (server, wang) = office.serves().await;
    let told = facts(&server, &wang).await;
    let id = told["id"].as_str().unwrap();
    assert_eq!((&told["min_zoom"], &told["max_zoom"]), (&json!(12), &json!(15)));
    // The tile of that middle by the formula of the specification's projection (EPSG:3857), worked out by hand.
    let middle = ask(&server, &wang, id, "15/26316/13780").await;
    assert_eq!(middle.status(), 200);
    let picture = image::load_from_memory(&middle.bytes().await.unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (256, 256));
}
