//! The accounts that a round owns, numbered, and which transaction owns which.
//!
//! An address is looked up once for each transaction that owns it, here; everything else in a round
//! goes by the numbers.

use std::{hash::BuildHasher, ops::Range};

use hashbrown::{HashTable, hash_table::Entry};
use smallvec::SmallVec;

use super::{Totals, order::Records, scheduler::expected_work, threads::Threads};
use crate::{
    Address,
    state::key_hash::KeyState,
    transaction::{Original, intrinsic::TRANSACTION_GAS},
};

/// What a round owns.
#[derive(Debug, Default)]
pub struct Roster {
    numbers: Tables,
    /// By number.
    addresses: Vec<Address>,
    /// By number: the position of the last transaction that owns the account.
    last_owners: Vec<u32>,
    /// Numbers, one transaction after the other.
    owned: Vec<u32>,
    /// Where each transaction's end among them.
    ends: Vec<u32>,
    /// For each transaction, a guess at how long it will take, in nanoseconds on one thread.
    work: Vec<u32>,
    /// What the block's transactions ask for, as far as they are listed.
    totals: Totals,
}

/// Numbers by address: in one table, or in one for each of the threads that have filled them.
#[derive(Debug, Default)]
struct Tables {
    /// With each the number of its first account; it counts from 0 itself.
    tables: SmallVec<[(u32, HashTable<u32>); 1]>,
}

/// Lists transactions one behind the other, where there is one table.
struct Lister<'r> {
    table: &'r mut HashTable<u32>,
    addresses: &'r mut Vec<Address>,
    last_owners: &'r mut Vec<u32>,
    owned: &'r mut Vec<u32>,
    ends: &'r mut Vec<u32>,
    work: &'r mut Vec<u32>,
    totals: &'r mut Totals,
}

/// What some transactions own.
struct Part {
    /// By whose the accounts are.
    owned: SmallVec<[Vec<Owned>; LISTING_THREADS_MAX]>,
    /// Whose each of them is, in the order in which they are owned.
    whose: Vec<u8>,
    /// Where each transaction's end among those.
    ends: Vec<u32>,
    work: Vec<u32>,
    totals: Totals,
}

/// An account that a transaction owns.
struct Owned {
    hash: u64,
    address: Address,
    /// The transaction's.
    position: u32,
}

/// The accounts that one thread has numbered, from 0.
struct Share {
    table: HashTable<u32>,
    addresses: Vec<Address>,
    last_owners: Vec<u32>,
    /// The numbers of what each part owns of it, in that order.
    found: Vec<Vec<u32>>,
}

/// Transactions that own accounts.
trait Transactions: Sync {
    /// About how many each of them owns.
    const OWNED_BY_EACH: usize;

    /// What one of them owns, each account once.
    fn each_owned(&self, position: usize, visit: impl FnMut(Address));

    /// A guess at how long one of them takes, in nanoseconds on one thread.
    fn expected_work(&self, position: usize) -> u32;

    /// Counts one of them, if it is the block's.
    fn count(&self, _position: usize, _totals: &mut Totals) {}
}

impl Transactions for [Original] {
    const OWNED_BY_EACH: usize = 2;

    #[inline]
    fn each_owned(&self, position: usize, visit: impl FnMut(Address)) {
        self[position].each_owned(visit);
    }

    #[inline]
    fn expected_work(&self, position: usize) -> u32 {
        let gas = self[position].recovered.transaction.gas_limit;
        expected_work(gas.saturating_sub(TRANSACTION_GAS))
    }

    #[inline]
    fn count(&self, position: usize, totals: &mut Totals) {
        totals.count(index_of(position), &self[position].recovered.transaction);
    }
}

impl Transactions for Records {
    const OWNED_BY_EACH: usize = 1;

    #[inline]
    fn each_owned(&self, position: usize, mut visit: impl FnMut(Address)) {
        visit(self[position].target());
    }

