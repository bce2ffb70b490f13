//! What has become of accounts since a block's start, by address.
//!
//! Owns the table and its index, and nothing about where a change comes from: `writes` gathers what
//! a journal has changed, `overlay` puts it on top of a database.

use std::{collections::BTreeMap, fmt, hash::BuildHasher, ops::Index, sync::OnceLock};

use hashbrown::HashTable;

use super::{AccountInfo, Storage, key_hash::KeyState};
use crate::{Address, B256, Code, U256, in_place};

/// What has become of one account since the block's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The account now; `None` where it is gone.
    pub info: Option<AccountInfo>,
    /// Whether nothing of its storage before the block is left.
    pub storage_cleared: bool,
    /// Slots written since, zeros included.
    pub storage: Storage<U256>,
}

/// Everything that a block has changed, in no order.
#[derive(Clone, Debug, Default)]
pub struct StateChanges {
    /// By address.
    pub accounts: Changes,
    /// Codes that creations and delegations have left, by hash.
    pub codes: BTreeMap<B256, Code>,
}

/// Changes by address, in an order that means nothing.
///
/// They lie in shards by hash, and in each in chunks that stay where they are, so that what several
/// workers have changed is put together without moving or looking up any of it. A shard's index is made
/// when something in it is first looked up, by whoever does.
#[derive(Clone, Default)]
pub struct Changes {
    /// None before the first change.
    shards: Vec<Shard>,
}

#[derive(Clone, Default)]
struct Shard {
    /// Full chunks, and others where two tables were put together.
    chunks: Vec<Vec<Entry>>,
    /// The chunk behind them, which is being filled.
    last: Vec<Entry>,
    length: usize,
    /// Places by address, once something has been looked up.
    index: OnceLock<HashTable<u32>>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    address: Address,
    /// What has become of it.
    pub change: AccountChange,
    /// That it is not as it was before the block, or is among those that are compared with what they were.
    pub is_noted: bool,
}

/// Some of a table's shards, one behind the other, for whoever changes what is in them.
pub(super) struct Shards<'c> {
    /// The number of the first.
    first: usize,
    shards: &'c mut [Shard],
}

/// So many that each shard's index of a full block lies in a core's own cache.
const SHARDS: usize = 16;

/// So many entries lie behind each other.
const CHUNK: usize = 64;

/// Up to this many entries a scan is faster than an index.
const SCANNED_MAX: usize = 8;

impl StateChanges {
    /// The accounts in the order of their addresses, which takes longer the more there are.
    pub fn sorted(&self) -> Vec<(Address, &AccountChange)> {
        let accounts = self.accounts.iter();
        let mut accounts: Vec<_> = accounts
            .map(|(address, change)| (*address, change))
            .collect();
        accounts.sort_unstable_by_key(|(address, _)| *address);
        accounts
    }
}

impl Changes {
    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.length).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.length == 0)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Address, &AccountChange)> {
        let entries = self.shards.iter().flat_map(Shard::entries);
        entries.map(|entry| (&entry.address, &entry.change))
    }

    /// Their addresses, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Address> {
        self.iter().map(|(address, _)| address)
    }

    /// What has become of an account, if anything has.
    pub fn get(&self, address: &Address) -> Option<&AccountChange> {
        if self.shards.is_empty() {
            return None;
        }
        let hash = KeyState.hash_one(address);
        let shard = &self.shards[shard_of(hash)];
        let place = shard.find(hash, address)?;
        Some(&shard.at(place).change)
    }

    /// As [`Changes::get`], to be changed.
    pub fn get_mut(&mut self, address: &Address) -> Option<&mut AccountChange> {
        let hash = KeyState.hash_one(address);
        let shard = self.shards.get_mut(shard_of(hash))?;
        Some(&mut shard.find_mut(hash, address)?.change)
    }

    /// Whether something has become of an account.
    pub fn contains_key(&self, address: &Address) -> bool {
        self.get(address).is_some()
    }

    /// Sets what has become of an account: what that was until now, if anything.
    pub fn insert(&mut self, address: Address, change: AccountChange) -> Option<AccountChange> {
        match self.get_mut(&address) {
            Some(known) => Some(std::mem::replace(known, change)),
            None => {
                self.push(address, || change, false);
                None
            }
        }
    }

    /// Adds an account that is not there.
    #[inline(always)]
    pub(super) fn push(
        &mut self,
        address: Address,
        change: impl FnOnce() -> AccountChange,
        is_noted: bool,
    ) {
        self.open();
        let hash = KeyState.hash_one(address);
        self.shards[shard_of(hash)].push(hash, || Entry {
            address,
            change: change(),
            is_noted,
        });
    }

    /// Adds accounts of which none is there.
    pub(super) fn append(&mut self, mut others: Self) {
        if self.shards.is_empty() {
            self.shards = others.shards;
            return;
        }
        for (shard, others) in self.shards.iter_mut().zip(&mut others.shards) {
            shard.append(std::mem::take(others));
        }
    }

    /// All shards in so many parts of about the same length, or in as many as there are shards.
    pub(super) fn parts(&mut self, count: usize) -> impl Iterator<Item = Shards<'_>> {
        self.open();
        let length = SHARDS.div_ceil(count.max(1));
        let parts = self.shards.chunks_mut(length).enumerate();
        parts.map(move |(part, shards)| Shards {
            first: part * length,
            shards,
        })
    }

    #[inline(always)]
    fn open(&mut self) {
        if self.shards.is_empty() {
            self.shards.resize_with(SHARDS, Shard::default);
        }
    }

    /// Forgets what has become of an account.
    pub(super) fn remove(&mut self, address: &Address) -> Option<AccountChange> {
        let hash = KeyState.hash_one(address);
        self.shards.get_mut(shard_of(hash))?.remove(hash, address)
    }
}

