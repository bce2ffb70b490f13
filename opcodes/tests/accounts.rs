//! What instructions learn of accounts, the transaction and the block; gas by fork and warmth.

mod common;

use bytes::Bytes;
use common::{Account, CALLER, GAS, OTHER, SELF, World, context, run_in, run_on};
use deferevm_opcodes::{
    Action, B256, Code, Fork, Frame, Halt, Host, U256, bytecode::Bytecode, keccak256, opcode as op,
    run,
};

fn other_with_code(bytes: &'static [u8]) -> World {
    let mut world = World::with_other(99);
    world.accounts.get_mut(&OTHER).unwrap().code = Code::new(Bytes::from_static(bytes));
    world
}

#[test]
fn account_queries_cost_by_fork_and_warmth() {
    let costs = [
        (op::BALANCE, Fork::Frontier, 20, 20),
        (op::BALANCE, Fork::TangerineWhistle, 400, 400),
        (op::BALANCE, Fork::Istanbul, 700, 700),
        (op::BALANCE, Fork::Berlin, 2600, 100),
        (op::EXTCODESIZE, Fork::Homestead, 20, 20),
        (op::EXTCODESIZE, Fork::TangerineWhistle, 700, 700),
        (op::EXTCODESIZE, Fork::Istanbul, 700, 700),
        (op::EXTCODESIZE, Fork::Osaka, 2600, 100),
        (op::EXTCODEHASH, Fork::Constantinople, 400, 400),
        (op::EXTCODEHASH, Fork::Istanbul, 700, 700),
        (op::EXTCODEHASH, Fork::Berlin, 2600, 100),
    ];
    for (opcode, fork, first, second) in costs {
        let mut world = other_with_code(&[1, 2, 3]);
        let code = Bytecode::new().call(opcode, [OTHER]);
        assert_eq!(
            run_on(&mut world, fork, &code).spent,
            3 + first,
            "{opcode:x} {fork}"
        );
        assert_eq!(
            run_on(&mut world, fork, &code).spent,
            3 + second,
            "{opcode:x} {fork}"
        );
    }
}

#[test]
fn a_cold_account_that_cannot_be_paid_for_is_not_touched() {
    for opcode in [op::BALANCE, op::EXTCODESIZE, op::EXTCODEHASH] {
        let mut world = World::with_other(1);
        let code = Bytecode::new().call(opcode, [OTHER]);
        let ran = run_in(&mut world, context(Fork::Berlin), &code, 3 + 2599);
        assert_eq!(ran.halt(), Halt::OutOfGas);
        assert!(world.warm_accounts.is_empty());
    }
}

#[test]
fn a_host_that_faults_ends_the_frame_with_a_fault() {
    let queries = [
        op::BALANCE,
        op::EXTCODESIZE,
        op::EXTCODEHASH,
        op::SLOAD,
        op::SELFDESTRUCT,
    ];
    for opcode in queries {
        let mut world = World {
            is_broken: true,
            ..World::default()
        };
        let code = Bytecode::new().call(opcode, [OTHER]);
        let ran = run_on(&mut world, Fork::LATEST, &code);
        assert!(
            matches!(ran.action, Action::Fault),
            "{opcode:x} {:?}",
            ran.action
        );
    }
}

#[test]
fn queries_see_the_account_of_the_lowest_20_bytes() {
    let mut world = other_with_code(&[1, 2, 3]);
    let mut dirty = [0xff; 32];
    dirty[12..].copy_from_slice(&OTHER.0);
    let dirty = U256::from_big_endian(&dirty);
    let mut ask = |opcode| {
        run_on(
            &mut world,
            Fork::LATEST,
            &Bytecode::new().call(opcode, [dirty]),
        )
        .top()
    };
    assert_eq!(ask(op::BALANCE), 99.into());
    assert_eq!(ask(op::EXTCODESIZE), 3.into());
    assert_eq!(
        ask(op::EXTCODEHASH),
        U256::from_big_endian(&keccak256([1, 2, 3]).0)
    );
}

#[test]
fn the_code_hash_of_an_absent_account_is_zero() {
    let code = Bytecode::new().call(op::EXTCODEHASH, [OTHER]);
    assert_eq!(
        run_on(&mut World::default(), Fork::LATEST, &code).top(),
        U256::zero()
    );
}

#[test]
fn extcodecopy_pads_with_zeros_and_pays_for_memory_words_and_access() {
    let mut world = other_with_code(&[1, 2, 3]);
    let operands = [
        U256::from_big_endian(&OTHER.0),
        1.into(),
        2.into(),
        33.into(),
    ];
    let code = Bytecode::new().call(op::EXTCODECOPY, operands);
    let ran = run_on(&mut world, Fork::Berlin, &code);
    assert_eq!(ran.spent, 4 * 3 + 2600 + 2 * 3 + 2 * 3);
    let mut expected = [0; 64];
    expected[1] = 3;
    assert_eq!(ran.frame.memory_bytes(), expected);
}

#[test]
fn selfbalance_asks_for_the_own_account_only() {
    let mut world = World::default();
    world.accounts.insert(
        SELF,
        Account {
            balance: U256::MAX,
            ..Account::default()
        },
    );
    let ran = run_on(
        &mut world,
        Fork::Istanbul,
        &Bytecode::new().op(op::SELFBALANCE),
    );
    assert_eq!((ran.top(), ran.spent), (U256::MAX, 5));
    assert_eq!(world.asked, ["own_balance"]);
}

