//! The EVM's instruction set and the stack machine it runs on.
//!
//! The crate knows no transactions, no journal and no call policy: an instruction asks its
//! [`Host`] for what it cannot know itself, and a call leaves the run loop as an [`Action`] for
//! whoever drives the frames.

mod arithmetic;
mod bitwise;
mod block;
mod blocks;
mod call;
mod comparison;
mod control_flow;
mod create;
mod environment;
mod keccak;
mod log;
mod memory;
mod storage;

pub mod bytecode;
pub mod host;
pub mod interpreter;
pub mod machine;
pub mod table;
pub mod trace;

pub use host::{AccountIndex, CallTarget, Destroyed, Host, Loaded, Log, Refusal, Stored};
pub use interpreter::{Tier, run, run_traced, run_with};
pub use machine::{
    code::Code,
    environment::{BlockEnvironment, Environment, TransactionEnvironment},
    exit::{Action, Exit, Halt},
    fork::{Fork, UnknownFork},
    frame::{Frame, FrameContext, Outcome},
    gas::Gas,
    keccak::keccak256_each,
    message::{CALL_STIPEND, CallKind, CallMessage, CreateKind, CreateMessage},
    schedule::GasSchedule,
};
pub use primitive_types::{H160 as Address, H256 as B256, U256};
pub use table as opcode;
pub use trace::{Step, Tracer};

/// Keccak-256.
#[inline]
pub fn keccak256(bytes: impl AsRef<[u8]>) -> B256 {
    machine::keccak::keccak256(bytes.as_ref())
}
