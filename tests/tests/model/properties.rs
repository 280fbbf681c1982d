//! What must hold in every state of the model, and what must be met at all. The oracle is history: for every edit the
//! set of edits that its author knew.

use std::collections::BTreeSet;

use stateright::Property;
use sync_core::record::Record;

use crate::server_in_memory::Server;
use crate::server_in_memory::phone::record;
use crate::world::{Bounds, EDITS_MAX, FIELD, Link, RECORD, Side, World, words};

/// A set of edits, one bit each.
pub(crate) type Edits = u16;

pub(crate) const KEPT: &str = "what was acknowledged is kept";
pub(crate) const ONCE: &str = "nothing is taken twice, and nothing put aside";
pub(crate) const HISTORY: &str = "the server holds what history says";
pub(crate) const KNOWN: &str = "each phone shows what it knows";
pub(crate) const RESTORED: &str = "each phone comes back as it was";
pub(crate) const AGREEMENT: &str = "from every quiet moment all come to rest in agreement";
pub(crate) const CONFLICT: &str = "two values stand";
pub(crate) const REPEAT: &str = "a repeat is answered";
pub(crate) const RENAMED: &str = "a phone takes a new id";

pub(crate) fn of(bounds: Bounds) -> Vec<Property<Link>> {
    let mut all = vec![
        Property::always(KEPT, |_, world: &World| is_kept(world)),
        Property::always(ONCE, |_, world: &World| is_taken_once(&world.server)),
        Property::always(HISTORY, |_, world: &World| {
            values(at_server(&world.server)) == standing(world, taken(&world.server))
        }),
        Property::always(KNOWN, |_, world: &World| {
            let knows = |side: &Side| values(side.phone.view(RECORD).as_ref()) == standing(world, side.known);
            world.sides.iter().all(|side| knows(side) || is_forked(side, &world.server))
        }),
        Property::always(RESTORED, |_, world: &World| !world.is_quiet() || comes_back(world)),
        Property::always(AGREEMENT, |_, world: &World| !world.is_quiet() || agree_at_rest(world)),
        Property::sometimes(CONFLICT, |_, world: &World| values(at_server(&world.server)).len() > 1),
        Property::sometimes(REPEAT, |_, world: &World| world.has_answered_a_repeat),
    ];
    if bounds.copies > 0 {
        all.push(Property::sometimes(RENAMED, |_, world: &World| {
            world.sides[0].phone.client.replica() != world.sides[0].phone.as_of(0).client.replica()
        }));
    }
    all
}

/// The edits that the server has taken.
pub(crate) fn taken(server: &Server) -> Edits {
    let there = |edit: &usize| server.times_taken(&words(*edit)) > 0;
    (0..2 * EDITS_MAX).filter(there).map(|edit| 1 << edit).sum()
}

/// The values that stand in the field.
pub(crate) fn values(record: Option<&Record>) -> BTreeSet<String> {
    let siblings = record.into_iter().flat_map(|record| record.siblings(FIELD));
    siblings.filter_map(|sibling| sibling.value.as_str().map(str::to_owned)).collect()
}

/// Of these edits those that no other of them had known. The value that was found stands until the first edit.
fn standing(world: &World, edits: Edits) -> BTreeSet<String> {
    let is_in = |edit: &usize| edits & (1 << edit) != 0;
    let of = || (0..2 * EDITS_MAX).filter(is_in);
    let known = |by: usize| world.made[by].unwrap_or_default();
    let kept = of().filter(|old| !of().any(|new| known(new) & (1 << old) != 0)).map(words);
    if edits == 0 { BTreeSet::from(["found".to_owned()]) } else { kept.collect() }
}

fn at_server(server: &Server) -> Option<&Record> {
    server.records.get(&record(RECORD)).map(|(record, _)| record)
}

/// Whether the phone's lost self wrote something else under a number that waits here. Until the phone has been told, it
/// cannot know which of the two it sees.
fn is_forked(side: &Side, server: &Server) -> bool {
    let mut waiting = side.phone.client.outbox().waiting();
    waiting.any(|(dot, entry)| server.taken.get(&dot).is_some_and(|taken| taken.bytes != entry.bytes))
}

fn is_kept(world: &World) -> bool {
    let entries = world.sides.iter().flat_map(|side| side.phone.client.outbox().iter());
    entries.filter(|(_, entry)| entry.outcome.is_some()).all(|(dot, entry)| {
        let taken = world.server.taken.get(&dot);
        taken.is_some_and(|taken| {
            let told = entry.outcome.as_ref().map(sync_core::protocol::Outcome::first_verdict);
            taken.bytes == entry.bytes && told == Some(taken.outcome.first_verdict())
        })
    })
}

fn is_taken_once(server: &Server) -> bool {
    (0..2 * EDITS_MAX).all(|edit| server.times_taken(&words(edit)) <= 1) && server.quarantine().is_empty()
}

fn comes_back(world: &World) -> bool {
    world.sides.iter().all(|side| {
        let back = side.phone.as_of(side.phone.log.len());
        back.client == side.phone.client.as_stored() && back.base == side.phone.base
    })
}

fn agree_at_rest(world: &World) -> bool {
    let mut rest = world.clone();
    let all_made: Edits = (0..2 * EDITS_MAX).filter(|edit| rest.made[*edit].is_some()).map(|edit| 1 << edit).sum();
    rest.come_to_rest()
        && rest.sides.iter().all(|side| {
            let phone = &side.phone;
            let is_settled = phone.client.outbox().waiting().next().is_none();
            is_settled && phone.base.get(record(RECORD)) == at_server(&rest.server) && phone.client.is_proved_equal()
        })
        && is_kept(&rest)
        && is_taken_once(&rest.server)
        && values(at_server(&rest.server)) == standing(&rest, taken(&rest.server))
        // A phone that came back from a copy has lost what it had not sent.
        && (world.has_lost_a_phone || taken(&rest.server) == all_made)
}
