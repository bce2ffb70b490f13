//! Blocks that do things, made of a string of bytes: contracts that call each other, senders, an
//! adversarial choice of who is whom, and settings of every kind.

mod program;
mod source;

use std::sync::LazyLock;

use bytes::Bytes;
use deferevm::{
    Address, B256, BlockEnvironment, Fork, U256,
    block::Block,
    bytecode::Bytecode,
    call::{DeferredRules, GasRule, Order, Policy, ReturnData, Treatment},
    round::Limits,
    state::{InMemoryDatabase, account::create_address},
    transaction::{
        AccessListItem, Authorization, BlobSchedule, Recovered, Transaction, TransactionRules,
        TransactionType, address_of_secret_key, validate,
    },
};

use self::{program::Vocabulary, source::Source};

/// A block with the state before it and how it is to be run.
#[derive(Clone, Debug)]
pub struct Case {
    /// Ethereum's rules.
    pub fork: Fork,
    /// The rules of deferral.
    pub rules: DeferredRules,
    /// What the block may grow to.
    pub limits: Limits,
    /// Before the block.
    pub state: InMemoryDatabase,
    /// The block; its edges are not meant to be run.
    pub block: Block,
}

/// What blocks are to be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whatever there is.
    Any,
    /// One transaction without calls.
    OneWithoutCalls,
    /// Transactions without calls, none of which reads what another changes but by owning it.
    WithoutCalls,
}

const CONTRACTS: u8 = 6;
const USERS: u8 = 5;

/// Users with their keys.
static KEYS: LazyLock<Vec<(B256, Address)>> = LazyLock::new(|| {
    (1..=USERS)
        .map(|number| {
            let key = B256::repeat_byte(number);
            let address = address_of_secret_key(&key).expect("a small key is valid");
            (key, address)
        })
        .collect()
});

impl Case {
    /// The block that bytes say. Every string of bytes says one.
    pub fn from_bytes(bytes: &[u8], kind: Kind) -> Self {
        let source = &mut Source::new(bytes);
        // Osaka first, so that few bytes give the newest rules.
        let fork = Fork::ALL[Fork::COUNT - 1 - source.below(Fork::COUNT)];
        let rules = rules(source);
        let limits = limits(source);
        let cast = Cast::new(source);
        let mut state = InMemoryDatabase::default();
        let mut block = block(source, fork, &cast);
        cast.populate(source, fork, kind, &mut state);
        let mut nonces = [0; USERS as usize];
        let count = match kind {
            Kind::OneWithoutCalls => 1,
            Kind::Any | Kind::WithoutCalls => 1 + source.below(9),
        };
        for _ in 0..count {
            let transaction = cast.transaction(source, fork, kind, &block, &mut nonces);
            block.transactions.push(transaction);
            if source.is_exhausted() {
                break;
            }
        }
        Self {
            fork,
            rules,
            limits,
            state,
            block,
        }
    }
}

fn rules(source: &mut Source<'_>) -> DeferredRules {
    let treatment = [Treatment::Defer, Treatment::Inline];
    match source.below(8) {
        0 | 1 => *Policy::practical().deferred().expect("it defers"),
        2 | 3 => *Policy::seed().deferred().expect("it defers"),
        _ => DeferredRules {
            static_calls: source.of(&treatment),
            delegate_calls: source.of(&treatment),
            order: source.of(&[Order::Parent, Order::Hash, Order::Seeded, Order::Fifo]),
            gas: source.of(&[GasRule::Split, GasRule::Lock]),
            returndata: source.of(&[
                ReturnData::Empty,
                ReturnData::Word(U256([1, 0, 0, 0])),
                ReturnData::Word(U256::MAX),
            ]),
        },
    }
}

fn limits(source: &mut Source<'_>) -> Limits {
    let mut limits = Limits {
        rounds_max: 1025,
        records_max: 3_000,
        ..Limits::default()
    };
    match source.below(8) {
        0 => limits.rounds_max = source.of(&[20, 8, 3, 2, 1]),
        1 => limits.records_max = source.of(&[30, 7, 3, 1, 0]),
        2 => limits.input_max = source.of(&[2_000, 300, 64, 32, 1, 0]),
        _ => {}
    }
    limits
}

