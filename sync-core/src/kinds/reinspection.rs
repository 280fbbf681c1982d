//! 复查: the look at what was rectified, which alone can close a hazard.

use crate::schema::{Field, FieldType, Kind, Rule, Scope};

/// The declaration.
///
/// `authority` is `township` where the office itself re-inspected; only its roles may write that, and a major hazard is
/// closed by nothing less: whoever edits the township's re-inspection later writes `authority` again with the edit, or it
/// does not count for a major hazard. `follows` names the rectifications and re-inspections of the hazard that the author had seen:
/// a pass answers only the failures that it follows. `signed_off_by` and `signed_off_at` are a leader's approval of a closure.
pub(super) static REINSPECTION: Kind = Kind {
    name: "reinspection",
    label: "复查",
    scope: Scope::Village,
    fields: &[
        Field::new("hazard", "隐患", FieldType::Reference("hazard"), Rule::Review).required(),
        Field::new("order", "整改指令书", FieldType::Reference("order"), Rule::Latest),
        Field::new("at", "复查时间", FieldType::Time, Rule::Review).required(),
        Field::new("by", "复查人", FieldType::Text(60), Rule::Review).required(),
        Field::new(
            "result",
            "复查结果",
            FieldType::Choice(&["not_passed", "passed"]),
            Rule::Safest(&["not_passed", "passed"]),
        )
        .required(),
        Field::new(
            "authority",
            "复查层级",
            FieldType::Choice(&["village", "township"]),
            Rule::Safest(&["village", "township"]),
        ),
        Field::new("follows", "依据", FieldType::Set, Rule::Union),
        Field::new("remark", "备注", FieldType::Text(2_000), Rule::Review),
        Field::new("signed_off_by", "审批领导", FieldType::Text(60), Rule::Review),
        Field::new("signed_off_at", "审批时间", FieldType::Time, Rule::LatestDate),
    ],
    one_of: &[],
};
