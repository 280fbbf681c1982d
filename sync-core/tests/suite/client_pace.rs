//! How often the client speaks and how much it sends at once. What it says is `client`.

use crate::server_in_memory::caller;
use crate::server_in_memory::phone::{Phone, replica};
use serde_json::json;
use sync_core::client::{Client, Failure, Pace};
use sync_core::limits::{BATCH_VERSIONS_MAX, BODY_BYTES_MAX, PHOTOS_ASKED_MAX};
use sync_core::people::{Caller, Role};
use sync_core::protocol::{PullAnswer, SyncAnswer};

fn inspector(number: u128) -> Caller {
    caller(number, Role::Inspector, &[1])
}

/// A phone with so many hazards that nobody else has seen.
fn day_of_work(hazards: u128) -> Phone {
    let mut phone = Phone::new(1, inspector(1));
    for number in 0..hazards {
        phone.find(number, &format!("hazard {number}"));
    }
    phone
}

fn batch(client: &mut Client, now_ms: u64) -> usize {
    client.poll(now_ms).unwrap().push.unwrap().versions.len()
}

#[test]
fn batches_shrink_on_a_bad_link_and_grow_on_a_good_one() {
    let mut phone = day_of_work(BATCH_VERSIONS_MAX as u128 + 300);
    let first = Pace::default().batch();
    let mut now_ms = phone.now_ms + 1;
    let mut sizes = Vec::new();
    for _ in 0..6 {
        sizes.push(batch(&mut phone.client, now_ms));
        phone.client.handle_failure(Failure::Network, now_ms);
        now_ms += phone.client.wait_ms(now_ms);
    }
    assert_eq!(sizes, [first, 25, 12, 6, 5, 5]);
    let mut grown = Vec::new();
    for _ in 0..8 {
        grown.push(batch(&mut phone.client, now_ms));
        let answer = SyncAnswer { now_ms, ..SyncAnswer::default() };
        assert!(phone.client.handle_answer(answer).is_empty());
    }
    assert_eq!(grown, [5, 10, 20, 40, 80, 160, 320, BATCH_VERSIONS_MAX]);
}

#[test]
fn a_batch_stays_within_half_a_body_but_one_version_always_goes() {
    let mut phone = Phone::new(1, inspector(1));
    let long = json!("字".repeat(4_000));
    phone.find(1, "long");
    for _ in 0..500 {
        phone.edit(1, &[("description", long.clone())]);
    }
    let mut now_ms = phone.now_ms;
    for _ in 0..5 {
        now_ms += 1;
        let request = phone.client.poll(now_ms).unwrap();
        let bytes: usize = request.push.unwrap().versions.iter().map(|version| version.get().len()).sum();
        assert!(bytes < BODY_BYTES_MAX / 2 && bytes > 0, "{bytes}");
        phone.client.handle_answer(SyncAnswer { now_ms, ..SyncAnswer::default() });
    }
}

#[test]
fn the_wait_doubles_to_five_minutes_and_a_success_ends_it() {
    let mut client = Client::new(replica(1));
    let mut waits = Vec::new();
    let mut now_ms = 1_000;
    for _ in 0..20 {
        assert!(client.poll(now_ms).is_some());
        client.handle_failure(Failure::Network, now_ms);
        let wait = client.wait_ms(now_ms);
        assert!(client.poll(now_ms + wait - 1).is_none());
        waits.push(wait);
        now_ms += wait;
    }
    for (index, wait) in waits.iter().enumerate() {
        let whole = (2_000_u64 << index.min(16)).min(300_000);
        assert!((whole / 2..whole).contains(wait), "{wait} ms after {index} failures");
    }
    assert!(client.poll(now_ms).is_some());
    client.handle_answer(SyncAnswer { now_ms, ..SyncAnswer::default() });
    assert_eq!(client.wait_ms(now_ms), 0);
}

