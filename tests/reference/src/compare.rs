//! Whether two outcomes of a block are one, and where they first differ if not.

use deferevm::{
    U256,
    block::{BlockOutcome, RoundOutcome},
    state::{AccountChange, AccountInfo},
};

/// Asserts that the engine has come to what the reference says.
///
/// # Panics
/// With the first difference.
pub fn assert_same(engine: &BlockOutcome, reference: &BlockOutcome, context: &str) {
    assert_same_fields(engine, reference, context);
    assert_eq!(engine.digest(), reference.digest(), "{context}: digest");
}

/// The same without the digests, for those who compare many: what they are made of is compared.
///
/// # Panics
/// With the first difference.
pub fn assert_same_fields(engine: &BlockOutcome, reference: &BlockOutcome, context: &str) {
    if let Some(difference) = first_difference(engine, reference) {
        panic!("{context}: the engine differs from the reference: {difference}");
    }
}

/// Where the engine's outcome first differs from the reference's: receipts, rounds, gas, state.
pub fn first_difference(engine: &BlockOutcome, reference: &BlockOutcome) -> Option<String> {
    let receipts = engine.receipts.iter().zip(&reference.receipts);
    for (place, (found, expected)) in receipts.enumerate() {
        if found != expected {
            return Some(format!(
                "receipt {place}: {found:#?}, expected {expected:#?}"
            ));
        }
    }
    if engine.receipts.len() != reference.receipts.len() {
        return Some(format!(
            "{} receipts, expected {}",
            engine.receipts.len(),
            reference.receipts.len()
        ));
    }
    let rounds = |outcome: &BlockOutcome| outcome.rounds.iter().map(essence).collect::<Vec<_>>();
    differ("rounds", &rounds(engine), &rounds(reference))
        .or_else(|| {
            differ(
                "trees that succeeded",
                &engine.trees_succeeded,
                &reference.trees_succeeded,
            )
        })
        .or_else(|| differ("gas used", &engine.gas_used, &reference.gas_used))
        .or_else(|| {
            differ(
                "exceeds the gas limit",
                &engine.exceeds_gas_limit,
                &reference.exceeds_gas_limit,
            )
        })
        .or_else(|| differ("requests", &engine.requests, &reference.requests))
        .or_else(|| differing_account(engine, reference))
}

/// What of a round depends neither on workers nor on partitions.
fn essence(round: &RoundOutcome) -> (u32, std::ops::Range<usize>, usize, u64) {
    (
        round.index,
        round.receipts.clone(),
        round.executed,
        round.gas_used,
    )
}

fn differing_account(engine: &BlockOutcome, reference: &BlockOutcome) -> Option<String> {
    if engine.changes.accounts == reference.changes.accounts {
        return None;
    }
    let accounts = |outcome: &BlockOutcome| outcome.changes.accounts.clone();
    let (engine, reference) = (accounts(engine), accounts(reference));
    let mut addresses: Vec<_> = engine.keys().chain(reference.keys()).copied().collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.into_iter().find_map(|address| {
        differ(
            &format!("account {address:?}"),
            &engine.get(&address).map(sorted),
            &reference.get(&address).map(sorted),
        )
    })
}

fn sorted(change: &AccountChange) -> (Option<AccountInfo>, bool, Vec<(U256, U256)>) {
    let mut storage: Vec<_> = change.storage.iter().map(|(k, v)| (*k, *v)).collect();
    storage.sort_unstable();
    (change.info, change.storage_cleared, storage)
}

fn differ<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Option<String> {
    (found != expected).then(|| format!("{what}: {found:#?}, expected {expected:#?}"))
}
