//! Phones, a server and the network between them: what each event does, what must hold after it, and what must hold when
//! all has come to rest. Phones that were told lies are held only to what a phone owes itself.

use std::collections::BTreeMap;

use sync_core::carried::{SealKey, open};
use sync_core::client::{Edit, Failure};
use sync_core::dots::Dot;
use sync_core::ids::DeviceId;
use sync_core::people::{Caller, Role};
use sync_core::protocol::{SyncAnswer, Verdict};
use sync_core::validate::RefusalCode;
use uuid::Uuid;

use super::event::{Event, PHONES};
use super::rogue::Rogue;
use super::shell::Shell;
use crate::server_in_memory::phone::{hazard, record, replica};
use crate::server_in_memory::{Server, caller, village};

/// The server's clock; it stands still, so that what it caps depends on nothing but the version.
const SERVER_MS: u64 = 1_750_000_000_000;
/// So many earlier requests may come out of the network once more.
const REQUESTS_MAX: usize = 8;
/// What the keys of devices are made of.
const SECRET: &[u8] = b"only the server knows it";
/// More round trips than any world of this size needs.
const ROUNDS_MAX: usize = 400;

pub(super) struct World {
    server: Server,
    backup: Server,
    shells: Vec<Shell>,
    copies: Vec<Option<Shell>>,
    /// What the server knows of the accounts; a phone may not have heard of it.
    accounts: Vec<Caller>,
    /// Requests that left: whose, of which attempt, and the body.
    requests: Vec<(usize, u64, String)>,
    /// Files that phones gave away, and receipts that the office gave for them: whose, and the text.
    files: Vec<(usize, String)>,
    receipts: Vec<(usize, String)>,
    rogue: Rogue,
    replicas: u128,
}

impl World {
    pub(super) fn new() -> Self {
        let accounts = vec![
            caller(1, Role::Inspector, &[1, 2]),
            caller(2, Role::Inspector, &[1, 2]),
            caller(3, Role::Supervisor, &[]),
        ];
        Self {
            server: Server::new(),
            backup: Server::new(),
            shells: (1..).zip(&accounts).map(|(number, who)| Shell::new(number, who.clone())).collect(),
            copies: vec![None; PHONES],
            accounts,
            requests: Vec::new(),
            files: Vec::new(),
            receipts: Vec::new(),
            rogue: Rogue::new(),
            replicas: 0x1_0000,
        }
    }

    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Write { phone, record, village, kind, changes, complete } => {
                self.write(phone, record, village, kind, changes, complete);
            }
            Event::Photo { phone, number } => self.shells[phone].phone.add_photo(&format!("photo {number}")),
            Event::SendPhotos { phone } => self.shells[phone].phone.send_photos(&mut self.server),
            Event::Send { phone } => self.send(phone),
            Event::Arrive { which } => self.arrive(which),
            Event::Answer { phone } => {
                if let Some(answer) = self.shells[phone].answer.take() {
                    self.shells[phone].take(serde_json::from_str(&answer).unwrap());
                }
            }
            Event::Twist { phone, at, with } => self.twist(phone, at, with),
            Event::Forge { phone, text } => self.deceive(phone, &text),
            Event::Fail { phone, failure } => self.shells[phone].fail(failure),
            Event::Crash { phone } => self.shells[phone].crash(),
            Event::Backup { phone } => self.copies[phone] = Some(self.shells[phone].clone()),
            Event::Restore { phone } => {
                if let Some(mut copy) = self.copies[phone].clone() {
                    copy.attempts = self.shells[phone].attempts;
                    self.shells[phone] = copy;
                    self.shells[phone].crash();
                }
            }
            Event::BackupServer => self.backup = self.server.clone(),
            Event::RestoreServer => self.restore_server(),
            Event::Move { has_village_2 } => {
                self.accounts[0].villages =
                    [1, 2].into_iter().filter(|n| *n == 1 || has_village_2).map(village).collect();
            }
            Event::Free { phone } => self.shells[phone].free(&self.backup),
            Event::Button { phone } => self.shells[phone].phone.client.retry_now(),
            Event::Clock { phone, to_ms } => self.shells[phone].phone.now_ms = to_ms,
            Event::Rogue { seed } => self.rogue.write(&mut self.server, &seed, SERVER_MS),
            Event::Junk { text } => self.rogue.send(&mut self.server, text, SERVER_MS),
            Event::Carry { phone } => {
                push(&mut self.files, (phone, self.shells[phone].carry(device(phone), &key(phone))));
            }
            Event::Import { which } => self.import(which),
            Event::Receipts { which } => {
                if let Some((phone, text)) = newest(&self.receipts, which).cloned() {
                    self.shells[phone].take_receipts(open(&key(phone), &text).expect("the server's own seal"));
                }
            }
        }
        self.shells.iter().for_each(Shell::check);
    }

    fn write(
        &mut self,
        phone: usize,
        number: u128,
        of_village: u128,
        kind: &str,
        changes: BTreeMap<String, serde_json::Value>,
        complete: bool,
    ) {
        let mut all = BTreeMap::new();
        if complete && self.shells[phone].phone.view(number).is_none() {
            all.extend(hazard("found").into_iter().map(|(path, value)| (path.to_owned(), value)));
        }
        all.extend(changes);
        let village = (kind != "tomorrow").then(|| village(of_village));
        self.shells[phone].write(Edit { record: record(number), kind: kind.to_owned(), village, changes: all });
    }

    fn send(&mut self, phone: usize) {
        self.replicas += 1;
        self.shells[phone].renumber(replica(self.replicas));
        if let Some((attempt, body)) = self.shells[phone].send() {
            push(&mut self.requests, (phone, attempt, body));
        }
    }

    fn arrive(&mut self, which: usize) {
        let Some((phone, attempt, body)) = newest(&self.requests, which).cloned() else { return };
        let answer = self.server.sync(&self.accounts[phone], &body, SERVER_MS);
        if self.shells[phone].attempt == Some(attempt) {
            self.shells[phone].answer = Some(answer);
        }
    }

    fn import(&mut self, which: usize) {
        let Some((phone, text)) = newest(&self.files, which).cloned() else { return };
        let receipts =
            self.server.import(&self.accounts[phone], SECRET, &text, SERVER_MS).expect("the phone's own seal");
        push(&mut self.receipts, (phone, receipts));
    }

    fn twist(&mut self, phone: usize, at: usize, with: u8) {
        let Some(answer) = self.shells[phone].answer.take() else { return };
        let mut bytes = answer.into_bytes();
        let at = at % bytes.len();
        bytes[at] = with;
        if let Ok(text) = String::from_utf8(bytes) {
            self.deceive(phone, &text);
        }
    }

    fn deceive(&mut self, phone: usize, text: &str) {
        if let Ok(answer) = serde_json::from_str::<SyncAnswer>(text) {
            self.shells[phone].is_deceived = true;
            self.shells[phone].take(answer);
        }
    }

    fn restore_server(&mut self) {
        // Photo bytes lie in a store of their own, and nothing echoes from a life of the server that is over.
        let photos = self.server.photos.clone();
        self.server = Server { photos, ..self.server.restored(&self.backup) };
        self.requests.clear();
    }

    /// The network works, everybody syncs, and then all who were not told lies agree.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..2 {
            for phone in 0..PHONES {
                self.shells[phone].fail(Failure::Network);
                self.shells[phone].check();
                self.shells[phone].shows_what_it_holds();
                if !self.shells[phone].is_deceived {
                    self.sync(phone);
                }
            }
        }
        for (shell, who) in self.shells.iter_mut().zip(&self.accounts) {
            if !shell.is_deceived {
                agrees(shell, &self.server, who);
            }
            shell.crash();
        }
    }

    fn sync(&mut self, phone: usize) {
        self.shells[phone].phone.client.want_pull();
        for _ in 0..ROUNDS_MAX {
            self.shells[phone].phone.client.retry_now();
            self.replicas += 1;
            let shell = &mut self.shells[phone];
            shell.renumber(replica(self.replicas));
            let Some((_, body)) = shell.send() else {
                assert!(shell.phone.client.is_idle(), "nothing to send, and not at rest");
                return;
            };
            let answer = self.server.sync(&self.accounts[phone], &body, SERVER_MS);
            shell.take(serde_json::from_str(&answer).unwrap());
            shell.check();
            shell.phone.send_photos(&mut self.server);
        }
        panic!("never at rest");
    }
}

