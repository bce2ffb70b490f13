//! Blocks: what they are given as, and how they are executed.

#[cfg(feature = "cli")]
pub mod bundle;
pub mod chain;
pub mod comparison;
mod digest;
pub mod edges;
mod error;
pub mod execution;
pub mod header;
pub mod invalid;
pub mod mainnet;
pub mod network;
pub mod ommers;
pub mod outcome;
mod profile;
pub mod receipts;
pub mod sealed;
pub mod sequential;
pub mod types;
pub mod verification;

pub(crate) use error::BlockFault;
pub use error::{BlockError, Defect};
pub use invalid::InvalidBlock;
pub use outcome::{BlockOutcome, RoundOutcome, Timing};
pub use types::{Block, Ommer, Withdrawal};
