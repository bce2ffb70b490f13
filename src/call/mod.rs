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

/// The deepest frame: a transaction's outermost one has depth 0.
pub const DEPTH_MAX: u16 = 1024;
