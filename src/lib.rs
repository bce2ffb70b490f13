//! An EVM with deferred-call semantics.

pub mod block;
#[cfg(feature = "cli")]
pub mod fixtures;
#[cfg(feature = "cli")]
pub mod json;
pub mod transaction;

pub use deferevm_opcodes::{Address, B256, Fork, U256};
