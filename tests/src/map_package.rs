//! Map packages (MBTiles) for tests: any tiles, or a village that is drawn: fields, a river, a road and houses.

use std::error::Error;
use std::f64::consts::PI;
use std::io::Cursor;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer, Text};
use image::{ImageFormat, Rgb, RgbImage};

type Failure = Box<dyn Error + Send + Sync>;

/// Pixels of a tile's side.
const TILE_PX: u32 = 256;

/// Metres around the equator, in Web Mercator.
const EQUATOR_M: f64 = 40_075_016.686;

/// A tile as browsers count it: zoom, column, row from the north, and its bytes.
pub type DrawnTile = (u8, u32, u32, Vec<u8>);

/// Writes a package; what was there is gone.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, metadata: &[(&str, &str)], tiles: &[DrawnTile]) -> Result<(), Failure> {
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    let mut conn = SqliteConnection::establish(&path.display().to_string())?;
    conn.batch_execute(
        "CREATE TABLE metadata (name TEXT, value TEXT); \
         CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB); \
         CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row); BEGIN;",
    )?;
    for (name, value) in metadata {
        diesel::sql_query("INSERT INTO metadata VALUES (?, ?)")
            .bind::<Text, _>(*name)
            .bind::<Text, _>(*value)
            .execute(&mut conn)?;
    }
    for (zoom, column, row, bytes) in tiles {
        let from_south = 2_i32.pow(u32::from(*zoom)) - 1 - i32::try_from(*row)?;
        diesel::sql_query("INSERT INTO tiles VALUES (?, ?, ?, ?)")
            .bind::<Integer, _>(i32::from(*zoom))
            .bind::<Integer, _>(i32::try_from(*column)?)
            .bind::<Integer, _>(from_south)
            .bind::<Binary, _>(bytes.as_slice())
            .execute(&mut conn)?;
    }
    conn.batch_execute("COMMIT;")?;
    Ok(())
}

/// A village to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Village {
    /// Its middle, degrees (WGS 84).
    pub lat: f64,
    /// Its middle, degrees (WGS 84).
    pub lon: f64,
    /// How far it goes in each direction, m.
    pub reach_m: f64,
    /// The coarsest level.
    pub min_zoom: u8,
    /// The finest level.
    pub max_zoom: u8,
}

impl Village {
    /// The middle in Web Mercator, m from the upper left corner of the world.
    fn middle(&self) -> (f64, f64) {
        let lat = self.lat.to_radians();
        let y = (1.0 - (lat.tan() + 1.0 / lat.cos()).ln() / PI) / 2.0;
        ((self.lon + 180.0) / 360.0 * EQUATOR_M, y * EQUATOR_M)
    }

    /// Metres of the ground that one metre of Web Mercator is.
    fn ground(&self) -> f64 {
        self.lat.to_radians().cos()
    }

    /// All its tiles.
    ///
    /// # Errors
    /// A picture cannot be encoded.
    pub fn draw(&self) -> Result<Vec<DrawnTile>, Failure> {
        let (x, y) = self.middle();
        let reach = self.reach_m / self.ground();
        let mut tiles = Vec::new();
        for zoom in self.min_zoom..=self.max_zoom {
            let side = EQUATOR_M / 2_f64.powi(i32::from(zoom));
            for column in whole((x - reach) / side)..=whole((x + reach) / side) {
                for row in whole((y - reach) / side)..=whole((y + reach) / side) {
                    tiles.push((
                        zoom,
                        column,
                        row,
                        self.picture(f64::from(column) * side, f64::from(row) * side, side)?,
                    ));
                }
            }
        }
        Ok(tiles)
    }

    /// The picture of a square of Web Mercator: its upper left corner and its side, m.
    fn picture(&self, left: f64, top: f64, side: f64) -> Result<Vec<u8>, Failure> {
        let (x, y) = self.middle();
        let pixel = side / f64::from(TILE_PX);
        let drawn = RgbImage::from_fn(TILE_PX, TILE_PX, |at_x, at_y| {
            let east = (left + (f64::from(at_x) + 0.5) * pixel - x) * self.ground();
            let south = (top + (f64::from(at_y) + 0.5) * pixel - y) * self.ground();
            Rgb(colour(east, south, pixel * self.ground()))
        });
        let mut bytes = Cursor::new(Vec::new());
        drawn.write_to(&mut bytes, ImageFormat::Png)?;
        Ok(bytes.into_inner())
    }
}

/// The whole number below a number of tiles.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "of a column or row"
)]
fn whole(number: f64) -> u32 {
    number.max(0.0).floor() as u32
}

/// What is to be seen so far from the middle, m, where a pixel has so many metres.
fn colour(east: f64, south: f64, pixel: f64) -> [u8; 3] {
    let river = (east + 260.0 + 90.0 * (south / 330.0).sin()).abs();
    let road = (south - 60.0 - 70.0 * (east / 510.0).sin()).abs();
    let lane = (east - 120.0).abs();
    let wide = |metres: f64| metres.max(pixel);
    if road < wide(6.0) {
        [255, 214, 120]
    } else if lane < wide(3.0) && south.abs() < 900.0 {
        [255, 255, 255]
    } else if river < wide(38.0) {
        [158, 200, 230]
    } else if is_house(east, south) {
        [196, 170, 150]
    } else {
        field(east, south)
    }
}

/// Houses stand in a loose grid along the lane.
fn is_house(east: f64, south: f64) -> bool {
    let (column, row) = ((east / 42.0).floor(), (south / 34.0).floor());
    let (in_x, in_y) = (east - column * 42.0, south - row * 34.0);
    let is_lived_in = (column * 7.0 + row * 13.0).rem_euclid(5.0) < 2.0;
    east.abs() < 420.0
        && south.abs() < 380.0
        && is_lived_in
        && (8.0..26.0).contains(&in_x)
        && (8.0..22.0).contains(&in_y)
}

/// Fields are squares of four greens; hills lie beyond them.
fn field(east: f64, south: f64) -> [u8; 3] {
    if east.hypot(south * 1.3) > 1_500.0 {
        return [186, 211, 168];
    }
    let kind = ((east / 150.0).floor() * 3.0 + (south / 110.0).floor() * 5.0).rem_euclid(4.0);
    match kind {
        k if k < 1.0 => [222, 236, 200],
        k if k < 2.0 => [232, 238, 206],
        k if k < 3.0 => [212, 230, 190],
        _ => [238, 234, 212],
    }
}
