//! Which bytes of code are jump destinations: JUMPDESTs that are no immediate bytes.
//!
//! Whoever sends a transaction chooses how much fresh code it calls, so this is fast for any code: in chunks
//! of 64 bytes, on [lanes] of a byte each where the processor has them, else on [words].

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod lanes;
mod words;

use crate::table;

/// Bytes of code for each word of the answer.
const CHUNK: usize = u64::BITS as usize;

/// A bit for each byte of the code, the first one lowest: whether a jump may lead there.
pub(super) fn find(code: &[u8]) -> Box<[u64]> {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if lanes::are_available() {
        return find_with(code, lanes::find);
    }
    find_with(code, find_in_words)
}

fn find_in_words(chunks: &[[u8; CHUNK]], carried: &mut u32, found: &mut Vec<u64>) {
    found.extend(chunks.iter().map(|chunk| words::find_in(chunk, carried)));
}

/// Adds the destinations of some chunks, of which the first so many bytes are immediate, and
/// says of how many bytes of the next chunk that is true.
type Find = fn(&[[u8; CHUNK]], &mut u32, &mut Vec<u64>);

fn find_with(code: &[u8], find: Find) -> Box<[u64]> {
    let mut carried = 0;
    let (chunks, rest) = code.as_chunks::<CHUNK>();
    let mut found = Vec::with_capacity(code.len().div_ceil(CHUNK));
    find(chunks, &mut carried, &mut found);
    if !rest.is_empty() {
        let mut last = [table::STOP; CHUNK];
        last[..rest.len()].copy_from_slice(rest);
        find(&[last], &mut carried, &mut found);
    }
    found.into_boxed_slice()
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

    /// All that this processor can do.
    fn ways() -> Vec<Find> {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if lanes::are_available() {
            return vec![find_in_words, lanes::find];
        }
        vec![find_in_words]
    }

    #[test]
    fn every_byte_before_destinations_hides_what_the_table_says() {
        for byte in 0..=u8::MAX {
            for before in 0..CHUNK {
                let mut code = vec![table::STOP; before];
                code.push(byte);
                code.resize(before + 40, table::JUMPDEST);
                for find in ways() {
                    let found = find_with(&code, find);
                    assert_eq!(*found, one_by_one(&code), "0x{byte:02x} at {before}");
                }
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
            for find in ways() {
                prop_assert_eq!(&*find_with(&code, find), one_by_one(&code));
            }
        }
    }
}
