//! What must hold once faults have stopped and everything has synced.

use std::collections::BTreeMap;

use sync_core::ids::{RecordId, VillageId};
use sync_core::people::{Caller, Role};
use sync_core::record::Record;

use super::super::phone::Phone;
use super::super::set::EditId;
use super::{Check, Oracle, ensure};

/// Whether an account may see records of a kind and village (docs/protocol.md, Pull: Scopes).
pub(crate) fn visible(caller: &Caller, kind: &str, village: Option<VillageId>) -> bool {
    let is_directory = matches!(kind, "village" | "site" | "checklist" | "campaign" | "setting" | "phrase");
    is_directory || caller.role != Role::Inspector || village.is_none_or(|village| caller.villages.contains(&village))
}

impl Oracle {
    /// A phone at rest, beside the states on the server.
    pub(crate) fn check_phone(
        &self,
        number: usize,
        phone: &Phone,
        caller: &Caller,
        states: &BTreeMap<RecordId, String>,
    ) -> Check {
        for (id, record) in phone.base.records() {
            ensure!(
                visible(caller, &record.kind, record.village),
                "no_phone_holds_what_its_user_may_not_see",
                "phone {number} holds {} {id}",
                record.kind
            );
        }
        for (id, state) in states {
            let (kind, village) = &self.model.kinds[id];
            if !visible(caller, kind, *village) {
                continue;
            }
            let held = phone.base.get(*id).map(Record::to_json);
            ensure!(held.as_ref() == Some(state), "convergence", "phone {number} holds {held:?}, the server {state}");
            let view = phone.view(*id).map(|view| view.to_json());
            ensure!(view.as_ref() == Some(state), "convergence", "phone {number} shows {view:?}, the server {state}");
        }
        let strange: Vec<&RecordId> = phone.base.records().keys().filter(|id| !states.contains_key(id)).collect();
        ensure!(strange.is_empty(), "convergence", "phone {number} holds what the server does not: {strange:?}");
        let is_proved = phone.client.is_proved_equal();
        ensure!(
            is_proved,
            "digests_equal_as_states_do",
            "phone {number} holds what the server has, and its digest denies it"
        );
        self.check_outbox(number, phone)
    }

    fn check_outbox(&self, number: usize, phone: &Phone) -> Check {
        for (dot, entry) in phone.client.outbox().iter() {
            let Some(outcome) = &entry.outcome else {
                ensure!(false, "the_outbox_drains", "phone {number} waits with {dot:?}");
                continue;
            };
            let Some((edit, verdict)) = self.model.taken.get(&dot) else {
                ensure!(false, "acknowledged_is_durable", "phone {number} has a receipt for {dot:?}: {outcome:?}");
                continue;
            };
            let own = phone.edit_of.get(&dot).map(|(edit, _)| edit);
            ensure!(
                own == Some(edit),
                "nothing_captured_is_lost",
                "{dot:?} is edit {own:?} on phone {number}, {edit} on the server"
            );
            ensure!(
                outcome.first_verdict() == *verdict,
                "a_repeat_is_told_the_first_verdict",
                "phone {number} was told {outcome:?} of {dot:?}, which is {verdict:?}"
            );
        }
        let photos = &phone.photos;
        ensure!(photos.is_empty(), "the_outbox_drains", "phone {number} waits with photos {photos:?}");
        ensure!(phone.client.is_idle(), "the_outbox_drains", "phone {number} is not idle");
        Ok(())
    }

    /// Every edit that a person was told is saved, or that was acknowledged, is on the server, merged or put aside; unless
    /// the only phones that had it were set back to a time before it.
    pub(crate) fn check_nothing_is_lost(&self) -> Check {
        let there: std::collections::BTreeSet<EditId> = self.model.taken.values().map(|(edit, _)| *edit).collect();
        let kept = |edit: &EditId| there.contains(edit) || self.rolled_back.contains(edit);
        let is_excused = |edit: &EditId| self.has_restored && self.rolled_back.contains(edit);
        if let Some(lost) = self.acknowledged.keys().find(|edit| !there.contains(edit) && !is_excused(edit)) {
            let what = &self.edits[*lost];
            ensure!(false, "nothing_acknowledged_is_lost", "edit {lost} {what:?}");
        }
        if let Some(lost) = self.saved.iter().find(|edit| !kept(edit)) {
            let what = &self.edits[*lost];
            ensure!(false, "nothing_captured_is_lost", "edit {lost} {what:?}");
        }
        Ok(())
    }

    /// After a restore: every acknowledged edit that the backup lacks is still on a phone that will offer it.
    pub(crate) fn check_offered<'a>(&self, phones: impl Iterator<Item = &'a Phone>) -> Check {
        let offered: std::collections::BTreeSet<EditId> = phones.flat_map(Phone::offers).collect();
        let there: std::collections::BTreeSet<EditId> = self.model.taken.values().map(|(edit, _)| *edit).collect();
        let lost = self
            .acknowledged
            .keys()
            .find(|edit| !there.contains(edit) && !offered.contains(edit) && !self.rolled_back.contains(edit));
        ensure!(lost.is_none(), "a_restored_server_is_offered_what_it_forgot", "edit {lost:?} is on no phone");
        Ok(())
    }
}
