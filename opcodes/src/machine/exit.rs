//! How a frame ends, and what else can make it leave the run loop.

use super::message::{CallMessage, CreateMessage};
use crate::host::Refusal;

/// How a frame ended: data, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// STOP, or the end of the code.
    Stop,
    /// RETURN.
    Return,
    /// SELFDESTRUCT.
    SelfDestruct,
    /// REVERT: changes undone, the gas left returns to the caller.
    Revert,
    /// An exceptional halt: changes undone, all gas consumed.
    Halt(Halt),
}

impl Exit {
    /// Whether the frame's changes stand.
    pub const fn is_success(self) -> bool {
        matches!(self, Exit::Stop | Exit::Return | Exit::SelfDestruct)
    }
}

/// Why a frame halted exceptionally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Halt {
    /// The gas left does not pay for the instruction, or memory would grow beyond what gas can buy.
    #[error("out of gas")]
    OutOfGas,
    /// The instruction pops more words than the stack holds.
    #[error("stack underflow")]
    StackUnderflow,
    /// The instruction would leave more than 1024 words on the stack.
    #[error("stack overflow")]
    StackOverflow,
    /// JUMP or JUMPI to a place that is no JUMPDEST.
    #[error("invalid jump destination")]
    InvalidJump,
    /// A byte that is no instruction in this fork, 0xfe included.
    #[error("invalid opcode 0x{0:02x}")]
    InvalidOpcode(u8),
    /// An instruction that changes state, in a static frame (EIP-214).
    #[error("write protection")]
    StaticViolation,
    /// RETURNDATACOPY beyond the end of the return data (EIP-211).
    #[error("return data out of bounds")]
    ReturnDataOutOfBounds,
    /// CREATE or CREATE2 with more init code than EIP-3860 allows.
    #[error("max initcode size exceeded")]
    InitCodeTooLarge,
    /// A creation at an address that has code, a nonce or storage (EIP-684, EIP-7610).
    #[error("contract address collision")]
    CreateCollision,
    /// Init code returned more code than EIP-170 allows.
    #[error("max code size exceeded")]
    CodeTooLarge,
    /// Init code returned code that begins with 0xef (EIP-3541).
    #[error("invalid code: must not begin with 0xef")]
    InvalidCode,
    /// Init code left too little gas to pay for the code it returned.
    #[error("contract creation code storage out of gas")]
    CodeDepositOutOfGas,
    /// A precompile refused its input.
    #[error("precompile failed")]
    PrecompileFailed,
    /// The code's bytes are needed, and the state knows only their hash.
    #[error("code missing")]
    CodeMissing,
    /// A deferred DELEGATECALL or CALLCODE whose target no longer exists.
    #[error("target destroyed")]
    TargetDestroyed,
}

/// Why the run loop returned.
#[derive(Clone, Debug)]
pub enum Action {
    /// The frame ended. Its output is `frame.memory[frame.output]`.
    Exit(Exit),
    /// A CALL-family instruction, its own costs charged. Whoever drives the frames decides what
    /// becomes of it and then calls [`Frame::resume`](super::frame::Frame::resume).
    Call(CallMessage),
    /// CREATE or CREATE2, its own costs charged.
    Create(CreateMessage),
    /// The host refused to answer; the host knows why. The frame must not be run again.
    Fault,
}

/// Why an instruction's body could not do its work; the run loop makes an [`Action`] of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// The frame halts.
    Halt(Halt),
    /// The host refused.
    Fault,
}

impl From<Halt> for Interrupt {
    fn from(halt: Halt) -> Self {
        Interrupt::Halt(halt)
    }
}

impl From<Refusal> for Interrupt {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::OutOfGas => Interrupt::Halt(Halt::OutOfGas),
            Refusal::Fault => Interrupt::Fault,
        }
    }
}

impl From<Interrupt> for Action {
    fn from(interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::Halt(halt) => Action::Exit(Exit::Halt(halt)),
            Interrupt::Fault => Action::Fault,
        }
    }
}
