//! How parallel a round was, with gas as the measure of work.

use crate::{Address, round::worker::Work, state::Map, transaction::Executed};

/// What a round's transactions consumed, and how that lies.
pub(super) struct Profile {
    /// By all of them.
    pub gas_used: u64,
    /// On the longest chain of transactions that had to wait for each other.
    pub critical_gas: u64,
    /// The account whose owners consumed most.
    pub hottest: Option<(Address, u64)>,
}

/// What a round has come to at one account.
#[derive(Default)]
struct Account {
    /// Gas on the longest chain up to its last owner.
    done_at: u64,
    /// Gas of all its owners.
    gas: u64,
}

/// Follows who had to wait for whom: for owned accounts, and in round 0 for the coinbase.
pub(super) fn profile(work: &Work, coinbase: Address, executed: &[Executed]) -> Profile {
    let mut accounts: Map<Address, Account> =
        Map::with_capacity_and_hasher(2 * executed.len(), Default::default());
    let (mut gas_used, mut critical_gas) = (0u64, 0u64);
    for (position, executed) in (0u32..).zip(executed) {
        let owned = work.owned(position);
        let waits_for_all = matches!(work, Work::Originals(_)) && owned.contains(&coinbase);
        let ready = if waits_for_all {
            critical_gas
        } else {
            owned
                .iter()
                .map(|address| accounts.entry(*address).or_default().done_at)
                .max()
                .unwrap_or(0)
        };
        let done = ready + executed.gas_used;
        for address in owned {
            let account = accounts.entry(*address).or_default();
            account.done_at = done;
            account.gas += executed.gas_used;
        }
        gas_used += executed.gas_used;
        critical_gas = critical_gas.max(done);
    }
    // The lower address wins a tie, so that no hash map's order shows.
    let hottest = accounts
        .into_iter()
        .map(|(address, account)| (address, account.gas))
        .max_by_key(|(address, gas)| (*gas, std::cmp::Reverse(*address)));
    Profile {
        gas_used,
        critical_gas,
        hottest,
    }
}
