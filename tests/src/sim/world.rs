//! The world of one story: it lets its steps happen in virtual time, carries messages between phones and server, and tells
//! the oracle everything. What people write on phones is `writing`.

use std::collections::BTreeMap;

use sync_core::client::Failure;
use sync_core::ids::RecordId;
use sync_core::people::{Caller, Role};

use super::contents::BEGIN_MS;
use super::ids;
use super::network::{Agenda, Answer, Event, cut};
use super::office::Looked;
use super::oracle::{Check, OfficeRows, Oracle, Violation, ensure};
use super::people::People;
use super::phone::{Build, Phone};
use super::report::Counts;
use super::sabotage::Sabotage;
use super::server::Server;
use super::store::Store;
use super::story::{Act, Leg, Link, Story};

/// How long a phone waits for an answer.
const TIMEOUT_MS: u64 = 30_000;

/// Everything.
pub(crate) struct World<'a> {
    pub(crate) story: &'a Story,
    pub(crate) now_ms: u64,
    pub(crate) server: Server,
    pub(crate) people: People,
    pub(crate) phones: Vec<Phone>,
    pub(crate) oracle: Oracle,
    pub(crate) counts: Counts,
    /// Requests that carried a push and were answered in this life of the server: whose, and their bytes.
    pub(crate) sent: Vec<(usize, std::rc::Rc<str>)>,
    agenda: Agenda,
    connections: u64,
    looked: BTreeMap<usize, Vec<Looked>>,
}

impl<'a> World<'a> {
    pub(crate) fn new(story: &'a Story, store: Store, sabotage: Option<Sabotage>) -> Self {
        let people = People::of(story);
        let build = Build { seed: story.seed, is_atomic: story.atomic_disks, sabotage };
        let phone = |(number, plan): (usize, &super::story::PhonePlan)| {
            let mut phone = Phone::new(number, plan.person, people.caller(plan.person), build);
            phone.clock_ms = plan.clock_ms;
            phone.is_there = !plan.is_copy;
            phone
        };
        let phones = story.phones.iter().enumerate().map(phone).collect();
        let mut server = Server::new(store, story.page, story.seed, sabotage);
        server.yesterday = (0..story.people.len()).map(|person| people.caller(person)).collect();
        Self {
            story,
            now_ms: BEGIN_MS,
            server,
            people,
            phones,
            oracle: Oracle::default(),
            counts: Counts::default(),
            sent: Vec::new(),
            agenda: Agenda::default(),
            connections: 0,
            looked: BTreeMap::new(),
        }
    }

    /// Lets the story happen.
    pub(crate) fn play(&mut self) -> Check {
        for step in &self.story.steps {
            let at_ms = self.now_ms + step.after_ms;
            self.run_until(at_ms)?;
            self.now_ms = at_ms;
            self.act(&step.act)?;
        }
        self.run_until(u64::MAX)
    }

    fn run_until(&mut self, until_ms: u64) -> Check {
        while let Some((at_ms, event)) = self.agenda.next_until(until_ms) {
            self.now_ms = self.now_ms.max(at_ms);
            self.happen(event)?;
        }
        Ok(())
    }

    fn act(&mut self, act: &Act) -> Check {
        match act {
            Act::Create { phone, slot, value, flaw, disk } => self.create(*phone, *slot, *value, *flaw, *disk),
            Act::Edit { phone, slot, field, value, flaw, disk } => {
                self.edit(*phone, *slot, *field, *value, *flaw, *disk)
            }
            Act::Void { phone, slot, back, disk } => self.void(*phone, *slot, *back, *disk),
            Act::Decide { phone, slot, pick, disk } => self.decide(*phone, *slot, *pick, *disk),
            Act::Sync { phone, press, link } => self.sync(*phone, *press, *link),
            Act::Upload { phone, through, damaged } => self.upload(*phone, *through, *damaged),
            Act::Look { .. } | Act::Rule { .. } | Act::Mend { .. } => self.act_in_office(act),
            Act::Move { person, villages } => {
                self.people.0[*person].villages = villages.iter().copied().collect();
                Ok(())
            }
            Act::Appoint { person, role } => {
                self.people.0[*person].role = *role;
                Ok(())
            }
            Act::Enable { person, on } => {
                self.people.0[*person].is_enabled = *on;
                Ok(())
            }
            Act::BackupServer | Act::RestoreServer { .. } | Act::RestartServer | Act::ServerClock { .. } => {
                self.act_on_server(act)
            }
            Act::Check => {
                let states = self.check_server()?;
                self.check_join(&states)
            }
            _ => self.act_on_phone(act),
        }
    }

