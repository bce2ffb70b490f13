//! All 256-bit arithmetic of the EVM: every operation takes and gives words by value.
//! Words are [`U256`], four little-endian limbs that are handled as scalars; division, modular
//! arithmetic, bits and bytes have files of their own. Gas and the stack are not known here.

mod bits;
mod bytes;
mod division;
mod modular;
#[cfg(test)]
mod tests;

pub use bits::{and, byte, byte_len, clz, not, or, sar, scalars, shl, shr, signextend, xor};
pub use bytes::{
    address_of, as_u64, from_address, from_be_bytes, from_be_slice, from_bool, to_be_bytes,
    to_u64_saturating, to_usize_saturating, write_be,
};
pub use division::{div, div_rem, rem, sdiv, smod};
pub use modular::{PreparedModulus, addmod, mulmod, rem_wide};
pub use primitive_types::{U256, U512};

/// Zero.
pub const ZERO: U256 = U256([0, 0, 0, 0]);
/// One.
pub const ONE: U256 = U256([1, 0, 0, 0]);
/// 2²⁵⁵, the most negative signed word.
pub const SIGNED_MIN: U256 = U256([0, 0, 0, 1 << 63]);

/// `a + b` modulo 2²⁵⁶ (ADD).
#[inline]
pub fn add(a: U256, b: U256) -> U256 {
    overflowing_add(a, b).0
}

/// `a + b` modulo 2²⁵⁶, and whether the true sum is 2²⁵⁶ or more.
#[inline(always)]
pub fn overflowing_add(a: U256, b: U256) -> (U256, bool) {
    let (a, b) = (a.0, b.0);
    let (r0, carry) = a[0].carrying_add(b[0], false);
    let (r1, carry) = a[1].carrying_add(b[1], carry);
    let (r2, carry) = a[2].carrying_add(b[2], carry);
    let (r3, carry) = a[3].carrying_add(b[3], carry);
    (U256([r0, r1, r2, r3]), carry)
}

/// `a - b` modulo 2²⁵⁶ (SUB).
#[inline]
pub fn sub(a: U256, b: U256) -> U256 {
    overflowing_sub(a, b).0
}

/// `a - b` modulo 2²⁵⁶, and whether the true difference is negative.
#[inline(always)]
pub fn overflowing_sub(a: U256, b: U256) -> (U256, bool) {
    let (a, b) = (a.0, b.0);
    let (r0, borrow) = a[0].borrowing_sub(b[0], false);
    let (r1, borrow) = a[1].borrowing_sub(b[1], borrow);
    let (r2, borrow) = a[2].borrowing_sub(b[2], borrow);
    let (r3, borrow) = a[3].borrowing_sub(b[3], borrow);
    (U256([r0, r1, r2, r3]), borrow)
}

/// `a + b`, if it is below 2²⁵⁶.
#[inline]
pub fn checked_add(a: U256, b: U256) -> Option<U256> {
    let (sum, overflows) = overflowing_add(a, b);
    (!overflows).then_some(sum)
}

/// `a - b`, if it is not negative.
#[inline]
pub fn checked_sub(a: U256, b: U256) -> Option<U256> {
    let (difference, is_negative) = overflowing_sub(a, b);
    (!is_negative).then_some(difference)
}

/// `a + b`, or 2²⁵⁶ − 1 if that is less.
#[inline]
pub fn saturating_add(a: U256, b: U256) -> U256 {
    let (sum, overflows) = overflowing_add(a, b);
    // By limbs: a choice between two words is one between two places in memory.
    let mask = u64::from(overflows).wrapping_neg();
    U256(sum.0.map(|limb| limb | mask))
}

/// Adds `b` to a sum of so few words that it stays below 2⁵¹².
#[inline]
pub fn add_to_wide(sum: &mut U512, b: U256) {
    let mut carry = false;
    for (limb, term) in sum.0.iter_mut().zip(b.0.into_iter().chain([0; 4])) {
        (*limb, carry) = limb.carrying_add(term, carry);
    }
}

