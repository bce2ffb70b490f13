//! Programs of all opcodes whose jumps mostly land, made of choices: of a seed, or of a fuzzer's bytes.

use deferevm_opcodes::{Address, U256, opcode as op};

/// Where choices come from.
pub trait Choices {
    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: u64) -> u64;

    /// Any number.
    fn next(&mut self) -> u64;

    /// Whether a chance of one in so many comes true.
    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A byte between two, both included.
    fn byte(&mut self, first: u8, last: u8) -> u8 {
        first + self.below(u64::from(last - first) + 1) as u8
    }
}

/// Numbers that follow from a seed (SplitMix64), so that a failing program can be made again.
pub struct Random(pub u64);

impl Choices for Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A word of a kind that code has: small, negative, a power of two, a mask, one of these addresses,
/// anything.
pub fn word<C: Choices>(choices: &mut C, addresses: &[Address]) -> U256 {
    let bit = choices.below(256) as usize;
    match choices.below(8) {
        0..=1 => choices.below(70).into(),
        2 => U256::MAX - (U256::from(choices.below(70)) << (bit / 2)),
        3 => choices.next().into(),
        4 => U256::one() << bit,
        5 => (U256::one() << bit) - 1,
        6 => U256::from_big_endian(&choices.pick(addresses).0),
        _ => {
            U256([
                choices.next(),
                choices.next(),
                choices.next(),
                choices.next(),
            ]) >> bit
        }
    }
}

/// A program that names these addresses.
pub fn program<C: Choices>(choices: &mut C, addresses: &[Address]) -> Vec<u8> {
    Writer::program(choices, addresses)
}

/// Writes a program whose jumps mostly land.
struct Writer<'a, C> {
    random: &'a mut C,
    addresses: &'a [Address],
    code: Vec<u8>,
    /// Positions of JUMPDESTs.
    labels: Vec<usize>,
    /// Where two immediate bytes are to hold a label.
    holes: Vec<usize>,
}

impl<'a, C: Choices> Writer<'a, C> {
    fn program(random: &'a mut C, addresses: &'a [Address]) -> Vec<u8> {
        let mut writer = Writer {
            random,
            addresses,
            code: Vec::new(),
            labels: Vec::new(),
            holes: Vec::new(),
        };
        for _ in 0..writer.random.below(20) {
            writer.push_any();
        }
        for _ in 0..1 + writer.random.below(7) {
            writer.segment();
        }
        let Writer {
            random,
            mut code,
            labels,
            holes,
            ..
        } = writer;
        for hole in holes {
            let label = match labels.is_empty() || random.one_in(30) {
                true => random.below(code.len() as u64 + 3) as usize,
                false => random.pick(&labels),
            };
            code[hole..hole + 2].copy_from_slice(&(label as u16).to_be_bytes());
        }
        if random.one_in(10) && !code.is_empty() {
            code.truncate(1 + random.below(code.len() as u64) as usize);
        }
        code
    }

    fn segment(&mut self) {
        let run = self.random.pick(&[0, 1, 1, 1, 1, 2, 5]);
        for _ in 0..run {
            self.labels.push(self.code.len());
            self.code.push(op::JUMPDEST);
        }
        // A block that does nothing but jump.
        if self.random.one_in(8) {
            self.push_label();
            self.code.push(op::JUMP);
            return;
        }
        // Mostly loops keep the height that they begin with; some grow the stack to its limit.
        for _ in 0..self.random.below(14) {
            self.item();
        }
        if self.random.one_in(300) {
            let length = self.code.len() + 1100;
            self.code
                .resize(length, self.random.pick(&[op::DUP1, op::CALLER]));
        }
    }

    fn item(&mut self) {
        match self.random.below(20) {
            0..=2 => self.push_any(),
            3..=4 => {
                let near = self.random.pick(&[1, 2, 3, 4, 16]);
                let opcode = match self.random.below(2) {
                    0 => self.random.byte(op::DUP1, op::DUP1 + near - 1),
                    _ => self.random.byte(op::SWAP1, op::SWAP1 + near - 1),
                };
                self.code.push(opcode);
            }
            5 => self.code.push(op::POP),
            6..=8 => self.fusible(),
            9..=10 => self.branch(),
            11 => self.memory(),
            12 if self.random.one_in(4) => {
                let byte = self.random.next() as u8;
                self.code.push(byte);
            }
            _ => self.instruction(),
        }
    }

    /// An instruction of the table, with operands of its own in most cases.
    fn instruction(&mut self) {
        let row = self.random.pick(&op::ALL.iter().collect::<Vec<_>>());
        // They end the program, so they are rare.
        let is_end = matches!(
            row.byte,
            op::STOP | op::RETURN | op::REVERT | op::INVALID | op::SELFDESTRUCT
        );
        if is_end && !self.random.one_in(6) || matches!(row.byte, op::DUP1..=op::SWAP16) {
            return;
        }
        if !self.random.one_in(4) {
            for _ in 0..row.pops {
                // Pure functions take anything; elsewhere a large operand is mostly the end.
                let anything = if row.byte <= op::CLZ { 4 } else { 1 };
                match self.random.below(6) < anything {
                    true => self.push_any(),
                    false => self.push_small(),
                }
            }
        }
        self.code.push(row.byte);
        for _ in 0..row.immediate {
            let byte = self.random.pick(&[0, 1, 0x5b, 0xff]);
            self.code.push(byte);
        }
        if row.pushes > 0 {
            match self.random.below(4) {
                0 => self.code.push(op::POP),
                1..=2 => {
                    let offset = self.random.pick(&[0, 32, 64]);
                    self.code.extend([op::PUSH1, offset, op::MSTORE]);
                }
                _ => {}
            }
        }
    }

