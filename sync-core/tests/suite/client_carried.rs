//! An outbox that is carried by hand: the file, what the server takes from it, and the receipts that go back.

use crate::server_in_memory::phone::{Link, Phone, hazard, replica};
use crate::server_in_memory::{Server, caller, village};
use serde_json::json;
use sync_core::carried::{Carried, Receipts, SealKey, Unsealed, open, peek, seal};
use sync_core::ids::DeviceId;
use sync_core::limits::{BATCH_VERSIONS_MAX, CARRIED_BYTES_MAX};
use sync_core::people::{Caller, Role};
use sync_core::protocol::Verdict;
use uuid::Uuid;

const SECRET: &[u8] = b"only the server knows it";
const NOW_MS: u64 = 1_700_000_000_000;

fn device(number: u128) -> DeviceId {
    DeviceId(Uuid::from_u128(0xde00 + number))
}

fn key(number: u128) -> SealKey {
    SealKey::of_device(SECRET, device(number))
}

fn inspector() -> Caller {
    caller(1, Role::Inspector, &[1])
}

fn file(phone: &Phone) -> String {
    seal(&key(1), &phone.client.carry(phone.caller.account, device(1), NOW_MS))
}

#[test]
fn receipts_from_before_a_restore_of_the_server_are_worth_nothing_after_it() {
    for has_pulled in [true, false] {
        let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
        if has_pulled {
            phone.sync(&mut server);
        }
        let backup = server.clone();
        let kept = phone.find(1, "carried by hand");
        let receipts: Receipts =
            open(&key(1), &server.import(&inspector(), SECRET, &file(&phone), NOW_MS).unwrap()).unwrap();
        server = server.restored(&backup);
        if has_pulled {
            phone.round_trip(&mut server, &inspector(), Link::RequestLost);
            phone.client.retry_now();
            let request = phone.client.poll(phone.now_ms).unwrap();
            let pulled = sync_core::protocol::SyncRequest { push: None, ..request };
            let answer = server.sync(&inspector(), &serde_json::to_string(&pulled).unwrap(), NOW_MS);
            phone.take(&answer, Link::Works);
        }
        phone.take_receipts(receipts);
        phone.sync(&mut server);
        assert!(server.taken.contains_key(&kept), "it was offered again (had pulled: {has_pulled})");
    }
}

#[test]
fn receipts_for_what_a_lost_copy_gave_away_settle_nothing_that_was_written_since() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    let both = phone.find(1, "in the copy too");
    let mut copy = phone.clone();
    phone.find(2, "by the phone that was lost");
    phone.find(4, "the last of that phone");
    let receipts = server.import(&inspector(), SECRET, &file(&phone), NOW_MS).unwrap();
    copy.find(3, "by the copy");
    copy.find(5, "written next to it");
    copy.take_receipts(open(&key(1), &receipts).unwrap());
    assert_eq!(copy.verdict(both), Some(Verdict::Merged));
    assert_ne!(copy.client.replica(), replica(1), "it has learned that its number was used");
    copy.sync(&mut server);
    let all = [
        "in the copy too",
        "by the phone that was lost",
        "the last of that phone",
        "by the copy",
        "written next to it",
    ];
    for words in all {
        assert_eq!(server.times_taken(words), 1, "{words}");
    }
}

#[test]
fn an_outbox_that_was_carried_by_hand_is_receipted_and_no_version_is_sent_twice() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    let kept = phone.find(1, "carried by hand");
    let photo = "0f".repeat(32);
    phone.add_photo(&photo);
    let refused = phone.edit(1, &[("place", json!("a gate"))]);
    phone.write_in(village(2), 7, "hazard", &hazard("elsewhere")).unwrap_err();
    let text = file(&phone);

    let receipts = server.import(&inspector(), SECRET, &text, NOW_MS).unwrap();
    let receipts: Receipts = open(&key(1), &receipts).unwrap();
    assert_eq!(receipts.photos_wanted, std::slice::from_ref(&photo));
    phone.take_receipts(receipts);
    assert_eq!((phone.verdict(kept), phone.verdict(refused)), (Some(Verdict::Merged), Some(Verdict::Merged)));
    assert_eq!(phone.client.photos_unsent(), 1, "its bytes did not come");

    server.photos.insert(photo);
    let again = server.import(&inspector(), SECRET, &text, NOW_MS).unwrap();
    phone.take_receipts(open(&key(1), &again).unwrap());
    assert_eq!((phone.client.photos_unsent(), phone.photos.len()), (0, 0));
    phone.crash();
    phone.sync(&mut server);
    assert_eq!(server.times_taken("carried by hand"), 1);
    assert_eq!(*phone.base.records(), server.visible_to(&inspector()));
}