    #[inline]
    fn expected_work(&self, position: usize) -> u32 {
        let call = &self[position].call;
        expected_work(call.gas + call.stipend)
    }
}

/// More threads would wait for each other longer than they take.
const LISTING_THREADS_MAX: usize = 8;

/// Stands for the owner of an account that is only read.
const NOBODY: u32 = u32::MAX;

impl Roster {
    /// Lists the block's transactions in place of what was listed before.
    pub fn list_originals(&mut self, originals: &[Original], threads: Threads<'_>) {
        self.list(originals.len(), threads, originals);
    }

    /// Makes room for so many of the block's transactions, in place of what was listed before.
    pub fn make_room(&mut self, originals: usize) {
        self.clear();
        self.reserve(originals, <[Original]>::OWNED_BY_EACH);
    }

    /// Lists the block's transactions before a position, behind those that are listed.
    pub fn list_until(&mut self, originals: &[Original], end: usize) {
        self.list_behind(originals, end);
    }

    /// Guesses at how long each transaction will take, in nanoseconds on one thread.
    pub fn expected_work(&self) -> &[u32] {
        &self.work
    }

    /// What the block's transactions ask for, as far as they are listed.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Lists records in their order. One that shares its target with no writer of the round owns it
    /// read-only, and nothing is listed for it.
    pub fn list_records(&mut self, records: &Records, threads: Threads<'_>) {
        if !records.has_static() {
            self.list(records.len(), threads, records);
            return;
        }
        self.clear();
        self.reserve(records.len(), 1);
        let mut is_written: Vec<bool> = Vec::new();
        let mut targets: Vec<u32> = Vec::with_capacity(records.len());
        // Many records often have one target.
        let mut last = None;
        for (position, record) in records.iter().enumerate() {
            let target = match last {
                Some((address, number)) if address == record.target() => number,
                _ => self.number(record.target()),
            };
            last = Some((record.target(), target));
            is_written.resize(self.addresses.len(), false);
            is_written[target as usize] |= !record.call.is_static;
            self.work.push(records.expected_work(position));
            targets.push(target);
        }
        for target in targets {
            if is_written[target as usize] {
                self.own(target);
            }
            self.end_transaction();
        }
    }

    /// Lists so many transactions.
    fn list<T: Transactions + ?Sized>(&mut self, count: usize, threads: Threads<'_>, all: &T) {
        self.clear();
        let threads = threads.for_pieces(count);
        if threads.count() > 1 {
            self.list_together(count, threads, all);
            return;
        }
        self.reserve(count, T::OWNED_BY_EACH);
        self.list_behind(all, count);
    }

    /// Lists the transactions before a position, behind those that are listed.
    fn list_behind<T: Transactions + ?Sized>(&mut self, all: &T, end: usize) {
        let mut lister = self.lister();
        for position in lister.ends.len()..end {
            all.count(position, lister.totals);
            lister.work.push(all.expected_work(position));
            all.each_owned(position, |address| lister.own(address));
            lister.end_transaction();
        }
    }

    /// Each thread sorts what some transactions own by whose it is, numbers the accounts that are its own, and
    /// puts the numbers of its transactions together.
    fn list_together<T: Transactions + ?Sized>(
        &mut self,
        count: usize,
        threads: Threads<'_>,
        all: &T,
    ) {
        let used = threads.count().min(LISTING_THREADS_MAX);
        let length = count.div_ceil(used);
        let mut numbers: SmallVec<[usize; LISTING_THREADS_MAX]> = (0..used).collect();
        let parts = threads.each(&mut numbers, |thread| {
            let first = *thread * length;
            Part::new(first..count.min(first + length), used, all)
        });
        let shares = threads.each(&mut numbers, |thread| Share::new(&parts, *thread));
        let mut firsts: SmallVec<[u32; LISTING_THREADS_MAX]> = SmallVec::new();
        self.numbers.tables.clear();
        let mut found: SmallVec<[_; LISTING_THREADS_MAX]> = SmallVec::new();
        for share in shares {
            let first = index_of(self.addresses.len());
            self.addresses.extend_from_slice(&share.addresses);
            self.last_owners.extend_from_slice(&share.last_owners);
            self.numbers.tables.push((first, share.table));
            firsts.push(first);
            found.push(share.found);
        }
        let owned = threads.each(&mut numbers, |thread| {
            parts[*thread].numbers(found.iter().map(|found| &found[*thread][..]), &firsts)
        });
        for (part, owned) in parts.into_iter().zip(owned) {
            let before = self.owned.len();
            self.owned.extend_from_slice(&owned);
            let ends = part.ends.iter().map(|end| index_of(before) + end);
            self.ends.extend(ends);
            self.work.extend_from_slice(&part.work);
            self.totals.append(part.totals);
        }
    }