/// Who is there.
struct Cast {
    contracts: Vec<Address>,
    users: Vec<Address>,
    coinbase: Address,
    /// All that programs and transactions name.
    everyone: Vec<Address>,
}

impl Cast {
    fn new(source: &mut Source<'_>) -> Self {
        let contracts: Vec<Address> = (0..CONTRACTS)
            .map(|number| Address::repeat_byte(0xc0 + number))
            .collect();
        let users: Vec<Address> = KEYS.iter().map(|(_, address)| *address).collect();
        let coinbase = match source.below(6) {
            0..=2 => Address::repeat_byte(0xcb),
            3 => users[0],
            4 => contracts[0],
            _ => Address::from_low_u64_be(4),
        };
        let mut everyone = contracts.clone();
        everyone.extend(&contracts);
        everyone.extend(&users);
        everyone.push(coinbase);
        everyone.extend([0x70, 0x71].map(Address::repeat_byte));
        everyone.extend([1, 3, 4, 5, 8, 0x100].map(Address::from_low_u64_be));
        // What will be created, perhaps.
        everyone.push(create_address(users[1], 0));
        everyone.push(create_address(contracts[1], 1));
        everyone.push(create_address(contracts[2], 1));
        Self {
            contracts,
            users,
            coinbase,
            everyone,
        }
    }

    fn populate(
        &self,
        source: &mut Source<'_>,
        fork: Fork,
        kind: Kind,
        state: &mut InMemoryDatabase,
    ) {
        let nobody = Bytecode::new().code();
        for user in &self.users {
            let balance = match source.below(12) {
                0 => 0,
                1 => 300_000,
                _ => 10u64.pow(15),
            };
            state.insert_account(*user, balance.into(), 0, &nobody);
        }
        let vocabulary = Vocabulary {
            fork,
            addresses: &self.everyone,
            calls: kind == Kind::Any,
            looks_around: kind != Kind::WithoutCalls,
        };
        for contract in &self.contracts {
            let code = vocabulary.program(source).code();
            let balance = source.of(&[1_000_000u64, 5, 0]);
            let nonce = if source.chance(20) { 0 } else { 1 };
            state.insert_account(*contract, balance.into(), nonce, &code);
            for key in 0..source.below(3) {
                state.insert_storage(*contract, key.into(), source.byte().into());
            }
        }
        // Some of what programs name is there in part: a balance, a slot, or an empty account.
        for (place, address) in self.everyone.iter().enumerate().skip(16) {
            if !source.chance(80) || self.users.contains(address) {
                continue;
            }
            if self.contracts.contains(address) {
                continue;
            }
            state.insert_account(*address, U256::from(source.of(&[0u64, 9])), 0, &nobody);
            if place % 3 == 0 && source.chance(60) {
                state.insert_storage(*address, U256::one(), U256::one());
            }
        }
        // Some users delegate already (EIP-7702).
        if fork >= Fork::Prague && source.chance(80) {
            let mut designator = vec![0xef, 0x01, 0x00];
            designator.extend_from_slice(source.of(&self.everyone).as_bytes());
            let code = Bytecode::new().raw(designator).code();
            state.insert_account(self.users[2], 10u64.pow(15).into(), 0, &code);
        }
    }

