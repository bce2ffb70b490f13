//! What a running transaction sees and has done: the host of its frames. What a revert undoes is one
//! value, which is copied whole where a frame begins.

use std::collections::{BTreeMap, BTreeSet};

use deferevm::{
    AccountIndex, Address, B256, BlockEnvironment, CallTarget, Code, Destroyed, Environment, Fork,
    Host, Loaded, Log, Refusal, Stored, TransactionEnvironment, U256, call::DeferredRules,
    precompiles::Precompiles,
};

use crate::world::{Account, World};

/// What all transactions of a block have in common.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub fork: Fork,
    pub rules: &'a DeferredRules,
    pub block: &'a BlockEnvironment,
    pub precompiles: &'a Precompiles,
}

/// A deferred call (semantics, section 3).
#[derive(Clone, Debug)]
pub struct DeferredCall {
    pub index: u64,
    pub kind: u8,
    pub is_static: bool,
    pub sender: Address,
    pub target: Address,
    pub code_address: Address,
    pub value: U256,
    pub gas_cap: u64,
    /// Locked at the emission, or shared out at the transaction's end.
    pub gas: u64,
    pub stipend: u64,
    pub depth: u16,
    pub is_from_init_code: bool,
    pub input: Vec<u8>,
}

impl DeferredCall {
    pub fn is_creation(&self) -> bool {
        matches!(self.kind, 0xf0 | 0xf5)
    }

    /// The value that was taken from the emitter: that of CALL and of creations.
    pub fn escrow(&self) -> U256 {
        match self.kind {
            0xf0 | 0xf1 | 0xf5 => self.value,
            _ => U256::zero(),
        }
    }
}

/// Everything that a revert undoes.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    pub owned: BTreeMap<Address, Account>,
    pub warm: BTreeSet<Address>,
    pub warm_slots: BTreeSet<(Address, U256)>,
    pub transient: BTreeMap<(Address, U256), U256>,
    pub touched: BTreeSet<Address>,
    pub created: BTreeSet<Address>,
    pub destroyed: BTreeSet<Address>,
    pub burnt: U256,
    pub logs: Vec<Log>,
    pub credits: Vec<(Address, U256)>,
    pub calls: Vec<DeferredCall>,
}

/// A running transaction.
pub struct Running<'a> {
    pub scene: Scene<'a>,
    pub world: &'a World<'a>,
    pub environment: &'a TransactionEnvironment,
    pub effects: Effects,
    /// The owned accounts as they were at the transaction's start.
    pub start: BTreeMap<Address, Account>,
    /// Emissions so far; a revert does not give an index back.
    pub emissions: u64,
    /// Bytes of input that may still be queued.
    pub queue_left: u64,
    /// The account whose init code this transaction is.
    pub creating: Option<Address>,
    /// The accounts of its frames, by their index.
    places: Vec<Address>,
}

impl<'a> Running<'a> {
    pub fn new(
        scene: Scene<'a>,
        world: &'a World<'a>,
        environment: &'a TransactionEnvironment,
        owned: BTreeMap<Address, Account>,
    ) -> Self {
        Self {
            scene,
            world,
            environment,
            start: owned.clone(),
            effects: Effects {
                owned,
                ..Effects::default()
            },
            emissions: 0,
            queue_left: 0,
            creating: None,
            places: Vec::new(),
        }
    }

    /// An account: live where it is owned, else as of the round's start.
    pub fn view(&self, address: Address) -> Account {
        match self.effects.owned.get(&address) {
            Some(account) => account.clone(),
            None => self.world.get(address),
        }
    }

    /// An account to be written to, which only its owner may; it exists from now on.
    pub fn owned(&mut self, address: Address) -> &mut Account {
        let account = self.writable(address);
        account.exists = true;
        account
    }

    /// The same for a slot, which makes no account: code may run as one that does not exist (section 4).
    fn writable(&mut self, address: Address) -> &mut Account {
        self.effects.touched.insert(address);
        self.effects
            .owned
            .get_mut(&address)
            .unwrap_or_else(|| panic!("a write to {address:?}, which is not owned"))
    }

    /// The code of an account; `None` where its bytes are not known.
    pub fn code_of(&self, address: Address) -> Option<Code> {
        self.world.code_of(&self.view(address))
    }

    /// Where an account's code delegates to (EIP-7702).
    pub fn delegate_of(&self, address: Address) -> Option<Address> {
        if self.scene.fork < Fork::Prague {
            return None;
        }
        self.code_of(address)?.delegate()
    }

    pub fn is_precompile(&self, address: Address) -> bool {
        self.scene.precompiles.get(address).is_some()
    }

    pub fn place(&mut self, address: Address) -> AccountIndex {
        self.places.push(address);
        AccountIndex(u32::try_from(self.places.len() - 1).expect("few frames"))
    }