    /// Adds a transaction that owns these accounts.
    pub fn push(&mut self, owned: impl IntoIterator<Item = Address>) {
        let mut lister = self.lister();
        for address in owned {
            lister.own(address);
        }
        lister.end_transaction();
    }

    /// How many transactions are listed.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many accounts are.
    pub fn accounts(&self) -> usize {
        self.addresses.len()
    }

    /// All accounts, by number.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The account with a number.
    pub fn address(&self, number: u32) -> Address {
        self.addresses[number as usize]
    }

    /// What a transaction owns and may not share, by number.
    pub fn owned(&self, position: u32) -> &[u32] {
        let position = position as usize;
        let start = match position {
            0 => 0,
            _ => self.ends[position - 1] as usize,
        };
        &self.owned[start..self.ends[position] as usize]
    }

    /// What the transactions from `first` on own, `count` of them, one after the other.
    pub fn owned_by(&self, first: u32, count: usize) -> &[u32] {
        let first = first as usize;
        let start = match first {
            0 => 0,
            _ => self.ends[first - 1] as usize,
        };
        &self.owned[start..self.ends[first + count - 1] as usize]
    }

    /// An account's number, if it is listed.
    pub fn find(&self, address: Address) -> Option<u32> {
        let hash = KeyState.hash_one(address);
        let tables = &self.numbers.tables;
        let (first, table) = tables.get(share_of(hash, tables.len().max(1)))?;
        let is_it = |number: &u32| self.addresses[(first + number) as usize] == address;
        table.find(hash, is_it).map(|number| first + number)
    }

    /// The position of the last transaction that owns an account.
    pub fn last_owner(&self, number: u32) -> u32 {
        self.last_owners[number as usize]
    }

    /// Whether no account has two owners.
    pub fn is_disjoint(&self) -> bool {
        let owned = self.last_owners.iter().filter(|owner| **owner != NOBODY);
        self.owned.len() == owned.count()
    }

    fn lister(&mut self) -> Lister<'_> {
        Lister {
            table: self.numbers.single(),
            addresses: &mut self.addresses,
            last_owners: &mut self.last_owners,
            owned: &mut self.owned,
            ends: &mut self.ends,
            work: &mut self.work,
            totals: &mut self.totals,
        }
    }

    /// The transaction that is being listed owns the account with a number.
    fn own(&mut self, number: u32) {
        self.owned.push(number);
        self.last_owners[number as usize] = index_of(self.ends.len());
    }

    fn number(&mut self, address: Address) -> u32 {
        let hash = KeyState.hash_one(address);
        let number = number(self.numbers.single(), &mut self.addresses, hash, address);
        self.last_owners.resize(self.addresses.len(), NOBODY);
        number
    }

    fn end_transaction(&mut self) {
        self.ends.push(index_of(self.owned.len()));
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.addresses.clear();
        self.last_owners.clear();
        self.owned.clear();
        self.ends.clear();
        self.work.clear();
        self.totals = Totals::default();
    }

    fn reserve(&mut self, transactions: usize, owned_by_each: usize) {
        let owned = transactions * owned_by_each;
        let addresses = &self.addresses;
        self.numbers.single().reserve(owned, |number| {
            KeyState.hash_one(addresses[*number as usize])
        });
        self.addresses.reserve(owned);
        self.last_owners.reserve(owned);
        self.owned.reserve(owned);
        self.ends.reserve(transactions);
    }
}

