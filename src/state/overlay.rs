//! The state as of a round's start: the database below it, and what the rounds before have changed.
//!
//! Nobody writes to it while a round runs; the barrier does, with [`State::absorb`] and
//! [`State::credit`].

use deferevm_opcodes::machine::word;
use smallvec::SmallVec;

use super::{
    AccountInfo, DatabaseFault, EMPTY_CODE_HASH, ErasedDatabase, Map, Storage,
    account::sort_key,
    changes::{AccountChange, Changes, Shards, StateChanges},
    journal::Credit,
    writes::Writes,
};
use crate::{Address, B256, Code, U256};

/// The state as of a round's start.
pub struct State<'d> {
    database: &'d dyn ErasedDatabase,
    changes: Changes,
    /// Accounts whose change may hold what is as it was before the block.
    unreduced: Vec<Address>,
    codes: Map<B256, Code>,
}

/// An account as of a round's start. Its fields stand apart, not in an `Option`: what is chosen by whether there is one
/// is moved twice.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    /// Its balance, nonce and code hash; those of an empty account if it does not exist.
    pub info: AccountInfo,
    /// Whether it exists.
    pub exists: bool,
    /// Whether the block has changed it before.
    pub was_changed: bool,
}

impl Loaded {
    /// An account that does not exist, and did not before.
    pub const NONE: Self = Self {
        info: AccountInfo::EMPTY,
        exists: false,
        was_changed: false,
    };

    fn new(info: Option<AccountInfo>, was_changed: bool) -> Self {
        Self {
            info: info.unwrap_or_default(),
            exists: info.is_some(),
            was_changed,
        }
    }

    /// Its balance, nonce and code hash, if it exists.
    pub fn info(&self) -> Option<&AccountInfo> {
        self.exists.then_some(&self.info)
    }
}

impl<'d> State<'d> {
    /// The state before the block's first transaction.
    pub fn new(database: &'d dyn ErasedDatabase) -> Self {
        Self {
            database,
            changes: Changes::default(),
            unreduced: Vec::new(),
            codes: Map::default(),
        }
    }

    /// An account's balance, nonce and code hash.
    ///
    /// # Errors
    /// The database's.
    pub fn account(&self, address: Address) -> Result<Option<AccountInfo>, DatabaseFault> {
        Ok(self.load(address)?.info().copied())
    }

    /// An account for whoever is going to write to it.
    ///
    /// # Errors
    /// The database's.
    pub fn load(&self, address: Address) -> Result<Loaded, DatabaseFault> {
        match self.changes.get(&address) {
            Some(change) => Ok(Loaded::new(change.info, true)),
            None => Ok(Loaded::new(self.database.account(address)?, false)),
        }
    }

    /// A slot's value.
    ///
    /// # Errors
    /// The database's.
    pub fn storage(&self, address: Address, key: U256) -> Result<U256, DatabaseFault> {
        if let Some(change) = self.changes.get(&address) {
            if let Some(value) = change.storage.get(&key) {
                return Ok(*value);
            }
            if change.storage_cleared {
                return Ok(U256::zero());
            }
        }
        self.database.storage(address, key)
    }

    /// Whether any slot is not zero.
    ///
    /// # Errors
    /// The database's.
    pub fn has_storage(&self, address: Address) -> Result<bool, DatabaseFault> {
        if let Some(change) = self.changes.get(&address) {
            if change.storage.values().any(|value| !value.is_zero()) {
                return Ok(true);
            }
            if change.storage_cleared {
                return Ok(false);
            }
        }
        self.database.has_storage(address)
    }

    /// The code with a hash, or `None` where its bytes are not known.
    ///
    /// # Errors
    /// The database's.
    pub fn code(&self, hash: B256) -> Result<Option<Code>, DatabaseFault> {
        if hash == EMPTY_CODE_HASH {
            return Ok(Some(Code::default()));
        }
        match self.codes.get(&hash) {
            Some(code) => Ok(Some(code.clone())),
            None => self.database.code(hash),
        }
    }