    fn act_on_phone(&mut self, act: &Act) -> Check {
        match act {
            Act::Crash { phone } if self.phones[*phone].is_there => {
                self.counts.fault("crash");
                self.phones[*phone].boot();
            }
            Act::BackupPhone { phone } => self.phones[*phone].image = Some(self.phones[*phone].disk.clone()),
            Act::RestorePhone { phone } if self.phones[*phone].image.is_some() => {
                self.counts.fault("phone restored");
                self.oracle.has_copies = true;
                let gone = self.phones[*phone].set_back();
                self.oracle.rolled_back.extend(gone);
            }
            Act::Clone { phone, copy } if self.phones[*phone].is_there && !self.phones[*copy].is_there => {
                self.counts.fault("phone cloned");
                self.oracle.has_copies = true;
                let clock_ms = self.phones[*copy].clock_ms;
                self.phones[*copy] = self.phones[*phone].copied_to(*copy, clock_ms);
                return self.hear(*copy);
            }
            Act::Free { phone } => {
                let before_ms = self.server.backups.first().map_or(self.now_ms, |oldest| oldest.at_ms);
                self.phones[*phone].free(before_ms);
            }
            Act::Damage { phone, slot } => {
                self.counts.fault("base damaged");
                self.phones[*phone].damage(self.story.record(*slot));
            }
            Act::Clock { phone, by_ms } => {
                self.counts.fault("clock jump");
                self.phones[*phone].clock_ms += by_ms;
            }
            Act::Partition { phone, for_ms } => {
                self.counts.fault("partition");
                self.phones[*phone].no_network_until_ms = self.now_ms + for_ms;
            }
            _ => return Ok(()),
        }
        let phone = match act {
            Act::Crash { phone } | Act::RestorePhone { phone } => *phone,
            _ => return Ok(()),
        };
        self.hear(phone)
    }

    fn act_on_server(&mut self, act: &Act) -> Check {
        match act {
            Act::BackupServer => self.server.backup(&self.oracle, self.now_ms),
            Act::RestoreServer { which } if !self.server.backups.is_empty() => {
                self.counts.fault("server restored");
                self.server.restore(&mut self.oracle, usize::from(*which), &self.people.caller(0), self.now_ms);
                self.sent.clear();
                self.looked.clear();
                return self.oracle.check_offered(self.phones.iter().filter(|phone| phone.is_there));
            }
            Act::RestartServer => {
                self.counts.fault("server restarted");
                self.server.store.restart();
            }
            Act::ServerClock { by_ms } => self.server.clock_ms += by_ms,
            _ => {}
        }
        Ok(())
    }

    fn act_in_office(&mut self, act: &Act) -> Check {
        let (Act::Look { person, .. } | Act::Rule { person, .. } | Act::Mend { person, .. }) = act else {
            return Ok(());
        };
        let account = &self.people.0[*person];
        if account.role != Role::Supervisor || !account.is_enabled {
            return Ok(());
        }
        let caller = self.people.caller(*person);
        match act {
            Act::Look { slot, .. } => {
                let count = self.story.slots.len();
                let mut all = (0..count).map(|step| self.story.record((slot + step) % count));
                let seen = all.find_map(|record| {
                    let seen = self.server.look(&self.oracle, record);
                    (!seen.is_empty()).then_some(seen)
                });
                self.looked.insert(*person, seen.unwrap_or_default());
                Ok(())
            }
            Act::Rule { pick, .. } => {
                let Some(looked) = self.looked.get_mut(person).and_then(Vec::pop) else { return Ok(()) };
                self.server.rule(&mut self.oracle, &caller, &looked, *pick, self.now_ms)
            }
            Act::Mend { pick, dismiss, .. } => {
                self.server.mend(&mut self.oracle, self.story, &caller, *pick, *dismiss, self.now_ms)
            }
            _ => Ok(()),
        }
    }

