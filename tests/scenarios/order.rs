//! In which order a round runs: the four orders, creations first, and what the order protects.

use deferevm::{
    Address, B256, U256,
    bytecode::Bytecode,
    call::{Order, Policy},
    keccak256,
    opcode::{
        ADD, CALLDATALOAD, CALLDATASIZE, CALLER, CALLVALUE, CREATE, ISZERO, JUMPI, LT, MSTORE, POP,
        REVERT, SLOAD, SSTORE, STOP, SUB,
    },
    state::account::create_address,
};

use crate::support::*;

/// Counts its calls in slot 0, and keeps the first word of the n-th one's input in slot n.
fn diary() -> Bytecode {
    code()
        .push(0)
        .op(CALLDATALOAD)
        .push(0)
        .op(SLOAD)
        .push(1)
        .op(ADD)
        .op(deferevm::opcode::DUP1)
        .store_at(0)
        .op(SSTORE)
}

/// Calls the diary C with each of two words.
fn writes(first: u64, second: u64) -> Bytecode {
    code()
        .call(MSTORE, [0, first])
        .call_with_input(C, 0, 200_000, 32)
        .op(POP)
        .call(MSTORE, [0, second])
        .call_with_input(C, 0, 200_000, 32)
        .op(POP)
}

/// Section 5: the id of a CALL record without value of 200,000 gas from C's callers.
fn id(parent: B256, index: u64, word: u64) -> B256 {
    let mut preimage = parent.0.to_vec();
    preimage.extend(index.to_be_bytes());
    preimage.extend([0xf1, 0]);
    preimage.extend(C.0);
    preimage.extend(C.0);
    preimage.extend([0; 32]);
    preimage.extend(200_000u64.to_be_bytes());
    preimage.extend([0; 24]);
    preimage.extend(word.to_be_bytes());
    keccak256(preimage)
}

#[test]
fn all_four_orders_on_the_same_block() {
    // The first root of the block has the higher hash. Who wrote what: 1 and 2 the first, 3 and 4 the
    // second.
    let (high, low) = (B256::repeat_byte(0x99), B256::repeat_byte(0x11));
    let randao = B256::repeat_byte(0x5e);
    let mut scenario = Scenario::new(Policy::practical())
        .fork(deferevm::Fork::Paris)
        .contract(A, 0, writes(1, 2))
        .contract(B, 0, writes(3, 4))
        .contract(C, 0, diary())
        .root(root(ALICE, A).gas(500_000).hash(0x99))
        .root(root(BOB, B).gas(500_000).hash(0x11));
    scenario.block.environment.prev_randao = randao;
    let emitted = [(high, 0, 1), (high, 1, 2), (low, 0, 3), (low, 1, 4)];
    let by = |key: &dyn Fn(B256) -> B256| {
        let mut records = emitted.map(|(parent, index, word)| (key(id(parent, index, word)), word));
        records.sort();
        records.map(|(_, word)| word)
    };
    let by_id = by(&|id| id);
    let seeded = by(&|id| keccak256([randao.0, id.0].concat()));
    // So that the three are told apart.
    assert_ne!(by_id, seeded);
    for (order, expected) in [
        (Order::Fifo, [1, 2, 3, 4]),
        (Order::Parent, [3, 4, 1, 2]),
        (Order::Hash, by_id),
        (Order::Seeded, seeded),
    ] {
        let ran = scenario.clone().rules(|rules| rules.order = order).run();
        let found = [1, 2, 3, 4].map(|key| ran.slot(C, key).as_u64());
        assert_eq!(found, expected, "{order}");
    }
}

#[test]
fn the_emission_index_makes_two_identical_calls_two() {
    let ran = Scenario::new(Policy::seed())
        .contract(A, 0, writes(8, 8))
        .contract(C, 0, diary())
        .root(root(ALICE, A).gas(2_000_000).hash(0x42))
        .run();
    let parent = B256::repeat_byte(0x42);
    let mut ids = [id(parent, 0, 8), id(parent, 1, 8)];
    ids.sort();
    assert_eq!([ran.receipt(1).id, ran.receipt(2).id], ids);
    ran.expect_slot(C, 0, 2);
}

