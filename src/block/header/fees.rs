//! How gas limit and base fee move from block to block (Yellow Paper, section 4.4.4; EIP-1559).

use crate::{Fork, U256};

/// The least gas limit.
pub const GAS_LIMIT_MIN: u64 = 5000;

/// The greatest gas limit, which clients agree on: 2⁶³−1.
pub const GAS_LIMIT_MAX: u64 = i64::MAX as u64;

/// Wei per gas in the first block of London.
pub const BASE_FEE_INITIAL: u64 = 1_000_000_000;

/// The gas limit moves by less than one part of the parent's in so many.
const GAS_LIMIT_DIVISOR: u64 = 1024;

/// A block aims at one part of its gas limit in so many (EIP-1559).
const ELASTICITY: u64 = 2;

/// The base fee moves by one part in so many at most (EIP-1559).
const BASE_FEE_DIVISOR: u64 = 8;

/// What a block says of its gas, as far as its child depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentGas {
    /// Gas.
    pub gas_limit: u64,
    /// Gas.
    pub gas_used: u64,
    /// Wei per gas; `None` before London.
    pub base_fee: Option<u64>,
}

impl ParentGas {
    /// The gas limit that the child's is measured by: the first block of London doubles it, so that
    /// the target stays.
    pub fn reference_gas_limit(&self, fork: Fork) -> u64 {
        if fork >= Fork::London && self.base_fee.is_none() {
            self.gas_limit.saturating_mul(ELASTICITY)
        } else {
            self.gas_limit
        }
    }

    /// Whether a child may have this gas limit, as far as its parent decides.
    pub fn allows_gas_limit(&self, gas_limit: u64, fork: Fork) -> bool {
        let reference = self.reference_gas_limit(fork);
        gas_limit.abs_diff(reference) < reference / GAS_LIMIT_DIVISOR
    }
}

/// The base fee of a block, wei per gas, from London on (EIP-1559).
pub fn base_fee(parent: &ParentGas) -> U256 {
    let Some(base_fee) = parent.base_fee else {
        return BASE_FEE_INITIAL.into();
    };
    let base_fee = U256::from(base_fee);
    let target = parent.gas_limit / ELASTICITY;
    if target == 0 || parent.gas_used == target {
        return base_fee;
    }
    let distance = U256::from(parent.gas_used.abs_diff(target));
    let change = base_fee * distance / U256::from(target) / U256::from(BASE_FEE_DIVISOR);
    if parent.gas_used > target {
        base_fee + change.max(U256::one())
    } else {
        base_fee - change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent(gas_used: u64, base_fee: Option<u64>) -> ParentGas {
        ParentGas {
            gas_limit: 20_000_000,
            gas_used,
            base_fee,
        }
    }

    #[test]
    fn the_base_fee_moves_by_an_eighth_at_most() {
        for (gas_used, expected) in [
            (10_000_000, 1_000_000_000u64),
            (9_000_000, 987_500_000),
            (11_000_000, 1_012_500_000),
            (0, 875_000_000),
            (20_000_000, 1_125_000_000),
        ] {
            let found = base_fee(&parent(gas_used, Some(1_000_000_000)));
            assert_eq!(found, expected.into(), "{gas_used}");
        }
        assert_eq!(base_fee(&parent(10_000_001, Some(0))), U256::one());
        assert_eq!(base_fee(&parent(0, Some(7))), 7.into());
        assert_eq!(base_fee(&parent(0, None)), BASE_FEE_INITIAL.into());
    }

    #[test]
    fn the_gas_limit_moves_by_less_than_a_1024th() {
        let parent = ParentGas {
            gas_limit: 1_024_000,
            ..parent(0, Some(7))
        };
        for (gas_limit, allowed) in [
            (1_024_999, true),
            (1_025_000, false),
            (1_023_001, true),
            (1_023_000, false),
        ] {
            assert_eq!(
                parent.allows_gas_limit(gas_limit, Fork::London),
                allowed,
                "{gas_limit}"
            );
        }
    }

    #[test]
    fn the_first_block_of_london_doubles_the_gas_limit() {
        let parent = parent(0, None);
        assert!(parent.allows_gas_limit(40_000_000, Fork::London));
        assert!(!parent.allows_gas_limit(20_000_000, Fork::London));
        assert!(parent.allows_gas_limit(20_000_000, Fork::Berlin));
    }
}
