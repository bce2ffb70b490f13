//! An EVM with deferred-call semantics.

pub mod transaction;

pub use deferevm_opcodes::{Address, B256, Fork, U256};
