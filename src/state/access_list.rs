//! What a transaction starts with as already accessed (EIP-2929, EIP-2930, EIP-3651).
//!
//! Membership only: nothing listed here is read from the state until an instruction asks for it.

use super::{Set, account::first_bytes};
use crate::{Address, U256};

/// The addresses and slots that are warm before the first instruction runs.
#[derive(Debug, Default)]
pub struct AccessList {
    precompiles: Vec<Address>,
    /// The first bytes of the highest precompile's address, as a number.
    precompiles_up_to: u64,
    addresses: Vec<Address>,
    slots: Set<(Address, U256)>,
    listed: Set<Address>,
}

/// Up to this many addresses a scan is faster than a hash.
const SCANNED_MAX: usize = 8;

impl AccessList {
    /// Empties the list but for the precompiles, which stay warm for every transaction.
    pub fn clear(&mut self) {
        self.addresses.clear();
        self.slots.clear();
        self.listed.clear();
    }

    /// Sets the addresses of the precompiles, warm in every transaction.
    pub fn set_precompiles(&mut self, precompiles: &[Address]) {
        self.precompiles.clear();
        self.precompiles.extend_from_slice(precompiles);
        self.precompiles.sort_unstable();
        self.precompiles_up_to = self.precompiles.last().map_or(0, first_bytes);
    }

    /// Makes an account warm.
    pub fn insert_address(&mut self, address: Address) {
        if self.addresses.len() < SCANNED_MAX {
            self.addresses.push(address);
        } else {
            self.listed.insert(address);
        }
    }

    /// Makes a slot warm; its account is listed apart.
    pub fn insert_slot(&mut self, address: Address, key: U256) {
        self.slots.insert((address, key));
    }

    /// Whether an account starts warm.
    pub fn contains_address(&self, address: Address) -> bool {
        self.addresses.contains(&address)
            || (!self.listed.is_empty() && self.listed.contains(&address))
            // Precompiles lie at low addresses: almost every other one is told apart by its first bytes.
            || (first_bytes(&address) <= self.precompiles_up_to
                && self.precompiles.binary_search(&address).is_ok())
    }

    /// Whether a slot starts warm.
    pub fn contains_slot(&self, address: Address, key: U256) -> bool {
        !self.slots.is_empty() && self.slots.contains(&(address, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_beyond_the_scanned_ones_are_found_too() {
        let mut list = AccessList::default();
        for byte in 1..=40 {
            list.insert_address(Address::repeat_byte(byte));
        }
        assert!((1..=40).all(|byte| list.contains_address(Address::repeat_byte(byte))));
        assert!(!list.contains_address(Address::repeat_byte(41)));
    }

    #[test]
    fn clearing_keeps_the_precompiles_warm() {
        let mut list = AccessList::default();
        list.set_precompiles(&[Address::from_low_u64_be(1), Address::from_low_u64_be(0x100)]);
        list.insert_address(Address::repeat_byte(9));
        list.insert_slot(Address::repeat_byte(9), U256::one());
        list.clear();
        assert!(list.contains_address(Address::from_low_u64_be(1)));
        assert!(list.contains_address(Address::from_low_u64_be(0x100)));
        assert!(!list.contains_address(Address::from_low_u64_be(2)));
        assert!(!list.contains_address(Address::repeat_byte(9)));
        assert!(!list.contains_slot(Address::repeat_byte(9), U256::one()));
    }
}
