//! Which rules a chain's blocks follow: forks and what activates them.
//!
//! Owns the schedule only; the rules stand beside what they change.

use crate::{Fork, U256, transaction::BlobSchedule};

/// A chain's rules, by what activates them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Oldest first; the first one holds from the genesis block on.
    stages: Vec<Stage>,
    /// The block with the DAO's irregular state change, if the chain made it.
    pub dao_fork: Option<u64>,
}

/// A set of rules and what activates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Since when.
    pub activation: Activation,
    /// The rules.
    pub fork: Fork,
    /// Blob limits and price; `None` before Cancun.
    pub blob_schedule: Option<BlobSchedule>,
}

/// What activates a set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The genesis block.
    Genesis,
    /// A height.
    Number(u64),
    /// Seconds since the Unix epoch.
    Timestamp(u64),
    /// A total difficulty that the parent has reached (EIP-3675).
    TotalDifficulty(U256),
}

/// What decides which rules a block follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Its height.
    pub number: u64,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// The sum of the difficulties of its ancestors.
    pub parent_total_difficulty: U256,
}

impl Network {
    /// A chain that has had one set of rules since its genesis block.
    pub fn new(chain_id: u64, fork: Fork, blob_schedule: Option<BlobSchedule>) -> Self {
        Self {
            chain_id,
            stages: vec![Stage {
                activation: Activation::Genesis,
                fork,
                blob_schedule,
            }],
            dao_fork: None,
        }
    }

    /// The same chain with a later change of rules.
    pub fn then(mut self, stage: Stage) -> Self {
        self.stages.push(stage);
        self
    }

    /// The same chain with the DAO's irregular state change at a block.
    pub fn with_dao_fork(mut self, number: u64) -> Self {
        self.dao_fork = Some(number);
        self
    }

    /// The rules that a block follows: the last that are active.
    pub fn stage(&self, moment: &Moment) -> &Stage {
        let active = |stage: &&Stage| match stage.activation {
            Activation::Genesis => true,
            Activation::Number(number) => moment.number >= number,
            Activation::Timestamp(timestamp) => moment.timestamp >= timestamp,
            Activation::TotalDifficulty(total) => moment.parent_total_difficulty >= total,
        };
        let found = self.stages.iter().rev().find(active);
        found.expect("the first stage is active from the genesis block on")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_active_stage_counts() {
        let stage = |activation, fork| Stage {
            activation,
            fork,
            blob_schedule: None,
        };
        let network = Network::new(1, Fork::Frontier, None)
            .then(stage(Activation::Number(5), Fork::Homestead))
            .then(stage(Activation::TotalDifficulty(100.into()), Fork::Paris))
            .then(stage(Activation::Timestamp(15_000), Fork::Shanghai));
        let fork = |number, timestamp, difficulty: u64| {
            let moment = Moment {
                number,
                timestamp,
                parent_total_difficulty: difficulty.into(),
            };
            network.stage(&moment).fork
        };
        assert_eq!(fork(4, 14_999, 99), Fork::Frontier);
        assert_eq!(fork(5, 14_999, 99), Fork::Homestead);
        assert_eq!(fork(5, 14_999, 100), Fork::Paris);
        assert_eq!(fork(5, 15_000, 100), Fork::Shanghai);
    }
}
