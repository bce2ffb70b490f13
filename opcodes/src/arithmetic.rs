//! ADD to SIGNEXTEND: pure functions of their operands, the top of the stack first.
//!
//! The dispatch moves the words; the maths is [`word`]'s. Only EXP has gas of its own.

use crate::{
    U256,
    machine::{schedule::GasSchedule, word},
};

pub(crate) use word::{add, addmod, div, exp, mul, mulmod, rem, sdiv, signextend, smod, sub};

/// What EXP costs above its base gas: so much for each byte of the exponent (EIP-160).
#[inline(always)]
pub(crate) fn exp_gas(exponent: U256, schedule: &GasSchedule) -> u64 {
    u64::from(word::byte_len(exponent)) * schedule.exp_byte
}