    /// An earlier block's hash.
    ///
    /// # Errors
    /// The database's.
    pub fn block_hash(&self, number: u64) -> Result<B256, DatabaseFault> {
        self.database.block_hash(number)
    }

    /// Tells the database which accounts a round will own.
    ///
    /// # Errors
    /// A panic of the database.
    pub fn prefetch(&self, addresses: &[Address]) -> Result<(), DatabaseFault> {
        self.database.prefetch(addresses)
    }

    /// Takes over what the owners of accounts have done to them since the round's start.
    pub fn absorb(&mut self, writes: Writes) {
        let Writes {
            fresh,
            updates,
            codes,
            mut unreduced,
            ..
        } = writes;
        self.changes.append(fresh);
        for (address, update) in updates {
            let Some(change) = self.changes.get_mut(&address) else {
                self.changes.push(address, || update, true);
                continue;
            };
            change.info = update.info;
            if update.storage_cleared {
                change.storage_cleared = true;
                change.storage = update.storage;
            } else {
                change.storage.extend(update.storage);
            }
        }
        for code in codes {
            self.codes.entry(code.hash()).or_insert(code);
        }
        self.unreduced.append(&mut unreduced);
    }

    /// Adds to a balance, creating the account if it is absent.
    ///
    /// # Errors
    /// The database's, or the balance that the addition would overflow.
    pub fn credit(&mut self, address: Address, amount: U256) -> Result<(), CreditFault> {
        let mut parts = self.parts(1, &mut []);
        let mut whole = parts.iter_mut();
        let result = whole.try_for_each(|part| part.credit(address, amount));
        let noted = parts.into_iter().flat_map(StatePart::into_noted).collect();
        self.note(noted);
        result
    }

    /// Falls into so many parts, at most, that several threads can change at the same time, each with its part
    /// of what the state has no changes of yet.
    pub(crate) fn parts<'s>(
        &'s mut self,
        count: usize,
        fresh: &'s mut [Changes],
    ) -> SmallVec<[StatePart<'s>; 1]> {
        let database = self.database;
        let parts = self.changes.parts(count);
        let mut parts: SmallVec<[StatePart<'s>; 1]> = parts
            .map(|shards| StatePart {
                database,
                shards,
                fresh: Vec::new(),
                noted: Vec::new(),
            })
            .collect();
        for fresh in fresh {
            for (part, fresh) in parts.iter_mut().zip(fresh.parts(count)) {
                part.fresh.push(fresh);
            }
        }
        parts
    }

    /// Notes accounts that may be as they were before the block: what a part has noted.
    pub(crate) fn note(&mut self, mut accounts: Vec<Address>) {
        self.unreduced.append(&mut accounts);
    }

    /// Removes an account with its storage if it is empty (EIP-161).
    ///
    /// # Errors
    /// The database's.
    pub fn clear_if_empty(&mut self, address: Address) -> Result<(), DatabaseFault> {
        if self.account(address)?.is_some_and(|info| info.is_empty()) {
            let gone = AccountChange {
                info: None,
                storage_cleared: true,
                storage: Storage::EMPTY,
            };
            self.changes.insert(address, gone);
            self.unreduced.push(address);
        }
        Ok(())
    }

    /// Everything that has been written so far.
    pub fn changes(&self) -> StateChanges {
        StateChanges {
            accounts: self.changes.clone(),
            codes: self
                .codes
                .iter()
                .map(|(hash, code)| (*hash, code.clone()))
                .collect(),
        }
    }

    /// Everything that has been written, some of it perhaps as it was before.
    pub fn into_changes(self) -> StateChanges {
        StateChanges {
            accounts: self.changes,
            codes: self.codes.into_iter().collect(),
        }
    }

    /// What differs from the state before the block.
    ///
    /// # Errors
    /// The database's.
    pub fn into_net_changes(mut self) -> Result<StateChanges, DatabaseFault> {
        self.unreduced.sort_unstable_by_key(sort_key);
        self.unreduced.dedup();
        for address in &self.unreduced {
            if let Some(change) = self.changes.get_mut(address)
                && !reduce(self.database, *address, change)?
            {
                self.changes.remove(address);
            }
        }
        Ok(self.into_changes())
    }
}

