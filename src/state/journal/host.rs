//! What instructions ask of the accounts: the journal's half of the [`Host`](crate::Host) trait.

use super::{Access, Fault, Journal, Slot, Undo};
use crate::{
    AccountIndex, Address, B256, CallTarget, Code, Destroyed, Fork, Loaded, Log, Refusal, Stored,
    U256, state::State,
};

impl Journal {
    /// See [`Host::balance`](crate::Host::balance).
    ///
    /// # Errors
    /// As [`Journal::access`].
    pub fn balance(
        &mut self,
        state: &State<'_>,
        address: Address,
        cold_allowed: bool,
    ) -> Result<Loaded<U256>, Refusal> {
        let (index, is_cold) = self.access(state, address, cold_allowed)?;
        Ok(Loaded {
            value: self.account(index).info.balance,
            is_cold,
        })
    }

    /// See [`Host::code_hash`](crate::Host::code_hash).
    ///
    /// # Errors
    /// As [`Journal::access`].
    pub fn code_hash(
        &mut self,
        state: &State<'_>,
        address: Address,
        cold_allowed: bool,
    ) -> Result<Loaded<B256>, Refusal> {
        let (index, is_cold) = self.access(state, address, cold_allowed)?;
        Ok(Loaded {
            value: self.account(index).visible_code_hash(),
            is_cold,
        })
    }

    /// See [`Host::code`](crate::Host::code).
    ///
    /// # Errors
    /// As [`Journal::access`] and [`Journal::code`].
    pub fn code_of(
        &mut self,
        state: &State<'_>,
        address: Address,
        cold_allowed: bool,
    ) -> Result<Loaded<Code>, Refusal> {
        let (index, is_cold) = self.access(state, address, cold_allowed)?;
        Ok(Loaded {
            value: self.code(state, index)?,
            is_cold,
        })
    }

    /// See [`Host::call_target`](crate::Host::call_target).
    ///
    /// # Errors
    /// As [`Journal::access`].
    #[inline]
    pub fn call_target(
        &mut self,
        state: &State<'_>,
        address: Address,
        cold_allowed: bool,
    ) -> Result<CallTarget, Refusal> {
        let (index, is_cold) = self.access(state, address, cold_allowed)?;
        let delegate = if self.fork >= Fork::Prague {
            self.delegate(state, index)?
        } else {
            None
        };
        let live = self.account(index);
        Ok(CallTarget {
            is_cold,
            account: AccountIndex(index),
            exists: live.exists,
            is_empty: live.info.is_empty(),
            delegate,
        })
    }

