//! The demo's monthly reports: each village counts its own year, and the office has read what is old.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sync_core::ids::VillageId;
use sync_core::monthly::{FIGURES, MonthHazard, counts_in, report_id};
use sync_core::time::{Ms, township_date};

use super::directory::writing;
use super::history::{Act, Found, Year};

const DAY_MS: Ms = 86_400_000;
/// Months that are reported.
const MONTHS: usize = 3;
/// A village whose last report is returned, and the first that has not sent its own yet.
const RETURNED: usize = 5;
const MISSING_FROM: usize = 15;

/// The reports of a village for the last whole months, and what the office said of them.
pub(super) fn reports(at: usize, village: VillageId, year: &Year, now_ms: Ms) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut first_ms = first_of_month(now_ms);
    for age in 0..MONTHS {
        let next_ms = first_ms;
        first_ms = first_of_month(next_ms.saturating_sub(1));
        if age == 0 && at >= MISSING_FROM {
            continue;
        }
        let month: String = township_date(first_ms).chars().take(7).collect();
        let submitted_ms =
            next_ms.saturating_add(DAY_MS / 3).saturating_add(u64::try_from(at).unwrap_or(0) * 3_600_000);
        let mut report = json!({
            "month": month, "narrative": "按计划完成本月巡查，发现的隐患已逐条上报。", "reported_by": "村级安监员",
            "submitted_at": submitted_ms,
        });
        if let Some(fields) = report.as_object_mut() {
            fields.extend(figures(year, &month, now_ms));
        }
        let id = report_id(village, &month);
        acts.push(Act::of_phone(submitted_ms, at, writing(id, "monthly_report", Some(village), report)));
        let review = match (age, at) {
            (0, RETURNED) => json!({"review": "returned", "review_remark": "未销号隐患请逐条写明进度"}),
            (0, _) => continue,
            _ => json!({"review": "accepted"}),
        };
        let read_ms = submitted_ms.saturating_add(DAY_MS);
        acts.push(Act::of_office(read_ms, writing(id, "monthly_report", Some(village), review)));
    }
    acts
}

fn figures(year: &Year, month: &str, now_ms: Ms) -> Vec<(String, Value)> {
    let today = township_date(now_ms);
    let mut counted = vec![0_u64; FIGURES.len()];
    let mut add = |counts: &[bool]| {
        for (sum, counts) in counted.iter_mut().zip(counts) {
            *sum = sum.saturating_add(u64::from(*counts));
        }
    };
    let mut sites = BTreeSet::new();
    for (at_ms, site) in &year.visits {
        let mut counts = counts_in(month, &today, *at_ms, None);
        // A site counts once, however often it was visited.
        let [visit, new_site, ..] = &mut counts;
        *new_site = *visit && sites.insert(*site);
        add(&counts);
    }
    for Found { at_ms, is_major, deadline, closed_at_ms } in &year.found {
        let deadline = deadline.as_deref();
        let hazard = MonthHazard { is_major: *is_major, deadline, closed_at_ms: *closed_at_ms };
        add(&counts_in(month, &today, *at_ms, Some(hazard)));
    }
    FIGURES.iter().zip(counted).map(|(name, count)| (format!("figures/{name}"), count.into())).collect()
}

/// The beginning, in China, of the month in which an instant lies.
fn first_of_month(at_ms: Ms) -> Ms {
    const CHINA_MS: Ms = 8 * 3_600_000;
    let day: u64 = township_date(at_ms).chars().skip(8).collect::<String>().parse().unwrap_or(1);
    let midnight = at_ms.saturating_add(CHINA_MS) / DAY_MS * DAY_MS;
    midnight.saturating_sub(CHINA_MS).saturating_sub(day.saturating_sub(1) * DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_in_china() {
        // 2026-11-24 16:30 UTC is the 25th there; the month began on 2026-10-31 16:00 UTC.
        assert_eq!(first_of_month(1_795_537_800_000), 1_793_462_400_000);
        assert_eq!(township_date(1_793_462_400_000), "2026-11-01");
        assert_eq!(first_of_month(1_793_462_400_000), 1_793_462_400_000);
    }
}
