//! On any processor: eight bytes are compared at once, and a chunk's PUSHes taken one after the other.

use super::CHUNK;
use crate::table;

/// The jump destinations of one chunk whose first `carried` bytes are immediate.
pub(super) fn find_in(chunk: &[u8; CHUNK], carried: &mut u32) -> u64 {
    let (destinations, mut pushes) = masks(chunk);
    let mut immediates = low_bits(*carried);
    let mut end = *carried;
    pushes &= !immediates;
    while pushes != 0 {
        let at = pushes.trailing_zeros();
        // PUSH1 to PUSH32, the only opcodes with immediate bytes in any fork.
        let length = u32::from(chunk[at as usize] - table::PUSH0);
        let behind = low_bits(length) << at << 1;
        immediates |= behind;
        pushes &= !behind;
        pushes &= pushes - 1;
        end = at + 1 + length;
    }
    *carried = end.saturating_sub(u64::BITS);
    destinations & !immediates
}

/// Where the bytes of a chunk are JUMPDEST, and where PUSH1 to PUSH32, immediate or not.
fn masks(chunk: &[u8; CHUNK]) -> (u64, u64) {
    const JUMPDEST: u64 = every_byte(table::JUMPDEST);
    // PUSH1 to PUSH32 are the 32 bytes whose upper three bits are those of PUSH1.
    const PUSH: u64 = every_byte(table::PUSH1);
    const PUSH_BITS: u64 = every_byte(0xe0);
    let (mut destinations, mut pushes) = (0, 0);
    let (words, _) = chunk.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        destinations |= zero_bytes(word ^ JUMPDEST) << (8 * index);
        pushes |= zero_bytes((word & PUSH_BITS) ^ PUSH) << (8 * index);
    }
    (destinations, pushes)
}

/// A bit for each of the eight bytes, the lowest first: whether it is zero.
fn zero_bytes(word: u64) -> u64 {
    const LOW: u64 = every_byte(0x7f);
    // The high bit of each byte: of the sum if its low bits are not all zero, or its own.
    let high = !(((word & LOW) + LOW) | word | LOW);
    // Bit 8 i + 7 of `high` goes to bit 56 + i.
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

const fn every_byte(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// `count` ones, fewer than 64.
fn low_bits(count: u32) -> u64 {
    (1 << count) - 1
}
