//! The accounts that a round owns, numbered, and which transaction owns which.
//!
//! An address is looked up once for each transaction that owns it, here; everything else in a round
//! goes by the numbers.

use std::hash::BuildHasher;

use hashbrown::{HashTable, hash_table::Entry};

use super::Record;
use crate::{Address, state::key_hash::KeyState, transaction::Original};

/// What a round owns.
#[derive(Debug, Default)]
pub struct Roster {
    numbers: HashTable<u32>,
    /// By number.
    addresses: Vec<Address>,
    /// By number: the position of the last transaction that owns the account.
    last_owners: Vec<u32>,
    /// Numbers, one transaction after the other.
    owned: Vec<u32>,
    /// Where each transaction's end among them.
    ends: Vec<u32>,
}

/// Stands for the owner of an account that is only read.
const NOBODY: u32 = u32::MAX;

impl Roster {
    /// Lists the block's transactions in place of what was listed before.
    pub fn list_originals(&mut self, originals: &[Original]) {
        self.clear();
        self.reserve(originals.len(), 2);
        for original in originals {
            self.push(original.owned());
        }
    }

    /// Lists records in their order. One that shares its target with no writer of the round owns it
    /// read-only, and nothing is listed for it.
    pub fn list_records(&mut self, records: &[Record]) {
        self.clear();
        self.reserve(records.len(), 1);
        let has_static = records.iter().any(|record| record.call.is_static);
        if !has_static {
            records
                .iter()
                .for_each(|record| self.push([record.target()]));
            return;
        }
        let targets: Vec<u32> = records
            .iter()
            .map(|record| self.number(record.target()))
            .collect();
        let mut is_written = vec![false; self.addresses.len()];
        for (record, target) in records.iter().zip(&targets) {
            is_written[*target as usize] |= !record.call.is_static;
        }
        for target in targets {
            if is_written[target as usize] {
                self.own(target);
            }
            self.end_transaction();
        }
    }

    /// Adds a transaction that owns these accounts.
    pub fn push(&mut self, owned: impl IntoIterator<Item = Address>) {
        for address in owned {
            let number = self.number(address);
            self.own(number);
        }
        self.end_transaction();
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
        let is_it = |number: &u32| self.addresses[*number as usize] == address;
        self.numbers.find(hash, is_it).copied()
    }

    /// The position of the last transaction that owns an account.
    pub fn last_owner(&self, number: u32) -> u32 {
        self.last_owners[number as usize]
    }

    /// The transaction that is being listed owns an account.
    fn own(&mut self, number: u32) {
        self.owned.push(number);
        self.last_owners[number as usize] = index_of(self.ends.len());
    }

    fn number(&mut self, address: Address) -> u32 {
        let addresses = &mut self.addresses;
        let entry = self.numbers.entry(
            KeyState.hash_one(address),
            |number| addresses[*number as usize] == address,
            |number| KeyState.hash_one(addresses[*number as usize]),
        );
        match entry {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = index_of(addresses.len());
                entry.insert(number);
                addresses.push(address);
                self.last_owners.push(NOBODY);
                number
            }
        }
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
    }

    fn reserve(&mut self, transactions: usize, owned_by_each: usize) {
        let owned = transactions * owned_by_each;
        let addresses = &self.addresses;
        self.numbers.reserve(owned, |number| {
            KeyState.hash_one(addresses[*number as usize])
        });
        self.addresses.reserve(owned);
        self.last_owners.reserve(owned);
        self.owned.reserve(owned);
        self.ends.reserve(transactions);
    }
}

fn index_of(place: usize) -> u32 {
    u32::try_from(place).expect("a round owns fewer than 2^32 accounts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(byte: u8) -> Address {
        Address::repeat_byte(byte)
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
