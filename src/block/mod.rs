//! Blocks: what they are given as, and how they are executed.

#[cfg(feature = "cli")]
pub mod bundle;
mod digest;
pub mod edges;
mod error;
pub mod execution;
pub mod mainnet;
pub mod outcome;
mod profile;
pub mod types;

pub(crate) use error::BlockFault;
pub use error::{BlockError, Defect, InvalidBlock};
pub use outcome::{BlockOutcome, RoundOutcome, Timing};
pub use types::{Block, Ommer, Withdrawal};
