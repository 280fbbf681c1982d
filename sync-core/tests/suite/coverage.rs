//! Which sites a campaign means to reach, and which inspections reached them. Doubt is read the less safe way.

use serde_json::{Value, json};
use sync_core::coverage::{Visit, covers, is_target, speaks_for, visit};
use sync_core::ids::{RecordId, VillageId};
use sync_core::record::Record;

use crate::facts::{MARCH_1_MS, Story, record_id};

const DAY_MS: u64 = 86_400_000;

/// An inspection of site 50 on the first of March, and what else it says.
fn inspected(story: &mut Story, more: &[(&str, Value)]) -> RecordId {
    let about = [("site", json!(record_id(50))), ("inspected_at", json!(MARCH_1_MS))];
    story.record("inspection", &[&about[..], more].concat())
}

fn visited(campaign: Option<u128>) -> Option<Visit> {
    Some(Visit { site: record_id(50), campaign: campaign.map(record_id), at_ms: MARCH_1_MS })
}

#[test]
fn an_inspection_of_a_site_is_a_visit_for_the_campaign_that_it_names() {
    let mut story = Story::found("general");
    let (free, led) = (inspected(&mut story, &[]), inspected(&mut story, &[("campaign", json!(record_id(60)))]));
    assert_eq!(visit(&story.fact(free)), visited(None));
    assert_eq!(visit(&story.fact(led)), visited(Some(60)));
}

#[test]
fn an_inspection_of_which_the_place_the_time_or_the_whole_is_in_doubt_reached_nothing() {
    let mut story = Story::found("general");
    let all = [(); 6].map(|()| inspected(&mut story, &[]));
    let [sure, place, time, void, revived, words] = all;
    let nothing_seen = |id| Record::empty(id, "inspection", None);
    story.edit_from(&nothing_seen(place), &[("site", json!(record_id(51)))]);
    story.edit_from(&nothing_seen(time), &[("inspected_at", json!(MARCH_1_MS + 1))]);
    story.void(void);
    story.void_and_revive(revived);
    story.edit_from(&nothing_seen(words), &[("conclusion", json!("合格"))]);
    story.edit_from(&nothing_seen(words), &[("conclusion", json!("不合格"))]);
    for id in [place, time, void, revived] {
        assert_eq!(visit(&story.fact(id)), None, "{id}");
    }
    for id in [sure, words] {
        assert_eq!(visit(&story.fact(id)), visited(None), "{id}");
    }
    let without_site = story.record("inspection", &[("place", json!("桥头")), ("inspected_at", json!(MARCH_1_MS))]);
    let without_time = story.record("inspection", &[("site", json!(record_id(50)))]);
    let another_kind = story.record("hazard", &[("site", json!(record_id(50))), ("inspected_at", json!(MARCH_1_MS))]);
    for id in [without_site, without_time, another_kind] {
        assert_eq!(visit(&story.fact(id)), None, "{id}");
    }
}

/// A campaign that lists these members, and a site of fire safety in use.
fn campaign_and_site(listed: &[(&str, Value)]) -> (Story, RecordId, RecordId) {
    let mut story = Story::found("general");
    let days = [("starts", json!("2024-03-01")), ("ends", json!("2024-03-02"))];
    let campaign = story.record("campaign", &[&days[..], listed].concat());
    let site = story.record("site", &[("sector", json!("fire")), ("status", json!("in_use"))]);
    (story, campaign, site)
}

fn means(story: &Story, campaign: RecordId, site: RecordId) -> bool {
    is_target(&story.fact(campaign), &story.fact(site))
}

#[test]
fn a_campaign_means_the_sites_of_its_list_and_of_its_sectors_where_a_list_is_not_empty() {
    let (own, other) = (format!("sites/{}", record_id(2)), format!("sites/{}", record_id(77)));
    let yes = || json!(true);
    let cases: [(&[(&str, Value)], bool); 8] = [
        (&[], true),
        (&[(&own, yes())], true),
        (&[(&other, yes())], false),
        (&[(&other, json!(false))], true),
        (&[("sectors/fire", yes())], true),
        (&[("sectors/gas", yes())], false),
        (&[(&own, yes()), ("sectors/gas", yes())], false),
        (&[(&own, yes()), (&other, yes()), ("sectors/gas", yes()), ("sectors/fire", yes())], true),
    ];
    for (listed, is_meant) in cases {
        let (story, campaign, site) = campaign_and_site(listed);
        assert_eq!(means(&story, campaign, site), is_meant, "{listed:?}");
    }
}