#[test]
fn frame_transaction_and_block_facts_are_pushed() {
    let mut world = World::default();
    world.transaction.origin = OTHER;
    world.transaction.gas_price = 11.into();
    world.transaction.blob_hashes = vec![B256::repeat_byte(1), B256::repeat_byte(2)];
    world.block.coinbase = CALLER;
    world.block.timestamp = 12;
    world.block.number = u64::MAX;
    world.block.gas_limit = 14;
    world.block.chain_id = 15;
    world.block.base_fee = 16.into();
    world.block.blob_base_fee = U256::MAX;
    world.block.difficulty = 18.into();
    world.block.prev_randao = B256::repeat_byte(0x13);
    let address = |address: deferevm_opcodes::Address| U256::from_big_endian(&address.0);
    let facts = [
        (op::ADDRESS, address(SELF)),
        (op::CALLER, address(CALLER)),
        (op::ORIGIN, address(OTHER)),
        (op::COINBASE, address(CALLER)),
        (op::CALLVALUE, 7.into()),
        (op::GASPRICE, 11.into()),
        (op::TIMESTAMP, 12.into()),
        (op::NUMBER, u64::MAX.into()),
        (op::GASLIMIT, 14.into()),
        (op::CHAINID, 15.into()),
        (op::BASEFEE, 16.into()),
        (op::BLOBBASEFEE, U256::MAX),
        (op::PREVRANDAO, U256::from_big_endian(&[0x13; 32])),
        (op::CODESIZE, 1.into()),
    ];
    for (opcode, expected) in facts {
        let ran = run_on(&mut world, Fork::LATEST, &Bytecode::new().op(opcode));
        assert_eq!(
            (ran.top(), ran.spent),
            (expected, 2),
            "{:?}",
            op::name(opcode)
        );
    }
    let difficulty = Bytecode::new().op(op::PREVRANDAO);
    assert_eq!(
        run_on(&mut world, Fork::GrayGlacier, &difficulty).top(),
        18.into()
    );
    let mut blob = |index: U256| {
        run_on(
            &mut world,
            Fork::Cancun,
            &Bytecode::new().call(op::BLOBHASH, [index]),
        )
        .top()
    };
    assert_eq!(blob(1.into()), U256::from_big_endian(&[2; 32]));
    assert_eq!(blob(2.into()), U256::zero());
    assert_eq!(blob(U256::MAX), U256::zero());
    assert_eq!(blob(U256::one() << 64), U256::zero());
}

#[test]
fn blockhash_sees_the_256_blocks_before_this_one() {
    let mut world = World::default();
    world.block.number = 1000;
    let mut hash = |number: U256| {
        run_on(
            &mut world,
            Fork::LATEST,
            &Bytecode::new().call(op::BLOCKHASH, [number]),
        )
        .top()
    };
    assert_eq!(hash(999.into()), 999.into());
    assert_eq!(hash(744.into()), 744.into());
    for number in [
        U256::from(743),
        1000.into(),
        1001.into(),
        U256::zero(),
        U256::MAX,
        (U256::one() << 64) + 999,
    ] {
        assert_eq!(hash(number), U256::zero(), "{number}");
    }
    assert_eq!(world.asked.len(), 2);
}

#[test]
fn call_data_reads_zeros_beyond_its_end() {
    let load = |offset: U256| {
        let code = Bytecode::new().call(op::CALLDATALOAD, [offset]);
        let mut frame = Frame::new(context(Fork::LATEST), code.code(), GAS);
        frame.set_input(&(1..=40).collect::<Vec<u8>>());
        run(&mut frame, &mut World::default());
        frame.stack()[0]
    };
    let first: Vec<u8> = (1..=32).collect();
    assert_eq!(load(U256::zero()), U256::from_big_endian(&first));
    let mut last = [0; 32];
    last[..2].copy_from_slice(&[39, 40]);
    assert_eq!(load(38.into()), U256::from_big_endian(&last));
    for offset in [
        U256::from(40),
        U256::one() << 64,
        U256::one() << 255,
        U256::MAX,
    ] {
        assert_eq!(load(offset), U256::zero());
    }
}

#[test]
fn call_data_and_code_copies_pad_with_zeros_and_cost_three_a_word() {
    for (opcode, size) in [(op::CALLDATACOPY, 5), (op::CODECOPY, 8)] {
        let code = Bytecode::new().call(opcode, [U256::one(), U256::one(), 33.into()]);
        let mut frame = Frame::new(context(Fork::LATEST), code.code(), GAS);
        frame.set_input(&[9; 5]);
        run(&mut frame, &mut World::default());
        assert_eq!(GAS - frame.gas.remaining, 9 + 3 + 2 * 3 + 2 * 3);
        let source = if opcode == op::CODECOPY {
            code.bytes().to_vec()
        } else {
            vec![9; 5]
        };
        let mut expected = vec![0; 64];
        let copied = &source[1..];
        expected[1..1 + copied.len()].copy_from_slice(copied);
        assert_eq!(frame.memory_bytes(), expected);
        assert!(source.len() <= size);
    }
    let far = Bytecode::new().call(op::CALLDATACOPY, [U256::zero(), U256::MAX, 32.into()]);
    let ran = run_on(&mut World::default(), Fork::LATEST, &far);
    assert_eq!(ran.frame.memory_bytes(), [0; 32]);
}

#[test]
fn hosts_can_be_used_as_trait_objects() {
    let mut world = World::with_other(5);
    let host: &mut dyn Host = &mut world;
    let code = Bytecode::new().call(op::BALANCE, [OTHER]);
    let mut frame = Frame::new(context(Fork::LATEST), code.code(), GAS);
    run(&mut frame, host);
    assert_eq!(frame.stack(), [U256::from(5)]);
}
