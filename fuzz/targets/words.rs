//! Every operation on words against a big-integer library.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    deferevm_oracles::words::check(bytes);
});
