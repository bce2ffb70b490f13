//! What ends a block: depth, gas, and the limits of rounds and records.

use deferevm::{
    B256, Fork,
    bytecode::Bytecode,
    call::Policy,
    opcode::{ADDRESS, CALL, CALLVALUE, ISZERO, POP},
    transaction::{BlobSchedule, InvalidTransaction, Status, TransactionType},
};

use crate::support::*;

/// Calls itself with all gas, and stores at slot 0 what that has pushed.
fn calls_itself() -> Bytecode {
    code()
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .op(ADDRESS)
        .push(ALL_GAS)
        .op(CALL)
        .store_at(0)
}

#[test]
fn a_chain_of_calls_ends_at_depth_1024() {
    // The root's frame has depth 0, the last record runs at 1,024 and cannot call: 1,025 rounds, and a
    // 0 in the slot. The limit of rounds lies beyond.
    let ran = Scenario::new(Policy::practical())
        .limits(2_000, 1_000_000)
        .contract(A, 0, calls_itself())
        .root(root(ALICE, A).gas(3_000_000))
        .run();
    ran.expect_rounds(1_025).expect_slot(A, 0, 0);
    // Each: six PUSH and an ADDRESS 20, CALL 100, PUSH 3. The slot becomes 1 in the root (22,100), is
    // written over with the same 1,023 times (2,200), and becomes 0 in the end (5,000, refund 4,800).
    let gas = 1_025 * 123 + SET + 1_023 * 2_200 + 5_000;
    ran.expect_tree_gas(&[ROOT + gas - 4_800]);
    let last = ran.outcome.receipts.last().unwrap();
    assert_eq!((last.round, last.gas_used), (1_024, 5_123));
}

#[test]
fn past_the_limit_of_rounds_records_are_refused_and_bounce() {
    // A sends 1 wei to itself in each round, and has 10. Rounds 0, 1 and 2 run.
    let sends = code().call_with(A, 1, ALL_GAS).op(POP);
    let ran = Scenario::new(Policy::practical())
        .limits(3, 1_000)
        .contract(A, 10, sends)
        .root(root(ALICE, A).gas(200_000))
        .run();
    // 21 + 100 + 9,000 + 2 = 9,123 each; three stipends go off the sum.
    ran.expect(&[
        (0, "root", A, "success", ROOT + 9_123),
        (1, "CALL", A, "success", 9_123),
        (2, "CALL", A, "success", 9_123),
        (3, "CALL", A, "beyond the limit of rounds", 0),
    ])
    .expect_rounds(3)
    .expect_tree_gas(&[ROOT + 3 * 9_123 - 3 * STIPEND])
    .expect_balance(A, 10);
    assert_eq!(ran.receipt(3).bounced, 1.into());
    assert_eq!(ran.outcome.trees_succeeded, [false]);
}

#[test]
fn past_the_limit_of_records_the_last_of_the_order_are_refused() {
    // Three records, room for two: in parent order the third, to D, is refused. Its receipt stands
    // behind those of the round that it would have run in.
    let sends = code()
        .call_with(B, 1, 0)
        .call_with(C, 2, 0)
        .call_with(D, 3, 0);
    let ran = Scenario::new(Policy::practical())
        .limits(100, 2)
        .contract(A, 6, sends)
        .contract(B, 0, code())
        .contract(C, 0, code().call_with(B, 0, 0))
        .contract(D, 0, code())
        .root(root(ALICE, A))
        .run();
    // C's own record, of round 2, is refused too, and as it is the only one there is no round 2. C has
    // nothing but its stipend of 2,300, of which it needs 21 + 100 (B is cold: 2,600). It runs out.
    ran.expect(&[
        (
            0,
            "root",
            A,
            "success",
            ROOT + 3 * (OPERANDS + COLD + VALUE),
        ),
        (1, "CALL", B, "success", 0),
        (1, "CALL", C, "out of gas", 2_300),
        (1, "CALL", D, "beyond the limit of records", 0),
    ])
    .expect_rounds(2)
    .expect_balance(A, 5)
    .expect_balance(B, 1)
    .expect_tree_gas(&[ROOT + 3 * 11_621 + 2_300 - 3 * STIPEND]);
    let round = &ran.outcome.rounds[1];
    assert_eq!((round.receipts.clone(), round.executed), (1..4, 2));
}

