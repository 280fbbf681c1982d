//! A package of map tiles in the MBTiles format (SQLite; mapbox/mbtiles-spec 1.3), read and never written. Who asks for a
//! tile, and what is answered, is decided in `map`.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use super::DbError;
use crate::limits::{MAP_TILE_BYTES_MAX, MAP_WORDS_CHARS_MAX, MAP_ZOOM_MAX};

/// Why a file is no package that can be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// There is no such file, or it may not be read.
    #[error("it cannot be read ({0})")]
    Unreadable(String),
    /// SQLite does not take it, or it has not the tables of the format.
    #[error("it is damaged, or is no MBTiles file ({0})")]
    NoPackage(String),
    /// Its tiles are no pictures.
    #[error("its tiles are {0:?}; only pictures (png, jpg, webp) can be shown")]
    NoPictures(String),
    /// It has not one tile.
    #[error("it has no tiles")]
    Empty,
}

/// A place in the pyramid of tiles as browsers count it: rows from the north (XYZ).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileAt {
    /// The zoom level, 0 to [`MAP_ZOOM_MAX`].
    zoom: u8,
    column: u32,
    row: u32,
}

impl TileAt {
    /// A tile of the pyramid, if there is such a one: columns and rows are below 2 to the power of `zoom`.
    #[must_use]
    pub fn new(zoom: u8, column: u32, row: u32) -> Option<Self> {
        let side = 1_u32.checked_shl(u32::from(zoom))?;
        (zoom <= MAP_ZOOM_MAX && column < side && row < side).then_some(Self { zoom, column, row })
    }

    /// The row as packages count it, from the south (TMS; section "Tiles" of the specification).
    fn row_from_south(self) -> u32 {
        let side = 1_u32.checked_shl(u32::from(self.zoom)).unwrap_or(1);
        side.saturating_sub(1).saturating_sub(self.row)
    }
}

/// What a package says of itself, as far as it is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Its name.
    pub name: Option<String>,
    /// Where it comes from; may be HTML.
    pub attribution: Option<String>,
    /// `png`, `jpg`, `webp`, or something that is no picture.
    pub format: Option<String>,
    /// West, south, east and north, degrees (WGS 84).
    pub bounds: Option<[f64; 4]>,
    /// The coarsest level that has tiles.
    pub min_zoom: u8,
    /// The finest level that has tiles.
    pub max_zoom: u8,
}

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Level {
    #[diesel(sql_type = Nullable<Integer>)]
    level: Option<i32>,
}

#[derive(QueryableByName)]
struct Edges {
    #[diesel(sql_type = Nullable<Integer>)]
    west: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    east: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    south: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    north: Option<i32>,
}

#[derive(QueryableByName)]
struct Picture {
    #[diesel(sql_type = Binary)]
    tile_data: Vec<u8>,
}

/// An open package.
pub struct TilePackage {
    conn: SqliteConnection,
}

impl TilePackage {
    /// Opens a package and reads what it says of itself. Nothing is written beside it. Blocks.
    ///
    /// # Errors
    /// Why it cannot be shown.
    pub fn open(path: &Path) -> Result<(Self, Said), PackageError> {
        // SQLite would make a file where there is none, or say no more than that it cannot open it.
        std::fs::File::open(path).map_err(|error| PackageError::Unreadable(error.to_string()))?;
        let conn =
            SqliteConnection::establish(&address(path)).map_err(|error| PackageError::Unreadable(error.to_string()))?;
        let mut package = Self { conn };
        let said = package.read_facts().map_err(|error| PackageError::NoPackage(error.to_string()))?;
        let said = said.ok_or(PackageError::Empty)?;
        match said.format.as_deref() {
            None | Some("png" | "jpg" | "jpeg" | "webp") => Ok((package, said)),
            Some(other) => Err(PackageError::NoPictures(other.to_owned())),
        }
    }

