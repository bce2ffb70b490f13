//! A generated block, deferred, under any schedule, against the reference executor.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deferevm_oracles::schedule::check(bytes);
});
