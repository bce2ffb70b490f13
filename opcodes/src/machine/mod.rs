//! The machine that the instructions run on: words, code, stack, memory, gas and frames.

pub mod code;
pub mod environment;
pub mod exit;
pub mod fork;
pub mod frame;
pub mod gas;
pub(crate) mod input;
mod jump_destinations;
pub mod keccak;
pub mod memory;
pub mod message;
pub mod schedule;
pub mod stack;
pub mod word;
