//! Reads the fire inspections of the data set, dirty rows and all. What a row means for the ledger is `mapping`.
//!
//! A row is left out only when it has no readable day of opening or no ward: without them there is neither a time nor a
//! village to record it under. Everything else that may be lacking (coordinates, address, description, code) is kept as
//! absent. How many rows were left out is told; a run over such rows says so.

use std::path::Path;

use jiff::civil::Date;
use sync_core::time::Ms;

use super::trouble::Trouble;

const DAY_MS: i64 = 86_400_000;
/// China Standard Time: the township's days begin at 16:00 UTC of the day before.
const TOWNSHIP_OFFSET_MS: i64 = 8 * 3_600_000;

/// One inspection as the data set has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The number of the data row, from 1: tells apart rows that share an inspection number.
    pub line: usize,
    /// The data set's own number.
    pub inspection_id: String,
    /// The day of the visit.
    pub opened: Date,
    /// The day on which the violation was cleared.
    pub closed: Option<Date>,
    /// Where.
    pub address: Option<String>,
    /// The clause that was violated; absent: nothing was found.
    pub code: Option<String>,
    /// The clause in words.
    pub description: Option<String>,
    /// Latitude and longitude, WGS 84.
    pub position: Option<(f64, f64)>,
    /// The ward.
    pub ward: String,
}

/// The rows in the order of their days, and how many could not be placed.
#[derive(Clone, Debug, Default)]
pub struct Inspections {
    /// The rows.
    pub rows: Vec<Row>,
    /// Rows without a day or a ward.
    pub left_out: usize,
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection {
    /// At most so many rows.
    pub rows_max: Option<usize>,
    /// Only of the wards that come first, so many.
    pub wards_max: Option<usize>,
}

/// Reads the rows, oldest first.
///
/// # Errors
/// The file cannot be read, or is no table with the columns of the data set.
pub fn read(path: &Path, selection: Selection) -> Result<Inspections, Trouble> {
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).trim(::csv::Trim::All).from_path(path)?;
    let columns = Columns::of(reader.headers()?)?;
    let mut read = Inspections::default();
    for (index, record) in reader.records().enumerate() {
        match columns.row(&record?, index.saturating_add(1)) {
            Some(row) => read.rows.push(row),
            None => read.left_out = read.left_out.saturating_add(1),
        }
    }
    read.rows.sort_by_key(|row| (row.opened, row.line));
    if let Some(wards_max) = selection.wards_max {
        let mut wards: Vec<String> = Vec::new();
        for row in &read.rows {
            if wards.len() < wards_max && !wards.contains(&row.ward) {
                wards.push(row.ward.clone());
            }
        }
        read.rows.retain(|row| wards.contains(&row.ward));
    }
    read.rows.truncate(selection.rows_max.unwrap_or(usize::MAX));
    Ok(read)
}

/// Where the columns stand.
struct Columns(Vec<(&'static str, usize)>);

impl Columns {
    const NAMES: [&'static str; 9] =
        ["inspection_id", "opened", "closed", "address", "code", "description", "lat", "lon", "ward"];

    fn of(headers: &::csv::StringRecord) -> Result<Self, Trouble> {
        let place = |name: &'static str| {
            let found = headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name);
            found.map(|at| (name, at)).ok_or_else(|| Trouble::Server(format!("the inspections have no column {name}")))
        };
        Self::NAMES.into_iter().map(place).collect::<Result<_, _>>().map(Self)
    }

    fn text(&self, record: &::csv::StringRecord, name: &str) -> Option<String> {
        let (_, at) = self.0.iter().find(|(column, _)| *column == name)?;
        record.get(*at).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn row(&self, record: &::csv::StringRecord, line: usize) -> Option<Row> {
        let text = |name: &str| self.text(record, name);
        let degrees = |name: &str, max: f64| {
            let degrees = text(name)?.parse::<f64>().ok()?;
            (-max..=max).contains(&degrees).then_some(degrees)
        };
        Some(Row {
            line,
            inspection_id: text("inspection_id").unwrap_or_else(|| format!("line {line}")),
            opened: text("opened")?.parse().ok()?,
            closed: text("closed").and_then(|day| day.parse().ok()),
            address: text("address"),
            code: text("code"),
            description: text("description"),
            position: degrees("lat", 90.0).zip(degrees("lon", 180.0)),
            ward: text("ward")?,
        })
    }
}

/// The first instant of a day in the township, ms since 1970.
#[must_use]
pub fn midnight_ms(day: Date) -> Ms {
    let epoch = Date::new(1970, 1, 1).unwrap_or_default();
    let days = day.since(epoch).map_or(0, |span| i64::from(span.get_days()));
    u64::try_from(days.saturating_mul(DAY_MS).saturating_sub(TOWNSHIP_OFFSET_MS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::io::Write;

    use super::*;

    fn read_text(text: &str) -> Inspections {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path(), Selection::default()).unwrap()
    }

    const HEADER: &str = "inspection_id,opened,closed,address,code,description,lat,lon,ward\n";

    #[test]
    fn dirty_rows_are_kept_with_what_they_lack_absent() {
        let read = read_text(&format!(
            "{HEADER}2,2017-02-01,2019-01-15,1463 Eglinton Ave W,9.6.3.4(2),,43.6979,-79.4386,12\n\
             1,2017-01-02,,,,Records,,-79.4,3\n3,not a day,,x,,,1,1,2\n4,2017-01-03,,x,,,1,1,\n5,2017-01-03\n"
        ));
        assert_eq!(read.left_out, 3);
        let [first, second] = [&read.rows[0], &read.rows[1]];
        assert_eq!((first.inspection_id.as_str(), first.address.as_deref(), first.position), ("1", None, None));
        assert_eq!((first.code.as_deref(), first.description.as_deref()), (None, Some("Records")));
        assert_eq!((second.code.as_deref(), second.description.as_deref()), (Some("9.6.3.4(2)"), None));
        assert_eq!(second.position, Some((43.6979, -79.4386)));
    }

    #[test]
    fn a_table_without_one_of_the_columns_is_refused_by_its_name() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"inspection_id,opened\n1,2017-01-02\n").unwrap();
        let refusal = read(file.path(), Selection::default()).unwrap_err();
        assert!(refusal.to_string().contains("closed"), "{refusal}");
    }

    #[test]
    fn midnight_is_the_townships_midnight() {
        let day: Date = "2017-01-02".parse().unwrap();
        assert_eq!(sync_core::time::township_date(midnight_ms(day)), "2017-01-02");
        assert_eq!(sync_core::time::township_date(midnight_ms(day) - 1), "2017-01-01");
    }
}
