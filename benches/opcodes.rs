//! What each instruction takes, from generated code, on both tiers.
//!
//! A piece of code copies the instruction's operands from deeper in the stack, runs it, and drops what
//! it leaves; a program is two hundred pieces. Tier 0 runs one instruction after the other, so that the
//! instruction's own time is what a piece takes beyond its copies and drops. Tier 1 joins neighbours, so
//! there only the whole piece has a time. No operand is known before the code runs.
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
    Address, Tier, U256,
    bytecode::Bytecode,
    opcode::{self, Instruction},
    state::State,
};
use serde_json::json;

/// How many pieces a program has: so few that what tier 1 makes of them stays in the first cache.
const PIECES: usize = 200;

/// Words below the pieces, which they copy: as deep as a SWAP reaches.
const WORDS: u8 = 17;

/// How deep a DUP reaches.
const DUP_REACH: u8 = 16;

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

/// Instructions for which only an empty range is not out of bounds.
const ON_NOTHING: &[&str] = &["RETURNDATACOPY"];

fn main() -> ExitCode {
    let options = Options::from_command_line("--opcode");
    println!(
        "{:<16} {:>8} {:>10} {:>13} {:>13}",
        "instruction", "base gas", "ns, tier 0", "piece, tier 0", "piece, tier 1"
    );
    let mut bench = Bench::new(&options);
    let mut rows = Vec::new();
    for row in opcode::of_fork(ours::FORK) {
        if LEFT_OUT.contains(&row.name) || !options.selects(row.name) {
            continue;
        }
        bench.input = input(row);
        let plain = bench.piece(Tier::Plain, &piece(row));
        let blocks = bench.piece(Tier::Blocks, &piece(row));
        let alone = plain - bench.copies_and_drops(row);
        let gas = row.base_gas(ours::FORK).unwrap_or_default();
        println!(
            "{:<16} {gas:>8} {alone:>10.2} {plain:>13.2} {blocks:>13.2}",
            row.name
        );
        rows.push(json!({
            "name": row.name,
            "base_gas": gas,
            "nanoseconds_tier_0": alone,
            "piece_nanoseconds_tier_0": plain,
            "piece_nanoseconds_tier_1": blocks,
        }));
    }
    match options.write_json(&json!({"benchmark": "opcodes", "rows": rows})) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The instruction with copies of its operands before it and drops of its results behind it.
fn piece(row: &Instruction) -> Bytecode {
    copies(operands(row))
        .op(row.byte)
        .raw(vec![0x5a; usize::from(row.immediate)])
        .repeat(opcode::POP, usize::from(results(row)))
}

/// Words that the instruction takes off the stack. A DUP and a SWAP find theirs below.
fn operands(row: &Instruction) -> u8 {
    match row.byte {
        opcode::DUP1..=opcode::DUP16 | opcode::SWAP1..=opcode::SWAP16 => 0,
        _ => row.pops,
    }
}

/// Words that the stack then holds in their place.
fn results(row: &Instruction) -> u8 {
    operands(row) + row.pushes - row.pops
}

/// So many of the words below, in their order: a DUP as deep as they are many, again and again.
fn copies(count: u8) -> Bytecode {
    match count.min(DUP_REACH) {
        0 => Bytecode::new(),
        deep => Bytecode::new().repeat(opcode::DUP1 + deep - 1, usize::from(count)),
    }
}

/// The words that the pieces copy, the first one deepest.
fn input(row: &Instruction) -> Bytes {
    let word = |place| {
        if ON_NOTHING.contains(&row.name) {
            U256::zero()
        } else if !ON_VALUES.contains(&row.name) {
            U256::from(32)
        } else {
            let hash = deferevm::keccak256([place]);
            // The topmost is the largest, so that a division is one.
            U256::from_big_endian(hash.as_bytes()) >> (8 * usize::from(WORDS - 1 - place))
        }
    };
    (0..WORDS)
        .flat_map(|place| word(place).to_big_endian())
        .collect()
}

/// Measures pieces over the same words.
struct Bench<'a> {
    options: &'a Options,
    input: Bytes,
    /// Nanoseconds of a POP on tier 0.
    drop: f64,
}

impl<'a> Bench<'a> {
    fn new(options: &'a Options) -> Self {
        const COUNT: usize = 900;
        let mut bench = Self {
            options,
            input: Bytes::new(),
            drop: 0.0,
        };
        // What a stack that is emptied takes longer than one that is left full.
        let filled = Bytecode::new().repeat(opcode::PUSH0, COUNT);
        let emptied = filled.clone().repeat(opcode::POP, COUNT);
        let [filled, emptied] = [filled, emptied].map(|code| bench.time(Tier::Plain, code));
        bench.drop = (emptied - filled) / COUNT as f64;
        bench
    }

    /// Nanoseconds of a piece, which leaves the stack as it finds it.
    fn piece(&self, tier: Tier, piece: &Bytecode) -> f64 {
        let words = (0..u64::from(WORDS)).fold(Bytecode::new(), |code, place| {
            code.call(opcode::CALLDATALOAD, [32 * place])
        });
        let without = self.time(tier, words.clone());
        let with = self.time(tier, words.raw(piece.bytes().repeat(PIECES)));
        (with - without) / PIECES as f64
    }

    /// Nanoseconds, on tier 0, of all in an instruction's piece that is not the instruction.
    fn copies_and_drops(&self, row: &Instruction) -> f64 {
        let operands = operands(row);
        let pairs = copies(operands).repeat(opcode::POP, usize::from(operands));
        let drops = f64::from(row.pushes) - f64::from(row.pops);
        self.piece(Tier::Plain, &pairs) + drops * self.drop
    }

    /// Nanoseconds of a transaction that runs a program.
    fn time(&self, tier: Tier, code: Bytecode) -> f64 {
        let code = code.op(opcode::STOP);
        let workload = Workload {
            name: "generated".to_owned(),
            caller: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            value: U256::zero(),
            data: self.input.clone(),
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
        let mut machine = prepared.machine(&state).on(tier);
        let (outcome, _) = machine.outcome();
        assert_eq!(outcome.status, "ok", "a generated program ends well");
        measure::time(self.options.effort(), || drop(black_box(machine.run())))
    }
}
