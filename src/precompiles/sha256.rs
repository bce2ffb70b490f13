//! SHA-256, 0x02 (Yellow Paper, appendix E). The hash is the crate `sha2`, which picks the
//! processor's SHA instructions at run time.

use bytes::Bytes;
use deferevm_opcodes::Fork;
use sha2::{Digest, Sha256};

use super::{PrecompileOutput, PrecompileResult, charge, linear_gas};

/// Hashes the whole input to 32 bytes, for 60 gas and 12 for each word.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(linear_gas(60, 12, input.len()), gas_limit)?;
    let bytes = Bytes::copy_from_slice(&Sha256::digest(input));
    Ok(PrecompileOutput { gas_used, bytes })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    #[test]
    fn hashes_the_vectors_of_fips_180() {
        let empty = hex!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let abc = hex!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(run(b"", 60, Fork::Frontier).unwrap().bytes[..], empty);
        assert_eq!(run(b"abc", 72, Fork::Frontier).unwrap().bytes[..], abc);
    }

    #[test]
    fn each_word_begun_costs_12_gas() {
        for (bytes, gas) in [(0, 60), (1, 72), (32, 72), (33, 84)] {
            let input = vec![7; bytes];
            assert_eq!(run(&input, gas, Fork::Osaka).unwrap().gas_used, gas);
            assert!(run(&input, gas - 1, Fork::Osaka).is_err());
        }
    }
}
