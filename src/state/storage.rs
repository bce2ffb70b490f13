//! An account's slots, with whatever is known of each. Accounts are made, copied and moved all the time and most of
//! them have no slots, so these stand apart: an account without any takes a pointer for them.

use std::{fmt, ops::Deref};

use super::{Map, key_hash::KeyState};
use crate::U256;

/// Slots by key, in an order that means nothing. It is read as the [`Map`] that it is.
#[derive(Clone)]
pub struct Storage<V>(Option<Box<Map<U256, V>>>);

/// Room for so many slots is kept for the next ones.
const RECYCLED_MAX: usize = 7;

impl<V: 'static> Storage<V> {
    /// No slots.
    pub const EMPTY: Self = Self(None);

    const NONE: &'static Map<U256, V> = &Map::with_hasher(KeyState);

    /// A slot, to be changed.
    #[inline]
    pub fn get_mut(&mut self, key: &U256) -> Option<&mut V> {
        self.0.as_mut()?.get_mut(key)
    }

    /// Sets a slot, whether or not there was one.
    #[inline]
    pub fn set(&mut self, key: U256, value: V) -> &mut V {
        let slots = self.0.get_or_insert_default();
        slots.entry(key).insert(value).into_mut()
    }

    /// Drops the slots that are not to be kept.
    pub fn retain(&mut self, is_kept: impl FnMut(&U256, &mut V) -> bool) {
        if let Some(slots) = &mut self.0 {
            slots.retain(is_kept);
        }
    }

    /// Drops all slots.
    #[inline]
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Drops all slots, and keeps what a few have taken for the next ones.
    #[inline]
    pub fn recycle(&mut self) {
        match &mut self.0 {
            Some(slots) if slots.capacity() <= RECYCLED_MAX => slots.clear(),
            slots => *slots = None,
        }
    }
}

impl<V> Default for Storage<V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<V: 'static> Deref for Storage<V> {
    type Target = Map<U256, V>;

    #[inline]
    fn deref(&self) -> &Map<U256, V> {
        self.0.as_deref().unwrap_or(Self::NONE)
    }
}

impl<V: PartialEq + 'static> PartialEq for Storage<V> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<V: Eq + 'static> Eq for Storage<V> {}

impl<V: fmt::Debug + 'static> fmt::Debug for Storage<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<V: 'static> Extend<(U256, V)> for Storage<V> {
    fn extend<I: IntoIterator<Item = (U256, V)>>(&mut self, slots: I) {
        for (key, value) in slots {
            self.set(key, value);
        }
    }
}

impl<V: 'static> FromIterator<(U256, V)> for Storage<V> {
    fn from_iter<I: IntoIterator<Item = (U256, V)>>(slots: I) -> Self {
        let mut storage = Self::EMPTY;
        storage.extend(slots);
        storage
    }
}

impl<V> IntoIterator for Storage<V> {
    type Item = (U256, V);
    type IntoIter = hashbrown::hash_map::IntoIter<U256, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map_or_else(Map::default, |slots| *slots).into_iter()
    }
}

impl<'s, V: 'static> IntoIterator for &'s Storage<V> {
    type Item = (&'s U256, &'s V);
    type IntoIter = hashbrown::hash_map::Iter<'s, U256, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(slots: impl IntoIterator<Item = (u64, u64)>) -> Storage<u64> {
        let slots = slots.into_iter();
        slots.map(|(key, value)| (key.into(), value)).collect()
    }

    #[test]
    fn slots_are_read_set_and_dropped() {
        let mut slots = storage([(1, 10), (2, 20)]);
        assert_eq!(*slots.set(3.into(), 30), 30);
        *slots.set(2.into(), 21) += 1;
        *slots.get_mut(&1.into()).unwrap() = 11;
        assert_eq!(slots, storage([(1, 11), (2, 22), (3, 30)]));
        slots.retain(|_, value| *value > 11);
        slots.extend([(9.into(), 90)]);
        assert_eq!((slots.len(), slots.get(&U256::from(9))), (3, Some(&90)));
        let mut all: Vec<_> = slots.clone().into_iter().collect();
        all.sort_unstable();
        assert_eq!(all, [(2.into(), 22), (3.into(), 30), (9.into(), 90)]);
        slots.clear();
        assert_eq!(slots, Storage::EMPTY);
        for count in [3, 300] {
            let mut slots = storage((0..count).map(|key| (key, key)));
            slots.recycle();
            assert_eq!(slots, Storage::EMPTY);
            assert_eq!(slots.capacity() > 0, count == 3);
        }
    }

    #[test]
    fn no_slots_are_none_whether_or_not_there_were_some() {
        let mut emptied = storage([(1, 10)]);
        emptied.retain(|_, _| false);
        let none = storage([]);
        assert_eq!(emptied, none);
        assert!(none.is_empty() && none.get(&U256::from(1)).is_none());
        assert_eq!(format!("{emptied:?} {none:?}"), "{} {}");
        assert_eq!((&none).into_iter().count(), 0);
        assert_eq!(none.into_iter().count(), 0);
    }

    #[test]
    fn an_account_without_slots_takes_a_pointer_for_them() {
        assert_eq!(size_of::<Storage<u64>>(), size_of::<usize>());
    }
}
