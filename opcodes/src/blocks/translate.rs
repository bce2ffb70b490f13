//! From code to blocks: one pass over the bytes.
//!
//! Owns where blocks begin and end, what they charge and need, and the limit on what they may take.
//! What is joined within a block is `fuse`'s.

use super::{
    Blocks,
    fuse::{Item, Tail},
    op::{Header, Op, binary},
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

/// So are places among the operations; compilers' code makes less than one for two bytes.
const OPS_LIMIT: usize = u16::MAX as usize;

/// How many blocks that only jump are joined at most. Bounds the work for code that is nothing else.
const THREADED_MAX: usize = 16;

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
        if translator.is_over_limit() {
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
    /// Where each position's header stands in `ops`, if a block begins there.
    entries: Box<[u16]>,
    tail: Tail,
    open: Option<Open>,
    /// Where the open block begins: its position, and those of the later JUMPDESTs of the run that it
    /// begins with, each with the gas of what stands before it.
    beginnings: Vec<(u16, u32)>,
}

/// The block that is being written, its effects counted from its beginning.
struct Open {
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
            entries: vec![Blocks::NO_ENTRY; analysis.length() + 1].into_boxed_slice(),
            tail: Tail::default(),
            open: None,
            beginnings: Vec::new(),
        };
        translator.begin(0);
        translator
    }

    /// Whether what has been written takes more than it may.
    fn is_over_limit(&self) -> bool {
        let ops = self.ops.len() + self.beginnings.len() + self.tail.items.len();
        let bytes = ops * size_of::<Op>()
            + self.tail.constants.len() * size_of::<U256>()
            + self.entries.len() * size_of::<u16>();
        bytes > BYTES_FREE + BYTES_PER_BYTE * self.analysis.length() || ops >= OPS_LIMIT
    }

    fn finish(mut self) -> Blocks {
        debug_assert!(self.open.is_none(), "a STOP ends the code");
        // A jump's target may stand after it, so the places of blocks are known only now; until
        // then the position stands for a block.
        for op in &mut self.ops {
            if let Some(target) = op.target_mut() {
                *target = self.entries[usize::from(*target)];
            }
        }
        thread_jumps(&mut self.ops);
        Blocks {
            fork: self.fork,
            ops: self.ops.into_boxed_slice(),
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
            Some(_) => self.close(),
            None => {}
        }
        self.begin(position);
        self.open.as_mut().expect("begun").is_jump_destinations = true;
    }

    /// Begins a block within a run of JUMPDESTs. All of the run share their operations and bounds,
    /// so that a code of nothing else stays short; only their gas differs.
    fn begin_in_run(&mut self, position: usize) {
        let before = self.open.as_ref().expect("a run is open").gas;
        self.add_beginning(position, before);
    }

    /// Begins the block after an instruction that ends one and comes back.
    fn begin_after(&mut self, next: usize) {
        // A JUMPDEST begins its own.
        if self.analysis.padded()[next] != table::JUMPDEST {
            self.begin(next);
        }
    }

    fn begin(&mut self, position: usize) {
        self.add_beginning(position, 0);
        self.open = Some(Open {
            gas: 0,
            height: 0,
            need: 0,
            growth: 0,
            is_jump_destinations: false,
        });
    }

    /// Adds a header, whose bounds are not known yet, before the open block's operations.
    fn add_beginning(&mut self, position: usize, gas_before: u32) {
        self.entries[position] = narrow(self.ops.len() + self.beginnings.len());
        self.beginnings.push((narrow(position), gas_before));
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
            false => (Header::NEVER, 0),
        };
        let count = self.beginnings.len();
        for (index, (pc, before)) in self.beginnings.drain(..).enumerate() {
            let header = Header {
                need,
                room,
                pc,
                skip: narrow(count - 1 - index),
                gas: open.gas - before,
            };
            self.ops.push(match index {
                0 => Op::Block(header),
                _ => Op::Run(header),
            });
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
                self.tail.add(Op::JumpTo { pc, rest: 0 }, pc, gas);
                self.close();
            }
        }
    }

    fn jump_if(&mut self, pc: u16, next: usize, gas: u32) {
        match self.static_target() {
            Some(target) => {
                self.tail.items.pop();
                self.tail.jump_if(target, pc, gas);
            }
            None => {
                let op = Op::JumpToIf { pc, rest: 0 };
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

/// Has each block that does nothing but jump go on where the blocks that it leads to do, while they
/// only jump too, and charge for them.
fn thread_jumps(ops: &mut [Op]) {
    let threads: Vec<(usize, u16, u32)> = (1..ops.len())
        .filter_map(|place| {
            let (target, gas) = thread(ops, place)?;
            Some((place, target, gas))
        })
        .collect();
    for (place, target, gas) in threads {
        ops[place] = Op::Jump { block: target };
        for op in ops[..place].iter_mut().rev() {
            match op {
                Op::Run(header) => header.gas += gas,
                Op::Block(header) => {
                    header.gas += gas;
                    break;
                }
                _ => unreachable!("only headers stand before a block's first operation"),
            }
        }
    }
}

/// Where the jump at a place leads in the end, and the gas of the blocks on the way: if it is all that
/// its block does, and the same holds for the next.
fn thread(ops: &[Op], place: usize) -> Option<(u16, u32)> {
    let (Op::Block(own) | Op::Run(own), Op::Jump { mut block }) = (ops[place - 1], ops[place])
    else {
        return None;
    };
    let mut gas = 0;
    for joined in 0..THREADED_MAX {
        let header = usize::from(block);
        let next = match ops[header] {
            // Such blocks leave the height as it is, so equal bounds hold for all or for none.
            Op::Block(next) | Op::Run(next) if (next.need, next.room) == (own.need, own.room) => {
                next
            }
            _ => return (joined > 0).then_some((block, gas)),
        };
        let Op::Jump { block: target } = ops[header + 1 + usize::from(next.skip)] else {
            return (joined > 0).then_some((block, gas));
        };
        gas += next.gas;
        block = target;
    }
    Some((block, gas))
}

/// A position or a place among the operations, bounded by [`CODE_LIMIT`] and [`OPS_LIMIT`].
fn narrow(position: usize) -> u16 {
    u16::try_from(position).expect("longer code is not translated")
}

/// Bytes that so many words of a stack take; at most 2¹⁵.
fn stack_bytes(words: i32) -> u16 {
    let words = u16::try_from(words).expect("between 0 and 1024");
    words * 32
}
