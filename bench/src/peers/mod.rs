//! The libraries that are measured, behind one trait, and the replay of a history through any of them.

mod automerge;
mod loro;
mod sync_core;
mod yrs;

use crate::history::{Edit, History, Step};

pub use self::{automerge::Automerge, loro::Loro, sync_core::SyncCore, yrs::Yrs};

/// One library that keeps a record that several replicas edit. Each is used the way its own documentation recommends.
pub trait Peer {
    /// What the figures call it.
    const NAME: &'static str;
    /// A replica's copy of the record.
    type Doc;

    /// An empty copy for one replica; replicas count from 1.
    fn open(replica: usize) -> Self::Doc;
    /// Edits the copy, and gives the bytes that tell others of this edit.
    fn edit(doc: &mut Self::Doc, edit: &Edit) -> Vec<u8>;
    /// Merges the bytes of somebody's edit.
    fn take(doc: &mut Self::Doc, message: &[u8]);
    /// A copy from the bytes of every edit, in an order in which they can be merged.
    fn build(messages: &[Vec<u8>]) -> Self::Doc;
    /// Another copy with the same content, for a measurement to spoil.
    fn fork(doc: &mut Self::Doc) -> Self::Doc;
    /// The whole copy as the bytes that one would store, ready to be merged with others later.
    fn encode(doc: &mut Self::Doc) -> Vec<u8>;
    /// A copy from such bytes.
    fn decode(bytes: &[u8]) -> Self::Doc;
    /// The standing values of a field, sorted: all that nobody has overwritten, or, where the library gives up the
    /// others, the one that it shows.
    fn values(doc: &Self::Doc, field: &str) -> Vec<String>;
}

/// Plays a history through the replicas of one library and gives the bytes of every edit, in the order in which a
/// server would have had them.
#[must_use]
pub fn messages<P: Peer>(history: &History) -> Vec<Vec<u8>> {
    let mut sent: Vec<Vec<u8>> = Vec::new();
    let mut docs: Vec<P::Doc> = (1..=history.replicas).map(P::open).collect();
    let mut unsent: Vec<Vec<Vec<u8>>> = vec![Vec::new(); history.replicas];
    let mut taken = vec![0; history.replicas];
    for step in &history.steps {
        match step {
            Step::Edit(edit) => unsent[edit.replica].push(P::edit(&mut docs[edit.replica], edit)),
            Step::Sync { replica } => {
                for message in &sent[taken[*replica]..] {
                    P::take(&mut docs[*replica], message);
                }
                sent.append(&mut unsent[*replica]);
                taken[*replica] = sent.len();
            }
        }
    }
    sent
}
