//! From code to blocks: one pass over the bytes.
//!
//! Owns where blocks begin and end, what they charge and need, and the limit on what they may take.
//! What is joined within a block is `fuse`'s.

use super::{
    Block, Blocks,
    fuse::{Item, Tail},
    op::{Op, binary},
};
use crate::{
    CallKind, Fork, GasSchedule, U256,
    machine::{
        code::{Analysis, PADDING},
        stack::STACK_LIMIT,
        word::from_be_slice,
    },
    table::{self, Instruction},
};

/// Translated code takes at most so many bytes for each byte of code, above [`BYTES_FREE`].
///
/// Compilers' code takes 8 to 12; code made to be bad, such as GAS or JUMPI alone, would take up to 36.
const BYTES_PER_BYTE: usize = 24;
const BYTES_FREE: usize = 1024;

/// Positions are kept in 16 bits. Deployed code has ended at 24,576 bytes since EIP-170.
const CODE_LIMIT: usize = u16::MAX as usize - PADDING;

/// Translates code for a fork, or gives `None` where the result would be over its limit.
pub(super) fn translate(analysis: &Analysis, fork: Fork) -> Option<Blocks> {
    if analysis.length() >= CODE_LIMIT {
        return None;
    }
    let mut translator = Translator::new(analysis, fork);
    let mut position = 0;
    // Past the code stands a STOP, which ends the last block.
    while position <= analysis.length() {
        position = translator.instruction(position);
        if translator.bytes() > BYTES_FREE + BYTES_PER_BYTE * analysis.length() {
            return None;
        }
    }
    if translator.open.is_some() {
        // The code ends within an immediate, and the STOP stands behind that.
        translator.end(Op::Stop {
            pc: narrow(position),
        });
    }
    Some(translator.finish())
}

struct Translator<'a> {
    analysis: &'a Analysis,
    schedule: &'static GasSchedule,
    fork: Fork,
    ops: Vec<Op>,
    blocks: Vec<Block>,
    /// Where each position's block stands in `blocks`, if one begins there.
    entries: Box<[u16]>,
    tail: Tail,
    open: Option<Open>,
    /// The blocks that begin at the later JUMPDESTs of the run that the open block begins with, and
    /// the gas of those before.
    run: Vec<(u16, u32)>,
}

/// The block that is being written, its effects counted from its beginning.
struct Open {
    block: u16,
    /// Gas of the instructions so far.
    gas: u32,
    /// Words on the stack more than at the beginning.
    height: i32,
    /// Words that it needs at the beginning.
    need: i32,
    /// The highest `height` so far.
    growth: i32,
    /// Whether there are only JUMPDESTs in it so far.
    is_jump_destinations: bool,
}

impl<'a> Translator<'a> {
    fn new(analysis: &'a Analysis, fork: Fork) -> Self {
        let mut translator = Self {
            analysis,
            schedule: GasSchedule::of(fork),
            fork,
            ops: Vec::with_capacity(analysis.length() / 2),
            blocks: Vec::new(),
            entries: vec![Blocks::NO_ENTRY; analysis.length() + 1].into_boxed_slice(),
            tail: Tail::default(),
            open: None,
            run: Vec::new(),
        };
        translator.begin(0);
        translator
    }

    /// Bytes taken so far.
    fn bytes(&self) -> usize {
        (self.ops.len() + self.tail.items.len()) * size_of::<Op>()
            + self.blocks.len() * size_of::<Block>()
            + self.tail.constants.len() * size_of::<U256>()
            + self.entries.len() * size_of::<u16>()
    }

    fn finish(mut self) -> Blocks {
        debug_assert!(self.open.is_none(), "a STOP ends the code");
        // A jump's target may stand after it, so the places of blocks are known only now; until
        // then the first of its instructions stands for a block.
        for op in &mut self.ops {
            for target in op.targets_mut() {
                *target = self.entries[usize::from(*target)];
            }
        }
        Blocks {
            fork: self.fork,
            ops: self.ops.into_boxed_slice(),
            blocks: self.blocks.into_boxed_slice(),
            constants: core::mem::take(&mut self.tail.constants).into_boxed_slice(),
            entries: self.entries,
        }
    }

    /// Translates the instruction at a position and gives that of the next one.
    fn instruction(&mut self, position: usize) -> usize {
        let opcode = self.analysis.padded()[position];
        if opcode == table::JUMPDEST {
            self.jump_destination(position);
        }
        let row = table::info(opcode);
        let next = position + 1 + row.map_or(0, |row| usize::from(row.immediate));
        // Nothing leads to code behind a jump but a JUMPDEST.
        if self.open.is_none() {
            return next;
        }
        let pc = narrow(position);
        let base = self.schedule.base(opcode);
        match row {
            Some(row) if base != GasSchedule::UNDEFINED => {
                let gas = self.enter(row, base);
                self.write(opcode, pc, next, gas);
            }
            _ => self.end(Op::Plain { pc }),
        }
        next
    }

