//! deferevm, run one transaction at a time from the same state.

use deferevm::{
    B256, BlockEnvironment, Code, Fork, Tier, U256,
    call::Policy,
    precompiles::Precompiles,
    state::{InMemoryDatabase, LiveAccount, State},
    transaction::{
        Executed, Executor, Original, Recovered, Scene, Status, Transaction, TransactionRules,
    },
};

use super::workload::{Expected, Workload};

/// The rules that the workloads are run by: Osaka's without the gas cap of EIP-7825.
pub const FORK: Fork = Fork::Osaka;

/// A transaction and what the workloads' block says.
pub struct Prepared {
    block: BlockEnvironment,
    rules: TransactionRules,
    original: Original,
}

/// An executor that runs the same transaction again and again.
pub struct Machine<'a> {
    scene: Scene<'a>,
    original: &'a Original,
    executor: Executor,
}

/// The state before a workload, its code ready to run.
pub fn database(workload: &Workload) -> InMemoryDatabase {
    let mut database = InMemoryDatabase::default();
    let balance = Workload::caller_balance();
    database.insert_account(workload.caller, balance, 0, &Code::default());
    for account in &workload.accounts {
        let code = Code::new(account.code.clone());
        database.insert_account(account.address, account.balance, account.nonce, &code);
        for (key, value) in &account.storage {
            database.insert_storage(account.address, *key, *value);
        }
    }
    database
}

impl Prepared {
    /// A workload's transaction in the block that revm takes by default: number 0, timestamp 1.
    pub fn new(workload: &Workload) -> Self {
        let block = BlockEnvironment {
            chain_id: 1,
            timestamp: 1,
            gas_limit: u64::MAX,
            blob_base_fee: U256::one(),
            ..BlockEnvironment::default()
        };
        let transaction = Transaction {
            gas_limit: workload.gas_limit,
            to: Some(workload.to),
            value: workload.value,
            input: workload.data.clone(),
            ..Transaction::default()
        };
        let recovered = Recovered {
            transaction,
            sender: workload.caller,
            hash: B256::zero(),
        };
        Self {
            original: Original::new(recovered, &block),
            block,
            rules: TransactionRules {
                gas_limit_max: u64::MAX,
                ..TransactionRules::of(FORK)
            },
        }
    }

    /// A machine for the transaction over a state.
    pub fn machine<'a>(&'a self, state: &'a State<'a>) -> Machine<'a> {
        let scene = Scene {
            fork: FORK,
            policy: &Policy::Synchronous,
            block: &self.block,
            precompiles: Precompiles::of(FORK),
            rules: &self.rules,
            state,
        };
        Machine {
            scene,
            original: &self.original,
            executor: Executor::new(FORK, scene.policy, scene.precompiles),
        }
    }
}

impl Machine<'_> {
    /// The same with one engine for all code.
    pub fn on(mut self, tier: Tier) -> Self {
        self.executor.set_tier(tier);
        self
    }

    /// Runs the transaction once; the executor is then as it was before.
    pub fn run(&mut self) -> (Executed, Vec<LiveAccount>) {
        let executed = self
            .executor
            .original(&self.scene, self.original, 1)
            .expect("the state is in memory");
        let accounts = self.executor.journal.take_accounts();
        // One allocation, as a block makes it.
        self.executor.journal.reserve(accounts.len());
        (executed, accounts)
    }

    /// Runs the transaction once for what it comes to.
    pub fn outcome(&mut self) -> (Expected, Vec<u8>) {
        let (executed, _) = self.run();
        let status = match executed.status {
            Status::Succeeded => "ok".to_owned(),
            Status::Reverted => "revert".to_owned(),
            Status::Halted(_) => "halt".to_owned(),
            other => format!("{other:?}"),
        };
        let expected = Expected {
            gas_spent: executed.gas_used,
            status,
        };
        (expected, executed.output.to_vec())
    }
}
