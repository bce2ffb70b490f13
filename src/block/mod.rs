//! Blocks: what they are given as, and how they are executed.

#[cfg(feature = "cli")]
pub mod bundle;
pub mod edges;
pub mod mainnet;
pub mod types;

pub use types::{Block, Ommer, Withdrawal};
