//! Deferred creations: the address is known at once, the code runs a round later.

use deferevm::{
    Fork, U256,
    bytecode::Bytecode,
    call::Policy,
    keccak256,
    opcode::{
        ADDRESS, CALLVALUE, CREATE, CREATE2, EXTCODESIZE, INVALID, MSTORE, POP, RETURN, REVERT,
    },
    state::account::{create_address, create2_address},
};

use crate::support::*;

/// Init code of at most 32 bytes that returns code of at most 10: PUSHn code, MSTORE, RETURN.
fn deploys(deployed: &Bytecode) -> Bytecode {
    let length = deployed.len() as u64;
    code()
        .push_bytes(deployed.bytes())
        .push(0)
        .op(MSTORE)
        .call(RETURN, [32 - length, length])
}

/// Leaves init code of at most 32 bytes at memory 0. 3 + 3 + 3 and 3 for the first word: 12 gas.
fn in_memory(init_code: &Bytecode) -> Bytecode {
    let mut word = [0; 32];
    word[..init_code.len()].copy_from_slice(init_code.bytes());
    code().call(MSTORE, [U256::zero(), U256::from_big_endian(&word)])
}

/// CREATE with a value of the init code in memory, its address left on the stack.
/// 9 + 32,000 + 2 (a word of init code): 32,011 gas.
fn creates(init_code: &Bytecode, value: u64) -> Bytecode {
    in_memory(init_code)
        .push(init_code.len() as u64)
        .push(0)
        .push(value)
        .op(CREATE)
}

#[test]
fn create_then_call_reaches_the_new_code_in_the_same_round() {
    // The new code stores the value it is called with: 2 + 3 + 22,100.
    let keeps_value = code().op(CALLVALUE).store_at(0);
    let new = create_address(A, 1);
    let creates_and_calls = creates(&deploys(&keeps_value), 0)
        .op(POP)
        .call_with(new, 6, 100_000)
        .op(POP);
    // Under `lock` the CREATE leaves a 64th of 4,946,977 gas, 77,296, which is enough for the rest.
    for policy in [Policy::seed(), Policy::practical()] {
        let ran = Scenario::new(policy)
            .contract(A, 6, creates_and_calls.clone())
            .root(root(ALICE, A).gas(5_000_000))
            .run();
        // The address is warm once created: CALL 21 + 100 + 9,000, and 25,000 since it is still empty.
        // Init code: PUSH, PUSH, MSTORE and its word 12, PUSH PUSH RETURN 6, 200 for each of 4 bytes.
        ran.expect(&[
            (0, "root", A, "success", ROOT + 12 + 32_011 + 2 + 34_121 + 2),
            (1, "CREATE", new, "success", 18 + 4 * 200),
            (1, "CALL", new, "success", 22_105),
        ])
        .expect_slot(new, 0, 6)
        .expect_balance(new, 6);
        assert_eq!(ran.receipt(1).created, Some(new));
        assert_eq!(ran.nonce(new), 1);
        assert_eq!(ran.nonce(A), 2);
    }
}

#[test]
fn create_then_delegatecall_finds_no_code_yet() {
    // The new code would store a 1 in A's storage. Inline it is looked up before it exists; deferred it
    // is looked up in the round that creates it, as of that round's start, for A does not own it.
    let stores_one = code().push(1).store_at(0);
    let new = create_address(A, 1);
    let creates_and_delegates = creates(&deploys(&stores_one), 0)
        .op(POP)
        .delegatecall_to(new)
        .op(POP);
    let emits = ROOT + 12 + 32_011 + 2 + 6 * PUSH + WARM + 2;
    let scenario = |policy| {
        Scenario::new(policy)
            .contract(A, 0, creates_and_delegates.clone())
            .root(root(ALICE, A).gas(5_000_000))
            .run()
    };
    scenario(Policy::practical())
        .expect(&[
            (0, "root", A, "success", emits),
            (1, "CREATE", new, "success", 18 + 5 * 200),
        ])
        .expect_slot(A, 0, 0);
    scenario(Policy::seed())
        .expect(&[
            (0, "root", A, "success", emits),
            (1, "CREATE", new, "success", 18 + 5 * 200),
            (1, "DELEGATECALL", A, "success", 0),
        ])
        .expect_slot(A, 0, 0);
}

#[test]
fn what_was_created_has_no_code_until_the_next_barrier() {
    // A stores EXTCODESIZE of what it has just created, plus 3.
    let looks = creates(&deploys(&code().push(1)), 0)
        .op(EXTCODESIZE)
        .push(3)
        .op(deferevm::opcode::ADD)
        .store_at(0);
    let ran = Scenario::new(Policy::practical())
        .contract(A, 0, looks)
        .root(root(ALICE, A).gas(500_000))
        .run();
    ran.expect_slot(A, 0, 3);
    assert!(ran.after.get(create_address(A, 1)).unwrap().info.has_code());
}

#[test]
fn failed_init_code_bounces_the_value_and_has_returned_an_address_all_the_same() {
    let new = create_address(A, 1);
    for (init_code, status, gas) in [
        (code().push(0).push(0).op(REVERT), "reverted", 6),
        // `split` gives it all that the root has left, which is burnt.
        (
            code().op(INVALID),
            "invalid opcode 0xfe",
            1_000_000 - ROOT - 12 - 32_011 - 22_103,
        ),
    ] {
        let ran = Scenario::new(Policy::practical())
            .contract(A, 9, creates(&init_code, 9).store_at(0))
            .root(root(ALICE, A).gas(1_000_000))
            .run();
        ran.expect(&[
            (0, "root", A, "success", ROOT + 12 + 32_011 + PUSH + SET),
            (1, "CREATE", new, status, gas),
        ])
        .expect_slot(A, 0, new)
        .expect_balance(A, 9)
        .expect_absent(new);
        assert_eq!(ran.receipt(1).bounced, 9.into());
        assert_eq!(ran.receipt(1).created, None);
        assert_eq!(ran.nonce(A), 2);
    }
}

