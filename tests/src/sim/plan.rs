//! Draws a story from a seed: who there is, which faults this story has (each about every second one, so that stories
//! differ in kind), and day by day what everybody does.

use sync_core::people::Role;

use super::seed::Rng;
use super::story::{Act, Disk, Fate, Flaw, Leg, Link, Person, PhonePlan, Slot, Step, Story};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
const YEAR_MS: i64 = 365 * 24 * 3_600_000;

/// Which faults a story has, in hundredths of the times at which they may happen.
#[derive(Clone, Copy, Debug)]
struct Faults {
    network: u64,
    server: u64,
    disk: u64,
    crash: u64,
    clock: u64,
    image: u64,
    clone: u64,
    restore: u64,
    people: u64,
    flaw: u64,
    partition: u64,
}

impl Faults {
    fn draw(rng: &mut Rng) -> Self {
        let mut some = |high: u64| if rng.percent(50) { rng.between(1, high) } else { 0 };
        Self {
            network: some(60),
            server: some(20),
            disk: some(15),
            crash: some(10),
            clock: some(8),
            image: some(8),
            clone: some(6),
            restore: some(8),
            people: some(8),
            flaw: some(10),
            partition: some(10),
        }
    }
}

struct Planner {
    rng: Rng,
    faults: Faults,
    story: Story,
    villages: u8,
    created: Vec<bool>,
}

/// The story of a seed.
pub(crate) fn story(seed: u64, days: Option<u64>) -> Story {
    let root = Rng::new(seed);
    let mut rng = root.fork("shape");
    let faults = Faults::draw(&mut root.fork("faults"));
    let villages = rng.between(1, 3) as u8;
    let people = people(&mut rng, villages);
    let phones = phones(&mut rng, &people, faults);
    let days = days.unwrap_or_else(|| rng.between(1, 8));
    let slots = slots(&mut rng, villages);
    let page = *rng.pick(&[1, 2, 3, 5, 500]);
    let atomic_disks = rng.percent(50);
    let story = Story { seed, days, page, atomic_disks, people, phones, slots, steps: Vec::new() };
    let created = vec![false; story.slots.len()];
    let mut planner = Planner { rng: root.fork("days"), faults, story, villages, created };
    for _ in 0..days {
        planner.day();
    }
    planner.story
}

fn people(rng: &mut Rng, villages: u8) -> Vec<Person> {
    let mut people = vec![Person { role: Role::Supervisor, villages: vec![] }];
    for _ in 0..rng.between(1, 4) {
        let own = (0..villages).filter(|_| rng.percent(60)).collect();
        people.push(Person { role: Role::Inspector, villages: own });
    }
    if rng.percent(40) {
        people.push(Person { role: Role::Leader, villages: vec![] });
    }
    if rng.percent(30) {
        people.push(Person { role: Role::Supervisor, villages: vec![] });
    }
    people
}

fn phones(rng: &mut Rng, people: &[Person], faults: Faults) -> Vec<PhonePlan> {
    let mut phones = Vec::new();
    for person in 0..people.len() {
        for _ in 0..rng.between(1, 2) {
            let off = faults.clock > 0 && rng.percent(40);
            let clock_ms = if off { rng.below(20) as i64 * YEAR_MS - 10 * YEAR_MS } else { rng.below(2_000) as i64 };
            phones.push(PhonePlan { person, clock_ms, is_copy: false });
        }
    }
    if faults.clone > 0 {
        for _ in 0..rng.between(1, 2) {
            let person = phones[rng.index(phones.len())].person;
            phones.push(PhonePlan { person, clock_ms: 3, is_copy: true });
        }
    }
    phones
}

/// Few records, so that people meet on them; each village has a hazard first, which the rest of the village speaks of.
fn slots(rng: &mut Rng, villages: u8) -> Vec<Slot> {
    let mut slots = Vec::new();
    for village in 0..villages {
        let hazard = slots.len();
        let at = |kind: &str, about| Slot { kind: kind.to_owned(), village: Some(village), about };
        slots.push(at("hazard", hazard));
        let kinds = [
            "reinspection",
            "order",
            "rectification",
            "hazard",
            "reinspection",
            "escalation",
            "photo",
            "photo",
            "inspection",
            "comment",
            "comment",
        ];
        for _ in 0..rng.between(2, 6) {
            let kind = *rng.pick(&kinds);
            slots.push(at(kind, hazard));
        }
        if rng.percent(30) {
            slots.push(at(rng.pick::<&str>(&["site", "drone_survey"]), hazard));
        }
        if rng.percent(50) {
            slots.push(at("monthly_report", hazard));
        }
    }
    // What the office keeps for the whole township. A campaign needs somewhere to go, and somebody who went there.
    let more = |kind: &str, village| Slot { kind: kind.to_owned(), village, about: 0 };
    if rng.percent(35) {
        slots.extend([more("campaign", None), more("site", Some(0)), more("inspection", Some(0))]);
    }
    if rng.percent(25) {
        slots.push(more("setting", None));
    }
    if rng.percent(15) {
        slots.push(more(rng.pick::<&str>(&["phrase", "checklist"]), None));
    }
    slots
}

