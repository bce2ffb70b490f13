//! What a block's execution comes to.

use std::{ops::Range, time::Duration};

use super::edges::Requests;
use crate::{
    Address, B256, Fork,
    call::Policy,
    state::StateChanges,
    transaction::{Receipt, Status},
};

/// The result of a block under one policy (semantics, section 9).
#[derive(Clone, Debug)]
pub struct BlockOutcome {
    /// The policy that it ran under.
    pub policy: Policy,
    /// The rules that it ran under.
    pub fork: Fork,
    /// The rounds that ran. One under [`Policy::Synchronous`].
    pub rounds: Vec<RoundOutcome>,
    /// One receipt for each transaction, skipped and refused ones included: round by round, each in
    /// its order, with the refused ones behind the executed ones of the round that they would have
    /// run in.
    pub receipts: Vec<Receipt>,
    /// For each original transaction, whether every transaction of its tree has succeeded.
    pub trees_succeeded: Vec<bool>,
    /// Gas paid for by all roots, after refunds.
    pub gas_used: u64,
    /// Whether the gas limits of the original transactions sum to more than the block's.
    pub exceeds_gas_limit: bool,
    /// The requests that the block makes of the consensus layer (EIP-7685).
    pub requests: Requests,
    /// What the block has changed, its edges included.
    pub changes: StateChanges,
    /// The root of the state after the block, where roots were asked for.
    pub state_root: Option<B256>,
    /// Where the time went, if that was asked for and calls were deferred.
    pub timing: Option<Timing>,
}

/// Wall time of a deferred block's parts, summed over its rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Numbering what is owned.
    pub scheduling: Duration,
    /// Dividing them among several workers, running transactions, and making their receipts and records.
    pub running: Duration,
    /// Crossing barriers, and measuring how parallel a round was.
    pub barriers: Duration,
}

/// One round that ran.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundOutcome {
    /// 0 for the original transactions.
    pub index: u32,
    /// Where its receipts stand in the block's.
    pub receipts: Range<usize>,
    /// How many of them were executed; the refused ones come after.
    pub executed: usize,
    /// In how many batches it was run; 1 where one worker ran it alone.
    pub batches: usize,
    /// Gas consumed by its transactions, before refunds.
    pub gas_used: u64,
    /// Gas on its critical path: what no number of workers gets around.
    pub critical_gas: u64,
    /// The account whose owners consumed most gas, and how much.
    pub hottest: Option<(Address, u64)>,
    /// The state root after its barrier, where that was asked for.
    pub state_root: Option<B256>,
}

impl BlockOutcome {
    /// The receipts of a round, refused ones included.
    pub fn receipts_of(&self, round: &RoundOutcome) -> &[Receipt] {
        &self.receipts[round.receipts.clone()]
    }

    /// The receipts of the original transactions, in block order.
    pub fn roots(&self) -> &[Receipt] {
        &self.receipts[..self.trees_succeeded.len()]
    }

    /// How many transactions ran virtually.
    pub fn virtual_transactions(&self) -> usize {
        self.rounds.iter().skip(1).map(|round| round.executed).sum()
    }

    /// Gas consumed by all transactions, before refunds.
    pub fn gas_consumed(&self) -> u64 {
        self.rounds.iter().map(|round| round.gas_used).sum()
    }

    /// Gas on the critical path of all rounds, one after the other.
    pub fn critical_gas(&self) -> u64 {
        self.rounds.iter().map(|round| round.critical_gas).sum()
    }

    /// How much faster the block could at most be with any number of workers, gas as the measure.
    pub fn parallelism_bound(&self) -> f64 {
        match self.critical_gas() {
            0 => 1.0,
            critical => self.gas_consumed() as f64 / critical as f64,
        }
    }

    /// Transactions by how they ended: (succeeded, failed, skipped, refused).
    pub fn counts(&self) -> (usize, usize, usize, usize) {
        self.receipts.iter().fold(
            (0, 0, 0, 0),
            |(succeeded, failed, skipped, refused), receipt| match receipt.status {
                Status::Succeeded => (succeeded + 1, failed, skipped, refused),
                Status::Reverted | Status::Halted(_) => (succeeded, failed + 1, skipped, refused),
                Status::Skipped(_) => (succeeded, failed, skipped + 1, refused),
                Status::Refused(_) => (succeeded, failed, skipped, refused + 1),
            },
        )
    }
}
