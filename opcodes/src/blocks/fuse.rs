//! Which operations become one: rules on the end of a block that is being written.
//!
//! A rule never looks beyond the block, and gas and stack bounds are those of the instructions as
//! they stand in the code, so a rule need only keep the words right.

use super::op::{Op, binary, of_copy};
use crate::{U256, machine::word, table};

/// An operation and where it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub op: Op,
    /// The position of its first instruction.
    pub pc: u16,
    /// The block's gas before its first instruction, or after it for an operation that knows `after`.
    pub gas: u32,
}

/// The end of the block that is being written, and the constants of the whole code.
#[derive(Debug, Default)]
pub(super) struct Tail {
    pub items: Vec<Item>,
    pub constants: Vec<U256>,
}

impl Tail {
    /// Adds a constant.
    pub fn push(&mut self, word: U256, pc: u16, gas: u32) {
        let op = match word::as_u64(word) {
            Some(value) => Op::Push { value },
            None => {
                let index = u32::try_from(self.constants.len()).expect("bounded by the code");
                self.constants.push(word);
                Op::PushWide { index }
            }
        };
        self.items.push(Item { op, pc, gas });
    }

    /// Adds an instruction that is a pure function of two words.
    pub fn binary(&mut self, opcode: u8, pc: u16, gas: u32) {
        let forms = binary(opcode).expect("the caller asks for these only");
        if let Some(a) = self.last_constant() {
            let first = self.items.pop().expect("it is a constant");
            if let Some(b) = self.last_constant() {
                let second = self.items.pop().expect("it is a constant");
                return self.push((forms.compute)(a, b), second.pc, second.gas);
            }
            let op = match first.op {
                Op::PushWide { index } => (forms.wide)(index),
                _ => (forms.constant)(a.0[0]),
            };
            return self.add(op, first.pc, first.gas);
        }
        match self.last() {
            Some(Op::Dup { depth }) => {
                if self.put_copy_first(opcode, depth) {
                    return self.binary_swapped(opcode, forms.plain, pc, gas);
                }
                let first = self.items.pop().expect("just seen");
                self.add((forms.dup)(depth), first.pc, first.gas)
            }
            Some(Op::Swap { depth: 1 }) => self.binary_swapped(opcode, forms.plain, pc, gas),
            _ => self.add(forms.plain, pc, gas),
        }
    }

    /// After a constant and a DUP of a word below it: puts the copy first, then the constant, then SWAP1,
    /// if there is a rule for that order; whether there was.
    fn put_copy_first(&mut self, opcode: u8, depth: u8) -> bool {
        let [.., first, _] = self.items[..] else {
            return false;
        };
        let Some(constant) = self.constant(first.op) else {
            return false;
        };
        let has_rule = match opcode {
            table::DIV => divide_by(constant).is_some(),
            table::MOD => word::as_u64(constant).is_some(),
            _ => is_commutative(opcode) || reversed(opcode).is_some() || opcode == table::SUB,
        };
        if !has_rule {
            return false;
        }
        self.items.truncate(self.items.len() - 2);
        let copy = match depth - 1 {
            1 => Op::Dup1,
            depth => Op::Dup { depth },
        };
        for op in [copy, first.op, Op::Swap { depth: 1 }] {
            self.items.push(Item { op, ..first });
        }
        true
    }

    /// After SWAP1: the first operand is what lay under the top.
    fn binary_swapped(&mut self, opcode: u8, plain: Op, pc: u16, gas: u32) {
        let swap = self.items.pop().expect("a SWAP1");
        if is_commutative(opcode) {
            return self.binary(opcode, swap.pc, swap.gas);
        }
        if let Some(by) = self.last_constant() {
            let op = match opcode {
                table::SUB => {
                    let first = self.items.pop().expect("it is a constant");
                    self.push(word::neg(by), first.pc, first.gas);
                    return self.binary(table::ADD, pc, gas);
                }
                table::DIV => divide_by(by),
                table::MOD => word::as_u64(by).map(|value| Op::ModBy { value }),
                _ => None,
            };
            if let Some(op) = op {
                let first = self.items.pop().expect("it is a constant");
                return self.add(op, first.pc, first.gas);
            }
        }
        if let Some(reversed) = reversed(opcode) {
            return self.binary(reversed, swap.pc, swap.gas);
        }
        if opcode == table::SUB {
            return self.add(Op::SubReversed, swap.pc, swap.gas);
        }
        self.items.push(swap);
        self.add(plain, pc, gas);
    }

