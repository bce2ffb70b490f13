//! LT to ISZERO: pure functions of their operands, the top of the stack first, that give 1 or 0.

use crate::{
    U256,
    machine::word::{self, from_bool},
};

/// LT.
#[inline(always)]
pub(crate) fn lt(a: U256, b: U256) -> U256 {
    from_bool(word::lt(a, b))
}

/// GT.
#[inline(always)]
pub(crate) fn gt(a: U256, b: U256) -> U256 {
    from_bool(word::gt(a, b))
}

/// SLT.
#[inline(always)]
pub(crate) fn slt(a: U256, b: U256) -> U256 {
    from_bool(word::slt(a, b))
}

/// SGT.
#[inline(always)]
pub(crate) fn sgt(a: U256, b: U256) -> U256 {
    from_bool(word::sgt(a, b))
}

/// EQ.
#[inline(always)]
pub(crate) fn eq(a: U256, b: U256) -> U256 {
    from_bool(word::eq(a, b))
}

/// ISZERO.
#[inline(always)]
pub(crate) fn iszero(a: U256) -> U256 {
    from_bool(word::is_zero(a))
}
