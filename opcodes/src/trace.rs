//! What a tracer is told of each instruction.
//!
//! How a trace is written (EIP-3155 and others) is the tracer's business.

use crate::{Frame, Halt};

/// Told of every instruction before and after it runs.
///
/// The driver of the frames calls [`Tracer::forwarded`] itself, since it alone knows.
pub trait Tracer {
    /// An instruction is about to run.
    fn begin(&mut self, step: &Step<'_>);

    /// The instruction has run, for `gas_cost` gas, refunds aside, or has halted. Where it halted out
    /// of gas, `gas_cost` is what it had taken by then, and at least its base gas.
    ///
    /// After CALL and CREATE it is the instruction's own cost; the frame has not gone on yet.
    fn end(&mut self, gas_cost: u64, halt: Option<Halt>);

    /// The call or creation that has just ended took so much gas from the frame besides, to pass on.
    fn forwarded(&mut self, _gas: u64) {}
}

/// An instruction about to run. Its frame gives stack, memory, return data and context.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Its position in the code.
    pub pc: usize,
    /// Its byte; STOP beyond the end of the code.
    pub opcode: u8,
    /// Gas left.
    pub gas: u64,
    /// The frame's refund counter.
    pub refund: i64,
    /// 0 for a transaction's outermost frame.
    pub depth: u16,
    /// Memory in bytes.
    pub memory_size: usize,
    /// The frame.
    pub frame: &'a Frame,
}

impl<'a> Step<'a> {
    /// The step that a frame is about to take.
    pub(crate) fn of(frame: &'a Frame) -> Self {
        let pc = frame.pc();
        Self {
            pc,
            opcode: frame.code.bytes().get(pc).copied().unwrap_or(0),
            gas: frame.gas.remaining,
            refund: frame.gas.refund,
            depth: frame.context.depth,
            memory_size: frame.memory.size(),
            frame,
        }
    }
}
