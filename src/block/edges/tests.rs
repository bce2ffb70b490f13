//! The edges of small blocks.

use super::*;
use crate::{
    B256, BlockEnvironment, Code,
    block::{Ommer, Withdrawal},
    state::InMemoryDatabase,
};

const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);

fn wei(state: &State<'_>, address: Address) -> Option<U256> {
    state.account(address).unwrap().map(|info| info.balance)
}

fn with_rules<T>(fork: Fork, run: impl FnOnce(&EdgeRules<'_>) -> T) -> T {
    let transaction = TransactionRules::of(fork);
    run(&EdgeRules {
        fork,
        precompiles: Precompiles::of(fork),
        transaction: &transaction,
    })
}

fn ending(fork: Fork, block: &Block, state: &mut State<'_>) -> Result<Ending, EdgeFault> {
    with_rules(fork, |rules| end(rules, block, [].iter(), state))
}

#[test]
fn an_ommer_of_the_last_generation_gets_seven_eighths_and_its_nephew_a_32nd() {
    let database = InMemoryDatabase::default();
    let ether = U256::exp10(18);
    for (fork, reward) in [
        (Fork::Frontier, 5u64),
        (Fork::Byzantium, 3),
        (Fork::London, 2),
    ] {
        let mut state = State::new(&database);
        let block = Block {
            environment: BlockEnvironment {
                number: 10,
                coinbase: ALICE,
                ..BlockEnvironment::default()
            },
            ommers: vec![Ommer {
                coinbase: BOB,
                number: 9,
            }],
            ..Block::default()
        };
        let ending = ending(fork, &block, &mut state).unwrap();
        let reward = ether * U256::from(reward);
        assert_eq!(wei(&state, ALICE), Some(reward + reward / 32));
        assert_eq!(wei(&state, BOB), Some(reward * 7 / 8));
        assert_eq!(ending.ledger.issued, reward + reward / 32 + reward * 7 / 8);
    }
}

#[test]
fn a_withdrawal_is_in_gwei_and_one_of_nothing_leaves_no_account() {
    let database = InMemoryDatabase::default();
    let mut state = State::new(&database);
    let withdrawal = |address, amount| Withdrawal {
        address,
        amount,
        ..Withdrawal::default()
    };
    let block = Block {
        withdrawals: vec![
            withdrawal(ALICE, 3),
            withdrawal(BOB, 0),
            withdrawal(ALICE, 4),
        ],
        ..Block::default()
    };
    let ending = ending(Fork::Shanghai, &block, &mut state).unwrap();
    assert_eq!(wei(&state, ALICE), Some(7_000_000_000u64.into()));
    assert_eq!(wei(&state, BOB), None);
    assert_eq!(ending.ledger.issued, 7_000_000_000u64.into());
}

/// Stores the first word of its input at slot 0, and the caller at slot 1.
const KEEPER: &[u8] = &[0x5f, 0x35, 0x5f, 0x55, 0x33, 0x60, 0x01, 0x55];

#[test]
fn the_beacon_root_is_kept_by_a_call_of_the_system() {
    let mut database = InMemoryDatabase::default();
    let code = Code::new(KEEPER.to_vec().into());
    database.insert_account(BEACON_ROOTS_ADDRESS, U256::zero(), 1, &code);
    let block = Block {
        parent_beacon_block_root: Some(B256::repeat_byte(7)),
        ..Block::default()
    };
    for (fork, root) in [(Fork::Cancun, 7), (Fork::Shanghai, 0)] {
        let mut state = State::new(&database);
        with_rules(fork, |rules| begin(rules, &block, &mut state)).unwrap();
        let slot = |key: u64| state.storage(BEACON_ROOTS_ADDRESS, key.into()).unwrap();
        assert_eq!(slot(0), U256::from_big_endian(&[root; 32]));
        if fork == Fork::Cancun {
            let caller = U256::from_big_endian(crate::transaction::SYSTEM_ADDRESS.as_bytes());
            assert_eq!(slot(1), caller);
        }
        assert_eq!(wei(&state, HISTORY_STORAGE_ADDRESS), None);
        assert_eq!(wei(&state, crate::transaction::SYSTEM_ADDRESS), None);
    }
}

#[test]
fn requests_need_both_contracts_and_their_success() {
    // One byte of zero, and INVALID.
    let returning = Code::new(vec![0x60, 0x01, 0x5f, 0xf3].into());
    let failing = Code::new(vec![0xfe].into());
    let mut database = InMemoryDatabase::default();
    let block = Block::default();
    let attempt =
        |database: &InMemoryDatabase| ending(Fork::Prague, &block, &mut State::new(database));

    let missing = attempt(&database);
    assert!(matches!(
        missing,
        Err(EdgeFault::Invalid(InvalidRequests::ContractMissing { address }))
            if address == WITHDRAWAL_REQUEST_ADDRESS
    ));
    database.insert_account(WITHDRAWAL_REQUEST_ADDRESS, U256::zero(), 1, &returning);
    database.insert_account(CONSOLIDATION_REQUEST_ADDRESS, U256::zero(), 1, &failing);
    let failed = attempt(&database);
    assert!(matches!(
        failed,
        Err(EdgeFault::Invalid(InvalidRequests::CallFailed { address, .. }))
            if address == CONSOLIDATION_REQUEST_ADDRESS
    ));
    database.insert_account(CONSOLIDATION_REQUEST_ADDRESS, U256::zero(), 1, &returning);
    let requests = attempt(&database).unwrap().requests;
    let bytes: Vec<&[u8]> = requests.iter().map(|request| &request[..]).collect();
    assert_eq!(bytes, [[1, 0], [2, 0]]);
}

#[test]
fn the_dao_fork_moves_what_the_listed_accounts_have() {
    let mut database = InMemoryDatabase::default();
    let dao: Address = "bb9bc244d798123fde783fcc1c72d3bb8c189413".parse().unwrap();
    database.insert_account(dao, 7.into(), 1, &Code::default());
    database.insert_account(ALICE, 5.into(), 0, &Code::default());
    let mut state = State::new(&database);
    let block = Block {
        is_dao_fork: true,
        ..Block::default()
    };
    let ledger = with_rules(Fork::Homestead, |rules| begin(rules, &block, &mut state)).unwrap();
    assert_eq!(wei(&state, DAO_REFUND_CONTRACT), Some(7.into()));
    assert_eq!(wei(&state, dao), Some(0.into()));
    assert_eq!(wei(&state, ALICE), Some(5.into()));
    assert_eq!(ledger, Ledger::default());
}
