//! Choices read off a fuzzer's bytes, and past their end off a generator seeded by them, so that a
//! short input already says a whole program and a longer one decides more of it.

use crate::machine::program::{Choices, Random};

/// Bytes to choose by.
pub struct ByteChoices<'a> {
    bytes: &'a [u8],
    tail: Random,
}

impl<'a> ByteChoices<'a> {
    /// Every string of bytes says one row of choices.
    pub fn new(bytes: &'a [u8]) -> Self {
        // FNV-1a.
        let seed = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
        Self {
            bytes,
            tail: Random(seed),
        }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*taken)
    }
}

impl Choices for ByteChoices<'_> {
    fn below(&mut self, bound: u64) -> u64 {
        let number = match bound {
            0..=0x100 => self.take().map(|[byte]: [u8; 1]| u64::from(byte)),
            0x101..=0x1_0000 => self.take().map(u16::from_be_bytes).map(u64::from),
            _ => self.take().map(u64::from_be_bytes),
        };
        number.unwrap_or_else(|| self.tail.next()) % bound
    }

    fn next(&mut self) -> u64 {
        let number = self.take().map(u64::from_be_bytes);
        number.unwrap_or_else(|| self.tail.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide_first_and_the_tail_depends_on_them() {
        let mut choices = ByteChoices::new(&[7, 1, 0]);
        assert_eq!(choices.below(10), 7);
        assert_eq!(choices.below(1000), 0x100);
        let tail = choices.next();
        assert_ne!(tail, ByteChoices::new(&[]).next());
        let mut again = ByteChoices::new(&[7, 1, 0]);
        assert_eq!((again.below(10), again.below(1000)), (7, 0x100));
        assert_eq!(again.next(), tail);
    }
}
