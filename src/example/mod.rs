//! The embedded example: a block of a few hundred transactions over tokens, a router, an exchange
//! pool, plain transfers, creations and refused value, with the state that it starts from.
//!
//! It is made here, of constants, and is the same everywhere.

mod assembler;
mod contracts;
pub mod workloads;

use bytes::Bytes;

use self::assembler::selector;
use crate::{
    Address, B256, BlockEnvironment, Code, Fork, U256,
    block::Block,
    state::InMemoryDatabase,
    transaction::{Recovered, Transaction, TransactionType},
};

/// A block with the state before it.
#[derive(Clone, Debug)]
pub struct Example {
    /// The rules.
    pub fork: Fork,
    /// The state before.
    pub state: InMemoryDatabase,
    /// The block.
    pub block: Block,
}

const USERS: u64 = 160;
const GWEI: u64 = 1_000_000_000;
const ETHER: u64 = 1_000_000_000 * GWEI;

impl Example {
    /// The block that the command runs when it is given none.
    pub fn new() -> Self {
        let mut builder = Builder::new();
        builder.plain_transfers();
        builder.token_transfers();
        builder.swaps();
        builder.refused_value();
        builder.creations();
        builder.finish()
    }
}

impl Default for Example {
    fn default() -> Self {
        Self::new()
    }
}

fn user(number: u64) -> Address {
    Address::from_low_u64_be(0x1000_0000 + number)
}

fn contract(number: u64) -> Address {
    Address::from_low_u64_be(0xc000_0000 + number)
}

const TOKENS: u64 = 4;
const POOL: u64 = 10;
const ROUTER: u64 = 11;
const PURSE: u64 = 12;
const CLOSED: u64 = 13;
const FACTORY: u64 = 14;

struct Builder {
    state: InMemoryDatabase,
    nonces: Vec<u64>,
    transactions: Vec<Recovered>,
}

impl Builder {
    fn new() -> Self {
        let mut state = InMemoryDatabase::default();
        for number in 0..USERS {
            state.insert_account(
                user(number),
                U256::from(ETHER) * U256::from(100),
                0,
                &Code::default(),
            );
        }
        let mut deploy = |number: u64, code: Vec<u8>| {
            state.insert_account(
                contract(number),
                U256::zero(),
                1,
                &Code::new(Bytes::from(code)),
            );
        };
        for token in 0..TOKENS {
            deploy(token, contracts::token());
        }
        deploy(POOL, contracts::pool(contract(1)));
        deploy(
            ROUTER,
            contracts::router(contract(0), contract(1), contract(POOL)),
        );
        deploy(PURSE, contracts::purse(contract(CLOSED)));
        deploy(CLOSED, contracts::closed());
        deploy(FACTORY, contracts::factory());
        state.insert_account(
            contract(FACTORY),
            U256::from(ETHER),
            1,
            &Code::new(contracts::factory().into()),
        );
        let million = U256::from(1_000_000u64) * U256::from(ETHER);
        for token in 0..TOKENS {
            state.insert_storage(contract(token), U256::zero(), word(contract(ROUTER)));
            state.insert_storage(contract(token), word(contract(POOL)), million);
            // The last users have no tokens: their transfers fail.
            for number in 0..USERS - 4 {
                state.insert_storage(
                    contract(token),
                    word(user(number)),
                    U256::from(ETHER) * U256::from(1000),
                );
            }
        }
        state.insert_storage(contract(POOL), U256::zero(), million);
        state.insert_storage(contract(POOL), U256::one(), million);
        let nonces = vec![0; usize::try_from(USERS).expect("a few hundred")];
        Self {
            state,
            nonces,
            transactions: Vec::new(),
        }
    }

    /// Some to accounts that exist, some to new ones, some from a sender who pays many.
    fn plain_transfers(&mut self) {
        for number in 0..60 {
            self.send(
                number,
                Some(user(number + 60)),
                ETHER / 10,
                Vec::new(),
                21_000,
            );
        }
        for number in 0..20 {
            self.send(
                0,
                Some(user(1000 + number)),
                ETHER / 100,
                Vec::new(),
                21_000,
            );
        }
    }

    /// Spread over the tokens, most of them through the first one; the last few revert.
    fn token_transfers(&mut self) {
        for number in 0..80 {
            let token = if number % 2 == 0 { 0 } else { number % TOKENS };
            let amount = U256::from(ETHER) * U256::from(1 + number % 7);
            let input = call(
                "transfer(address,uint256)",
                &[word(user(159 - number)), amount],
            );
            self.send(number + 80, Some(contract(token)), 0, input, 100_000);
        }
    }

    /// Three calls each: the router to a token, to the pool, and the pool to another token.
    fn swaps(&mut self) {
        for number in 0..40 {
            let amount = U256::from(ETHER) * U256::from(1 + number % 5);
            let input = call("swapExact(uint256)", &[amount]);
            self.send(number + 20, Some(contract(ROUTER)), 0, input, 400_000);
        }
    }

