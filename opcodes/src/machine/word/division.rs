//! Division of words: schoolbook division (Knuth, volume 2, 4.3.1, algorithm D) whose quotient
//! limbs come from a precomputed reciprocal of the divisor's top limbs (Möller and Granlund,
//! "Improved division by invariant integers", 2011). Modular arithmetic is in `modular`.

use super::{U256, ZERO, fits_limb, is_negative, lt, magnitude, neg};

/// `a / b` rounded down; zero if `b` is zero (DIV).
#[inline]
pub fn div(a: U256, b: U256) -> U256 {
    if fits_limb(a) && fits_limb(b) {
        return U256([a.0[0].checked_div(b.0[0]).unwrap_or(0), 0, 0, 0]);
    }
    div_rem(a, b).0
}

/// `a` modulo `b`; zero if `b` is zero (MOD).
#[inline]
pub fn rem(a: U256, b: U256) -> U256 {
    if fits_limb(a) && fits_limb(b) {
        return U256([a.0[0].checked_rem(b.0[0]).unwrap_or(0), 0, 0, 0]);
    }
    div_rem(a, b).1
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
    let (quotient, remainder) = div_rem_two_limbs(a, join(b1, b0));
    let (r1, r0) = halves(remainder);
    (U256(quotient), U256([r0, r1, 0, 0]))
}

/// Quotient and remainder by one limb; both zero if that is zero.
#[inline]
fn div_rem_limb(a: U256, divisor: u64) -> (U256, u64) {
    if divisor == 0 {
        return (ZERO, 0);
    }
    if fits_limb(a) {
        return (U256([a.0[0] / divisor, 0, 0, 0]), a.0[0] % divisor);
    }
    let shift = divisor.leading_zeros();
    let [u0, u1, u2, u3, u4] = shl_limbs(a.0, shift);
    let divisor = divisor << shift;
    let reciprocal = reciprocal_2by1(divisor);
    let step = |high, low| div_2by1(high, low, divisor, reciprocal);
    // What the shift spills into the limb above the highest is below the divisor: a first rest.
    let (q3, q2, rest) = if a.0[3] | a.0[2] == 0 {
        (0, 0, u2)
    } else {
        let (q3, rest) = step(u4, u3);
        let (q2, rest) = step(rest, u2);
        (q3, q2, rest)
    };
    let (q1, rest) = step(rest, u1);
    let (q0, rest) = step(rest, u0);
    (U256([q0, q1, q2, q3]), rest >> shift)
}

/// Quotient and remainder by two limbs, the upper of which is not zero.
#[inline]
fn div_rem_two_limbs(a: [u64; 4], divisor: u128) -> ([u64; 4], u128) {
    let shift = divisor.leading_zeros();
    let [u0, u1, u2, u3, u4] = shl_limbs(a, shift);
    let divisor = divisor << shift;
    let reciprocal = reciprocal_3by2(divisor);
    let step = |high, low| div_3by2(high, low, divisor, reciprocal);
    let (q2, rest) = if a[3] == 0 {
        (0, join(u3, u2))
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
    #[inline]
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
    #[inline]
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
        let divisor = join(n1, n0);
        let shift = divisor.leading_zeros();
        let divisor = divisor << shift;
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
    let shift = n0.leading_zeros();
    let divisor = n0 << shift;
    let reciprocal = reciprocal_2by1(divisor);
    let limbs = shl_wide(x, shift);
    let rest = limbs[..=used]
        .iter()
        .rev()
        .fold(0, |rest, &limb| div_2by1(rest, limb, divisor, reciprocal).1);
    U256([rest >> shift, 0, 0, 0])
}

/// The remainder of `x`, of which the low `used` limbs may be other than zero.
#[inline]
fn reduce_by<const N: usize>(x: [u64; 8], used: usize, divisor: &Divisor<N>) -> [u64; N] {
    let mut limbs = shl_wide(x, divisor.shift);
    // The limb above the used ones holds what the shift spilled, which is below the divisor.
    for start in (0..(used + 1).saturating_sub(N)).rev() {
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

/// Initial estimates ⌊(2¹⁹ − 3·2⁸) / d⌋ of the reciprocal for the top nine bits d of a divisor.
const RECIPROCALS: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        // At most 2¹¹ - 3, as the divisor is at least 2⁸.
        table[index] = (((1 << 19) - 3 * (1 << 8)) / (256 + index)) as u16;
        index += 1;
    }
    table
};

/// ⌊(2¹²⁸ − 1) / `divisor`⌋ − 2⁶⁴ for a divisor with its top bit set (algorithm 3 of the paper).
#[inline]
fn reciprocal_2by1(divisor: u64) -> u64 {
    debug_assert!(divisor >> 63 == 1);
    let low_bit = divisor & 1;
    let top_40 = (divisor >> 24) + 1;
    let top_63 = (divisor >> 1) + low_bit;
    let v0 = u64::from(RECIPROCALS[(divisor >> 55) as usize & 255]);
    let v1 = (v0 << 11) - ((v0 * v0 * top_40) >> 40) - 1;
    let v2 = (v1 << 13) + ((v1 * ((1 << 60) - v1 * top_40)) >> 47);
    let error = ((v2 >> 1) & 0u64.wrapping_sub(low_bit)).wrapping_sub(v2.wrapping_mul(top_63));
    let v3 = (v2 << 31).wrapping_add(high_product(v2, error) >> 1);
    let (_, high) = v3.carrying_mul(divisor, divisor);
    v3.wrapping_sub(high.wrapping_add(divisor))
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

/// Quotient and remainder of `high:low`, `high < divisor` (algorithm 4 of the paper).
#[inline]
fn div_2by1(high: u64, low: u64, divisor: u64, reciprocal: u64) -> (u64, u64) {
    debug_assert!(high < divisor);
    let estimate = u128::from(reciprocal) * u128::from(high) + join(high, low);
    let (q1, q0) = halves(estimate);
    let mut quotient = q1.wrapping_add(1);
    let mut rest = low.wrapping_sub(quotient.wrapping_mul(divisor));
    if rest > q0 {
        quotient = quotient.wrapping_sub(1);
        rest = rest.wrapping_add(divisor);
    }
    if rest >= divisor {
        quotient = quotient.wrapping_add(1);
        rest -= divisor;
    }
    (quotient, rest)
}

/// Quotient and remainder of `high:low`, `high < divisor` (algorithm 5 of the paper).
#[inline]
fn div_3by2(high: u128, low: u64, divisor: u128, reciprocal: u64) -> (u64, u128) {
    debug_assert!(high < divisor);
    let (u2, u1) = halves(high);
    let (d1, d0) = halves(divisor);
    let estimate = u128::from(reciprocal) * u128::from(u2) + high;
    let (q1, q0) = halves(estimate);
    let mut quotient = q1.wrapping_add(1);
    let mut rest = join(u1.wrapping_sub(q1.wrapping_mul(d1)), low)
        .wrapping_sub(u128::from(d0) * u128::from(q1))
        .wrapping_sub(divisor);
    if halves(rest).0 >= q0 {
        quotient = quotient.wrapping_sub(1);
        rest = rest.wrapping_add(divisor);
    }
    if rest >= divisor {
        quotient = quotient.wrapping_add(1);
        rest -= divisor;
    }
    (quotient, rest)
}

/// The upper limb of `a · b`.
#[inline]
fn high_product(a: u64, b: u64) -> u64 {
    a.carrying_mul(b, 0).1
}

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
            let (quotient, rest) = div_2by1(high, low, divisor, reciprocal_2by1(divisor));
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