impl Shards<'_> {
    /// The hash of an account, if it belongs here.
    pub fn hash(&self, address: Address) -> Option<u64> {
        let hash = KeyState.hash_one(address);
        let place = shard_of(hash).checked_sub(self.first)?;
        (place < self.shards.len()).then_some(hash)
    }

    /// What has become of an account that belongs here and has this hash, if anything has.
    pub fn get_mut(&mut self, hash: u64, address: &Address) -> Option<&mut Entry> {
        self.shards[shard_of(hash) - self.first].find_mut(hash, address)
    }

    /// Adds an account that belongs here, has this hash and is not there.
    pub fn push(
        &mut self,
        hash: u64,
        address: Address,
        change: AccountChange,
        is_noted: bool,
    ) -> &mut Entry {
        self.shards[shard_of(hash) - self.first].push(hash, || Entry {
            address,
            change,
            is_noted,
        })
    }

    /// Takes over the accounts of another table's shards with the same numbers. None of them is here.
    pub fn append(&mut self, others: Shards<'_>) {
        for (shard, others) in self.shards.iter_mut().zip(others.shards) {
            shard.append(std::mem::take(others));
        }
    }
}

impl Shard {
    fn find_mut(&mut self, hash: u64, address: &Address) -> Option<&mut Entry> {
        let (chunk, offset) = split(self.find(hash, address)?);
        Some(&mut self.chunk_mut(chunk)[offset])
    }

    fn find(&self, hash: u64, address: &Address) -> Option<u32> {
        if self.length <= SCANNED_MAX && self.index.get().is_none() {
            return self
                .places()
                .find_map(|(place, known)| (known.address == *address).then_some(place));
        }
        let index = self.index.get_or_init(|| {
            let mut index = HashTable::with_capacity(self.length);
            for (place, entry) in self.places() {
                index.insert_unique(KeyState.hash_one(entry.address), place, |place| {
                    self.hash_at(*place)
                });
            }
            index
        });
        index
            .find(hash, |place| self.at(*place).address == *address)
            .copied()
    }

    #[inline(always)]
    fn push(&mut self, hash: u64, entry: impl FnOnce() -> Entry) -> &mut Entry {
        if self.last.len() == CHUNK {
            self.close_last(Vec::with_capacity(CHUNK));
        }
        let (chunk, offset) = (self.chunks.len(), self.last.len());
        // The first one grows as it has to: most blocks change little.
        in_place::push(&mut self.last, entry);
        self.length += 1;
        if self.index.get().is_some() {
            self.add_to_index(hash, join(chunk, offset));
        }
        &mut self.last[offset]
    }

    fn add_to_index(&mut self, hash: u64, place: u32) {
        let Some(mut index) = self.index.take() else {
            return;
        };
        index.insert_unique(hash, place, |place| self.hash_at(*place));
        self.index = OnceLock::from(index);
    }

    fn append(&mut self, others: Self) {
        if self.index.get().is_none() {
            self.length += others.length;
            self.close_last(Vec::new());
            self.chunks.extend(others.chunks);
            self.last = others.last;
            return;
        }
        for entry in others.chunks.into_iter().flatten().chain(others.last) {
            self.push(KeyState.hash_one(entry.address), || entry);
        }
    }

    /// Puts the last chunk to the others, and another one in its place.
    fn close_last(&mut self, next: Vec<Entry>) {
        let last = std::mem::replace(&mut self.last, next);
        if !last.is_empty() {
            self.chunks.push(last);
        }
    }

    fn remove(&mut self, hash: u64, address: &Address) -> Option<AccountChange> {
        let place = self.find(hash, address)?;
        let (chunk, offset) = split(place);
        let entries = self.chunk_mut(chunk);
        let last = entries.len() - 1;
        let change = entries.swap_remove(offset).change;
        let moved = entries
            .get(offset)
            .map(|entry| KeyState.hash_one(entry.address));
        self.length -= 1;
        if let Some(index) = self.index.get_mut() {
            if let Ok(entry) = index.find_entry(hash, |known| *known == place) {
                entry.remove();
            }
            let last = join(chunk, last);
            if let Some(moved) = moved.and_then(|hash| index.find_mut(hash, |known| *known == last))
            {
                *moved = place;
            }
        }
        Some(change)
    }