    fn sync(&mut self, phone: usize, press: bool, link: Link) -> Check {
        let shell = &mut self.phones[phone];
        if !shell.is_there {
            return Ok(());
        }
        if press {
            shell.client.retry_now();
            shell.client.want_pull();
        }
        let Some(body) = shell.poll(self.now_ms) else { return Ok(()) };
        self.counts.round_trips += 1;
        self.connections += 1;
        let connection = self.connections;
        shell.connection = Some(connection);
        self.agenda.at(self.now_ms + TIMEOUT_MS, Event::Timeout { phone, connection });
        let is_cut_off = self.now_ms < shell.no_network_until_ms;
        let person = shell.person;
        self.counts.leg(link.request);
        let request = |body: std::rc::Rc<str>| Event::Request { phone, connection, person, body, link };
        match link.request {
            _ if is_cut_off => {}
            Leg::Lost => {}
            Leg::Arrives { ms } => self.agenda.at(self.now_ms + ms, request(body.into())),
            Leg::Cut { permille } => self.agenda.at(self.now_ms + 50, request(cut(&body, permille))),
            Leg::Twice { ms, again_ms } => {
                let body: std::rc::Rc<str> = body.into();
                self.agenda.at(self.now_ms + ms, request(std::rc::Rc::clone(&body)));
                self.agenda.at(self.now_ms + ms + again_ms, request(body));
            }
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Check {
        match event {
            Event::Request { phone, connection, person, body, link } => {
                let answer = self.serve(phone, person, &body, link)?;
                self.counts.leg(link.answer);
                let answered = |answer: Answer| Event::Answer { phone, connection, answer, link };
                match link.answer {
                    Leg::Lost => {}
                    Leg::Arrives { ms } => self.agenda.at(self.now_ms + ms, answered(answer)),
                    Leg::Cut { permille } => {
                        let body = answer.body.clone().map(|body| cut(&body, permille));
                        self.agenda.at(self.now_ms + 50, answered(Answer { body, ..answer }));
                    }
                    Leg::Twice { ms, again_ms } => {
                        self.agenda.at(self.now_ms + ms, answered(answer.clone()));
                        self.agenda.at(self.now_ms + ms + again_ms, answered(answer));
                    }
                }
                Ok(())
            }
            Event::Answer { phone, connection, answer, link } => {
                if self.phones[phone].connection == Some(connection) {
                    self.counts.disk(link.disk);
                    self.phones[phone].take(&answer, link.disk, self.now_ms);
                }
                self.hear(phone)
            }
            Event::Timeout { phone, connection } => {
                if self.phones[phone].connection == Some(connection) {
                    self.phones[phone].fail(Failure::Network, self.now_ms);
                }
                self.hear(phone)
            }
        }
    }

    /// A request on the server: the account is looked up as it is now.
    pub(crate) fn serve(&mut self, phone: usize, person: usize, body: &str, link: Link) -> Result<Answer, Violation> {
        let caller = self.people.caller(person);
        if !self.people.0[person].is_enabled {
            let (holdings, caller) = (self.oracle.model.sets.clone(), None);
            return Ok(Answer { body: Err(Failure::SignedOut), holdings, caller });
        }
        self.counts.fate(link.server);
        let answered = self.server.sync(&mut self.oracle, &caller, phone, body, link.server, self.now_ms)?;
        // What was not carried out (after a gap, say) may yet be, when it comes again.
        if answered.as_ref().is_ok_and(|answer| answer.contains(r#""result":"accepted""#)) {
            self.sent.push((person, body.into()));
        }
        Ok(Answer { body: answered, holdings: self.oracle.model.sets.clone(), caller: Some(caller) })
    }

    fn upload(&mut self, phone: usize, through: u8, damaged: bool) -> Check {
        let shell = &mut self.phones[phone];
        if !shell.is_there || self.now_ms < shell.no_network_until_ms || !self.people.0[shell.person].is_enabled {
            return Ok(());
        }
        let caller = self.people.caller(shell.person);
        let wanted: Vec<String> = shell.client.photos_to_send().map(str::to_owned).collect();
        for hash in wanted {
            let slot = shell.photos.iter().copied().find(|slot| super::photos::hash_of(*slot).to_string() == hash);
            let Some(slot) = slot else { continue };
            self.server.upload(&caller, phone, slot, through, damaged, self.now_ms);
            shell.client.photo_sent(&hash);
            self.counts.uploads += 1;
            if through < 100 {
                self.counts.fault("upload cut");
            }
            if damaged {
                self.counts.fault("photo damaged");
            }
        }
        Ok(())
    }

    /// Takes from a phone what the oracle is to know.
    pub(crate) fn hear(&mut self, phone: usize) -> Check {
        let shell = &mut self.phones[phone];
        let (news, findings) = (std::mem::take(&mut shell.news), std::mem::take(&mut shell.findings));
        let acknowledged = std::mem::take(&mut shell.acknowledged);
        let photos = std::mem::take(&mut shell.photos_received);
        let (mended, taken_out) = (std::mem::take(&mut shell.mended), std::mem::take(&mut shell.taken_out));
        let (is_damaged, is_torn) = (shell.is_damaged, shell.is_torn);
        if let Some(finding) = findings.into_iter().next() {
            return Err(finding);
        }
        if !news.is_empty() {
            self.counts.fault("renumbered");
        }
        for bound in &news {
            self.oracle.written_anew(bound)?;
        }
        if !(mended.is_empty() && taken_out.is_empty()) {
            self.counts.repairs += 1;
            // Where no state was lost from a disk and the server kept what it had, the feed has brought everything. It does
            // not take back states that came before their cursor, when the phone died between them and the village is left.
            let is_lied_to = self.server.sabotage.is_some_and(Sabotage::is_mended);
            let is_excused = is_damaged || is_lied_to || self.oracle.has_restored;
            let holds = is_excused || (mended.is_empty() && is_torn);
            ensure!(holds, "the_feed_misses_nothing", "phone {phone} had to be mended in {mended:?} {taken_out:?}");
        }
        for (edit, outcome) in &acknowledged {
            self.oracle.acknowledged(*edit, outcome);
        }
        for hash in photos {
            let whole = hash.parse().ok().and_then(|hash| Some((hash, self.server.files.whole.get(&hash)?)));
            let is_right = whole.is_some_and(|(hash, bytes)| server::photos::hash::ContentHash::of(bytes) == hash);
            ensure!(is_right, "a_photo_is_received_only_whole", "phone {phone} has a receipt for {hash}");
        }
        Ok(())
    }

    /// The states on the server.
    pub(crate) fn states(&mut self) -> BTreeMap<RecordId, String> {
        let records: Vec<RecordId> = (0..self.story.slots.len()).map(|slot| self.story.record(slot)).collect();
        let states = self.server.store.read(move |tx| Ok(tx.records(ids::township(), &records)?));
        states.expect("states").into_iter().collect()
    }

    /// What can be checked at any moment; the states that were.
    pub(crate) fn check_server(&mut self) -> Result<BTreeMap<RecordId, String>, Violation> {
        let states = self.states();
        let listed = self.server.store.read(|tx| Ok(tx.conflicts(ids::township(), None, None, 100_000)?));
        let slots = self.story.slots.iter().enumerate().filter(|(_, slot)| slot.kind == "hazard");
        let hazards: Vec<RecordId> = slots.map(|(slot, _)| self.story.record(slot)).collect();
        let lines = self.server.store.read(move |tx| {
            hazards.iter().map(|id| Ok((*id, tx.hazard(ids::township(), *id)?))).collect::<Result<BTreeMap<_, _>, _>>()
        });
        let lines = lines.expect("lines");
        self.counts.checks += 1;
        let line_of = |id| lines.get(&id).cloned().flatten();
        self.oracle.check_states(&states, &listed.expect("a list"), self.server.report_state(), &line_of)?;
        self.oracle.check_ledger(&line_of)?;
        let rows = self.office_rows();
        self.oracle.check_office(&states, &rows)?;
        Ok(states)
    }

    /// What the office's projections say of the comments and inspections of the story.
    fn office_rows(&mut self) -> OfficeRows {
        let of = |kind: &str| -> Vec<RecordId> {
            let slots = self.story.slots.iter().enumerate().filter(|(_, slot)| slot.kind == kind);
            slots.map(|(slot, _)| self.story.record(slot)).collect()
        };
        let (comments, inspections) = (of("comment"), of("inspection"));
        let rows = self.server.store.read(move |tx| {
            let mut rows = OfficeRows { comments: BTreeMap::new(), visits: BTreeMap::new() };
            for id in &comments {
                rows.comments.extend(tx.comment(ids::township(), *id)?.map(|row| (*id, row)));
            }
            for id in &inspections {
                rows.visits.extend(tx.visit(ids::township(), *id)?.map(|row| (*id, row)));
            }
            Ok(rows)
        });
        rows.expect("rows")
    }

    /// The account of a phone as the server knows it.
    pub(crate) fn caller_of(&self, phone: usize) -> Caller {
        self.people.caller(self.phones[phone].person)
    }
}
