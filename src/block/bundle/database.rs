//! A bundle's state as a database that knows where its knowledge ends.
//!
//! A bundle holds what its recorded execution touched. Another policy may look elsewhere: such a read
//! is answered as absent, and counted (semantics, section 8).

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use super::BlockBundle;
use crate::{
    Address, B256, Code, U256,
    block::Block,
    state::{AccountInfo, Database, EMPTY_CODE_HASH, Map},
};

/// What was asked for and is not in the bundle, each thing once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingState {
    /// Accounts that are not listed.
    pub accounts: BTreeSet<Address>,
    /// Slots that are not listed of accounts that are.
    pub slots: BTreeSet<(Address, U256)>,
    /// Codes of which only the hash is listed.
    pub codes: BTreeSet<B256>,
    /// Earlier blocks' hashes that are not listed.
    pub block_hashes: BTreeSet<u64>,
}

impl MissingState {
    /// Reads of accounts, slots and block hashes outside the bundle.
    pub fn reads(&self) -> usize {
        self.accounts.len() + self.slots.len() + self.block_hashes.len()
    }
}

/// The state of a [`BlockBundle`].
#[derive(Debug, Default)]
pub struct BundleDatabase {
    accounts: Map<Address, (AccountInfo, Map<U256, U256>)>,
    codes: Map<B256, Code>,
    block_hashes: BTreeMap<u64, B256>,
    missing: Mutex<MissingState>,
}

impl BlockBundle {
    /// The state before the block.
    pub fn database(&self) -> BundleDatabase {
        let mut database = BundleDatabase::default();
        for (address, account) in &self.prestate {
            let mut code_hash = account.code_hash.unwrap_or(EMPTY_CODE_HASH);
            if let Some(bytes) = &account.code {
                let code = Code::new(bytes.clone());
                if !bytes.is_empty() {
                    code_hash = code.hash();
                    database.codes.insert(code_hash, code);
                }
            }
            let info = AccountInfo {
                balance: account.balance,
                nonce: account.nonce,
                code_hash,
            };
            database
                .accounts
                .insert(*address, (info, account.storage.iter().copied().collect()));
        }
        database.block_hashes = self.block_hashes.iter().copied().collect();
        database
    }

    /// The block as execution takes it. A bundle lists ommers by hash only, so that they are not
    /// rewarded.
    pub fn block(&self) -> Block {
        Block {
            environment: self.environment.clone(),
            parent_hash: self.header.parent_hash.unwrap_or_default(),
            parent_beacon_block_root: self.header.parent_beacon_block_root,
            transactions: self.transactions.clone(),
            withdrawals: self.withdrawals.clone().unwrap_or_default(),
            ommers: Vec::new(),
            blob_schedule: self.blob_schedule,
            is_dao_fork: false,
        }
    }
}

impl BundleDatabase {
    /// Takes the list of what was asked for in vain, and begins a new one.
    pub fn take_missing(&self) -> MissingState {
        std::mem::take(&mut self.lock())
    }

    /// What is listed of an account.
    pub fn get(&self, address: Address) -> Option<(&AccountInfo, &Map<U256, U256>)> {
        self.accounts
            .get(&address)
            .map(|(info, storage)| (info, storage))
    }

    /// All listed accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (Address, &AccountInfo, &Map<U256, U256>)> {
        self.accounts
            .iter()
            .map(|(address, (info, storage))| (*address, info, storage))
    }

    /// A code by its hash.
    pub fn get_code(&self, hash: B256) -> Option<&Code> {
        self.codes.get(&hash)
    }

    fn note(&self, note: impl FnOnce(&mut MissingState)) {
        note(&mut self.lock());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, MissingState> {
        // A panic while it is held leaves a list that is still a list.
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database for BundleDatabase {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let found = self.accounts.get(&address);
        if found.is_none() {
            self.note(|missing| {
                missing.accounts.insert(address);
            });
        }
        // What is listed with nothing in it does not exist: tracers list what was looked at.
        Ok(found.map(|(info, _)| *info).filter(|info| !info.is_empty()))
    }

    fn storage(&self, address: Address, key: U256) -> Result<U256, Infallible> {
        let Some((_, storage)) = self.accounts.get(&address) else {
            return Ok(U256::zero());
        };
        let found = storage.get(&key);
        if found.is_none() {
            self.note(|missing| {
                missing.slots.insert((address, key));
            });
        }
        Ok(found.copied().unwrap_or_default())
    }

    fn has_storage(&self, address: Address) -> Result<bool, Infallible> {
        Ok(self
            .accounts
            .get(&address)
            .is_some_and(|(_, storage)| storage.values().any(|value| !value.is_zero())))
    }

    fn code(&self, hash: B256) -> Result<Option<Code>, Infallible> {
        let found = self.codes.get(&hash);
        if found.is_none() {
            self.note(|missing| {
                missing.codes.insert(hash);
            });
        }
        Ok(found.cloned())
    }

    fn block_hash(&self, number: u64) -> Result<B256, Infallible> {
        let found = self.block_hashes.get(&number);
        if found.is_none() {
            self.note(|missing| {
                missing.block_hashes.insert(number);
            });
        }
        Ok(found.copied().unwrap_or_default())
    }
}
