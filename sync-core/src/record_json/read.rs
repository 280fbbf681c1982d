//! Reading a state: in the present form, or in that of earlier builds, which wrote ids where this one writes places in a
//! table (`"seen": {"<replica>": seq}`, `"versions": [{"dot", "context"?, "stamp", "author"}]`,
//! `"fields": {"<path>": [[version, value], …]}`). Members may come in any order.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::dots::{Dot, VersionVector};
use crate::ids::{AccountId, RecordId, ReplicaId, VillageId};
use crate::record::{Authorship, Record, Register, Seen};
use crate::sorted::{SortedMap, SortedSet};
use crate::time::Stamp;

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        State::deserialize(deserializer)?.into_record().map_err(Error::custom)
    }
}

#[derive(serde::Deserialize)]
struct State {
    id: RecordId,
    kind: String,
    #[serde(default)]
    village: Option<VillageId>,
    #[serde(default)]
    replicas: Vec<ReplicaId>,
    #[serde(default)]
    authors: Vec<AccountId>,
    seen: Vector,
    #[serde(default)]
    ahead: Vec<(Place<ReplicaId>, u64, u64)>,
    versions: Vec<Row>,
    fields: Members<Siblings>,
    #[serde(default)]
    overwritten: Members<Vector>,
}

/// Why a state cannot be read.
const NO_REPLICA: &str = "a replica that is not in the table";
const NO_AUTHOR: &str = "an author who is not in the table";
const NO_VERSION: &str = "a value of no version";

impl State {
    fn into_record(self) -> Result<Record, &'static str> {
        let Self { id, kind, village, replicas, authors, seen, ahead, versions: rows, fields, overwritten } = self;
        let mut dots = Vec::with_capacity(rows.len());
        let mut versions = Vec::with_capacity(rows.len());
        for row in rows {
            let replica = row.replica.find(&replicas).ok_or(NO_REPLICA)?;
            let author = row.author.find(&authors).ok_or(NO_AUTHOR)?;
            let dot = Dot { replica, seq: row.seq };
            dots.push(dot);
            versions.push((
                dot,
                Authorship { context: row.context.over(&replicas)?, stamp: row.stamp, author, standing: 0 },
            ));
        }
        let mut versions: SortedMap<Dot, Authorship> = versions.into_iter().collect();
        let mut registers = Vec::with_capacity(fields.0.len());
        for (path, Siblings(values)) in fields.0 {
            let mut siblings = Vec::with_capacity(values.len());
            for (at, value) in values {
                let dot = dots.get(at).ok_or(NO_VERSION)?;
                siblings.push((*dot, value));
            }
            siblings.sort_by_key(|(dot, _)| *dot);
            siblings.dedup_by_key(|(dot, _)| *dot);
            registers.push((path, Register { siblings, overwritten: VersionVector::new() }));
        }
        let mut registers: SortedMap<String, Register> = registers.into_iter().collect();
        for (path, vector) in overwritten.0 {
            if let Some(register) = registers.get_mut(&path) {
                register.overwritten = vector.over(&replicas)?;
            }
        }
        for (dot, _) in registers.values().flat_map(|register: &Register| &register.siblings) {
            if let Some(by) = versions.get_mut(dot) {
                by.standing = by.standing.saturating_add(1);
            }
        }
        versions.retain(|_, by| by.standing > 0);
        let link = |(place, seq, previous): (Place<ReplicaId>, u64, u64)| Some((place.find(&replicas)?, seq, previous));
        let ahead = ahead.into_iter().map(link).collect::<Option<SortedSet<_>>>().ok_or(NO_REPLICA)?;
        let seen = Seen::of(seen.over(&replicas)?, ahead);
        Ok(Record { id, kind, village, seen, versions, fields: registers })
    }
}

/// The members of an object as they come.
struct Members<T>(Vec<(String, T)>);

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InTurn<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InTurn<T> {
            type Value = Members<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object by path")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InTurn(PhantomData))
    }
}

/// Somebody who is named by a place in a table, or by the id itself.
enum Place<T> {
    At(usize),
    Id(T),
}