impl Lister<'_> {
    /// The transaction that is being listed owns an account.
    #[inline(always)]
    fn own(&mut self, address: Address) {
        let hash = KeyState.hash_one(address);
        let number = number(self.table, self.addresses, hash, address);
        note_owner(self.last_owners, number, index_of(self.ends.len()));
        self.owned.push(number);
    }

    #[inline(always)]
    fn end_transaction(&mut self) {
        self.ends.push(index_of(self.owned.len()));
    }
}

impl Tables {
    /// The one table, where there is not more than one.
    fn single(&mut self) -> &mut HashTable<u32> {
        if self.tables.is_empty() {
            self.tables.push((0, HashTable::new()));
        }
        &mut self.tables[0].1
    }

    fn clear(&mut self) {
        self.tables.truncate(1);
        for (first, table) in &mut self.tables {
            *first = 0;
            table.clear();
        }
    }
}

impl Part {
    fn new<T: Transactions + ?Sized>(positions: Range<usize>, threads: usize, all: &T) -> Self {
        let owned = T::OWNED_BY_EACH * positions.len();
        // Hashes spread them evenly, but not quite.
        let of_each = owned / threads + owned / 32;
        let mut part = Self {
            owned: (0..threads).map(|_| Vec::with_capacity(of_each)).collect(),
            whose: Vec::with_capacity(owned),
            ends: Vec::with_capacity(positions.len()),
            work: Vec::with_capacity(positions.len()),
            totals: Totals::default(),
        };
        for position in positions {
            all.count(position, &mut part.totals);
            part.work.push(all.expected_work(position));
            all.each_owned(position, |address| {
                let hash = KeyState.hash_one(address);
                let whose = share_of(hash, threads);
                part.owned[whose].push(Owned {
                    hash,
                    address,
                    position: index_of(position),
                });
                part.whose.push(whose as u8);
            });
            part.ends.push(index_of(part.whose.len()));
        }
        part
    }

    /// The numbers of what its transactions own, one after the other, where each thread has `found` these and
    /// its own begin with these.
    fn numbers<'a>(&self, found: impl Iterator<Item = &'a [u32]>, firsts: &[u32]) -> Vec<u32> {
        let mut found: SmallVec<[_; LISTING_THREADS_MAX]> = found.map(<[u32]>::iter).collect();
        let number = |whose: &u8| {
            let number = found[usize::from(*whose)].next();
            firsts[usize::from(*whose)]
                + number.expect("each account is numbered by the thread that its hash belongs to")
        };
        self.whose.iter().map(number).collect()
    }
}

impl Share {
    fn new(parts: &[Part], thread: usize) -> Self {
        let owned: usize = parts.iter().map(|part| part.owned[thread].len()).sum();
        let mut share = Self {
            table: HashTable::with_capacity(owned),
            addresses: Vec::with_capacity(owned),
            last_owners: Vec::with_capacity(owned),
            found: Vec::with_capacity(parts.len()),
        };
        for part in parts {
            let found = part.owned[thread].iter().map(|owned| share.own(owned));
            let found = found.collect();
            share.found.push(found);
        }
        share
    }

    fn own(&mut self, owned: &Owned) -> u32 {
        let number = number(
            &mut self.table,
            &mut self.addresses,
            owned.hash,
            owned.address,
        );
        note_owner(&mut self.last_owners, number, owned.position);
        number
    }
}

/// Whose an account is, of so many threads: by bits of its hash that the table leaves alone.
fn share_of(hash: u64, threads: usize) -> usize {
    (hash >> 32) as usize % threads
}

