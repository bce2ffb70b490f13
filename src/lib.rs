//! An EVM with deferred-call semantics.

pub mod precompiles;

pub use deferevm_opcodes::{Address, B256, Fork, U256};