/// `-a` modulo 2²⁵⁶.
#[inline]
pub fn neg(a: U256) -> U256 {
    sub(ZERO, a)
}

/// Whether `a`, read as two's complement, is below zero.
#[inline]
pub fn is_negative(a: U256) -> bool {
    a.0[3] >> 63 == 1
}

/// The magnitude of `a` read as two's complement; that of −2²⁵⁵ is 2²⁵⁵.
#[inline]
pub fn magnitude(a: U256) -> U256 {
    if is_negative(a) { neg(a) } else { a }
}

/// `a · b` modulo 2²⁵⁶ (MUL).
#[inline]
pub fn mul(a: U256, b: U256) -> U256 {
    if fits_limb(a) && fits_limb(b) {
        let (low, high) = a.0[0].carrying_mul(b.0[0], 0);
        return U256([low, high, 0, 0]);
    }
    mul_limbs(a, b)
}

/// The ten partial products of `a · b` that lie below 2²⁵⁶.
#[inline]
pub(crate) fn mul_limbs(a: U256, b: U256) -> U256 {
    let (a, b) = (a.0, b.0);
    let (r0, carry) = a[0].carrying_mul(b[0], 0);
    let (r1, carry) = a[0].carrying_mul(b[1], carry);
    let (r2, carry) = a[0].carrying_mul(b[2], carry);
    let r3 = a[0].wrapping_mul(b[3]).wrapping_add(carry);

    let (r1, carry) = a[1].carrying_mul_add(b[0], r1, 0);
    let (r2, carry) = a[1].carrying_mul_add(b[1], r2, carry);
    let r3 = a[1].wrapping_mul(b[2]).wrapping_add(carry).wrapping_add(r3);

    let (r2, carry) = a[2].carrying_mul_add(b[0], r2, 0);
    let r3 = a[2].wrapping_mul(b[1]).wrapping_add(carry).wrapping_add(r3);

    let r3 = a[3].wrapping_mul(b[0]).wrapping_add(r3);
    U256([r0, r1, r2, r3])
}

/// `a · limb` modulo 2²⁵⁶.
#[inline]
fn mul_limb(a: U256, limb: u64) -> U256 {
    mul_limb_wide(a, limb).0
}

/// `a · limb`: its low word and the limb above.
#[inline]
fn mul_limb_wide(a: U256, limb: u64) -> (U256, u64) {
    let a = a.0;
    let (r0, carry) = a[0].carrying_mul(limb, 0);
    let (r1, carry) = a[1].carrying_mul(limb, carry);
    let (r2, carry) = a[2].carrying_mul(limb, carry);
    let (r3, r4) = a[3].carrying_mul(limb, carry);
    (U256([r0, r1, r2, r3]), r4)
}

/// `a²` modulo 2²⁵⁶: six partial products, as the mixed ones occur twice.
#[inline]
fn square(a: U256) -> U256 {
    let a = a.0;
    let (m1, carry) = a[0].carrying_mul(a[1], 0);
    let (m2, carry) = a[0].carrying_mul(a[2], carry);
    let m3 = a[0]
        .wrapping_mul(a[3])
        .wrapping_add(a[1].wrapping_mul(a[2]))
        .wrapping_add(carry);
    let (d1, d2, d3) = (m1 << 1, m2 << 1 | m1 >> 63, m3 << 1 | m2 >> 63);

    let (r0, high0) = a[0].carrying_mul(a[0], 0);
    let (low1, high1) = a[1].carrying_mul(a[1], 0);
    let (r1, carry) = d1.carrying_add(high0, false);
    let (r2, carry) = d2.carrying_add(low1, carry);
    let (r3, _) = d3.carrying_add(high1, carry);
    U256([r0, r1, r2, r3])
}

