//! What becomes of a call that leaves an opcode: entered now, or deferred.
//!
//! The [`Driver`] keeps the frames of a running transaction and asks the [`Policy`]; opcodes know
//! neither.

mod create;
mod deferred;
mod driver;
mod entered;
pub mod policy;
mod suspended;
mod world;

pub use driver::{Driver, Ended, Outermost};
pub use policy::{DeferredRules, GasRule, Order, Policy, ReturnData, Treatment};
pub use suspended::Suspended;
pub use world::World;

pub(crate) use create::begin_account;
pub(crate) use entered::{called_code, called_code_at, run_precompile};

/// Bytes of input that a transaction may queue with its deferred calls for each unit of gas that its
/// outermost frame starts with (semantics, section 3). They are hashed: about 2 ns a byte, as much for the gas as
/// the slower precompiles take.
pub const QUEUED_PER_GAS: u64 = 4;

/// The most bytes of input that a transaction may queue, whatever its gas: 4 GiB less 1.
pub const QUEUED_MAX: u64 = u32::MAX as u64;

/// The deepest frame: a transaction's outermost one has depth 0.
pub const DEPTH_MAX: u16 = 1024;