    /// Through a purse to a contract that takes nothing: the value comes back to the purse.
    fn refused_value(&mut self) {
        for number in 0..10 {
            self.send(
                number + 100,
                Some(contract(PURSE)),
                ETHER / 4,
                Vec::new(),
                100_000,
            );
        }
    }

    /// Contracts created by transactions and by a contract.
    fn creations(&mut self) {
        for number in 0..5 {
            self.send(
                number + 120,
                None,
                0,
                contracts::counter_init_code(),
                200_000,
            );
        }
        for number in 0..15 {
            self.send(
                number + 130,
                Some(contract(FACTORY)),
                0,
                Vec::new(),
                300_000,
            );
        }
    }

    fn send(&mut self, from: u64, to: Option<Address>, value: u64, input: Vec<u8>, gas_limit: u64) {
        let place = usize::try_from(from).expect("a few hundred");
        let transaction = Transaction {
            kind: TransactionType::DynamicFee,
            chain_id: Some(1),
            nonce: self.nonces[place],
            gas_limit,
            max_fee_per_gas: U256::from(20 * GWEI),
            max_priority_fee_per_gas: U256::from(GWEI),
            to,
            value: U256::from(value),
            input: Bytes::from(input),
            ..Transaction::default()
        };
        self.nonces[place] += 1;
        self.transactions
            .push(Recovered::unsigned(transaction, user(from)));
    }

    fn finish(self) -> Example {
        let environment = BlockEnvironment {
            chain_id: 1,
            number: 1,
            timestamp: 1_700_000_000,
            coinbase: Address::from_low_u64_be(0xfee),
            gas_limit: 60_000_000,
            base_fee: U256::from(10 * GWEI),
            prev_randao: B256::repeat_byte(0x5e),
            ..BlockEnvironment::default()
        };
        let block = Block {
            environment,
            transactions: self.transactions,
            ..Block::default()
        };
        Example {
            fork: Fork::Cancun,
            state: self.state,
            block,
        }
    }
}

fn word(address: Address) -> U256 {
    U256::from_big_endian(address.as_bytes())
}

fn call(signature: &str, arguments: &[U256]) -> Vec<u8> {
    let mut input = selector(signature).to_vec();
    arguments
        .iter()
        .for_each(|argument| input.extend(argument.to_big_endian()));
    input
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Evm, call::Policy, transaction::Status};

    fn run(policy: Policy) -> crate::block::BlockOutcome {
        let example = Example::new();
        Evm::new(example.fork)
            .policy(policy)
            .audit(true)
            .execute_block(&example.state, &example.block)
            .unwrap()
    }

    #[test]
    fn synchronously_only_the_transfers_without_tokens_fail() {
        let outcome = run(Policy::Synchronous);
        let (succeeded, failed, skipped, _) = outcome.counts();
        assert_eq!(
            (succeeded, failed, skipped),
            (226, 4, 0),
            "{:?}",
            outcome
                .receipts
                .iter()
                .filter(|r| !r.status.is_success())
                .collect::<Vec<_>>()
        );
        assert!(
            outcome
                .receipts
                .iter()
                .all(|receipt| !matches!(receipt.status, Status::Halted(_)))
        );
    }

    #[test]
    fn practically_every_tree_arrives_but_those_that_fail_anyway() {
        let outcome = run(Policy::practical());
        assert!(
            outcome.rounds.len() >= 3,
            "the router's calls take three rounds"
        );
        let bounced = outcome
            .receipts
            .iter()
            .filter(|receipt| !receipt.bounced.is_zero())
            .count();
        assert_eq!(bounced, 10);
        let failed_trees = outcome
            .trees_succeeded
            .iter()
            .filter(|succeeded| !**succeeded)
            .count();
        assert_eq!(failed_trees, 4 + 10);
    }

    #[test]
    fn the_seed_policy_returns_nothing_so_the_router_gives_up() {
        let outcome = run(Policy::seed());
        let gave_up = outcome
            .roots()
            .iter()
            .filter(|receipt| receipt.status == Status::Reverted)
            .count();
        assert_eq!(gave_up, 4 + 40);
    }

    #[test]
    fn the_root_after_the_last_barrier_is_the_blocks_and_each_barrier_changes_it() {
        let example = Example::new();
        let evm = Evm::new(example.fork)
            .policy(Policy::practical())
            .edges(false);
        let outcome = evm
            .execute_block_with_roots(&example.state, &example.block)
            .unwrap();
        let roots: Vec<_> = outcome
            .rounds
            .iter()
            .map(|round| round.state_root.unwrap())
            .collect();
        assert_eq!(roots.last().copied(), outcome.state_root);
        assert!(roots.windows(2).all(|pair| pair[0] != pair[1]));
        let mut after = example.state.clone();
        after.apply(&outcome.changes);
        assert_eq!(
            Some(crate::state::roots::state_root(&after)),
            outcome.state_root
        );
    }
}
