//! Any bytes as a block bundle and as geth's outputs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deferevm_oracles::parsers::block_bundle(bytes);
});