    fn access(&mut self, address: Address, cold_allowed: bool) -> Result<bool, Refusal> {
        let is_cold = !self.effects.warm.contains(&address) && !self.is_precompile(address);
        if is_cold && !cold_allowed {
            return Err(Refusal::OutOfGas);
        }
        self.effects.warm.insert(address);
        Ok(is_cold)
    }

    fn access_slot(
        &mut self,
        address: Address,
        key: U256,
        cold_allowed: bool,
    ) -> Result<bool, Refusal> {
        let is_cold = !self.effects.warm_slots.contains(&(address, key));
        if is_cold && !cold_allowed {
            return Err(Refusal::OutOfGas);
        }
        self.effects.warm_slots.insert((address, key));
        Ok(is_cold)
    }

    fn slot(&self, address: Address, key: U256) -> U256 {
        self.world.slot_of(address, &self.view(address), key)
    }
}

impl Host for Running<'_> {
    fn environment(&self) -> Environment<'_> {
        Environment {
            block: self.scene.block,
            transaction: self.environment,
        }
    }

    fn balance(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<U256>, Refusal> {
        Ok(Loaded {
            is_cold: self.access(address, cold_allowed)?,
            value: self.view(address).balance,
        })
    }

    fn own_balance(&mut self, account: AccountIndex) -> Result<U256, Refusal> {
        Ok(self.view(self.places[account.0 as usize]).balance)
    }

    fn code(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<Code>, Refusal> {
        Ok(Loaded {
            is_cold: self.access(address, cold_allowed)?,
            value: self.code_of(address).ok_or(Refusal::Fault)?,
        })
    }

    fn code_hash(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<B256>, Refusal> {
        let is_cold = self.access(address, cold_allowed)?;
        let account = self.view(address);
        let value = match account.code_hash {
            Some(hash) => hash,
            None if account.is_empty() => B256::zero(),
            None => deferevm::keccak256([]),
        };
        Ok(Loaded { value, is_cold })
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Refusal> {
        Ok(self.world.block_hash(number))
    }

    fn sload(
        &mut self,
        account: AccountIndex,
        key: U256,
        cold_allowed: bool,
    ) -> Result<Loaded<U256>, Refusal> {
        let address = self.places[account.0 as usize];
        Ok(Loaded {
            is_cold: self.access_slot(address, key, cold_allowed)?,
            value: self.slot(address, key),
        })
    }

    fn sstore(
        &mut self,
        account: AccountIndex,
        key: U256,
        value: U256,
        cold_allowed: bool,
    ) -> Result<Stored, Refusal> {
        let address = self.places[account.0 as usize];
        let is_cold = self.access_slot(address, key, cold_allowed)?;
        let present = self.slot(address, key);
        // What is created here had no storage when it began, or the address would have been taken.
        let original = self.world.slot_of(address, &self.start[&address], key);
        self.writable(address).storage.insert(key, value);
        Ok(Stored {
            original,
            present,
            is_cold,
        })
    }

    fn tload(&mut self, address: Address, key: U256) -> U256 {
        let value = self.effects.transient.get(&(address, key));
        value.copied().unwrap_or_default()
    }

    fn tstore(&mut self, address: Address, key: U256, value: U256) {
        self.effects.transient.insert((address, key), value);
    }

    fn log(&mut self, log: Log) {
        self.effects.logs.push(log);
    }

    fn call_target(&mut self, address: Address, cold_allowed: bool) -> Result<CallTarget, Refusal> {
        let is_cold = self.access(address, cold_allowed)?;
        let place = self.place(address);
        let account = self.view(address);
        Ok(CallTarget {
            is_cold,
            account: place,
            exists: account.exists,
            is_empty: account.is_empty(),
            delegate: self.delegate_of(address),
        })
    }

    fn access_account(&mut self, address: Address, cold_allowed: bool) -> Result<bool, Refusal> {
        self.access(address, cold_allowed)
    }

    fn self_destruct(
        &mut self,
        account: AccountIndex,
        beneficiary: Address,
        cold_allowed: bool,
    ) -> Result<Destroyed, Refusal> {
        let address = self.places[account.0 as usize];
        let is_cold = self.access(beneficiary, cold_allowed)?;
        let heir = self.view(beneficiary);
        let balance = self.owned(address).balance;
        let found = Destroyed {
            is_cold,
            beneficiary_exists: heir.exists,
            beneficiary_is_empty: heir.is_empty(),
            had_balance: !balance.is_zero(),
            was_destroyed: self.effects.destroyed.contains(&address),
        };
        // EIP-6780: from Cancun only what was created in the same transaction goes.
        let goes = self.scene.fork < Fork::Cancun || self.effects.created.contains(&address);
        if beneficiary != address {
            self.owned(address).debit(balance);
            if self.effects.owned.contains_key(&beneficiary) {
                self.owned(beneficiary).credit(balance);
            } else {
                self.effects.credits.push((beneficiary, balance));
            }
        } else if goes {
            self.owned(address).debit(balance);
            self.effects.burnt += balance;
        }
        if goes {
            self.effects.destroyed.insert(address);
        }
        Ok(found)
    }
}