impl Planner {
    /// One day: everybody's acts, mixed.
    fn day(&mut self) {
        let mut acts: Vec<(u64, Act)> = Vec::new();
        for phone in 0..self.story.phones.len() {
            let count = self.rng.between(2, 7);
            for _ in 0..count {
                let at_ms = 6 * HOUR_MS + self.rng.below(14 * HOUR_MS);
                self.on_phone(phone, at_ms, &mut acts);
            }
        }
        for _ in 0..self.rng.between(1, 4) {
            let at_ms = self.rng.below(DAY_MS);
            self.elsewhere(at_ms, &mut acts);
        }
        acts.sort_by_key(|(at_ms, _)| *at_ms);
        // The night before counts as the first step's wait.
        let mut last_ms = 0;
        for (at_ms, act) in acts {
            self.story.steps.push(Step { after_ms: at_ms - last_ms, act });
            last_ms = at_ms;
        }
        self.story.steps.push(Step { after_ms: DAY_MS.saturating_sub(last_ms), act: Act::Check });
    }

    fn on_phone(&mut self, phone: usize, at_ms: u64, acts: &mut Vec<(u64, Act)>) {
        let slot = self.rng.index(self.story.slots.len());
        let (field, value) = (self.rng.below(256) as u8, self.rng.below(4) as u8);
        let (disk, flaw) = (self.disk(), self.flaw());
        let next = self.next_to_create(phone);
        match (self.rng.below(100), next) {
            (0..22, Some(slot)) => {
                self.created[slot] = true;
                acts.push((at_ms, Act::Create { phone, slot, value, flaw, disk }));
            }
            (0..52, _) => {
                // Now and then a burst, more than one small batch holds.
                let burst = if self.rng.percent(6) { 14 } else { 1 };
                for more in 0..burst {
                    let (field, value) = (field.wrapping_add(more), value.wrapping_add(more));
                    let slot = slot + usize::from(more);
                    let slot = slot % self.story.slots.len();
                    acts.push((at_ms + u64::from(more), Act::Edit { phone, slot, field, value, flaw, disk }));
                }
            }
            (52..56, _) => acts.push((at_ms, Act::Void { phone, slot, back: self.rng.percent(40), disk })),
            (56..61, _) => acts.push((at_ms, Act::Decide { phone, slot, pick: value, disk })),
            (61..93, _) => {
                let link = self.link();
                let press = self.rng.percent(70);
                acts.push((at_ms, Act::Sync { phone, press, link }));
                if self.rng.percent(50) {
                    let damaged = self.rng.percent(self.faults.network);
                    let through = if self.rng.percent(self.faults.network) { self.rng.below(100) } else { 100 } as u8;
                    acts.push((at_ms + 20_000, Act::Upload { phone, through, damaged }));
                }
            }
            _ => self.accident(phone, at_ms, acts),
        }
        if self.rng.percent(self.faults.crash) {
            acts.push((at_ms + self.rng.below(40_000), Act::Crash { phone }));
        }
    }

    /// The first record that nobody was to create yet. What belongs to the township is the office's to begin.
    fn next_to_create(&self, phone: usize) -> Option<usize> {
        let is_inspectors = self.story.people[self.story.phones[phone].person].role == Role::Inspector;
        let fits = |slot: &usize| !(self.created[*slot] || is_inspectors && self.story.slots[*slot].village.is_none());
        (0..self.created.len()).find(fits)
    }

