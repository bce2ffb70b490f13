//! Blocks without calls: deferred execution comes to just what Ethereum's own does (semantics,
//! section 10).

use deferevm::{block::BlockError, call::Policy};
use deferevm_reference::generate::{Case, Kind};

use crate::schedule::{evm, judge, schedules};

/// Runs the block that bytes say, of one transaction or of several. Says whether it was valid on
/// Ethereum.
///
/// # Panics
/// Where deferred execution differs from Ethereum's.
pub fn check(bytes: &[u8]) -> bool {
    let (kind, bytes) = match bytes.split_first() {
        Some((first, rest)) if first % 2 == 1 => (Kind::WithoutCalls, rest),
        Some((_, rest)) => (Kind::OneWithoutCalls, rest),
        None => (Kind::OneWithoutCalls, bytes),
    };
    let case = Case::from_bytes(bytes, kind);
    let ethereum = match evm(&case, Policy::Synchronous).execute_block(&case.state, &case.block) {
        Ok(outcome) => outcome,
        Err(BlockError::Invalid(_)) => return false,
        Err(error) => panic!("{error}"),
    };
    let found = judge(&case, schedules(bytes));
    assert_eq!(found.receipts, ethereum.receipts);
    assert_eq!(found.gas_used, ethereum.gas_used);
    assert_eq!(found.changes.accounts, ethereum.changes.accounts);
    true
}