    /// Where the account at a place delegates to (EIP-7702). Code of which only the hash is known is
    /// taken for a contract's.
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the database fails.
    pub fn delegate(
        &mut self,
        state: &State<'_>,
        account: u32,
    ) -> Result<Option<Address>, Refusal> {
        let live = self.account(account);
        if !live.has_code() {
            return Ok(None);
        }
        if !live.code.is_empty() {
            return Ok(live.code.delegate());
        }
        match self.code(state, account) {
            Ok(code) => Ok(code.delegate()),
            Err(Refusal::Fault) if matches!(self.fault, Some(Fault::CodeMissing(_))) => {
                self.fault = None;
                Ok(None)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// See [`Host::sload`](crate::Host::sload).
    ///
    /// # Errors
    /// [`Refusal::OutOfGas`] if the slot would be cold and that is not allowed; [`Refusal::Fault`] if
    /// the database fails.
    #[inline]
    pub fn sload(
        &mut self,
        state: &State<'_>,
        account: u32,
        key: U256,
        cold_allowed: bool,
    ) -> Result<Loaded<U256>, Refusal> {
        let live = &self.accounts[account as usize];
        if let Some(slot) = live.storage.get(&key)
            && slot.warm_in == self.epoch
        {
            return Ok(Loaded {
                value: slot.present,
                is_cold: false,
            });
        }
        let (slot, is_cold) = self.slot(state, account, key, cold_allowed)?;
        Ok(Loaded {
            value: slot.present,
            is_cold,
        })
    }

    /// See [`Host::sstore`](crate::Host::sstore).
    ///
    /// # Errors
    /// As [`Journal::sload`], and [`Refusal::Fault`] if the account is not owned.
    pub fn sstore(
        &mut self,
        state: &State<'_>,
        account: u32,
        key: U256,
        value: U256,
        cold_allowed: bool,
    ) -> Result<Stored, Refusal> {
        self.writable(account)?;
        let (slot, is_cold) = self.slot(state, account, key, cold_allowed)?;
        let stored = Stored {
            original: slot.original,
            present: slot.present,
            is_cold,
        };
        if stored.present != value {
            slot.present = value;
            slot.is_written = true;
            self.undo.push(Undo::Slot {
                account,
                key,
                previous: stored.present,
            });
        }
        Ok(stored)
    }

    /// See [`Host::block_hash`](crate::Host::block_hash).
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the database fails.
    pub fn block_hash(&mut self, state: &State<'_>, number: u64) -> Result<B256, Refusal> {
        match state.block_hash(number) {
            Ok(hash) => Ok(hash),
            Err(error) => self.refuse(Fault::Database(error)),
        }
    }

    /// See [`Host::tload`](crate::Host::tload).
    pub fn tload(&self, address: Address, key: U256) -> U256 {
        self.transient
            .get(&(address, key))
            .copied()
            .unwrap_or_default()
    }

    /// See [`Host::tstore`](crate::Host::tstore).
    pub fn tstore(&mut self, address: Address, key: U256, value: U256) {
        let previous = self
            .transient
            .insert((address, key), value)
            .unwrap_or_default();
        if previous != value {
            self.undo.push(Undo::Transient {
                address,
                key,
                previous,
            });
        }
    }

    /// See [`Host::log`](crate::Host::log).
    pub fn log(&mut self, log: Log) {
        self.logs.push(log);
    }

    /// See [`Host::self_destruct`](crate::Host::self_destruct). The balance goes to a beneficiary
    /// that is owned at once, and to any other at the barrier.
    ///
    /// # Errors
    /// As [`Journal::access`], and [`Refusal::Fault`] if the account is not owned.
    pub fn self_destruct(
        &mut self,
        state: &State<'_>,
        account: u32,
        beneficiary: Address,
        cold_allowed: bool,
    ) -> Result<Destroyed, Refusal> {
        self.writable(account)?;
        let (heir, is_cold) = self.access(state, beneficiary, cold_allowed)?;
        let live = self.account(account);
        let balance = live.info.balance;
        let was_created_here = live.created_in == self.epoch;
        let heir_live = self.account(heir);
        let destroyed = Destroyed {
            is_cold,
            beneficiary_exists: heir_live.exists,
            beneficiary_is_empty: heir_live.info.is_empty(),
            had_balance: !balance.is_zero(),
            was_destroyed: live.destroyed_in == self.epoch,
        };
        let goes = self.fork < Fork::Cancun || was_created_here;
        self.touch(account);
        if heir != account {
            self.sub_balance(account, balance)?;
            if self.account(heir).access == Access::Owned {
                self.add_balance(heir, balance)?;
            } else {
                self.credit(beneficiary, balance);
            }
        } else if goes {
            // To oneself: the balance ceases to exist.
            self.undo.push(Undo::Burnt {
                previous: self.burnt,
            });
            self.burn(balance);
            self.set_balance(account, balance, U256::zero());
        }
        if goes && !destroyed.was_destroyed {
            self.undo.push(Undo::Destroyed { account });
            self.accounts[account as usize].destroyed_in = self.epoch;
        }
        Ok(destroyed)
    }

    /// The slot, accessed: loaded if need be, its original value that of this transaction.
    fn slot(
        &mut self,
        state: &State<'_>,
        account: u32,
        key: U256,
        cold_allowed: bool,
    ) -> Result<(&mut Slot, bool), Refusal> {
        let epoch = self.epoch;
        let live = &self.accounts[account as usize];
        let known = live.storage.get(&key).copied();
        if known.is_some_and(|slot| slot.warm_in == epoch) {
            let slot = self.accounts[account as usize]
                .storage
                .get_mut(&key)
                .expect("it was found above");
            return Ok((slot, false));
        }
        let is_cold = !self.access_list.contains_slot(live.address, key);
        if is_cold && !cold_allowed {
            return Err(Refusal::OutOfGas);
        }
        let (present, loaded, is_written) = match known {
            Some(slot) => (slot.present, slot.loaded, slot.is_written),
            None if live.storage_cleared => (U256::zero(), U256::zero(), false),
            None => match state.storage(live.address, key) {
                Ok(value) => (value, value, false),
                Err(error) => return self.refuse(Fault::Database(error)),
            },
        };
        self.undo.push(Undo::SlotWarmed(account, key));
        let slot = self.accounts[account as usize].storage.set(
            key,
            Slot {
                present,
                original: present,
                loaded,
                warm_in: epoch,
                is_written,
            },
        );
        Ok((slot, is_cold))
    }
}
