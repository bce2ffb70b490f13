//! What the scenarios are written with: a block and its accounts, named gas, and the comparison of
//! what has come of it.

use bytes::Bytes;
use deferevm::{
    Address, B256, BlockEnvironment, Evm, Fork, U256,
    block::{Block, BlockOutcome},
    bytecode::{Bytecode, Word},
    call::{DeferredRules, Policy},
    opcode::{CALL, CALLCODE, DELEGATECALL, SSTORE, STATICCALL},
    partition_by_name,
    round::Limits,
    state::InMemoryDatabase,
    transaction::{Authorization, Kind, Receipt, Recovered, Status, Transaction, TransactionType},
};
use deferevm_reference::{Reference, assert_same};

pub const ALICE: Address = Address::repeat_byte(0xa1);
pub const BOB: Address = Address::repeat_byte(0xb0);
pub const CAROL: Address = Address::repeat_byte(0xca);
pub const COINBASE: Address = Address::repeat_byte(0xcb);

pub const A: Address = Address::repeat_byte(0x0a);
pub const B: Address = Address::repeat_byte(0x0b);
pub const C: Address = Address::repeat_byte(0x0c);
pub const D: Address = Address::repeat_byte(0x0d);

/// What ALICE, BOB and CAROL own at first.
pub const FUNDS: u64 = 1_000_000_000_000_000_000;

// Gas, from Berlin on.
/// Every transaction of the block.
pub const ROOT: u64 = 21_000;
/// PUSH1 to PUSH32.
pub const PUSH: u64 = 3;
/// GAS, POP, CALLVALUE, CALLER and the like.
pub const BASE: u64 = 2;
/// The first access of an account.
pub const COLD: u64 = 2_600;
/// Each later one.
pub const WARM: u64 = 100;
/// A call with a value.
pub const VALUE: u64 = 9_000;
/// The first SSTORE that makes a zero slot something else.
pub const SET: u64 = 2_100 + 20_000;
/// What a call with a value gives on top.
pub const STIPEND: u64 = 2_300;
/// A CALL's seven operands.
pub const OPERANDS: u64 = 7 * PUSH;

/// One block and the state before it. Gas costs 1 wei, all of which goes to the coinbase, unless a
/// scenario says otherwise.
#[derive(Clone)]
pub struct Scenario {
    pub fork: Fork,
    pub rules: DeferredRules,
    pub limits: Limits,
    pub state: InMemoryDatabase,
    pub block: Block,
}

/// What has come of a scenario.
pub struct Ran {
    pub outcome: BlockOutcome,
    pub after: InMemoryDatabase,
}

/// A receipt in short: round, kind, target, how it ended, its own gas.
pub type Row = (u32, &'static str, Address, &'static str, u64);

impl Scenario {
    /// An empty block after Shanghai under a policy.
    pub fn new(policy: Policy) -> Self {
        let scenario = Self {
            fork: Fork::Shanghai,
            rules: *policy.deferred().expect("scenarios are about deferral"),
            limits: Limits::default(),
            state: InMemoryDatabase::default(),
            block: Block {
                environment: BlockEnvironment {
                    chain_id: 1,
                    number: 100,
                    coinbase: COINBASE,
                    gas_limit: 30_000_000,
                    ..BlockEnvironment::default()
                },
                ..Block::default()
            },
        };
        scenario
            .account(ALICE, FUNDS)
            .account(BOB, FUNDS)
            .account(CAROL, FUNDS)
    }

    pub fn fork(mut self, fork: Fork) -> Self {
        self.fork = fork;
        self
    }

    pub fn rules(mut self, change: impl FnOnce(&mut DeferredRules)) -> Self {
        change(&mut self.rules);
        self
    }

    pub fn limits(mut self, rounds_max: u32, records_max: u64) -> Self {
        self.limits = Limits {
            rounds_max,
            records_max,
            ..self.limits
        };
        self
    }

    pub fn input_max(mut self, bytes: u64) -> Self {
        self.limits.input_max = bytes;
        self
    }

    /// An account without code.
    pub fn account(mut self, address: Address, balance: u64) -> Self {
        self.state
            .insert_account(address, balance.into(), 0, &Bytecode::new().code());
        self
    }