    fn accident(&mut self, phone: usize, at_ms: u64, acts: &mut Vec<(u64, Act)>) {
        acts.push((at_ms, Act::Free { phone }));
        let faults = self.faults;
        if self.rng.percent(faults.image * 8) {
            acts.push((at_ms + 1, Act::BackupPhone { phone }));
        }
        if self.rng.percent(faults.image * 4) {
            acts.push((at_ms + self.rng.below(3 * HOUR_MS), Act::RestorePhone { phone }));
        }
        if self.rng.percent(faults.clone * 10) {
            let copies = self.story.phones.iter().enumerate().filter(|(_, plan)| plan.is_copy);
            let own: Vec<usize> =
                copies.filter(|(_, plan)| plan.person == self.story.phones[phone].person).map(|(at, _)| at).collect();
            if let Some(copy) = own.first() {
                acts.push((at_ms, Act::Clone { phone, copy: *copy }));
            }
        }
        if self.rng.percent(faults.disk * 2) {
            let slot = self.rng.index(self.story.slots.len());
            acts.push((at_ms, Act::Damage { phone, slot }));
        }
        if self.rng.percent(faults.clock * 8) {
            let by_ms = self.rng.below(20) as i64 * YEAR_MS - 10 * YEAR_MS;
            acts.push((at_ms, Act::Clock { phone, by_ms }));
        }
        if self.rng.percent(faults.partition * 5) {
            acts.push((at_ms, Act::Partition { phone, for_ms: self.rng.below(3 * DAY_MS) }));
        }
    }

    fn elsewhere(&mut self, at_ms: u64, acts: &mut Vec<(u64, Act)>) {
        let person = self.rng.index(self.story.people.len());
        let slot = self.rng.index(self.story.slots.len());
        let pick = self.rng.below(8) as u8;
        let faults = self.faults;
        match self.rng.below(10) {
            0..4 => {
                acts.push((at_ms, Act::Look { person: 0, slot }));
                acts.push((at_ms + self.rng.below(6 * HOUR_MS), Act::Rule { person: 0, pick }));
            }
            4..6 => acts.push((at_ms, Act::Mend { person: 0, pick, dismiss: self.rng.percent(20) })),
            6 if self.rng.percent(faults.people * 10) => acts.push((at_ms, self.change_of(person))),
            7 if faults.restore > 0 => acts.push((at_ms, Act::BackupServer)),
            8 if self.rng.percent(faults.restore * 15) => {
                acts.push((at_ms, Act::RestoreServer { which: pick }));
            }
            9 if faults.server > 0 => {
                acts.push((at_ms, Act::RestartServer));
                let by_ms = self.rng.below(120_000) as i64 - 60_000;
                acts.push((at_ms, Act::ServerClock { by_ms }));
            }
            _ => acts.push((at_ms, Act::Check)),
        }
    }

    fn change_of(&mut self, person: usize) -> Act {
        match self.rng.below(10) {
            0..6 => {
                let villages = (0..self.villages).filter(|_| self.rng.percent(50)).collect();
                Act::Move { person, villages }
            }
            6..8 => Act::Enable { person, on: self.rng.percent(60) },
            _ if person > 0 => {
                Act::Appoint { person, role: *self.rng.pick(&[Role::Inspector, Role::Supervisor, Role::Leader]) }
            }
            _ => Act::Check,
        }
    }

    fn disk(&mut self) -> Disk {
        if !self.rng.percent(self.faults.disk) {
            return Disk::Works;
        }
        if self.rng.percent(30) { Disk::Fails } else { Disk::Dies(*self.rng.pick(&[0, 1, 1, 2, 3, 5, 11])) }
    }

    fn flaw(&mut self) -> Option<Flaw> {
        let flaws = [
            Flaw::Value,
            Flaw::Missing,
            Flaw::Path,
            Flaw::Author,
            Flaw::Kind,
            Flaw::Village,
            Flaw::Context,
            Flaw::Shape,
        ];
        let flaw = *self.rng.pick(&flaws);
        self.rng.percent(self.faults.flaw).then_some(flaw)
    }

    fn link(&mut self) -> Link {
        let server = match self.rng.below(8) {
            _ if !self.rng.percent(self.faults.server) => Fate::Works,
            0 => Fate::Busy,
            1..3 => Fate::CommitFails,
            3..5 => Fate::DiesBefore,
            _ => Fate::DiesAfter,
        };
        Link { request: self.leg(), server, answer: self.leg(), disk: self.disk() }
    }

    fn leg(&mut self) -> Leg {
        let ms = *self.rng.pick(&[50, 400, 3_000, 25_000]);
        if !self.rng.percent(self.faults.network) {
            return Leg::Arrives { ms };
        }
        match self.rng.below(10) {
            0..4 => Leg::Lost,
            4..6 => Leg::Cut { permille: self.rng.below(1_000) as u16 },
            6..8 => Leg::Twice { ms, again_ms: *self.rng.pick(&[100, 20_000, HOUR_MS, 2 * DAY_MS]) },
            _ => Leg::Arrives { ms: *self.rng.pick(&[29_000, 31_000, HOUR_MS, DAY_MS, 3 * DAY_MS]) },
        }
    }
}
