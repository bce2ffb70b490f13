//! revm, run one transaction at a time from the same state.

use deferevm::{Address, U256};
use revm::{
    Context, ExecuteEvm, InspectEvm, Inspector, MainBuilder, MainContext, MainnetEvm,
    bytecode::{Bytecode, opcode},
    context::{CfgEnv, TxEnv, result::ExecutionResult},
    database::InMemoryDB,
    handler::MainnetContext,
    interpreter::{Interpreter, interpreter::EthInterpreter, interpreter_types::Jumps},
    primitives::{TxKind, hardfork::SpecId},
    state::{AccountInfo, EvmState},
};

use super::workload::{Expected, Workload};

type PeerContext = MainnetContext<InMemoryDB>;

/// revm with its state in a [`InMemoryDB`], kept from run to run.
pub struct Machine {
    evm: MainnetEvm<PeerContext>,
}

/// What a transaction hashes with KECCAK256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hashing {
    /// Executed KECCAK256.
    pub calls: u64,
    /// Permutations that they take: one for every 136 bytes and one for the rest.
    pub permutations: u64,
}

/// The state before a workload, its code analysed.
pub fn database(workload: &Workload) -> InMemoryDB {
    let mut database = InMemoryDB::default();
    let caller = AccountInfo {
        balance: word(Workload::caller_balance()),
        ..AccountInfo::default()
    };
    database.insert_account_info(address(workload.caller), caller);
    for account in &workload.accounts {
        let code = Bytecode::new_legacy(account.code.clone().into());
        let info = AccountInfo {
            balance: word(account.balance),
            nonce: account.nonce,
            code_hash: code.hash_slow(),
            code: Some(code),
            ..AccountInfo::default()
        };
        let owner = address(account.address);
        database.insert_account_info(owner, info);
        for (key, value) in &account.storage {
            database
                .insert_account_storage(owner, word(*key), word(*value))
                .expect("the state is in memory");
        }
    }
    database
}

impl Machine {
    /// A workload's transaction over its state, under Osaka's rules without EIP-7825's gas cap.
    pub fn new(workload: &Workload) -> Self {
        Self {
            evm: context(workload).build_mainnet(),
        }
    }

    /// Runs the transaction once; only what revm caches of its database stays.
    pub fn run(&mut self) -> (ExecutionResult, EvmState) {
        let outcome = self.evm.replay().expect("the transaction is valid");
        (outcome.result, outcome.state)
    }

    /// Runs the transaction once for what it comes to.
    pub fn outcome(&mut self) -> (Expected, Vec<u8>) {
        let (result, _) = self.run();
        let status = match &result {
            ExecutionResult::Success { .. } => "ok",
            ExecutionResult::Revert { .. } => "revert",
            ExecutionResult::Halt { .. } => "halt",
        };
        let expected = Expected {
            gas_spent: result.gas().total_gas_spent(),
            status: status.to_owned(),
        };
        let output = result.output().map(|output| output.to_vec());
        (expected, output.unwrap_or_default())
    }
}

impl Hashing {
    /// What a workload hashes.
    pub fn of(workload: &Workload) -> Self {
        let context = context(workload);
        let transaction = context.tx.clone();
        let mut evm = context.build_mainnet_with_inspector(Self::default());
        evm.inspect_one_tx(transaction)
            .expect("the transaction is valid");
        evm.inspector
    }
}

impl<C> Inspector<C, EthInterpreter> for Hashing {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut C) {
        if interpreter.bytecode.opcode() != opcode::KECCAK256 {
            return;
        }
        if let Ok(size) = interpreter.stack.peek(1) {
            self.calls += 1;
            self.permutations += size.saturating_to::<u64>() / 136 + 1;
        }
    }
}

fn context(workload: &Workload) -> PeerContext {
    let mut rules = CfgEnv::new_with_spec(SpecId::OSAKA);
    rules.tx_gas_limit_cap = Some(u64::MAX);
    rules.disable_nonce_check = true;
    let transaction = TxEnv {
        caller: address(workload.caller),
        gas_limit: workload.gas_limit,
        kind: TxKind::Call(address(workload.to)),
        value: word(workload.value),
        data: workload.data.clone().into(),
        ..TxEnv::default()
    };
    Context::mainnet()
        .with_db(database(workload))
        .with_cfg(rules)
        .with_tx(transaction)
}

fn address(address: Address) -> revm::primitives::Address {
    revm::primitives::Address::new(address.0)
}

fn word(word: U256) -> revm::primitives::U256 {
    revm::primitives::U256::from_limbs(word.0)
}