    /// What the translator joins: constants, copies and exchanges before a pure function.
    fn fusible(&mut self) {
        for _ in 0..1 + self.random.below(3) {
            match self.random.below(5) {
                0..=1 => self.push_any(),
                2 => {
                    let depth = self.random.pick(&[op::DUP1, op::DUP2, op::DUP3, op::DUP5]);
                    self.code.push(depth);
                }
                3 => self.code.push(op::SWAP1),
                _ => {
                    let depth = self.random.byte(op::SWAP2, op::SWAP4);
                    self.code.push(depth);
                }
            }
        }
        if self.random.one_in(8) {
            let depth = self.random.byte(op::SWAP1, op::SWAP4);
            self.code.extend([op::DUP1, depth, op::POP]);
        }
        let opcode = match self.random.below(5) {
            0 => self.random.byte(op::ADD, op::SIGNEXTEND),
            1 => self.random.byte(op::LT, op::CLZ),
            2 => self.random.pick(&[op::ISZERO, op::NOT, op::CALLDATALOAD]),
            3 => self
                .random
                .pick(&[op::SUB, op::DIV, op::MOD, op::SHL, op::SHR]),
            _ => self
                .random
                .pick(&[op::POP, op::ADD, op::AND, op::MUL, op::LT]),
        };
        self.code.push(opcode);
    }

    fn branch(&mut self) {
        let is_conditional = !self.random.one_in(5);
        if is_conditional {
            match self.random.below(5) {
                0 => self.code.push(op::DUP1),
                1 => {
                    self.code.push(op::DUP1);
                    self.push_small();
                    self.code.push(op::EQ);
                }
                2 => {
                    self.push_any();
                    let depth = self.random.byte(op::DUP1, op::DUP3);
                    self.code.push(depth);
                    let opcode = self.random.byte(op::LT, op::EQ);
                    self.code.push(opcode);
                }
                3 => self.push_any(),
                _ => self.code.push(op::GAS),
            }
            for _ in 0..self.random.below(4) {
                self.code.push(op::ISZERO);
            }
        }
        self.push_label();
        // The target is not known before if it comes through memory, or from under other words as a
        // function's return address does.
        match self.random.below(12) {
            0..=1 => {
                self.code
                    .extend([op::PUSH1, 64, op::MSTORE, op::PUSH1, 64, op::MLOAD]);
            }
            2 => {
                self.push_any();
                self.code.push(op::SWAP1);
            }
            3 => {
                let words = 1 + self.random.below(3);
                for _ in 0..words {
                    self.code.push(op::CALLER);
                }
                for _ in 0..words {
                    self.code.push(op::POP);
                }
            }
            _ => {}
        }
        self.code.push(match is_conditional {
            true => op::JUMPI,
            false => op::JUMP,
        });
    }

    /// A constant that will be the position of a JUMPDEST, in most cases.
    fn push_label(&mut self) {
        self.code.push(op::PUSH1 + 1);
        self.holes.push(self.code.len());
        self.code.extend([0, 0]);
    }

    fn memory(&mut self) {
        if self.random.one_in(4) {
            return self.store_at_copy();
        }
        let opcode = self.random.pick(&[op::MLOAD, op::MSTORE, op::MSTORE8]);
        if opcode != op::MLOAD {
            self.push_any();
        }
        match self.random.below(12) {
            0 => self.push_any(),
            1 => {
                let offset = dear_offset(self.random);
                self.push(offset.into());
            }
            _ => self.push_small(),
        }
        self.code.push(opcode);
    }

    /// MSTORE of a constant at an offset that is copied from further down.
    fn store_at_copy(&mut self) {
        self.push_small();
        let between = self.random.below(3);
        for _ in 0..between {
            self.push_any();
        }
        self.push_any();
        self.code.extend([op::DUP2 + between as u8, op::MSTORE]);
        for _ in 0..=between {
            self.code.push(op::POP);
        }
    }

    fn push_any(&mut self) {
        let word = word(self.random, self.addresses);
        self.push(word);
    }

    fn push_small(&mut self) {
        let number = self.random.below(70);
        self.push(number.into());
    }

    fn push(&mut self, word: U256) {
        let bytes = word.to_big_endian();
        let skipped = bytes.iter().take(31).take_while(|byte| **byte == 0).count();
        // At times with zeros in front.
        let skipped = match self.random.one_in(8) {
            true => self.random.below(skipped as u64 + 1) as usize,
            false => skipped,
        };
        self.code.push(op::PUSH32 - skipped as u8);
        self.code.extend(&bytes[skipped..]);
    }
}

/// An offset at which memory is dear, or too dear.
fn dear_offset<C: Choices>(random: &mut C) -> u64 {
    random.pick(&[2000, 20_000, 1 << 20, 1 << 32, u64::MAX - 16, u64::MAX])
}