    /// `None`: there is not one tile.
    fn read_facts(&mut self) -> Result<Option<Said>, DbError> {
        let asked = "SELECT CAST(name AS TEXT) AS name, substr(CAST(value AS TEXT), 1, 2000) AS value FROM metadata \
                     WHERE name IN ('name', 'attribution', 'format', 'bounds') AND value IS NOT NULL LIMIT 16";
        let facts: Vec<Fact> = diesel::sql_query(asked).load(&mut self.conn)?;
        let fact = |name: &str| facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.trim());
        // What the metadata say of the levels is often wrong where tiles were cut out of a package.
        let Some((min_zoom, max_zoom)) = self.level("ASC")?.zip(self.level("DESC")?) else { return Ok(None) };
        let bounds = match fact("bounds").and_then(parsed_bounds) {
            Some(bounds) => Some(bounds),
            None => self.edges(min_zoom)?,
        };
        Ok(Some(Said {
            name: fact("name").and_then(words),
            attribution: fact("attribution").and_then(words),
            format: fact("format").map(str::to_ascii_lowercase),
            bounds,
            min_zoom,
            max_zoom,
        }))
    }

    /// The first level in an order: the index over the tiles begins with it.
    fn level(&mut self, order: &str) -> Result<Option<u8>, DbError> {
        let asked = format!(
            "SELECT zoom_level AS level FROM tiles WHERE zoom_level BETWEEN 0 AND {MAP_ZOOM_MAX} \
             ORDER BY zoom_level {order} LIMIT 1"
        );
        let found: Option<Level> = diesel::sql_query(asked).get_result(&mut self.conn).optional()?;
        Ok(found.and_then(|found| u8::try_from(found.level?).ok()))
    }

    /// What the tiles of a level cover, degrees.
    fn edges(&mut self, zoom: u8) -> Result<Option<[f64; 4]>, DbError> {
        let asked = "SELECT min(tile_column) AS west, max(tile_column) AS east, min(tile_row) AS south, \
                     max(tile_row) AS north FROM tiles WHERE zoom_level = ?";
        let found: Edges = diesel::sql_query(asked).bind::<Integer, _>(i32::from(zoom)).get_result(&mut self.conn)?;
        let side = 2_f64.powi(i32::from(zoom));
        let lon = |column: f64| column / side * 360.0 - 180.0;
        let lat = |row: f64| {
            let y = std::f64::consts::PI * (2.0 * row / side - 1.0);
            y.sinh().atan().to_degrees()
        };
        let all = found.west.zip(found.east).zip(found.south.zip(found.north));
        Ok(all.map(|((west, east), (south, north))| {
            [lon(f64::from(west)), lat(f64::from(south)), lon(f64::from(east) + 1.0), lat(f64::from(north) + 1.0)]
        }))
    }

    /// The bytes of a tile; `None` where there is none, or one that is larger than [`MAP_TILE_BYTES_MAX`]. Blocks.
    ///
    /// # Errors
    /// The file is damaged there, or was taken away.
    pub fn tile(&mut self, at: TileAt) -> Result<Option<Vec<u8>>, DbError> {
        let asked = format!(
            "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ? \
             AND length(tile_data) BETWEEN 1 AND {MAP_TILE_BYTES_MAX} LIMIT 1"
        );
        let number = |of: u32| i32::try_from(of).unwrap_or(i32::MAX);
        let found: Option<Picture> = diesel::sql_query(asked)
            .bind::<Integer, _>(i32::from(at.zoom))
            .bind::<Integer, _>(number(at.column))
            .bind::<Integer, _>(number(at.row_from_south()))
            .get_result(&mut self.conn)
            .optional()?;
        Ok(found.map(|found| found.tile_data))
    }
}

/// How SQLite is told to open a file for reading alone (sqlite.org/uri.html).
fn address(path: &Path) -> String {
    let mut address = "file:".to_owned();
    for letter in path.display().to_string().chars() {
        match letter {
            '%' => address.push_str("%25"),
            '?' => address.push_str("%3f"),
            '#' => address.push_str("%23"),
            plain => address.push(plain),
        }
    }
    address.push_str("?mode=ro");
    address
}

/// «west,south,east,north» within the world.
fn parsed_bounds(text: &str) -> Option<[f64; 4]> {
    let numbers: Vec<f64> = text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().ok()?;
    let [west, south, east, north] = numbers.try_into().ok()?;
    let is_in = (-180.0..=180.0).contains(&west) && (-180.0..=180.0).contains(&east);
    let is_on = (-90.0..=90.0).contains(&south) && (-90.0..=90.0).contains(&north);
    (is_in && is_on && west < east && south < north).then_some([west, south, east, north])
}

/// What stands in a text that may be HTML, without its tags, on one line and of bounded length; `None` where nothing does.
#[must_use]
pub fn words(html: &str) -> Option<String> {
    let mut is_in_tag = false;
    let mut text = String::new();
    for letter in html.chars() {
        match letter {
            '<' => is_in_tag = true,
            '>' if is_in_tag => is_in_tag = false,
            _ if is_in_tag => {}
            other => text.push(other),
        }
    }
    let plain = [("&copy;", "©"), ("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    let text = plain.iter().fold(text, |text, (coded, letter)| text.replace(coded, letter));
    let line: String =
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAP_WORDS_CHARS_MAX).collect();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_from_the_other_side() {
        let row = |zoom, row| TileAt::new(zoom, 0, row).map(TileAt::row_from_south);
        assert_eq!([row(0, 0), row(1, 0), row(1, 1), row(16, 0)], [Some(0), Some(1), Some(0), Some(65_535)]);
        assert_eq!(row(MAP_ZOOM_MAX, 3), Some(4_194_300));
    }

    #[test]
    fn there_are_no_tiles_beyond_the_world() {
        for (zoom, column, row) in [(0, 1, 0), (0, 0, 1), (3, 8, 0), (MAP_ZOOM_MAX + 1, 0, 0), (255, 0, 0)] {
            assert_eq!(TileAt::new(zoom, column, row), None, "{zoom}/{column}/{row}");
        }
    }

    #[test]
    fn bounds_are_those_of_a_part_of_the_world() {
        assert_eq!(parsed_bounds("109.1, 27.4,109.3,27.6"), Some([109.1, 27.4, 109.3, 27.6]));
        for text in ["", "1,2,3", "3,2,1,4", "1,2,3,91", "a,b,c,d", "1,NaN,2,3", "1,2,3,4,5"] {
            assert_eq!(parsed_bounds(text), None, "{text}");
        }
    }

    #[test]
    fn an_attribution_is_read_without_its_tags() {
        let said = "<a href=\"https://map.example.cn\">&copy; 某某省\n地图</a> 审图号：GS(2026)0001号 &lt;b&gt;";
        assert_eq!(words(said).as_deref(), Some("© 某某省 地图 审图号：GS(2026)0001号 <b>"));
        assert_eq!(words("<br>  "), None);
        assert_eq!(words(&"图".repeat(2_000)).map(|text| text.chars().count()), Some(MAP_WORDS_CHARS_MAX));
    }

    #[test]
    fn a_path_with_letters_that_mean_something_in_an_address_stays_one() {
        assert_eq!(address(Path::new("/srv/50% #1?.mbtiles")), "file:/srv/50%25 %231%3f.mbtiles?mode=ro");
    }
}
