//! Eight messages at a time: each word of Keccak's state becomes a register of eight, one for each message.
//!
//! The permutation is the `keccak` crate's, which takes any type that can do what a word does; what is here
//! are such words, and the sponge around it. Loops over eight words become one instruction each where the
//! compiler may use AVX-512, as [`permute`] says it may.

use std::{
    array,
    ops::{BitAnd, BitAndAssign, BitXor, BitXorAssign, Not},
};

use keccak::LaneSize;

use super::TOGETHER as LANES;
use crate::B256;

/// What one permutation takes in, in bytes.
const RATE: usize = 136;

/// The words of a state.
const WORDS: usize = 25;

/// The same word of eight states.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(align(64))]
struct Word([u64; LANES]);

/// Whether the processor has what this module is for.
pub(super) fn are_available() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// Hashes up to eight messages, each to its place. It takes as long as the longest of them.
///
/// # Panics
/// On a processor that [`are_available`] does not approve of.
pub(super) fn hash(messages: &[&[u8]], hashes: &mut [B256]) {
    assert!(are_available(), "this needs AVX-512");
    let blocks_of = |message: &[u8]| message.len() / RATE + 1;
    let blocks = messages.iter().map(|message| blocks_of(message)).max();
    let mut state = [Word::default(); WORDS];
    for index in 0..blocks.unwrap_or(0) {
        for (lane, message) in messages.iter().enumerate() {
            if let Some(rest) = message.get(index * RATE..) {
                absorb(&mut state, lane, rest);
            }
        }
        // SAFETY: the processor has AVX-512.
        unsafe { permute(&mut state) };
        for (lane, (message, hash)) in messages.iter().zip(&mut *hashes).enumerate() {
            if blocks_of(message) == index + 1 {
                *hash = digest(&state, lane);
            }
        }
    }
}

/// Adds a block to one state: the first bytes of what is left of its message, padded if that is all.
fn absorb(state: &mut [Word; WORDS], lane: usize, rest: &[u8]) {
    let mut last = [0; RATE];
    let block = rest.first_chunk().unwrap_or_else(|| {
        last[..rest.len()].copy_from_slice(rest);
        last[rest.len()] = 1;
        last[RATE - 1] |= 0x80;
        &last
    });
    let (words, _) = block.as_chunks();
    for (word, bytes) in state.iter_mut().zip(words) {
        word.0[lane] ^= u64::from_le_bytes(*bytes);
    }
}

fn digest(state: &[Word; WORDS], lane: usize) -> B256 {
    let mut hash = B256::zero();
    let (words, _) = hash.0.as_chunks_mut();
    for (bytes, word) in words.iter_mut().zip(state) {
        *bytes = word.0[lane].to_le_bytes();
    }
    hash
}

/// Keccak-f[1600] of eight states. Not called from anywhere else, so that it is compiled as part of this
/// function, with its instructions.
#[target_feature(enable = "avx512f")]
fn permute(state: &mut [Word; WORDS]) {
    keccak::keccak_p(state, Word::KECCAK_F_ROUND_COUNT);
}

impl LaneSize for Word {
    const KECCAK_F_ROUND_COUNT: usize = 24;

    #[inline(always)]
    fn truncate_rc(constant: u64) -> Self {
        Self([constant; LANES])
    }

    #[inline(always)]
    fn rotate_left(self, bits: u32) -> Self {
        Self(array::from_fn(|lane| self.0[lane].rotate_left(bits)))
    }
}

impl BitXor for Word {
    type Output = Self;

    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        Self(array::from_fn(|lane| self.0[lane] ^ other.0[lane]))
    }
}

impl BitXorAssign for Word {
    #[inline(always)]
    fn bitxor_assign(&mut self, other: Self) {
        *self = *self ^ other;
    }
}

impl BitAnd for Word {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(array::from_fn(|lane| self.0[lane] & other.0[lane]))
    }
}

impl BitAndAssign for Word {
    #[inline(always)]
    fn bitand_assign(&mut self, other: Self) {
        *self = *self & other;
    }
}

impl Not for Word {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        Self(array::from_fn(|lane| !self.0[lane]))
    }
}