fn device(phone: usize) -> DeviceId {
    DeviceId(Uuid::from_u128(0xde00 + phone as u128))
}

fn key(phone: usize) -> SealKey {
    SealKey::of_device(SECRET, device(phone))
}

/// Remembers one more thing that may come again, and forgets the oldest.
fn push<T>(kept: &mut Vec<T>, new: T) {
    kept.push(new);
    if kept.len() > REQUESTS_MAX {
        kept.remove(0);
    }
}

/// The newest first: that is what a fuzzer should find at 0.
fn newest<T>(kept: &[T], which: usize) -> Option<&T> {
    kept.iter().rev().nth(which.checked_rem(kept.len())?)
}

/// A phone at rest holds what it may see, shows what the server holds, and knows what became of all that it wrote.
fn agrees(shell: &Shell, server: &Server, who: &Caller) {
    let phone = &shell.phone;
    let visible = server.visible_to(who);
    assert_eq!(phone.base.records(), &visible, "what the phone holds is what it may see");
    for (id, record) in &visible {
        let view = phone.client.view(*id, phone.base.get(*id));
        assert_eq!(view.as_ref(), Some(record), "and what it shows");
        assert_eq!(phone.base.records()[id].to_json(), record.to_json(), "to the byte");
    }
    assert!(phone.client.is_proved_equal(), "and it can prove that");
    assert!(shell.owed.is_empty() && phone.photos.is_empty());
    for (dot, entry) in phone.client.outbox().iter() {
        let taken = server.taken.get(&dot).unwrap_or_else(|| panic!("{dot:?} is not at the server"));
        assert_eq!(taken.bytes, entry.bytes, "the server holds what the phone wrote");
        let told = entry.outcome.as_ref().unwrap();
        assert_eq!(told.first_verdict(), taken.outcome.first_verdict(), "the phone knows what became of it");
        if told.first_verdict() == Verdict::Quarantined {
            let code = told.refusal.as_ref().unwrap().code;
            assert!(!NEVER_FROM_A_PHONE.contains(&code), "a phone does not write what is {code:?}");
        } else {
            assert!(covers(server, entry.record, dot), "what was merged is in the ledger");
        }
    }
}

/// What a phone can judge by itself, whatever others write in the meantime.
const NEVER_FROM_A_PHONE: [RefusalCode; 9] = [
    RefusalCode::Malformed,
    RefusalCode::TooLarge,
    RefusalCode::DotMismatch,
    RefusalCode::ContextImpossible,
    RefusalCode::AuthorMismatch,
    RefusalCode::ScopeMismatch,
    RefusalCode::PathInvalid,
    RefusalCode::FieldType,
    RefusalCode::FieldRange,
];

fn covers(server: &Server, record: sync_core::ids::RecordId, dot: Dot) -> bool {
    server.records.get(&record).is_some_and(|(record, _)| record.seen.context().covers(dot))
}
