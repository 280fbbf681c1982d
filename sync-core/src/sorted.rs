//! Ordered maps and sets, each as one sorted list. What is kept here is small, or arrives nearly in order, so that a list is
//! faster than a tree; and in the browser's build each further type of a tree weighs ten times as much as one of a list.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A map in the order of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedMap<K, V>(Vec<(K, V)>);

/// A set in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedSet<T>(SortedMap<T, ()>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    fn position<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(known, _)| known.borrow().cmp(key))
    }

    /// The value at a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.position(key).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// The value at a key, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.position(key).ok().and_then(|at| self.0.get_mut(at)).map(|(_, value)| value)
    }

    /// Puts a value at a key, and gives the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        // Most arrive in order.
        if self.0.last().is_none_or(|(last, _)| *last < key) {
            self.0.push((key, value));
            return None;
        }
        match self.position(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, held)| std::mem::replace(held, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes out the value at a key.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.position(key).ok().map(|at| self.0.remove(at).1)
    }

    /// The entries from one key to another, both included, to change their values.
    pub fn range_mut(&mut self, keys: RangeInclusive<K>) -> impl Iterator<Item = (&K, &mut V)> {
        let (first, last) = keys.into_inner();
        let from = self.0.partition_point(|(key, _)| *key < first);
        let to = self.0.partition_point(|(key, _)| *key <= last);
        self.0.get_mut(from..to).unwrap_or_default().iter_mut().map(|(key, value)| (&*key, value))
    }
}

impl<K, V> SortedMap<K, V> {
    /// Keeps the entries of which that is said.
    pub fn retain(&mut self, mut keeps: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keeps(key, value));
    }

    /// The entries in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values in the order of their keys, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    /// Of several entries with one key, the last one counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut list: Vec<(K, V)> = entries.into_iter().collect();
        if !list.is_sorted_by(|(a, _), (b, _)| a < b) {
            list.reverse();
            list.sort_by(|(a, _), (b, _)| a.cmp(b));
            list.dedup_by(|(later, _), (first, _)| later == first);
        }
        Self(list)
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        Self(SortedMap::default())
    }
}

impl<T: Ord> SortedSet<T> {
    /// Adds an item; whether it was not there.
    pub fn insert(&mut self, item: T) -> bool {
        self.0.insert(item, ()).is_none()
    }

    /// Whether the item is there.
    #[must_use]
    pub fn contains(&self, item: &T) -> bool {
        self.0.get(item).is_some()
    }
}

impl<T> SortedSet<T> {
    /// Keeps the items of which that is said.
    pub fn retain(&mut self, mut keeps: impl FnMut(&T) -> bool) {
        self.0.retain(|item, ()| keeps(item));
    }

    /// The items in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.0.keys()
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().map(|item| (item, ())).collect())
    }
}

impl<T> IntoIterator for SortedSet<T> {
    type Item = T;
    type IntoIter = std::iter::Map<std::vec::IntoIter<(T, ())>, fn((T, ())) -> T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(item, ())| item)
    }
}

impl<K: Serialize, V: Serialize> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for SortedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);
        impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
            type Value = SortedMap<K, V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SortedMap<K, V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries.into_iter().collect())
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<T: Serialize> Serialize for SortedSet<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Ord + Deserialize<'de>> Deserialize<'de> for SortedSet<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_neighbours_with_one_key_the_last_counts() {
        let list: SortedMap<u8, u16> = [(1, 10), (1, 20)].into_iter().collect();
        assert!(list.into_iter().eq([(1, 20)]));
    }

    proptest! {
        #[test]
        fn a_sorted_map_is_what_a_tree_is(steps in proptest::collection::vec((0_u8..4, 0_u8..12, any::<u16>()), 0..60)) {
            let (mut list, mut tree) = (SortedMap::default(), BTreeMap::new());
            for (step, key, value) in steps {
                match step {
                    0 | 1 => prop_assert_eq!(list.insert(key, value), tree.insert(key, value)),
                    2 => prop_assert_eq!(list.remove(&key), tree.remove(&key)),
                    _ => {
                        list.retain(|known, held| *known != key || *held > value);
                        tree.retain(|known, held| *known != key || *held > value);
                    }
                }
                prop_assert_eq!(list.get(&key), tree.get(&key));
                prop_assert_eq!(list.get_mut(&key), tree.get_mut(&key));
                prop_assert_eq!((list.len(), list.is_empty()), (tree.len(), tree.is_empty()));
            }
            prop_assert!(list.iter().eq(&tree) && list.keys().eq(tree.keys()) && list.values().eq(tree.values()));
            for keys in [0..=3, 2..=9, 5..=5, 9..=20] {
                prop_assert!(list.range_mut(keys.clone()).eq(tree.range_mut(keys)));
            }
            prop_assert!(list.iter_mut().eq(tree.iter_mut()));
            prop_assert!(list.into_iter().eq(tree));
        }

        #[test]
        fn what_is_gathered_is_sorted_and_the_last_of_a_key_counts(entries: Vec<(u8, u16)>) {
            let list: SortedMap<u8, u16> = entries.iter().copied().collect();
            let text = serde_json::to_string(&entries.iter().copied().collect::<BTreeMap<_, _>>()).unwrap_or_default();
            prop_assert_eq!(serde_json::to_string(&list).ok(), Some(text.clone()));
            prop_assert_eq!(serde_json::from_str(&text).ok(), Some(list.clone()));
            prop_assert!(list.into_iter().eq(entries.iter().copied().collect::<BTreeMap<_, _>>()));
            let set: SortedSet<u8> = entries.iter().map(|(key, _)| *key).collect();
            let tree: BTreeSet<u8> = entries.iter().map(|(key, _)| *key).collect();
            prop_assert!(set.iter().eq(&tree));
            prop_assert_eq!(serde_json::to_string(&set).ok(), serde_json::to_string(&tree).ok());
            let keys: Vec<u8> = entries.iter().map(|(key, _)| *key).collect();
            prop_assert_eq!(serde_json::to_string(&keys).ok().and_then(|text| serde_json::from_str(&text).ok()), Some(set));
        }

        #[test]
        fn a_sorted_set_is_what_a_tree_is(items: Vec<(bool, u8)>) {
            let (mut list, mut tree) = (SortedSet::default(), BTreeSet::new());
            for (adds, item) in items {
                if adds {
                    prop_assert_eq!(list.insert(item), tree.insert(item));
                } else {
                    list.retain(|known| *known != item);
                    tree.remove(&item);
                }
                prop_assert_eq!(list.contains(&item), tree.contains(&item));
                prop_assert_eq!((list.len(), list.is_empty()), (tree.len(), tree.is_empty()));
            }
            prop_assert!(list.into_iter().eq(tree));
        }
    }
}
