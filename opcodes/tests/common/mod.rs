//! A host of maps that records what instructions ask of it, and short ways to run code on it.

#![allow(dead_code, reason = "each test file uses a part")]

pub mod program;
pub mod tiers;

use std::collections::{BTreeMap, BTreeSet};

use deferevm_opcodes::{
    AccountIndex, Action, Address, B256, BlockEnvironment, CallTarget, Code, Destroyed,
    Environment, Exit, Fork, Frame, FrameContext, Halt, Host, Loaded, Log, Refusal, Stored,
    TransactionEnvironment, U256, bytecode::Bytecode, run,
};

/// The account that code runs in.
pub const SELF: Address = Address::repeat_byte(0xaa);
/// Who calls it.
pub const CALLER: Address = Address::repeat_byte(0xca);
/// Another account.
pub const OTHER: Address = Address::repeat_byte(0x0b);
/// Plenty of gas.
pub const GAS: u64 = 1_000_000;

/// An account of the test's world.
#[derive(Clone, Default)]
pub struct Account {
    pub balance: U256,
    pub code: Code,
    pub has_nonce: bool,
}

/// A world in which [`SELF`] runs. Nothing is undone.
#[derive(Default)]
pub struct World {
    pub accounts: BTreeMap<Address, Account>,
    pub original: BTreeMap<U256, U256>,
    pub storage: BTreeMap<U256, U256>,
    pub transient: BTreeMap<U256, U256>,
    pub logs: Vec<Log>,
    pub warm_accounts: BTreeSet<Address>,
    pub warm_slots: BTreeSet<U256>,
    pub destroyed: Vec<Address>,
    pub block: BlockEnvironment,
    pub transaction: TransactionEnvironment,
    /// What the host was asked, in order.
    pub asked: Vec<&'static str>,
    /// Answers every question of accounts and slots with a fault.
    pub is_broken: bool,
}

impl World {
    /// With an account of this balance at [`OTHER`].
    pub fn with_other(balance: u64) -> Self {
        let mut world = Self::default();
        world.accounts.insert(
            OTHER,
            Account {
                balance: balance.into(),
                ..Account::default()
            },
        );
        world
    }

    fn touch(
        &mut self,
        what: &'static str,
        address: Address,
        allowed: bool,
    ) -> Result<bool, Refusal> {
        self.asked.push(what);
        if self.is_broken {
            return Err(Refusal::Fault);
        }
        let is_cold = !self.warm_accounts.contains(&address);
        if is_cold && !allowed {
            return Err(Refusal::OutOfGas);
        }
        self.warm_accounts.insert(address);
        Ok(is_cold)
    }

    fn touch_slot(
        &mut self,
        what: &'static str,
        key: U256,
        allowed: bool,
    ) -> Result<bool, Refusal> {
        self.asked.push(what);
        if self.is_broken {
            return Err(Refusal::Fault);
        }
        let is_cold = !self.warm_slots.contains(&key);
        if is_cold && !allowed {
            return Err(Refusal::OutOfGas);
        }
        self.warm_slots.insert(key);
        Ok(is_cold)
    }

    fn account(&self, address: Address) -> Account {
        self.accounts.get(&address).cloned().unwrap_or_default()
    }

    fn is_empty(&self, address: Address) -> bool {
        let account = self.account(address);
        account.balance.is_zero() && account.code.bytes().is_empty() && !account.has_nonce
    }
}

