//! Traced runs: what a tracer is told, and that the result is the untraced one.

mod common;

use common::{GAS, World, context, run_in};
use deferevm_opcodes::{
    Action, Fork, Frame, Halt, Step, Tracer, U256, bytecode::Bytecode, opcode as op, run_traced,
};
use proptest::prelude::*;

/// Position, opcode, gas, stack height, memory size, gas cost, halt.
type Line = (usize, u8, u64, usize, usize, u64, Option<Halt>);

#[derive(Default)]
struct Lines(Vec<Line>);

impl Tracer for Lines {
    fn begin(&mut self, step: &Step<'_>) {
        let height = step.frame.stack().len();
        assert_eq!(step.memory_size, step.frame.memory_bytes().len());
        self.0.push((
            step.pc,
            step.opcode,
            step.gas,
            height,
            step.memory_size,
            0,
            None,
        ));
    }

    fn end(&mut self, gas_cost: u64, halt: Option<Halt>) {
        let line = self.0.last_mut().unwrap();
        (line.5, line.6) = (gas_cost, halt);
    }
}

fn trace(code: &Bytecode, gas: u64) -> (Vec<Line>, Box<Frame>, Action) {
    let mut lines = Lines::default();
    let mut frame = Frame::new(context(Fork::LATEST), code.code(), gas);
    let action = run_traced(&mut frame, &mut World::default(), &mut lines);
    (lines.0, frame, action)
}

#[test]
fn each_instruction_is_told_once_before_and_after() {
    let code = Bytecode::new().call(op::MSTORE, [0, 1]).op(op::ADD);
    let (lines, _, action) = trace(&code, 100);
    assert_eq!(
        lines,
        [
            (0, op::PUSH1, 100, 0, 0, 3, None),
            (2, op::PUSH1, 97, 1, 0, 3, None),
            (4, op::MSTORE, 94, 2, 0, 6, None),
            (5, op::ADD, 88, 0, 32, 0, Some(Halt::StackUnderflow)),
        ]
    );
    assert_eq!(format!("{action:?}"), "Exit(Halt(StackUnderflow))");
}

#[test]
fn out_of_gas_costs_at_least_the_base_gas() {
    let (lines, ..) = trace(&Bytecode::new().op(op::JUMPDEST).push(1), 3);
    assert_eq!(lines[1], (1, op::PUSH1, 2, 0, 0, 3, Some(Halt::OutOfGas)));
}

#[test]
fn the_end_of_the_code_is_told_as_a_stop() {
    let (lines, ..) = trace(&Bytecode::new().push(1), GAS);
    assert_eq!(lines[1], (2, op::STOP, GAS - 3, 1, 0, 0, None));
}

proptest! {
    // Miri takes thousands of times as long for a case.
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 256 }))]

    #[test]
    fn traced_and_untraced_runs_are_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..60), gas in 0u64..100_000) {
        // Some words first, so that fewer runs end at once.
        let code = (1..8u64).fold(Bytecode::new(), |code, number| code.push(number)).raw(bytes);
        let plain = run_in(&mut World::default(), context(Fork::LATEST), &code, gas);
        let (lines, frame, action) = trace(&code, gas);
        prop_assert_eq!(format!("{action:?}"), format!("{:?}", plain.action));
        prop_assert_eq!(frame.gas, plain.frame.gas);
        prop_assert_eq!(frame.pc(), plain.frame.pc());
        prop_assert_eq!(frame.stack(), plain.frame.stack());
        prop_assert_eq!(frame.memory_bytes(), plain.frame.memory_bytes());
        for pair in lines.windows(2) {
            prop_assert_eq!(pair[0].2 - pair[0].5, pair[1].2);
        }
    }
}

#[test]
fn frames_messages_and_code_can_be_sent_to_other_threads() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Frame>();
    is_send::<Action>();
    is_send::<deferevm_opcodes::Code>();
    is_sync::<deferevm_opcodes::Code>();
    is_send::<U256>();
}
