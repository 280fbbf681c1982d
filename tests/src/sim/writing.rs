//! What people write on phones in a story: which record, what the form holds, and what must come of the save.

use std::collections::BTreeMap;

use serde_json::Value;
use sync_core::client::Edit as Wanted;
use sync_core::record::Record;
use sync_core::status::{to_follow, to_void};
use sync_core::validate::RefusalCode;

use super::contents::{self, Changes};
use super::ids;
use super::oracle::{Check, Edit, Expected, Violation, ensure};
use super::phone::{Bound, Saved};
use super::story::{Disk, Flaw};
use super::world::World;

impl World<'_> {
    pub(super) fn create(&mut self, phone: usize, slot: usize, value: u8, flaw: Option<Flaw>, disk: Disk) -> Check {
        let record = self.story.record(slot);
        if !self.phones[phone].is_there || self.phones[phone].view(record).is_some() {
            return Ok(());
        }
        let role = self.phones[phone].caller.role;
        let follows = self.follow_keys(phone, slot);
        let changes = contents::creation(self.story, slot, value, role, &follows);
        let is_saved = self.save(phone, slot, changes, flaw, disk)?;
        if is_saved && flaw.is_none() && self.story.slots[slot].kind == "photo" {
            self.phones[phone].add_photo(slot);
        }
        Ok(())
    }

    /// The first record from a slot on that the phone shows and of which somebody has written something.
    fn shown_from(&self, phone: usize, slot: usize) -> Option<usize> {
        let count = self.story.slots.len();
        let phone = &self.phones[phone];
        if !phone.is_there {
            return None;
        }
        (0..count).map(|step| (slot + step) % count).find(|slot| {
            let record = self.story.record(*slot);
            phone.base.get(record).is_some() || phone.client.outbox().of_record(record).next().is_some()
        })
    }

    pub(super) fn edit(
        &mut self,
        phone: usize,
        slot: usize,
        field: u8,
        value: u8,
        flaw: Option<Flaw>,
        disk: Disk,
    ) -> Check {
        let Some(slot) = self.shown_from(phone, slot) else { return Ok(()) };
        let role = self.phones[phone].caller.role;
        let follows = self.follow_keys(phone, slot);
        let changes = contents::edit(self.story, slot, field, value, role, &follows);
        self.save(phone, slot, changes, flaw, disk).map(|_| ())
    }

    pub(super) fn void(&mut self, phone: usize, slot: usize, back: bool, disk: Disk) -> Check {
        let Some(slot) = self.shown_from(phone, slot) else { return Ok(()) };
        let reason = if back { Value::Null } else { Value::from("误报") };
        let mut changes = Changes::from([("void".to_owned(), reason)]);
        if self.story.slots[slot].kind == "hazard" && !back {
            let facts = self.facts(phone);
            changes.extend(
                to_void(self.story.record(slot), &facts).map(|key| (format!("void_follows/{key}"), true.into())),
            );
        }
        self.save(phone, slot, changes, None, disk).map(|_| ())
    }

    pub(super) fn decide(&mut self, phone: usize, slot: usize, pick: u8, disk: Disk) -> Check {
        let count = self.story.slots.len();
        for slot in (0..count).map(|step| (slot + step) % count) {
            let Some(view) = self.phones[phone].view(self.story.record(slot)) else { continue };
            let Some(path) = view.conflicts().next().map(str::to_owned) else { continue };
            let values: Vec<Value> = view.siblings(&path).map(|sibling| sibling.value.clone()).collect();
            let value = values[usize::from(pick) % values.len()].clone();
            return self.save(phone, slot, Changes::from([(path, value)]), None, disk).map(|_| ());
        }
        Ok(())
    }

    /// What a re-inspection made now follows: all that the phone holds about its hazard.
    fn follow_keys(&self, phone: usize, slot: usize) -> Vec<String> {
        if self.story.slots[slot].kind != "reinspection" {
            return Vec::new();
        }
        let own = self.story.record(slot);
        let others: Vec<Record> = self.facts(phone).into_iter().filter(|view| view.id != own).collect();
        to_follow(self.story.record(self.story.slots[slot].about), &others).collect()
    }

    /// The records that a phone holds and that are no hazards.
    fn facts(&self, phone: usize) -> Vec<Record> {
        let phone = &self.phones[phone];
        let facts = self.story.slots.iter().enumerate().filter(|(_, slot)| slot.kind != "hazard");
        facts.filter_map(|(other, _)| phone.view(self.story.record(other))).collect()
    }

    fn save(
        &mut self,
        phone: usize,
        slot: usize,
        changes: Changes,
        flaw: Option<Flaw>,
        disk: Disk,
    ) -> Result<bool, Violation> {
        let plan = &self.story.slots[slot];
        let (record, village) = (self.story.record(slot), plan.village.map(ids::village));
        let shell = &mut self.phones[phone];
        if !shell.is_there || changes.is_empty() {
            return Ok(false);
        }
        let id = self.oracle.next();
        let edit = Edit {
            record,
            kind: plan.kind.clone(),
            village,
            changes: changes.clone(),
            author: shell.caller.account,
            flaw: None,
            knew: shell.knows(record),
            mends: None,
            held: if plan.kind == "reinspection" { shell.knows_all() } else { BTreeMap::new() },
        };
        let is_first = edit.knew.is_empty();
        let expects = self.expectation(phone, edit);
        let shell = &mut self.phones[phone];
        let wanted = Wanted { record, kind: plan.kind.clone(), village, changes };
        let saved = shell.save(id, wanted, flaw, disk, self.now_ms);
        self.counts.disk(disk);
        let (bound, is_told) = match saved {
            Saved::Yes(bound) => (Some(bound), true),
            Saved::Unsure(bound) => (bound, false),
            Saved::Refused(refusal) => {
                self.oracle.edits.pop();
                let is_expected = expects.as_ref().is_none_or(|code| *code == Some(refusal.code));
                // A record that was created by a version that was put aside may be written without its required fields.
                let is_fresh = is_first && refusal.code == RefusalCode::FieldRequired;
                ensure!(is_expected || is_fresh, "an_honest_edit_is_saved", "phone {phone}, slot {slot}: {refusal:?}");
                return Ok(false);
            }
        };
        if let Some(expects) = expects {
            ensure!(
                expects.is_none(),
                "a_phone_refuses_what_the_server_would",
                "phone {phone}, slot {slot}: {expects:?}"
            );
        }
        self.counts.edits += 1;
        let is_stored = bound.is_some();
        if let Some(bound) = bound {
            if self.oracle.is_written_before(&bound) {
                // A copy, or the phone before it was set back, wrote these very bytes, its clock being as far behind: nobody
                // can tell the two edits apart, so this one is not made.
                self.oracle.edits.pop();
                self.phones[phone].take_back();
                return Ok(false);
            }
            self.describe_flaw(id, flaw, &bound);
            self.oracle.bind(&bound)?;
            if is_told {
                self.oracle.saved.insert(id);
            }
        }
        self.hear(phone)?;
        Ok(is_stored && is_told)
    }

    /// What the phone itself must say of an edit, by the sets: `None` where the oracle cannot tell.
    #[expect(clippy::option_option, reason = "whether it can tell, and the refusal if there is one")]
    fn expectation(&mut self, phone: usize, edit: Edit) -> Option<Option<RefusalCode>> {
        let shell = &self.phones[phone];
        let caller = shell.caller.clone();
        let (record, knew) = (edit.record, edit.knew.clone());
        let id = self.oracle.next();
        self.oracle.edits.push(edit);
        let is_clear = !self.oracle.touched_by_restore.contains(&record)
            && knew.iter().all(|edit| self.oracle.edits[edit].flaw.is_none());
        is_clear.then(|| match self.oracle.expected(id, &caller, &knew) {
            Expected::Refused(code) => Some(code),
            Expected::Merged(_) => None,
        })
    }

    /// The edit as a faulty client wrote it.
    fn describe_flaw(&mut self, id: usize, flaw: Option<Flaw>, bound: &Bound) {
        if !bound.is_flawed {
            return;
        }
        let Ok(json) = serde_json::from_str::<Value>(&bound.bytes) else { return };
        let edit = &mut self.oracle.edits[id];
        edit.flaw = flaw;
        edit.changes = serde_json::from_value(json["changes"].clone()).unwrap_or_default();
        edit.kind = json["kind"].as_str().unwrap_or_default().to_owned();
        edit.village = serde_json::from_value(json["village"].clone()).unwrap_or_default();
        edit.author = serde_json::from_value(json["author"].clone()).unwrap_or(edit.author);
    }
}