#[test]
fn of_several_sectors_that_stand_any_counts() {
    let (mut story, campaign, site) = campaign_and_site(&[("sectors/gas", json!(true))]);
    story.edit_from(&Record::empty(site, "site", None), &[("sector", json!("gas"))]);
    assert!(means(&story, campaign, site));
}

#[test]
fn a_site_that_was_closed_down_or_voided_and_what_is_no_site_is_not_meant() {
    let (mut story, campaign, site) = campaign_and_site(&[]);
    let [closed, void, revived] = [(); 3].map(|()| story.record("site", &[("sector", json!("fire"))]));
    story.edit(closed, &[("status", json!("closed"))]);
    story.void(void);
    story.void_and_revive(revived);
    let hazard = story.record("hazard", &[("sector", json!("fire"))]);
    let meant = [site, closed, void, revived, hazard].map(|id| means(&story, campaign, id));
    assert_eq!(meant, [true, false, false, true, false]);
}

#[test]
fn a_visit_counts_that_was_made_for_the_campaign_or_on_one_of_its_days() {
    let (story, campaign, _) = campaign_and_site(&[]);
    let covered = |made_for: Option<RecordId>, at_ms| {
        covers(&story.fact(campaign), &Visit { site: record_id(50), campaign: made_for, at_ms })
    };
    let instants = [MARCH_1_MS - 1, MARCH_1_MS, MARCH_1_MS + 2 * DAY_MS - 1, MARCH_1_MS + 2 * DAY_MS];
    assert_eq!(instants.map(|at_ms| covered(None, at_ms)), [false, true, true, false]);
    assert_eq!(instants.map(|at_ms| covered(Some(campaign), at_ms)), [true; 4]);
    assert_eq!(instants.map(|at_ms| covered(Some(record_id(88)), at_ms)), [false, true, true, false]);
}

#[test]
fn a_campaign_without_a_first_or_a_last_day_counts_only_what_was_made_for_it() {
    let mut story = Story::found("general");
    let open = [("starts", "2024-03-01"), ("ends", "2024-03-02")].map(|(path, day)| {
        let campaign = story.record("campaign", &[(path, json!(day))]);
        let visit = |campaign| Visit { site: record_id(50), campaign, at_ms: MARCH_1_MS };
        [None, Some(campaign)].map(|made_for| covers(&story.fact(campaign), &visit(made_for)))
    });
    assert_eq!(open, [[false, true]; 2]);
}

#[test]
fn an_inspection_speaks_for_a_site_of_its_own_village_and_the_townships_for_every_one() {
    let [own, other] = [1, 2].map(|number| VillageId(uuid::Uuid::from_u128(number)));
    let site = |village| Record::empty(record_id(50), "site", village);
    let cases = [(Some(own), Some(own)), (Some(other), Some(own)), (None, Some(own)), (Some(own), None), (None, None)];
    let spoken = cases.map(|(of, at)| speaks_for(of, &site(at)));
    assert_eq!(spoken, [true, false, true, false, true]);
}

#[test]
fn only_what_is_surely_a_day_of_the_campaign_counts() {
    let (mut story, campaign, _) = campaign_and_site(&[]);
    let nothing_seen = Record::empty(campaign, "campaign", None);
    let covered = |story: &Story| {
        let visits = [0, DAY_MS].map(|later| Visit { site: record_id(50), campaign: None, at_ms: MARCH_1_MS + later });
        visits.map(|visit| covers(&story.fact(campaign), &visit))
    };
    assert_eq!(covered(&story), [true, true]);
    story.edit_from(&nothing_seen, &[("starts", json!("2024-03-02"))]);
    assert_eq!(covered(&story), [false, true], "somebody says that it began later");
    story.edit_from(&nothing_seen, &[("ends", json!(null))]);
    assert_eq!(covered(&story), [false, false], "somebody says that it has no last day");
}
