//! SELFDESTRUCT: to whom the balance goes and when, and what becomes of records and bounces whose
//! account is gone. Shanghai is the last fork in which any account can go.

use deferevm::{
    Fork,
    call::{GasRule, Policy},
    opcode::{BALANCE, CALLER, INVALID, POP, SELFBALANCE, SELFDESTRUCT},
    state::account::create_address,
};

use crate::support::*;

/// SELFDESTRUCT's own gas.
const DESTROY: u64 = 5_000;

#[test]
fn selfdestruct_to_another_is_a_credit_of_the_barrier() {
    // The second root owns C, and stores what C has: 1 and the 10 it brings, not yet A's 500.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 500, code().push(C).op(SELFDESTRUCT))
        .contract(C, 1, code().op(SELFBALANCE).store_at(0))
        .root(root(ALICE, A))
        .root(root(BOB, C).value(10))
        .run();
    // PUSH 3, 5,000, and 2,600 for C, which is cold; C is not empty. SELFBALANCE is 5.
    ran.expect(&[
        (0, "root", A, "success", ROOT + PUSH + DESTROY + COLD),
        (0, "root", C, "success", ROOT + 5 + PUSH + SET),
    ])
    .expect_rounds(1)
    .expect_absent(A)
    .expect_slot(C, 0, 11)
    .expect_balance(C, 511);
}

#[test]
fn selfdestruct_to_an_owned_account_moves_the_balance_at_once() {
    // ALICE is the root's sender. She gets 500 and what her gas has left.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 500, code().push(ALICE).op(SELFDESTRUCT))
        .root(root(ALICE, A))
        .run();
    // ALICE is warm.
    ran.expect(&[(0, "root", A, "success", ROOT + PUSH + DESTROY)])
        .expect_balance(ALICE, FUNDS + 500 - 26_003)
        .expect_absent(A);
}

#[test]
fn selfdestruct_to_oneself_burns_the_balance() {
    let ran = Scenario::new(Policy::practical())
        .contract(A, 500, code().push(A).op(SELFDESTRUCT))
        .root(root(ALICE, A))
        .run();
    ran.expect_absent(A).expect_balance(ALICE, FUNDS - 26_003);
}

#[test]
fn from_cancun_selfdestruct_moves_the_balance_and_leaves_the_account() {
    let ran = Scenario::new(Policy::practical())
        .fork(Fork::Cancun)
        .contract(A, 500, code().push(C).op(SELFDESTRUCT))
        .contract(C, 1, code())
        .root(root(ALICE, A))
        .run();
    ran.expect_balance(A, 0).expect_balance(C, 501);
    assert_eq!(ran.nonce(A), 1);
}

#[test]
fn a_bounce_to_a_destroyed_account_recreates_it_with_the_balance_only() {
    // A sends 7 of its 1,000 wei to B, then destroys itself for C. B fails.
    let ran = Scenario::new(Policy::practical())
        .contract(
            A,
            1_000,
            code()
                .call_with(B, 7, 50_000)
                .op(POP)
                .push(C)
                .op(SELFDESTRUCT),
        )
        .slot(A, 1, 1)
        .contract(B, 0, code().op(INVALID))
        .contract(C, 1, code())
        .root(root(ALICE, A))
        .run();
    let gas = ROOT + OPERANDS + COLD + VALUE + BASE + PUSH + DESTROY + COLD;
    ran.expect(&[
        (0, "root", A, "success", gas),
        (1, "CALL", B, "invalid opcode 0xfe", 52_300),
    ])
    .expect_balance(C, 994)
    .expect_balance(A, 7)
    .expect_slot(A, 1, 0);
    let account = ran.after.get(A).unwrap();
    assert_eq!((account.info.nonce, account.info.has_code()), (0, false));
}

#[test]
fn a_delegatecall_into_a_destroyed_account_fails_and_consumes_nothing() {
    let ran = Scenario::new(Policy::seed())
        .contract(
            A,
            0,
            code().delegatecall_to(B).op(POP).push(C).op(SELFDESTRUCT),
        )
        .contract(B, 0, code().push(1).store_at(0))
        .contract(C, 1, code())
        .root(root(ALICE, A).gas(1_000_000))
        .run();
    let gas = ROOT + 6 * PUSH + COLD + BASE + PUSH + DESTROY + COLD;
    ran.expect(&[
        (0, "root", A, "success", gas),
        (1, "DELEGATECALL", A, "target destroyed", 0),
    ])
    .expect_tree_gas(&[gas])
    .expect_absent(A);
}

