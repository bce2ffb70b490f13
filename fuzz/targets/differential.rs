//! Generated transactions over generated contracts, here and in revm.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deferevm_oracles::differential::check(bytes);
});
