//! How parallel a round was, with gas as the measure of work.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Address, round::Roster, state::account::first_bytes};

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
#[derive(Clone, Copy, Default)]
pub(super) struct Account {
    /// Gas on the longest chain up to its last owner.
    done_at: u64,
    /// Gas of all its owners.
    gas: u64,
}

/// Follows who had to wait for whom: for owned accounts, and for all earlier ones where the coinbase,
/// given by its number, is owned. `used` is the gas of each transaction; `accounts` is there to be used
/// again.
pub(super) fn profile(
    roster: &Roster,
    coinbase: Option<u32>,
    used: &[AtomicU64],
    accounts: &mut Vec<Account>,
) -> Profile {
    accounts.clear();
    accounts.resize(roster.accounts(), Account::default());
    let (mut gas_used, mut critical_gas) = (0u64, 0u64);
    for (position, used) in (0u32..).zip(used) {
        let used = used.load(Ordering::Relaxed);
        let owned = roster.owned(position);
        let ready = if coinbase.is_some_and(|coinbase| owned.contains(&coinbase)) {
            critical_gas
        } else {
            let done_at = owned
                .iter()
                .map(|number| accounts[*number as usize].done_at);
            done_at.max().unwrap_or(0)
        };
        let done = ready + used;
        for number in owned {
            let account = &mut accounts[*number as usize];
            account.done_at = done;
            account.gas += used;
        }
        gas_used += used;
        critical_gas = critical_gas.max(done);
    }
    let most = accounts.iter().map(|account| account.gas).max();
    // The lower address wins a tie, so that no order of numbers shows.
    let hottest = most.filter(|most| *most > 0).and_then(|most| {
        let addresses = accounts.iter().zip(roster.addresses());
        let hottest = addresses.filter(|(account, _)| account.gas == most);
        let by_address = hottest.map(|(_, address)| (first_bytes(address), address));
        let (_, address) = by_address.min()?;
        Some((*address, most))
    });
    Profile {
        gas_used,
        critical_gas,
        hottest,
    }
}
