//! RIPEMD-160, 0x03 (Yellow Paper, appendix E). Does not own the touch that mainnet keeps when a
//! call to this address runs out of gas: that is the journal's.

use bytes::Bytes;
use deferevm_opcodes::Fork;
use ripemd::{Digest, Ripemd160};

use super::{PrecompileOutput, PrecompileResult, charge, linear_gas};

/// Hashes the whole input to 20 bytes behind 12 zeros, for 600 gas and 120 for each word.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(linear_gas(600, 120, input.len()), gas_limit)?;
    let mut word = [0; 32];
    word[12..].copy_from_slice(&Ripemd160::digest(input));
    let bytes = Bytes::copy_from_slice(&word);
    Ok(PrecompileOutput { gas_used, bytes })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    #[test]
    fn hashes_the_vectors_of_its_authors() {
        let empty = hex!("0000000000000000000000009c1185a5c5e9fc54612808977ee8f548b2258d31");
        let abc = hex!("0000000000000000000000008eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
        assert_eq!(run(b"", 600, Fork::Frontier).unwrap().bytes[..], empty);
        assert_eq!(run(b"abc", 720, Fork::Frontier).unwrap().bytes[..], abc);
    }

    #[test]
    fn each_word_begun_costs_120_gas() {
        for (bytes, gas) in [(0, 600), (1, 720), (32, 720), (33, 840)] {
            let input = vec![7; bytes];
            assert_eq!(run(&input, gas, Fork::Osaka).unwrap().gas_used, gas);
            assert!(run(&input, gas - 1, Fork::Osaka).is_err());
        }
    }
}
