//! What each instruction takes, from generated code: the time of straight-line code with it, less that
//! of the same code without it.
//!
//! The list is the instruction table's, for the newest fork. Left out is what ends a frame, jumps, or
//! enters another frame: that is measured by whole programs.

mod common;

use std::{hint::black_box, process::ExitCode};

use bytes::Bytes;
use common::{
    measure,
    options::Options,
    ours,
    workload::{Expected, Workload, WorkloadAccount},
};
use deferevm::{
    Address, U256,
    bytecode::Bytecode,
    opcode::{self, Instruction},
    state::State,
};
use serde_json::json;

/// How often an instruction stands in its program.
const COPIES: usize = 100;

const LEFT_OUT: &[&str] = &[
    "STOP",
    "JUMP",
    "JUMPI",
    "RETURN",
    "REVERT",
    "INVALID",
    "SELFDESTRUCT",
    "CREATE",
    "CREATE2",
    "CALL",
    "CALLCODE",
    "DELEGATECALL",
    "STATICCALL",
];

/// Instructions whose operands are values; all others take offsets, sizes, keys or addresses.
const ON_VALUES: &[&str] = &[
    "ADD", "MUL", "SUB", "DIV", "SDIV", "MOD", "SMOD", "ADDMOD", "MULMOD", "EXP", "LT", "GT",
    "SLT", "SGT", "EQ", "ISZERO", "AND", "OR", "XOR", "NOT", "CLZ",
];

fn main() -> ExitCode {
    let options = Options::from_command_line("--opcode");
    println!("{:<16} {:>8} {:>12}", "instruction", "ns", "base gas");
    let pop = pop(&options);
    let mut rows = Vec::new();
    for row in opcode::of_fork(ours::FORK) {
        if LEFT_OUT.contains(&row.name) || !options.selects(row.name) {
            continue;
        }
        let (with, without) = programs(row);
        let difference = (time(&options, with) - time(&options, without)) / COPIES as f64;
        let nanoseconds = difference + (f64::from(row.pops) - f64::from(row.pushes)) * pop;
        let gas = row.base_gas(ours::FORK).unwrap_or_default();
        println!("{:<16} {nanoseconds:>8.2} {gas:>12}", row.name);
        rows.push(json!({"name": row.name, "nanoseconds": nanoseconds, "base_gas": gas}));
    }
    match options.write_json(&json!({"benchmark": "opcodes", "rows": rows})) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The code with the instruction, and the code that pushes and drops its operands only.
fn programs(row: &Instruction) -> (Bytecode, Bytecode) {
    let (mut with, mut without) = (Bytecode::new(), Bytecode::new());
    for _ in 0..COPIES {
        for place in 0..row.pops {
            with = with.push(operand(row, place));
            without = without.push(operand(row, place));
        }
        with = with
            .op(row.byte)
            .raw(vec![0x5a; usize::from(row.immediate)])
            .repeat(opcode::POP, usize::from(row.pushes));
        without = without.repeat(opcode::POP, usize::from(row.pops));
    }
    (with.op(opcode::STOP), without.op(opcode::STOP))
}

/// An operand; the last one that is pushed is the topmost.
fn operand(row: &Instruction, place: u8) -> U256 {
    if !ON_VALUES.contains(&row.name) {
        return U256::from(32);
    }
    let hash = deferevm::keccak256([place]);
    // The topmost is the largest, so that a division is one.
    U256::from_big_endian(hash.as_bytes()) >> (8 * usize::from(row.pops - 1 - place))
}

/// A POP: half a pair of PUSH0 and POP more.
fn pop(options: &Options) -> f64 {
    let pairs = |count| {
        (0..count).fold(Bytecode::new(), |code, _| {
            code.op(opcode::PUSH0).op(opcode::POP)
        })
    };
    let (few, many) = (pairs(COPIES), pairs(3 * COPIES));
    let difference = time(options, many.op(opcode::STOP)) - time(options, few.op(opcode::STOP));
    difference / (4 * COPIES) as f64
}

/// Nanoseconds of a transaction that runs a program.
fn time(options: &Options, code: Bytecode) -> f64 {
    let workload = Workload {
        name: "generated".to_owned(),
        caller: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        value: U256::zero(),
        data: Bytes::from_static(&[7; 64]),
        gas_limit: 1 << 32,
        accounts: vec![WorkloadAccount {
            address: Address::repeat_byte(2),
            balance: U256::zero(),
            nonce: 1,
            code: Bytes::copy_from_slice(code.bytes()),
            storage: Vec::new(),
        }],
        expected: Expected::default(),
    };
    let database = ours::database(&workload);
    let state = State::new(&database);
    let prepared = ours::Prepared::new(&workload);
    let mut machine = prepared.machine(&state);
    let (outcome, _) = machine.outcome();
    assert_eq!(outcome.status, "ok", "a generated program ends well");
    measure::time(options.effort(), || drop(black_box(machine.run())))
}