    fn chunk_mut(&mut self, chunk: usize) -> &mut Vec<Entry> {
        self.chunks.get_mut(chunk).unwrap_or(&mut self.last)
    }

    fn at(&self, place: u32) -> &Entry {
        let (chunk, offset) = split(place);
        &self.chunks.get(chunk).unwrap_or(&self.last)[offset]
    }

    fn hash_at(&self, place: u32) -> u64 {
        KeyState.hash_one(self.at(place).address)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.chunks.iter().flatten().chain(&self.last)
    }

    /// All entries with where they stand.
    fn places(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let chunks = self.chunks.iter().chain([&self.last]).enumerate();
        chunks.flat_map(|(chunk, entries)| {
            let entries = entries.iter().enumerate();
            entries.map(move |(offset, entry)| (join(chunk, offset), entry))
        })
    }
}

/// The bits of a hash that a table of hashes neither chooses its buckets by nor tells their keys apart with.
fn shard_of(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

fn join(chunk: usize, offset: usize) -> u32 {
    u32::try_from(chunk * CHUNK + offset).expect("fewer than 2^32 accounts fit in memory")
}

fn split(place: u32) -> (usize, usize) {
    (place as usize / CHUNK, place as usize % CHUNK)
}

impl Index<&Address> for Changes {
    type Output = AccountChange;

    fn index(&self, address: &Address) -> &AccountChange {
        self.get(address).expect("the account has changed")
    }
}

/// Order means nothing here either.
impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(address, change)| other.get(address) == Some(change))
    }
}

impl Eq for Changes {}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u64) -> Address {
        Address::from_low_u64_be(number)
    }

    fn change(nonce: u64) -> AccountChange {
        AccountChange {
            info: Some(AccountInfo {
                nonce,
                ..AccountInfo::default()
            }),
            ..AccountChange::default()
        }
    }

    fn filled(numbers: impl Iterator<Item = u64>) -> Changes {
        let mut changes = Changes::default();
        numbers.for_each(|number| {
            changes.push(address(number), || change(number), false);
        });
        changes
    }

    #[test]
    fn what_is_put_together_is_found_whether_or_not_it_was_indexed_before() {
        for is_indexed in [false, true] {
            let mut changes = filled(0..5_000);
            if is_indexed {
                assert!((0..5_000).all(|number| changes.get(&address(number)).is_some()));
            }
            changes.append(filled(5_000..7_000));
            changes.push(address(7_000), || change(7_000), false);
            assert_eq!(changes.len(), 7_001);
            for number in 0..=7_000 {
                assert_eq!(changes[&address(number)], change(number));
            }
            assert_eq!(changes.get(&address(7_001)), None);
            assert_eq!(changes.iter().count(), 7_001);
        }
    }

    #[test]
    fn tables_with_the_same_changes_are_equal_in_whatever_order_they_came() {
        let mut changes = filled(0..300);
        assert_eq!(changes, filled((0..300).rev()));
        assert_ne!(changes, filled(0..299));
        changes.insert(address(3), change(77));
        assert_ne!(changes, filled(0..300));
    }

    #[test]
    fn parts_hold_each_account_once_however_many_they_are() {
        for count in [1, 3, 16, 40] {
            let (mut changes, mut others) = (filled(0..500), filled(500..900));
            let parts = changes.parts(count).zip(others.parts(count));
            for (mut part, others) in parts {
                part.append(others);
                for number in 0..1_000 {
                    let Some(hash) = part.hash(address(number)) else {
                        continue;
                    };
                    match part.get_mut(hash, &address(number)) {
                        Some(entry) => entry.change = change(2 * number),
                        None => drop(part.push(hash, address(number), change(7), true)),
                    }
                }
            }
            assert_eq!(changes.len(), 1_000);
            assert!(others.is_empty());
            let nonces = (0..1_000).map(|number| if number < 900 { 2 * number } else { 7 });
            for (number, nonce) in (0..).zip(nonces) {
                assert_eq!(changes[&address(number)], change(nonce));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn a_table_is_a_map(steps in proptest::collection::vec((0u64..200, 0u8..4), 0..600)) {
            let (mut changes, mut map) = (Changes::default(), BTreeMap::new());
            for (step, (number, kind)) in (0u64..).zip(steps) {
                let address = address(number);
                match kind {
                    0 => assert_eq!(changes.remove(&address), map.remove(&address)),
                    1 => assert_eq!(changes.get(&address), map.get(&address)),
                    _ => assert_eq!(
                        changes.insert(address, change(step)),
                        map.insert(address, change(step))
                    ),
                }
                assert_eq!(changes.len(), map.len());
            }
            let mut found: Vec<_> = changes.iter().collect();
            found.sort_unstable_by_key(|(address, _)| **address);
            assert!(found.into_iter().eq(map.iter()));
        }
    }
}