#[test]
fn a_file_and_the_network_may_bring_the_same_in_any_order() {
    for file_first in [true, false] {
        let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
        phone.find(1, "both ways");
        let text = file(&phone);
        phone.find(2, "written after the file was made");
        if !file_first {
            phone.sync(&mut server);
        }
        let receipts = server.import(&inspector(), SECRET, &text, NOW_MS).unwrap();
        if file_first {
            phone.sync(&mut server);
        }
        phone.take_receipts(open(&key(1), &receipts).unwrap());
        phone.sync(&mut server);
        assert_eq!(server.taken.len(), 2);
        assert!(phone.client.outbox().waiting().next().is_none());
        assert_eq!(phone.client.replica(), replica(1));
    }
}

#[test]
fn a_file_of_a_phone_that_was_copied_makes_it_take_a_new_id_and_loses_nothing() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    let mut copy = phone.clone();
    phone.find(1, "by the phone");
    phone.sync(&mut server);
    copy.find(2, "by the copy");
    let receipts = server.import(&inspector(), SECRET, &file(&copy), NOW_MS).unwrap();
    copy.take_receipts(open(&key(1), &receipts).unwrap());
    assert_ne!(copy.client.replica(), replica(1));
    let receipts = server.import(&inspector(), SECRET, &file(&copy), NOW_MS).unwrap();
    copy.take_receipts(open(&key(1), &receipts).unwrap());
    assert_eq!((server.times_taken("by the phone"), server.times_taken("by the copy")), (1, 1));
    assert!(copy.client.outbox().waiting().next().is_none());
}

#[test]
fn what_was_changed_cut_off_or_sealed_by_another_is_not_taken() {
    let mut phone = Phone::new(1, inspector());
    phone.find(1, "carried by hand");
    let text = file(&phone);
    assert_eq!(peek::<Carried>(&text).unwrap().device, device(1));
    assert!(open::<Carried>(&key(1), &text).is_ok());
    assert!(open::<Carried>(&key(1), &text.replace('\n', "\r\n")).is_ok(), "line ends of another system");
    assert_eq!(open::<Carried>(&key(2), &text).unwrap_err(), Unsealed::Forged);
    assert_eq!(open::<Carried>(&key(1), &text.replace("by hand", "by foot")).unwrap_err(), Unsealed::Forged);
    assert_eq!(open::<Receipts>(&key(1), &text).unwrap_err(), Unsealed::NotThis);
    let as_receipts = text.replace("hazard-ledger-batch-1", "hazard-ledger-receipts-1");
    assert_eq!(open::<Receipts>(&key(1), &as_receipts).unwrap_err(), Unsealed::Forged);
    for cut in [0, 5, 22, 60, 86, 87, 88, text.len() / 2, text.len() - 2] {
        assert!(open::<Carried>(&key(1), &text[..cut]).is_err(), "cut at {cut}");
    }
    assert_eq!(SealKey::from_hex(&key(1).hex()), Some(key(1)));
    assert!(SealKey::from_hex("0f").is_none() && SealKey::from_hex(&"g".repeat(64)).is_none());
    assert_eq!(format!("{:?}", key(1)), "SealKey", "a key is in no log");
}

#[test]
fn what_was_put_aside_is_carried_to_a_restored_server_as_such() {
    let (mut server, mut phone) = (Server::new(), Phone::new(1, inspector()));
    phone.sync(&mut server);
    let backup = server.clone();
    let refused = phone.find(1, "of a village that was not the inspector's");
    phone.round_trip(&mut server, &caller(1, Role::Inspector, &[2]), Link::Works);
    assert_eq!(phone.verdict(refused), Some(Verdict::Quarantined));
    let mut again = server.restored(&backup);
    phone.client.want_pull();
    phone.round_trip(&mut again, &inspector(), Link::Works);
    let receipts = again.import(&inspector(), SECRET, &file(&phone), NOW_MS).unwrap();
    phone.take_receipts(open(&key(1), &receipts).unwrap());
    assert_eq!(again.taken[&refused].outcome, server.taken[&refused].outcome);
    assert_eq!(phone.verdict(refused), Some(Verdict::Quarantined));
}

#[test]
fn a_long_outbox_is_carried_in_batches_and_says_when_not_all_of_it_fits() {
    let mut phone = Phone::new(1, inspector());
    let count = BATCH_VERSIONS_MAX * 2 + 1;
    for number in 0..count as u128 {
        phone.find(number, "one of many");
    }
    let carried = phone.client.carry(phone.caller.account, device(1), NOW_MS);
    assert!(carried.is_whole);
    let batches: Vec<_> = carried.pushes.iter().map(|push| (push.first_seq, push.versions.len())).collect();
    assert_eq!(batches, [(1, 500), (501, 500), (1_001, 1)]);

    let words = "long ".repeat(700);
    for number in 2_000..7_000 {
        phone.find(number, &words);
    }
    let carried = phone.client.carry(phone.caller.account, device(1), NOW_MS);
    assert!(!carried.is_whole);
    let text = seal(&key(1), &carried);
    assert!((CARRIED_BYTES_MAX / 3..CARRIED_BYTES_MAX).contains(&text.len()), "{}", text.len());
}
