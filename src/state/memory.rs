//! The state in memory: what tests, fixtures and block bundles run on.

use std::{collections::BTreeMap, convert::Infallible};

use super::{AccountInfo, Database, EMPTY_CODE_HASH, Map, StateChanges};
use crate::{Address, B256, Code, U256};

/// An account with its storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryAccount {
    /// Balance, nonce, code hash.
    pub info: AccountInfo,
    /// Slots that are not zero.
    pub storage: Map<U256, U256>,
}

/// All accounts, codes and block hashes in hash maps.
#[derive(Clone, Debug, Default)]
pub struct InMemoryDatabase {
    accounts: Map<Address, MemoryAccount>,
    codes: Map<B256, Code>,
    block_hashes: BTreeMap<u64, B256>,
}

impl InMemoryDatabase {
    /// Adds or replaces an account without storage.
    pub fn insert_account(&mut self, address: Address, balance: U256, nonce: u64, code: &Code) {
        let code_hash = self.insert_code(code);
        self.accounts.insert(
            address,
            MemoryAccount {
                info: AccountInfo {
                    balance,
                    nonce,
                    code_hash,
                },
                storage: Map::default(),
            },
        );
    }

    /// Adds or replaces an account's balance, nonce and code hash; the code may be unknown.
    pub fn insert_info(&mut self, address: Address, info: AccountInfo) {
        self.accounts.entry(address).or_default().info = info;
    }

    /// Makes a code known by its hash, which it returns.
    pub fn insert_code(&mut self, code: &Code) -> B256 {
        if code.bytes().is_empty() {
            return EMPTY_CODE_HASH;
        }
        self.codes
            .entry(code.hash())
            .or_insert_with(|| code.clone());
        code.hash()
    }

    /// Sets a slot; zero removes it. The account is created if absent.
    pub fn insert_storage(&mut self, address: Address, key: U256, value: U256) {
        let storage = &mut self.accounts.entry(address).or_default().storage;
        if value.is_zero() {
            storage.remove(&key);
        } else {
            storage.insert(key, value);
        }
    }

    /// Sets an earlier block's hash.
    pub fn insert_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(number, hash);
    }

    /// An account with its storage.
    pub fn get(&self, address: Address) -> Option<&MemoryAccount> {
        self.accounts.get(&address)
    }

    /// A code by its hash.
    pub fn get_code(&self, hash: B256) -> Option<&Code> {
        self.codes.get(&hash)
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (Address, &MemoryAccount)> {
        self.accounts
            .iter()
            .map(|(address, account)| (*address, account))
    }

    /// Makes a block's changes permanent.
    pub fn apply(&mut self, changes: &StateChanges) {
        for code in changes.codes.values() {
            self.insert_code(code);
        }
        for (address, change) in changes.accounts.iter() {
            let Some(info) = change.info else {
                self.accounts.remove(address);
                continue;
            };
            let account = self.accounts.entry(*address).or_default();
            account.info = info;
            if change.storage_cleared {
                account.storage.clear();
            }
            for (key, value) in &change.storage {
                if value.is_zero() {
                    account.storage.remove(key);
                } else {
                    account.storage.insert(*key, *value);
                }
            }
        }
    }
}

impl Database for InMemoryDatabase {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.accounts.get(&address).map(|account| account.info))
    }

    fn storage(&self, address: Address, key: U256) -> Result<U256, Infallible> {
        Ok(self
            .accounts
            .get(&address)
            .and_then(|account| account.storage.get(&key).copied())
            .unwrap_or_default())
    }

    fn has_storage(&self, address: Address) -> Result<bool, Infallible> {
        Ok(self
            .accounts
            .get(&address)
            .is_some_and(|account| !account.storage.is_empty()))
    }

    fn code(&self, hash: B256) -> Result<Option<Code>, Infallible> {
        Ok(self.codes.get(&hash).cloned())
    }

    fn block_hash(&self, number: u64) -> Result<B256, Infallible> {
        Ok(self.block_hashes.get(&number).copied().unwrap_or_default())
    }
}
