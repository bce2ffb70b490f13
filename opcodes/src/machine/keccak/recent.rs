//! Hashes of 64 bytes that a thread has come to lately.
//!
//! The slot of a mapping's value is the hash of its key and a number, 64 bytes, and contracts ask for the same
//! ones again and again: a token's transfer looks twice at each balance. Three of five such hashes in blocks of
//! mainnet were asked for earlier in the block.

use std::cell::RefCell;

use super::keccak256;
use crate::B256;

/// Bytes of a message.
const BYTES: usize = 64;

/// Messages that a thread remembers, each in the one place that it may have.
const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 10;

/// For each eight bytes of a message an odd number: the powers of 2⁶⁴ over the golden ratio.
const FACTORS: [u64; BYTES / 8] = {
    let mut factors = [0x9e37_79b9_7f4a_7c15_u64; BYTES / 8];
    let mut index = 1;
    while index < factors.len() {
        factors[index] = factors[index - 1].wrapping_mul(factors[0]);
        index += 1;
    }
    factors
};

#[derive(Clone, Copy)]
struct Remembered {
    message: [u8; BYTES],
    hash: B256,
}

thread_local! {
    /// Empty until the thread's first such message; 96 KiB from then on.
    static RECENT: RefCell<Vec<Remembered>> = const { RefCell::new(Vec::new()) };
}

/// [`keccak256`], faster if the thread has lately asked for the same.
pub(crate) fn keccak256_recent(message: &[u8]) -> B256 {
    let Ok(message) = <&[u8; BYTES]>::try_from(message) else {
        return keccak256(message);
    };
    RECENT.with_borrow_mut(|recent| {
        if recent.is_empty() {
            // What a place remembers is right from the beginning.
            let message = [0; BYTES];
            let hash = keccak256(&message);
            recent.resize(PLACES, Remembered { message, hash });
        }
        let remembered = &mut recent[place_of(message)];
        if remembered.message != *message {
            *remembered = Remembered {
                message: *message,
                hash: keccak256(message),
            };
        }
        remembered.hash
    })
}

/// The place of a message, below [`PLACES`]: the highest bits of the sum of its words times their factors.
fn place_of(message: &[u8; BYTES]) -> usize {
    let (words, _) = message.as_chunks();
    let sum = words
        .iter()
        .zip(FACTORS)
        .map(|(word, factor)| u64::from_le_bytes(*word).wrapping_mul(factor))
        .fold(0_u64, u64::wrapping_add);
    (sum >> (u64::BITS - PLACE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More messages than there are places, so that they drive each other out.
    #[test]
    fn what_is_remembered_is_the_hash() {
        let message = |number: u64| {
            let mut message = [0; BYTES];
            message[24..32].copy_from_slice(&(number / 3).to_be_bytes());
            message[63] = (number % 3) as u8;
            message
        };
        for _ in 0..2 {
            for number in 0..3 * PLACES as u64 {
                let message = message(number);
                for _ in 0..2 {
                    assert_eq!(keccak256_recent(&message), keccak256(&message), "{number}");
                }
            }
        }
    }

    #[test]
    fn messages_of_other_lengths_hash_as_well() {
        for length in [0, 1, 32, 63, 65, 128, 135, 136, 137] {
            let message = vec![0; length];
            assert_eq!(keccak256_recent(&message), keccak256(&message));
        }
    }

    /// Keys that count up, as those of arrays and of generated accounts do, spread over all places.
    #[test]
    fn keys_that_count_up_have_places_of_their_own() {
        let mut taken = vec![0; PLACES];
        for number in 0..PLACES as u64 {
            let mut message = [0; BYTES];
            message[24..32].copy_from_slice(&number.to_be_bytes());
            taken[place_of(&message)] += 1;
        }
        let most = taken.into_iter().max().unwrap();
        assert!(most <= 8, "{most} share a place");
    }
}
