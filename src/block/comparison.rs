//! What differs between two outcomes of one block: statuses, logs, and the state in the end.

use std::collections::BTreeSet;

use super::BlockOutcome;
use crate::{
    Address, Log, U256,
    state::{AccountInfo, Database},
};

/// What differs from a reference outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Divergence {
    /// Positions of original transactions of which one succeeded and the other did not.
    pub statuses: Vec<u32>,
    /// Positions of original transactions whose trees did not leave the same logs, in whatever order.
    pub logs: Vec<u32>,
    /// Slots with different values.
    pub slots: Vec<(Address, U256)>,
    /// Accounts with different balances.
    pub balances: Vec<Address>,
}

impl Divergence {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares two outcomes of the same block on the same state, which is asked for what only one of
/// them has changed.
///
/// # Errors
/// The database's.
pub fn compare<D: Database>(
    database: &D,
    outcome: &BlockOutcome,
    reference: &BlockOutcome,
) -> Result<Divergence, D::Error> {
    let mut divergence = Divergence::default();
    for (position, (one, other)) in (0u32..).zip(outcome.roots().iter().zip(reference.roots())) {
        if one.status.is_success() != other.status.is_success() {
            divergence.statuses.push(position);
        }
    }
    let (logs, reference_logs) = (tree_logs(outcome), tree_logs(reference));
    for (position, (one, other)) in (0u32..).zip(logs.iter().zip(&reference_logs)) {
        if one != other {
            divergence.logs.push(position);
        }
    }
    compare_state(database, outcome, reference, &mut divergence)?;
    Ok(divergence)
}

/// For each root, the logs of its whole tree, sorted.
fn tree_logs(outcome: &BlockOutcome) -> Vec<Vec<&Log>> {
    let mut logs = vec![Vec::new(); outcome.trees_succeeded.len()];
    for receipt in &outcome.receipts {
        logs[receipt.root as usize].extend(&receipt.logs);
    }
    for tree in &mut logs {
        tree.sort_unstable_by_key(|log| (log.address, &log.topics, &log.data));
    }
    logs
}

fn compare_state<D: Database>(
    database: &D,
    outcome: &BlockOutcome,
    reference: &BlockOutcome,
    divergence: &mut Divergence,
) -> Result<(), D::Error> {
    let (changes, reference_changes) = (&outcome.changes.accounts, &reference.changes.accounts);
    let addresses: BTreeSet<Address> = changes
        .keys()
        .chain(reference_changes.keys())
        .copied()
        .collect();
    for address in addresses {
        let (one, other) = (changes.get(&address), reference_changes.get(&address));
        let balance = |info: Option<AccountInfo>| info.unwrap_or_default().balance;
        let before = match (one, other) {
            (Some(_), Some(_)) => None,
            _ => database.account(address)?,
        };
        let balances =
            [one, other].map(|change| balance(change.map_or(before, |change| change.info)));
        if balances[0] != balances[1] {
            divergence.balances.push(address);
        }
        let keys: BTreeSet<U256> = [one, other]
            .into_iter()
            .flatten()
            .flat_map(|change| change.storage.keys().copied())
            .collect();
        for key in keys {
            let mut values = [U256::zero(); 2];
            for (value, change) in values.iter_mut().zip([one, other]) {
                *value = match change {
                    Some(change) if change.storage.contains_key(&key) => change.storage[&key],
                    Some(change) if change.storage_cleared || change.info.is_none() => U256::zero(),
                    _ => database.storage(address, key)?,
                };
            }
            if values[0] != values[1] {
                divergence.slots.push((address, key));
            }
        }
    }
    Ok(())
}
