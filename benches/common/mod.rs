//! What the benchmark programs share: the clock and the paired comparison, the options, the
//! workloads, and the two machines under test behind one shape.
//!
//! Each program uses a part of it, so what one of them leaves unused is not dead.
#![allow(dead_code)]

pub mod bundles;
pub mod children;
pub mod costs;
pub mod measure;
pub mod options;
pub mod ours;
pub mod peer;
pub mod peer_block;
pub mod workload;
pub mod worst_cases;

/// The allocator of the `deferevm` program, for both sides alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// revm's version, from the lock file that this program was built with.
pub fn revm_version() -> &'static str {
    include_str!("../../Cargo.lock")
        .split("name = \"revm\"\nversion = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("revm is a dev-dependency")
}
