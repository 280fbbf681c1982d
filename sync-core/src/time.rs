//! Time as data: hybrid logical clock stamps and the township's calendar day. Nothing here reads a clock.

use std::fmt;

use jiff::civil::Date;
use jiff::{Timestamp, tz};
use serde::{Deserialize, Serialize};

use crate::limits::TIME_MS_MAX;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Ms = u64;

/// China Standard Time, UTC+8 all year: the township's calendar.
const TOWNSHIP_OFFSET_HOURS: i8 = 8;

const DAY_MS: i64 = 86_400_000;

/// A hybrid logical clock reading (Kulkarni et al., "Logical Physical Clocks", 2014): wall time in ms, then a counter.
///
/// Stamps only order what is *shown* when several values stand; they never decide whether something is kept.
/// JSON: `[ms, counter]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "(u64, u32)", into = "(u64, u32)")]
pub struct Stamp {
    /// Wall time, ms since 1970.
    pub ms: Ms,
    /// Distinguishes events inside one millisecond, or while the wall clock stands still or runs backwards.
    pub counter: u32,
}

impl From<(u64, u32)> for Stamp {
    fn from((ms, counter): (u64, u32)) -> Self {
        Self { ms, counter }
    }
}

impl From<Stamp> for (u64, u32) {
    fn from(stamp: Stamp) -> Self {
        (stamp.ms, stamp.counter)
    }
}

impl Stamp {
    /// The stamp of a new event: after `self` (the last stamp given or seen), and at `now_ms` if that is later.
    #[must_use]
    pub fn next(self, now_ms: Ms) -> Self {
        if now_ms > self.ms {
            Self { ms: now_ms.min(TIME_MS_MAX), counter: 0 }
        } else if self.counter == u32::MAX {
            Self { ms: self.ms.saturating_add(1), counter: 0 }
        } else {
            Self { ms: self.ms, counter: self.counter.saturating_add(1) }
        }
    }

    /// The stamp as a receiver keeps it: never later than its own time of receipt, so that a phone set to 2030
    /// does not win for ever.
    #[must_use]
    pub fn capped(self, received_ms: Ms) -> Self {
        if self.ms > received_ms { Self { ms: received_ms, counter: 0 } } else { self }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.ms, self.counter)
    }
}

/// The township's calendar day at an instant, as `YYYY-MM-DD`; compares as text.
///
/// Instants beyond the year 9999 give its last day.
#[must_use]
pub fn township_date(now_ms: Ms) -> String {
    let ms = i64::try_from(now_ms.min(TIME_MS_MAX)).unwrap_or(i64::MAX);
    let zone = tz::offset(TOWNSHIP_OFFSET_HOURS);
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| "9999-12-31".to_owned(), |instant| written(zone.to_datetime(instant).date()))
}

/// Whether `text` is a calendar date written `YYYY-MM-DD`.
#[must_use]
pub fn is_date(text: &str) -> bool {
    civil(text).is_some()
}

/// The day that is written `YYYY-MM-DD`.
pub(crate) fn civil(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (number(parts.next())?, number(parts.next())?, number(parts.next())?);
    let [month, day] = [month, day].map(|part| i8::try_from(part).unwrap_or(0));
    Date::new(year, month, day).ok().filter(|date| written(*date) == text)
}

/// When a day of the township's calendar (`YYYY-MM-DD`) begins, and when the next does, ms since 1970; `None` for what is no day,
/// and for days before 1970.
#[must_use]
pub fn day_span(text: &str) -> Option<(Ms, Ms)> {
    let days = civil(text)?.since(Date::constant(1970, 1, 1)).ok()?.get_days();
    let begin = i64::from(days).checked_mul(DAY_MS)?.checked_sub(i64::from(TOWNSHIP_OFFSET_HOURS) * 3_600_000)?;
    Some((Ms::try_from(begin).ok()?, Ms::try_from(begin.checked_add(DAY_MS)?).ok()?))
}

/// Whether `text` is a calendar month written `YYYY-MM`.
#[must_use]
pub fn is_month(text: &str) -> bool {
    is_date(&format!("{text}-01"))
}

/// The last day of a month that is written `YYYY-MM`.
#[must_use]
pub fn last_day(month: &str) -> String {
    let days = ["31", "30", "29"].map(|day| format!("{month}-{day}"));
    days.into_iter().find(|day| is_date(day)).unwrap_or_else(|| format!("{month}-28"))
}

fn number(digits: Option<&str>) -> Option<i16> {
    digits?.parse().ok()
}

/// Not by jiff's own reading and writing of dates, which know far more forms than this one: in the browser they weigh a
/// fifth of the whole.
pub(crate) fn written(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_stamp_moves_on_even_when_the_clock_runs_backwards() {
        let first = Stamp::default().next(1_000);
        let second = first.next(400);
        let third = second.next(1_001);
        assert!(first < second && second < third);
        assert_eq!(second, Stamp { ms: 1_000, counter: 1 });
    }

    #[test]
    fn a_stamp_from_the_future_is_capped_at_its_receipt() {
        let wrong = Stamp { ms: 2_000_000_000_000, counter: 7 };
        assert_eq!(wrong.capped(1_700_000_000_000), Stamp { ms: 1_700_000_000_000, counter: 0 });
        assert_eq!(Stamp { ms: 5, counter: 7 }.capped(6), Stamp { ms: 5, counter: 7 });
    }

    #[test]
    fn the_township_day_begins_at_sixteen_hours_utc() {
        assert_eq!(township_date(1_704_038_399_999), "2023-12-31");
        assert_eq!(township_date(1_704_038_400_000), "2024-01-01");
        assert_eq!(township_date(u64::MAX), "9999-12-31".to_owned().replace("9999-12-31", &township_date(TIME_MS_MAX)));
    }

    #[test]
    fn a_day_spans_its_instants_and_no_other() {
        assert_eq!(day_span("2024-01-01"), Some((1_704_038_400_000, 1_704_124_800_000)));
        for day in ["1970-01-02", "2024-02-29", "2026-12-31"] {
            let (begin, end) = day_span(day).unwrap();
            assert_eq!((township_date(begin), township_date(end - 1)), (day.to_owned(), day.to_owned()));
            assert_ne!(township_date(end), day);
        }
        assert_eq!((day_span("1970-01-01"), day_span("2024-02-30")), (None, None));
    }

    #[test]
    fn only_real_dates_in_the_one_form_are_dates() {
        assert!(is_date("2024-02-29"));
        let odd = [
            "2024-02-30",
            "2024-13-01",
            "2024-00-10",
            "-024-01-01",
            "2024-+1-01",
            "12024-01-01",
            "2024-01-01-1",
            "٢٠٢٤-01-01",
        ];
        for wrong in ["2023-02-29", "2024-2-9", "20240209", "", "2024-02-29T00:00"].into_iter().chain(odd) {
            assert!(!is_date(wrong), "{wrong}");
        }
    }
}
