//! The hash function of the maps that are looked up while transactions run: addresses, words and
//! hashes, all of fixed length.
//!
//! Most of these keys are hashes already, but a sender can choose storage keys and grind addresses, so
//! the function is keyed with what nobody outside the process knows.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::OnceLock,
};

/// Makes hashers with this process's keys.
#[derive(Clone, Copy, Debug)]
pub struct Keyed(&'static Keys);

#[derive(Debug)]
struct Keys([u64; 4]);

/// Folds 128-bit products of keyed halves, as wyhash does.
#[derive(Clone, Copy, Debug)]
pub struct KeyedHasher {
    keys: &'static Keys,
    state: u64,
}

impl Default for Keyed {
    fn default() -> Self {
        static KEYS: OnceLock<Keys> = OnceLock::new();
        Self(KEYS.get_or_init(Keys::new))
    }
}

impl Keys {
    /// From the operating system's randomness, by way of the standard library.
    fn new() -> Self {
        Self([0u64, 1, 2, 3].map(|place| RandomState::new().hash_one(place)))
    }
}

impl BuildHasher for Keyed {
    type Hasher = KeyedHasher;

    #[inline]
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher {
            keys: self.0,
            state: self.0.0[3],
        }
    }
}

impl KeyedHasher {
    #[inline]
    fn add(&mut self, one: u64, other: u64) {
        let [first, second, third, _] = self.keys.0;
        self.state = fold(
            self.state ^ third,
            fold(one ^ first, other ^ second) ^ first,
        );
    }
}

impl Hasher for KeyedHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut pairs = bytes.chunks_exact(16);
        for pair in &mut pairs {
            let (one, other) = pair.split_at(8);
            self.add(word(one), word(other));
        }
        let rest = pairs.remainder();
        if !rest.is_empty() {
            let (one, other) = rest.split_at(rest.len().min(8));
            self.add(word(one), word(other));
        }
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.add(number.into(), 0);
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.add(number, 0);
    }

    /// Lengths come here, and the keys of one map are all of one length.
    #[inline]
    fn write_usize(&mut self, _: usize) {}
}

#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    let bytes = product.to_le_bytes();
    let (low, high) = bytes.split_at(8);
    word(low) ^ word(high)
}

/// Up to eight bytes, little-endian.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    match bytes.try_into() {
        Ok(bytes) => u64::from_le_bytes(bytes),
        Err(_) => match bytes.try_into() {
            Ok(bytes) => u32::from_le_bytes(bytes).into(),
            Err(_) => bytes
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u64::from(*byte)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, U256};
    use std::collections::HashSet;

    #[test]
    fn keys_that_differ_in_one_bit_hash_differently() {
        let state = Keyed::default();
        let mut hashes = HashSet::new();
        for bit in 0..160 {
            let mut address = Address::zero();
            address.0[bit / 8] |= 1 << (bit % 8);
            assert!(hashes.insert(state.hash_one(address)), "bit {bit}");
        }
        let mut hashes = HashSet::new();
        for bit in 0..256usize {
            assert!(
                hashes.insert(state.hash_one(U256::one() << bit)),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn small_numbers_spread_over_all_buckets_and_tags() {
        let state = Keyed::default();
        let mut low = vec![0; 256];
        let mut high = vec![0; 128];
        for number in 0..25_600u32 {
            let hash = state.hash_one(U256::from(number));
            low[usize::try_from(hash & 0xff).unwrap()] += 1;
            high[usize::try_from(hash >> 57).unwrap()] += 1;
        }
        assert!(low.iter().all(|count| (40..180).contains(count)), "{low:?}");
        assert!(
            high.iter().all(|count| (100..320).contains(count)),
            "{high:?}"
        );
    }

    #[test]
    fn the_parts_of_a_pair_are_not_interchangeable() {
        let state = Keyed::default();
        let (one, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let swapped = (other, U256::from_big_endian(one.as_bytes()));
        assert_ne!(
            state.hash_one((one, U256::from_big_endian(other.as_bytes()))),
            state.hash_one(swapped)
        );
    }
}