/// Some of a state's accounts, which ones their hashes say.
pub(crate) struct StatePart<'s> {
    database: &'s dyn ErasedDatabase,
    shards: Shards<'s>,
    /// Accounts of which the state has no change.
    fresh: Vec<Shards<'s>>,
    /// Accounts that may be as they were before the block.
    noted: Vec<Address>,
}

impl StatePart<'_> {
    /// Takes over its accounts of which the state has no change, and adds the credits to its accounts.
    ///
    /// # Errors
    /// The account with the lowest address that could not be credited, and why.
    pub fn settle(&mut self, credits: &[Vec<Credit>]) -> Result<(), (Address, CreditFault)> {
        for fresh in std::mem::take(&mut self.fresh) {
            self.shards.append(fresh);
        }
        let mut lowest: Result<(), (Address, CreditFault)> = Ok(());
        for Credit { address, amount } in credits.iter().flatten() {
            if let Err(fault) = self.credit(*address, *amount)
                && lowest
                    .as_ref()
                    .err()
                    .is_none_or(|(known, _)| address < known)
            {
                lowest = Err((*address, fault));
            }
        }
        lowest
    }

    /// Adds to a balance, creating the account if it is absent; if it is in another part, does nothing.
    fn credit(&mut self, address: Address, amount: U256) -> Result<(), CreditFault> {
        let Some(hash) = self.shards.hash(address) else {
            return Ok(());
        };
        let entry = match self.shards.get_mut(hash, &address) {
            Some(entry) => entry,
            None => {
                let info = self.database.account(address);
                let change = AccountChange {
                    info: info.map_err(CreditFault::Database)?,
                    ..AccountChange::default()
                };
                self.shards.push(hash, address, change, !amount.is_zero())
            }
        };
        if !entry.is_noted {
            entry.is_noted = true;
            self.noted.push(address);
        }
        let info = entry.change.info.get_or_insert_default();
        let Some(balance) = word::checked_add(info.balance, amount) else {
            return Err(CreditFault::Overflow { address, amount });
        };
        info.balance = balance;
        Ok(())
    }

    /// Accounts that may be as they were before the block, for [`State::note`].
    pub fn into_noted(self) -> Vec<Address> {
        self.noted
    }
}

/// Reduces a change to what differs from the state before the block: whether anything does.
fn reduce(
    database: &dyn ErasedDatabase,
    address: Address,
    change: &mut AccountChange,
) -> Result<bool, DatabaseFault> {
    // Storage that was cleared, and was empty before, is not cleared.
    if change.storage_cleared && !database.has_storage(address)? {
        change.storage_cleared = false;
    }
    let mut fault = None;
    let is_cleared = change.storage_cleared;
    change.storage.retain(|key, value| {
        if is_cleared {
            return !value.is_zero();
        }
        match database.storage(address, *key) {
            Ok(was) => *value != was,
            Err(error) => {
                fault = Some(error);
                false
            }
        }
    });
    if let Some(error) = fault {
        return Err(error);
    }
    Ok(change.storage_cleared
        || !change.storage.is_empty()
        || change.info != database.account(address)?)
}

/// Why a credit could not be applied.
#[derive(Debug)]
pub enum CreditFault {
    /// The balance could not be read.
    Database(DatabaseFault),
    /// The balance would exceed 2²⁵⁶−1 wei.
    Overflow {
        /// Whose balance.
        address: Address,
        /// The credit, in wei.
        amount: U256,
    },
}
