//! Sums of credits by account: what the transactions of a round add to balances at its barrier.

use primitive_types::U512;

use crate::{
    Address, U256,
    state::{Map, account::sort_key},
};

/// Sums of credits by account. Most go to the coinbase.
#[derive(Debug)]
pub(super) struct Credits {
    coinbase: Address,
    to_coinbase: Option<U512>,
    to_others: Map<Address, U512>,
}

impl Credits {
    pub fn new(coinbase: Address) -> Self {
        Self {
            coinbase,
            to_coinbase: None,
            to_others: Map::default(),
        }
    }

    pub fn add(&mut self, address: Address, amount: U256) {
        self.add_sum(address, U512::from(amount));
    }

    /// Adds the sums of another part of the round; their order has no effect.
    pub fn merge(&mut self, other: Self) {
        if self.to_others.is_empty() {
            self.to_others = other.to_others;
        } else {
            for (address, sum) in other.to_others {
                self.add_sum(address, sum);
            }
        }
        if let Some(sum) = other.to_coinbase {
            self.add_sum(other.coinbase, sum);
        }
    }

    fn add_sum(&mut self, address: Address, amount: U512) {
        let sum = if address == self.coinbase {
            self.to_coinbase.get_or_insert_default()
        } else {
            self.to_others.entry(address).or_default()
        };
        *sum += amount;
    }

    pub fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        let coinbase = self.to_coinbase.map(|_| self.coinbase);
        self.to_others.keys().copied().chain(coinbase)
    }

    /// In the order of the addresses, so that of several overflows the same one is reported.
    pub fn sorted(self) -> Vec<(Address, U512)> {
        let coinbase = self.to_coinbase.map(|sum| (self.coinbase, sum));
        let mut sums: Vec<_> = self.to_others.into_iter().chain(coinbase).collect();
        sums.sort_unstable_by_key(|(address, _)| sort_key(address));
        sums
    }
}