    /// Adds any other operation, fused with the last one where there is a rule for it.
    pub fn add(&mut self, op: Op, pc: u16, gas: u32) {
        let Some(&last) = self.items.last() else {
            return self.items.push(Item { op, pc, gas });
        };
        let fused = match (last.op, op) {
            (Op::Push { value }, Op::CallDataLoad) => Op::CallDataLoadAt { offset: value },
            (Op::Push { value }, Op::MLoad { pc: _, rest }) => match u32::try_from(value) {
                Ok(offset) => Op::MLoadAt {
                    pc: last.pc,
                    rest,
                    offset,
                },
                Err(_) => return self.items.push(Item { op, pc, gas }),
            },
            (Op::Push { value }, Op::MStore { pc: _, rest }) => match u32::try_from(value) {
                Ok(offset) => Op::MStoreAt {
                    pc: last.pc,
                    rest,
                    offset,
                },
                Err(_) => return self.items.push(Item { op, pc, gas }),
            },
            (Op::Dup { depth }, Op::MLoad { pc: _, rest }) => Op::MLoadDup {
                depth,
                pc: last.pc,
                rest,
            },
            (Op::Dup { depth }, Op::MStore { pc: _, rest }) => Op::MStoreDup {
                depth,
                pc: last.pc,
                rest,
            },
            (Op::Push { value }, Op::MStoreDup { depth: 2, rest, .. }) => Op::MStoreConst {
                pc: last.pc,
                rest,
                value,
            },
            (Op::Push { value }, Op::MStoreDup { depth, rest, .. }) => Op::MStoreDupConst {
                depth: depth - 1,
                pc: last.pc,
                rest,
                value,
            },
            (Op::Swap { depth: 1 }, Op::JumpTo { rest, .. }) => {
                Op::JumpToUnder { pc: last.pc, rest }
            }
            (Op::Pop { count }, Op::JumpTo { rest, .. }) => Op::JumpToBelow {
                count,
                pc: last.pc,
                rest,
            },
            (Op::Swap { depth }, Op::Pop { count: 1 }) => Op::Sink { depth },
            (Op::Dup1, Op::Sink { depth }) if depth > 1 => Op::Copy { depth },
            (Op::Pop { count }, Op::Pop { count: 1 }) if count < u8::MAX => {
                Op::Pop { count: count + 1 }
            }
            (Op::Push { value }, Op::IsZero) => Op::Push {
                value: u64::from(value == 0),
            },
            _ => return self.items.push(Item { op, pc, gas }),
        };
        self.items.pop();
        self.add(fused, last.pc, last.gas);
    }

    /// The conditional jump to `block`, fused with what makes its condition.
    pub fn jump_if(&mut self, block: u16, pc: u16, gas: u32) {
        let is_negated = self.take_negations();
        let op = match (self.last(), is_negated) {
            (Some(Op::EqConst { value }), false) if self.last_but_one() == Some(Op::Dup1) => {
                self.items.pop();
                Op::JumpIfTopIs { block, value }
            }
            (Some(Op::Eq), false) => Op::JumpIfEq { block },
            (Some(Op::Eq), true) => Op::JumpIfNotEq { block },
            (Some(Op::Lt), false) => Op::JumpIfLt { block },
            (Some(Op::Lt), true) => Op::JumpIfNotLt { block },
            (Some(Op::Gt), false) => Op::JumpIfGt { block },
            (Some(Op::Gt), true) => Op::JumpIfNotGt { block },
            (Some(Op::Dup { depth }), false) => Op::JumpIfDup { depth, block },
            (Some(Op::Dup { depth }), true) => Op::JumpIfDupZero { depth, block },
            (Some(Op::LtDup { depth }), false) => Op::JumpIfLtDup { depth, block },
            (Some(Op::LtDup { depth }), true) => Op::JumpIfNotLtDup { depth, block },
            (Some(Op::GtDup { depth }), false) => Op::JumpIfGtDup { depth, block },
            (Some(Op::GtDup { depth }), true) => Op::JumpIfNotGtDup { depth, block },
            (Some(Op::SltDup { depth }), false) => Op::JumpIfSltDup { depth, block },
            (Some(Op::SltDup { depth }), true) => Op::JumpIfNotSltDup { depth, block },
            (_, is_negated) => {
                let op = match is_negated {
                    false => Op::JumpIf { block },
                    true => Op::JumpIfZero { block },
                };
                return self.items.push(Item { op, pc, gas });
            }
        };
        self.items.pop();
        self.items.push(Item { op, pc, gas });
    }

