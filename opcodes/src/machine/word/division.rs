//! Division of words: schoolbook division (Knuth, volume 2, 4.3.1, algorithm D) whose quotient
//! limbs come from a precomputed reciprocal of the divisor's top limbs (Möller and Granlund,
//! "Improved division by invariant integers", 2011). Modular arithmetic is in `modular`.

use super::{U256, ZERO, fits_limb, is_negative, lt, magnitude, neg, scalars};

/// `a / b` rounded down; zero if `b` is zero (DIV).
#[inline]
pub fn div(a: U256, b: U256) -> U256 {
    if fits_limb(a) && fits_limb(b) {
        return U256([a.0[0].checked_div(b.0[0]).unwrap_or(0), 0, 0, 0]);
    }
    scalars(div_general(a, b))
}

/// `a` modulo `b`; zero if `b` is zero (MOD).
#[inline]
pub fn rem(a: U256, b: U256) -> U256 {
    if fits_limb(a) && fits_limb(b) {
        return U256([a.0[0].checked_rem(b.0[0]).unwrap_or(0), 0, 0, 0]);
    }
    scalars(rem_general(a, b))
}

/// `a / b` in two's complement, rounded towards zero (SDIV).
///
/// Zero if `b` is zero; −2²⁵⁵ / −1 wraps to −2²⁵⁵.
#[inline]
pub fn sdiv(a: U256, b: U256) -> U256 {
    let quotient = div(magnitude(a), magnitude(b));
    if is_negative(a) == is_negative(b) {
        quotient
    } else {
        neg(quotient)
    }
}

/// `a` modulo `b` in two's complement, with the sign of `a`; zero if `b` is zero (SMOD).
#[inline]
pub fn smod(a: U256, b: U256) -> U256 {
    let remainder = rem(magnitude(a), magnitude(b));
    if is_negative(a) {
        neg(remainder)
    } else {
        remainder
    }
}

/// Quotient and remainder of `a` by `b`; both zero if `b` is zero.
pub fn div_rem(a: U256, b: U256) -> (U256, U256) {
    div_rem_inline(a, b)
}

/// The quotient alone: what only the remainder needs is optimised away.
#[inline(never)]
fn div_general(a: U256, b: U256) -> U256 {
    div_rem_inline(a, b).0
}

/// The remainder alone.
#[inline(never)]
fn rem_general(a: U256, b: U256) -> U256 {
    div_rem_inline(a, b).1
}

#[inline(always)]
fn div_rem_inline(a: U256, b: U256) -> (U256, U256) {
    if fits_limb(b) {
        let (quotient, remainder) = div_rem_limb(a, b.0[0]);
        return (quotient, U256([remainder, 0, 0, 0]));
    }
    if lt(a, b) {
        return (ZERO, a);
    }
    let (a, [b0, b1, b2, b3]) = (a.0, b.0);
    if b3 != 0 {
        let divisor = Divisor::new([b0, b1, b2, b3]);
        let mut window = shl_limbs(a, divisor.shift);
        let quotient = divisor.step(&mut window);
        let [r0, r1, r2, r3, _] = window;
        let remainder = shr_limbs([r0, r1, r2, r3], divisor.shift);
        return (U256([quotient, 0, 0, 0]), U256(remainder));
    }
    if b2 != 0 {
        let divisor = Divisor::new([b0, b1, b2]);
        let mut window = shl_limbs(a, divisor.shift);
        let q1 = divisor.step(&mut window[1..5]);
        let q0 = divisor.step(&mut window[0..4]);
        let [r0, r1, r2, _, _] = window;
        let [r0, r1, r2] = shr_limbs([r0, r1, r2], divisor.shift);
        return (U256([q0, q1, 0, 0]), U256([r0, r1, r2, 0]));
    }
    let (quotient, remainder) = div_rem_two_limbs(a, b1, b0);
    let (r1, r0) = halves(remainder);
    (U256(quotient), U256([r0, r1, 0, 0]))
}

/// Quotient and remainder by one limb; both zero if that is zero.
#[inline]
fn div_rem_limb(a: U256, divisor: u64) -> (U256, u64) {
    if divisor == 0 {
        return (ZERO, 0);
    }
    let [a0, a1, a2, a3] = a.0;
    let (q3, q2, rest) = if a2 | a3 == 0 {
        (0, 0, 0)
    } else {
        let (q3, rest) = (a3 / divisor, a3 % divisor);
        let (q2, rest) = div_limbs(rest, a2, divisor);
        (q3, q2, rest)
    };
    let (q1, rest) = div_limbs(rest, a1, divisor);
    let (q0, rest) = div_limbs(rest, a0, divisor);
    (U256([q0, q1, q2, q3]), rest)
}

