//! LT to ISZERO: pure functions of their operands, the top of the stack first, that give 1 or 0.

use crate::{U256, machine::plain_word as word};

#[inline(always)]
fn truth(holds: bool) -> U256 {
    U256([u64::from(holds), 0, 0, 0])
}

/// LT.
#[inline(always)]
pub(crate) fn lt(a: U256, b: U256) -> U256 {
    truth(word::lt(a, b))
}

/// GT.
#[inline(always)]
pub(crate) fn gt(a: U256, b: U256) -> U256 {
    truth(word::gt(a, b))
}

/// SLT.
#[inline(always)]
pub(crate) fn slt(a: U256, b: U256) -> U256 {
    truth(word::slt(a, b))
}

/// SGT.
#[inline(always)]
pub(crate) fn sgt(a: U256, b: U256) -> U256 {
    truth(word::sgt(a, b))
}

/// EQ.
#[inline(always)]
pub(crate) fn eq(a: U256, b: U256) -> U256 {
    truth(word::eq(a, b))
}

/// ISZERO.
#[inline(always)]
pub(crate) fn iszero(a: U256) -> U256 {
    truth(is_zero(a))
}

/// Whether a word is zero: ISZERO and JUMPI.
#[inline(always)]
pub(crate) fn is_zero(a: U256) -> bool {
    a.0[0] | a.0[1] | a.0[2] | a.0[3] == 0
}
