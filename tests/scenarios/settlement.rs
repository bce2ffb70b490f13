//! What a root pays in the end: refunds over its tree, the floor, the burnt base fee.

use deferevm::{
    Fork,
    call::Policy,
    opcode::{INVALID, POP, STOP},
};

use crate::support::*;

/// PUSH PUSH and an SSTORE that clears a cold slot: 6 + 2,100 + 2,900, and 4,800 to be refunded.
const CLEAR: u64 = 5_006;

#[test]
fn the_refund_is_of_the_whole_tree() {
    // A clears a slot and calls B, which clears one too.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, code().push(0).store_at(0).call_with(B, 0, ALL_GAS))
        .slot(A, 0, 1)
        .contract(B, 0, code().push(0).store_at(0))
        .slot(B, 0, 1)
        .root(root(ALICE, A))
        .run();
    // Spent 21,000 + 5,006 + 2,621 + 5,006 = 33,633; a fifth of that, 6,726, is less than 9,600.
    ran.expect(&[
        (0, "root", A, "success", ROOT + CLEAR + 2_621),
        (1, "CALL", B, "success", CLEAR),
    ])
    .expect_tree_gas(&[33_633 - 6_726]);
}

#[test]
fn a_transaction_that_fails_refunds_nothing() {
    // B clears its slot and halts: 10,000 gas, and no refund. A's 4,800 remain.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, code().push(0).store_at(0).call_with(B, 0, 10_000))
        .slot(A, 0, 1)
        .contract(B, 0, code().push(0).store_at(0).op(INVALID))
        .slot(B, 0, 1)
        .root(root(ALICE, A))
        .run();
    // 21,000 + 5,006 + 2,621 + 10,000 = 38,627; a fifth is 7,725.
    ran.expect_tree_gas(&[38_627 - 4_800]).expect_slot(B, 0, 1);
}

#[test]
fn the_floor_counts_against_the_whole_tree() {
    // 1,000 bytes that are not zero: 16,000 gas of input, 4,000 tokens, so a floor of 61,000. What B
    // spends counts towards it.
    let scenario = |gas_of_b: u64| {
        Scenario::new(Policy::practical())
            .fork(Fork::Prague)
            .contract(A, 0, code().call_with(B, 0, gas_of_b))
            .contract(B, 0, code().op(INVALID))
            .root(root(ALICE, A).input([1; 1_000]))
            .run()
    };
    let own = ROOT + 16_000 + 2_621;
    scenario(10_000).expect_tree_gas(&[61_000]);
    scenario(21_379).expect_tree_gas(&[61_000]);
    scenario(21_380).expect_tree_gas(&[own + 21_380]);
}

#[test]
fn the_base_fee_of_the_tree_is_burnt_and_the_rest_goes_to_the_coinbase() {
    // 10 wei a gas, of which 7 are the base fee. The tree: 21,000 + 11,623 + 3 − 2,300 = 30,326.
    let mut scenario = Scenario::new(Policy::seed())
        .contract(A, 1, code().call_with(B, 1, 0).op(POP))
        .contract(B, 0, code().push(0).op(STOP))
        .root(root(ALICE, A).price(10));
    scenario.block.environment.base_fee = 7.into();
    let ran = scenario.run();
    ran.expect_tree_gas(&[30_326])
        .expect_balance(ALICE, FUNDS - 303_260)
        .expect_balance(COINBASE, 3 * 30_326)
        .expect_balance(B, 1);
}

#[test]
fn a_root_without_records_settles_at_once_and_can_spend_again_in_its_round() {
    // ALICE has 50,000 wei: enough for one root of 29,000 gas at a time, so the second needs what the
    // first gives back.
    let mut scenario = Scenario::new(Policy::practical())
        .account(ALICE, 50_000)
        .root(root(ALICE, D).gas(29_000))
        .root(root(ALICE, D).gas(29_000).nonce(1));
    let ran = scenario.run();
    ran.expect_tree_gas(&[ROOT, ROOT])
        .expect_balance(ALICE, 8_000);
    // With a record pending the first gives nothing back before the barrier: the second is skipped.
    scenario = Scenario::new(Policy::practical())
        .account(ALICE, 50_000)
        .contract(A, 0, code().call_with(D, 0, 0))
        .root(root(ALICE, A).gas(29_000))
        .root(root(ALICE, D).gas(29_000).nonce(1));
    let ran = scenario.run();
    assert_eq!(ran.receipt(1).status.word(), "skipped");
    ran.expect_tree_gas(&[23_621, 0])
        .expect_balance(ALICE, 50_000 - 23_621);
}

#[test]
fn before_london_the_refund_is_at_most_a_half() {
    let ran = Scenario::new(Policy::practical())
        .fork(Fork::Istanbul)
        .contract(A, 0, code().call_with(B, 0, ALL_GAS))
        .contract(B, 0, code().push(0).store_at(0))
        .slot(B, 0, 1)
        .root(root(ALICE, A))
        .run();
    // CALL 21 + 700; the SSTORE 5,000 + 6; 15,000 refunded of 26,727, at most 13,363.
    ran.expect(&[
        (0, "root", A, "success", 21_721),
        (1, "CALL", B, "success", 5_006),
    ])
    .expect_tree_gas(&[26_727 - 13_363]);
}