#[test]
fn a_call_to_a_destroyed_account_is_a_transfer_that_recreates_it() {
    // Two roots in one round: the first makes a call to A, the second destroys it.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 100, code().push(C).op(SELFDESTRUCT))
        .contract(B, 5, code().call_with(A, 5, 10_000))
        .contract(C, 1, code())
        .root(root(ALICE, B))
        .root(root(BOB, A))
        .run();
    ran.expect(&[
        (0, "root", B, "success", ROOT + OPERANDS + COLD + VALUE),
        (0, "root", A, "success", ROOT + PUSH + DESTROY + COLD),
        (1, "CALL", A, "success", 0),
    ])
    .expect_balance(A, 5)
    .expect_balance(C, 101);
}

#[test]
fn a_destroyed_account_is_gone_for_the_next_transaction_of_the_round() {
    // The second root, which owns A too, finds no code there: its 3 wei stay on an account without any.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 100, code().push(C).op(SELFDESTRUCT))
        .contract(C, 1, code())
        .root(root(ALICE, A))
        .root(root(BOB, A).value(3))
        .run();
    ran.expect(&[
        (0, "root", A, "success", ROOT + PUSH + DESTROY + COLD),
        (0, "root", A, "success", ROOT),
    ])
    .expect_balance(A, 3)
    .expect_balance(C, 101);
    assert_eq!(ran.nonce(A), 0);
}

#[test]
fn before_spurious_dragon_a_call_without_value_creates_an_empty_account() {
    // D is absent. Homestead charges 40 + 25,000 for the CALL; the record delivers 0 wei, a touch.
    let touches = |fork| {
        Scenario::new(Policy::seed())
            .fork(fork)
            .contract(A, 0, code().call_with(D, 0, 0))
            .root(root(ALICE, A))
            .run()
    };
    let ran = touches(Fork::Homestead);
    ran.expect(&[
        (0, "root", A, "success", ROOT + OPERANDS + 40 + 25_000),
        (1, "CALL", D, "success", 0),
    ])
    .expect_balance(D, 0);
    // From Spurious Dragon on it costs 700 (EIP-150) and leaves nothing.
    let ran = touches(Fork::SpuriousDragon);
    ran.expect(&[
        (0, "root", A, "success", ROOT + OPERANDS + 700),
        (1, "CALL", D, "success", 0),
    ])
    .expect_absent(D);
}

#[test]
fn before_spurious_dragon_a_credit_of_nothing_creates_an_empty_account() {
    // A has nothing to leave to D. Tangerine Whistle charges 5,000 + 25,000 for an absent heir, and
    // refunds 24,000 of SELFDESTRUCT, at most a half.
    let destroys = |fork| {
        Scenario::new(Policy::seed())
            .fork(fork)
            .contract(A, 0, code().push(D).op(SELFDESTRUCT))
            .root(root(ALICE, A))
            .run()
    };
    let gas = ROOT + PUSH + DESTROY;
    destroys(Fork::TangerineWhistle)
        .expect(&[(0, "root", A, "success", gas + 25_000)])
        .expect_tree_gas(&[51_003 - 24_000])
        .expect_balance(D, 0);
    // 26,003 / 2 = 13,001 is less than 24,000.
    destroys(Fork::SpuriousDragon)
        .expect(&[(0, "root", A, "success", gas)])
        .expect_tree_gas(&[26_003 - 13_001])
        .expect_absent(D);
}

#[test]
fn what_code_stores_as_an_account_that_does_not_exist_is_dropped() {
    // Init code lets A's code run as the new account, twice in the next round, and destroys that account.
    let new = create_address(ALICE, 0);
    let init_code = code()
        .delegatecall_to(A)
        .op(POP)
        .delegatecall_to(A)
        .op(POP)
        .op(CALLER)
        .op(SELFDESTRUCT);
    let mut creation = root(ALICE, A).gas(400_000).input(init_code.bytes());
    creation.0.transaction.to = None;
    for fork in [Fork::Homestead, Fork::SpuriousDragon, Fork::LATEST] {
        let ran = Scenario::new(Policy::seed())
            .rules(|rules| rules.gas = GasRule::Split)
            .fork(fork)
            .contract(A, 0, code().push(1).store_at(3))
            .root(creation.clone())
            .run();
        for record in [1, 2].map(|place| ran.receipt(place)) {
            assert_eq!((record.target, record.round), (new, 1), "{fork}");
            assert!(record.status.is_success(), "{fork}: {record:?}");
            assert!(record.gas_used > 20_000, "{fork}: nothing was there before");
        }
        ran.expect_absent(new);
    }
}

#[test]
fn an_account_is_read_as_of_the_rounds_start_after_it_was_destroyed() {
    // The second root does not own A: it still sees its 100 wei, whatever the first has done.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 100, code().push(C).op(SELFDESTRUCT))
        .contract(B, 0, code().push(A).op(BALANCE).store_at(0))
        .contract(C, 1, code())
        .root(root(ALICE, A))
        .root(root(BOB, B))
        .run();
    ran.expect_slot(B, 0, 100).expect_absent(A);
}
