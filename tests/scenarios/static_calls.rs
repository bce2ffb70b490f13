//! Static records share their target; inline static calls read the round's start, and owned accounts
//! live.

use deferevm::{
    Address,
    bytecode::Bytecode,
    call::{Policy, Treatment},
    opcode::{
        CALLCODE, CALLDATASIZE, DUP1, JUMPI, MLOAD, MSTORE, POP, RETURN, REVERT, SLOAD, SSTORE,
        STOP,
    },
};

use crate::support::*;

/// With input stores 1 at slot 0; without it succeeds only while that slot is 0.
fn door() -> Bytecode {
    let check = code()
        .op(CALLDATASIZE)
        .push(11)
        .op(JUMPI)
        .push(0)
        .op(SLOAD)
        .push(18)
        .op(JUMPI)
        .op(STOP);
    assert_eq!(check.len(), 11);
    let shut = check.jump_destination().push(1).store_at(0).op(STOP);
    assert_eq!(shut.len(), 18);
    shut.jump_destination().push(0).push(0).op(REVERT)
}

/// Gas of the door where it lets through: CALLDATASIZE 2, PUSH 3, JUMPI 10, PUSH 3, SLOAD 2,100,
/// PUSH 3, JUMPI 10.
const OPEN: u64 = 2_131;

#[test]
fn static_records_share_their_target_and_follow_its_writers() {
    // ALICE asks the door, BOB shuts it, CAROL asks it again; in parent order.
    let scenario = Scenario::new(Policy::practical())
        .rules(|rules| rules.static_calls = Treatment::Defer)
        .contract(A, 0, code().staticcall_to(D, 0))
        .contract(B, 0, code().call_with_input(D, 0, 50_000, 1))
        .contract(C, 0, code().staticcall_to(D, 0))
        .contract(D, 0, door());
    // STATICCALL: 6 pushes, 2,600, a word of output 3.
    let asks = ROOT + 6 * PUSH + COLD + 3;
    let (alice, bob, carol) = (root(ALICE, A), root(BOB, B), root(CAROL, C));
    scenario
        .clone()
        .root(alice.clone().hash(1))
        .root(bob.hash(2))
        .root(carol.clone().hash(3))
        .run()
        .expect(&[
            (0, "root", A, "success", asks),
            (0, "root", B, "success", ROOT + OPERANDS + COLD + 3),
            (0, "root", C, "success", asks),
            (1, "static STATICCALL", D, "success", OPEN),
            // CALLDATASIZE, PUSH, JUMPI 15, JUMPDEST 1, PUSH PUSH SSTORE 22,106.
            (1, "CALL", D, "success", 22_122),
            // It owns D together with the writer, and so reads what that has left: JUMPDEST 1 and
            // PUSH PUSH REVERT 6 on top.
            (1, "static STATICCALL", D, "reverted", OPEN + 7),
        ]);
    scenario
        .root(alice.hash(1))
        .root(carol.hash(3))
        .run()
        .expect(&[
            (0, "root", A, "success", asks),
            (0, "root", C, "success", asks),
            (1, "static STATICCALL", D, "success", OPEN),
            (1, "static STATICCALL", D, "success", OPEN),
        ]);
}

#[test]
fn a_static_record_cannot_write() {
    let ran = Scenario::new(Policy::seed())
        .contract(A, 0, code().staticcall_to(B, 0))
        .contract(B, 0, code().push(1).store_at(0))
        .root(root(ALICE, A).gas(23_621 + 640))
        .run();
    // lock: 640 are left, 10 stay, 630 go along and burn.
    ran.expect(&[
        (0, "root", A, "success", 23_621),
        (1, "static STATICCALL", B, "write protection", 630),
    ])
    .expect_slot(B, 0, 0);
}

#[test]
fn what_a_static_record_emits_is_static_too() {
    // A asks B statically; B calls C; C tries to write.
    let ran = Scenario::new(Policy::seed())
        .contract(A, 0, code().staticcall_to(B, 0))
        .contract(B, 0, code().call_with(C, 0, 10_000))
        .contract(C, 0, code().push(1).store_at(0))
        .root(root(ALICE, A))
        .run();
    ran.expect(&[
        (0, "root", A, "success", 23_621),
        (1, "static STATICCALL", B, "success", OPERANDS + COLD),
        (2, "static CALL", C, "write protection", 10_000),
    ])
    .expect_rounds(3);
}

#[test]
fn a_value_in_a_static_frame_halts() {
    let ran = Scenario::new(Policy::seed())
        .contract(A, 0, code().staticcall_to(B, 0))
        .contract(B, 9, code().call_with(C, 1, 0))
        .root(root(ALICE, A).gas(23_621 + 6_400))
        .run();
    ran.expect(&[
        (0, "root", A, "success", 23_621),
        (1, "static STATICCALL", B, "write protection", 6_300),
    ])
    .expect_balance(B, 9);
}

