//! Generated blocks, each of one shape, for benchmarks and tests: what deferral does to independent
//! work, to hot accounts, to chains of calls.
//!
//! They are made here, of constants, and are the same everywhere. Accounts stand at hashed addresses,
//! as on a real chain.

use bytes::Bytes;

use super::{assembler::assemble, call, contracts, word};
use crate::{
    Address, B256, BlockEnvironment, Code, Fork, U256,
    block::Block,
    state::InMemoryDatabase,
    transaction::{Original, Recovered, Transaction, TransactionType},
};

/// A block with the state before it, ready to be executed.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What it is called.
    pub name: &'static str,
    /// The rules.
    pub fork: Fork,
    /// The state before.
    pub state: InMemoryDatabase,
    /// The block.
    pub block: Block,
    /// Its transactions, prepared.
    pub originals: Vec<Original>,
    /// Whether no two of its transactions share an account.
    pub is_independent: bool,
}

const GWEI: u64 = 1_000_000_000;

/// Plain transfers between distinct senders and targets that exist; 47,620 of them take a gigagas.
pub fn transfers(count: u64) -> Workload {
    let mut builder = Builder::default();
    for number in 0..count {
        let target = address("target", number);
        builder.fund(target);
        builder.send(address("sender", number), target, 1, Vec::new(), 21_000);
    }
    builder.finish("transfers", true)
}

/// ERC-20 transfers, each within a token of its own.
pub fn independent_tokens(count: u64) -> Workload {
    tokens("erc20_independent", count, count)
}

/// ERC-20 transfers within one token.
pub fn hot_token(count: u64) -> Workload {
    tokens("erc20_hot", count, 1)
}

fn tokens(name: &'static str, count: u64, tokens: u64) -> Workload {
    let mut builder = Builder::default();
    let code = Code::new(contracts::token().into());
    for number in 0..tokens {
        builder.deploy(address("token", number), &code);
    }
    for number in 0..count {
        builder.send_tokens(number, address("token", number % tokens));
    }
    builder.finish(name, tokens == count)
}

/// Calls of a router, which calls a pool, which calls a token; 16 transactions to each such group.
pub fn routers(count: u64) -> Workload {
    let mut builder = Builder::default();
    let token_code = Code::new(contracts::token().into());
    for group in 0..count.div_ceil(16) {
        let (router, pool, token) = (
            address("router", group),
            address("pool", group),
            address("token", group),
        );
        builder.deploy(token, &token_code);
        let million = U256::from(1_000_000);
        builder.state.insert_storage(token, word(pool), million);
        builder.deploy(
            router,
            &Code::new(passes_on(pool, "1 0 SLOAD ADD 0 SSTORE").into()),
        );
        let price = "1 0 SLOAD ADD 0 SSTORE 36 CALLDATALOAD 997 MUL 1000 SWAP1 DIV 1 SSTORE";
        builder.deploy(pool, &Code::new(passes_on(token, price).into()));
    }
    for number in 0..count {
        let input = call(
            "transfer(address,uint256)",
            &[word(address("target", number)), U256::from(7)],
        );
        let router = address("router", number / 16);
        builder.send(address("sender", number), router, 0, input, 400_000);
    }
    builder.finish("router_pool_token", false)
}

/// Contracts of one owner each that all ask the same contract, which only answers.
pub fn fan_in(count: u64) -> Workload {
    let mut builder = Builder::default();
    let oracle = address("oracle", 0);
    let answer = assemble("0 SLOAD 0 MSTORE 32 0 RETURN");
    builder.deploy(oracle, &Code::new(answer.into()));
    builder
        .state
        .insert_storage(oracle, U256::zero(), 42.into());
    let asks = assemble(&format!(
        "32 0 0 0 {oracle:?} 9000 STATICCALL POP 0 MLOAD 1 ADD 0 SSTORE STOP"
    ));
    let asks = Code::new(asks.into());
    for number in 0..count {
        let client = address("client", number);
        builder.deploy(client, &asks);
        builder.send(address("sender", number), client, 0, Vec::new(), 100_000);
    }
    builder.finish("fan_in", true)
}

