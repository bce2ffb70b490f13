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
//! **When code is translated.** Tier 0 counts the bytes of a code that it runs. When they are 32 times
//! its length, the code is translated, and the running frame goes on in the translation from the jump
//! that it has just taken. A loop wins back what that costs in about eight runs. But most code of real
//! blocks is run once through here and there, out of a cold cache, and there a translation, which is ten
//! times as long, gains nothing. Init code, whose hash is unknown, is not translated, as it runs once. Nor is code whose
//! translation would take more than a fixed number of bytes for each of its own. A translation holds
//! a fork's gas: it is kept with the code for the fork that it was made for, and under another the
//! code runs on tier 0. The count is an atomic number without ordering; it decides when a code is
//! translated, and no result can show when that was.
//!
//! **How it is laid out.** A block's header stands before its first operation, in the same table, and
//! jumps lead to headers. So one load finds both, falling through into a block is running its header
//! like an operation, and the way not taken of a JUMPI is what comes next. JUMPDESTs in a row have a
//! header each, from which all but the last skip the others, and share what follows. A jump to a
//! block that does nothing but jump leads to where that one goes, and charges for it.
//!
//! **What bounds it.** An operation takes 16 bytes, a header too, and a byte of code makes at most one
//! of each; `translate` gives up over its limit. One pass and no look-back beyond the block keep
//! translating linear.
//!
//! **To add an opcode.** A row in the table and an arm in tier 0 are enough: `translate` hands what it
//! does not know to tier 0, which then runs the frame to its end or its next call. To keep it in tier
//! 1: an opcode that is a pure function of two words is a row in `op::binaries`, which makes its
//! forms with constants and copies too; one that works on the frame and comes back is an arm in
//! `run::body` and its name in `run::has_body`; anything else is a variant of `op::Op` with an arm in
//! `translate` and one in `run`. A variant that can hand over to tier 0 carries `pc` and `rest` and
//! is listed in `Op::gas_mut`. The tests in `tests/tiers.rs` generate programs of every opcode in the
//! table and compare the tiers, so a new one is compared from the day it has its row.

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
    /// The blocks one after the other, each behind its header.
    ops: Box<[Op]>,
    constants: Box<[U256]>,
    /// For each position of the code, where the header of the block that begins there stands among
    /// the operations, or [`Blocks::NO_ENTRY`].
    entries: Box<[u16]>,
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

    /// The header of the block that begins at a position.
    fn entry(&self, position: usize) -> Option<u16> {
        let entry = *self.entries.get(position)?;
        (entry != Self::NO_ENTRY).then_some(entry)
    }
}
