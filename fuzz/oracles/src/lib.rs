//! What the fuzz targets are made of: generators that make input of a fuzzer's bytes, and oracles that
//! judge what comes of it and panic where something is wrong.
//!
//! Each target calls one `check` function. Each can be called by a test with any bytes, so a finding
//! becomes a named test by its bytes.

pub mod choices;
pub mod differential;
pub mod parsers;
pub mod precompiles;
pub mod schedule;
pub mod synchronous_equivalence;
pub mod tiers;
pub mod words;

/// The machine's own test host, program generator and comparison of tiers.
#[path = "../../../opcodes/tests/common/mod.rs"]
mod machine;

/// revm over the same state, transaction by transaction.
#[path = "../../../benches/common/peer_block.rs"]
#[allow(dead_code, reason = "benches use the rest")]
mod peer_block;
