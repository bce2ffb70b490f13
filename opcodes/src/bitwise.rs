//! AND to CLZ: pure functions of their operands, the top of the stack first.

use crate::{U256, machine::plain_word as word};

pub(crate) use word::{byte, clz, sar, shl, shr};

/// AND.
#[inline(always)]
pub(crate) fn and(a: U256, b: U256) -> U256 {
    U256([
        a.0[0] & b.0[0],
        a.0[1] & b.0[1],
        a.0[2] & b.0[2],
        a.0[3] & b.0[3],
    ])
}

/// OR.
#[inline(always)]
pub(crate) fn or(a: U256, b: U256) -> U256 {
    U256([
        a.0[0] | b.0[0],
        a.0[1] | b.0[1],
        a.0[2] | b.0[2],
        a.0[3] | b.0[3],
    ])
}

/// XOR.
#[inline(always)]
pub(crate) fn xor(a: U256, b: U256) -> U256 {
    U256([
        a.0[0] ^ b.0[0],
        a.0[1] ^ b.0[1],
        a.0[2] ^ b.0[2],
        a.0[3] ^ b.0[3],
    ])
}

/// NOT.
#[inline(always)]
pub(crate) fn not(a: U256) -> U256 {
    U256([!a.0[0], !a.0[1], !a.0[2], !a.0[3]])
}