/// Quotient and remainder of `high:low`, `high < divisor`, by the processor's own division.
///
/// Since 2019 it takes 10 to 18 cycles on common processors. Ratios against the library's 128-bit
/// division on a Zen 4: one limb 0.88, two limbs 0.93, MULMOD of single limbs 0.85.
///
/// # Panics
///
/// If `high` is not below `divisor`.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn div_limbs(high: u64, low: u64, divisor: u64) -> (u64, u64) {
    assert!(high < divisor);
    let (quotient, remainder): (u64, u64);
    // SAFETY: 1. `high < divisor` was just checked, so the divisor is not zero and the quotient
    // fits: the instruction cannot fault. 2. It reads and writes only the registers named here and
    // the flags, which are not declared preserved.
    unsafe {
        std::arch::asm!(
            "div {}",
            in(reg) divisor,
            inout("rax") low => quotient,
            inout("rdx") high => remainder,
            options(pure, nomem, nostack)
        );
    }
    (quotient, remainder)
}

/// Quotient and remainder of `high:low`, `high < divisor`.
///
/// # Panics
///
/// If `high` is not below `divisor`.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline]
fn div_limbs(high: u64, low: u64, divisor: u64) -> (u64, u64) {
    assert!(high < divisor);
    let (dividend, divisor) = (join(high, low), u128::from(divisor));
    (halves(dividend / divisor).1, halves(dividend % divisor).1)
}

/// Quotient and remainder by the two limbs `d1:d0`, the upper of which is not zero.
#[inline(always)]
fn div_rem_two_limbs(a: [u64; 4], d1: u64, d0: u64) -> ([u64; 4], u128) {
    let shift = d1.leading_zeros();
    let [u0, u1, u2, u3, u4] = shl_limbs(a, shift);
    let divisor = join(shl_spill(d1, d0, shift), d0 << shift);
    let reciprocal = reciprocal_3by2(divisor);
    let step = |high, low| div_3by2(high, low, divisor, reciprocal);
    let (q2, rest) = if u4 == 0 {
        let high = join(u3, u2);
        let (less, below) = high.overflowing_sub(divisor);
        (u64::from(!below), if below { high } else { less })
    } else {
        step(join(u4, u3), u2)
    };
    let (q1, rest) = step(rest, u1);
    let (q0, rest) = step(rest, u0);
    ([q0, q1, q2, 0], rest >> shift)
}

/// A divisor of three or four limbs with its top bit set, and the reciprocal of its top two limbs.
pub(super) struct Divisor<const N: usize> {
    /// The divisor times 2^`shift`.
    pub(super) limbs: [u64; N],
    /// The zero bits above the divisor's highest set bit, below 64.
    pub(super) shift: u32,
    reciprocal: u64,
}

impl<const N: usize> Divisor<N> {
    /// Prepares `limbs`, the top one of which is not zero.
    #[inline(always)]
    pub(super) fn new(limbs: [u64; N]) -> Self {
        debug_assert!(N >= 3 && limbs[N - 1] != 0);
        let shift = limbs[N - 1].leading_zeros();
        let mut shifted = [0; N];
        shifted[0] = limbs[0] << shift;
        for index in 1..N {
            shifted[index] = shl_spill(limbs[index], limbs[index - 1], shift);
        }
        let reciprocal = reciprocal_3by2(join(shifted[N - 1], shifted[N - 2]));
        Self {
            limbs: shifted,
            shift,
            reciprocal,
        }
    }

    /// One quotient limb of the N + 1 limbs in `window`, which keeps the remainder.
    ///
    /// The upper N limbs of `window` must be below the divisor.
    #[inline(always)]
    pub(super) fn step(&self, window: &mut [u64]) -> u64 {
        debug_assert!(window.len() == N + 1);
        let top = join(self.limbs[N - 1], self.limbs[N - 2]);
        let high = join(window[N], window[N - 1]);
        if high >= top {
            // They are equal: the estimate would not fit a limb, and the quotient is the largest.
            let borrow = self.subtract(u64::MAX, window, N);
            window[N] = window[N].wrapping_sub(borrow);
            return u64::MAX;
        }
        let (mut quotient, rest) = div_3by2(high, window[N - 2], top, self.reciprocal);
        let borrow = self.subtract(quotient, window, N - 2);
        let (rest, negative) = rest.overflowing_sub(u128::from(borrow));
        (window[N - 1], window[N - 2]) = halves(rest);
        window[N] = 0;
        if negative {
            // Two limbs of the divisor make the estimate too high by at most one.
            quotient -= 1;
            self.add_back(window);
        }
        quotient
    }

