//! The judge: a block under a deferred policy, executed as the rules say it and in no other way.
//!
//! One thread, one transaction after the other, whole copies instead of undo logs. It shares the
//! instructions, the precompiles, what a transaction says and whether it is valid, and Ethereum's own
//! edges of a block with the engine; rounds, ownership, gas and barriers are written anew.

mod block;
mod compare;
mod frames;
pub mod generate;
mod host;
mod transaction;
mod world;

pub use block::Reference;
pub use compare::{assert_same, assert_same_fields, first_difference};
