//! An EVM with deferred-call semantics: calls become virtual transactions at the end of the block,
//! and what is left can run in parallel.

pub mod block;
pub mod call;
#[cfg(feature = "cli")]
pub mod cli;
mod evm;
pub mod example;
#[cfg(feature = "cli")]
pub mod fixtures;
mod in_place;
#[cfg(feature = "cli")]
pub mod json;
pub mod precompiles;
pub mod round;
pub mod state;
pub mod trace;
pub mod transaction;

pub use deferevm_opcodes::*;
pub use evm::{Evm, default_partition, partition_by_name};

/// The README's Rust code, compiled and run with the documentation's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