    /// Subtracts the low `count` limbs of the divisor, `quotient` times, and returns the borrow.
    #[inline]
    fn subtract(&self, quotient: u64, window: &mut [u64], count: usize) -> u64 {
        let mut borrow = 0;
        for (limb, divisor) in window.iter_mut().zip(self.limbs).take(count) {
            let (low, high) = divisor.carrying_mul(quotient, borrow);
            let (difference, below) = limb.overflowing_sub(low);
            *limb = difference;
            borrow = high + u64::from(below);
        }
        borrow
    }

    /// Adds the divisor once, modulo its own width.
    #[cold]
    fn add_back(&self, window: &mut [u64]) {
        let mut carry = false;
        for (limb, divisor) in window.iter_mut().zip(self.limbs) {
            (*limb, carry) = limb.carrying_add(divisor, carry);
        }
    }
}

/// The remainder of the 512-bit `x` by `n`; zero if `n` is zero.
#[inline]
pub(super) fn reduce_wide(x: [u64; 8], n: U256) -> U256 {
    let [n0, n1, n2, n3] = n.0;
    let used = x
        .iter()
        .rposition(|&limb| limb != 0)
        .map_or(0, |top| top + 1);
    if n3 != 0 {
        return U256(reduce_by(x, used, &Divisor::new([n0, n1, n2, n3])));
    }
    if n2 != 0 {
        let [r0, r1, r2] = reduce_by(x, used, &Divisor::new([n0, n1, n2]));
        return U256([r0, r1, r2, 0]);
    }
    if n1 != 0 {
        let shift = n1.leading_zeros();
        let divisor = join(n1, n0) << shift;
        let reciprocal = reciprocal_3by2(divisor);
        let limbs = shl_wide(x, shift);
        let rest = limbs[..=used]
            .iter()
            .rev()
            .fold(0, |rest, &limb| div_3by2(rest, limb, divisor, reciprocal).1);
        let (r1, r0) = halves(rest >> shift);
        return U256([r0, r1, 0, 0]);
    }
    if n0 == 0 {
        return ZERO;
    }
    let rest = x[..used]
        .iter()
        .rev()
        .fold(0, |rest, &limb| div_limbs(rest, limb, n0).1);
    U256([rest, 0, 0, 0])
}

/// The remainder of `x`, of which the low `used` limbs may be other than zero.
#[inline]
fn reduce_by<const N: usize>(x: [u64; 8], used: usize, divisor: &Divisor<N>) -> [u64; N] {
    let mut limbs = shl_wide(x, divisor.shift);
    // The limb above the used ones holds what the shift spilled, which is below the divisor.
    // The limb above the used ones holds what the shift spilled, which is below the divisor.
    let mut starts = (used + 1).saturating_sub(N);
    if starts > 0 && limbs[used] == 0 && limbs[used - 1] < divisor.limbs[N - 1] {
        // So the highest quotient limb is zero, as always where the operands were reduced.
        starts -= 1;
    }
    for start in (0..starts).rev() {
        divisor.step(&mut limbs[start..=start + N]);
    }
    let mut remainder = [0; N];
    remainder.copy_from_slice(&limbs[..N]);
    shr_limbs(remainder, divisor.shift)
}

/// ⌊(2⁵¹² − 1) / `divisor`⌋ − 2²⁵⁶ for a divisor with its top bit set.
pub(super) fn reciprocal_word(divisor: &Divisor<4>) -> U256 {
    let [d0, d1, d2, d3] = divisor.limbs;
    let ones = u64::MAX;
    let mut limbs = [ones, ones, ones, ones, !d0, !d1, !d2, !d3];
    let mut quotient = [0; 4];
    for (start, limb) in quotient.iter_mut().enumerate().rev() {
        *limb = divisor.step(&mut limbs[start..=start + 4]);
    }
    U256(quotient)
}

