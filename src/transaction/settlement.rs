//! What a root pays in the end (semantics, section 6).

use super::IntrinsicGas;
use crate::{Fork, U256};
use deferevm_opcodes::machine::word;

/// What a root's tree has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeGas {
    /// Gas consumed over the tree, less the stipends of published records.
    pub spent: u64,
    /// The refund counters of the tree's successful transactions.
    pub refund_counter: i64,
    /// What the authorizations of EIP-7702 give back, whether or not the root succeeded.
    pub authorization_refund: u64,
}

/// What a root bought its gas for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purchase {
    /// Gas bought.
    pub gas_limit: u64,
    /// The effective price, wei per gas.
    pub price: U256,
    /// Wei per gas that is burnt.
    pub base_fee: U256,
    /// The least gas to be paid for (EIP-7623).
    pub floor: u64,
}

/// Who gets what of the wei that a root has prepaid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Gas paid for.
    pub gas_used: u64,
    /// Wei back to the sender.
    pub returned: U256,
    /// Wei to the coinbase.
    pub fee: U256,
    /// Wei burnt.
    pub burnt: U256,
}

impl Purchase {
    /// The price and the floor of a transaction that has been found valid.
    pub fn new(gas_limit: u64, price: U256, base_fee: U256, gas: IntrinsicGas) -> Self {
        Self {
            gas_limit,
            price,
            base_fee,
            floor: gas.floor,
        }
    }

    /// Wei paid up front, blobs apart. Validation has found that it fits.
    pub fn prepaid(&self) -> U256 {
        word::mul(self.price, U256::from(self.gas_limit))
    }

    /// Divides the prepaid wei.
    #[inline]
    pub fn settle(&self, tree: &TreeGas, fork: Fork) -> Settlement {
        let quotient = if fork >= Fork::London { 5 } else { 2 };
        let counter = u64::try_from(tree.refund_counter).unwrap_or(0);
        let refund = tree
            .authorization_refund
            .saturating_add(counter)
            .min(tree.spent / quotient);
        let gas_used = (tree.spent - refund).max(self.floor);
        let used = U256::from(gas_used);
        Settlement {
            gas_used,
            returned: word::mul(
                U256::from(self.gas_limit.saturating_sub(gas_used)),
                self.price,
            ),
            fee: word::mul(used, word::sub(self.price, self.base_fee)),
            burnt: word::mul(used, self.base_fee),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purchase() -> Purchase {
        Purchase {
            gas_limit: 100_000,
            price: 10.into(),
            base_fee: 7.into(),
            floor: 0,
        }
    }

    #[test]
    fn the_prepaid_wei_is_divided_without_rest() {
        for (spent, refund_counter) in [(0, 0), (21_000, 0), (100_000, 4_800), (100_000, 90_000)] {
            let tree = TreeGas {
                spent,
                refund_counter,
                authorization_refund: 12_500,
            };
            for fork in [Fork::Berlin, Fork::London] {
                let settlement = purchase().settle(&tree, fork);
                let sum = settlement.returned + settlement.fee + settlement.burnt;
                assert_eq!(sum, purchase().prepaid());
            }
        }
    }

    #[test]
    fn the_refund_is_capped_at_a_half_before_london_and_a_fifth_since() {
        let tree = TreeGas {
            spent: 50_000,
            refund_counter: 40_000,
            authorization_refund: 0,
        };
        assert_eq!(purchase().settle(&tree, Fork::Berlin).gas_used, 25_000);
        assert_eq!(purchase().settle(&tree, Fork::London).gas_used, 40_000);
    }

    #[test]
    fn the_floor_is_paid_even_where_the_refund_goes_below_it() {
        let tree = TreeGas {
            spent: 50_000,
            refund_counter: 10_000,
            authorization_refund: 0,
        };
        let settlement = Purchase {
            floor: 45_000,
            ..purchase()
        }
        .settle(&tree, Fork::Prague);
        assert_eq!(settlement.gas_used, 45_000);
    }
}
