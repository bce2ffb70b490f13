//! Escrow, delivery and bounce; what a revert or a halt of the emitter does; what the emitter sees.

use deferevm::{
    Fork, U256,
    bytecode::Bytecode,
    call::{Policy, ReturnData},
    opcode::{
        BALANCE, CALL, CALLER, CALLVALUE, INVALID, MLOAD, MSTORE, ORIGIN, POP, RETURN,
        RETURNDATASIZE, REVERT, TLOAD, TSTORE,
    },
};

use crate::support::*;

/// Sends 7 wei to B with 50,000 gas. 21 + 2,600 + 9,000 + 2 = 11,623 gas.
fn send_seven() -> Bytecode {
    code().call_with(B, 7, 50_000).op(POP)
}

const SEND_SEVEN: u64 = OPERANDS + COLD + VALUE + BASE;

#[test]
fn a_call_delivers_its_value_one_round_later() {
    // B stores the value that it was called with: 2 + 3 + 22,100 = 22,105 gas.
    let keeps_value = code().op(CALLVALUE).store_at(0);
    let ran = Scenario::new(Policy::practical())
        .contract(A, 1_000, send_seven())
        .contract(B, 0, keeps_value)
        .root(root(ALICE, A))
        .run();
    // A leaves 100,000 − 32,623 = 67,377 gas; its one record asks for 50,000, gets that and 2,300.
    // The tree has spent 32,623 + 22,105 − 2,300 (the stipend is part of the 9,000) = 52,428.
    ran.expect(&[
        (0, "root", A, "success", ROOT + SEND_SEVEN),
        (1, "CALL", B, "success", 22_105),
    ])
    .expect_rounds(2)
    .expect_tree_gas(&[52_428])
    .expect_balance(ALICE, FUNDS - 52_428)
    .expect_balance(COINBASE, 52_428)
    .expect_balance(A, 993)
    .expect_balance(B, 7)
    .expect_slot(B, 0, 7);
}

#[test]
fn a_call_that_fails_bounces_its_value_to_the_sender() {
    let reverts = code().push(0).push(0).op(REVERT);
    let ran = Scenario::new(Policy::practical())
        .contract(A, 1_000, send_seven())
        .contract(B, 0, reverts)
        .root(root(ALICE, A))
        .run();
    // Spent: 32,623 + 6 − 2,300 = 30,329. The root is not undone: it has succeeded.
    ran.expect(&[
        (0, "root", A, "success", ROOT + SEND_SEVEN),
        (1, "CALL", B, "reverted", 6),
    ])
    .expect_tree_gas(&[30_329])
    .expect_balance(A, 1_000)
    .expect_balance(B, 0);
    assert_eq!(ran.receipt(1).bounced, 7.into());
    assert_eq!(ran.outcome.trees_succeeded, [false]);
}

#[test]
fn a_call_that_halts_consumes_what_it_was_given_and_bounces() {
    let ran = Scenario::new(Policy::practical())
        .contract(A, 1_000, send_seven())
        .contract(B, 0, code().op(INVALID))
        .root(root(ALICE, A))
        .run();
    // It was given 50,000 + 2,300. Spent: 32,623 + 52,300 − 2,300 = 82,623.
    ran.expect(&[
        (0, "root", A, "success", ROOT + SEND_SEVEN),
        (1, "CALL", B, "invalid opcode 0xfe", 52_300),
    ])
    .expect_tree_gas(&[82_623])
    .expect_balance(A, 1_000);
}

#[test]
fn a_revert_after_an_emission_drops_the_record_and_undoes_the_escrow() {
    let ran = Scenario::new(Policy::practical())
        .contract(A, 1_000, send_seven().push(0).push(0).op(REVERT))
        .contract(B, 0, code())
        .root(root(ALICE, A))
        .run();
    // No record was published, so the root settles at once.
    ran.expect(&[(0, "root", A, "reverted", ROOT + SEND_SEVEN + 2 * PUSH)])
        .expect_rounds(1)
        .expect_tree_gas(&[32_629])
        .expect_balance(A, 1_000)
        .expect_balance(B, 0);
}

#[test]
fn a_halt_after_an_emission_drops_the_record_and_consumes_all_gas() {
    let ran = Scenario::new(Policy::practical())
        .contract(A, 1_000, send_seven().op(INVALID))
        .contract(B, 0, code())
        .root(root(ALICE, A))
        .run();
    ran.expect(&[(0, "root", A, "invalid opcode 0xfe", 100_000)])
        .expect_rounds(1)
        .expect_tree_gas(&[100_000])
        .expect_balance(A, 1_000)
        .expect_balance(B, 0);
}

