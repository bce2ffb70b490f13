//! The undo log: how a frame that reverts leaves no trace.

use super::{Journal, account::LiveAccount};
use crate::{Address, Code, U256, state::AccountInfo};

/// A place in the journal to return to. Values of one transaction only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub(super) undo: usize,
    pub(super) logs: usize,
    pub(super) credits: usize,
    pub(super) deferred_calls: usize,
}

/// One change, with what it takes to undo it. The account is named by its place in the journal.
#[derive(Debug)]
pub(super) enum Undo {
    AccountWarmed(u32),
    SlotWarmed(u32, U256),
    Touched {
        account: u32,
        existed: bool,
    },
    Balance {
        account: u32,
        previous: U256,
    },
    Nonce {
        account: u32,
        previous: u64,
    },
    Code(u32, Box<(AccountInfo, Code)>),
    Slot {
        account: u32,
        key: U256,
        previous: U256,
    },
    Transient {
        address: Address,
        key: U256,
        previous: U256,
    },
    Created {
        account: u32,
        previous: u32,
        was_cleared: bool,
    },
    Destroyed {
        account: u32,
    },
    Burnt {
        previous: U256,
    },
}

impl Journal {
    /// The place to return to if what follows fails.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            undo: self.undo.len(),
            logs: self.logs.len(),
            credits: self.credits.len(),
            deferred_calls: self.deferred_calls.len(),
        }
    }

    /// Undoes everything since the checkpoint: changes, warmth, logs, credits and records.
    pub fn revert_to(&mut self, checkpoint: Checkpoint) {
        let keep_touched = self.kept_touch(checkpoint);
        while self.undo.len() > checkpoint.undo {
            let undo = self
                .undo
                .pop()
                .expect("the log is longer than the checkpoint");
            self.apply_undo(undo);
        }
        self.logs.truncate(checkpoint.logs);
        self.credits.truncate(checkpoint.credits);
        if self.deferred_calls.len() > checkpoint.deferred_calls {
            self.deferred_calls.truncate(checkpoint.deferred_calls);
            self.inputs.truncate(self.deferred_calls.last());
        }
        if let Some(account) = keep_touched {
            self.touch(account);
        }
    }

    /// Mainnet cleared the empty account of the RIPEMD-160 precompile in a transaction whose call to
    /// it had run out of gas (block 2,675,119), and every client follows: its touch is not undone.
    fn kept_touch(&self, checkpoint: Checkpoint) -> Option<u32> {
        if !self.owns_everything || !self.clears_empty() {
            return None;
        }
        let ripemd = self
            .index
            .get(Address::from_low_u64_be(3), &self.accounts)?;
        let was_touched = self.undo[checkpoint.undo..]
            .iter()
            .any(|undo| matches!(undo, Undo::Touched { account, .. } if *account == ripemd));
        was_touched.then_some(ripemd)
    }

    fn apply_undo(&mut self, undo: Undo) {
        match undo {
            Undo::AccountWarmed(account) => self.at_mut(account).warm_in = 0,
            Undo::SlotWarmed(account, key) => {
                if let Some(slot) = self.at_mut(account).storage.get_mut(&key) {
                    slot.warm_in = 0;
                }
            }
            Undo::Touched { account, existed } => {
                let account = self.at_mut(account);
                account.touched_in = 0;
                account.exists = existed;
            }
            Undo::Balance { account, previous } => self.at_mut(account).info.balance = previous,
            Undo::Nonce { account, previous } => self.at_mut(account).info.nonce = previous,
            Undo::Code(account, previous) => {
                let account = self.at_mut(account);
                account.info.code_hash = previous.0.code_hash;
                account.code = previous.1;
            }
            Undo::Slot {
                account,
                key,
                previous,
            } => {
                if let Some(slot) = self.at_mut(account).storage.get_mut(&key) {
                    slot.present = previous;
                }
            }
            Undo::Transient {
                address,
                key,
                previous,
            } => {
                self.transient.insert((address, key), previous);
            }
            Undo::Created {
                account,
                previous,
                was_cleared,
            } => {
                let account = self.at_mut(account);
                account.created_in = previous;
                account.storage_cleared = was_cleared;
            }
            Undo::Destroyed { account } => self.at_mut(account).destroyed_in = 0,
            Undo::Burnt { previous } => self.burnt = previous,
        }
    }

    fn at_mut(&mut self, account: u32) -> &mut LiveAccount {
        &mut self.accounts[account as usize]
    }
}