    /// Takes the ISZEROs off the end; whether they negate.
    fn take_negations(&mut self) -> bool {
        let mut is_negated = false;
        while self.last() == Some(Op::IsZero) {
            self.items.pop();
            is_negated = !is_negated;
        }
        is_negated
    }

    /// The block's operations, pairs of which the first only moves a word made into one.
    pub fn pairs(&self) -> impl Iterator<Item = Item> {
        let mut rest = self.items.as_slice();
        core::iter::from_fn(move || {
            let (&first, others) = rest.split_first()?;
            let pair = others.first().and_then(|second| pair(first.op, second.op));
            rest = match pair {
                Some(_) => &others[1..],
                None => others,
            };
            let op = pair.unwrap_or(first.op);
            Some(Item { op, ..first })
        })
    }

    /// The constant that was pushed last, if that is the last operation.
    pub fn last_constant(&self) -> Option<U256> {
        self.constant(self.last()?)
    }

    fn constant(&self, op: Op) -> Option<U256> {
        match op {
            Op::Push { value } => Some(U256([value, 0, 0, 0])),
            Op::PushWide { index } => Some(self.constants[index as usize]),
            _ => None,
        }
    }

    fn last(&self) -> Option<Op> {
        Some(self.items.last()?.op)
    }

    fn last_but_one(&self) -> Option<Op> {
        let index = self.items.len().checked_sub(2)?;
        Some(self.items[index].op)
    }
}

/// Two operations of which the first moves a word, as one.
fn pair(first: Op, second: Op) -> Option<Op> {
    Some(match (first, second) {
        (Op::Swap { depth: first }, Op::Swap { depth: second }) => Op::SwapSwap { first, second },
        (Op::Dup { depth: first }, Op::Dup { depth: second }) => Op::DupDup { first, second },
        (Op::Push { value }, Op::Dup { depth }) if depth > 2 => Op::PushDup { depth, value },
        (Op::Push { value: lower }, Op::Push { value: upper }) => Op::PushPush {
            lower: u32::try_from(lower).ok()?,
            upper,
        },
        (Op::Pop { count: 1 }, Op::Push { value }) => Op::Set { value },
        (Op::Dup1, second) => of_copy(second, 1)?,
        (Op::Dup { depth }, second) => of_copy(second, depth)?,
        _ => return None,
    })
}

/// Whether the operands may change places.
fn is_commutative(opcode: u8) -> bool {
    matches!(
        opcode,
        table::ADD | table::MUL | table::AND | table::OR | table::XOR | table::EQ
    )
}

/// The comparison that says the same with its operands in the other order.
fn reversed(opcode: u8) -> Option<u8> {
    Some(match opcode {
        table::LT => table::GT,
        table::GT => table::LT,
        table::SLT => table::SGT,
        table::SGT => table::SLT,
        _ => return None,
    })
}

/// The top divided by a constant: a shift where the constant is a power of two.
fn divide_by(by: U256) -> Option<Op> {
    let ones: u32 = by.0.iter().map(|limb| limb.count_ones()).sum();
    if ones == 1 {
        let value = 8 * u64::from(word::byte_len(by)) - 8;
        let top_byte = word::shr(U256([value, 0, 0, 0]), by).0[0];
        let value = value + u64::from(top_byte.trailing_zeros());
        return Some(Op::ShrConst { value });
    }
    word::as_u64(by).map(|value| Op::DivBy { value })
}