/// An account's number in a table, the next one if it is new.
#[inline(always)]
fn number(
    table: &mut HashTable<u32>,
    addresses: &mut Vec<Address>,
    hash: u64,
    address: Address,
) -> u32 {
    let entry = table.entry(
        hash,
        |number| addresses[*number as usize] == address,
        |number| KeyState.hash_one(addresses[*number as usize]),
    );
    match entry {
        Entry::Occupied(entry) => *entry.get(),
        Entry::Vacant(entry) => {
            let number = index_of(addresses.len());
            entry.insert(number);
            addresses.push(address);
            number
        }
    }
}

/// Notes the last owner so far of an account, whose number is at most the next one.
#[inline]
fn note_owner(last_owners: &mut Vec<u32>, number: u32, position: u32) {
    match last_owners.get_mut(number as usize) {
        Some(last) => *last = position,
        None => last_owners.push(position),
    }
}

fn index_of(place: usize) -> u32 {
    u32::try_from(place).expect("a round owns fewer than 2^32 accounts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::round::threads::{FEW, Pool};

    fn account(byte: u8) -> Address {
        Address::repeat_byte(byte)
    }

    /// Many, of which some own nothing and some share accounts.
    struct Generated;

    impl Transactions for Generated {
        const OWNED_BY_EACH: usize = 2;

        fn each_owned(&self, position: usize, visit: impl FnMut(Address)) {
            let (sender, target) = (position % 1_000, 5 * position % 3_001);
            let numbers = [sender, 10_000 + target].into_iter().take(position % 3);
            let accounts = numbers.map(|number| Address::from_low_u64_be(number as u64));
            accounts.for_each(visit);
        }

        fn expected_work(&self, position: usize) -> u32 {
            index_of(position)
        }
    }

    #[test]
    fn an_account_has_one_number_whoever_owns_it() {
        let mut roster = Roster::default();
        roster.push([account(1), account(2)]);
        roster.push([]);
        roster.push([account(3), account(1)]);
        assert_eq!((roster.len(), roster.accounts()), (3, 3));
        assert_eq!(roster.owned(0), [0, 1]);
        assert!(roster.owned(1).is_empty());
        assert_eq!(roster.owned(2), [2, 0]);
        assert_eq!(roster.owned_by(0, 3), [0, 1, 2, 0]);
        assert!(roster.owned_by(1, 1).is_empty());
        assert_eq!(roster.find(account(3)), Some(2));
        assert_eq!(roster.find(account(4)), None);
        assert_eq!(roster.address(2), account(3));
    }

    #[test]
    fn threads_list_what_one_lists() {
        let (mut alone, mut together) = (Roster::default(), Roster::default());
        alone.list(FEW, Threads::ALONE, &Generated);
        for count in [2, 3, 20] {
            let pool = Pool::default();
            together.list(FEW, pool.threads(count), &Generated);
            assert_eq!(together.len(), alone.len());
            assert_eq!(together.accounts(), alone.accounts());
            for position in 0..index_of(FEW) {
                let (one, other) = (alone.owned(position), together.owned(position));
                assert_eq!(one.len(), other.len());
                for (one, other) in one.iter().zip(other) {
                    assert_eq!(alone.address(*one), together.address(*other));
                    assert_eq!(alone.last_owner(*one), together.last_owner(*other));
                    assert_eq!(together.find(together.address(*other)), Some(*other));
                }
            }
            assert_eq!(together.find(Address::from_low_u64_be(9_999)), None);
        }
        together.list(3, Pool::default().threads(2), &Generated);
        assert_eq!((together.len(), together.accounts()), (3, 3));
    }

    #[test]
    fn the_last_owner_is_found_past_those_who_own_nothing() {
        let mut roster = Roster::default();
        roster.push([account(1)]);
        roster.push([]);
        roster.push([account(2), account(1)]);
        roster.push([account(2)]);
        assert_eq!(roster.last_owner(0), 2);
        assert_eq!(roster.last_owner(1), 3);
    }
}
