//! Bytecode, written and read: a builder for tests, benches and fuzzers, and the disassembler.

use core::fmt;

use bytes::Bytes;

use crate::{
    Address, B256, Code, U256,
    machine::word::{from_address, from_be_bytes, to_be_bytes},
    table::{self, Instruction},
};

/// Writes code instruction by instruction.
///
/// ```
/// use deferevm_opcodes::{bytecode::Bytecode, opcode};
///
/// let code = Bytecode::new().push(2).push(1).op(opcode::ADD).return_top();
/// assert_eq!(code.bytes()[..5], [0x60, 2, 0x60, 1, opcode::ADD]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytecode(Vec<u8>);

impl Bytecode {
    /// No code yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an opcode, or any byte.
    pub fn op(mut self, opcode: u8) -> Self {
        self.0.push(opcode);
        self
    }

    /// Adds an opcode several times.
    pub fn repeat(mut self, opcode: u8, count: usize) -> Self {
        self.0.resize(self.0.len() + count, opcode);
        self
    }

    /// Adds bytes as they are.
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    /// Adds the shortest PUSH1 to PUSH32 that gives the word.
    pub fn push(self, word: impl Into<Word>) -> Self {
        let bytes = to_be_bytes(word.into().0);
        let skipped = bytes.iter().take(31).take_while(|byte| **byte == 0).count();
        self.push_bytes(&bytes[skipped..])
    }

    /// Adds the PUSH of just these bytes.
    ///
    /// # Panics
    /// If there are more than 32, or none.
    pub fn push_bytes(self, bytes: &[u8]) -> Self {
        let opcode = (table::PUSH1..=table::PUSH32)
            .nth(bytes.len().wrapping_sub(1))
            .expect("PUSH1 to PUSH32 take 1 to 32 bytes");
        self.op(opcode).raw(bytes)
    }

    /// Adds a PUSH for each operand, so that the first is on top, and then the opcode:
    /// `.call(SUB, [a, b])` leaves a − b.
    pub fn call<W: Into<Word>>(
        self,
        opcode: u8,
        operands: impl IntoIterator<Item = W, IntoIter: DoubleEndedIterator>,
    ) -> Self {
        let pushed = operands
            .into_iter()
            .rev()
            .fold(self, |code, word| code.push(word));
        pushed.op(opcode)
    }

    /// Adds a JUMPDEST; its position is [`Bytecode::len`] before.
    pub fn jump_destination(self) -> Self {
        self.op(table::JUMPDEST)
    }

    /// Adds what returns the word on top of the stack.
    pub fn return_top(self) -> Self {
        self.call(table::MSTORE, [0]).call(table::RETURN, [0, 32])
    }

    /// The position of the next instruction.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no code yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as code that can run.
    pub fn code(&self) -> Code {
        Code::new(Bytes::copy_from_slice(&self.0))
    }
}

impl AsRef<[u8]> for Bytecode {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// What a builder pushes: made of numbers, words, addresses and hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub U256);

impl From<u64> for Word {
    fn from(number: u64) -> Self {
        Word(U256::from(number))
    }
}

impl From<U256> for Word {
    fn from(word: U256) -> Self {
        Word(word)
    }
}

impl From<Address> for Word {
    fn from(address: Address) -> Self {
        Word(from_address(address))
    }
}

impl From<B256> for Word {
    fn from(hash: B256) -> Self {
        Word(from_be_bytes(&hash.0))
    }
}

/// One instruction of a disassembly. Prints as `0004 PUSH2 0x0102`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disassembled<'a> {
    /// Its position in the code.
    pub position: usize,
    /// Its byte.
    pub opcode: u8,
    /// Its row, or `None` where no fork has an instruction at this byte.
    pub instruction: Option<&'static Instruction>,
    /// Its immediate bytes: fewer than the row says where the code ends before them.
    pub immediate: &'a [u8],
}

/// Reads code instruction by instruction, from the start; data between code reads as code.
pub fn disassemble(code: &[u8]) -> impl Iterator<Item = Disassembled<'_>> {
    let mut position = 0;
    core::iter::from_fn(move || {
        let (&opcode, rest) = code.get(position..)?.split_first()?;
        let instruction = table::info(opcode);
        let length = instruction.map_or(0, |row| usize::from(row.immediate));
        let immediate = &rest[..length.min(rest.len())];
        let found = Disassembled {
            position,
            opcode,
            instruction,
            immediate,
        };
        position += 1 + length;
        Some(found)
    })
}

impl fmt::Display for Disassembled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instruction {
            Some(row) => write!(f, "{:04x} {}", self.position, row.name)?,
            None => write!(f, "{:04x} 0x{:02x}", self.position, self.opcode)?,
        }
        if !self.immediate.is_empty() {
            f.write_str(" 0x")?;
        }
        self.immediate
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_takes_the_fewest_bytes_and_at_least_one() {
        assert_eq!(Bytecode::new().push(0).bytes(), [0x60, 0]);
        assert_eq!(Bytecode::new().push(256).bytes(), [0x61, 1, 0]);
        assert_eq!(Bytecode::new().push(U256::MAX).len(), 33);
    }

    #[test]
    fn operands_are_pushed_last_first() {
        let code = Bytecode::new().call(table::SUB, [5, 3]);
        assert_eq!(code.bytes(), [0x60, 3, 0x60, 5, table::SUB]);
    }

    #[test]
    fn a_disassembly_prints_every_instruction_and_cut_immediates() {
        let lines: Vec<_> = disassemble(&[0x61, 1, 2, 0x01, 0x0c, 0x62, 9])
            .map(|line| line.to_string())
            .collect();
        assert_eq!(
            lines,
            [
                "0000 PUSH2 0x0102",
                "0003 ADD",
                "0004 0x0c",
                "0005 PUSH3 0x09"
            ]
        );
    }
}
