//! The hash function of the state's maps: for short keys that are mostly random already.
//!
//! Keys are addresses, slots and hashes, which anyone can choose. So the seed is secret, random for
//! each process, and mixed into each product of a folded multiplication (both halves of a 128-bit
//! product, exclusive-ored), which is as quick as hashing without one.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::OnceLock,
};

/// Makes the hashers of one process, which all agree.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyState;

/// Hashes one key.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher {
    state: u64,
    seed: u64,
}

impl BuildHasher for KeyState {
    type Hasher = KeyHasher;

    #[inline]
    fn build_hasher(&self) -> KeyHasher {
        static SEEDS: OnceLock<[u64; 2]> = OnceLock::new();
        let [state, seed] = *SEEDS.get_or_init(|| {
            let random = RandomState::new();
            [random.hash_one(0u8), random.hash_one(1u8)]
        });
        KeyHasher { state, seed }
    }
}

impl KeyHasher {
    #[inline]
    fn mix(&mut self, a: u64, b: u64) {
        self.state = fold(self.state ^ a, self.seed ^ b);
    }
}

impl Hasher for KeyHasher {
    #[inline]
    fn write(&mut self, mut bytes: &[u8]) {
        while let Some((pair, rest)) = bytes.split_first_chunk::<16>() {
            let pair = u128::from_le_bytes(*pair);
            // Truncation takes the lower half.
            self.mix(pair as u64, (pair >> 64) as u64);
            bytes = rest;
        }
        if let Some((half, rest)) = bytes.split_first_chunk::<8>() {
            self.mix(u64::from_le_bytes(*half), 0);
            bytes = rest;
        }
        if let Some((quarter, rest)) = bytes.split_first_chunk::<4>() {
            self.mix(u32::from_le_bytes(*quarter).into(), 0);
            bytes = rest;
        }
        for byte in bytes {
            self.mix((*byte).into(), 0);
        }
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.mix(number, 0);
    }

    /// Mostly the length of an array, the same for all keys of a map, so it is mixed in later.
    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.state = self.state.rotate_left(5) ^ number as u64;
    }

    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state, self.seed)
    }
}

/// Both halves of the product, exclusive-ored.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    // Truncation takes the lower half.
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Address, U256};

    /// Keys that differ in few bits spread over the low bits, which choose the bucket, and the high
    /// ones, which tell the keys of a bucket apart.
    #[test]
    fn keys_that_count_up_spread_over_low_and_high_bits() {
        let slots = (0..4096u64).map(|key| KeyState.hash_one(U256::from(key)));
        let shifted = (0..4096u64).map(|key| KeyState.hash_one(U256::from(key) << 200));
        let addresses = (0..4096u64).map(|key| KeyState.hash_one(Address::from_low_u64_be(key)));
        for hashes in [
            slots.collect::<Vec<_>>(),
            shifted.collect(),
            addresses.collect(),
        ] {
            let low: BTreeSet<_> = hashes.iter().map(|hash| hash & 0xfff).collect();
            let high: BTreeSet<_> = hashes.iter().map(|hash| hash >> 52).collect();
            // 4096 random throws into as many places hit 63 % of them.
            assert!((2400..2800).contains(&low.len()), "{}", low.len());
            assert!((2400..2800).contains(&high.len()), "{}", high.len());
        }
    }

    #[test]
    fn every_byte_of_a_key_counts() {
        let mut seen = BTreeSet::new();
        for length in [1, 4, 8, 20, 32, 52] {
            for index in 0..length {
                let mut key = vec![0u8; length];
                key[index] = 1;
                seen.insert(KeyState.hash_one(&key[..]));
            }
        }
        assert_eq!(seen.len(), 1 + 4 + 8 + 20 + 32 + 52);
    }
}
