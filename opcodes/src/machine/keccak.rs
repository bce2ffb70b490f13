//! Keccak-256, with the padding that Ethereum took before FIPS 202 changed it.
//!
//! Contracts hash 64 bytes most of the time, so what counts is one permutation. `keccak-asm` has one in
//! assembly that takes a fifth less than `sha3`'s; where it cannot be had, `sha3` does the work.

use crate::B256;

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
use keccak_asm::Keccak256;
#[cfg(any(not(any(target_arch = "x86_64", target_arch = "aarch64")), miri))]
use sha3::{Digest, Keccak256};

/// Keccak-256 of a message.
pub fn keccak256(message: &[u8]) -> B256 {
    B256(Keccak256::digest(message).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_up_to_three_blocks_hashes_as_the_sha3_crate_has_it() {
        let message: Vec<u8> = (0u8..=255).cycle().take(3 * 136 + 1).collect();
        for length in 0..message.len() {
            let expected: [u8; 32] =
                <sha3::Keccak256 as sha3::Digest>::digest(&message[..length]).into();
            assert_eq!(keccak256(&message[..length]).0, expected, "{length} bytes");
        }
    }
}
