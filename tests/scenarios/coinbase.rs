//! The coinbase rule: its owners of round 0 see the fees of earlier roots that have settled; everyone
//! else sees it as of the round's start.

use deferevm::{
    call::Policy,
    opcode::{BALANCE, SELFBALANCE},
};

use crate::support::*;

#[test]
fn the_coinbase_as_sender_can_spend_the_fees_of_earlier_roots() {
    // 21,000 from ALICE are just what its gas costs; its own fee comes back to it at once. BOB's is a
    // credit of the barrier.
    let ran = Scenario::new(Policy::practical())
        .root(root(ALICE, D))
        .root(root(COINBASE, D).gas(21_000))
        .root(root(COINBASE, D).gas(21_000).nonce(1))
        .root(root(BOB, D))
        .run();
    ran.expect(&[
        (0, "root", D, "success", ROOT),
        (0, "root", D, "success", ROOT),
        (0, "root", D, "success", ROOT),
        (0, "root", D, "success", ROOT),
    ])
    .expect_balance(COINBASE, 42_000);
    assert_eq!(ran.nonce(COINBASE), 2);
}

#[test]
fn the_coinbase_cannot_spend_the_fees_of_later_roots() {
    let ran = Scenario::new(Policy::practical())
        .root(root(COINBASE, D).gas(21_000))
        .root(root(ALICE, D))
        .run();
    assert_eq!(ran.receipt(0).status.word(), "skipped");
    ran.expect_balance(COINBASE, 21_000);
}

#[test]
fn the_coinbase_as_target_sees_settled_fees_only() {
    // ALICE's root has settled: 21,000. BOB's has a record pending. CAROL's own comes after.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, code().call_with(D, 0, 1_000))
        .contract(COINBASE, 5, code().op(SELFBALANCE).store_at(0))
        .root(root(ALICE, D))
        .root(root(BOB, A))
        .root(root(CAROL, COINBASE).value(2))
        .run();
    // CAROL: SELFBALANCE 5, PUSH 3, SSTORE 22,100. BOB: 21 + 2,600.
    ran.expect(&[
        (0, "root", D, "success", ROOT),
        (0, "root", A, "success", 23_621),
        (0, "root", COINBASE, "success", 43_108),
        (1, "CALL", D, "success", 0),
    ])
    .expect_slot(COINBASE, 0, 5 + 2 + 21_000)
    .expect_balance(COINBASE, 5 + 2 + 21_000 + 23_621 + 43_108);
}

#[test]
fn who_does_not_own_the_coinbase_sees_it_as_of_the_rounds_start() {
    // It is warm from Shanghai on: 100.
    let looks = code().push(COINBASE).op(BALANCE).store_at(0);
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, looks)
        .account(COINBASE, 5)
        .root(root(ALICE, D))
        .root(root(COINBASE, D).gas(21_000).value(4))
        .root(root(BOB, A))
        .run();
    ran.expect(&[
        (0, "root", D, "success", ROOT),
        (0, "root", D, "success", ROOT),
        (0, "root", A, "success", ROOT + PUSH + WARM + PUSH + SET),
    ])
    .expect_slot(A, 0, 5)
    // It pays its own fee to itself.
    .expect_balance(COINBASE, 5 - 4 + ROOT + 43_206);
}

#[test]
fn a_virtual_transaction_finds_the_fees_of_the_barrier_before_it() {
    // ALICE's root has settled in round 0, BOB's has not: its record, in round 1, sees 21,000.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, code().call_with(COINBASE, 0, 50_000))
        .contract(COINBASE, 0, code().op(SELFBALANCE).store_at(0))
        .root(root(BOB, A))
        .root(root(ALICE, D))
        .run();
    // The coinbase is warm: CALL 21 + 100. Record: 22,108. BOB's tree: 43,229.
    ran.expect(&[
        (0, "root", A, "success", 21_121),
        (0, "root", D, "success", ROOT),
        (1, "CALL", COINBASE, "success", 22_108),
    ])
    .expect_slot(COINBASE, 0, 21_000)
    .expect_balance(COINBASE, 21_000 + 43_229);
}

#[test]
fn a_fee_of_nothing_does_not_bring_the_coinbase_to_life() {
    // ALICE pays no tip: all of her 7 wei a gas are burnt. EIP-161 holds for the owner after her too.
    let mut scenario = Scenario::new(Policy::practical())
        .root(root(ALICE, D).price(7))
        .root(root(BOB, COINBASE).price(7));
    scenario.block.environment.base_fee = 7.into();
    let ran = scenario.run();
    ran.expect_absent(COINBASE)
        .expect_balance(ALICE, FUNDS - 7 * 21_000);
}
