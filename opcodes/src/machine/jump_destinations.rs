//! Which bytes of code are jump destinations: JUMPDESTs that are no immediate bytes.
//!
//! Whoever sends a transaction chooses how much fresh code it calls, so this is fast for any code:
//! 64 bytes are compared at once, and only their PUSHes are then taken one after the other.

use crate::table;

/// Bytes of code for each word of the answer.
const CHUNK: usize = u64::BITS as usize;

/// A bit for each byte of the code, the first one lowest: whether a jump may lead there.
pub(super) fn find(code: &[u8]) -> Box<[u64]> {
    // Immediate bytes of the last PUSH so far that lie in the next chunk.
    let mut carried = 0;
    let (chunks, rest) = code.as_chunks::<CHUNK>();
    let mut found = Vec::with_capacity(code.len().div_ceil(CHUNK));
    for chunk in chunks {
        found.push(find_in(chunk, &mut carried));
    }
    if !rest.is_empty() {
        let mut last = [table::STOP; CHUNK];
        last[..rest.len()].copy_from_slice(rest);
        found.push(find_in(&last, &mut carried));
    }
    found.into_boxed_slice()
}

/// The jump destinations of one chunk whose first `carried` bytes are immediate.
fn find_in(chunk: &[u8; CHUNK], carried: &mut u32) -> u64 {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule itself, instruction by instruction, with the immediate bytes of the opcode table.
    fn one_by_one(code: &[u8]) -> Vec<u64> {
        let mut found = vec![0; code.len().div_ceil(CHUNK)];
        let mut position = 0;
        while let Some(&byte) = code.get(position) {
            if byte == table::JUMPDEST {
                found[position / CHUNK] |= 1 << (position % CHUNK);
            }
            position += 1 + table::info(byte).map_or(0, |row| usize::from(row.immediate));
        }
        found
    }

    #[test]
    fn every_byte_before_destinations_hides_what_the_table_says() {
        for byte in 0..=u8::MAX {
            for before in 0..CHUNK {
                let mut code = vec![table::STOP; before];
                code.push(byte);
                code.resize(before + 40, table::JUMPDEST);
                assert_eq!(*find(&code), one_by_one(&code), "0x{byte:02x} at {before}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_code_has_the_destinations_that_the_rule_gives(
            code in prop::collection::vec(
                prop_oneof![
                    any::<u8>(),
                    Just(table::JUMPDEST),
                    table::PUSH1..=table::PUSH32,
                ],
                0..700,
            ),
        ) {
            prop_assert_eq!(&*find(&code), one_by_one(&code));
        }
    }
}
