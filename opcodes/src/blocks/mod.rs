//! Tier 1: code translated into blocks.
//!
//! **What a block is.** A run of instructions that is entered at its first one only and left at its
//! last: it begins at a JUMPDEST, behind a JUMPI or behind a call, and ends at a jump, a call or an
//! exit. On entry one comparison of the stack's height and one of the gas stand for the checks of all
//! its instructions. Its operations are decoded: constants parsed and folded, static jumps resolved,
//! common pairs made one. While blocks run, the top of the stack lives in registers.
//!
//! **Why results are those of tier 0.** Tier 0, the plain loop in [`interpreter`](crate::interpreter),
//! is the definition. Tier 1 never decides that a frame halts where a check of its own fails: it puts
//! everything back as it is before an instruction (the stack, the position, and the gas that was
//! charged ahead) and tier 0 goes on from there, to halt or not. So a block whose gas does not
//! suffice runs on tier 0 from its first instruction; a jump to a bad place runs its JUMP there;
//! memory that cannot be paid for runs its MLOAD there. Instructions that work on the frame share
//! tier 0's bodies, and for them the gas that was charged for what follows is given back before and
//! taken again after: they see the exact figure, and so do GAS, the 63/64 of calls and the 2300 of
//! SSTORE. If it cannot be taken again, tier 0 goes on behind the instruction.
//!
//! **When code is translated.** Translation costs about as much as running each byte of the code a
//! few times. Tier 0 counts the jumps it takes in a code; when it has taken as many as the code has
//! bytes, the code is translated, and the running frame goes on in the translation at the next jump.
//! Init code is not translated, as it runs once. Neither is code whose translation would take more than a fixed number of bytes
//! for each of its own: it stays on tier 0. A translation depends on the fork's gas, so it is
//! kept for the fork that it was made for, with the code, and shared like it; under another fork the
//! code runs on tier 0.
//!
//! **To add an opcode.** Nothing needs to be done but a row in the table and an arm in tier 0: an
//! opcode that `translate` does not know ends its block with [`Op::Plain`](op::Op::Plain)... unless it
//! works on the frame and comes back, which makes it an arm in `run::body`. A pure function of
//! two words is a row in `op::binaries`. Anything that is worth an operation of its own is a variant of
//! `op::Op`, an arm in `translate` and one in `run`. The tests in `tests/tiers.rs` generate programs of every opcode of the table
//! and compare both tiers, so a new one is compared from the day it has its row.

mod fuse;
mod op;
mod run;
mod translate;

use op::Op;
pub(crate) use run::run;

use crate::{Fork, U256, machine::code::Analysis};

/// Code translated for a fork.
#[derive(Debug)]
pub(crate) struct Blocks {
    fork: Fork,
    ops: Box<[Op]>,
    blocks: Box<[Block]>,
    constants: Box<[U256]>,
    /// For each position of the code, the block that begins there, or [`Blocks::NO_ENTRY`].
    entries: Box<[u16]>,
}

/// A block's bounds, checked on entry, and where it stands.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// The base gas of all its instructions.
    gas: u32,
    /// The stack's least height, in bytes.
    need: u16,
    /// How much higher than that it may be, in bytes.
    room: u16,
    /// Its first operation.
    start: u32,
    /// The position of its first instruction.
    pc: u16,
}

impl Block {
    /// A need that no stack meets.
    const NEVER: u16 = u16::MAX;
}

impl Blocks {
    /// Stands for no block.
    const NO_ENTRY: u16 = u16::MAX;

    /// Translates code, or gives `None` where the result would be over its limit.
    pub(crate) fn new(analysis: &Analysis, fork: Fork) -> Option<Self> {
        translate::translate(analysis, fork)
    }

    /// The fork whose gas is in it.
    pub(crate) fn fork(&self) -> Fork {
        self.fork
    }

    /// The block that begins at a position.
    fn entry(&self, position: usize) -> Option<u16> {
        let entry = *self.entries.get(position)?;
        (entry != Self::NO_ENTRY).then_some(entry)
    }
}
