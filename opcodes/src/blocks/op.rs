//! What a block is made of: the operations of tier 1, one 16-byte value each.
//!
//! Owns their meaning as data. What they do stands in `run`, which instructions they come from in
//! `translate` and `fuse`.

use crate::CallKind;

/// Calls a macro with every instruction that is a pure function of two words: opcode, its four forms
/// in a block, and the function.
///
/// In all forms the second operand is the top of the stack, but for the first, where it is the word
/// under it. The first operand is: the top; a constant of 64 bits; a constant of 256; a copy of a
/// word further down.
macro_rules! binaries {
    ($callback:ident) => {
        $callback! {
            ADD: Add AddConst AddWide AddDup, arithmetic::add;
            MUL: Mul MulConst MulWide MulDup, arithmetic::mul;
            SUB: Sub SubConst SubWide SubDup, arithmetic::sub;
            DIV: Div DivConst DivWide DivDup, arithmetic::div;
            SDIV: Sdiv SdivConst SdivWide SdivDup, arithmetic::sdiv;
            MOD: Mod ModConst ModWide ModDup, arithmetic::rem;
            SMOD: Smod SmodConst SmodWide SmodDup, arithmetic::smod;
            SIGNEXTEND: SignExtend SignExtendConst SignExtendWide SignExtendDup, arithmetic::signextend;
            LT: Lt LtConst LtWide LtDup, comparison::lt;
            GT: Gt GtConst GtWide GtDup, comparison::gt;
            SLT: Slt SltConst SltWide SltDup, comparison::slt;
            SGT: Sgt SgtConst SgtWide SgtDup, comparison::sgt;
            EQ: Eq EqConst EqWide EqDup, comparison::eq;
            AND: And AndConst AndWide AndDup, bitwise::and;
            OR: Or OrConst OrWide OrDup, bitwise::or;
            XOR: Xor XorConst XorWide XorDup, bitwise::xor;
            BYTE: Byte ByteConst ByteWide ByteDup, bitwise::byte;
            SHL: Shl ShlConst ShlWide ShlDup, bitwise::shl;
            SHR: Shr ShrConst ShrWide ShrDup, bitwise::shr;
            SAR: Sar SarConst SarWide SarDup, bitwise::sar;
        }
    };
}
pub(super) use binaries;

macro_rules! define {
    ($($name:ident: $plain:ident $constant:ident $wide:ident $dup:ident, $body:path;)*) => {
        /// One operation of a block.
        ///
        /// `pc` is the position of the first instruction that the operation stands for. `rest` is the
        /// gas that the block was charged for that instruction and all after it: what tier 0 gets
        /// back if it has to go on from `pc`. `after` is the same without the instruction itself.
        /// `block`, `next` and `index` are places in the translated code's tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Op {
            $(
                $plain,
                $constant { value: u64 },
                $wide { index: u32 },
                $dup { depth: u8 },
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

            MLoad { pc: u16, rest: u32 },
            MLoadAt { pc: u16, rest: u32, offset: u32 },
            MStore { pc: u16, rest: u32 },
            MStoreAt { pc: u16, rest: u32, offset: u32 },
            /// MLOAD at an offset that is a copy of a word further down.
            MLoadDup { depth: u8, pc: u16, rest: u32 },
            /// MSTORE of the top at such an offset.
            MStoreDup { depth: u8, pc: u16, rest: u32 },
            /// An instruction whose body works on the frame.
            Body { opcode: u8, pc: u16, after: u32 },

            /// To a block, without a condition.
            Jump { block: u16 },
            /// To `block` if the popped top is not zero, else to `next`.
            JumpIf { block: u16, next: u16 },
            /// To `block` if the popped top is zero, else to `next`.
            JumpIfZero { block: u16, next: u16 },
            /// To `block` if the top is this constant, which leaves it; else to `next`.
            JumpIfTopIs { block: u16, next: u16, value: u64 },
            JumpIfEq { block: u16, next: u16 },
            JumpIfNotEq { block: u16, next: u16 },
            JumpIfLt { block: u16, next: u16 },
            JumpIfNotLt { block: u16, next: u16 },
            JumpIfGt { block: u16, next: u16 },
            JumpIfNotGt { block: u16, next: u16 },
            /// As [`Op::JumpIf`], by a copy of a word further down.
            JumpIfDup { depth: u8, block: u16, next: u16 },
            JumpIfDupZero { depth: u8, block: u16, next: u16 },
            /// By a comparison of a copy of a word further down with the top, which goes.
            JumpIfLtDup { depth: u8, block: u16, next: u16 },
            JumpIfNotLtDup { depth: u8, block: u16, next: u16 },
            JumpIfGtDup { depth: u8, block: u16, next: u16 },
            JumpIfNotGtDup { depth: u8, block: u16, next: u16 },
            JumpIfSltDup { depth: u8, block: u16, next: u16 },
            JumpIfNotSltDup { depth: u8, block: u16, next: u16 },
            JumpTo { pc: u16, rest: u32 },
            JumpToIf { pc: u16, rest: u32, next: u16 },

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
            | Op::JumpTo { rest, .. }
            | Op::JumpToIf { rest, .. } => Some(rest),
            Op::Gas { after } | Op::Body { after, .. } => Some(after),
            _ => None,
        }
    }

    /// The blocks that it may go on in.
    pub(super) fn targets_mut(&mut self) -> impl Iterator<Item = &mut u16> {
        let (block, next) = match self {
            Op::Jump { block } => (Some(block), None),
            Op::JumpIf { block, next }
            | Op::JumpIfZero { block, next }
            | Op::JumpIfTopIs { block, next, .. }
            | Op::JumpIfEq { block, next }
            | Op::JumpIfNotEq { block, next }
            | Op::JumpIfLt { block, next }
            | Op::JumpIfNotLt { block, next }
            | Op::JumpIfGt { block, next }
            | Op::JumpIfNotGt { block, next }
            | Op::JumpIfDup { block, next, .. }
            | Op::JumpIfDupZero { block, next, .. }
            | Op::JumpIfLtDup { block, next, .. }
            | Op::JumpIfNotLtDup { block, next, .. }
            | Op::JumpIfGtDup { block, next, .. }
            | Op::JumpIfNotGtDup { block, next, .. }
            | Op::JumpIfSltDup { block, next, .. }
            | Op::JumpIfNotSltDup { block, next, .. } => (Some(block), Some(next)),
            Op::JumpToIf { next, .. } => (None, Some(next)),
            _ => (None, None),
        };
        block.into_iter().chain(next)
    }
}
