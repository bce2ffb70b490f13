//! The opcode table agrees with itself, and the run loop with the table.

mod common;

use common::{World, context, run_in};
use deferevm_opcodes::{
    Action, Exit, Fork, GasSchedule, Halt, bytecode::Bytecode, opcode, opcode::Instruction,
};

/// Instructions that end the frame, leave it or go elsewhere: not to be followed by others.
fn is_plain(row: &Instruction) -> bool {
    !matches!(
        row.name,
        "STOP"
            | "JUMP"
            | "JUMPI"
            | "RETURN"
            | "REVERT"
            | "INVALID"
            | "SELFDESTRUCT"
            | "CREATE"
            | "CREATE2"
            | "CALL"
            | "CALLCODE"
            | "DELEGATECALL"
            | "STATICCALL"
    )
}

/// The instruction on a stack of so many zeros.
fn on_zeros(row: &Instruction, height: usize) -> Bytecode {
    Bytecode::new()
        .op(opcode::PC)
        .op(opcode::POP)
        .raw([opcode::PUSH1, 0].repeat(height))
        .op(row.byte)
        .raw(vec![0; usize::from(row.immediate)])
}

#[test]
fn bytes_and_names_are_unique_and_in_order() {
    assert!(
        opcode::ALL
            .windows(2)
            .all(|pair| pair[0].byte < pair[1].byte)
    );
    let mut names: Vec<_> = opcode::ALL.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), opcode::ALL.len());
    for row in opcode::ALL {
        assert_eq!(opcode::info(row.byte), Some(row));
        assert_eq!(opcode::name(row.byte), Some(row.name));
    }
    assert_eq!(
        (0..=u8::MAX).filter_map(opcode::info).count(),
        opcode::ALL.len()
    );
}

#[test]
fn histories_are_in_order_and_say_something_new() {
    for row in opcode::ALL {
        assert!(
            row.gas
                .windows(2)
                .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1),
            "{}",
            row.name
        );
        assert!(row.pushes <= 17 && row.pops <= 17 && row.immediate <= 32);
        assert!(!row.summary.is_empty());
    }
}

#[test]
fn the_number_of_instructions_by_fork_is_the_protocols() {
    // INVALID counts; Frontier has 130 with it.
    let count = |fork| opcode::of_fork(fork).count();
    let counts = [
        (Fork::Frontier, 130),
        (Fork::Homestead, 131),
        (Fork::TangerineWhistle, 131),
        (Fork::Byzantium, 135),
        (Fork::Constantinople, 140),
        (Fork::Petersburg, 140),
        (Fork::Istanbul, 142),
        (Fork::London, 143),
        (Fork::Shanghai, 144),
        (Fork::Cancun, 149),
        (Fork::Prague, 149),
        (Fork::Osaka, 150),
    ];
    for (fork, expected) in counts {
        assert_eq!(count(fork), expected, "{fork}");
    }
}

#[test]
fn schedules_hold_the_tables_base_gas() {
    for fork in Fork::ALL {
        for byte in 0..=u8::MAX {
            let base = opcode::info(byte).and_then(|row| row.base_gas(fork));
            let expected = base.unwrap_or(GasSchedule::UNDEFINED);
            assert_eq!(
                GasSchedule::of(fork).base(byte),
                expected,
                "0x{byte:02x} {fork}"
            );
        }
    }
}

#[test]
fn every_byte_without_a_row_in_the_fork_is_an_invalid_opcode() {
    for fork in Fork::ALL {
        for byte in 0..=u8::MAX {
            let code = Bytecode::new().raw([opcode::PUSH1, 0].repeat(20)).op(byte);
            let ran = run_in(&mut World::default(), context(fork), &code, 1_000_000);
            let is_invalid = matches!(ran.action, Action::Exit(Exit::Halt(Halt::InvalidOpcode(found))) if found == byte);
            let row = opcode::info(byte);
            let exists = byte != opcode::INVALID && row.is_some_and(|row| row.since() <= fork);
            assert_eq!(is_invalid, !exists, "0x{byte:02x} {fork}: {:?}", ran.action);
        }
    }
}

#[test]
fn one_word_too_few_is_an_underflow_and_just_enough_is_not() {
    for row in opcode::ALL.iter().filter(|row| row.name != "INVALID") {
        let pops = usize::from(row.pops);
        let run = |height| {
            run_in(
                &mut World::default(),
                context(Fork::LATEST),
                &on_zeros(row, height),
                1_000_000,
            )
            .action
        };
        let underflow = Action::Exit(Exit::Halt(Halt::StackUnderflow));
        if pops > 0 {
            assert_eq!(
                format!("{:?}", run(pops - 1)),
                format!("{underflow:?}"),
                "{}",
                row.name
            );
        }
        assert_ne!(
            format!("{:?}", run(pops)),
            format!("{underflow:?}"),
            "{}",
            row.name
        );
    }
}

#[test]
fn the_stack_holds_1024_words_and_no_more() {
    for row in opcode::ALL.iter().filter(|row| row.pushes > row.pops) {
        let run = |height| {
            run_in(
                &mut World::default(),
                context(Fork::LATEST),
                &on_zeros(row, height),
                1_000_000,
            )
        };
        let full = run(1023);
        assert_eq!(full.exit(), Exit::Stop, "{}", row.name);
        assert_eq!(full.frame.stack().len(), 1024);
        assert_eq!(run(1024).halt(), Halt::StackOverflow, "{}", row.name);
    }
}

#[test]
fn plain_instructions_leave_the_height_the_table_says() {
    for row in opcode::ALL.iter().filter(|row| is_plain(row)) {
        let ran = run_in(
            &mut World::default(),
            context(Fork::LATEST),
            &on_zeros(row, 20),
            1_000_000,
        );
        assert_eq!(ran.exit(), Exit::Stop, "{}", row.name);
        let expected = 20 + usize::from(row.pushes) - usize::from(row.pops);
        assert_eq!(ran.frame.stack().len(), expected, "{}", row.name);
    }
}

#[test]
fn base_gas_less_one_is_out_of_gas_in_every_fork() {
    for fork in Fork::ALL {
        for row in opcode::of_fork(fork).filter(|row| row.name != "INVALID") {
            let base = u64::from(row.base_gas(fork).unwrap());
            let before = 4 + 3 * 17;
            let code = on_zeros(row, 17);
            if base > 0 {
                let short = run_in(
                    &mut World::default(),
                    context(fork),
                    &code,
                    before + base - 1,
                );
                assert_eq!(short.halt(), Halt::OutOfGas, "{} {fork}", row.name);
            }
            let costs_more = matches!(
                row.name,
                "SSTORE"
                    | "SLOAD"
                    | "BALANCE"
                    | "EXTCODESIZE"
                    | "EXTCODECOPY"
                    | "EXTCODEHASH"
                    | "MLOAD"
                    | "MSTORE"
                    | "MSTORE8"
                    | "CALL"
                    | "CALLCODE"
                    | "DELEGATECALL"
                    | "STATICCALL"
                    | "SELFDESTRUCT"
                    | "JUMP"
                    | "JUMPI"
            );
            if !costs_more {
                let just = run_in(&mut World::default(), context(fork), &code, before + base);
                let halted = matches!(just.action, Action::Exit(Exit::Halt(_)));
                assert!(!halted, "{} {fork}: {:?}", row.name, just.action);
                assert_eq!(just.spent, before + base, "{} {fork}", row.name);
            }
        }
    }
}