/// One contract that verifies something for every second transaction, 20 multiplications of BN254 each; the
/// others are ERC-20 transfers, each within a token of its own.
pub fn verifier(count: u64) -> Workload {
    let mut builder = Builder::default();
    let verifier = address("verifier", 0);
    // What each multiplication comes to is what the next one multiplies; the last is added to a sum.
    let verifies = assemble(
        "1 0 MSTORE 2 32 MSTORE 0 CALLDATALOAD 64 MSTORE 20
         next: 64 0 96 0 7 GAS STATICCALL ISZERO @fail JUMPI
               1 SWAP1 SUB DUP1 @next JUMPI
         0 MLOAD 0 SLOAD ADD 0 SSTORE STOP
         fail: 0 0 REVERT",
    );
    builder.deploy(verifier, &Code::new(verifies.into()));
    let token_code = Code::new(contracts::token().into());
    for number in 0..count {
        if number % 2 == 0 {
            let scalar = crate::keccak256(number.to_be_bytes());
            let sender = address("sender", number);
            builder.send(sender, verifier, 0, scalar.0.to_vec(), 300_000);
        } else {
            let token = address("token", number);
            builder.deploy(token, &token_code);
            builder.send_tokens(number, token);
        }
    }
    builder.finish("verifier", false)
}

/// One transaction whose contract calls itself until a counter is 0: a round for each call.
pub fn deep_chain(depth: u64) -> Workload {
    let mut builder = Builder::default();
    let chain = address("chain", 0);
    builder.deploy(chain, &Code::new(calls_down(chain).into()));
    let input = U256::from(depth).to_big_endian().to_vec();
    // Each call gets 63/64 of what is left.
    builder.send(address("sender", 0), chain, 0, input, 1 << 40);
    builder.finish("deep_chain", false)
}

/// Pairs of contracts that call each other until a counter is 0.
pub fn ping_pong(pairs: u64, depth: u64) -> Workload {
    let mut builder = Builder::default();
    for pair in 0..pairs {
        let (ping, pong) = (address("ping", pair), address("pong", pair));
        builder.deploy(ping, &Code::new(calls_down(pong).into()));
        builder.deploy(pong, &Code::new(calls_down(ping).into()));
        let input = U256::from(depth).to_big_endian().to_vec();
        builder.send(address("sender", pair), ping, 0, input, 1_000_000);
    }
    builder.finish("ping_pong", true)
}

/// One contract for each transaction that calls `width` accounts without code, so that each call
/// costs little but its record.
pub fn fan_out(count: u64, width: u64) -> Workload {
    let mut builder = Builder::default();
    let code = assemble(
        "0 CALLDATALOAD
         next: DUP1 ISZERO @end JUMPI
               0 0 0 0 0 DUP6 ADDRESS ADD 0 CALL POP
               1 SWAP1 SUB @next JUMP
         end: STOP",
    );
    let code = Code::new(code.into());
    for number in 0..count {
        let caller = address("caller", number);
        builder.deploy(caller, &code);
        let input = U256::from(width).to_big_endian().to_vec();
        let gas_limit = 60_000 + 3_000 * width;
        builder.send(address("sender", number), caller, 0, input, gas_limit);
    }
    builder.finish("fan_out", true)
}

/// Every shape at the size that benchmarks run it.
pub fn all() -> Vec<Workload> {
    vec![
        transfers(47_620),
        independent_tokens(10_000),
        hot_token(10_000),
        routers(10_000),
        fan_in(10_000),
        verifier(200),
        deep_chain(1_000),
        ping_pong(1_000, 20),
    ]
}

/// Does something, and passes its call data on.
fn passes_on(to: Address, first: &str) -> Vec<u8> {
    assemble(&format!(
        "{first} CALLDATASIZE 0 0 CALLDATACOPY
         0 0 CALLDATASIZE 0 0 {to:?} GAS CALL POP STOP"
    ))
}

/// Calls on with its argument less 1, unless that is 0.
fn calls_down(to: Address) -> Vec<u8> {
    assemble(&format!(
        "0 CALLDATALOAD DUP1 ISZERO @end JUMPI
         1 SWAP1 SUB 0 MSTORE
         0 0 32 0 0 {to:?} GAS CALL POP
         end: STOP"
    ))
}

/// The low 20 bytes of a hash, so that addresses are spread as those of a chain are.
fn address(role: &str, number: u64) -> Address {
    let hash = crate::keccak256(format!("{role} {number}"));
    Address::from_slice(&hash.as_bytes()[12..])
}

