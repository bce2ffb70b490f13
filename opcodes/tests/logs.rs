//! LOG0 to LOG4.

mod common;

use common::{GAS, SELF, World, context, run_in, run_on};
use deferevm_opcodes::{B256, Fork, FrameContext, Halt, U256, bytecode::Bytecode, opcode as op};

#[test]
fn topics_are_in_stack_order_and_gas_counts_topics_and_bytes() {
    let topics = [U256::MAX, U256::zero(), U256::one() << 255, U256::one()];
    for count in 0..=4u8 {
        let mut operands = vec![U256::from(31), U256::from(3)];
        operands.extend(&topics[..usize::from(count)]);
        let code = Bytecode::new()
            .call(op::MSTORE8, [32, 7])
            .call(op::LOG0 + count, operands);
        let mut world = World::default();
        let ran = run_on(&mut world, Fork::LATEST, &code);
        let pushes = 6 + 6 + 3 * u64::from(count);
        assert_eq!(
            ran.spent,
            pushes + 3 + 6 + 375 * (1 + u64::from(count)) + 8 * 3
        );
        let log = &world.logs[0];
        assert_eq!((log.address, &log.data[..]), (SELF, &[0, 7, 0][..]));
        let expected: Vec<_> = topics[..usize::from(count)]
            .iter()
            .map(|topic| B256(topic.to_big_endian()))
            .collect();
        assert_eq!(log.topics, expected);
    }
}

#[test]
fn a_log_that_cannot_be_paid_for_is_not_written() {
    let code = Bytecode::new().call(op::LOG0, [0, 32]);
    let exact = 6 + 375 + 3 + 256;
    let mut world = World::default();
    assert_eq!(
        run_in(&mut world, context(Fork::LATEST), &code, exact - 1).halt(),
        Halt::OutOfGas
    );
    assert!(world.logs.is_empty());
    assert!(
        run_in(&mut world, context(Fork::LATEST), &code, exact)
            .exit()
            .is_success()
    );
    assert_eq!(world.logs.len(), 1);
}

#[test]
fn a_log_in_a_static_context_halts() {
    for opcode in op::LOG0..=op::LOG4 {
        let mut world = World::default();
        let context = FrameContext {
            is_static: true,
            ..context(Fork::LATEST)
        };
        let ran = run_in(
            &mut world,
            context,
            &Bytecode::new().call(opcode, [0; 6]),
            GAS,
        );
        assert_eq!(ran.halt(), Halt::StaticViolation);
        assert!(world.logs.is_empty());
    }
}