#[test]
fn what_the_server_asks_for_is_waited_at_least_and_half_as_long_again_at_most() {
    for asked_s in [1, 30, 3_600] {
        let mut client = Client::new(replica(1));
        client.poll(1_000).unwrap();
        client.handle_failure(Failure::Busy { retry_after_s: Some(asked_s) }, 1_000);
        let wait = client.wait_ms(1_000);
        assert!((asked_s * 1_000..=asked_s * 1_500).contains(&wait), "{wait} for {asked_s} s");
        assert!(client.poll(1_000 + asked_s * 1_000 - 1).is_none());
    }
    let mut client = Client::new(replica(1));
    client.poll(1_000).unwrap();
    client.handle_failure(Failure::Busy { retry_after_s: Some(u64::MAX) }, 1_000);
    assert_eq!(client.wait_ms(1_000), u64::MAX - 1_000, "an absurd wait does not wrap around");
    client.retry_now();
    assert!(client.poll(1_001).is_some(), "the button ends any wait");
}

#[test]
fn phones_that_failed_together_do_not_come_back_together() {
    let waits: std::collections::BTreeSet<u64> = (1..=50)
        .map(|number| {
            let mut client = Client::new(replica(0x0192_f000_0000_7000_8000_0000_0000_0000 + number));
            client.poll(0).unwrap();
            client.handle_failure(Failure::Busy { retry_after_s: Some(10) }, 0);
            client.wait_ms(0) / 100
        })
        .collect();
    assert!(waits.len() > 20, "50 phones over 5 s fall into {} tenths", waits.len());
}

#[test]
fn one_round_trip_at_a_time_and_none_while_signed_out() {
    let mut phone = day_of_work(1);
    let now_ms = phone.now_ms;
    assert!(phone.client.poll(now_ms).is_some());
    assert!(phone.client.poll(now_ms).is_none(), "one is under way");
    phone.client.handle_failure(Failure::SignedOut, now_ms);
    assert!(phone.client.poll(now_ms + 10_000_000).is_none());
    phone.find(2, "written while signed out");
    phone.client.retry_now();
    assert_eq!(batch(&mut phone.client, now_ms), 2);
}

#[test]
fn an_answer_that_nobody_waits_for_is_ignored() {
    let mut client = Client::new(replica(1));
    let before = client.clone();
    let pull = PullAnswer {
        records: vec![],
        as_pushed: vec![],
        cursor: "x".into(),
        more: false,
        epoch: "1".into(),
        forget: vec![],
        digest: None,
        position: None,
    };
    let answer = SyncAnswer { now_ms: 1, pull: Some(pull), ..SyncAnswer::default() };
    assert!(client.handle_answer(answer).is_empty());
    assert_eq!(client, before);
}

#[test]
fn many_photos_are_asked_about_in_parts() {
    let mut client = Client::new(replica(1));
    for number in 0..=PHOTOS_ASKED_MAX {
        client.add_photo(format!("{number:064x}"));
    }
    assert_eq!(client.poll(0).unwrap().photos.len(), PHOTOS_ASKED_MAX);
}

#[test]
fn photos_about_which_nothing_is_said_keep_no_others_from_being_asked_about() {
    let mut client = Client::new(replica(1));
    for number in 0..=PHOTOS_ASKED_MAX {
        client.add_photo(format!("{number:064x}"));
    }
    client.poll(0).unwrap();
    client.handle_answer(SyncAnswer::default());
    let last = format!("{PHOTOS_ASKED_MAX:064x}");
    assert_eq!(client.poll(0).unwrap().photos.first(), Some(&last));
}

#[test]
fn a_wait_survives_a_clock_that_is_set_and_never_grows_by_it() {
    const YEAR_MS: u64 = 365 * 24 * 3_600_000;
    let failed_at_ms = 2 * YEAR_MS;
    let mut client = Client::new(replica(1));
    client.poll(failed_at_ms).unwrap();
    client.handle_failure(Failure::Busy { retry_after_s: Some(60) }, failed_at_ms);
    let whole = client.wait_ms(failed_at_ms);
    assert!((60_000..=90_000).contains(&whole));
    assert_eq!(client.wait_ms(failed_at_ms + 1_000), whole - 1_000);
    for set in [0, failed_at_ms - YEAR_MS, failed_at_ms - 1, failed_at_ms + whole, failed_at_ms + YEAR_MS, u64::MAX] {
        assert_eq!(client.wait_ms(set), 0, "a clock that says {set} does not prolong the wait");
        assert!(client.clone().poll(set).is_some(), "{set}");
    }
    assert!(client.poll(failed_at_ms + whole - 1).is_none());
}