#[test]
fn a_call_that_the_balance_does_not_cover_pushes_0_and_gives_the_stipend_back() {
    // A has 6 wei. It stores what the CALL has pushed, plus 5, so that the slot shows a 0.
    let stores_result = code()
        .call_with(B, 7, 50_000)
        .push(5)
        .op(deferevm::opcode::ADD)
        .store_at(0);
    let ran = Scenario::new(Policy::practical())
        .contract(A, 6, stores_result)
        .contract(B, 0, code())
        .root(root(ALICE, A))
        .run();
    // 21,000 + 21 + 2,600 + 9,000 − 2,300 + PUSH, ADD, PUSH (9) + 22,100 = 52,430.
    ran.expect(&[(0, "root", A, "success", 52_430)])
        .expect_rounds(1)
        .expect_slot(A, 0, 5)
        .expect_balance(A, 6);
}

#[test]
fn the_word_of_returndata_is_what_a_deferred_call_seems_to_return() {
    // A calls B for a word of output at 0, then stores RETURNDATASIZE and that word.
    let asks = code()
        .push(32)
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(B)
        .push(0)
        .op(CALL)
        .op(POP)
        .op(RETURNDATASIZE)
        .store_at(0)
        .push(0)
        .op(MLOAD)
        .store_at(1);
    // B returns 77, which nobody sees.
    let answers = code().push(77).return_top();
    for (returndata, size, word) in [
        (ReturnData::Empty, 0u64, U256::zero()),
        (ReturnData::Word(1.into()), 32, U256::one()),
        (ReturnData::Word(U256::MAX), 32, U256::MAX),
    ] {
        let ran = Scenario::new(Policy::practical())
            .rules(|rules| rules.returndata = returndata)
            .contract(A, 0, asks.clone())
            .contract(B, 0, answers.clone())
            .root(root(ALICE, A).gas(200_000))
            .run();
        ran.expect_slot(A, 0, size).expect_slot(A, 1, word);
    }
}

#[test]
fn a_deferred_call_writes_no_more_than_its_output_region() {
    // Memory is all ones at first; the output region is 2 bytes at 1. min(32, 2) bytes of the word
    // 0x0101…01 are written there.
    let asks = code()
        .call(MSTORE, [U256::zero(), U256::MAX])
        .push(2)
        .push(1)
        .push(0)
        .push(0)
        .push(0)
        .push(B)
        .push(0)
        .op(CALL)
        .op(POP)
        .push(0)
        .op(MLOAD)
        .store_at(0);
    let word = U256::from_big_endian(&[1; 32]);
    let ran = Scenario::new(Policy::practical())
        .rules(|rules| rules.returndata = ReturnData::Word(word))
        .contract(A, 0, asks)
        .contract(B, 0, code())
        .root(root(ALICE, A))
        .run();
    let mut expected = [0xff; 32];
    expected[1..3].fill(1);
    ran.expect_slot(A, 0, U256::from_big_endian(&expected));
}

#[test]
fn a_virtual_transaction_has_its_emitter_as_caller_and_its_root_as_origin() {
    let ran = Scenario::new(Policy::seed())
        .contract(A, 0, code().call_with(B, 0, ALL_GAS))
        .contract(B, 0, code().op(CALLER).store_at(0).op(ORIGIN).store_at(1))
        .root(root(ALICE, A).gas(200_000))
        .run();
    ran.expect_slot(B, 0, A).expect_slot(B, 1, ALICE);
}

#[test]
fn transient_storage_is_empty_in_each_virtual_transaction() {
    // B keeps what it finds at transient slot 0 (0, at both times), plus 1, and leaves a 9 there.
    let finds = code()
        .push(0)
        .op(TLOAD)
        .push(1)
        .op(deferevm::opcode::ADD)
        .op(CALLVALUE)
        .op(deferevm::opcode::SSTORE)
        .call(TSTORE, [0, 9]);
    let calls_twice = code().call_with(B, 1, ALL_GAS).call_with(B, 2, ALL_GAS);
    let ran = Scenario::new(Policy::practical())
        .fork(Fork::Cancun)
        .contract(A, 3, calls_twice)
        .contract(B, 0, finds)
        .root(root(ALICE, A).gas(200_000))
        .run();
    ran.expect_slot(B, 1, 1).expect_slot(B, 2, 1);
}

#[test]
fn a_value_sent_to_a_precompile_is_a_credit_of_the_barrier() {
    // A sends 5 wei to the identity, of whose output it keeps one word, and looks at its balance.
    let identity = deferevm::Address::from_low_u64_be(4);
    let sends = code()
        .call(MSTORE, [0, 99])
        .push(32)
        .push(32)
        .push(32)
        .push(0)
        .push(5)
        .push(identity)
        .push(10_000)
        .op(CALL)
        .op(POP)
        .push(32)
        .op(MLOAD)
        .store_at(0)
        .push(identity)
        .op(BALANCE)
        .push(1)
        .op(deferevm::opcode::ADD)
        .store_at(1);
    let ran = Scenario::new(Policy::seed())
        .contract(A, 5, sends)
        .root(root(ALICE, A).gas(200_000))
        .run();
    // Inline under every policy, so the output is there at once: 99. The balance is still as of the
    // round's start: 0, stored as 1.
    // MSTORE 3+3+3 and 3 for the first word · CALL 21 + 3 (second word) + 100 (warm) + 9,000 + 25,000
    // (an empty account) + 18 of the 10,000 + 2,300 for the identity of a word, the 2,300 given back:
    // 9 + 3 + 21 + 3 + 34,100 + 18 − 2,300 = 31,854 · POP 2, PUSH MLOAD 6, PUSH SSTORE 22,103
    // · PUSH BALANCE 103 (warm), PUSH ADD 6, PUSH SSTORE 22,103.
    ran.expect(&[(0, "root", A, "success", ROOT + 31_854 + 22_111 + 22_212)])
        .expect_rounds(1)
        .expect_slot(A, 0, 99)
        .expect_slot(A, 1, 1)
        .expect_balance(A, 0)
        .expect_balance(identity, 5);
}