    fn transaction(
        &self,
        source: &mut Source<'_>,
        fork: Fork,
        kind: Kind,
        block: &Block,
        nonces: &mut [u64; USERS as usize],
    ) -> Recovered {
        let user = source.below(usize::from(USERS));
        let nonce = match source.below(24) {
            1 if kind == Kind::Any => nonces[user] + 1,
            _ => nonces[user],
        };
        let to = match source.below(12) {
            0..=8 => Some(source.of(&self.contracts)),
            9..=10 => Some(source.of(&self.everyone)),
            _ => None,
        };
        let base_fee = block.environment.base_fee;
        let tip = U256::from(source.of(&[1u64, 0, 3]));
        let gas_limits = [400_000, 1_500_000, 150_000, 900_000, 5_000_000, 60_000];
        let mut transaction = Transaction {
            chain_id: Some(1),
            nonce,
            gas_limit: source.of(&gas_limits),
            max_fee_per_gas: base_fee + tip,
            max_priority_fee_per_gas: base_fee + tip,
            to,
            value: U256::from(source.of(&[0u64, 0, 1, 1_000])),
            input: Bytes::from(vec![source.byte(); source.of(&[0, 1, 32, 100])]),
            ..Transaction::default()
        };
        if to.is_none() {
            let vocabulary = Vocabulary {
                fork,
                addresses: &self.everyone,
                calls: kind == Kind::Any,
                looks_around: kind != Kind::WithoutCalls,
            };
            let init_code = vocabulary.program(source);
            transaction.input = Bytes::copy_from_slice(init_code.bytes());
        }
        self.set_type(source, fork, &mut transaction);
        let recovered = Recovered::unsigned(transaction, self.users[user]);
        // A transaction that is skipped bumps no nonce.
        let rules = TransactionRules::of(fork);
        let is_valid = validate(&recovered, &block.environment, fork, &rules).is_ok();
        if is_valid && nonce == nonces[user] {
            nonces[user] += 1;
        }
        recovered
    }

    /// Makes it of a type that the fork has, and fills in what that type has.
    fn set_type(&self, source: &mut Source<'_>, fork: Fork, transaction: &mut Transaction) {
        let kind = source.of(&[
            TransactionType::Legacy,
            TransactionType::AccessList,
            TransactionType::DynamicFee,
            TransactionType::SetCode,
            TransactionType::SetCode,
            TransactionType::Blob,
        ]);
        if fork < kind.since() {
            return;
        }
        let needs_callee = matches!(kind, TransactionType::SetCode | TransactionType::Blob);
        if needs_callee && transaction.to.is_none() {
            return;
        }
        transaction.kind = kind;
        if kind != TransactionType::Legacy {
            for _ in 0..source.below(3) {
                transaction.access_list.push(AccessListItem {
                    address: source.of(&self.everyone),
                    storage_keys: (0..source.below(3)).map(U256::from).collect(),
                });
            }
        }
        if kind.has_dynamic_fee() {
            transaction.max_priority_fee_per_gas =
                U256::from(source.of(&[1u64, 0])).min(transaction.max_fee_per_gas);
        }
        if kind == TransactionType::Blob {
            transaction.max_fee_per_blob_gas = 2.into();
            let blobs = 1 + source.below(3);
            transaction.blob_hashes = vec![B256::repeat_byte(1); blobs];
        }
        if kind == TransactionType::SetCode {
            for _ in 0..1 + source.below(3) {
                let tuple = self.authorization(source);
                transaction.authorizations.push(tuple);
            }
        }
    }

    fn authorization(&self, source: &mut Source<'_>) -> Authorization {
        let (key, _) = KEYS[source.below(KEYS.len())];
        let to = match source.below(5) {
            0 => Address::zero(),
            1 => source.of(&self.everyone),
            _ => source.of(&self.contracts),
        };
        let nonce = source.of(&[0, 1, 0, 2, 3, u64::MAX]);
        let chain_id = U256::from(source.of(&[1u64, 0, 1, 7]));
        let mut tuple = Authorization::sign(chain_id, to, nonce, &key).expect("the key is valid");
        if source.chance(12) {
            tuple.y_parity = 2;
        }
        tuple
    }
}

fn block(source: &mut Source<'_>, fork: Fork, cast: &Cast) -> Block {
    let base_fee = match fork >= Fork::London {
        true => source.of(&[0u64, 7]),
        false => 0,
    };
    let randomness = B256::repeat_byte(source.byte());
    let is_merged = fork >= Fork::Paris;
    Block {
        environment: BlockEnvironment {
            chain_id: 1,
            number: 1_000,
            timestamp: 1_700_000_000,
            coinbase: cast.coinbase,
            gas_limit: source.of(&[30_000_000, 30_000_000, 60_000_000, 30_000_000, 1_000_000]),
            base_fee: base_fee.into(),
            blob_base_fee: u64::from(fork >= Fork::Cancun).into(),
            difficulty: match is_merged {
                true => U256::zero(),
                false => U256::from_big_endian(&randomness.0),
            },
            prev_randao: if is_merged { randomness } else { B256::zero() },
        },
        blob_schedule: BlobSchedule::of(fork),
        ..Block::default()
    }
}
