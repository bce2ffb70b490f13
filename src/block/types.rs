//! A block as execution takes it: what its transactions see, and what else changes the state.
//!
//! Owns data only; headers and their rules are in `header`, files in `bundle`.

use crate::{
    Address, B256, BlockEnvironment, Fork, U256,
    transaction::{BlobSchedule, Recovered},
};

/// A block, its senders recovered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// What instructions see of it.
    pub environment: BlockEnvironment,
    /// The parent's hash, which EIP-2935 stores from Prague.
    pub parent_hash: B256,
    /// The parent beacon block's root, which EIP-4788 stores from Cancun; `None` before.
    pub parent_beacon_block_root: Option<B256>,
    /// In block order.
    pub transactions: Vec<Recovered>,
    /// In block order; empty before Shanghai.
    pub withdrawals: Vec<Withdrawal>,
    /// The ommers' facts that rewards depend on; empty from Paris.
    pub ommers: Vec<Ommer>,
    /// Blob limits and price; `None` before Cancun.
    pub blob_schedule: Option<BlobSchedule>,
    /// Whether the DAO's irregular state change comes before its transactions (EIP-779).
    pub is_dao_fork: bool,
}

impl Block {
    /// The most blob gas that its transactions can carry together.
    pub fn blob_gas_max(&self) -> u64 {
        self.blob_schedule
            .map_or(0, |schedule| schedule.max_blob_gas())
    }

    /// The word that opcode 0x44 returns: the difficulty, or from Paris the beacon chain's randomness.
    pub fn seed(&self, fork: Fork) -> B256 {
        if fork >= Fork::Paris {
            self.environment.prev_randao
        } else {
            B256(self.environment.difficulty.to_big_endian())
        }
    }
}

/// What an ommer is rewarded by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ommer {
    /// Who receives its reward.
    pub coinbase: Address,
    /// Its height.
    pub number: u64,
}

/// A withdrawal from the beacon chain (EIP-4895).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(serde::Deserialize))]
#[cfg_attr(feature = "cli", serde(rename_all = "camelCase"))]
pub struct Withdrawal {
    /// The chain's running number of it.
    #[cfg_attr(feature = "cli", serde(deserialize_with = "crate::json::hex::hex"))]
    pub index: u64,
    /// The validator.
    #[cfg_attr(feature = "cli", serde(deserialize_with = "crate::json::hex::hex"))]
    pub validator_index: u64,
    /// Who receives it.
    #[cfg_attr(feature = "cli", serde(deserialize_with = "crate::json::hex::hex"))]
    pub address: Address,
    /// Gwei.
    #[cfg_attr(feature = "cli", serde(deserialize_with = "crate::json::hex::hex"))]
    pub amount: u64,
}

/// Wei per gwei.
const GWEI: u64 = 1_000_000_000;

impl Withdrawal {
    /// Wei.
    pub fn wei(&self) -> U256 {
        U256::from(self.amount) * U256::from(GWEI)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_withdrawal_in_wei_exceeds_64_bits() {
        let withdrawal = Withdrawal {
            amount: u64::MAX,
            ..Withdrawal::default()
        };
        let expected = u128::from(u64::MAX) * 1_000_000_000;
        assert_eq!(withdrawal.wei(), U256::from(expected));
    }
}
