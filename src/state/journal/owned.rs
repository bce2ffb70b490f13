//! Where the accounts stand that the running transaction owns. Mostly they are two, so they are looked
//! through; an EIP-7702 list can make them hundreds.

use crate::{Address, state::Map};

/// Places by address.
#[derive(Debug, Default)]
pub(super) struct OwnedPlaces {
    few: Vec<(Address, u32)>,
    more: Map<Address, u32>,
}

/// Up to this many addresses a scan is faster than a hash.
const SCANNED_MAX: usize = 8;

impl OwnedPlaces {
    /// Adds an account that is not there yet.
    pub fn insert(&mut self, address: Address, place: u32) {
        if self.few.len() < SCANNED_MAX {
            self.few.push((address, place));
        } else {
            self.more.insert(address, place);
        }
    }

    pub fn get(&self, address: Address) -> Option<u32> {
        let few = self.few.iter().find(|(known, _)| *known == address);
        match few {
            Some((_, place)) => Some(*place),
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

    #[test]
    fn accounts_beyond_the_scanned_ones_are_found_too() {
        let mut places = OwnedPlaces::default();
        for place in 0..40 {
            places.insert(Address::from_low_u64_be(place.into()), place);
        }
        for place in 0..40 {
            let found = places.get(Address::from_low_u64_be(place.into()));
            assert_eq!(found, Some(place));
        }
        assert_eq!(places.get(Address::from_low_u64_be(40)), None);
        places.clear();
        assert_eq!(places.get(Address::zero()), None);
    }
}
