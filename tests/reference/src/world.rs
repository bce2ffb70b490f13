//! The state as of a round's start: plain accounts in a sorted map, over the state before the block.

use std::{collections::BTreeMap, convert::Infallible};

use deferevm::{
    Address, B256, Code, U256,
    state::{
        AccountChange, AccountInfo, Changes, Database, EMPTY_CODE_HASH, ErasedDatabase,
        StateChanges, Storage,
    },
};
use primitive_types::U512;

/// An account, or the lack of one. Copied whole.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub exists: bool,
    pub balance: U256,
    pub nonce: u64,
    /// `None` without code.
    pub code_hash: Option<B256>,
    /// Known where it was set since the block's start.
    pub code: Option<Code>,
    /// Slots written since the block's start.
    pub storage: BTreeMap<U256, U256>,
    /// Whether slots that are not in `storage` are zero, not what they were before the block.
    pub is_cleared: bool,
}

impl Account {
    pub fn is_empty(&self) -> bool {
        self.balance.is_zero() && self.nonce == 0 && self.code_hash.is_none()
    }

    /// Absent, with nothing left of its storage.
    pub fn gone() -> Self {
        Self {
            is_cleared: true,
            ..Self::default()
        }
    }

    pub fn credit(&mut self, amount: U256) {
        self.exists = true;
        self.balance = self
            .balance
            .checked_add(amount)
            .expect("all wei together fits 256 bits");
    }

    pub fn debit(&mut self, amount: U256) {
        self.balance = self
            .balance
            .checked_sub(amount)
            .expect("the balance was checked");
    }

    fn info(&self) -> Option<AccountInfo> {
        self.exists.then(|| AccountInfo {
            balance: self.balance,
            nonce: self.nonce,
            code_hash: self.code_hash.unwrap_or(EMPTY_CODE_HASH),
        })
    }
}

/// All accounts that differ from the state before the block, and that state.
pub struct World<'d> {
    database: &'d dyn ErasedDatabase,
    accounts: BTreeMap<Address, Account>,
    codes: BTreeMap<B256, Code>,
}

impl<'d> World<'d> {
    pub fn new(database: &'d dyn ErasedDatabase) -> Self {
        Self {
            database,
            accounts: BTreeMap::new(),
            codes: BTreeMap::new(),
        }
    }

    pub fn get(&self, address: Address) -> Account {
        if let Some(account) = self.accounts.get(&address) {
            return account.clone();
        }
        match self.before(address) {
            None => Account::default(),
            Some(info) => Account {
                exists: true,
                balance: info.balance,
                nonce: info.nonce,
                code_hash: info.has_code().then_some(info.code_hash),
                ..Account::default()
            },
        }
    }

    pub fn set(&mut self, address: Address, account: Account) {
        if let Some(code) = &account.code {
            self.codes.insert(code.hash(), code.clone());
        }
        self.accounts.insert(address, account);
    }

    /// A slot of an account that is here or was taken from here.
    pub fn slot_of(&self, address: Address, account: &Account, key: U256) -> U256 {
        match account.storage.get(&key) {
            Some(value) => *value,
            None if account.is_cleared => U256::zero(),
            None => expect(self.database.storage(address, key)),
        }
    }

    /// Whether any slot is not zero.
    pub fn has_storage(&self, address: Address, account: &Account) -> bool {
        account.storage.values().any(|value| !value.is_zero())
            || !account.is_cleared && expect(self.database.has_storage(address))
    }

    /// The code of an account that is here or was taken from here; `None` where only its hash is known.
    pub fn code_of(&self, account: &Account) -> Option<Code> {
        let Some(hash) = account.code_hash else {
            return Some(Code::default());
        };
        account
            .code
            .clone()
            .or_else(|| self.codes.get(&hash).cloned())
            .or_else(|| expect(self.database.code(hash)))
    }

    pub fn block_hash(&self, number: u64) -> B256 {
        expect(self.database.block_hash(number))
    }

    /// The balances of all accounts that were ever written: now, and before the block.
    pub fn balances(&self) -> (U512, U512) {
        let sum = |balances: &mut dyn Iterator<Item = U256>| {
            balances.fold(U512::zero(), |sum, balance| sum + U512::from(balance))
        };
        let before = |address: &Address| self.before(*address).unwrap_or_default().balance;
        (
            sum(&mut self.accounts.values().map(|account| account.balance)),
            sum(&mut self.accounts.keys().map(before)),
        )
    }

    /// Takes over what an edge of the block has changed.
    pub fn apply(&mut self, changes: StateChanges) {
        self.codes.extend(changes.codes);
        for (&address, change) in changes.accounts.iter() {
            let info = change.info.unwrap_or_default();
            let mut account = self.get(address);
            if change.storage_cleared {
                account = Account::gone();
            }
            account.exists = change.info.is_some();
            account.balance = info.balance;
            account.nonce = info.nonce;
            account.code_hash = info.has_code().then_some(info.code_hash);
            account.code = None;
            account.storage.extend(&change.storage);
            self.accounts.insert(address, account);
        }
    }

    /// What differs from the state before the block.
    pub fn changes(self) -> StateChanges {
        let mut accounts = Changes::default();
        for (address, account) in &self.accounts {
            let storage_cleared = account.is_cleared && expect(self.database.has_storage(*address));
            let was = |key: &U256| match storage_cleared {
                true => U256::zero(),
                false => expect(self.database.storage(*address, *key)),
            };
            let storage: Storage<U256> = account
                .storage
                .iter()
                .filter(|(key, value)| was(key) != **value)
                .map(|(key, value)| (*key, *value))
                .collect();
            let info = account.info();
            if info != self.before(*address) || storage_cleared || !storage.is_empty() {
                let change = AccountChange {
                    info,
                    storage_cleared,
                    storage,
                };
                accounts.insert(*address, change);
            }
        }
        StateChanges {
            accounts,
            codes: self.codes,
        }
    }

    fn before(&self, address: Address) -> Option<AccountInfo> {
        expect(self.database.account(address))
    }
}

/// So that the edges of a block can run on it.
impl Database for World<'_> {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.get(address).info())
    }

    fn storage(&self, address: Address, key: U256) -> Result<U256, Infallible> {
        Ok(self.slot_of(address, &self.get(address), key))
    }

    fn has_storage(&self, address: Address) -> Result<bool, Infallible> {
        Ok(World::has_storage(self, address, &self.get(address)))
    }

    fn code(&self, hash: B256) -> Result<Option<Code>, Infallible> {
        Ok(match self.codes.get(&hash) {
            Some(code) => Some(code.clone()),
            None => expect(self.database.code(hash)),
        })
    }

    fn block_hash(&self, number: u64) -> Result<B256, Infallible> {
        Ok(World::block_hash(self, number))
    }
}

fn expect<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result
        .unwrap_or_else(|error| panic!("the reference is run on states that can be read: {error}"))
}
