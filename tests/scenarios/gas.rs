//! How gas reaches a virtual transaction: shared or locked, with the stipend, and back.

use deferevm::{
    U256,
    bytecode::Bytecode,
    call::{GasRule, Policy, Treatment},
    opcode::{GAS, INVALID, LOG0, MSTORE, POP, REVERT},
};

use crate::support::*;

/// Stores the gas that is left after the GAS instruction, which costs 2: 2 + 3 + 22,100 gas.
fn keeps_gas() -> Bytecode {
    code().op(GAS).store_at(0)
}

#[test]
fn split_shares_what_is_left_to_the_last_unit() {
    // Three calls, each 21 + 2,600 + 2: the root spends 21,000 + 7,869 = 28,869 of 128,870, which
    // leaves 100,001. D asks for 30,000, B and C for all there is.
    let calls = code()
        .call_with(B, 0, ALL_GAS)
        .op(POP)
        .call_with(C, 0, ALL_GAS)
        .op(POP)
        .call_with(D, 0, 30_000)
        .op(POP);
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, calls)
        .contract(B, 0, keeps_gas())
        .contract(C, 0, keeps_gas())
        .contract(D, 0, keeps_gas())
        .root(root(ALICE, A).gas(128_870))
        .run();
    // By (cap, index): D min(30,000, 100,001 / 3 = 33,333) = 30,000, left 70,001;
    // B 70,001 / 2 = 35,000, left 35,001; C 35,001 / 1.
    ran.expect(&[
        (0, "root", A, "success", 28_869),
        (1, "CALL", B, "success", 22_105),
        (1, "CALL", C, "success", 22_105),
        (1, "CALL", D, "success", 22_105),
    ])
    .expect_slot(D, 0, 29_998)
    .expect_slot(B, 0, 34_998)
    .expect_slot(C, 0, 34_999)
    .expect_tree_gas(&[28_869 + 3 * 22_105]);
}

#[test]
fn split_gives_equal_parts_where_all_ask_for_more() {
    // 2 records, 7 units left: 3 and 4. The root spends 21,000 + 2 × 2,623 = 26,246.
    let calls = code()
        .call_with(B, 0, ALL_GAS)
        .op(POP)
        .call_with(C, 0, ALL_GAS)
        .op(POP);
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, calls)
        .contract(B, 0, code().op(INVALID))
        .contract(C, 0, code().op(INVALID))
        .root(root(ALICE, A).gas(26_253))
        .run();
    ran.expect(&[
        (0, "root", A, "success", 26_246),
        (1, "CALL", B, "invalid opcode 0xfe", 3),
        (1, "CALL", C, "invalid opcode 0xfe", 4),
    ])
    .expect_tree_gas(&[26_253]);
}

#[test]
fn what_nobody_asks_for_stays_prepaid() {
    // B asks for 10 and burns it. 21,000 + 2,621 + 10 are spent of 100,000.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, code().call_with(B, 0, 10))
        .contract(B, 0, code().op(INVALID))
        .root(root(ALICE, A))
        .run();
    ran.expect_tree_gas(&[23_631])
        .expect_balance(ALICE, FUNDS - 23_631);
}

#[test]
fn the_stipend_is_all_that_a_call_with_value_and_no_gas_gets() {
    // B logs the gas it has: GAS 2, PUSH 3, MSTORE 3 + 3 for the word, PUSH PUSH 6, LOG0 375 + 8 × 32:
    // 648 gas of 2,300.
    let logs_gas = code().op(GAS).push(0).op(MSTORE).call(LOG0, [0, 32]);
    for policy in [Policy::seed(), Policy::practical()] {
        let ran = Scenario::new(policy)
            .contract(A, 1, code().call_with(B, 1, 0))
            .contract(B, 0, logs_gas.clone())
            .root(root(ALICE, A))
            .run();
        // Spent: 21,000 + 11,621 + 648 − 2,300 = 30,969.
        ran.expect(&[
            (0, "root", A, "success", 32_621),
            (1, "CALL", B, "success", 648),
        ])
        .expect_tree_gas(&[30_969]);
        let data = &ran.receipt(1).logs[0].data;
        assert_eq!(U256::from_big_endian(data), 2_298.into());
    }
}

