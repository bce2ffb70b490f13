//! Where the accounts stand that the running transaction owns. Mostly they are two, so they are looked
//! through; an EIP-7702 list can make them hundreds.

use super::account::LiveAccount;
use crate::{Address, state::Map};

/// Places by address. The addresses of the first ones are the accounts' own.
#[derive(Debug, Default)]
pub(super) struct OwnedPlaces {
    few: Vec<u32>,
    more: Map<Address, u32>,
}

/// Up to this many addresses a scan is faster than a hash.
const SCANNED_MAX: usize = 8;

impl OwnedPlaces {
    /// Adds a place that is not there yet, of these accounts.
    pub fn insert(&mut self, place: u32, accounts: &[LiveAccount]) {
        if self.few.len() < SCANNED_MAX {
            self.few.push(place);
        } else {
            self.more.insert(accounts[place as usize].address, place);
        }
    }

    pub fn get(&self, address: Address, accounts: &[LiveAccount]) -> Option<u32> {
        let is_it = |place: &&u32| accounts[**place as usize].address == address;
        match self.few.iter().find(is_it) {
            Some(place) => Some(*place),
            None if self.more.is_empty() => None,
            None => self.more.get(&address).copied(),
        }
    }

    pub fn clear(&mut self) {
        self.few.clear();
        self.more.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{journal::Access, overlay::Loaded};

    #[test]
    fn accounts_beyond_the_scanned_ones_are_found_too() {
        let account = |number| {
            let address = Address::from_low_u64_be(number);
            LiveAccount::new(address, &Loaded::NONE, Access::Owned)
        };
        let accounts: Vec<LiveAccount> = (0..40).map(account).collect();
        let mut places = OwnedPlaces::default();
        for place in 0..40 {
            places.insert(place, &accounts);
        }
        for place in 0..40 {
            let found = places.get(Address::from_low_u64_be(place.into()), &accounts);
            assert_eq!(found, Some(place));
        }
        assert_eq!(places.get(Address::from_low_u64_be(40), &accounts), None);
        places.clear();
        assert_eq!(places.get(Address::zero(), &accounts), None);
    }
}