impl Host for World {
    fn environment(&self) -> Environment<'_> {
        Environment {
            block: &self.block,
            transaction: &self.transaction,
        }
    }

    fn balance(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<U256>, Refusal> {
        let is_cold = self.touch("balance", address, cold_allowed)?;
        let value = self.account(address).balance;
        Ok(Loaded { value, is_cold })
    }

    fn own_balance(&mut self, _account: AccountIndex) -> Result<U256, Refusal> {
        self.asked.push("own_balance");
        Ok(self.account(SELF).balance)
    }

    fn code(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<Code>, Refusal> {
        let is_cold = self.touch("code", address, cold_allowed)?;
        let value = self.account(address).code;
        Ok(Loaded { value, is_cold })
    }

    fn code_hash(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<B256>, Refusal> {
        let is_cold = self.touch("code_hash", address, cold_allowed)?;
        let value = match self.is_empty(address) {
            true => B256::zero(),
            false => deferevm_opcodes::keccak256(self.account(address).code.bytes()),
        };
        Ok(Loaded { value, is_cold })
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Refusal> {
        self.asked.push("block_hash");
        Ok(B256::from_low_u64_be(number))
    }

    fn sload(
        &mut self,
        _: AccountIndex,
        key: U256,
        cold_allowed: bool,
    ) -> Result<Loaded<U256>, Refusal> {
        let is_cold = self.touch_slot("sload", key, cold_allowed)?;
        let value = self.storage.get(&key).copied().unwrap_or_default();
        Ok(Loaded { value, is_cold })
    }

    fn sstore(
        &mut self,
        _: AccountIndex,
        key: U256,
        value: U256,
        cold_allowed: bool,
    ) -> Result<Stored, Refusal> {
        let is_cold = self.touch_slot("sstore", key, cold_allowed)?;
        let present = self.storage.insert(key, value).unwrap_or_default();
        let original = self.original.get(&key).copied().unwrap_or_default();
        Ok(Stored {
            original,
            present,
            is_cold,
        })
    }

    fn tload(&mut self, _: Address, key: U256) -> U256 {
        self.transient.get(&key).copied().unwrap_or_default()
    }

    fn tstore(&mut self, _: Address, key: U256, value: U256) {
        self.transient.insert(key, value);
    }

    fn log(&mut self, log: Log) {
        self.logs.push(log);
    }

    fn call_target(&mut self, address: Address, cold_allowed: bool) -> Result<CallTarget, Refusal> {
        let is_cold = self.touch("call_target", address, cold_allowed)?;
        Ok(CallTarget {
            is_cold,
            account: AccountIndex(OTHER_PLACE),
            exists: self.accounts.contains_key(&address),
            is_empty: self.is_empty(address),
            delegate: self.account(address).code.delegate(),
        })
    }

    fn access_account(&mut self, address: Address, cold_allowed: bool) -> Result<bool, Refusal> {
        self.touch("access_account", address, cold_allowed)
    }

    fn self_destruct(
        &mut self,
        _: AccountIndex,
        beneficiary: Address,
        cold_allowed: bool,
    ) -> Result<Destroyed, Refusal> {
        let is_cold = self.touch("self_destruct", beneficiary, cold_allowed)?;
        let was_destroyed = self.destroyed.contains(&SELF);
        self.destroyed.push(SELF);
        Ok(Destroyed {
            is_cold,
            beneficiary_exists: self.accounts.contains_key(&beneficiary),
            beneficiary_is_empty: self.is_empty(beneficiary),
            had_balance: !self.account(SELF).balance.is_zero(),
            was_destroyed,
        })
    }
}

/// The place that the world gives for every target of a call.
pub const OTHER_PLACE: u32 = 1;

/// The context that [`SELF`] runs in.
pub fn context(fork: Fork) -> FrameContext {
    FrameContext {
        fork,
        address: SELF,
        account: AccountIndex(0),
        caller: CALLER,
        value: U256::from(7),
        is_static: false,
        depth: 0,
    }
}

/// Code that has run.
pub struct Ran {
    pub frame: Box<Frame>,
    pub action: Action,
    /// Gas taken.
    pub spent: u64,
}

impl Ran {
    /// How it ended.
    pub fn exit(&self) -> Exit {
        match self.action {
            Action::Exit(exit) => exit,
            ref action => panic!("the frame left with {action:?}"),
        }
    }

    /// Why it halted.
    pub fn halt(&self) -> Halt {
        match self.exit() {
            Exit::Halt(halt) => halt,
            exit => panic!("the frame ended with {exit:?}"),
        }
    }

    /// The top of the stack at the end; the frame must have succeeded.
    pub fn top(&self) -> U256 {
        assert!(self.exit().is_success(), "{:?}", self.exit());
        *self.frame.stack().last().expect("a word on the stack")
    }
}

/// Runs code in a context with so much gas.
pub fn run_in(world: &mut World, context: FrameContext, code: &Bytecode, gas: u64) -> Ran {
    let mut frame = Frame::new(context, code.code(), gas);
    let action = run(&mut frame, world);
    let spent = gas - frame.gas.remaining;
    Ran {
        frame,
        action,
        spent,
    }
}

/// Runs code under a fork with plenty of gas.
pub fn run_on(world: &mut World, fork: Fork, code: &Bytecode) -> Ran {
    run_in(world, context(fork), code, GAS)
}

/// Runs code under the latest fork in an empty world.
pub fn run_code(code: &Bytecode) -> Ran {
    run_on(&mut World::default(), Fork::LATEST, code)
}

/// What an instruction leaves on top of the stack, its operands given top first.
pub fn result_of(opcode: u8, operands: &[U256]) -> U256 {
    run_code(&Bytecode::new().call(opcode, operands.iter().copied())).top()
}