    /// Ends the block before a JUMPDEST, which goes on into the one that begins there.
    fn jump_destination(&mut self, position: usize) {
        match &self.open {
            Some(open) if open.is_jump_destinations => return self.begin_in_run(position),
            Some(_) => {
                let block = narrow(position);
                self.end(Op::Jump { block });
            }
            None => {}
        }
        self.begin(position);
        self.open.as_mut().expect("begun").is_jump_destinations = true;
    }

    /// Begins a block within a run of JUMPDESTs. All of the run share their operations and bounds,
    /// so that a code of nothing else stays short; only their gas differs.
    fn begin_in_run(&mut self, position: usize) {
        let block = self.add_block(position);
        let open = self.open.as_mut().expect("a run is open");
        self.run.push((block, open.gas));
    }

    /// Begins the block after an instruction that ends one and comes back.
    fn begin_after(&mut self, next: usize) {
        // A JUMPDEST begins its own.
        if self.analysis.padded()[next] != table::JUMPDEST {
            self.begin(next);
        }
    }

    fn begin(&mut self, position: usize) {
        let block = self.add_block(position);
        self.open = Some(Open {
            block,
            gas: 0,
            height: 0,
            need: 0,
            growth: 0,
            is_jump_destinations: false,
        });
    }

    /// Adds a block whose bounds are not known yet.
    fn add_block(&mut self, position: usize) -> u16 {
        let block = narrow(self.blocks.len());
        self.entries[position] = block;
        self.blocks.push(Block {
            gas: 0,
            need: 0,
            room: 0,
            start: u32::try_from(self.ops.len()).expect("bounded by the code"),
            pc: narrow(position),
        });
        block
    }

    /// Counts an instruction's gas and words; gives the block's gas before it.
    fn enter(&mut self, row: &Instruction, base: u16) -> u32 {
        let open = self.open.as_mut().expect("a block is open");
        let before = open.gas;
        open.is_jump_destinations &= row.byte == table::JUMPDEST;
        open.gas += u32::from(base);
        open.need = open.need.max(i32::from(row.pops) - open.height);
        open.height += i32::from(row.pushes) - i32::from(row.pops);
        open.growth = open.growth.max(open.height);
        before
    }

    /// Takes an instruction back, which tier 0 is to run, and ends the block.
    fn leave_to_plain(&mut self, pc: u16, gas: u32) {
        self.open.as_mut().expect("a block is open").gas = gas;
        self.end(Op::Plain { pc });
    }

    /// Ends the block with an operation.
    fn end(&mut self, op: Op) {
        self.tail.items.push(Item { op, pc: 0, gas: 0 });
        self.close();
    }

    /// Ends the block, whose last operation is written.
    fn close(&mut self) {
        let open = self.open.take().expect("a block is open");
        let limit = i32::try_from(STACK_LIMIT).expect("1024");
        // A block that cannot run to its end is never entered; how it fails is tier 0's to find.
        let is_possible = open.need + open.growth <= limit;
        let (need, room) = match is_possible {
            true => (
                stack_bytes(open.need),
                stack_bytes(limit - open.need - open.growth),
            ),
            false => (Block::NEVER, 0),
        };
        self.run.push((open.block, 0));
        for (block, before) in self.run.drain(..) {
            let block = &mut self.blocks[usize::from(block)];
            block.gas = open.gas - before;
            block.need = need;
            block.room = room;
        }
        for mut item in self.tail.pairs() {
            if let Some(gas) = item.op.gas_mut() {
                *gas = open.gas - item.gas;
            }
            self.ops.push(item.op);
        }
        self.tail.items.clear();
    }