    /// A contract with nonce 1.
    pub fn contract(mut self, address: Address, balance: u64, code: Bytecode) -> Self {
        self.state
            .insert_account(address, balance.into(), 1, &code.code());
        self
    }

    pub fn slot(mut self, address: Address, key: u64, value: u64) -> Self {
        self.state.insert_storage(address, key.into(), value.into());
        self
    }

    /// Adds an original transaction.
    pub fn root(mut self, root: Root) -> Self {
        let position = self.block.transactions.len();
        let mut recovered = root.0;
        if recovered.hash.is_zero() {
            recovered.hash = B256::repeat_byte(u8::try_from(position + 1).unwrap());
        }
        self.block.transactions.push(recovered);
        self
    }

    /// Runs it on the engine, alone and in company, and on the reference, which must all agree.
    pub fn run(&self) -> Ran {
        let reference = Reference {
            limits: self.limits,
            runs_edges: false,
            ..Reference::new(self.fork, self.rules)
        };
        let expected = reference.execute(&self.state, &self.block).unwrap();
        for workers in [1, 2] {
            for partition in ["owned", "sender-target", "one"] {
                let found = Evm::new(self.fork)
                    .policy(Policy::Deferred(self.rules))
                    .limits(self.limits)
                    .audit(true)
                    .edges(false)
                    .workers(workers)
                    .share_all(true)
                    .shared_partition(partition_by_name(partition).unwrap())
                    .execute_block(&self.state, &self.block)
                    .unwrap();
                assert_same(
                    &found,
                    &expected,
                    &format!("{workers} workers, {partition}"),
                );
            }
        }
        let mut after = self.state.clone();
        after.apply(&expected.changes);
        Ran {
            outcome: expected,
            after,
        }
    }
}

impl Ran {
    /// Compares all receipts.
    pub fn expect(&self, rows: &[Row]) -> &Self {
        let found: Vec<_> = self.outcome.receipts.iter().map(in_short).collect();
        let expected: Vec<_> = rows
            .iter()
            .map(|(round, kind, target, status, gas)| {
                let (kind, status) = ((*kind).to_owned(), (*status).to_owned());
                (*round, kind, *target, status, *gas)
            })
            .collect();
        assert_eq!(found, expected);
        self
    }

    pub fn expect_rounds(&self, rounds: usize) -> &Self {
        assert_eq!(self.outcome.rounds.len(), rounds, "rounds");
        self
    }

    /// Compares what each root's tree has been charged.
    pub fn expect_tree_gas(&self, gas: &[u64]) -> &Self {
        let found: Vec<_> = self
            .outcome
            .roots()
            .iter()
            .map(|root| root.tree_gas_used.unwrap())
            .collect();
        assert_eq!(found, gas, "gas of the trees");
        self
    }

    pub fn expect_balance(&self, address: Address, wei: u64) -> &Self {
        let found = self.after.get(address).map(|account| account.info.balance);
        assert_eq!(found, Some(wei.into()), "balance of {address:?}");
        self
    }

    pub fn expect_absent(&self, address: Address) -> &Self {
        assert_eq!(self.after.get(address), None, "{address:?}");
        self
    }

    pub fn expect_slot(
        &self,
        address: Address,
        key: impl Into<Word>,
        value: impl Into<Word>,
    ) -> &Self {
        let key = key.into();
        let found = self.slot(address, key);
        assert_eq!(found, value.into().0, "slot {} of {address:?}", key.0);
        self
    }

    pub fn slot(&self, address: Address, key: impl Into<Word>) -> U256 {
        self.after
            .get(address)
            .and_then(|account| account.storage.get(&key.into().0).copied())
            .unwrap_or_default()
    }

    pub fn nonce(&self, address: Address) -> u64 {
        self.after
            .get(address)
            .map_or(0, |account| account.info.nonce)
    }

    pub fn receipt(&self, place: usize) -> &Receipt {
        &self.outcome.receipts[place]
    }
}

fn in_short(receipt: &Receipt) -> (u32, String, Address, String, u64) {
    let kind = match receipt.kind {
        Kind::Original(_) => "root".to_owned(),
        kind @ Kind::Virtual { .. } => kind.to_string(),
    };
    (
        receipt.round,
        kind,
        receipt.target,
        match &receipt.status {
            Status::Succeeded => "success".to_owned(),
            Status::Skipped(_) => "skipped".to_owned(),
            status => status.reason().expect("what fails has a reason"),
        },
        receipt.gas_used,
    )
}

