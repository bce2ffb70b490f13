//! A few lines of assembler, so that the example's contracts can be read.
//!
//! Words are separated by blanks: a mnemonic is its opcode, a number (decimal or 0x-hex) is the shortest
//! PUSH of it, `name:` is a JUMPDEST, `@name` pushes its position, `'text(uint256)` pushes the
//! four bytes of that function's selector, and `;` begins a comment.

use std::collections::BTreeMap;

use crate::{U256, bytecode::Bytecode, keccak256, opcode};

/// Assembles.
///
/// # Panics
/// On a word that is none of the above: the sources are constants of this crate.
pub(super) fn assemble(source: &str) -> Vec<u8> {
    let words: Vec<&str> = source
        .lines()
        .flat_map(|line| {
            line.split(';')
                .next()
                .unwrap_or_default()
                .split_whitespace()
        })
        .collect();
    // Positions are pushed in two bytes each, so that they do not depend on each other.
    let mut labels = BTreeMap::new();
    for pass in 0..2 {
        let mut code = Bytecode::new();
        for word in &words {
            if let Some(name) = word.strip_suffix(':') {
                labels.insert(name, code.len());
                code = code.jump_destination();
            } else if let Some(name) = word.strip_prefix('@') {
                let position = labels.get(name).copied().unwrap_or_default();
                assert!(pass == 0 || labels.contains_key(name), "no label {name}");
                let position = u16::try_from(position).expect("the example's contracts are short");
                code = code.push_bytes(&position.to_be_bytes());
            } else {
                code = instruction(code, word);
            }
        }
        if pass == 1 {
            return code.bytes().to_vec();
        }
    }
    unreachable!("the second pass returns")
}

fn instruction(code: Bytecode, word: &str) -> Bytecode {
    if let Some(signature) = word.strip_prefix('\'') {
        return code.push_bytes(&selector(signature));
    }
    if let Some(hex) = word.strip_prefix("0x") {
        return code.push(U256::from_str_radix(hex, 16).expect("a hexadecimal number"));
    }
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return code.push(U256::from_dec_str(word).expect("a decimal number"));
    }
    let row = opcode::ALL.iter().find(|row| row.name == word);
    code.op(row.unwrap_or_else(|| panic!("no instruction {word}")).byte)
}

/// The first four bytes of a function signature's hash.
pub(super) fn selector(signature: &str) -> [u8; 4] {
    let hash = keccak256(signature);
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_resolved_forwards_and_backwards() {
        let code = assemble("start: @end JUMP end: @start JUMP ; nothing else");
        assert_eq!(code, [0x5b, 0x61, 0, 5, 0x56, 0x5b, 0x61, 0, 0, 0x56]);
    }

    #[test]
    fn selectors_are_those_of_solidity() {
        assert_eq!(
            selector("transfer(address,uint256)"),
            [0xa9, 0x05, 0x9c, 0xbb]
        );
        assert_eq!(
            assemble("'transfer(address,uint256)"),
            [0x63, 0xa9, 0x05, 0x9c, 0xbb]
        );
    }
}
