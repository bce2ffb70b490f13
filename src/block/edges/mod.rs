//! What a block does besides its transactions: system calls and the DAO fork before them,
//! withdrawals, requests and rewards after them.
//!
//! Everything here is synchronous, under every policy. What comes into being and what ceases to
//! exist is reported, so that wei can be accounted for.

mod dao;
mod requests;
mod rewards;
mod system_calls;
mod withdrawals;

pub use dao::{
    EXTRA_DATA as DAO_EXTRA_DATA, EXTRA_DATA_BLOCKS as DAO_EXTRA_DATA_BLOCKS,
    REFUND_CONTRACT as DAO_REFUND_CONTRACT,
};
pub use requests::{InvalidRequests, Requests};
pub use rewards::block_reward;
pub use system_calls::{
    BEACON_ROOTS_ADDRESS, CONSOLIDATION_REQUEST_ADDRESS, HISTORY_STORAGE_ADDRESS,
    WITHDRAWAL_REQUEST_ADDRESS,
};

use super::Block;
use crate::{
    Address, Fork, Log, U256,
    call::Policy,
    precompiles::Precompiles,
    state::{Fault, State, Writes},
    transaction::{Executed, Executor, Scene, TransactionRules},
};

/// The rules that the edges of a block run by.
#[derive(Clone, Copy)]
pub struct EdgeRules<'a> {
    /// The fork.
    pub fork: Fork,
    /// The fork's precompiles.
    pub precompiles: &'a Precompiles,
    /// What transactions are measured by.
    pub transaction: &'a TransactionRules,
}

/// Wei that the edges of a block have brought into being and destroyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Rewards and withdrawals.
    pub issued: U256,
    /// Balances of accounts that a system call destroyed.
    pub burnt: U256,
}

/// What came of a block's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The requests to the consensus layer; none before Prague.
    pub requests: Requests,
    /// Wei.
    pub ledger: Ledger,
}

/// Why a block's end could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum EdgeFault {
    /// The block cannot go on.
    #[error("{0:?}")]
    Fault(Fault),
    /// The block is invalid.
    #[error(transparent)]
    Invalid(#[from] InvalidRequests),
}

impl From<Fault> for EdgeFault {
    fn from(fault: Fault) -> Self {
        EdgeFault::Fault(fault)
    }
}

/// What comes before a block's transactions: the DAO's irregular state change, the parent beacon
/// block's root (EIP-4788, Cancun), the parent's hash (EIP-2935, Prague).
///
/// # Errors
/// Why the block cannot go on. A system call that fails does not make the block invalid.
pub fn begin(rules: &EdgeRules<'_>, block: &Block, state: &mut State<'_>) -> Result<Ledger, Fault> {
    let mut edge = Edge::new(rules, block, state);
    if block.is_dao_fork {
        dao::move_balances(&mut edge)?;
    }
    if let Some(root) = block
        .parent_beacon_block_root
        .filter(|_| rules.fork >= Fork::Cancun)
    {
        edge.system_call(BEACON_ROOTS_ADDRESS, root.as_bytes())?;
    }
    if rules.fork >= Fork::Prague {
        edge.system_call(HISTORY_STORAGE_ADDRESS, block.parent_hash.as_bytes())?;
    }
    let (writes, ledger) = edge.finish();
    state.absorb(writes);
    Ok(ledger)
}

/// What comes after a block's transactions, whose logs are given in their order: withdrawals
/// (EIP-4895, Shanghai), requests (EIP-7685, Prague), block and ommer rewards (before Paris).
///
/// # Errors
/// [`EdgeFault::Invalid`] where the requests cannot be had, so that the block is invalid.
pub fn end<'l>(
    rules: &EdgeRules<'_>,
    block: &Block,
    logs: impl Iterator<Item = &'l Log>,
    state: &mut State<'_>,
) -> Result<Ending, EdgeFault> {
    let mut edge = Edge::new(rules, block, state);
    withdrawals::pay(&mut edge, &block.withdrawals)?;
    let requests = if rules.fork >= Fork::Prague {
        requests::collect(&mut edge, logs)?
    } else {
        Requests::default()
    };
    rewards::pay(&mut edge, block, rules.fork)?;
    let (writes, ledger) = edge.finish();
    state.absorb(writes);
    Ok(Ending { requests, ledger })
}

/// An edge of a block while it changes the state: an executor that owns every account.
struct Edge<'a> {
    scene: Scene<'a>,
    executor: Executor,
    epoch: u32,
    ledger: Ledger,
}

impl<'a> Edge<'a> {
    fn new(rules: &EdgeRules<'a>, block: &'a Block, state: &'a State<'a>) -> Self {
        let scene = Scene {
            fork: rules.fork,
            policy: &Policy::Synchronous,
            block: &block.environment,
            precompiles: rules.precompiles,
            rules: rules.transaction,
            state,
        };
        Self {
            scene,
            executor: Executor::new(rules.fork, &Policy::Synchronous, rules.precompiles),
            epoch: 0,
            ledger: Ledger::default(),
        }
    }

    /// Starts a step without code.
    fn begin(&mut self) {
        self.epoch += 1;
        self.executor.journal.begin(self.epoch);
    }

    /// Ends such a step: empty accounts that were touched go, where the fork has EIP-161.
    fn end(&mut self) {
        self.executor.journal.end();
    }

    /// A step of its own: a system call, `None` where there is no contract.
    fn system_call(&mut self, target: Address, input: &[u8]) -> Result<Option<Executed>, Fault> {
        self.epoch += 1;
        let executed = self
            .executor
            .system_call(&self.scene, target, input, self.epoch)?;
        if let Some(executed) = &executed {
            self.ledger.burnt = self.ledger.burnt.saturating_add(executed.effects.burnt);
        }
        Ok(executed)
    }

    /// Adds wei that did not exist before; 0 is a touch.
    fn issue(&mut self, address: Address, amount: U256) -> Result<(), Fault> {
        self.add_balance(address, amount)?;
        self.ledger.issued = self.ledger.issued.saturating_add(amount);
        Ok(())
    }

    fn add_balance(&mut self, address: Address, amount: U256) -> Result<(), Fault> {
        let account = self.locate(address)?;
        let added = self.executor.journal.add_balance(account, amount);
        self.unrefused(added)
    }

    /// Takes all that an account has, and touches it.
    fn take_balance(&mut self, address: Address) -> Result<U256, Fault> {
        let account = self.locate(address)?;
        let balance = self.executor.journal.balance_at(account);
        let taken = self.executor.journal.sub_balance(account, balance);
        self.unrefused(taken)?;
        Ok(balance)
    }

    fn locate(&mut self, address: Address) -> Result<u32, Fault> {
        let located = self.executor.journal.locate(self.scene.state, address);
        self.unrefused(located)
    }

    fn unrefused<T>(&mut self, result: Result<T, crate::Refusal>) -> Result<T, Fault> {
        result.map_err(|_| {
            self.executor
                .journal
                .take_fault()
                .expect("a journal that refuses for another reason than gas keeps it")
        })
    }

    /// What it has done to accounts, and the wei it accounts for.
    fn finish(mut self) -> (Writes, Ledger) {
        (self.executor.journal.take_writes(), self.ledger)
    }
}

#[cfg(test)]
mod tests;
