//! Block and ommer rewards (Yellow Paper, section 11.3), from Frontier until the Merge.

use super::Edge;
use crate::{Fork, U256, block::Block, state::Fault};

/// How many generations an ommer can be behind, plus two: what its reward is an eighth of.
const OMMER_SHARES: u64 = 8;

/// What a nephew gets for an ommer: one part of the reward in so many.
const NEPHEW_SHARE: u64 = 32;

/// Wei for a block's coinbase, ommers apart: 5 ether, 3 from Byzantium (EIP-649), 2 from
/// Constantinople (EIP-1234), 0 from Paris (EIP-3675).
pub fn block_reward(fork: Fork) -> U256 {
    let ether: u64 = match fork {
        fork if fork >= Fork::Paris => 0,
        fork if fork >= Fork::Constantinople => 2,
        fork if fork >= Fork::Byzantium => 3,
        _ => 5,
    };
    U256::from(ether) * U256::exp10(18)
}

/// Rewards the coinbase and the ommers' coinbases.
pub(super) fn pay(edge: &mut Edge<'_>, block: &Block, fork: Fork) -> Result<(), Fault> {
    let reward = block_reward(fork);
    if reward.is_zero() {
        return Ok(());
    }
    edge.begin();
    let mut nephew = reward;
    for ommer in &block.ommers {
        let shares = (ommer.number + OMMER_SHARES).saturating_sub(block.environment.number);
        edge.issue(
            ommer.coinbase,
            reward * U256::from(shares) / U256::from(OMMER_SHARES),
        )?;
        nephew += reward / U256::from(NEPHEW_SHARE);
    }
    edge.issue(block.environment.coinbase, nephew)?;
    edge.end();
    Ok(())
}
