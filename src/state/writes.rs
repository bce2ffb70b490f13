//! What the owners of accounts have done to them, on its way from a journal to the state.
//!
//! Gathered by whoever ran the transactions, each account once; [`super::State::absorb`] takes it over.

use super::{
    AccountInfo, Map,
    changes::{AccountChange, Changes},
    journal::LiveAccount,
};
use crate::{Address, Code, U256};

/// What has been done to accounts since a round's start.
#[derive(Debug, Default)]
pub struct Writes {
    /// Accounts that the state has no change of.
    pub(super) fresh: Changes,
    /// Accounts that it has one of: the slots are those that have been written to since.
    pub(super) updates: Vec<(Address, AccountChange)>,
    /// New codes.
    pub(super) codes: Vec<Code>,
    /// Accounts whose change may hold what is as it was before the block.
    pub(super) unreduced: Vec<Address>,
    /// Accounts that exist and are empty.
    empty: Vec<Address>,
}

impl Writes {
    /// Takes what has been done to an account, if anything has. One that does not exist has no storage,
    /// though code may have run as it: a record of init code that then destroyed itself.
    pub fn add(&mut self, account: &mut LiveAccount) {
        let Some(written) = account.take_written() else {
            return;
        };
        let address = written.address;
        self.codes.extend(written.code);
        if written.info.as_ref().is_some_and(AccountInfo::is_empty) {
            self.empty.push(address);
        }
        let exists = written.info.is_some();
        let storage_cleared = written.storage_cleared || !exists;
        if !written.was_changed && !storage_cleared {
            // What it was loaded with is what it was before the block.
            let storage: Map<U256, U256> = written
                .storage
                .filter(|(_, slot)| slot.present != slot.loaded)
                .map(|(key, slot)| (key, slot.present))
                .collect();
            if written.info != written.loaded || !storage.is_empty() {
                let change = AccountChange {
                    info: written.info,
                    storage_cleared,
                    storage,
                };
                self.fresh.push(address, change);
            }
            return;
        }
        let slots = written.storage.filter(|_| exists);
        let change = AccountChange {
            info: written.info,
            storage_cleared,
            storage: slots.map(|(key, slot)| (key, slot.present)).collect(),
        };
        self.unreduced.push(address);
        if written.was_changed {
            self.updates.push((address, change));
        } else {
            self.fresh.push(address, change);
        }
    }

    /// All accounts, each once and in no order.
    pub fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        let updated = self.updates.iter().map(|(address, _)| *address);
        self.fresh.keys().copied().chain(updated)
    }

    /// Those that exist and are empty.
    pub fn empty(&self) -> &[Address] {
        &self.empty
    }
}
