//! What lies on the desk of the demo's office: a hazard that was reported twice, returns and comments, a campaign that has been running for
//! some weeks, and the holidays that the law fixes by date.

use serde_json::json;
use sync_core::ids::{RecordId, VillageId};
use sync_core::time::{Ms, township_date};
use sync_core::workdays::SETTING;

use super::derived;
use super::directory::{SiteOf, writing};
use super::history::Act;
use crate::sync::authored::Writing;

const DAY_MS: Ms = 86_400_000;
const HOUR_MS: Ms = 3_600_000;
/// A village that reports one thing twice, one that has not answered a return yet, and one that has.
const TWICE: usize = 9;
const RETURNED: usize = 13;
const ANSWERED: usize = 14;
/// Of every year: 元旦, 劳动节, 国庆 (《全国年节及纪念日放假办法》, the days that do not follow the moon).
const HOLIDAYS: [&str; 6] = ["01-01", "05-01", "05-02", "10-01", "10-02", "10-03"];
/// For how many days the campaign has been running, and for how many it goes on.
const CAMPAIGN_DAYS: (Ms, Ms) = (33, 12);

/// What concerns no village.
pub(super) fn of_township(now_ms: Ms) -> Vec<Act> {
    let began_ms = days_ago(now_ms, CAMPAIGN_DAYS.0);
    let campaign = json!({
        "title": "安全生产集中检查", "type": "quarterly_dragnet", "lead": "分管领导",
        "starts": township_date(began_ms), "ends": township_date(now_ms.saturating_add(CAMPAIGN_DAYS.1 * DAY_MS)),
    });
    let years =
        [began_ms, now_ms.saturating_add(60 * DAY_MS)].map(|at_ms| township_date(at_ms).chars().take(4).collect());
    let mut setting = writing(SETTING, "setting", None, json!({}));
    for year in years {
        let year: String = year;
        setting.changes.extend(HOLIDAYS.map(|day| (format!("days/{year}-{day}"), "rest".into())));
    }
    let campaign = writing(RecordId(derived("campaign/running")), "campaign", None, campaign);
    vec![Act::of_office(began_ms, setting), Act::of_office(began_ms, campaign)]
}

/// What concerns the village at this place of the list.
pub(super) fn of_village(at: usize, village: VillageId, sites: &[SiteOf], now_ms: Ms) -> Vec<Act> {
    let Some(site) = sites.first() else { return Vec::new() };
    let found = |word: &str, description: &str, at_ms: Ms| {
        let changes = json!({
            "site": site.id, "sector": site.sector, "level": "general", "description": description, "place": "楼梯间",
            "location": site.location, "found_at": at_ms, "found_by": "村级安监员", "responsible": "负责人",
        });
        writing(RecordId(derived(&format!("desk/{word}/{at}"))), "hazard", Some(village), changes)
    };
    let said = |word: &str, about: &Writing, at_ms: Ms, what: (&str, &str)| {
        let mut comment = writing(
            RecordId(derived(&format!("desk/comment/{word}/{at}"))),
            "comment",
            Some(village),
            json!({"subject_kind": "hazard", "subject": about.record, "by": "安监办", "at": at_ms}),
        );
        comment.changes.insert(what.0.to_owned(), what.1.into());
        comment
    };
    let first_ms = days_ago(now_ms, 8);
    let later_ms = days_ago(now_ms, 5);
    match at {
        TWICE => {
            let first = found("twice", "一楼楼梯间堆放纸箱，占用疏散通道", first_ms);
            let note = said("note", &first, first_ms + HOUR_MS, ("text", "请下次检查时一并看二楼"));
            let again = found("again", "楼梯间仍堆放纸箱，占用疏散通道", later_ms);
            vec![
                Act::of_phone(first_ms, at, first),
                Act::of_office(first_ms + HOUR_MS, note),
                Act::of_phone(later_ms, at, again),
            ]
        }
        RETURNED => {
            let first = found("returned", "线路老化", first_ms);
            let back = said("back", &first, later_ms, ("reason", "请写明部位，并补一张近照"));
            vec![Act::of_phone(first_ms, at, first), Act::of_office(later_ms, back)]
        }
        ANSWERED => {
            let first = found("answered", "仓库内私拉电线给电动车充电", first_ms);
            let back = said("back", &first, first_ms + DAY_MS, ("reason", "是否已断电？请说明"));
            let answer =
                json!({"answer": "已当场断电，充电器已拿走", "answered_by": "村级安监员", "answered_at": later_ms});
            let answer = writing(back.record, "comment", Some(village), answer);
            vec![
                Act::of_phone(first_ms, at, first),
                Act::of_office(first_ms + DAY_MS, back),
                Act::of_inspector(later_ms, at, answer),
            ]
        }
        _ => Vec::new(),
    }
}

/// A moment of a morning some days ago.
fn days_ago(now_ms: Ms, days: Ms) -> Ms {
    (now_ms.saturating_sub(days * DAY_MS) / DAY_MS).saturating_mul(DAY_MS).saturating_add(2 * HOUR_MS)
}