#[test]
fn lock_takes_gas_at_the_emission_and_split_at_the_end() {
    // A calls B with all gas, then stores what it has left itself.
    let scenario = Scenario::new(Policy::practical())
        .contract(
            A,
            0,
            code().call_with(B, 0, ALL_GAS).op(POP).op(GAS).store_at(0),
        )
        .contract(B, 0, keeps_gas())
        .root(root(ALICE, A).gas(2_000_000));
    let rows: [Row; 2] = [
        (
            0,
            "root",
            A,
            "success",
            ROOT + OPERANDS + COLD + 2 * BASE + PUSH + SET,
        ),
        (1, "CALL", B, "success", 22_105),
    ];
    // 2,000,000 − 21,000 − 2,621 = 1,976,379 when the CALL has paid its own costs.
    // split: POP and GAS leave 1,976,375; PUSH and SSTORE 1,954,272, all of which B gets.
    scenario
        .clone()
        .rules(|rules| rules.gas = GasRule::Split)
        .run()
        .expect(&rows)
        .expect_slot(A, 0, 1_976_375)
        .expect_slot(B, 0, 1_954_270)
        .expect_tree_gas(&[45_728 + 22_105]);
    // lock: 1,976,379 / 64 = 30,880 stays with A, 1,945,499 goes to B. The gas used is the same.
    scenario
        .rules(|rules| rules.gas = GasRule::Lock)
        .run()
        .expect(&rows)
        .expect_slot(A, 0, 30_876)
        .expect_slot(B, 0, 1_945_497)
        .expect_tree_gas(&[45_728 + 22_105]);
}

#[test]
fn locked_gas_returns_to_an_inline_frame_that_reverts_and_is_lost_to_one_that_halts() {
    // A runs B's code inline; that calls C with all gas, and then reverts or halts. A stores its gas.
    let scenario = |end: Bytecode| {
        let emits = code().call_with(C, 0, ALL_GAS).raw(end);
        Scenario::new(Policy::seed())
            .rules(|rules| rules.delegate_calls = Treatment::Inline)
            .contract(A, 0, code().delegatecall_to(B).op(POP).op(GAS).store_at(0))
            .contract(B, 0, emits)
            .contract(C, 0, code())
            .root(root(ALICE, A).gas(1_000_000))
            .run()
    };
    // At the DELEGATECALL A has 1,000,000 − 21,000 − 18 − 2,600 = 976,382: 15,255 stay, 961,127 go.
    // The frame spends 21 + 2,600 + 6 = 2,627, the rest of its gas and what it had locked come back:
    // 15,255 + 961,127 − 2,627 = 973,755, less POP and GAS.
    scenario(code().push(0).push(0).op(REVERT))
        .expect_rounds(1)
        .expect_slot(A, 0, 973_751);
    // After a halt A has its 15,255 only: too little for the SSTORE, so it runs out of gas.
    scenario(code().op(INVALID))
        .expect(&[(0, "root", A, "out of gas", 1_000_000)])
        .expect_rounds(1);
}

#[test]
fn a_creation_has_no_request_and_so_the_largest_cap() {
    // A creates with empty init code, then calls B with a cap of 2^64 − 1, then C with less than half.
    // The root: CREATE 9 + 32,000, POP 2; two calls of 2,623: 21,000 + 32,011 + 5,246 = 58,257.
    let emits = code()
        .push(0)
        .push(0)
        .push(0)
        .op(deferevm::opcode::CREATE)
        .op(POP)
        .call_with(B, 0, U256::from(u64::MAX))
        .op(POP)
        .call_with(C, 0, 40_000)
        .op(POP);
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, emits)
        .contract(B, 0, code().op(INVALID))
        .contract(C, 0, code().op(INVALID))
        .root(root(ALICE, A).gas(58_257 + 90_001))
        .run();
    // By (cap, index): C 90,001 / 3 = 30,000 (its cap is above that), left 60,001; the creation, which
    // came first and ties with B, 30,000; B 30,001.
    let created = deferevm::state::account::create_address(A, 1);
    ran.expect(&[
        (0, "root", A, "success", 58_257),
        (1, "CREATE", created, "success", 0),
        (1, "CALL", B, "invalid opcode 0xfe", 30_001),
        (1, "CALL", C, "invalid opcode 0xfe", 30_000),
    ])
    .expect_tree_gas(&[58_257 + 60_001]);
}