/// The whole product `a · b`, up to 512 bits.
#[inline]
pub fn mul_wide(a: U256, b: U256) -> U512 {
    let (a, b) = (a.0, b.0);
    let (r0, carry) = a[0].carrying_mul(b[0], 0);
    let (r1, carry) = a[0].carrying_mul(b[1], carry);
    let (r2, carry) = a[0].carrying_mul(b[2], carry);
    let (r3, r4) = a[0].carrying_mul(b[3], carry);

    let (r1, carry) = a[1].carrying_mul_add(b[0], r1, 0);
    let (r2, carry) = a[1].carrying_mul_add(b[1], r2, carry);
    let (r3, carry) = a[1].carrying_mul_add(b[2], r3, carry);
    let (r4, r5) = a[1].carrying_mul_add(b[3], r4, carry);

    let (r2, carry) = a[2].carrying_mul_add(b[0], r2, 0);
    let (r3, carry) = a[2].carrying_mul_add(b[1], r3, carry);
    let (r4, carry) = a[2].carrying_mul_add(b[2], r4, carry);
    let (r5, r6) = a[2].carrying_mul_add(b[3], r5, carry);

    let (r3, carry) = a[3].carrying_mul_add(b[0], r3, 0);
    let (r4, carry) = a[3].carrying_mul_add(b[1], r4, carry);
    let (r5, carry) = a[3].carrying_mul_add(b[2], r5, carry);
    let (r6, r7) = a[3].carrying_mul_add(b[3], r6, carry);
    U512([r0, r1, r2, r3, r4, r5, r6, r7])
}

/// The whole sum `a + b` of 512-bit numbers, or `None` from 2⁵¹² on.
///
/// Meant for sums of fees and values, whose products of words need more than 256 bits.
#[inline]
pub fn checked_add_wide(a: U512, b: U512) -> Option<U512> {
    a.checked_add(b)
}

/// The word `x` as a 512-bit number.
#[inline]
pub fn widen(x: U256) -> U512 {
    let x = x.0;
    U512([x[0], x[1], x[2], x[3], 0, 0, 0, 0])
}

/// The 512-bit `x` as a word, or `None` from 2²⁵⁶ on.
#[inline]
pub fn narrow(x: U512) -> Option<U256> {
    let (low, high) = split(x);
    is_zero(high).then_some(low)
}

/// The low and the high word of a 512-bit number.
#[inline]
pub(crate) fn split(x: U512) -> (U256, U256) {
    let x = x.0;
    (
        U256([x[0], x[1], x[2], x[3]]),
        U256([x[4], x[5], x[6], x[7]]),
    )
}

/// `base` to the power `exponent` modulo 2²⁵⁶ (EXP); 0⁰ is 1.
pub fn exp(base: U256, exponent: U256) -> U256 {
    if is_zero(exponent) || eq(base, ONE) {
        return ONE;
    }
    if base.0[0] & 1 == 0 {
        // An even base has a factor two for each unit of the exponent.
        if !fits_limb(exponent) || exponent.0[0] >= 256 {
            return ZERO;
        }
        if fits_limb(base) && base.0[0].is_power_of_two() {
            let bit = u64::from(base.0[0].trailing_zeros());
            return shl(U256([bit * exponent.0[0], 0, 0, 0]), ONE);
        }
    }
    if fits_limb(base) {
        return power_of_limb(base.0[0], exponent);
    }
    let bits = 256 - bits::leading_zeros(exponent);
    power_left_to_right(base, exponent, bits - 1, |x| mul_limbs(x, base))
}

/// `base` to a power that is not zero: in one limb while it fits.
fn power_of_limb(base: u64, exponent: U256) -> U256 {
    let mut bits = 256 - bits::leading_zeros(exponent) - 1;
    let mut power = base;
    while bits > 0 {
        let factor = if bit(exponent, bits - 1) { base } else { 1 };
        let next = power.checked_mul(power).and_then(|x| x.checked_mul(factor));
        let Some(next) = next else { break };
        power = next;
        bits -= 1;
    }
    let power = U256([power, 0, 0, 0]);
    power_left_to_right(power, exponent, bits, |x| mul_limb(x, base))
}

