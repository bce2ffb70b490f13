//! Ethereum's own execution of a block, one transaction after the other: the plain twin of the
//! rounds, and the only one that stops between transactions for a state root.
//!
//! Owns the loop; what a transaction does is in `transaction`, what a block does besides in `edges`.

use std::convert::Infallible;

use super::{
    Block, BlockError, BlockFault,
    edges::{self, EdgeRules, Ledger, Requests},
    receipts::{Outcome, TrieReceipt},
};
use crate::{
    Fork, Log,
    call::Policy,
    precompiles::Precompiles,
    state::{Fault, InMemoryDatabase, State, StateChanges, roots::root_after},
    transaction::{
        Executed, Executor, InvalidTransaction, Original, Scene, Status, TransactionRules,
        TransactionType,
    },
};

/// What a block came to.
#[derive(Clone, Debug)]
pub struct SequentialOutcome {
    /// In block order.
    pub receipts: Vec<SequentialReceipt>,
    /// The requests to the consensus layer.
    pub requests: Requests,
    /// Wei that the edges brought into being and destroyed.
    pub ledger: Ledger,
    /// What has changed since the block's start.
    pub changes: StateChanges,
}

/// A transaction's receipt as Ethereum has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequentialReceipt {
    /// The transaction's type.
    pub kind: TransactionType,
    /// How it ended, as far as the receipt says.
    pub outcome: Outcome,
    /// Gas of this transaction and all before it, after refunds.
    pub cumulative_gas_used: u64,
    /// In the order of emission.
    pub logs: Vec<Log>,
}

impl SequentialReceipt {
    /// The receipt as its trie holds it.
    pub fn for_trie(&self) -> TrieReceipt<'_> {
        TrieReceipt {
            type_byte: self.kind.byte(),
            outcome: self.outcome,
            cumulative_gas_used: self.cumulative_gas_used,
            logs: &self.logs,
        }
    }
}

/// Executes a block on the state before it.
///
/// # Errors
/// The first transaction that may not be part of the block, requests that cannot be had, or a fault.
pub fn execute(
    block: &Block,
    fork: Fork,
    database: &InMemoryDatabase,
) -> Result<SequentialOutcome, BlockError<Infallible>> {
    run(block, fork, database).map_err(BlockError::from_fault)
}

fn run(
    block: &Block,
    fork: Fork,
    database: &InMemoryDatabase,
) -> Result<SequentialOutcome, BlockFault> {
    let transaction_rules = match block.blob_schedule {
        Some(schedule) => TransactionRules::with_blob_schedule(fork, schedule),
        None => TransactionRules::of(fork),
    };
    let rules = EdgeRules {
        fork,
        precompiles: Precompiles::of(fork),
        transaction: &transaction_rules,
    };
    let mut state = State::new(database);
    let begun = edges::begin(&rules, block, &mut state);
    let mut ledger = begun.map_err(|fault| BlockFault::at(0, fault))?;
    let mut receipts: Vec<SequentialReceipt> = Vec::with_capacity(block.transactions.len());
    for (position, recovered) in (0..).zip(&block.transactions) {
        let used = receipts
            .last()
            .map_or(0, |receipt| receipt.cumulative_gas_used);
        let original = Original::new(recovered.clone(), &block.environment);
        let executed = execute_one(&rules, block, &original, used, &mut state)
            .map_err(|fault| BlockFault::at(position, fault))?
            .map_err(|error| BlockFault::invalid_transaction(position, &original, error))?;
        let gas_used = executed
            .gas_paid()
            .expect("a synchronous transaction that was not skipped has settled");
        receipts.push(SequentialReceipt {
            kind: recovered.transaction.kind,
            outcome: if fork >= Fork::Byzantium {
                Outcome::Status(executed.status.is_success())
            } else {
                Outcome::StateRoot(root_after(database, &state.changes()))
            },
            cumulative_gas_used: used + gas_used,
            logs: executed.effects.logs,
        });
    }
    let logs = receipts.iter().flat_map(|receipt| &receipt.logs);
    let ending = edges::end(&rules, block, logs, &mut state)?;
    ledger.issued += ending.ledger.issued;
    ledger.burnt += ending.ledger.burnt;
    Ok(SequentialOutcome {
        receipts,
        requests: ending.requests,
        ledger,
        changes: state.into_changes(),
    })
}

/// Executes one transaction in a block that has used `used` gas before it.
fn execute_one(
    rules: &EdgeRules<'_>,
    block: &Block,
    original: &Original,
    used: u64,
    state: &mut State<'_>,
) -> Result<Result<Executed, InvalidTransaction>, Fault> {
    let available = block.environment.gas_limit.saturating_sub(used);
    let gas_limit = original.recovered.transaction.gas_limit;
    if gas_limit > available {
        return Ok(Err(InvalidTransaction::GasLimitAboveBlock {
            found: gas_limit,
            block: available,
        }));
    }
    let scene = Scene {
        fork: rules.fork,
        policy: &Policy::Synchronous,
        block: &block.environment,
        precompiles: rules.precompiles,
        rules: rules.transaction,
        state,
    };
    let mut executor = Executor::new(scene.fork, scene.policy, scene.precompiles);
    let executed = executor.original(&scene, original, 1)?;
    if let Status::Skipped(error) = executed.status {
        return Ok(Err(*error));
    }
    executor.journal.drain_into(state);
    Ok(Ok(executed))
}