/// An original transaction: nonce 0, 100,000 gas at 1 wei, no value, no input.
#[derive(Clone)]
pub struct Root(pub Recovered);

/// A transaction to an account.
pub fn root(sender: Address, to: Address) -> Root {
    Root(Recovered {
        transaction: Transaction {
            chain_id: Some(1),
            gas_limit: 100_000,
            max_fee_per_gas: 1.into(),
            max_priority_fee_per_gas: 1.into(),
            to: Some(to),
            ..Transaction::default()
        },
        sender,
        hash: B256::zero(),
    })
}

impl Root {
    pub fn gas(mut self, gas_limit: u64) -> Self {
        self.0.transaction.gas_limit = gas_limit;
        self
    }

    pub fn nonce(mut self, nonce: u64) -> Self {
        self.0.transaction.nonce = nonce;
        self
    }

    pub fn value(mut self, value: u64) -> Self {
        self.0.transaction.value = value.into();
        self
    }

    pub fn price(mut self, price: u64) -> Self {
        self.0.transaction.max_fee_per_gas = price.into();
        self.0.transaction.max_priority_fee_per_gas = price.into();
        self
    }

    pub fn input(mut self, input: impl AsRef<[u8]>) -> Self {
        self.0.transaction.input = Bytes::copy_from_slice(input.as_ref());
        self
    }

    /// The hash, which decides over the order of what it emits: that of so many bytes.
    pub fn hash(mut self, byte: u8) -> Self {
        self.0.hash = B256::repeat_byte(byte);
        self
    }

    pub fn authorize(mut self, tuple: Authorization) -> Self {
        self.0.transaction.kind = TransactionType::SetCode;
        self.0.transaction.authorizations.push(tuple);
        self
    }
}

/// Whatever gas there is.
pub const ALL_GAS: U256 = U256::MAX;

/// Calls in code, their operands given in the order of interest.
pub trait Calls: Sized {
    /// CALL with gas and a value; no input, no output. 7 pushes.
    fn call_with(self, to: Address, value: u64, gas: impl Into<U256>) -> Self;
    /// The same with so many bytes of memory from 0 on as input.
    fn call_with_input(self, to: Address, value: u64, gas: impl Into<U256>, bytes: u64) -> Self;
    /// CALLCODE with gas and a value. 7 pushes.
    fn callcode_with(self, code: Address, value: u64, gas: impl Into<U256>) -> Self;
    /// DELEGATECALL with all gas. 6 pushes.
    fn delegatecall_to(self, code: Address) -> Self;
    /// STATICCALL with all gas, its input as long as given, one word of output at 0. 6 pushes.
    fn staticcall_to(self, to: Address, input_bytes: u64) -> Self;
    /// SSTORE of the word on top of the stack. One push.
    fn store_at(self, key: u64) -> Self;
}

impl Calls for Bytecode {
    fn call_with(self, to: Address, value: u64, gas: impl Into<U256>) -> Self {
        self.call_with_input(to, value, gas, 0)
    }

    fn call_with_input(self, to: Address, value: u64, gas: impl Into<U256>, bytes: u64) -> Self {
        self.push(0)
            .push(0)
            .push(bytes)
            .push(0)
            .push(value)
            .push(to)
            .push(Word(gas.into()))
            .op(CALL)
    }

    fn callcode_with(self, code: Address, value: u64, gas: impl Into<U256>) -> Self {
        self.push(0)
            .push(0)
            .push(0)
            .push(0)
            .push(value)
            .push(code)
            .push(Word(gas.into()))
            .op(CALLCODE)
    }

    fn delegatecall_to(self, code: Address) -> Self {
        self.push(0)
            .push(0)
            .push(0)
            .push(0)
            .push(code)
            .push(ALL_GAS)
            .op(DELEGATECALL)
    }

    fn staticcall_to(self, to: Address, input_bytes: u64) -> Self {
        self.push(32)
            .push(0)
            .push(input_bytes)
            .push(0)
            .push(to)
            .push(ALL_GAS)
            .op(STATICCALL)
    }

    fn store_at(self, key: u64) -> Self {
        self.push(key).op(SSTORE)
    }
}

/// No code yet.
pub fn code() -> Bytecode {
    Bytecode::new()
}
