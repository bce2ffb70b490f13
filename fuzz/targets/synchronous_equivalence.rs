//! Blocks without calls, deferred and on Ethereum.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deferevm_oracles::synchronous_equivalence::check(bytes);
});
