//! Any bytes as every kind of fixture.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deferevm_oracles::parsers::fixture(bytes);
});
