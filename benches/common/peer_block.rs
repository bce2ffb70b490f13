//! revm, running whole blocks from the same state: its transactions, and no system call, withdrawal
//! or reward.

use deferevm::{
    Address, BlockEnvironment, Fork, U256,
    block::Block,
    state::InMemoryDatabase,
    transaction::{Authorization, Original},
};
use revm::{
    Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm,
    bytecode::Bytecode,
    context::{BlockEnv, CfgEnv, TxEnv, either::Either, result::ExecutionResult},
    context_interface::{
        block::BlobExcessGasAndPrice,
        transaction::{
            AccessList, AccessListItem, Authorization as PeerAuthorization, RecoveredAuthority,
            RecoveredAuthorization,
        },
    },
    database::{AccountState, InMemoryDB},
    handler::MainnetContext,
    primitives::{B256 as PeerHash, TxKind, hardfork::SpecId},
    state::{AccountInfo, EvmState},
};

/// revm with a block's rules, transactions and state.
pub struct PeerBlock {
    evm: MainnetEvm<MainnetContext<InMemoryDB>>,
    transactions: Vec<TxEnv>,
}

impl PeerBlock {
    /// Everything that can be known before the first transaction runs.
    pub fn new(
        fork: Fork,
        block: &Block,
        originals: &[Original],
        database: &InMemoryDatabase,
        block_hashes: &[(u64, deferevm::B256)],
    ) -> Self {
        let mut context = context(fork, block, database);
        for (number, hash) in block_hashes {
            context
                .journaled_state
                .database
                .cache
                .block_hashes
                .insert(revm::primitives::U256::from(*number), PeerHash::new(hash.0));
        }
        let transactions = originals.iter().map(transaction).collect();
        Self {
            evm: context.build_mainnet(),
            transactions,
        }
    }

    /// The transactions as `run` consumes them.
    pub fn transactions(&self) -> Vec<TxEnv> {
        self.transactions.clone()
    }

    /// Runs the transactions in one journal, revm's fastest way: their results, and the accounts as
    /// they leave them. What was cached of the database stays, nothing else does.
    pub fn run(&mut self, transactions: Vec<TxEnv>) -> (Vec<ExecutionResult>, EvmState) {
        let outcome = self
            .evm
            .transact_many_finalize(transactions.into_iter())
            .expect("the block is valid");
        (outcome.result, outcome.state)
    }

    /// Runs the transactions one by one and commits each: the state afterwards.
    pub fn commit(mut self) -> (Vec<ExecutionResult>, InMemoryDB) {
        let transactions = std::mem::take(&mut self.transactions);
        let results = transactions
            .into_iter()
            .map(|transaction| {
                self.evm
                    .transact_commit(transaction)
                    .expect("the block is valid")
            })
            .collect();
        (results, self.evm.ctx.journaled_state.database)
    }
}

impl PeerBlock {
    /// Runs the next transaction and commits it, or says why it is not valid; `None` after the last.
    pub fn commit_next(&mut self) -> Option<Result<ExecutionResult, String>> {
        if self.transactions.is_empty() {
            return None;
        }
        let outcome = match self.evm.transact(self.transactions.remove(0)) {
            Ok(outcome) => outcome,
            Err(error) => return Some(Err(error.to_string())),
        };
        let clears_empty = self.evm.ctx.cfg.spec >= SpecId::SPURIOUS_DRAGON;
        let touched = outcome.state.iter();
        let cleared: Vec<_> = touched
            .filter(|(_, account)| clears_empty && account.is_touched() && account.is_empty())
            .map(|(address, _)| *address)
            .collect();
        self.evm.commit(outcome.state);
        // The cache keeps them, and would give them to the next transaction as accounts that exist.
        let accounts = &mut self.evm.ctx.journaled_state.database.cache.accounts;
        for address in cleared {
            if let Some(account) = accounts.get_mut(&address) {
                account.account_state = AccountState::NotExisting;
                account.storage.clear();
            }
        }
        Some(Ok(outcome.result))
    }

    /// The state as the transactions have left it.
    pub fn database(&self) -> &InMemoryDB {
        &self.evm.ctx.journaled_state.database
    }
}

/// A block's rules and state, as revm has them.
pub fn context(
    fork: Fork,
    block: &Block,
    database: &InMemoryDatabase,
) -> MainnetContext<InMemoryDB> {
    let mut rules = CfgEnv::new_with_spec(spec(fork));
    rules.chain_id = block.environment.chain_id;
    if let Some(schedule) = block.blob_schedule {
        rules.blob_base_fee_update_fraction = Some(schedule.base_fee_update_fraction);
        // How many blobs one transaction may carry is checked by whoever builds blocks.
        rules.max_blobs_per_tx = None;
    }
    Context::mainnet()
        .with_db(convert_database(database))
        .with_cfg(rules)
        .with_block(environment(fork, &block.environment))
}

