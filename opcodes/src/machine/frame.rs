//! One activation of code: everything that it needs to run, and to be kept and resumed later.

use core::ops::Range;

use super::{code::Code, gas::Gas};
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

/// One activation of code. It owns all it needs, lives on the heap and is `Send`; recycle it with
/// [`Frame::reset`] to save its allocations.
#[derive(Debug)]
pub struct Frame {
    /// What it was started with.
    pub context: FrameContext,
    /// Gas left and refund counter.
    pub gas: Gas,
    /// Where its output lies in its memory, once it has ended with RETURN or REVERT.
    pub output: Range<usize>,
    code: Code,
    input: Vec<u8>,
    return_data: Vec<u8>,
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
            input: Vec::new(),
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
        self.input.clear();
        self.return_data.clear();
    }

    /// The call data, to be filled before the frame first runs.
    pub fn input_mut(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    /// A range of memory that is expanded already: a message's input or init code.
    pub fn memory(&self, _range: Range<usize>) -> &[u8] {
        unimplemented!("memory")
    }

    /// The bytes returned by RETURN or REVERT; empty for any other exit.
    pub fn output_bytes(&self) -> &[u8] {
        self.memory(self.output.clone())
    }

    /// Goes on after a call or creation: pushes the result, keeps the return data, writes the output.
    /// Gas that comes back is added to [`Frame::gas`] by the caller.
    pub fn resume(&mut self, _outcome: Outcome<'_>) {
        unimplemented!("resume")
    }
}