/// Carries `power` on over the low `bits` of `exponent`: squares at each, and multiplies where set.
///
/// From the top, so that the factor stays `base`, which is short in the usual case.
#[inline]
fn power_left_to_right(
    mut power: U256,
    exponent: U256,
    bits: u32,
    times_base: impl Fn(U256) -> U256,
) -> U256 {
    for index in (0..bits).rev() {
        power = square(power);
        if bit(exponent, index) {
            power = times_base(power);
        }
    }
    power
}

/// The bit of `x` at `index`, counted from the least significant.
#[inline]
fn bit(x: U256, index: u32) -> bool {
    x.0[(index >> 6) as usize & 3] >> (index & 63) & 1 == 1
}

/// `x` if `keep` is set, else `y`, without a jump: for conditions that are hard to foretell.
#[inline]
pub(crate) fn select(keep: bool, x: U256, y: U256) -> U256 {
    let mask = 0u64.wrapping_sub(u64::from(keep));
    let (x, y) = (x.0, y.0);
    let pick = |x: u64, y: u64| y ^ (mask & (x ^ y));
    U256([
        pick(x[0], y[0]),
        pick(x[1], y[1]),
        pick(x[2], y[2]),
        pick(x[3], y[3]),
    ])
}

/// Whether `x` is below 2⁶⁴.
#[inline]
pub(crate) fn fits_limb(x: U256) -> bool {
    x.0[1] | x.0[2] | x.0[3] == 0
}

/// Whether `a < b`, both unsigned (LT).
#[inline]
pub fn lt(a: U256, b: U256) -> bool {
    borrows(a.0, b.0)
}

/// Whether `a - b` borrows, by a chain whose differences nobody reads.
///
/// Without the intrinsic, the compiler drops the differences and with them the chain.
#[cfg(target_arch = "x86_64")]
#[inline]
fn borrows(a: [u64; 4], b: [u64; 4]) -> bool {
    use std::arch::x86_64::_subborrow_u64;
    let mut difference = 0;
    let borrow = _subborrow_u64(0, a[0], b[0], &mut difference);
    let borrow = _subborrow_u64(borrow, a[1], b[1], &mut difference);
    let borrow = _subborrow_u64(borrow, a[2], b[2], &mut difference);
    _subborrow_u64(borrow, a[3], b[3], &mut difference) != 0
}

/// Whether `a - b` borrows.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn borrows(a: [u64; 4], b: [u64; 4]) -> bool {
    overflowing_sub(U256(a), U256(b)).1
}

/// Whether `a > b`, both unsigned (GT).
#[inline]
pub fn gt(a: U256, b: U256) -> bool {
    lt(b, a)
}

/// Whether `a < b`, both in two's complement (SLT).
#[inline]
pub fn slt(a: U256, b: U256) -> bool {
    lt(flip_sign(a), flip_sign(b))
}

/// Whether `a > b`, both in two's complement (SGT).
#[inline]
pub fn sgt(a: U256, b: U256) -> bool {
    slt(b, a)
}

/// Maps the signed order to the unsigned one.
#[inline]
fn flip_sign(x: U256) -> U256 {
    let x = x.0;
    U256([x[0], x[1], x[2], x[3] ^ (1 << 63)])
}

/// Whether `a` and `b` are equal (EQ).
#[inline]
pub fn eq(a: U256, b: U256) -> bool {
    let (a, b) = (a.0, b.0);
    (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) == 0
}

/// Whether `x` is zero (ISZERO).
#[inline]
pub fn is_zero(x: U256) -> bool {
    x.0[0] | x.0[1] | x.0[2] | x.0[3] == 0
}
