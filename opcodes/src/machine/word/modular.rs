//! Sums and products modulo any word, over an intermediate result of up to 512 bits, and a
//! modulus prepared once for many products. Division itself is in `division`.

use super::division::{Divisor, reciprocal_word, reduce_wide, rem};
use super::{
    ONE, U256, U512, ZERO, add, is_zero, lt, mul_limbs, mul_wide, overflowing_add, overflowing_sub,
    split, sub,
};

/// `(a + b)` modulo `n`, the sum not wrapping; zero if `n` is zero (ADDMOD).
#[inline]
pub fn addmod(a: U256, b: U256, n: U256) -> U256 {
    // Operands are mostly reduced already, or below twice the modulus.
    let (a, b) = (subtract_once(a, n), subtract_once(b, n));
    if lt(a, n) && lt(b, n) {
        let (sum, carry) = overflowing_add(a, b);
        let (less, borrow) = overflowing_sub(sum, n);
        return if carry | !borrow { less } else { sum };
    }
    addmod_unreduced(a, b, n)
}

/// `x - n` if that is not negative, else `x`.
#[inline]
fn subtract_once(x: U256, n: U256) -> U256 {
    let (less, borrow) = overflowing_sub(x, n);
    if borrow { x } else { less }
}

/// ADDMOD by division of the whole sum.
fn addmod_unreduced(a: U256, b: U256, n: U256) -> U256 {
    let (sum, carry) = overflowing_add(a, b);
    if !carry {
        return rem(sum, n);
    }
    let [s0, s1, s2, s3] = sum.0;
    reduce_wide([s0, s1, s2, s3, 1, 0, 0, 0], n)
}

/// `(a · b)` modulo `n`, the product not wrapping; zero if `n` is zero (MULMOD).
pub fn mulmod(a: U256, b: U256, n: U256) -> U256 {
    rem_wide(mul_wide(a, b), n)
}

/// The 512-bit `x` modulo `n`; zero if `n` is zero.
pub fn rem_wide(x: U512, n: U256) -> U256 {
    let (low, high) = split(x);
    if is_zero(high) {
        return rem(low, n);
    }
    reduce_wide(x.0, n)
}

/// A modulus with its reciprocal, for many products modulo the same word.
///
/// Preparing costs about one [`mulmod`]; each product after that costs about half of one. Moduli
/// below 2¹⁹² gain nothing and go the plain way.
#[derive(Clone, Copy, Debug)]
pub struct PreparedModulus {
    modulus: U256,
    /// Products whose high word is below this go the fast way: the modulus, or zero for never.
    limit: U256,
    /// The modulus shifted up until its top bit is set.
    shifted: U256,
    /// ⌊(2⁵¹² − 1) / `shifted`⌋ − 2²⁵⁶.
    reciprocal: U256,
    /// How far the modulus was shifted, below 64.
    shift: u32,
}

impl PreparedModulus {
    /// Prepares any modulus; with zero, every product is zero.
    pub fn new(modulus: U256) -> Self {
        if modulus.0[3] == 0 {
            return Self {
                modulus,
                limit: ZERO,
                shifted: ZERO,
                reciprocal: ZERO,
                shift: 0,
            };
        }
        let divisor = Divisor::new(modulus.0);
        Self {
            modulus,
            limit: modulus,
            shifted: U256(divisor.limbs),
            reciprocal: reciprocal_word(&divisor),
            shift: divisor.shift,
        }
    }

    /// The modulus.
    #[inline]
    pub fn modulus(&self) -> U256 {
        self.modulus
    }

    /// `(a · b)` modulo the prepared modulus, as [`mulmod`] has it.
    #[inline]
    pub fn mulmod(&self, a: U256, b: U256) -> U256 {
        let product = mul_wide(a, b);
        let (low, high) = split(product);
        if !lt(high, self.limit) {
            return rem_wide(product, self.modulus);
        }
        self.reduce(low, high)
    }

    /// The remainder of `high:low`, `high` below the modulus.
    ///
    /// Algorithm 4 of Möller and Granlund's "Improved division by invariant integers" with a whole
    /// word for the limb.
    #[inline]
    fn reduce(&self, low: U256, high: U256) -> U256 {
        let (low, high) = self.shift_up(low, high);
        let (q0, q1) = split(mul_wide(self.reciprocal, high));
        let (q0, carry) = overflowing_add(q0, low);
        let q1 = add(add(q1, high), if carry { ONE } else { ZERO });
        let rest = sub(low, mul_limbs(add(q1, ONE), self.shifted));
        let rest = if lt(q0, rest) {
            add(rest, self.shifted)
        } else {
            rest
        };
        self.shift_down(subtract_once(rest, self.shifted))
    }

    /// `high:low` times 2^`shift`, which fits as `high` is below the modulus.
    #[inline]
    fn shift_up(&self, low: U256, high: U256) -> (U256, U256) {
        let (low, high, shift) = (low.0, high.0, self.shift);
        let spill = |limb: u64, below: u64| limb << shift | below >> 1 >> (63 - shift);
        (
            U256([
                low[0] << shift,
                spill(low[1], low[0]),
                spill(low[2], low[1]),
                spill(low[3], low[2]),
            ]),
            U256([
                spill(high[0], low[3]),
                spill(high[1], high[0]),
                spill(high[2], high[1]),
                spill(high[3], high[2]),
            ]),
        )
    }

    /// `x` divided by 2^`shift`.
    #[inline]
    fn shift_down(&self, x: U256) -> U256 {
        let (x, shift) = (x.0, self.shift);
        let spill = |limb: u64, above: u64| limb >> shift | above << 1 << (63 - shift);
        U256([
            spill(x[0], x[1]),
            spill(x[1], x[2]),
            spill(x[2], x[3]),
            x[3] >> shift,
        ])
    }
}
