//! 五落实: which of what must be fixed for a hazard's rectification is fixed, and which is still missing. Regulations differ in the
//! members of the list, so the office chooses them in its setting.

use crate::record::Record;
use crate::status::Standing;

/// Every member that some regulation counts: fields of a hazard, in the order in which they are said.
pub const MEMBERS: &[&str] = &["responsible", "measures", "funds", "deadline", "contingency_plan", "aim"];

/// The members that are asked for where the office has chosen none: 责任、措施、资金、时限、预案.
const USUAL: &[&str] = &["responsible", "measures", "funds", "deadline", "contingency_plan"];

/// The members that a township asks for, in the order of [`MEMBERS`].
#[must_use]
pub fn asked_for(setting: Option<&Record>) -> Vec<&'static str> {
    let setting = setting.filter(|record| record.counts());
    let chosen: Vec<&str> = setting.into_iter().flat_map(|record| record.keys("must_settle")).collect();
    let known: Vec<&str> = MEMBERS.iter().copied().filter(|member| chosen.contains(member)).collect();
    if known.is_empty() { USUAL.to_vec() } else { known }
}

/// Members as a number: a bit for each of [`MEMBERS`], the first the lowest.
#[must_use]
pub fn bits(members: &[&str]) -> i32 {
    MEMBERS.iter().rev().fold(0, |bits, member| bits << 1 | i32::from(members.contains(member)))
}

/// The members of [`MEMBERS`] that are missing. A member is settled where something is given and nobody disputes that it is:
/// of two that did not see each other, one of whom cleared the field, the less safe reading counts. An order's deadline is one.
#[must_use]
pub fn missing(hazard: &Record, standing: &Standing) -> Vec<&'static str> {
    let is_given = |member: &str| {
        hazard.value(member).is_some_and(|value| !value.is_null())
            && hazard.siblings(member).all(|sibling| !sibling.value.is_null())
    };
    let is_settled = |member: &str| is_given(member) || member == "deadline" && standing.deadline.is_some();
    MEMBERS.iter().copied().filter(|member| !is_settled(member)).collect()
}
