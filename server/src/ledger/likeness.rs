//! Which hazards are likely the same, found twice: pure rules over what two of them say. Nothing is joined here; a supervisor
//! decides.

use std::collections::BTreeSet;

use sync_core::ids::RecordId;
use sync_core::status::{Standing, Status};
use sync_core::time::Ms;

use crate::db::grams::Grams;

/// Two finds of one thing are no further apart in time, ms: what is found again after a month was not put right.
const WITHIN_MS: Ms = 30 * 24 * 3_600_000;
/// Two finds without the same site are no further apart, metres: the error of a phone's position in a street, twice.
const WITHIN_M: u32 = 50;
/// Of all pairs of letters in two descriptions at least so many, in per cent, are in both.
const ALIKE_PERCENT: usize = 40;
/// Metres of one degree of latitude (WGS 84, mean).
const DEGREE_M: f64 = 111_195.0;

/// What of a hazard is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    /// Its site, if it has one.
    pub site: Option<RecordId>,
    /// Latitude and longitude in degrees, where a phone knew them.
    pub place: Option<(f64, f64)>,
    /// Its sector.
    pub sector: String,
    /// When it was found.
    pub found_at_ms: Ms,
    /// Pairs of letters that stand side by side in its description.
    pairs: BTreeSet<String>,
}

impl Find {
    /// What is compared of a hazard that is described so.
    #[must_use]
    pub fn new(
        site: Option<RecordId>,
        place: Option<(f64, f64)>,
        sector: &str,
        found_at_ms: Ms,
        description: &str,
    ) -> Self {
        Self { site, place, sector: sector.to_owned(), found_at_ms, pairs: Grams::of(description).pairs }
    }
}

/// Why two hazards are likely the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likeness {
    /// How many of all pairs of letters are in both descriptions, in per cent.
    pub alike_percent: usize,
    /// How far apart they are at most, in steps of ten; `None` where they have the same site.
    pub metres: Option<u32>,
}

/// Whether two finds are likely the same: same sector, same site or near, close in time, alike in words.
#[must_use]
pub fn likeness(one: &Find, other: &Find) -> Option<Likeness> {
    let is_near = one.sector == other.sector && one.found_at_ms.abs_diff(other.found_at_ms) <= WITHIN_MS;
    if !is_near {
        return None;
    }
    let metres = if one.site.is_some() && one.site == other.site { None } else { Some(metres_within(one, other)?) };
    let shared = one.pairs.intersection(&other.pairs).count();
    let all = one.pairs.len().saturating_add(other.pairs.len()).saturating_sub(shared);
    let alike_percent = shared.saturating_mul(100).checked_div(all)?;
    (alike_percent >= ALIKE_PERCENT).then_some(Likeness { alike_percent, metres })
}

/// How far two finds are apart, if no further than counts; on a plane, which is right within a centimetre there.
fn metres_within(one: &Find, other: &Find) -> Option<u32> {
    let ((lat, lon), (other_lat, other_lon)) = (one.place?, other.place?);
    let north = (lat - other_lat) * DEGREE_M;
    let east = (lon - other_lon) * DEGREE_M * lat.to_radians().cos();
    let metres = north.hypot(east);
    [10, 20, 30, 40, WITHIN_M].into_iter().find(|up_to| metres <= f64::from(*up_to))
}

