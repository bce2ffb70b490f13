//! One activation of code: everything that it needs to run, and to be kept and resumed later.

use core::ops::Range;

use super::{
    code::Code, exit::Halt, gas::Gas, input::Input, memory::Memory, schedule::GasSchedule,
    stack::Stack,
};
use crate::{Address, Fork, U256, host::AccountIndex};

/// What a frame is started with, besides its code, input and gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameContext {
    /// The rules that it runs under.
    pub fork: Fork,
    /// ADDRESS: whose storage and balance it uses.
    pub address: Address,
    /// The host's place for that account.
    pub account: AccountIndex,
    /// CALLER.
    pub caller: Address,
    /// CALLVALUE in wei.
    pub value: U256,
    /// Whether it may change state (EIP-214).
    pub is_static: bool,
    /// 0 for a transaction's outermost frame.
    pub depth: u16,
}

/// Bytes of return data that a recycled frame keeps allocated.
const BUFFER_KEPT: usize = 1 << 14;

/// One activation of code. It owns all it needs, lives on the heap and is `Send`; recycle it with
/// [`Frame::reset`] to save its allocations.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What it was started with.
    pub context: FrameContext,
    /// Gas left and refund counter.
    pub gas: Gas,
    /// Where its output lies in its memory, once it has ended with RETURN or REVERT.
    pub output: Range<usize>,
    pub(crate) code: Code,
    pub(crate) pc: usize,
    pub(crate) stack: Stack,
    pub(crate) memory: Memory,
    pub(crate) input: Input,
    pub(crate) return_data: Vec<u8>,
}

/// What a call or creation came to, as the frame that asked for it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The word pushed: 1 or 0 after a call, the new address or 0 after a creation.
    pub result: U256,
    /// What RETURNDATASIZE and RETURNDATACOPY see from now on.
    pub return_data: &'a [u8],
    /// Where the return data goes in memory, cut to the shorter of both: the message's `output`, or
    /// an empty range after a creation.
    pub output: Range<usize>,
}

impl Frame {
    /// A frame at the start of `code`, with an empty input.
    pub fn new(context: FrameContext, code: Code, gas_limit: u64) -> Box<Self> {
        Box::new(Self {
            context,
            gas: Gas {
                remaining: gas_limit,
                refund: 0,
            },
            output: 0..0,
            code,
            pc: 0,
            stack: Stack::new(),
            memory: Memory::default(),
            input: Input::default(),
            return_data: Vec::new(),
        })
    }

    /// Makes this the frame that [`Frame::new`] would give, keeping its allocations.
    pub fn reset(&mut self, context: FrameContext, code: Code, gas_limit: u64) {
        self.context = context;
        self.gas = Gas {
            remaining: gas_limit,
            refund: 0,
        };
        self.output = 0..0;
        self.code = code;
        self.pc = 0;
        self.stack.clear();
        self.memory.clear();
        self.input.clear();
        self.return_data.clear();
        self.return_data.shrink_to(BUFFER_KEPT);
    }

    /// Copies the call data, before the frame first runs.
    pub fn set_input(&mut self, input: &[u8]) {
        self.input.copy_from(input);
    }

    /// Takes as call data a range of the memory of the frame that calls, without copying it: the
    /// caller's memory is lent until [`Frame::give_back_input`], which has to come before the caller
    /// goes on.
    ///
    /// # Panics
    /// When the call data is read, if the range is not within the caller's memory.
    pub fn borrow_input(&mut self, caller: &mut Frame, range: Range<usize>) {
        self.input.borrow(&mut caller.memory, range);
    }

    /// Gives the caller its memory back, if it is lent; this frame has no call data from then on.
    pub fn give_back_input(&mut self, caller: &mut Frame) {
        self.input.give_back(&mut caller.memory);
    }

    /// The call data.
    pub fn input(&self) -> &[u8] {
        self.input.bytes()
    }

    /// Bytes that its memory, call data and return data hold.
    pub fn buffered(&self) -> usize {
        self.memory.size() + self.input.held() + self.return_data.len()
    }

    /// The code that it runs.
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// The position in the code of the next instruction; once the frame has ended by an exit, of
    /// the instruction that ended it.
    pub fn pc(&self) -> usize {
        self.pc
    }

    /// The stack, the top last.
    pub fn stack(&self) -> &[U256] {
        self.stack.words()
    }

    /// The whole memory; a multiple of 32 bytes.
    pub fn memory_bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    /// What RETURNDATASIZE and RETURNDATACOPY see.
    pub fn return_data(&self) -> &[u8] {
        &self.return_data
    }

    /// A range of memory that is expanded already: a message's input or init code.
    ///
    /// # Panics
    /// If it is not.
    pub fn memory(&self, range: Range<usize>) -> &[u8] {
        self.memory.region(range)
    }

    /// The bytes returned by RETURN or REVERT; empty for any other exit.
    pub fn output_bytes(&self) -> &[u8] {
        self.memory(self.output.clone())
    }

    /// Goes on after a call or creation: pushes the result, keeps the return data, writes the output.
    /// Gas that comes back is added to [`Frame::gas`] by the caller.
    ///
    /// # Panics
    /// If `output` is not within memory, as the message's own range is.
    pub fn resume(&mut self, outcome: Outcome<'_>) {
        self.stack.push(outcome.result);
        self.return_data.clear();
        self.return_data.extend_from_slice(outcome.return_data);
        let length = outcome.output.len().min(outcome.return_data.len());
        let start = outcome.output.start;
        self.memory
            .region_mut(start..start + length)
            .copy_from_slice(&outcome.return_data[..length]);
    }

    /// The fork's rules.
    pub(crate) fn schedule(&self) -> &'static GasSchedule {
        GasSchedule::of(self.context.fork)
    }

    /// Charges for a region of memory and grows to hold it.
    pub(crate) fn expand(&mut self, offset: U256, size: U256) -> Result<Range<usize>, Halt> {
        self.memory.expand(offset, size, &mut self.gas)
    }

    /// The rule of EIP-214 for instructions that change state.
    pub(crate) fn forbid_static(&self) -> Result<(), Halt> {
        if self.context.is_static {
            return Err(Halt::StaticViolation);
        }
        Ok(())
    }
}
