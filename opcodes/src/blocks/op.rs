//! What a block is made of: the operations of tier 1, one 16-byte value each.
//!
//! Owns their meaning as data. What they do stands in `run`, which instructions they come from in
//! `translate` and `fuse`.

use crate::CallKind;

/// A block's bounds, checked on entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The stack's least height, in bytes.
    pub need: u16,
    /// How much higher than that it may be, in bytes.
    pub room: u16,
    /// The position of its first instruction.
    pub pc: u16,
    /// How many headers of other blocks stand between this one and the operations.
    pub skip: u16,
    /// The base gas of all its instructions.
    pub gas: u32,
}

impl Header {
    /// A need that no stack meets.
    pub const NEVER: u16 = u16::MAX;
}

/// Calls a macro with every instruction that is a pure function of two words: opcode, its five forms
/// in a block, and the function.
///
/// The first operand is: the top of the stack; a constant of 64 bits; a constant of 256; a copy of a
/// word further down; a constant of 64 bits. The second is: the word under the top; three times the
/// top; a copy of a word, with the top left where it is.
macro_rules! binaries {
    ($callback:ident) => {
        $callback! {
            ADD: Add AddConst AddWide AddDup AddDupConst, arithmetic::add;
            MUL: Mul MulConst MulWide MulDup MulDupConst, arithmetic::mul;
            SUB: Sub SubConst SubWide SubDup SubDupConst, arithmetic::sub;
            DIV: Div DivConst DivWide DivDup DivDupConst, arithmetic::div;
            SDIV: Sdiv SdivConst SdivWide SdivDup SdivDupConst, arithmetic::sdiv;
            MOD: Mod ModConst ModWide ModDup ModDupConst, arithmetic::rem;
            SMOD: Smod SmodConst SmodWide SmodDup SmodDupConst, arithmetic::smod;
            SIGNEXTEND: SignExtend SignExtendConst SignExtendWide SignExtendDup SignExtendDupConst, arithmetic::signextend;
            LT: Lt LtConst LtWide LtDup LtDupConst, comparison::lt;
            GT: Gt GtConst GtWide GtDup GtDupConst, comparison::gt;
            SLT: Slt SltConst SltWide SltDup SltDupConst, comparison::slt;
            SGT: Sgt SgtConst SgtWide SgtDup SgtDupConst, comparison::sgt;
            EQ: Eq EqConst EqWide EqDup EqDupConst, comparison::eq;
            AND: And AndConst AndWide AndDup AndDupConst, bitwise::and;
            OR: Or OrConst OrWide OrDup OrDupConst, bitwise::or;
            XOR: Xor XorConst XorWide XorDup XorDupConst, bitwise::xor;
            BYTE: Byte ByteConst ByteWide ByteDup ByteDupConst, bitwise::byte;
            SHL: Shl ShlConst ShlWide ShlDup ShlDupConst, bitwise::shl;
            SHR: Shr ShrConst ShrWide ShrDup ShrDupConst, bitwise::shr;
            SAR: Sar SarConst SarWide SarDup SarDupConst, bitwise::sar;
        }
    };
}
pub(super) use binaries;