/// What of a hazard would be lost to sight if it were voided as the same as another that is kept; a joining that loses any of it is
/// refused. Level and deadline are not here: the kept hazard takes the stricter of them.
#[must_use]
pub fn lost_by_joining(kept: &Standing, gone: &Standing) -> Vec<&'static str> {
    let is_open = |standing: &Standing| standing.status != Status::Closed;
    let mut lost = Vec::new();
    if is_open(gone) && !is_open(kept) {
        lost.push("open");
    } else if gone.status < Status::Rectified && kept.status == Status::Rectified {
        // It may be the find that says that nothing was put right.
        lost.push("unrectified");
    }
    if gone.is_suspended && !kept.is_suspended {
        lost.push("suspended");
    }
    if gone.is_escalated && !kept.is_escalated {
        lost.push("escalated");
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const DAY_MS: Ms = 24 * 3_600_000;

    fn site(number: u128) -> Option<RecordId> {
        Some(RecordId(Uuid::from_u128(number)))
    }

    /// An expired extinguisher at the first site, or at a place, on a day.
    fn find(site: Option<RecordId>, place: Option<(f64, f64)>, day: Ms, words: &str) -> Find {
        Find::new(site, place, "fire", day * DAY_MS, words)
    }

    #[test]
    fn what_is_likely_the_same() {
        let here = Some((27.500_000, 109.200_000));
        let words = "一楼灭火器压力不足";
        let first = find(site(1), here, 100, words);
        let table = [
            ("the same once more", find(site(1), None, 101, words), true),
            ("said otherwise", find(site(1), None, 101, "一楼楼梯口灭火器压力不足"), true),
            ("about something else", find(site(1), None, 101, "配电箱无门，电线裸露"), false),
            ("without words", find(site(1), None, 101, "，。"), false),
            ("on the last day that counts", find(site(1), None, 130, words), true),
            ("a day later", find(site(1), None, 131, words), false),
            ("a month before", find(site(1), None, 70, words), true),
            ("another site, nowhere", find(site(2), None, 100, words), false),
            ("no site, nowhere", find(None, None, 100, words), false),
            ("no site, 44 m to the north", find(None, Some((27.500_400, 109.200_000)), 100, words), true),
            ("no site, 56 m to the north", find(None, Some((27.500_500, 109.200_000)), 100, words), false),
            ("another site, 39 m to the east", find(site(2), Some((27.500_000, 109.200_400)), 100, words), true),
            ("another sector", Find { sector: "gas".to_owned(), ..first.clone() }, false),
        ];
        for (case, other, is_likely) in table {
            assert_eq!(likeness(&first, &other).is_some(), is_likely, "{case}");
            assert_eq!(likeness(&other, &first), likeness(&first, &other), "{case}: whichever comes first");
        }
    }

    #[test]
    fn a_likeness_says_how_alike_and_how_far() {
        let words = "灭火器过期";
        let near = find(None, Some((27.5, 109.2)), 1, words);
        let other = find(None, Some((27.500_1, 109.2)), 1, words);
        assert_eq!(likeness(&near, &other), Some(Likeness { alike_percent: 100, metres: Some(20) }));
        let same_site = find(site(1), None, 1, words);
        assert_eq!(likeness(&same_site, &same_site), Some(Likeness { alike_percent: 100, metres: None }));
    }

    #[test]
    fn joining_never_takes_anything_dangerous_out_of_sight() {
        let standing = |status| Standing {
            status,
            is_major: false,
            is_suspended: false,
            is_escalated: false,
            deadline: None,
            closed_at_ms: None,
            is_void: false,
        };
        let (open, closed) = (standing(Status::Reported), standing(Status::Closed));
        let suspended = Standing { is_suspended: true, ..open.clone() };
        let escalated = Standing { is_escalated: true, ..open.clone() };
        let (ordered, rectified) = (standing(Status::Ordered), standing(Status::Rectified));
        let table: [(&Standing, &Standing, &[&str]); 12] = [
            (&open, &open, &[]),
            (&open, &closed, &[]),
            (&closed, &closed, &[]),
            (&closed, &open, &["open"]),
            (&open, &suspended, &["suspended"]),
            (&open, &escalated, &["escalated"]),
            (&suspended, &suspended, &[]),
            (&closed, &suspended, &["open", "suspended"]),
            (&open, &ordered, &[]),
            (&rectified, &open, &["unrectified"]),
            (&rectified, &ordered, &["unrectified"]),
            (&ordered, &rectified, &[]),
        ];
        for (kept, gone, lost) in table {
            assert_eq!(lost_by_joining(kept, gone), lost, "{gone:?} for {kept:?}");
        }
    }
}
