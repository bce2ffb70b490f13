//! The blob gas market (EIP-4844): schedules of the forks, excess blob gas and its price.
//!
//! Owns the arithmetic; which transactions may carry blobs is decided in `validation`.

use deferevm_opcodes::{Fork, U256};
use primitive_types::U512;

/// Gas per blob: 2¹⁷ (EIP-4844).
pub const GAS_PER_BLOB: u64 = 1 << 17;

/// Wei per blob gas when there is no excess (EIP-4844).
pub const MIN_BASE_FEE_PER_BLOB_GAS: u64 = 1;

/// The version byte of a blob's hash (EIP-4844).
pub const VERSIONED_HASH_VERSION_KZG: u8 = 1;

/// The most blobs one transaction may carry from Osaka (EIP-7594).
pub const BLOBS_PER_TRANSACTION_MAX: u64 = 6;

/// Execution gas that a blob is worth at least (EIP-7918).
pub const BLOB_BASE_COST: u64 = 1 << 13;

/// How many blobs a block aims at and may hold, and how fast their price moves (EIP-7840).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobSchedule {
    /// Blobs per block at which the price stays.
    pub target: u64,
    /// The most blobs per block.
    pub max: u64,
    /// Divisor in the price's exponent; larger is slower.
    pub base_fee_update_fraction: u64,
}

/// What a block's header says about gas, as far as its child's excess blob gas depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParentBlobGas {
    /// The parent's excess blob gas.
    pub excess_blob_gas: u64,
    /// The parent's blob gas used.
    pub blob_gas_used: u64,
    /// The parent's base fee, wei per gas; only read from Osaka.
    pub base_fee: U256,
}

impl BlobSchedule {
    /// EIP-4844.
    pub const CANCUN: Self = Self::new(3, 6, 3_338_477);
    /// EIP-7691; Osaka keeps it.
    pub const PRAGUE: Self = Self::new(6, 9, 5_007_716);
    /// EIP-7892, the first blob-parameter-only fork: mainnet, 2025-12-09.
    pub const BPO1: Self = Self::new(10, 15, 8_346_193);
    /// EIP-7892, the second: mainnet, 2026-01-07.
    pub const BPO2: Self = Self::new(14, 21, 11_684_671);

    /// A schedule with these numbers, such as a fixture or a chain's configuration gives.
    pub const fn new(target: u64, max: u64, base_fee_update_fraction: u64) -> Self {
        Self {
            target,
            max,
            base_fee_update_fraction,
        }
    }

    /// The schedule that a fork starts with; `None` before Cancun.
    pub fn of(fork: Fork) -> Option<Self> {
        if fork >= Fork::Prague {
            Some(Self::PRAGUE)
        } else if fork >= Fork::Cancun {
            Some(Self::CANCUN)
        } else {
            None
        }
    }

    /// The most blob gas per block.
    pub const fn max_blob_gas(&self) -> u64 {
        self.max.saturating_mul(GAS_PER_BLOB)
    }

    /// Wei per blob gas in a block with this excess, at most 2²⁵⁶−1 (EIP-4844).
    pub fn blob_base_fee(&self, excess_blob_gas: u64) -> U256 {
        fake_exponential(
            MIN_BASE_FEE_PER_BLOB_GAS,
            excess_blob_gas,
            self.base_fee_update_fraction,
        )
    }

    /// The excess blob gas of a block, by its parent's header and by the rules of the block's own
    /// fork and schedule (EIP-4844; from Osaka EIP-7918).
    pub fn excess_blob_gas(&self, parent: &ParentBlobGas, fork: Fork) -> u64 {
        let target_gas = self.target.saturating_mul(GAS_PER_BLOB);
        let sum = parent.excess_blob_gas.saturating_add(parent.blob_gas_used);
        if sum < target_gas {
            return 0;
        }
        if fork >= Fork::Osaka && self.is_below_reserve_price(parent) {
            // 128-bit product: used × (max − target) need not fit 64 bits in a foreign schedule.
            let grown = u128::from(parent.blob_gas_used)
                * u128::from(self.max.saturating_sub(self.target))
                / u128::from(self.max.max(1));
            return parent
                .excess_blob_gas
                .saturating_add(u64::try_from(grown).unwrap_or(u64::MAX));
        }
        sum - target_gas
    }

    /// Whether a blob's execution cost outweighs what its blob gas costs, so that the blob price
    /// must not fall (EIP-7918).
    fn is_below_reserve_price(&self, parent: &ParentBlobGas) -> bool {
        let execution = parent.base_fee.full_mul(U256::from(BLOB_BASE_COST));
        let blob = self
            .blob_base_fee(parent.excess_blob_gas)
            .full_mul(U256::from(GAS_PER_BLOB));
        execution > blob
    }
}

