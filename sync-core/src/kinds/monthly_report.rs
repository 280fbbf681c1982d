//! 村安全生产工作情况月报表: what a village says of its month. Its state (draft, submitted, returned, accepted) is derived
//! (`monthly`), never written here.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// What a figure counts: more than a billion of anything in a village in a month is a slip of the finger.
const FIGURE: FieldType = FieldType::Integer(0, 1_000_000_000);

/// The less safe first: work that somebody returned is not done.
const REVIEWS: &[&str] = &["returned", "accepted"];

/// The declaration. Figures are keyed by the names of `monthly::FIGURES`; a village may add its own. A report's id follows
/// from its village and month (`monthly::report_id`), so that two inspectors of a village write the same report.
pub(super) static MONTHLY_REPORT: Kind = Kind {
    name: "monthly_report",
    label: "村月报表",
    scope: Scope::Village,
    fields: &[
        Field::new("month", "月份", FieldType::Month, Rule::Latest).required(),
        Field::new("figures", "数据", FieldType::Map(&FIGURE), Rule::Review),
        Field::new("narrative", "工作情况", FieldType::Text(4_000), Rule::Review),
        Field::new("reported_by", "填报人", FieldType::Text(60), Rule::Latest),
        Field::new("submitted_at", "上报时间", FieldType::Time, Rule::LatestDate),
        Field::new("review", "审核结果", FieldType::Choice(REVIEWS), Rule::Safest(REVIEWS)),
        Field::new("review_remark", "审核意见", FieldType::Text(1_000), Rule::Review),
    ],
    one_of: &[],
};