macro_rules! define {
    ($($name:ident: $plain:ident $constant:ident $wide:ident $dup:ident $dup_constant:ident, $body:path;)*) => {
        /// One operation of a block.
        ///
        /// `pc` is the position of the first instruction that the operation stands for. `rest` is the
        /// gas that the block was charged for that instruction and all after it: what tier 0 gets
        /// back if it has to go on from `pc`. `after` is the same without the instruction itself.
        /// `block` is where the header of the block that is gone to stands among the operations, `index`
        /// a place among the constants. A conditional jump that is not taken goes on in the block whose
        /// header comes next.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Op {
            /// Where a block begins. Run like an operation, it enters the block.
            Block(Header),
            /// Where a block begins whose operations stand behind the headers of others. Run like an
            /// operation, it goes on at the operations of a block that has been entered.
            Run(Header),
            $(
                $plain,
                $constant { value: u64 },
                $wide { index: u32 },
                $dup { depth: u8 },
                $dup_constant { depth: u8, value: u64 },
            )*
            /// SUB of the top from the word under it.
            SubReversed,
            /// The top divided by a constant.
            DivBy { value: u64 },
            /// The top modulo a constant.
            ModBy { value: u64 },
            IsZero,
            Not,
            Clz,
            AddMod,
            MulMod,
            Exp { pc: u16, rest: u32 },
            CallDataLoad,
            /// CALLDATALOAD of a constant offset.
            CallDataLoadAt { offset: u64 },
            BlobHash,
            Address,
            Caller,
            CallValue,
            CallDataSize,
            ReturnDataSize,
            Gas { after: u32 },
            /// Pushes what `environment` answers to this opcode.
            Environment { opcode: u8 },

            Push { value: u64 },
            PushWide { index: u32 },
            /// Two constants, the second on top.
            PushPush { lower: u32, upper: u64 },
            Dup1,
            Dup { depth: u8 },
            /// Two DUPs.
            DupDup { first: u8, second: u8 },
            /// A constant, then a DUP.
            PushDup { depth: u8, value: u64 },
            Swap { depth: u8 },
            /// Two SWAPs.
            SwapSwap { first: u8, second: u8 },
            Pop { count: u8 },
            /// SWAP and POP: the top goes to where it was to be swapped to.
            Sink { depth: u8 },
            /// A copy of the top goes to a word further down.
            Copy { depth: u8 },
            /// A constant takes the place of the top.
            Set { value: u64 },

            MLoad { pc: u16, rest: u32 },
            MLoadAt { pc: u16, rest: u32, offset: u32 },
            MStore { pc: u16, rest: u32 },
            MStoreAt { pc: u16, rest: u32, offset: u32 },
            /// MLOAD at an offset that is a copy of a word further down.
            MLoadDup { depth: u8, pc: u16, rest: u32 },
            /// MSTORE of the top at such an offset.
            MStoreDup { depth: u8, pc: u16, rest: u32 },
            /// MSTORE of a constant at the offset on top, which stays.
            MStoreConst { pc: u16, rest: u32, value: u64 },
            /// MSTORE of a constant at an offset that is a copy of a word further down.
            MStoreDupConst { depth: u8, pc: u16, rest: u32, value: u64 },
            /// An instruction whose body works on the frame.
            Body { opcode: u8, pc: u16, after: u32 },

            /// To a block, without a condition.
            Jump { block: u16 },
            /// To `block` if the popped top is not zero.
            JumpIf { block: u16 },
            /// To `block` if the popped top is zero.
            JumpIfZero { block: u16 },
            /// To `block` if the top is this constant, which leaves it.
            JumpIfTopIs { block: u16, value: u64 },
            JumpIfEq { block: u16 },
            JumpIfNotEq { block: u16 },
            JumpIfLt { block: u16 },
            JumpIfNotLt { block: u16 },
            JumpIfGt { block: u16 },
            JumpIfNotGt { block: u16 },
            /// As [`Op::JumpIf`], by a copy of a word further down.
            JumpIfDup { depth: u8, block: u16 },
            JumpIfDupZero { depth: u8, block: u16 },
            /// By a comparison of a copy of a word further down with the top, which goes.
            JumpIfLtDup { depth: u8, block: u16 },
            JumpIfNotLtDup { depth: u8, block: u16 },
            JumpIfGtDup { depth: u8, block: u16 },
            JumpIfNotGtDup { depth: u8, block: u16 },
            JumpIfSltDup { depth: u8, block: u16 },
            JumpIfNotSltDup { depth: u8, block: u16 },
            JumpTo { pc: u16, rest: u32 },
            /// SWAP1 and JUMP: to the word under the top, which goes.
            JumpToUnder { pc: u16, rest: u32 },
            /// POP and JUMP, so many words popped before the target is.
            JumpToBelow { count: u8, pc: u16, rest: u32 },
            JumpToIf { pc: u16, rest: u32 },

            Stop { pc: u16 },
            Return { pc: u16 },
            Revert { pc: u16 },
            Call { kind: CallKind, pc: u16 },
            /// Tier 0 goes on from here.
            Plain { pc: u16 },
        }

        /// An instruction that is a pure function of two words.
        pub(super) struct Binary {
            /// Both operands from the stack.
            pub plain: Op,
            /// With a constant as the first operand.
            pub constant: fn(u64) -> Op,
            /// With a wide constant as the first operand.
            pub wide: fn(u32) -> Op,
            /// With a copy of a word as the first operand.
            pub dup: fn(u8) -> Op,
            /// What it computes.
            pub compute: fn(U256, U256) -> U256,
        }

        /// An operation on a constant and the top as one on the constant and a copy of a word.
        pub(super) fn of_copy(op: Op, depth: u8) -> Option<Op> {
            match op {
                $( Op::$constant { value } => Some(Op::$dup_constant { depth, value }), )*
                _ => None,
            }
        }

        /// The forms of an opcode, if it is a pure function of two words.
        pub(super) fn binary(opcode: u8) -> Option<Binary> {
            Some(match opcode {
                $(
                    table::$name => Binary {
                        plain: Op::$plain,
                        constant: |value| Op::$constant { value },
                        wide: |index| Op::$wide { index },
                        dup: |depth| Op::$dup { depth },
                        compute: $body,
                    },
                )*
                _ => return None,
            })
        }
    };
}

use crate::{U256, arithmetic, bitwise, comparison, table};
binaries!(define);

const _: () = assert!(size_of::<Op>() == 16);

impl Op {
    /// The gas field that is known only when the block is whole.
    pub(super) fn gas_mut(&mut self) -> Option<&mut u32> {
        match self {
            Op::Exp { rest, .. }
            | Op::MLoad { rest, .. }
            | Op::MLoadAt { rest, .. }
            | Op::MStore { rest, .. }
            | Op::MStoreAt { rest, .. }
            | Op::MLoadDup { rest, .. }
            | Op::MStoreDup { rest, .. }
            | Op::MStoreConst { rest, .. }
            | Op::MStoreDupConst { rest, .. }
            | Op::JumpTo { rest, .. }
            | Op::JumpToUnder { rest, .. }
            | Op::JumpToBelow { rest, .. }
            | Op::JumpToIf { rest, .. } => Some(rest),
            Op::Gas { after } | Op::Body { after, .. } => Some(after),
            _ => None,
        }
    }

    /// The block that it jumps to, if that is known.
    pub(super) fn target_mut(&mut self) -> Option<&mut u16> {
        match self {
            Op::Jump { block }
            | Op::JumpIf { block }
            | Op::JumpIfZero { block }
            | Op::JumpIfTopIs { block, .. }
            | Op::JumpIfEq { block }
            | Op::JumpIfNotEq { block }
            | Op::JumpIfLt { block }
            | Op::JumpIfNotLt { block }
            | Op::JumpIfGt { block }
            | Op::JumpIfNotGt { block }
            | Op::JumpIfDup { block, .. }
            | Op::JumpIfDupZero { block, .. }
            | Op::JumpIfLtDup { block, .. }
            | Op::JumpIfNotLtDup { block, .. }
            | Op::JumpIfGtDup { block, .. }
            | Op::JumpIfNotGtDup { block, .. }
            | Op::JumpIfSltDup { block, .. }
            | Op::JumpIfNotSltDup { block, .. } => Some(block),
            _ => None,
        }
    }
}