fn convert_database(ours: &InMemoryDatabase) -> InMemoryDB {
    let mut database = InMemoryDB::default();
    for (address, account) in ours.accounts() {
        let code = ours
            .get_code(account.info.code_hash)
            .map(|code| Bytecode::new_raw(code.bytes().clone().into()));
        let info = AccountInfo {
            balance: word(account.info.balance),
            nonce: account.info.nonce,
            code_hash: PeerHash::new(account.info.code_hash.0),
            code,
            ..AccountInfo::default()
        };
        let owner = convert(address);
        database.insert_account_info(owner, info);
        for (key, value) in &account.storage {
            database
                .insert_account_storage(owner, word(*key), word(*value))
                .expect("the state is in memory");
        }
    }
    database
}

fn environment(fork: Fork, ours: &BlockEnvironment) -> BlockEnv {
    BlockEnv {
        number: revm::primitives::U256::from(ours.number),
        beneficiary: convert(ours.coinbase),
        timestamp: revm::primitives::U256::from(ours.timestamp),
        gas_limit: ours.gas_limit,
        basefee: u64::try_from(ours.base_fee).expect("no base fee exceeds 64 bits"),
        difficulty: word(ours.difficulty),
        prevrandao: (fork >= Fork::Paris).then(|| PeerHash::new(ours.prev_randao.0)),
        blob_excess_gas_and_price: (fork >= Fork::Cancun).then(|| BlobExcessGasAndPrice {
            excess_blob_gas: 0,
            blob_gasprice: narrow(ours.blob_base_fee),
        }),
        ..BlockEnv::default()
    }
}

/// A transaction as revm has it.
pub fn transaction(original: &Original) -> TxEnv {
    let ours = &original.recovered.transaction;
    TxEnv {
        tx_type: ours.kind.byte(),
        caller: convert(original.recovered.sender),
        gas_limit: ours.gas_limit,
        gas_price: narrow(ours.max_fee_per_gas),
        kind: ours
            .to
            .map_or(TxKind::Create, |to| TxKind::Call(convert(to))),
        value: word(ours.value),
        data: ours.input.clone().into(),
        nonce: ours.nonce,
        chain_id: ours.chain_id,
        access_list: AccessList(
            ours.access_list
                .iter()
                .map(|item| AccessListItem {
                    address: convert(item.address),
                    storage_keys: item
                        .storage_keys
                        .iter()
                        .map(|key| PeerHash::new(key.to_big_endian()))
                        .collect(),
                })
                .collect(),
        ),
        gas_priority_fee: ours
            .kind
            .has_dynamic_fee()
            .then(|| narrow(ours.max_priority_fee_per_gas)),
        blob_hashes: ours
            .blob_hashes
            .iter()
            .map(|hash| PeerHash::new(hash.0))
            .collect(),
        max_fee_per_blob_gas: narrow(ours.max_fee_per_blob_gas),
        authorization_list: ours
            .authorizations
            .iter()
            .zip(&original.authorities)
            .map(|(tuple, signer)| Either::Right(authorization(tuple, *signer)))
            .collect(),
    }
}

fn authorization(ours: &Authorization, signer: Option<Address>) -> RecoveredAuthorization {
    let tuple = PeerAuthorization {
        chain_id: word(ours.chain_id),
        address: convert(ours.address),
        nonce: ours.nonce,
    };
    let signer = signer.map_or(RecoveredAuthority::Invalid, |signer| {
        RecoveredAuthority::Valid(convert(signer))
    });
    RecoveredAuthorization::new_unchecked(tuple, signer)
}

/// revm's name of a fork.
pub fn spec(fork: Fork) -> SpecId {
    match fork {
        Fork::Frontier => SpecId::FRONTIER,
        Fork::Homestead => SpecId::HOMESTEAD,
        Fork::TangerineWhistle => SpecId::TANGERINE,
        Fork::SpuriousDragon => SpecId::SPURIOUS_DRAGON,
        Fork::Byzantium => SpecId::BYZANTIUM,
        Fork::Constantinople | Fork::Petersburg => SpecId::PETERSBURG,
        Fork::Istanbul | Fork::MuirGlacier => SpecId::ISTANBUL,
        Fork::Berlin => SpecId::BERLIN,
        Fork::London | Fork::ArrowGlacier | Fork::GrayGlacier => SpecId::LONDON,
        Fork::Paris => SpecId::MERGE,
        Fork::Shanghai => SpecId::SHANGHAI,
        Fork::Cancun => SpecId::CANCUN,
        Fork::Prague => SpecId::PRAGUE,
        Fork::Osaka => SpecId::OSAKA,
    }
}

/// An address as revm has it.
pub fn convert(address: Address) -> revm::primitives::Address {
    revm::primitives::Address::new(address.0)
}

/// A word as revm has it.
pub fn word(word: U256) -> revm::primitives::U256 {
    revm::primitives::U256::from_limbs(word.0)
}

fn narrow(price: U256) -> u128 {
    u128::try_from(price).expect("no price exceeds 128 bits")
}
