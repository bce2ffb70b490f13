//! Traces as lines of JSON (EIP-3155), in the form of geth's logger.
//!
//! Owns the form only. The summary of a transaction is written by whoever knows what it came to.

use std::{
    fmt::{self, Write as _},
    io::Write,
};

use super::{Step, Tracer};
use crate::{Halt, U256, opcode};

/// Writes a line for each instruction: `pc`, `op`, `memSize`, `depth` (from 1) and `refund` as decimal
/// numbers, `gas`, `gasCost`, the words of `stack` (the top last) and `returnData` as 0x-hex, `opName`,
/// and `error` where the instruction halted.
///
/// As with geth, the gas that a call passes on is part of its `gasCost`, and what a creation passes on
/// is not; `refund` is the whole transaction's counter; `memSize` is that before the instruction. Unlike
/// geth, which leaves it out, an empty `returnData` is written, as the EIP has it, and an instruction
/// that fails has one line, not two.
///
/// ```
/// use deferevm::{bytecode::Bytecode, opcode, trace::Eip3155};
/// # use deferevm::{AccountIndex, Address, Evm, Fork, U256, block::Block, state::InMemoryDatabase};
/// # use deferevm::transaction::{Recovered, Transaction};
/// # let (caller, callee) = (Address::repeat_byte(1), Address::repeat_byte(2));
/// # let mut state = InMemoryDatabase::default();
/// # let code = Bytecode::new().push(1).op(opcode::POP).code();
/// # state.insert_account(callee, U256::zero(), 1, &code);
/// # let transaction = Transaction { to: Some(callee), gas_limit: 30_000, ..Transaction::default() };
/// # let mut block = Block::default();
/// # block.environment.gas_limit = 30_000;
/// # block.transactions.push(Recovered::unsigned(transaction, caller));
/// Evm::new(Fork::Berlin)
///     .tracer(|_| Some(Box::new(Eip3155::new(std::io::stderr()))))
///     .edges(false)
///     .execute_block(&state, &block)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Eip3155<W: Write> {
    output: W,
    /// The line before `gasCost`, and after it; both empty where none is to be written.
    head: String,
    tail: String,
    gas: u64,
    gas_cost: u64,
    passes_gas_on: bool,
    error: Option<Halt>,
    /// The refund counters of the frames around the running one, and its own, by depth.
    refunds: Vec<i64>,
}

impl<W: Write> Eip3155<W> {
    /// A tracer that writes to `output`, and flushes it when it is dropped. What cannot be written is
    /// lost.
    pub fn new(output: W) -> Self {
        Self {
            output,
            head: String::new(),
            tail: String::new(),
            gas: 0,
            gas_cost: 0,
            passes_gas_on: false,
            error: None,
            refunds: Vec::new(),
        }
    }

    /// Writes the line of the last instruction, whose cost is known when the next one begins.
    fn finish_line(&mut self) {
        if self.head.is_empty() {
            return;
        }
        let Self {
            head,
            tail,
            gas_cost,
            error,
            ..
        } = self;
        let written = write!(head, ",\"gasCost\":\"{gas_cost:#x}\"{tail}")
            .and_then(|()| match error.take() {
                Some(halt) => write!(head, ",\"error\":\"{halt}\""),
                None => Ok(()),
            })
            .and_then(|()| head.write_str("}\n"));
        written.expect("a string takes everything");
        // A trace nobody reads to its end is no reason to stop what is traced.
        let _ = self.output.write_all(head.as_bytes());
        head.clear();
        tail.clear();
    }

    /// The whole transaction's refund counter, of which each frame knows its own part.
    fn refund(&mut self, step: &Step<'_>) -> i64 {
        self.refunds.resize(usize::from(step.depth), 0);
        self.refunds.push(step.refund);
        self.refunds.iter().sum::<i64>().max(0)
    }

    fn begin_line(&mut self, step: &Step<'_>) -> fmt::Result {
        let refund = self.refund(step);
        let (pc, op, depth) = (step.pc, step.opcode, u32::from(step.depth) + 1);
        write!(
            self.head,
            "{{\"pc\":{pc},\"op\":{op},\"gas\":\"{:#x}\"",
            step.gas
        )?;
        write!(self.tail, ",\"memSize\":{},\"stack\":[", step.memory_size)?;
        for (index, word) in step.frame.stack().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(self.tail, "{comma}\"{}\"", Hex(*word))?;
        }
        write!(self.tail, "],\"depth\":{depth},\"returnData\":\"0x")?;
        for byte in step.frame.return_data() {
            write!(self.tail, "{byte:02x}")?;
        }
        write!(self.tail, "\",\"refund\":{refund},\"opName\":\"")?;
        match name(op) {
            Some(name) => write!(self.tail, "{name}\""),
            None => write!(self.tail, "opcode {op:#x} not defined\""),
        }
    }
}

impl<W: Write> Tracer for Eip3155<W> {
    fn begin(&mut self, step: &Step<'_>) {
        self.finish_line();
        self.begin_line(step).expect("a string takes everything");
        self.gas = step.gas;
        self.passes_gas_on = !matches!(step.opcode, opcode::CREATE | opcode::CREATE2);
    }

    fn end(&mut self, gas_cost: u64, halt: Option<Halt>) {
        self.gas_cost = gas_cost;
        self.error = halt;
    }

    fn forwarded(&mut self, gas: u64) {
        if self.passes_gas_on {
            self.gas_cost = self.gas_cost.saturating_add(gas);
        }
        if self.gas_cost > self.gas {
            self.error = Some(Halt::OutOfGas);
        }
    }
}

impl<W: Write> Drop for Eip3155<W> {
    fn drop(&mut self) {
        self.finish_line();
        let _ = self.output.flush();
    }
}

/// An instruction's name as geth has it, which never renamed DIFFICULTY.
fn name(byte: u8) -> Option<&'static str> {
    match byte {
        opcode::PREVRANDAO => Some("DIFFICULTY"),
        byte => opcode::name(byte),
    }
}

/// A word as 0x-hex without leading zeros.
struct Hex(U256);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, second, third, high] = self.0.0;
        match (high, third, second) {
            (0, 0, 0) => write!(f, "{low:#x}"),
            (0, 0, _) => write!(f, "{second:#x}{low:016x}"),
            (0, _, _) => write!(f, "{third:#x}{second:016x}{low:016x}"),
            _ => write!(f, "{high:#x}{third:016x}{second:016x}{low:016x}"),
        }
    }
}
