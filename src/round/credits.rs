//! What the transactions of a round add to balances at its barrier.

use deferevm_opcodes::machine::word;
use primitive_types::U512;

use crate::{Address, U256, state::journal::Credit};

/// Credits due. Most go to the coinbase.
#[derive(Debug)]
pub(super) struct Credits {
    coinbase: Address,
    to_coinbase: Option<U512>,
    /// What the coinbase has earned, as long as none of its owners has been paid it.
    fees: Option<U512>,
    /// In no order, an account perhaps more than once.
    to_others: Vec<Credit>,
}

impl Credits {
    pub fn new(coinbase: Address) -> Self {
        Self {
            coinbase,
            to_coinbase: None,
            fees: None,
            to_others: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.to_coinbase.is_none() && self.fees.is_none() && self.to_others.is_empty()
    }

    /// Adds what a transaction that has settled pays to the coinbase.
    #[inline]
    pub fn add_fee(&mut self, fee: U256) {
        word::add_to_wide(self.fees.get_or_insert_default(), fee);
    }

    /// Takes all fees, for an owner of the coinbase.
    pub fn take_fees(&mut self) -> Option<U512> {
        self.fees.take()
    }

    #[inline]
    pub fn add(&mut self, address: Address, amount: U256) {
        if address == self.coinbase {
            word::add_to_wide(self.to_coinbase.get_or_insert_default(), amount);
            return;
        }
        if let Some(last) = self
            .to_others
            .last_mut()
            .filter(|last| last.address == address)
            && let Some(sum) = word::checked_add(last.amount, amount)
        {
            last.amount = sum;
            return;
        }
        self.to_others.push(Credit { address, amount });
    }

    pub fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        let coinbase = self.to_coinbase.or(self.fees).map(|_| self.coinbase);
        let others = self.to_others.iter().map(|credit| credit.address);
        others.chain(coinbase)
    }

    /// The credits of all parts of a round, those to the coinbase summed up.
    ///
    /// # Errors
    /// The coinbase, if that sum is no balance.
    pub fn lists(parts: Vec<Self>) -> Result<Vec<Vec<Credit>>, Address> {
        let mut to_coinbase: Option<(Address, U512)> = None;
        let mut lists = Vec::new();
        for part in parts {
            for sum in [part.to_coinbase, part.fees].into_iter().flatten() {
                let (_, all) = to_coinbase.get_or_insert((part.coinbase, U512::zero()));
                *all = all.checked_add(sum).ok_or(part.coinbase)?;
            }
            if !part.to_others.is_empty() {
                lists.push(part.to_others);
            }
        }
        if let Some((address, sum)) = to_coinbase {
            let amount = U256::try_from(sum).map_err(|_| address)?;
            lists.push(vec![Credit { address, amount }]);
        }
        Ok(lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_to_the_coinbase_are_one_sum_and_none_is_lost() {
        let [coinbase, one, other] = [1, 2, 3].map(Address::repeat_byte);
        let mut parts = vec![
            Credits::new(coinbase),
            Credits::new(coinbase),
            Credits::new(coinbase),
        ];
        for (part, address, amount) in [
            (0, one, U256::from(5)),
            (0, one, U256::from(6)),
            (0, other, U256::zero()),
            (0, coinbase, U256::from(7)),
            (1, one, U256::MAX),
            (1, one, U256::from(1)),
            (1, coinbase, U256::from(8)),
        ] {
            parts[part].add(address, amount);
        }
        assert_eq!(parts[2].take_fees(), None);
        parts[2].add_fee(U256::from(70));
        parts[2].add_fee(U256::from(30));
        assert_eq!(parts[2].take_fees(), Some(U512::from(100)));
        assert!(parts[2].is_empty());
        parts[2].add_fee(U256::from(9));
        let addresses: Vec<_> = parts.iter().flat_map(Credits::addresses).collect();
        assert_eq!(
            addresses,
            [one, other, coinbase, one, one, coinbase, coinbase]
        );
        let credit = |address, amount: u64| Credit {
            address,
            amount: amount.into(),
        };
        let all = Credit {
            address: one,
            amount: U256::MAX,
        };
        assert_eq!(
            Credits::lists(parts),
            Ok(vec![
                vec![credit(one, 11), credit(other, 0)],
                vec![all, credit(one, 1)],
                vec![credit(coinbase, 24)],
            ])
        );
    }

    #[test]
    fn a_coinbase_that_is_due_more_than_a_balance_holds_is_named() {
        let coinbase = Address::repeat_byte(1);
        let mut credits = Credits::new(coinbase);
        credits.add(coinbase, U256::MAX);
        credits.add(coinbase, U256::from(1));
        assert_eq!(Credits::lists(vec![credits]), Err(coinbase));
    }
}