/// Without input: stores 9 at slot 0, asks `whom` with a byte of input, and keeps the answer in slot
/// 1. With input: returns slot 0.
fn asks_for_slot_0(whom: Address) -> Bytecode {
    let head = |at: u64| {
        code()
            .op(CALLDATASIZE)
            .push(at)
            .op(JUMPI)
            .push(9)
            .store_at(0)
            .staticcall_to(whom, 1)
            .op(POP)
            .push(0)
            .op(MLOAD)
            .store_at(1)
            .op(STOP)
    };
    let at = head(0).len() as u64;
    head(at)
        .jump_destination()
        .push(0)
        .op(SLOAD)
        .push(0)
        .op(MSTORE)
        .call(RETURN, [0, 32])
}

#[test]
fn an_inline_staticcall_reads_owned_accounts_live_and_others_as_of_the_rounds_start() {
    // ALICE's root owns A: asked by itself, A answers its live 9. BOB's root runs later and does not
    // own A: it is answered the 4 of the round's start.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, asks_for_slot_0(A))
        .slot(A, 0, 4)
        .contract(B, 0, asks_for_slot_0(A))
        .root(root(ALICE, A))
        .root(root(BOB, B))
        .run();
    ran.expect_rounds(1)
        .expect_slot(A, 0, 9)
        .expect_slot(A, 1, 9)
        .expect_slot(B, 1, 4);
}

#[test]
fn calls_of_an_inline_static_frame_are_inline_too() {
    // A asks B, which asks C by a CALL, and hands the answer on: 7 reaches A in the same round.
    let hands_on = code()
        .push(32)
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(C)
        .push(20_000)
        .op(deferevm::opcode::CALL)
        .op(POP)
        .call(RETURN, [0, 32]);
    let ran = Scenario::new(Policy::practical())
        .contract(
            A,
            0,
            code()
                .staticcall_to(B, 0)
                .op(POP)
                .push(0)
                .op(MLOAD)
                .store_at(0),
        )
        .contract(B, 0, hands_on)
        .contract(C, 0, code().push(7).return_top())
        .root(root(ALICE, A))
        .run();
    ran.expect_rounds(1).expect_slot(A, 0, 7);
}

#[test]
fn an_inline_static_frame_that_writes_fails_alone() {
    let ran = Scenario::new(Policy::practical())
        .contract(
            A,
            0,
            code()
                .staticcall_to(B, 0)
                .op(DUP1)
                .push(5)
                .op(deferevm::opcode::ADD)
                .store_at(0),
        )
        .contract(B, 0, code().push(1).push(0).op(SSTORE))
        .root(root(ALICE, A).gas(2_000_000))
        .run();
    ran.expect_slot(A, 0, 5).expect_slot(B, 0, 0);
}

#[test]
fn callcode_in_a_static_frame_follows_the_row_of_staticcall() {
    // B hands on what C's code returns to it: 7. A keeps what B returns.
    let hands_on = code()
        .push(32)
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(C)
        .push(20_000)
        .op(CALLCODE)
        .op(POP)
        .call(RETURN, [0, 32]);
    let asks = code()
        .staticcall_to(B, 0)
        .op(POP)
        .push(0)
        .op(MLOAD)
        .store_at(0);
    let scenario = Scenario::new(Policy::practical())
        .contract(A, 0, asks)
        .contract(B, 0, hands_on)
        .contract(C, 0, code().push(7).return_top())
        .root(root(ALICE, A));
    // Static calls inline, delegating ones deferred: the frame of B is static, so its CALLCODE is inline.
    scenario
        .clone()
        .rules(|rules| rules.delegate_calls = Treatment::Defer)
        .run()
        .expect_rounds(1)
        .expect_slot(A, 0, 7);
    // The other way round both are deferred, and A finds its memory as it was.
    let ran = scenario
        .rules(|rules| rules.static_calls = Treatment::Defer)
        .run();
    let kinds: Vec<_> = ran
        .outcome
        .receipts
        .iter()
        .map(|receipt| receipt.kind.to_string())
        .collect();
    assert_eq!(kinds[1..], ["static STATICCALL", "static CALLCODE"]);
    ran.expect_rounds(3).expect_slot(A, 0, 0);
}

#[test]
fn a_call_of_nothing_to_a_precompile_is_a_touch_in_a_static_frame_too() {
    // The identity's account is there, and empty. B calls it: a credit of 0, which clears it (EIP-161).
    // 21 + 100 (warm) + 15 of the 1,000.
    let identity = Address::from_low_u64_be(4);
    let scenario = |b: Bytecode| {
        Scenario::new(Policy::seed())
            .contract(A, 0, code().staticcall_to(B, 0))
            .contract(B, 0, b)
            .account(identity, 0)
            .root(root(ALICE, A))
            .run()
    };
    scenario(code().call_with(identity, 0, 1_000))
        .expect(&[
            (0, "root", A, "success", 23_621),
            (1, "static STATICCALL", B, "success", OPERANDS + WARM + 15),
        ])
        .expect_absent(identity);
    // A STATICCALL credits nobody.
    scenario(code().staticcall_to(identity, 0)).expect_balance(identity, 0);
}
