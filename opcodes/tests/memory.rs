//! MLOAD, MSTORE, MSTORE8, MCOPY, MSIZE and KECCAK256: contents, expansion and its gas.

mod common;

use common::{World, context, run_code, run_in};
use deferevm_opcodes::{Fork, Halt, U256, bytecode::Bytecode, keccak256, opcode as op};

/// What a memory of so many words costs (Yellow Paper, appendix H).
fn cost(words: u64) -> u64 {
    3 * words + words * words / 512
}

#[test]
fn words_are_stored_big_endian_at_any_offset() {
    let word = U256::from_big_endian(&core::array::from_fn::<u8, 32, _>(|index| index as u8 + 1));
    for offset in [0u64, 1, 31, 32, 33] {
        let code = Bytecode::new()
            .call(op::MSTORE, [offset.into(), word])
            .call(op::MLOAD, [offset]);
        let ran = run_code(&code);
        assert_eq!(ran.top(), word);
        let start = usize::try_from(offset).unwrap();
        assert_eq!(
            ran.frame.memory_bytes()[start..start + 32],
            word.to_big_endian()
        );
        assert_eq!(ran.spent, 3 * 3 + 3 + 3 + cost((offset + 32).div_ceil(32)));
    }
}

#[test]
fn a_store_over_held_memory_costs_nothing_more_and_keeps_the_rest() {
    let code = Bytecode::new()
        .call(op::MSTORE, [U256::from(32), U256::MAX])
        .call(op::MSTORE, [16, 0]);
    let ran = run_code(&code);
    assert_eq!(ran.spent, 18 + cost(2));
    let bytes = ran.frame.memory_bytes();
    assert!(
        bytes[..48].iter().all(|byte| *byte == 0) && bytes[48..].iter().all(|byte| *byte == 0xff)
    );
}

#[test]
fn mstore8_keeps_the_lowest_byte() {
    let ran = run_code(&Bytecode::new().call(op::MSTORE8, [33, 0x1ff]).op(op::MSIZE));
    assert_eq!(ran.top(), 64.into());
    assert_eq!(ran.frame.memory_bytes()[32..36], [0, 0xff, 0, 0]);
    assert_eq!(ran.spent, 6 + 3 + cost(2) + 2);
}

#[test]
fn expansion_is_quadratic_and_exact() {
    let code = Bytecode::new().call(op::MLOAD, [32 * 9999]);
    let exact = 3 + 3 + cost(10_000);
    let ran = run_in(&mut World::default(), context(Fork::LATEST), &code, exact);
    assert_eq!((ran.top(), ran.spent), (U256::zero(), exact));
    let short = run_in(
        &mut World::default(),
        context(Fork::LATEST),
        &code,
        exact - 1,
    );
    assert_eq!(short.halt(), Halt::OutOfGas);
    assert!(short.frame.memory_bytes().is_empty());
}

#[test]
fn regions_that_no_gas_buys_are_out_of_gas_and_allocate_nothing() {
    let far = [
        U256::from(u64::MAX),
        U256::from(u64::MAX - 31),
        U256::from(1u64 << 32),
        U256::one() << 64,
        U256::one() << 255,
        U256::MAX,
    ];
    for offset in far {
        let one = U256::one();
        let codes = [
            Bytecode::new().call(op::MLOAD, [offset]),
            Bytecode::new().call(op::MSTORE, [offset, one]),
            Bytecode::new().call(op::MSTORE8, [offset, one]),
            Bytecode::new().call(op::KECCAK256, [offset, one]),
            Bytecode::new().call(op::KECCAK256, [one, offset]),
            Bytecode::new().call(op::CALLDATACOPY, [offset, one, one]),
            Bytecode::new().call(op::CALLDATACOPY, [one, one, offset]),
            Bytecode::new().call(op::MCOPY, [one, offset, one]),
            Bytecode::new().call(op::MCOPY, [offset, one, one]),
            Bytecode::new().call(op::RETURN, [offset, one]),
            Bytecode::new().call(op::REVERT, [one, offset]),
            Bytecode::new().call(op::LOG0, [offset, one]),
            Bytecode::new().call(op::CREATE, [one, offset, one]),
            Bytecode::new().call(op::CALL, [one, one, one, offset, one, one, one]),
            Bytecode::new().call(op::CALL, [one, one, one, one, one, one, offset]),
        ];
        for code in codes {
            let ran = run_in(
                &mut World::default(),
                context(Fork::LATEST),
                &code,
                u64::MAX,
            );
            assert_eq!(ran.halt(), Halt::OutOfGas, "{:x?}", code.bytes());
            assert!(ran.frame.memory_bytes().is_empty());
        }
    }
}

#[test]
fn an_empty_region_may_lie_anywhere_and_costs_nothing() {
    let (zero, max) = (U256::zero(), U256::MAX);
    let codes = [
        (Bytecode::new().call(op::KECCAK256, [max, zero]), 6 + 30),
        (
            Bytecode::new().call(op::CALLDATACOPY, [max, max, zero]),
            9 + 3,
        ),
        (Bytecode::new().call(op::MCOPY, [max, max, zero]), 9 + 3),
        (Bytecode::new().call(op::RETURN, [max, zero]), 6),
        (Bytecode::new().call(op::LOG0, [max, zero]), 6 + 375),
    ];
    for (code, gas) in codes {
        let ran = run_code(&code);
        assert!(ran.exit().is_success());
        assert_eq!(ran.spent, gas);
        assert!(ran.frame.memory_bytes().is_empty() && ran.frame.output_bytes().is_empty());
    }
}

#[test]
fn mcopy_copies_as_if_through_a_buffer_and_pays_for_both_ends() {
    let bytes = U256::from_big_endian(&core::array::from_fn::<u8, 32, _>(|index| index as u8));
    let copy = |to: u64, from: u64, size: u64| {
        let code = Bytecode::new()
            .call(op::MSTORE, [U256::zero(), bytes])
            .call(op::MCOPY, [to, from, size]);
        let ran = run_code(&code);
        (ran.frame.memory_bytes().to_vec(), ran.spent - 9 - 9 - 3 - 3)
    };
    let (up, gas) = copy(1, 0, 31);
    assert_eq!(up[..4], [0, 0, 1, 2]);
    assert_eq!(gas, 3);
    let (down, _) = copy(0, 1, 31);
    assert_eq!(down[..3], [1, 2, 3]);
    assert_eq!(down[30..], [31, 31]);
    let (grown, gas) = copy(0, 32, 33);
    assert_eq!(grown, [0; 96]);
    assert_eq!(gas, cost(3) - cost(1) + 6);
}

#[test]
fn keccak_hashes_a_region_for_six_a_word() {
    for (size, words) in [(0u64, 0u64), (1, 1), (32, 1), (33, 2), (64, 2)] {
        let code = Bytecode::new()
            .call(op::MSTORE, [0, 0])
            .call(op::MSTORE, [U256::from(32), U256::MAX])
            .call(op::KECCAK256, [0, size]);
        let ran = run_code(&code);
        let mut bytes = [0; 64];
        bytes[32..].fill(0xff);
        let hash = keccak256(&bytes[..usize::try_from(size).unwrap()]);
        assert_eq!(ran.top(), U256::from_big_endian(&hash.0));
        assert_eq!(ran.spent, 18 + cost(2) + 6 + 30 + 6 * words);
    }
}
