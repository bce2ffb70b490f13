//! A Merkle-Patricia trie built anew for every root, and the RLP that it needs, as the Yellow Paper's
//! appendices B to D put it: the naive twin of the root helpers. It shares nothing with them but
//! Keccak-256.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;

use deferevm::{B256, keccak256};

/// Keys and values; a value is what the trie holds at its key, already encoded.
pub type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// The root hash: of the encoded root node, however short that is.
pub fn root(entries: &Entries) -> B256 {
    let leaves: Vec<Leaf> = entries
        .iter()
        .map(|(key, value)| Leaf {
            path: key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect(),
            value,
        })
        .collect();
    match leaves.is_empty() {
        true => keccak256(string(&[])),
        false => keccak256(node(&leaves, 0)),
    }
}

/// The root of a trie whose keys are the encoded positions of a list.
pub fn ordered_root(values: &[Vec<u8>]) -> B256 {
    let entries = (0..).zip(values);
    root(
        &entries
            .map(|(position, value)| (integer(position), value.clone()))
            .collect(),
    )
}

/// The RLP of a byte string.
pub fn string(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [byte] if *byte < 0x80 => vec![*byte],
        _ => [prefix(0x80, bytes.len()), bytes.to_vec()].concat(),
    }
}

/// The RLP of a number.
pub fn integer(number: u128) -> Vec<u8> {
    big_endian(&number.to_be_bytes())
}

/// The RLP of a number in big-endian bytes: without zeros in front.
pub fn big_endian(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    string(&bytes[zeros..])
}

/// The RLP of a list whose items are encoded.
pub fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    [prefix(0xc0, payload.len()), payload].concat()
}

fn prefix(base: u8, length: usize) -> Vec<u8> {
    if length < 56 {
        return vec![base + length as u8];
    }
    let bytes = length.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[zeros..];
    [&[base + 55 + digits.len() as u8], digits].concat()
}

struct Leaf<'a> {
    /// Nibbles.
    path: Vec<u8>,
    value: &'a [u8],
}

/// The encoded node over leaves that agree up to `depth`.
fn node(leaves: &[Leaf<'_>], depth: usize) -> Vec<u8> {
    if let [leaf] = leaves {
        return list(&[hex_prefix(&leaf.path[depth..], true), string(leaf.value)]);
    }
    let first = &leaves[0].path[depth..];
    let shared = leaves.iter().map(|leaf| {
        let rest = &leaf.path[depth..];
        first.iter().zip(rest).take_while(|(a, b)| a == b).count()
    });
    let shared = shared.min().unwrap_or(0);
    if shared > 0 {
        let child = child(leaves, depth + shared);
        return list(&[hex_prefix(&first[..shared], false), child]);
    }
    let mut items: Vec<Vec<u8>> = (0..16)
        .map(|nibble| {
            let below = |leaf: &&Leaf<'_>| leaf.path.get(depth) == Some(&nibble);
            let start = leaves.iter().position(|leaf| below(&leaf));
            let count = leaves.iter().filter(below).count();
            match start {
                // The leaves are sorted, so those of one nibble stand together.
                Some(start) => child(&leaves[start..start + count], depth + 1),
                None => string(&[]),
            }
        })
        .collect();
    let here = leaves.iter().find(|leaf| leaf.path.len() == depth);
    items.push(string(here.map_or(&[][..], |leaf| leaf.value)));
    list(&items)
}

/// A node as its parent holds it: itself if it is shorter than a hash.
fn child(leaves: &[Leaf<'_>], depth: usize) -> Vec<u8> {
    let encoded = node(leaves, depth);
    match encoded.len() {
        0..32 => encoded,
        _ => string(&keccak256(encoded).0),
    }
}

/// Nibbles as bytes, with a flag for the kind of node and for an odd count.
fn hex_prefix(nibbles: &[u8], is_leaf: bool) -> Vec<u8> {
    let flag = if is_leaf { 2 } else { 0 };
    let (mut bytes, rest) = match nibbles.len() % 2 {
        0 => (vec![flag << 4], nibbles),
        _ => (vec![(flag + 1) << 4 | nibbles[0]], &nibbles[1..]),
    };
    bytes.extend(rest.chunks(2).map(|pair| pair[0] << 4 | pair[1]));
    string(&bytes)
}
