//! Random schedules of phones, an office and a bad link: at rest all equal the server, and every edit was taken exactly
//! once, into the ledger or aside. What each accident does by itself is `client` and `client_backups`.

use crate::server_in_memory::phone::{Link, Phone, hazard};
use crate::server_in_memory::{Server, caller, village};
use proptest::prelude::*;
use serde_json::json;
use sync_core::people::{Caller, Role};
use sync_core::protocol::Verdict;

const RECORDS: u128 = 4;

#[derive(Clone, Debug)]
enum Step {
    Edit {
        phone: usize,
        record: u128,
        field: usize,
    },
    Photo {
        phone: usize,
        number: u8,
    },
    RoundTrip {
        phone: usize,
        link: Link,
    },
    Crash {
        phone: usize,
    },
    /// The first inspector loses village 2, or has it again.
    Move {
        has_village_2: bool,
    },
    /// An old request comes out of the network once more.
    Echo {
        which: prop::sample::Index,
    },
    Backup,
    /// The server begins anew from the last backup.
    Restore,
}

fn steps(restores: bool) -> impl Strategy<Value = Vec<Step>> {
    let phone = || 0..3_usize;
    let link = prop_oneof![
        4 => Just(Link::Works),
        1 => Just(Link::RequestLost),
        2 => Just(Link::AnswerLost),
        1 => Just(Link::RequestTwice),
        // The effects of one call are stored in one transaction: all of them, or none.
        1 => Just(Link::DiesAfter(0)),
        1 => Just(Link::DiesAfter(usize::MAX)),
    ];
    let edit = (phone(), 0..RECORDS, 0..4_usize).prop_map(|(phone, record, field)| Step::Edit { phone, record, field });
    let backups = u32::from(restores);
    let step = prop_oneof![
        8 => edit,
        1 => (phone(), any::<u8>()).prop_map(|(phone, number)| Step::Photo { phone, number }),
        8 => (phone(), link).prop_map(|(phone, link)| Step::RoundTrip { phone, link }),
        1 => phone().prop_map(|phone| Step::Crash { phone }),
        1 => any::<bool>().prop_map(|has_village_2| Step::Move { has_village_2 }),
        1 => any::<prop::sample::Index>().prop_map(|which| Step::Echo { which }),
        backups => Just(Step::Backup),
        backups => Just(Step::Restore),
    ];
    prop::collection::vec(step, 1..60)
}

struct World {
    server: Server,
    backup: Server,
    phones: Vec<Phone>,
    /// What the server knows of the accounts.
    accounts: Vec<Caller>,
    /// Words that stand in one edit each.
    words: Vec<String>,
    /// Requests that reached the server, and whose they were.
    sent: Vec<(usize, String)>,
}

