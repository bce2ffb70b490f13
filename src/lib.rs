//! An EVM with deferred-call semantics.

#[cfg(feature = "cli")]
pub mod fixtures;
pub mod transaction;

pub use deferevm_opcodes::{Address, B256, Fork, U256};