#[derive(Default)]
struct Builder {
    state: InMemoryDatabase,
    transactions: Vec<Recovered>,
    gas_limit: u64,
}

impl Builder {
    fn fund(&mut self, account: Address) {
        self.state
            .insert_account(account, U256::one() << 96, 0, &Code::default());
    }

    fn deploy(&mut self, account: Address, code: &Code) {
        self.state.insert_account(account, U256::zero(), 1, code);
    }

    /// A transfer of an ERC-20 token, from one who has some, as the sender's only transaction.
    fn send_tokens(&mut self, number: u64, token: Address) {
        let sender = address("sender", number);
        let million = U256::from(1_000_000);
        self.state.insert_storage(token, word(sender), million);
        let input = call(
            "transfer(address,uint256)",
            &[word(address("target", number)), U256::from(7)],
        );
        self.send(sender, token, 0, input, 100_000);
    }

    /// A sender's only transaction.
    fn send(&mut self, from: Address, to: Address, value: u64, input: Vec<u8>, gas_limit: u64) {
        self.fund(from);
        self.gas_limit += gas_limit;
        let transaction = Transaction {
            kind: TransactionType::DynamicFee,
            chain_id: Some(1),
            gas_limit,
            max_fee_per_gas: U256::from(20 * GWEI),
            max_priority_fee_per_gas: U256::from(GWEI),
            to: Some(to),
            value: U256::from(value),
            input: Bytes::from(input),
            ..Transaction::default()
        };
        self.transactions
            .push(Recovered::unsigned(transaction, from));
    }

    fn finish(self, name: &'static str, is_independent: bool) -> Workload {
        let environment = BlockEnvironment {
            chain_id: 1,
            number: 1,
            timestamp: 1_700_000_000,
            coinbase: address("coinbase", 0),
            gas_limit: self.gas_limit,
            base_fee: U256::from(10 * GWEI),
            prev_randao: B256::repeat_byte(0x5e),
            ..BlockEnvironment::default()
        };
        let originals = self
            .transactions
            .iter()
            .map(|transaction| Original::new(transaction.clone(), &environment))
            .collect();
        Workload {
            name,
            fork: Fork::Cancun,
            state: self.state,
            block: Block {
                environment,
                transactions: self.transactions,
                ..Block::default()
            },
            originals,
            is_independent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Evm, block::BlockOutcome, call::Policy};

    fn run(workload: &Workload, policy: Policy, workers: usize) -> BlockOutcome {
        Evm::new(workload.fork)
            .policy(policy)
            .workers(workers)
            .audit(true)
            .execute_prepared(&workload.state, &workload.block, &workload.originals)
            .unwrap()
    }

    fn small() -> Vec<Workload> {
        vec![
            transfers(300),
            independent_tokens(100),
            hot_token(100),
            routers(100),
            fan_in(100),
            verifier(20),
            deep_chain(200),
            ping_pong(20, 20),
            fan_out(10, 50),
        ]
    }

    #[test]
    fn every_transaction_of_every_workload_succeeds_under_every_policy() {
        for workload in small() {
            for policy in [Policy::Synchronous, Policy::seed(), Policy::practical()] {
                let outcome = run(&workload, policy, 1);
                let (succeeded, ..) = outcome.counts();
                let name = (workload.name, policy.name());
                assert_eq!(succeeded, outcome.receipts.len(), "{name:?}");
            }
        }
    }

    #[test]
    fn workers_change_nothing() {
        for workload in small() {
            for policy in [Policy::seed(), Policy::practical()] {
                let alone = run(&workload, policy, 1).digest();
                assert_eq!(
                    run(&workload, policy, 3).digest(),
                    alone,
                    "{}",
                    workload.name
                );
            }
        }
    }

    #[test]
    fn calls_make_as_many_virtual_transactions_as_their_shape_says() {
        for (workload, expected) in [
            (transfers(5), 0),
            (routers(32), 64),
            (fan_in(7), 7),
            (verifier(4), 0),
            (deep_chain(200), 200),
            (ping_pong(3, 20), 60),
            (fan_out(2, 50), 100),
        ] {
            let outcome = run(&workload, Policy::seed(), 1);
            assert_eq!(
                outcome.virtual_transactions(),
                expected,
                "{}",
                workload.name
            );
        }
    }
}
