//! What a transaction reads live and what as of the round's start, and what follows for originals.

use deferevm::{
    Address,
    bytecode::Bytecode,
    call::Policy,
    opcode::{ADD, BALANCE, SLOAD},
    transaction::{InvalidTransaction, Status},
};

use crate::support::*;

/// An account that owns nothing before the block.
const POOR: Address = Address::repeat_byte(0x9f);

/// Adds 1 to slot 0. PUSH SLOAD PUSH ADD PUSH SSTORE.
fn counter() -> Bytecode {
    code().push(0).op(SLOAD).push(1).op(ADD).store_at(0)
}

#[test]
fn roots_that_share_a_target_see_each_other_in_block_order() {
    let ran = Scenario::new(Policy::seed())
        .contract(A, 0, counter())
        .root(root(ALICE, A).hash(9))
        .root(root(BOB, A).hash(1))
        .run();
    // The slot is warm for the SSTORE: 3 + 2,100 + 3 + 3 + 3 + 20,000; then a reset for 2,900.
    ran.expect(&[
        (0, "root", A, "success", ROOT + 22_112),
        (0, "root", A, "success", ROOT + 5_012),
    ])
    .expect_rounds(1)
    .expect_slot(A, 0, 2);
}

#[test]
fn records_to_one_target_see_each_other_in_the_rounds_order() {
    let ran = Scenario::new(Policy::seed())
        .contract(A, 0, counter())
        .contract(B, 0, code().call_with(A, 0, ALL_GAS))
        .contract(C, 0, code().call_with(A, 0, ALL_GAS))
        .root(root(ALICE, B))
        .root(root(BOB, C))
        .run();
    ran.expect(&[
        (0, "root", B, "success", ROOT + OPERANDS + COLD),
        (0, "root", C, "success", ROOT + OPERANDS + COLD),
        (1, "CALL", A, "success", 22_112),
        (1, "CALL", A, "success", 5_012),
    ])
    .expect_slot(A, 0, 2);
}

#[test]
fn an_account_that_is_not_owned_is_read_as_of_the_rounds_start() {
    // ALICE's root pays 50 to A; BOB's, later in the block, sees A's 8 of before.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 8, code())
        .contract(B, 0, code().push(A).op(BALANCE).store_at(0))
        .root(root(ALICE, A).value(50))
        .root(root(BOB, B))
        .run();
    ran.expect_slot(B, 0, 8).expect_balance(A, 58);
}

#[test]
fn a_sender_can_spend_what_an_earlier_root_has_sent_it_directly() {
    // X→Y and Y→Z share Y, which is owned by both: 30,000 arrive, and 21,000 + 9,000 go on.
    let ran = Scenario::new(Policy::practical())
        .root(root(ALICE, POOR).value(30_000))
        .root(root(POOR, D).gas(21_000).value(9_000))
        .run();
    ran.expect(&[
        (0, "root", POOR, "success", ROOT),
        (0, "root", D, "success", ROOT),
    ])
    .expect_balance(POOR, 0)
    .expect_balance(D, 9_000);
}

#[test]
fn ether_that_comes_through_a_call_comes_a_round_too_late() {
    // A pays POOR 30,000, but in round 1: its root of round 0 is skipped.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 30_000, code().call_with(POOR, 30_000, 0))
        .root(root(ALICE, A))
        .root(root(POOR, D).gas(21_000))
        .run();
    // The account is empty, and 25,000 is what its coming to life costs.
    ran.expect(&[
        (
            0,
            "root",
            A,
            "success",
            ROOT + OPERANDS + COLD + VALUE + 25_000,
        ),
        (0, "root", D, "skipped", 0),
        (1, "CALL", POOR, "success", 0),
    ])
    .expect_balance(POOR, 30_000)
    .expect_tree_gas(&[57_621 - STIPEND, 0]);
    let expected = InvalidTransaction::InsufficientFunds {
        balance: 0.into(),
        required: 21_000.into(),
    };
    assert_eq!(ran.receipt(1).status, Status::Skipped(Box::new(expected)));
    assert_eq!(ran.nonce(POOR), 0);
}

#[test]
fn a_skipped_original_leaves_no_trace_and_so_skips_the_nonces_after_it() {
    // Nonce 0 runs. Nonce 1 asks for more wei than ALICE has and is skipped, and with it nonce 2, which
    // is then too high. BOB, in between, is not concerned.
    let ran = Scenario::new(Policy::seed())
        .root(root(ALICE, D).value(1))
        .root(root(ALICE, D).nonce(1).value(FUNDS))
        .root(root(BOB, D).value(1))
        .root(root(ALICE, D).nonce(2).value(1))
        .run();
    let statuses: Vec<_> = ran
        .outcome
        .receipts
        .iter()
        .map(|receipt| receipt.status.word())
        .collect();
    assert_eq!(statuses, ["success", "skipped", "success", "skipped"]);
    ran.expect_rounds(1)
        .expect_tree_gas(&[ROOT, 0, ROOT, 0])
        .expect_balance(D, 2)
        .expect_balance(ALICE, FUNDS - 21_001);
    assert_eq!(ran.nonce(ALICE), 1);
    assert_eq!(ran.outcome.trees_succeeded, [true, false, true, false]);
}