/// A bank of one sort of coin: without input the value is deposited for the caller, with input the
/// caller gives 5 of it to account 1.
fn bank() -> Bytecode {
    let deposit = code()
        .op(CALLVALUE)
        .op(CALLER)
        .op(SLOAD)
        .op(ADD)
        .op(CALLER)
        .op(SSTORE)
        .op(STOP);
    let head = code()
        .op(CALLDATASIZE)
        .push(4 + deposit.len() as u64)
        .op(JUMPI);
    assert_eq!(head.len(), 4);
    let enough = |at: u64| {
        code()
            .jump_destination()
            .push(5)
            .op(CALLER)
            .op(SLOAD)
            .op(LT)
            .op(ISZERO)
            .push(at)
            .op(JUMPI)
            .push(0)
            .push(0)
            .op(REVERT)
    };
    let start = (4 + deposit.len()) as u64;
    let at = start + enough(0).len() as u64;
    head.raw(deposit)
        .raw(enough(at))
        .jump_destination()
        .push(5)
        .op(CALLER)
        .op(SLOAD)
        .op(SUB)
        .op(CALLER)
        .op(SSTORE)
        .push(1)
        .op(SLOAD)
        .push(5)
        .op(ADD)
        .store_at(1)
}

#[test]
fn deposit_then_transfer_keeps_its_meaning_in_parent_order() {
    let deposits_and_transfers = code()
        .call_with(C, 7, 100_000)
        .op(POP)
        .call_with_input(C, 0, 100_000, 32)
        .op(POP);
    let scenario = Scenario::new(Policy::practical())
        .contract(A, 7, deposits_and_transfers)
        .contract(C, 0, bank())
        .root(root(ALICE, A).gas(500_000));
    for order in [Order::Parent, Order::Fifo] {
        let ran = scenario.clone().rules(|rules| rules.order = order).run();
        assert!(ran.outcome.trees_succeeded[0]);
        ran.expect_slot(C, slot_of(A), 2).expect_slot(C, 1, 5);
    }
    // Under `hash` it depends on the hashes. Some parent makes the transfer come first, and fail: its
    // own deposit is then kept whole.
    let unlucky = (0..=255).find_map(|byte| {
        let mut scenario = scenario.clone().rules(|rules| rules.order = Order::Hash);
        scenario.block.transactions[0].hash = B256::repeat_byte(byte);
        let ran = scenario.run();
        (ran.receipt(1).index == 1).then_some(ran)
    });
    let ran = unlucky.expect("of 256 parents half are unlucky");
    assert_eq!(ran.receipt(1).status.word(), "revert");
    assert_eq!(ran.receipt(2).status.word(), "success");
    ran.expect_slot(C, slot_of(A), 7).expect_slot(C, 1, 0);
}

#[test]
fn creations_come_first_in_every_order() {
    // A calls B, then creates with init code that is one STOP (a zero byte of memory).
    let calls_then_creates = code()
        .call_with(B, 0, 1_000)
        .op(POP)
        .push(1)
        .push(0)
        .push(0)
        .op(CREATE);
    let scenario = Scenario::new(Policy::seed())
        .contract(A, 0, calls_then_creates)
        .contract(B, 0, code().op(STOP))
        .root(root(ALICE, A).gas(200_000));
    // CALL 21 + 2,600 and POP 2; three pushes, 32,000, one word of memory 3, one word of init code 2.
    let spent = ROOT + OPERANDS + COLD + BASE + 3 * PUSH + 32_000 + 3 + 2;
    for order in [Order::Fifo, Order::Parent, Order::Hash, Order::Seeded] {
        scenario
            .clone()
            .rules(|rules| rules.order = order)
            .run()
            .expect(&[
                (0, "root", A, "success", spent),
                (1, "CREATE", create_address(A, 1), "success", 0),
                (1, "CALL", B, "success", 0),
            ]);
    }
}

/// The bank's slot for an account.
fn slot_of(address: Address) -> U256 {
    U256::from_big_endian(address.as_bytes())
}