/// ⌊(2¹²⁸ − 1) / `divisor`⌋ − 2⁶⁴ for a divisor with its top bit set.
#[inline]
fn reciprocal_2by1(divisor: u64) -> u64 {
    debug_assert!(divisor >> 63 == 1);
    div_limbs(!divisor, u64::MAX, divisor).0
}

/// ⌊(2¹⁹² − 1) / `divisor`⌋ − 2⁶⁴ for a divisor with its top bit set (algorithm 6 of the paper).
#[inline]
fn reciprocal_3by2(divisor: u128) -> u64 {
    let (d1, d0) = halves(divisor);
    let mut v = reciprocal_2by1(d1);
    let mut p = d1.wrapping_mul(v).wrapping_add(d0);
    if p < d0 {
        v -= 1;
        if p >= d1 {
            v -= 1;
            p -= d1;
        }
        p = p.wrapping_sub(d1);
    }
    let (t0, t1) = v.carrying_mul(d0, 0);
    p = p.wrapping_add(t1);
    if p < t1 {
        v -= 1;
        if join(p, t0) >= divisor {
            v -= 1;
        }
    }
    v
}

/// Quotient and remainder of `high:low`, `high < divisor` (algorithm 5 of the paper).
#[inline]
fn div_3by2(high: u128, low: u64, divisor: u128, reciprocal: u64) -> (u64, u128) {
    debug_assert!(high < divisor);
    let (u2, u1) = halves(high);
    let (d1, d0) = halves(divisor);
    let estimate = u128::from(reciprocal) * u128::from(u2) + high;
    let (q1, q0) = halves(estimate);
    let rest = join(u1.wrapping_sub(q1.wrapping_mul(d1)), low)
        .wrapping_sub(u128::from(d0) * u128::from(q1))
        .wrapping_sub(divisor);
    // As likely as not, so by masks rather than by a jump.
    let kept = u64::from(halves(rest).0 < q0);
    let quotient = q1.wrapping_add(kept);
    let mask = kept.wrapping_sub(1);
    let rest = rest.wrapping_add(join(d1 & mask, d0 & mask));
    if rest >= divisor {
        cold_path();
        return (quotient.wrapping_add(1), rest - divisor);
    }
    (quotient, rest)
}

/// Marks the branch that calls it as unlikely.
#[cold]
fn cold_path() {}

