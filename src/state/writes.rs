//! What the owners of accounts have done to them, on its way from a journal to the state.
//!
//! Gathered by whoever ran the transactions, each account once; [`super::State::absorb`] takes it over.

use super::{
    AccountInfo, Storage,
    changes::{AccountChange, Changes},
    journal::{LiveAccount, Slot},
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
    /// Takes what has been done to an account, if anything has. One that does not exist has no storage: the
    /// journal sees to that when a transaction ends.
    #[inline]
    pub fn add(&mut self, account: &mut LiveAccount) {
        let Some(written) = account.take_written() else {
            return;
        };
        let address = written.address;
        self.codes.extend(written.code);
        if written.info.is_some_and(AccountInfo::is_empty) {
            self.empty.push(address);
        }
        let is_relative = !written.loaded.was_changed && !written.storage_cleared;
        // What it was loaded with is then what it was before the block.
        let is_kept = |slot: &Slot| !(is_relative && slot.present == slot.loaded);
        let storage = written_slots(written.storage, is_kept);
        if is_relative && written.info == written.loaded.info() && storage.is_empty() {
            return;
        }
        let change = || AccountChange {
            info: written.info.copied(),
            storage_cleared: written.storage_cleared,
            storage,
        };
        if !is_relative {
            self.unreduced.push(address);
        }
        if written.loaded.was_changed {
            self.updates.push((address, change()));
        } else {
            // A nonce never falls, and who is there was not before the block: neither can become as it was but
            // by being removed, which is noted.
            let nonce_before = written.loaded.info().map(|info| info.nonce);
            let differs = written.info.map(|info| info.nonce) > nonce_before;
            self.fresh.push(address, change, !is_relative || differs);
        }
    }

    /// All accounts, each once and in no order.
    pub fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        let updated = self.updates.iter().map(|(address, _)| *address);
        self.fresh.keys().copied().chain(updated)
    }

    /// Takes out the accounts that the state has no change of.
    pub(crate) fn take_fresh(&mut self) -> Changes {
        std::mem::take(&mut self.fresh)
    }

    /// Those that exist and are empty.
    pub fn empty(&self) -> &[Address] {
        &self.empty
    }
}

fn written_slots(slots: &Storage<Slot>, is_kept: impl Fn(&Slot) -> bool) -> Storage<U256> {
    // Most accounts have none, and to walk through no slots takes its time too.
    if slots.is_empty() {
        return Storage::EMPTY;
    }
    let written = slots
        .iter()
        .filter(|(_, slot)| slot.is_written && is_kept(slot));
    written.map(|(key, slot)| (*key, slot.present)).collect()
}
