//! Keccak-256, with the padding that Ethereum took before FIPS 202 changed it.
//!
//! Contracts hash 64 bytes most of the time, so what counts is one permutation. `keccak-asm` has one in
//! assembly that takes a fifth less than `sha3`'s; where it cannot be had, `sha3` does the work.

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod lanes;
mod recent;

pub(crate) use recent::keccak256_recent;

use crate::B256;

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
use keccak_asm::Keccak256;
#[cfg(any(not(any(target_arch = "x86_64", target_arch = "aarch64")), miri))]
use sha3::{Digest, Keccak256};

/// Keccak-256 of a message.
pub fn keccak256(message: &[u8]) -> B256 {
    B256(Keccak256::digest(message).into())
}

/// So many messages are hashed at a time.
const TOGETHER: usize = 8;

/// Keccak-256 of messages that lie one behind the other in `bytes`; `ends` says where each ends, rising. The
/// hashes are added to these in order. Short messages are hashed eight at a time where the processor has
/// AVX-512, in a quarter to a third of the time.
///
/// # Panics
/// If an end is beyond the bytes, or before the one in front of it.
pub fn keccak256_each(bytes: &[u8], ends: &[usize], hashes: &mut Vec<B256>) {
    let mut start = 0;
    for ends in ends.chunks(TOGETHER) {
        let mut messages = [&bytes[..0]; TOGETHER];
        for (message, end) in messages.iter_mut().zip(ends) {
            *message = &bytes[start..*end];
            start = *end;
        }
        hash_together(&messages[..ends.len()], hashes);
    }
}

/// Hashes up to eight messages: at the same time, if that is faster than one after the other.
fn hash_together(messages: &[&[u8]], hashes: &mut Vec<B256>) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        /// Eight take as long as two and a half.
        const WORTHWHILE: usize = 3;
        /// Longer ones differ more in their lengths than is won.
        const BYTES_MAX: usize = 1024;
        let are_short = || messages.iter().all(|message| message.len() <= BYTES_MAX);
        if messages.len() >= WORTHWHILE && are_short() && lanes::are_available() {
            let first = hashes.len();
            hashes.resize(first + messages.len(), B256::zero());
            lanes::hash(messages, &mut hashes[first..]);
            return;
        }
    }
    hashes.extend(messages.iter().map(|message| keccak256(message)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_one_behind_the_other_hash_as_each_alone() {
        let bytes: Vec<u8> = (0u8..=255).cycle().take(20_000).collect();
        for count in 0..20 {
            for (length, step) in [(0, 0), (0, 1), (130, 1), (122, 7), (135, 57), (1018, 1)] {
                let mut start = 0;
                let messages: Vec<_> = (0..count)
                    .map(|place| {
                        let message = &bytes[start..start + length + step * place];
                        start += message.len();
                        message
                    })
                    .collect();
                let ends: Vec<usize> = messages
                    .iter()
                    .scan(0, |end, message| {
                        *end += message.len();
                        Some(*end)
                    })
                    .collect();
                let mut hashes = vec![B256::zero()];
                keccak256_each(&bytes, &ends, &mut hashes);
                let expected = messages.iter().map(|message| keccak256(message));
                assert!(
                    hashes[1..].iter().copied().eq(expected),
                    "{count}, {length}"
                );
            }
        }
    }

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