    /// Writes an instruction that has been counted. `gas` is the block's before it.
    fn write(&mut self, opcode: u8, pc: u16, next: usize, gas: u32) {
        if binary(opcode).is_some() {
            return self.tail.binary(opcode, pc, gas);
        }
        let after = self.open.as_ref().expect("a block is open").gas;
        let rest = 0;
        let op = match opcode {
            table::ISZERO => Op::IsZero,
            table::NOT => Op::Not,
            table::CLZ => Op::Clz,
            table::ADDMOD => Op::AddMod,
            table::MULMOD => Op::MulMod,
            table::EXP => Op::Exp { pc, rest },
            table::CALLDATALOAD => Op::CallDataLoad,
            table::BLOBHASH => Op::BlobHash,
            table::ADDRESS => Op::Address,
            table::CALLER => Op::Caller,
            table::CALLVALUE => Op::CallValue,
            table::CALLDATASIZE => Op::CallDataSize,
            table::RETURNDATASIZE => Op::ReturnDataSize,
            table::MLOAD => Op::MLoad { pc, rest },
            table::MSTORE => Op::MStore { pc, rest },
            table::POP => Op::Pop { count: 1 },
            table::DUP1 => Op::Dup1,
            table::DUP2..=table::DUP16 => Op::Dup {
                depth: opcode - table::DUP1 + 1,
            },
            table::SWAP1..=table::SWAP16 => Op::Swap {
                depth: opcode - table::SWAP1 + 1,
            },
            table::ORIGIN
            | table::GASPRICE
            | table::COINBASE..=table::CHAINID
            | table::BASEFEE
            | table::BLOBBASEFEE
            | table::MSIZE => Op::Environment { opcode },
            table::JUMPDEST => return,
            table::GAS => return self.tail.add(Op::Gas { after: 0 }, pc, after),
            table::PUSH0..=table::PUSH32 => {
                let immediate = &self.analysis.padded()[usize::from(pc) + 1..next];
                return self.tail.push(from_be_slice(immediate), pc, gas);
            }
            table::CODESIZE => {
                return self.tail.push(U256::from(self.analysis.length()), pc, gas);
            }
            table::PC => return self.tail.push(U256::from(pc), pc, gas),
            _ => return self.write_control(opcode, pc, next, gas),
        };
        self.tail.add(op, pc, gas);
    }

    /// Writes what ends a block or works on the frame.
    fn write_control(&mut self, opcode: u8, pc: u16, next: usize, gas: u32) {
        match opcode {
            table::STOP => self.end(Op::Stop { pc }),
            table::RETURN => self.end(Op::Return { pc }),
            table::REVERT => self.end(Op::Revert { pc }),
            table::JUMP => self.jump(pc, gas),
            table::JUMPI => self.jump_if(pc, next, gas),
            table::CALL => self.call(CallKind::Call, pc, next),
            table::CALLCODE => self.call(CallKind::CallCode, pc, next),
            table::DELEGATECALL => self.call(CallKind::DelegateCall, pc, next),
            table::STATICCALL => self.call(CallKind::StaticCall, pc, next),
            _ if !super::run::has_body(opcode) => {
                // CREATE among them, which comes back.
                self.leave_to_plain(pc, gas);
                self.begin_after(next);
            }
            _ => {
                let after = self.open.as_ref().expect("a block is open").gas;
                let op = Op::Body {
                    opcode,
                    pc,
                    after: 0,
                };
                self.tail.add(op, pc, after);
            }
        }
    }

    /// CALL and its like leave the loop; what follows is a block of its own.
    fn call(&mut self, kind: CallKind, pc: u16, next: usize) {
        self.end(Op::Call { kind, pc });
        self.begin_after(next);
    }

    fn jump(&mut self, pc: u16, gas: u32) {
        match self.static_target() {
            Some(target) => {
                self.tail.items.pop();
                self.end(Op::Jump { block: target });
            }
            None => {
                let op = Op::JumpTo { pc, rest: 0 };
                self.tail.items.push(Item { op, pc, gas });
                self.close();
            }
        }
    }

    fn jump_if(&mut self, pc: u16, next: usize, gas: u32) {
        match self.static_target() {
            Some(target) => {
                self.tail.items.pop();
                self.tail.jump_if(target, narrow(next), pc, gas);
            }
            None => {
                let op = Op::JumpToIf {
                    pc,
                    rest: 0,
                    next: narrow(next),
                };
                self.tail.items.push(Item { op, pc, gas });
            }
        }
        self.close();
        self.begin_after(next);
    }

    /// The position that the constant on top leads to, if it is one that a jump may lead to.
    fn static_target(&self) -> Option<u16> {
        let target = self.tail.last_constant()?;
        let position = crate::control_flow::destination(self.analysis, target)?;
        Some(narrow(position))
    }
}

/// A position or a number of blocks, both bounded by [`CODE_LIMIT`].
fn narrow(position: usize) -> u16 {
    u16::try_from(position).expect("longer code is not translated")
}

/// Bytes that so many words of a stack take; at most 2¹⁵.
fn stack_bytes(words: i32) -> u16 {
    let words = u16::try_from(words).expect("between 0 and 1024");
    words * 32
}
