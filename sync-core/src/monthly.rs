//! The village's monthly report (村安全生产工作情况月报表): which record it is, where it stands between the village and the
//! office, and the figures with which the ledger fills it in before somebody confirms them.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::ids::{RecordId, VillageId};
use crate::record::Record;
use crate::time::{Ms, is_month, last_day, township_date};

/// The figures that the ledger knows, in the order of the form.
pub const FIGURES: &[&str] = &[
    "inspections",
    "sites_inspected",
    "hazards_found",
    "major_hazards_found",
    "hazards_closed",
    "hazards_open",
    "hazards_overdue",
];

/// The one record that is the report of a village for a month (`YYYY-MM`): two phones that begin it apart write the same.
///
/// A UUID of version 8: the first 16 bytes of SHA-256 over `monthly_report`, the village's id and the month, each ended by
/// a newline.
#[must_use]
pub fn report_id(village: VillageId, month: &str) -> RecordId {
    let digest = Sha256::digest(format!("monthly_report\n{village}\n{month}\n"));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, of)| *byte = of);
    RecordId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// Where a monthly report stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// The village has not submitted it.
    Draft,
    /// It waits for the office, or something in it is newer than what the office has seen.
    Submitted,
    /// The office wants it corrected; its reason is in `review_remark`.
    Returned,
    /// The office has accepted everything that is in it.
    Accepted,
}

impl ReportState {
    /// The word for it in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Returned => "returned",
            Self::Accepted => "accepted",
        }
    }
}

/// Derives where a report stands. A return holds until something is submitted that its author had not seen; an acceptance
/// holds only for what its author had seen, and only where nobody says otherwise or has taken it back, and no figure is disputed.
#[must_use]
pub fn report_state(report: &Record) -> ReportState {
    if report.value("submitted_at").is_none() {
        return ReportState::Draft;
    }
    let covers = |word: &str, path: &str| {
        report.siblings(path).all(|value| {
            value.value.is_null() && path == "submitted_at"
                || report
                    .siblings("review")
                    .any(|review| review.value.as_str() == Some(word) && review.has_seen(value.dot))
        })
    };
    if covers("returned", "submitted_at") {
        return ReportState::Returned;
    }
    let is_reviews = |path: &str| path == "review" || path == "review_remark";
    if report.siblings("review").all(|review| review.value == "accepted")
        && report.paths().all(|path| {
            let is_disputed = (path == "narrative" || path.starts_with("figures/")) && report.is_contested(path);
            is_reviews(path) || covers("accepted", path) && !is_disputed
        })
    {
        return ReportState::Accepted;
    }
    ReportState::Submitted
}

/// Of a hazard, what its month's figures depend on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonthHazard<'a> {
    /// Whether it reads as a major hazard.
    pub is_major: bool,
    /// The earliest day by which anybody wants it rectified, `YYYY-MM-DD`.
    pub deadline: Option<&'a str>,
    /// When it was closed, ms since 1970; absent while it is open.
    pub closed_at_ms: Option<Ms>,
}

/// Which of [`FIGURES`] one record counts in, for a month (`YYYY-MM`): what was done in it, and what was open and overdue as
/// it ended, or by `today` while it lasts. The record is a hazard, or an inspection where none is given, and `at_ms` is when
/// it was found or inspected. An inspection counts in `sites_inspected` where its site was not counted before: that is for
/// the caller to see to. Nothing counts in a month that is none. A hazard whose phone's clock was ahead was found by `today`.
#[must_use]
pub fn counts_in(month: &str, today: &str, at_ms: Ms, hazard: Option<MonthHazard<'_>>) -> [bool; FIGURES.len()] {
    let day = township_date(at_ms);
    let is_in_month = is_month(month) && day.starts_with(month);
    let Some(MonthHazard { is_major, deadline, closed_at_ms }) = hazard else {
        return [is_in_month, is_in_month, false, false, false, false, false];
    };
    let day = if *day < *today { &day } else { today };
    let is_in_month = is_month(month) && day.starts_with(month);
    let end = last_day(month).min(today.to_owned());
    let closed = closed_at_ms.map(township_date);
    let is_closed = is_month(month) && closed.as_ref().is_some_and(|closed| closed.starts_with(month));
    let is_open = is_month(month) && *day <= *end && closed.is_none_or(|closed| closed > end);
    let is_overdue = is_open && deadline.is_some_and(|deadline| *deadline < *end);
    [false, false, is_in_month, is_in_month && is_major, is_closed, is_open, is_overdue]
}

/// The month that a version or a report names, when it is one.
#[must_use]
pub fn named_month(value: &Value) -> Option<&str> {
    value.as_str().filter(|month| is_month(month))
}
