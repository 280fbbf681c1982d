//! The township's calendar of working days. Weekends rest; the State Council sets each year's holidays and the days that make up
//! for them (《全国年节及纪念日放假办法》), which the office keeps in its setting. A deadline of so many working days is the same
//! wherever it is computed.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use serde::Serialize;

use crate::ids::RecordId;
use crate::record::Record;
use crate::time::{civil, written};

/// The one record of kind `setting` in a township: two desks that begin it apart write the same.
pub const SETTING: RecordId = RecordId(uuid::Uuid::from_u128(0x7365_7474_696e_8000_8000_0000_0000_0001));

/// As many working days as a deadline is counted in at most: a year of them.
pub const WORKING_DAYS_MAX: u16 = 250;

/// Why a day is one of work or of rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// 工作日: Monday to Friday.
    Weekday,
    /// 周末: Saturday or Sunday.
    Weekend,
    /// 放假: the calendar says so.
    Holiday,
    /// 调休上班: a weekend's day that makes up for a holiday.
    MakeUp,
}

impl Why {
    /// Whether people work on such a day.
    #[must_use]
    pub const fn works(self) -> bool {
        matches!(self, Self::Weekday | Self::MakeUp)
    }
}

/// Which days are worked, as far as they differ from the week's habit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    works: BTreeMap<String, bool>,
}

impl Calendar {
    /// The calendar that a township's setting holds; without one, weekends rest and nothing else. A voided setting counts for
    /// nothing.
    #[must_use]
    pub fn of(setting: Option<&Record>) -> Self {
        let setting = setting.filter(|record| record.counts());
        let days = setting.into_iter().flat_map(|record| {
            record.keys("days").map(|day| (day.to_owned(), record.text(&format!("days/{day}")) == Some("work")))
        });
        Self { works: days.collect() }
    }

    /// What a day (`YYYY-MM-DD`) is; `None` for what is no day.
    #[must_use]
    pub fn why(&self, day: &str) -> Option<Why> {
        let is_weekend = matches!(civil(day)?.weekday(), Weekday::Saturday | Weekday::Sunday);
        Some(match (is_weekend, self.works.get(day)) {
            (true, Some(true)) => Why::MakeUp,
            (_, Some(false)) => Why::Holiday,
            (true, None) => Why::Weekend,
            (false, _) => Why::Weekday,
        })
    }

    /// The day by which something is due within so many working days after `day`, which itself does not count
    /// (《民法典》 201); `None` where `day` is none, the calendar of the world ends, or there are more than
    /// [`WORKING_DAYS_MAX`]. Within none at all it is due on the day itself.
    #[must_use]
    pub fn after(&self, day: &str, working_days: u16) -> Option<String> {
        if working_days > WORKING_DAYS_MAX {
            return None;
        }
        let (mut date, mut left) = (civil(day)?, working_days);
        while left > 0 {
            date = date.tomorrow().ok()?;
            if self.why(&written(date))?.works() {
                left = left.saturating_sub(1);
            }
        }
        Some(written(date))
    }

    /// Every day from one to another, both included, with what it is: as many as `days_max`.
    #[must_use]
    pub fn days(&self, from: &str, until: &str, days_max: usize) -> Vec<(String, Why)> {
        let dates = std::iter::successors(civil(from), |date: &Date| date.tomorrow().ok());
        let days = dates.map(written).take_while(|day| day.as_str() <= until).take(days_max);
        days.filter_map(|day| Some((self.why(&day)?, day)).map(|(why, day)| (day, why))).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// 2027: New Year's Day is a Friday; the spring festival rests from 5 to 11 February, made up for on two weekend days.
    fn calendar() -> Calendar {
        let rest = ["2027-01-01", "2027-02-05", "2027-02-08", "2027-02-09", "2027-02-10", "2027-02-11", "2027-02-06"];
        let days = rest.iter().map(|day| ((*day).to_owned(), false));
        Calendar { works: days.chain([("2027-01-31".to_owned(), true), ("2027-02-14".to_owned(), true)]).collect() }
    }

    #[test]
    fn a_deadline_counts_neither_its_first_day_nor_days_of_rest_but_the_days_that_make_up_for_them() {
        let cases = [
            ("2026-12-31", 0, "2026-12-31"),
            ("2026-12-31", 1, "2027-01-04"),
            ("2027-01-29", 1, "2027-01-31"),
            ("2027-02-03", 2, "2027-02-12"),
            ("2027-02-12", 1, "2027-02-14"),
            ("2027-02-04", 3, "2027-02-15"),
            ("2027-03-06", 5, "2027-03-12"),
        ];
        for (day, working_days, due) in cases {
            assert_eq!(calendar().after(day, working_days).as_deref(), Some(due), "{working_days} after {day}");
        }
        let weeks = Calendar::default().after("2027-03-01", 10);
        assert_eq!(weeks.as_deref(), Some("2027-03-15"), "two weeks");
    }

    #[test]
    fn what_is_no_day_or_too_far_has_no_deadline() {
        let calendar = calendar();
        assert_eq!(calendar.after("2027-02-30", 1), None);
        assert_eq!(calendar.after("2027-02-01", WORKING_DAYS_MAX + 1), None);
        assert_eq!(calendar.after("9999-12-31", 1), None);
        assert!(calendar.after("2027-02-01", WORKING_DAYS_MAX).is_some());
        let all_rest = Calendar {
            works: calendar.days("2027-01-01", "2027-12-31", 400).into_iter().map(|(day, _)| (day, false)).collect(),
        };
        assert_eq!(all_rest.after("2027-01-04", 1).as_deref(), Some("2028-01-03"));
    }

    #[test]
    fn a_day_says_why_it_is_one_of_work_or_of_rest() {
        let days = calendar().days("2027-01-29", "2027-02-05", 7);
        let why: Vec<Why> = days.iter().map(|(_, why)| *why).collect();
        use Why::{Holiday, MakeUp, Weekday, Weekend};
        assert_eq!(days.first().unwrap().0, "2027-01-29");
        assert_eq!(why, [Weekday, Weekend, MakeUp, Weekday, Weekday, Weekday, Weekday]);
        assert_eq!(calendar().why("2027-02-05"), Some(Holiday));
        assert_eq!(calendar().why("tomorrow"), None);
    }
}