/// `high` · 2⁶⁴ + `low`.
#[inline]
fn join(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// The upper and the lower limb of `x`.
#[inline]
fn halves(x: u128) -> (u64, u64) {
    // The cast that keeps the lower half is the point here.
    ((x >> 64) as u64, x as u64)
}

/// `limb` shifted up by `shift < 64`, filled from the top of `below`.
#[inline]
fn shl_spill(limb: u64, below: u64, shift: u32) -> u64 {
    limb << shift | below >> 1 >> (63 - shift)
}

/// `x` shifted up by `shift < 64`, with the limb that it spills into.
#[inline]
fn shl_limbs(x: [u64; 4], shift: u32) -> [u64; 5] {
    [
        x[0] << shift,
        shl_spill(x[1], x[0], shift),
        shl_spill(x[2], x[1], shift),
        shl_spill(x[3], x[2], shift),
        shl_spill(0, x[3], shift),
    ]
}

/// `x` shifted up by `shift < 64`, with the limb that it spills into.
#[inline]
fn shl_wide(x: [u64; 8], shift: u32) -> [u64; 9] {
    [
        x[0] << shift,
        shl_spill(x[1], x[0], shift),
        shl_spill(x[2], x[1], shift),
        shl_spill(x[3], x[2], shift),
        shl_spill(x[4], x[3], shift),
        shl_spill(x[5], x[4], shift),
        shl_spill(x[6], x[5], shift),
        shl_spill(x[7], x[6], shift),
        shl_spill(0, x[7], shift),
    ]
}

/// `x` shifted down by `shift < 64`.
#[inline]
fn shr_limbs<const N: usize>(x: [u64; N], shift: u32) -> [u64; N] {
    let mut shifted = [0; N];
    for index in 0..N {
        let above = x.get(index + 1).copied().unwrap_or(0);
        shifted[index] = x[index] >> shift | above << 1 << (63 - shift);
    }
    shifted
}

#[cfg(test)]
mod tests {
    use super::super::tests::{limb, related_words};
    use super::super::{SIGNED_MIN, add, mul, mul_wide, widen};
    use super::*;
    use num_bigint::BigUint;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn reciprocal_of_one_limb_is_the_floor(divisor in limb()) {
            let divisor = divisor | 1 << 63;
            let expected = u128::MAX / u128::from(divisor) - (1 << 64);
            prop_assert_eq!(u128::from(reciprocal_2by1(divisor)), expected);
        }

        #[test]
        fn reciprocal_of_two_limbs_is_the_floor(d1 in limb(), d0 in limb()) {
            let divisor = join(d1 | 1 << 63, d0);
            let ones = (BigUint::from(1u8) << 192) - 1u8;
            let expected = ones / divisor - (1u128 << 64);
            prop_assert_eq!(BigUint::from(reciprocal_3by2(divisor)), expected);
        }

        #[test]
        fn two_limbs_by_one_agree(d in limb(), near in any::<bool>(), high in limb(), low in limb()) {
            let divisor = d | 1 << 63;
            let high = if near { divisor - 1 - (high & 3) } else { high % divisor };
            let (quotient, rest) = div_limbs(high, low, divisor);
            prop_assert_eq!(u128::from(quotient), join(high, low) / u128::from(divisor));
            prop_assert_eq!(u128::from(rest), join(high, low) % u128::from(divisor));
        }

        #[test]
        fn three_limbs_by_two_agree(
            d1 in limb(), d0 in limb(), near in any::<bool>(), high in (limb(), limb()), low in limb(),
        ) {
            let divisor = join(d1 | 1 << 63, d0);
            let high = join(high.0, high.1) % divisor;
            // Just below the divisor the estimates are at their worst.
            let high = if near { divisor - 1 - (high & 3) } else { high };
            let (quotient, rest) = div_3by2(high, low, divisor, reciprocal_3by2(divisor));
            let whole = (BigUint::from(high) << 64) + low;
            prop_assert_eq!(BigUint::from(quotient), &whole / divisor);
            prop_assert_eq!(BigUint::from(rest), whole % divisor);
        }

        #[test]
        fn division_rebuilds_the_dividend((a, b) in related_words()) {
            let (quotient, remainder) = div_rem(a, b);
            if b != ZERO {
                prop_assert!(remainder < b);
                prop_assert_eq!(mul_wide(quotient, b) + widen(remainder), widen(a));
            }
        }
    }

    #[test]
    fn estimate_one_too_high_is_corrected() {
        // Two limbs say 2¹²⁷ - and a whole quotient limb; only the low limb tells it is too high.
        let b = U256([u64::MAX, 0, 1 << 63, 0]);
        let a = U256([0, 0, 0, 1 << 62]);
        let (quotient, remainder) = div_rem(a, b);
        assert_eq!(quotient, U256([(1 << 63) - 1, 0, 0, 0]));
        assert_eq!(add(mul(quotient, b), remainder), a);
    }

    #[test]
    fn equal_top_limbs_give_the_largest_quotient_limb() {
        let b = U256([u64::MAX, 1, 1 << 63, 0]);
        let a = U256([0, 0, 1, 1 << 63]);
        let (quotient, remainder) = div_rem(a, b);
        assert_eq!(quotient, U256([u64::MAX, 0, 0, 0]));
        assert_eq!(add(mul(quotient, b), remainder), a);
    }

    #[test]
    fn shift_that_fills_the_limb_above_keeps_its_quotient() {
        // A small divisor shifts the dividend's highest limb almost whole into the next.
        for top in 1..4 {
            let mut limbs = [5, 6, 7, 8];
            limbs[top..].fill(0);
            limbs[top] = u64::MAX - 1;
            let a = U256(limbs);
            assert_eq!(div_rem(a, U256::one()), (a, ZERO));
            let two_limbs = U256([0, 1, 0, 0]);
            let down = U256([a.0[1], a.0[2], a.0[3], 0]);
            assert_eq!(div_rem(a, two_limbs), (down, U256([a.0[0], 0, 0, 0])));
        }
    }

    #[test]
    fn signed_minimum_by_minus_one_wraps() {
        assert_eq!(sdiv(SIGNED_MIN, U256::MAX), SIGNED_MIN);
        assert_eq!(smod(SIGNED_MIN, U256::MAX), ZERO);
    }

    #[test]
    fn division_by_zero_is_zero() {
        for a in [ZERO, U256::one(), SIGNED_MIN, U256::MAX] {
            for operation in [div, rem, sdiv, smod] {
                assert_eq!(operation(a, ZERO), ZERO);
            }
        }
    }
}