#[test]
fn a_value_sent_to_a_precompile_that_fails_stays_where_it_was() {
    // Identity costs 15 + 3 a word: with no gas but the stipend 2,300 it can copy 761 words, not 762.
    let identity = deferevm::Address::from_low_u64_be(4);
    let sends = |words: u64| {
        code()
            .call_with_input(identity, 5, 0, 32 * words)
            .push(3)
            .op(deferevm::opcode::ADD)
            .store_at(0)
    };
    for (words, result, left) in [(761, 4u64, 0), (762, 3, 5)] {
        let ran = Scenario::new(Policy::practical())
            .contract(A, 5, sends(words))
            .account(identity, 1)
            .root(root(ALICE, A))
            .run();
        ran.expect_slot(A, 0, result)
            .expect_balance(A, left)
            .expect_balance(identity, 6 - left);
    }
}

#[test]
fn a_deferred_call_to_an_account_without_code_is_a_transfer() {
    let ran = Scenario::new(Policy::seed())
        .contract(A, 10, code().call_with(BOB, 10, 0))
        .root(root(ALICE, A))
        .run();
    // The record consumes nothing of its 2,300; spent: 21,000 + 11,621 − 2,300.
    ran.expect(&[
        (0, "root", A, "success", ROOT + OPERANDS + COLD + VALUE),
        (1, "CALL", BOB, "success", 0),
    ])
    .expect_tree_gas(&[30_321])
    .expect_balance(BOB, FUNDS + 10);
}

#[test]
fn what_a_root_returns_is_not_what_its_records_return() {
    // A returns before B has run; both succeed, and the logs are none.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, code().call_with(B, 0, ALL_GAS).call(RETURN, [0, 0]))
        .contract(B, 0, code().op(INVALID))
        .root(root(ALICE, A).gas(50_000))
        .run();
    // A: 21,000 + 21 + 2,600 + 6 = 23,627; B gets the other 26,373 and burns them.
    ran.expect(&[
        (0, "root", A, "success", 23_627),
        (1, "CALL", B, "invalid opcode 0xfe", 26_373),
    ])
    .expect_tree_gas(&[50_000]);
}

#[test]
fn a_deferred_callcode_shows_its_value_and_moves_none() {
    // B's code, as A: it keeps CALLVALUE and CALLER, A itself. 2 × (2 + 3 + 22,100) gas.
    let keeps = code().op(CALLVALUE).store_at(0).op(CALLER).store_at(1);
    let ran = Scenario::new(Policy::seed())
        .contract(A, 5, code().callcode_with(B, 5, 50_000))
        .contract(B, 0, keeps)
        .root(root(ALICE, A))
        .run();
    // The record carries a stipend all the same, which A has paid for with the 9,000.
    ran.expect(&[
        (0, "root", A, "success", ROOT + OPERANDS + COLD + VALUE),
        (1, "CALLCODE", A, "success", 44_210),
    ])
    .expect_tree_gas(&[32_621 + 44_210 - STIPEND])
    .expect_slot(A, 0, 5)
    .expect_slot(A, 1, A)
    .expect_balance(A, 5)
    .expect_balance(B, 0);
}

#[test]
fn a_deferred_delegatecall_keeps_the_frames_caller_and_value() {
    // ALICE sends 3 wei to A, whose DELEGATECALL keeps CALLVALUE 3 and CALLER ALICE.
    let keeps = code().op(CALLVALUE).store_at(0).op(CALLER).store_at(1);
    let ran = Scenario::new(Policy::seed())
        .contract(A, 5, code().delegatecall_to(B))
        .contract(B, 0, keeps)
        .root(root(ALICE, A).value(3))
        .run();
    ran.expect(&[
        (0, "root", A, "success", ROOT + 6 * PUSH + COLD),
        (1, "DELEGATECALL", A, "success", 44_210),
    ])
    .expect_slot(A, 0, 3)
    .expect_slot(A, 1, ALICE)
    .expect_balance(A, 8);
    assert_eq!(ran.receipt(1).sender, ALICE);
}
