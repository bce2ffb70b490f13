//! Where the accounts of a journal stand that owns all it looks at. The addresses are the accounts' own:
//! the table holds numbers only, so that a whole block's lies in the processor's cache.

use std::hash::BuildHasher;

use hashbrown::{HashTable, hash_table::Entry};

use super::account::LiveAccount;
use crate::{Address, state::key_hash::KeyState};

/// Places by address.
#[derive(Debug, Default)]
pub(super) struct Places(HashTable<u32>);

impl Places {
    pub fn get(&self, address: Address, accounts: &[LiveAccount]) -> Option<u32> {
        let hash = KeyState.hash_one(address);
        let is_it = |place: &u32| accounts[*place as usize].address == address;
        self.0.find(hash, is_it).copied()
    }

    /// The place of an account, which becomes the one that `next` returns if it has none. `address_at` knows
    /// the address at each place so far.
    pub fn insert(
        &mut self,
        address: Address,
        address_at: impl Fn(u32) -> Address,
        next: impl FnOnce() -> u32,
    ) -> u32 {
        let entry = self.0.entry(
            KeyState.hash_one(address),
            |place| address_at(*place) == address,
            |place| KeyState.hash_one(address_at(*place)),
        );
        match entry {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => *entry.insert(next()).get(),
        }
    }

    /// Forgets accounts from a place on.
    pub fn truncate(&mut self, length: u32) {
        self.0.retain(|place| *place < length);
    }

    /// Makes room for so many more accounts.
    pub fn reserve(&mut self, more: usize, accounts: &[LiveAccount]) {
        self.0.reserve(more, |place| {
            KeyState.hash_one(accounts[*place as usize].address)
        });
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}