impl World {
    fn new(all_decide: bool) -> Self {
        let role = if all_decide { Role::Supervisor } else { Role::Inspector };
        let accounts = vec![caller(1, role, &[1, 2]), caller(2, role, &[1, 2]), caller(3, Role::Supervisor, &[])];
        let phones = (1_u128..).zip(&accounts).map(|(number, who)| Phone::new(number, who.clone())).collect();
        let (server, backup) = (Server::new(), Server::new());
        Self { server, backup, phones, accounts, words: vec![], sent: vec![] }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Edit { phone, record, field } => self.edit(*phone, *record, *field),
            Step::Photo { phone, number } => self.phones[*phone].add_photo(&format!("photo {number}")),
            Step::RoundTrip { phone, link } => self.round_trip(*phone, *link),
            Step::Crash { phone } => self.phones[*phone].crash(),
            Step::Move { has_village_2 } => {
                self.accounts[0].villages = [village(1)].into_iter().chain(has_village_2.then(|| village(2))).collect();
            }
            Step::Echo { which } if !self.sent.is_empty() => {
                let (phone, body) = which.get(&self.sent);
                self.server.sync(&self.accounts[*phone], body, 1_800_000_000_000);
            }
            Step::Echo { .. } => {}
            Step::Backup => self.backup = self.server.clone(),
            Step::Restore => {
                // Photo bytes lie in a store of their own, and nothing echoes from a life of the server that is over.
                let photos = self.server.photos.clone();
                self.server = Server { photos, ..self.server.restored(&self.backup) };
                self.sent.clear();
            }
        }
    }

    fn edit(&mut self, phone: usize, record: u128, field: usize) {
        let words = format!("<{}>", self.words.len());
        let path = ["description", "place", "measures", "tomorrow/key"][field];
        let village = village(1 + record % 2);
        let phone = &mut self.phones[phone];
        let mut changes = hazard(&words);
        if phone.view(record).is_some_and(|view| !view.seen.context().is_empty()) {
            changes = vec![(path, json!(words))];
        }
        match phone.write_in(village, record, "hazard", &changes) {
            Ok(_) => self.words.push(words),
            Err(refusal) => assert_eq!(refusal.code, sync_core::validate::RefusalCode::SupervisorDecides),
        }
    }

    fn round_trip(&mut self, index: usize, link: Link) {
        let (phone, who) = (&mut self.phones[index], &self.accounts[index]);
        phone.client.want_pull();
        let mut probe = phone.clone();
        if link != Link::RequestLost {
            probe.now_ms += probe.client.wait_ms(probe.now_ms) + 1;
            if let Some(request) = probe.client.poll(probe.now_ms) {
                self.sent.push((index, serde_json::to_string(&request).unwrap()));
            }
        }
        phone.round_trip(&mut self.server, who, link);
        phone.send_photos(&mut self.server);
    }

    fn come_to_rest(&mut self) {
        for _ in 0..2 {
            for (phone, who) in self.phones.iter_mut().zip(&self.accounts) {
                phone.sync_as(&mut self.server, who);
            }
        }
    }
}

fn check(world: &World) -> Result<(), TestCaseError> {
    let server = &world.server;
    for words in &world.words {
        prop_assert_eq!(server.times_taken(&json!(words).to_string()), 1, "{} is taken once", words);
    }
    prop_assert_eq!(server.taken.len(), world.words.len(), "and nothing that nobody wrote");
    for (phone, who) in world.phones.iter().zip(&world.accounts) {
        let visible = server.visible_to(who);
        prop_assert_eq!(phone.base.records(), &visible, "what the phone holds is what it may see");
        for (id, record) in &visible {
            let view = phone.client.view(*id, phone.base.get(*id));
            prop_assert_eq!(view.as_ref(), Some(record), "and what it shows");
        }
        prop_assert!(phone.photos.is_empty() && phone.client.is_idle());
        for (dot, entry) in phone.client.outbox().iter() {
            let taken = &server.taken[&dot];
            prop_assert_eq!(&taken.bytes, &entry.bytes);
            let told = entry.outcome.as_ref().unwrap().first_verdict();
            prop_assert_eq!(told, taken.outcome.verdict, "the phone knows what became of it");
            let merged = server.records.get(&entry.record).is_some_and(|(record, _)| record.seen.context().covers(dot));
            prop_assert!(merged || told == Verdict::Quarantined);
        }
        let replicas: std::collections::BTreeSet<_> =
            phone.client.outbox().iter().map(|(dot, _)| dot.replica).collect();
        prop_assert!(replicas.len() <= 1, "nobody needed a new id");
    }
    let mut positions: Vec<u64> = server.records.values().map(|(_, at)| *at).collect();
    positions.dedup();
    prop_assert_eq!(positions.len(), server.records.len(), "each record has its own place in the feed");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_rest_all_equal_the_server_and_every_edit_is_taken_once(steps in steps(false)) {
        let mut world = World::new(false);
        for step in &steps {
            world.step(step);
        }
        world.come_to_rest();
        check(&world)?;
        let before = world.server.clone();
        world.come_to_rest();
        prop_assert_eq!(world.server, before, "at rest nothing moves");
    }

    #[test]
    fn a_server_restored_again_and_again_ends_with_every_edit_and_equal_to_all(steps in steps(true)) {
        let mut world = World::new(true);
        for step in steps.iter().filter(|step| !matches!(step, Step::Move { .. })) {
            world.step(step);
        }
        world.come_to_rest();
        check(&world)?;
    }
}