impl<T: Copy> Place<T> {
    fn find(&self, table: &[T]) -> Option<T> {
        match self {
            Self::At(place) => table.get(*place).copied(),
            Self::Id(id) => Some(*id),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Place<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Place<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place in a table, or an id")
            }
            fn visit_u64<E: Error>(self, place: u64) -> Result<Place<T>, E> {
                usize::try_from(place).map(Place::At).map_err(E::custom)
            }
            fn visit_str<E: Error>(self, id: &str) -> Result<Place<T>, E> {
                T::deserialize(serde::de::value::StrDeserializer::new(id)).map(Place::Id)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// A version vector: numbers in the order of the table, or a map by id.
enum Vector {
    Numbers(Vec<u64>),
    Named(VersionVector),
}

impl Default for Vector {
    fn default() -> Self {
        Self::Named(VersionVector::new())
    }
}

impl Vector {
    fn over(self, replicas: &[ReplicaId]) -> Result<VersionVector, &'static str> {
        match self {
            Self::Named(vector) => Ok(vector),
            Self::Numbers(numbers) if numbers.len() > replicas.len() => Err(NO_REPLICA),
            Self::Numbers(numbers) => {
                let dot = |(replica, seq): (&ReplicaId, u64)| Dot { replica: *replica, seq };
                Ok(replicas.iter().zip(numbers).map(dot).collect())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Vector;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sequence numbers in the order of the replicas, or a map from replica ids")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vector, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = seq.next_element()? {
                    numbers.push(number);
                }
                Ok(Vector::Numbers(numbers))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vector, A::Error> {
                VersionVector::deserialize(MapAccessDeserializer::new(map)).map(Vector::Named)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// One version: `[replica, seq, ms, counter, author, context?]`, or an object.
struct Row {
    replica: Place<ReplicaId>,
    seq: u64,
    stamp: Stamp,
    author: Place<AccountId>,
    context: Vector,
}

#[derive(serde::Deserialize)]
struct NamedRow {
    dot: Dot,
    #[serde(default)]
    context: VersionVector,
    stamp: Stamp,
    author: AccountId,
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Row;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a version as [replica, seq, ms, counter, author, context?], or as an object")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
                let row = Row {
                    replica: next(&mut seq, 0)?,
                    seq: next(&mut seq, 1)?,
                    stamp: Stamp { ms: next(&mut seq, 2)?, counter: next(&mut seq, 3)? },
                    author: next(&mut seq, 4)?,
                    context: seq.next_element()?.unwrap_or_default(),
                };
                // What later builds may add.
                while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(row)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Row, A::Error> {
                let NamedRow { dot, context, stamp, author } = NamedRow::deserialize(MapAccessDeserializer::new(map))?;
                let (replica, author) = (Place::Id(dot.replica), Place::Id(author));
                Ok(Row { replica, seq: dot.seq, stamp, author, context: Vector::Named(context) })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A, place: usize) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| Error::invalid_length(place, &"more members"))
}

/// The siblings of a path: `[version, value, version, value, …]`, or `[[version, value], …]`.
struct Siblings(Vec<(usize, Value)>);

/// What begins a sibling: its version's place, or the whole of it.
enum Begins {
    Place(usize),
    Pair(usize, Value),
}

impl<'de> Deserialize<'de> for Begins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Begins;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the place of a version, or that and a value")
            }
            fn visit_u64<E: Error>(self, place: u64) -> Result<Begins, E> {
                usize::try_from(place).map(Begins::Place).map_err(E::custom)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Begins, A::Error> {
                let pair = Begins::Pair(next(&mut seq, 0)?, next(&mut seq, 1)?);
                while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(pair)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Siblings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InTurn;
        impl<'de> Visitor<'de> for InTurn {
            type Value = Siblings;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("versions and values in turn")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Siblings, A::Error> {
                let mut siblings = Vec::with_capacity(1);
                while let Some(begins) = seq.next_element()? {
                    siblings.push(match begins {
                        Begins::Pair(place, value) => (place, value),
                        Begins::Place(place) => (place, next(&mut seq, 1)?),
                    });
                }
                Ok(Siblings(siblings))
            }
        }
        deserializer.deserialize_seq(InTurn)
    }
}
