//! EIP-7702: authorities are owned, and a delegation is charged when a call is emitted and resolved
//! when it runs.

use deferevm::{
    Address, B256, Fork, U256,
    bytecode::Bytecode,
    call::Policy,
    opcode::{EXTCODESIZE, POP, REVERT},
    state::InMemoryDatabase,
    transaction::{Authorization, address_of_secret_key},
};

use crate::support::*;

const KEY: B256 = B256::repeat_byte(0x77);

/// The account with that key. Not in the state unless a scenario puts it there.
fn authority() -> Address {
    address_of_secret_key(&KEY).unwrap()
}

fn delegates_to(code: Address) -> Authorization {
    Authorization::sign(U256::one(), code, 0, &KEY).unwrap()
}

/// PUSH PUSH SSTORE: 22,106.
fn stores_one() -> Bytecode {
    code().push(1).store_at(0)
}

/// A transaction with one authorization.
const DELEGATES: u64 = ROOT + 25_000;

#[test]
fn an_authority_is_owned_so_later_owners_see_its_delegation_live() {
    // BOB calls the authority in the same round. CAROL only looks: no code as of the round's start.
    let x = authority();
    let ran = Scenario::new(Policy::practical())
        .fork(Fork::Prague)
        .contract(A, 0, stores_one())
        .contract(
            B,
            0,
            code()
                .push(x)
                .op(EXTCODESIZE)
                .push(1)
                .op(deferevm::opcode::ADD)
                .store_at(0),
        )
        .root(root(ALICE, D).authorize(delegates_to(A)))
        .root(root(BOB, x))
        .root(root(CAROL, B))
        .run();
    // The authority was not in the state, so nothing is refunded. BOB's root starts with the delegate
    // warm, and runs its code in the authority's storage.
    ran.expect(&[
        (0, "root", D, "success", DELEGATES),
        (0, "root", x, "success", ROOT + 22_106),
        (0, "root", B, "success", ROOT + PUSH + COLD + 3 * PUSH + SET),
    ])
    .expect_tree_gas(&[46_000, 43_106, 45_712])
    .expect_slot(x, 0, 1)
    .expect_slot(B, 0, 1);
    assert_eq!(ran.nonce(x), 1);
}

#[test]
fn a_root_that_fails_keeps_its_authorizations_and_their_refund() {
    let x = authority();
    let ran = Scenario::new(Policy::seed())
        .fork(Fork::Prague)
        .account(x, 1)
        .contract(A, 0, code())
        .contract(B, 0, code().push(0).push(0).op(REVERT))
        .root(root(ALICE, B).authorize(delegates_to(A)))
        .run();
    // 12,500 for an authority that exists, at most 46,006 / 5 = 9,201.
    ran.expect(&[(0, "root", B, "reverted", DELEGATES + 6)])
        .expect_tree_gas(&[46_006 - 9_201]);
    let account = ran.after.get(x).unwrap();
    assert!(account.info.has_code());
    assert_eq!(account.info.nonce, 1);
}

#[test]
fn a_delegation_is_resolved_when_the_record_runs() {
    // BOB's root calls the authority before ALICE's delegates it, in the same round: it pays for an
    // account without code, and the record runs the delegate's.
    let x = authority();
    let ran = Scenario::new(Policy::practical())
        .fork(Fork::Prague)
        .contract(A, 0, stores_one())
        .contract(B, 0, code().call_with(x, 0, 50_000))
        .root(root(BOB, B))
        .root(root(ALICE, D).authorize(delegates_to(A)))
        .run();
    ran.expect(&[
        (0, "root", B, "success", ROOT + OPERANDS + COLD),
        (0, "root", D, "success", DELEGATES),
        (1, "CALL", x, "success", 22_106),
    ])
    .expect_slot(x, 0, 1);
}

#[test]
fn a_delegation_is_charged_on_what_the_emitter_sees() {
    // The authority delegates to A since before the block: 2,600 for it and 2,600 for A.
    let x = authority();
    let mut scenario = Scenario::new(Policy::practical())
        .fork(Fork::Prague)
        .contract(A, 0, stores_one())
        .contract(B, 0, code().call_with(x, 0, 50_000).op(POP))
        .root(root(BOB, B));
    delegate(&mut scenario.state, x, A);
    let ran = scenario.run();
    ran.expect(&[
        (0, "root", B, "success", ROOT + OPERANDS + 2 * COLD + BASE),
        (1, "CALL", x, "success", 22_106),
    ])
    .expect_slot(x, 0, 1);
}

fn delegate(state: &mut InMemoryDatabase, from: Address, to: Address) {
    let designator = Bytecode::new().raw([0xef, 0x01, 0x00]).raw(to);
    state.insert_account(from, U256::one(), 1, &designator.code());
}

#[test]
fn an_authority_whose_tuple_is_not_applied_is_owned_all_the_same() {
    // The tuple's nonce is 0, the authority's 5. ALICE's root owns it, so its static call sees the
    // authority live: with the 3 wei that BOB's root has sent it before in this round.
    let x = authority();
    let mut scenario = Scenario::new(Policy::practical())
        .fork(Fork::Prague)
        .contract(
            B,
            0,
            code().push(x).op(deferevm::opcode::BALANCE).store_at(0),
        )
        .root(root(BOB, x).value(3))
        .root(root(ALICE, B).authorize(delegates_to(A)))
        .root(root(CAROL, B));
    scenario
        .state
        .insert_account(x, U256::from(4), 5, &code().code());
    let ran = scenario.run();
    // The authority is warm for ALICE, and cold for CAROL, who sees the 4 of the round's start: a reset
    // from 7, which costs 2,100 + 2,900.
    ran.expect(&[
        (0, "root", x, "success", ROOT),
        (
            0,
            "root",
            B,
            "success",
            DELEGATES + PUSH + WARM + PUSH + SET,
        ),
        (0, "root", B, "success", ROOT + PUSH + COLD + PUSH + 5_000),
    ])
    .expect_slot(B, 0, 4);
    assert_eq!(ran.nonce(x), 5);
}
