//! Blocks: what they are given as, and how they are executed.

#[cfg(feature = "cli")]
pub mod bundle;
pub mod chain;
pub mod edges;
pub mod header;
pub mod invalid;
pub mod mainnet;
pub mod network;
pub mod ommers;
pub mod receipts;
pub mod sealed;
pub mod sequential;
pub mod types;

pub use types::{Block, Ommer, Withdrawal};
