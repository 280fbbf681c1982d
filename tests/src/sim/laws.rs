//! The join's laws, tried on the states of each record as they are in the middle of a day: on the server, and on the phones
//! with what they have not sent.

use std::collections::BTreeMap;

use sync_core::ids::RecordId;
use sync_core::record::Record;

use super::oracle::{Check, ensure};
use super::phone::Phone;
use super::world::World;

impl World<'_> {
    /// Joins the server's and the phones' states of each record in several orders and groupings.
    ///
    /// Left out is who wrote under a number what a copy wrote otherwise: no two such states meet, for the server tells the copies
    /// apart before either takes in what the other wrote.
    pub(super) fn check_join(&self, states: &BTreeMap<RecordId, String>) -> Check {
        let is_doubled = |phone: &Phone| phone.client.outbox().iter().any(|(dot, _)| self.oracle.is_written_twice(dot));
        let phones: Vec<&Phone> = self.phones.iter().filter(|phone| phone.is_there && !is_doubled(phone)).collect();
        for (id, state) in states.iter().filter(|(id, _)| !self.oracle.ambiguous.contains(id)) {
            let Ok(server) = Record::from_json(state) else { continue };
            let views = phones.iter().filter_map(|phone| phone.view(*id));
            let mut views: Vec<Record> = views.filter(|view| *view != server).collect();
            views.dedup();
            for (at, a) in views.iter().enumerate() {
                let b = &views[(at + 1) % views.len()];
                ensure!(
                    obeys(a, b, &server),
                    "join_commutes_associates_and_is_idempotent",
                    "{} and {} and {state}",
                    a.to_json(),
                    b.to_json()
                );
            }
        }
        Ok(())
    }
}

fn joined(a: &Record, b: &Record) -> Record {
    let mut joined = a.clone();
    joined.join(b);
    joined
}

fn obeys(a: &Record, b: &Record, c: &Record) -> bool {
    let ab = joined(a, b);
    let abc = joined(&ab, c);
    ab == joined(b, a) && abc == joined(a, &joined(b, c)) && joined(a, a) == *a && joined(&abc, a) == abc
}