/// factor × e^(numerator / denominator) by the Taylor series in integers (EIP-4844), at most
/// 2²⁵⁶−1. A denominator of zero counts as one.
pub fn fake_exponential(factor: u64, numerator: u64, denominator: u64) -> U256 {
    let denominator = denominator.max(1);
    // e^178 > 2^256. Below it a term is at most 2^64 × 2^64 × 2^257, which times 2^64 fits.
    if factor > 0 && numerator / denominator >= 178 {
        return U256::MAX;
    }
    let numerator = U512::from(numerator);
    let denominator = U512::from(denominator);
    let mut sum = U512::zero();
    let mut term = U512::from(factor) * denominator;
    let mut index = U512::one();
    while !term.is_zero() {
        sum += term;
        term = term * numerator / (denominator * index);
        index += U512::one();
    }
    U256::try_from(sum / denominator).unwrap_or(U256::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fake_exponential_follows_the_series() {
        // Worked by hand from the EIP's definition.
        for (factor, numerator, denominator, expected) in [
            (1u64, 0u64, 1u64, 1u64),
            (38_493, 0, 1_000, 38_493),
            (0, 1_234, 2_345, 0),
            (1, 2, 1, 6),
            (1, 4, 2, 6),
            (1, 3, 1, 16),
            (1, 6, 2, 18),
            (1, 4, 1, 49),
            (1, 8, 2, 50),
            (10, 8, 2, 542),
            (11, 8, 2, 596),
            (1, 5, 1, 136),
            (1, 5, 2, 11),
            (2, 5, 2, 23),
            (1, 50_000_000, 2_225_652, 5_709_098_764),
        ] {
            assert_eq!(
                fake_exponential(factor, numerator, denominator),
                expected.into(),
                "{factor} × e^({numerator}/{denominator})"
            );
        }
    }

    #[test]
    fn an_enormous_excess_saturates_the_price() {
        assert_eq!(BlobSchedule::CANCUN.blob_base_fee(u64::MAX), U256::MAX);
        assert_eq!(fake_exponential(u64::MAX, u64::MAX, 0), U256::MAX);
        assert_eq!(
            fake_exponential(u64::MAX, u64::MAX, u64::MAX / 177),
            U256::MAX
        );
        assert_eq!(fake_exponential(0, u64::MAX, 1), U256::zero());
    }

    #[test]
    fn the_price_rises_by_an_eighth_at_most_from_block_to_block() {
        for schedule in [
            BlobSchedule::CANCUN,
            BlobSchedule::PRAGUE,
            BlobSchedule::BPO1,
            BlobSchedule::BPO2,
        ] {
            let step = (schedule.max - schedule.target) * GAS_PER_BLOB;
            let base = schedule.base_fee_update_fraction * 20;
            let before = schedule.blob_base_fee(base).as_u128();
            let after = schedule.blob_base_fee(base + step).as_u128();
            let millis = after * 1000 / before;
            assert!((1080..=1126).contains(&millis), "{schedule:?}: {millis}");
        }
    }

    #[test]
    fn excess_accumulates_what_is_above_the_target() {
        let schedule = BlobSchedule::CANCUN;
        let excess = |excess_blob_gas, blobs| {
            let parent = ParentBlobGas {
                excess_blob_gas,
                blob_gas_used: blobs * GAS_PER_BLOB,
                base_fee: U256::MAX,
            };
            schedule.excess_blob_gas(&parent, Fork::Cancun)
        };
        assert_eq!(excess(0, 0), 0);
        assert_eq!(excess(0, 3), 0);
        assert_eq!(excess(0, 6), 3 * GAS_PER_BLOB);
        assert_eq!(excess(GAS_PER_BLOB, 1), 0);
        assert_eq!(excess(4 * GAS_PER_BLOB, 0), GAS_PER_BLOB);
    }

    #[test]
    fn below_the_reserve_price_the_excess_does_not_fall() {
        let schedule = BlobSchedule::PRAGUE;
        let mut parent = ParentBlobGas {
            excess_blob_gas: 6 * GAS_PER_BLOB,
            blob_gas_used: 3 * GAS_PER_BLOB,
            base_fee: U256::from(17),
        };
        // A blob gas price of 1 outweighs a base fee of up to 2^17 / 2^13 = 16.
        assert_eq!(
            schedule.excess_blob_gas(&parent, Fork::Osaka),
            7 * GAS_PER_BLOB
        );
        assert_eq!(
            schedule.excess_blob_gas(&parent, Fork::Prague),
            3 * GAS_PER_BLOB
        );
        parent.base_fee = U256::from(16);
        assert_eq!(
            schedule.excess_blob_gas(&parent, Fork::Osaka),
            3 * GAS_PER_BLOB
        );
    }
}