#[test]
fn a_collision_burns_the_records_gas_and_bounces_its_value() {
    // Two CREATE2 of the same init code and salt. The address is 1 for both; the second collides with
    // the first, which runs before it.
    let init_code = code().push(0);
    let twice = |code: Bytecode| {
        code.push(5)
            .push(init_code.len() as u64)
            .push(0)
            .push(4)
            .op(CREATE2)
            .op(POP)
    };
    let new = create2_address(A, 5.into(), keccak256(&init_code));
    let ran = Scenario::new(Policy::practical())
        .contract(A, 8, twice(twice(in_memory(&init_code))))
        .root(root(ALICE, A).gas(185_032))
        .run();
    // Each CREATE2: 4 pushes 12, 32,000, a word of init code 2 and of hashing 6, POP 2: 32,022.
    // The root spends 21,000 + 12 + 64,044 = 85,056; 99,976 are left, 49,988 for each. The first
    // spends one PUSH, and its empty code costs nothing.
    ran.expect(&[
        (0, "root", A, "success", 85_056),
        (1, "CREATE2", new, "success", 3),
        (1, "CREATE2", new, "contract address collision", 49_988),
    ])
    .expect_tree_gas(&[85_056 + 3 + 49_988])
    .expect_balance(new, 4)
    .expect_balance(A, 4);
    assert_eq!(ran.receipt(2).bounced, 4.into());
}

#[test]
fn storage_that_is_left_makes_an_address_taken() {
    // EIP-7610: neither nonce nor code, but a slot.
    let new = create_address(A, 1);
    let ran = Scenario::new(Policy::seed())
        .contract(A, 1, creates(&code().push(0), 1))
        .account(new, 50)
        .slot(new, 1, 1)
        .root(root(ALICE, A).gas(53_023 + 6_400))
        .run();
    // lock: 6,400 are left after CREATE's own costs; 100 stay, 6,300 burn.
    ran.expect(&[
        (0, "root", A, "success", ROOT + 12 + 32_011),
        (1, "CREATE", new, "contract address collision", 6_300),
    ])
    .expect_tree_gas(&[53_023 + 6_300])
    .expect_balance(new, 50)
    .expect_balance(A, 1);
}

#[test]
fn a_creation_that_cannot_begin_pushes_0_and_bumps_no_nonce() {
    // A has 3 wei, and asks for 4 to go along.
    let ran = Scenario::new(Policy::seed())
        .contract(
            A,
            3,
            creates(&code().push(0), 4)
                .push(1)
                .op(deferevm::opcode::ADD)
                .store_at(0),
        )
        .root(root(ALICE, A).gas(200_000))
        .run();
    ran.expect(&[(0, "root", A, "success", ROOT + 12 + 32_011 + 3 * PUSH + SET)])
        .expect_slot(A, 0, 1);
    assert_eq!(ran.nonce(A), 1);
}

#[test]
fn a_root_creation_defers_the_calls_of_its_init_code() {
    // Init code calls B with its 5 wei, and returns no code. Its DELEGATECALL, emitted by init code
    // that was still running, runs although the account has no code.
    let new = create_address(ALICE, 0);
    let init_code = code()
        .call_with(B, 5, 30_000)
        .op(POP)
        .delegatecall_to(C)
        .op(POP);
    let mut scenario = Scenario::new(Policy::seed())
        .fork(Fork::Homestead)
        .contract(B, 0, code())
        .contract(C, 0, code().op(ADDRESS).store_at(0));
    let mut creation = root(ALICE, B).gas(1_000_000).value(5);
    creation.0.transaction.to = None;
    creation = creation.input(&init_code);
    scenario = scenario.root(creation);
    // Homestead asks for all gas in vain: DELEGATECALL of 2^256 − 1 gas halts under `lock` before
    // EIP-150, so split it is.
    let ran = scenario
        .rules(|rules| {
            rules.gas = deferevm::call::GasRule::Split;
            rules.order = deferevm::call::Order::Parent;
        })
        .run();
    // Homestead has nonce 0 for new contracts. The account has neither code nor nonce, yet runs C's
    // code. CALL 40 + 9,000, DELEGATECALL 40; ADDRESS 2 + PUSH 3 + SSTORE 20,000.
    assert_eq!(ran.receipt(0).created, Some(new));
    ran.expect(&[
        (0, "root", new, "success", creation_gas(&init_code)),
        (1, "CALL", B, "success", 0),
        (1, "DELEGATECALL", new, "success", 20_005),
    ])
    .expect_slot(new, 0, new)
    .expect_balance(B, 5);
}

/// 53,000, 68 for a byte other than zero and 4 for a zero; 13 pushes, CALL 9,040, DELEGATECALL 40, two
/// POPs.
fn creation_gas(init_code: &Bytecode) -> u64 {
    let zeros = init_code.bytes().iter().filter(|byte| **byte == 0).count() as u64;
    let others = init_code.len() as u64 - zeros;
    53_000 + 4 * zeros + 68 * others + 13 * PUSH + 9_040 + 40 + 2 * BASE
}