#[test]
fn past_the_limit_of_input_the_last_of_the_order_are_refused() {
    let run = |input_max| {
        let sends = code()
            .call_with_input(B, 1, 0, 40)
            .call_with_input(C, 2, 0, 60)
            .call_with(D, 3, 0);
        Scenario::new(Policy::practical())
            .input_max(input_max)
            .contract(A, 6, sends)
            .contract(B, 0, code())
            .contract(C, 0, code())
            .contract(D, 0, code())
            .root(root(ALICE, A))
            .run()
    };
    // 40 and 60 bytes, and room for 99: from the second on, whatever they carry, all are refused.
    let ran = run(99);
    let reasons: Vec<_> = (0..4)
        .map(|place| ran.receipt(place).status.reason())
        .collect();
    let refused = Some("beyond the limit of input".to_owned());
    assert_eq!(reasons, [None, None, refused.clone(), refused]);
    ran.expect_balance(A, 5).expect_balance(B, 1);
    // A byte more, and the second runs too; the third carries nothing.
    let ran = run(100);
    ran.expect_balance(A, 0).expect_balance(C, 2);
}

#[test]
fn a_transaction_queues_four_bytes_for_each_unit_of_gas_and_no_more() {
    // 200,000 bytes for 50,000 gas: 24 times 8,192. The 25th call pushes
    // 0; one without input is still made.
    for policy in [Policy::practical(), Policy::seed()] {
        let mut sends = code();
        for _ in 0..24 {
            sends = sends.call_with_input(B, 0, 0, 8_192).op(POP);
        }
        let sends = sends
            .call_with_input(B, 0, 0, 8_192)
            .op(ISZERO)
            .store_at(0)
            .call_with(B, 0, 0)
            .op(POP);
        let ran = Scenario::new(policy)
            .contract(A, 0, sends)
            .root(root(ALICE, A).gas(ROOT + 50_000))
            .run();
        ran.expect_slot(A, 0, 1);
        assert_eq!(ran.outcome.virtual_transactions(), 25, "{}", policy.name());
    }
}

#[test]
fn no_round_takes_place_where_all_records_are_refused() {
    let ran = Scenario::new(Policy::seed())
        .limits(100, 0)
        .contract(A, 6, code().call_with(B, 6, 10_000))
        .contract(B, 0, code().op(CALLVALUE).store_at(0))
        .root(root(ALICE, A))
        .run();
    // The 10,000 that were locked are nobody's expense.
    ran.expect(&[
        (0, "root", A, "success", ROOT + 11_621),
        (1, "CALL", B, "beyond the limit of records", 0),
    ])
    .expect_rounds(1)
    .expect_tree_gas(&[ROOT + 11_621 - STIPEND])
    .expect_balance(A, 6);
}

#[test]
fn ping_pong_ends_when_the_gas_does() {
    // A calls B, B calls A, with all gas. The root pays 2,621; in each record the other is the sender,
    // which is warm: 121. 413 gas are left to the records: 121 + 121 + 121 + 50.
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, code().call_with(B, 0, ALL_GAS))
        .contract(B, 0, code().call_with(A, 0, ALL_GAS))
        .root(root(ALICE, A).gas(ROOT + 2_621 + 413))
        .run();
    ran.expect(&[
        (0, "root", A, "success", ROOT + 2_621),
        (1, "CALL", B, "success", 121),
        (2, "CALL", A, "success", 121),
        (3, "CALL", B, "success", 121),
        (4, "CALL", A, "out of gas", 50),
    ])
    .expect_rounds(5)
    .expect_tree_gas(&[ROOT + 2_621 + 413]);
}

#[test]
fn an_original_whose_blobs_exceed_the_blocks_is_skipped() {
    // Cancun allows 6 blobs: 3 are carried, 4 more are too many, and as skipped ones count too even one
    // more is. The last carries none, and is not concerned.
    let carries = |sender, blobs: usize| {
        let mut carrier = root(sender, D).nonce(0);
        let transaction = &mut carrier.0.transaction;
        transaction.kind = TransactionType::Blob;
        transaction.max_fee_per_blob_gas = 1.into();
        transaction.blob_hashes = vec![B256::repeat_byte(1); blobs];
        carrier
    };
    let mut scenario = Scenario::new(Policy::practical())
        .fork(Fork::Cancun)
        .root(carries(ALICE, 3))
        .root(carries(BOB, 4))
        .root(carries(CAROL, 1))
        .root(root(BOB, D));
    scenario.block.blob_schedule = Some(BlobSchedule::CANCUN);
    scenario.block.environment.blob_base_fee = 1.into();
    let ran = scenario.run();
    ran.expect(&[
        (0, "root", D, "success", ROOT),
        (0, "root", D, "skipped", 0),
        (0, "root", D, "skipped", 0),
        (0, "root", D, "success", ROOT),
    ])
    .expect_balance(ALICE, FUNDS - ROOT - 3 * 131_072)
    .expect_balance(BOB, FUNDS - ROOT)
    .expect_balance(CAROL, FUNDS);
    for (place, found, left) in [(1, 4, 3), (2, 1, 0)] {
        let expected = InvalidTransaction::BlobGasAboveBlock {
            found: found * 131_072,
            left: left * 131_072,
        };
        assert_eq!(
            ran.receipt(place).status,
            Status::Skipped(Box::new(expected))
        );
    }
}
