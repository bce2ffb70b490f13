//! AND to CLZ: pure functions of their operands, the top of the stack first, which are the words'
//! own.

pub(crate) use crate::machine::word::{and, byte, clz, not, or, sar, shl, shr, xor};
