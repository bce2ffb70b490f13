//! One program on every tier of the interpreter.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deferevm_oracles::tiers::check(bytes);
});
