//! Any bytes as a transaction, a header and a block.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deferevm_oracles::parsers::transaction(bytes);
});
