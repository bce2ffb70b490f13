//! Sums and products modulo any word, over an intermediate result of up to 512 bits, and a
//! modulus prepared once for many products. Division itself is in `division`.

use super::division::{Divisor, reciprocal_word, reduce_wide, rem};
use super::{
    U256, U512, ZERO, add, clz, fits_limb, is_zero, lt, mul, mul_limb_wide, mul_limbs, mul_wide,
    overflowing_add, overflowing_sub, select, shl, split, sub,
};

/// `(a + b)` modulo `n`, the sum not wrapping; zero if `n` is zero (ADDMOD).
#[inline]
pub fn addmod(a: U256, b: U256, n: U256) -> U256 {
    if lt(a, n) && lt(b, n) {
        return add_reduced(a, b, n);
    }
    // Else they are mostly below twice the modulus.
    let (a, b) = (subtract_once(a, n), subtract_once(b, n));
    if lt(a, n) && lt(b, n) {
        return add_reduced(a, b, n);
    }
    addmod_unreduced(a, b, n)
}

/// ADDMOD of operands below the modulus.
#[inline]
fn add_reduced(a: U256, b: U256, n: U256) -> U256 {
    let (sum, carry) = overflowing_add(a, b);
    let (less, borrow) = overflowing_sub(sum, n);
    select(carry | !borrow, less, sum)
}

/// `x - n` if that is not negative, else `x`.
#[inline]
fn subtract_once(x: U256, n: U256) -> U256 {
    let (less, borrow) = overflowing_sub(x, n);
    select(borrow, x, less)
}

/// ADDMOD by division of the sum, brought below 2²⁵⁶ by multiples of the modulus.
fn addmod_unreduced(a: U256, b: U256, n: U256) -> U256 {
    if is_zero(n) {
        return ZERO;
    }
    let (mut sum, mut carry) = overflowing_add(a, b);
    if carry {
        // At least 2²⁵⁵, so twice at most.
        let multiple = shl(clz(n), n);
        while carry {
            let (less, borrow) = overflowing_sub(sum, multiple);
            (sum, carry) = (less, !borrow);
        }
    }
    rem(sum, n)
}

/// `(a · b)` modulo `n`, the product not wrapping; zero if `n` is zero (MULMOD).
pub fn mulmod(a: U256, b: U256, n: U256) -> U256 {
    if fits_limb(a) && fits_limb(b) {
        return rem(mul(a, b), n);
    }
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
    /// The modulus shifted up until its top bit is set; zero for moduli that gain nothing.
    shifted: U256,
    /// ⌊(2⁵¹² − 1) / `shifted`⌋ − 2²⁵⁶.
    reciprocal: U256,
    /// How far the modulus was shifted, below 64.
    shift: u32,
    /// 2^`shift`.
    scale: u64,
}

impl PreparedModulus {
    /// Prepares any modulus; with zero, every product is zero.
    pub fn new(modulus: U256) -> Self {
        if modulus.0[3] == 0 {
            return Self {
                modulus,
                shifted: ZERO,
                reciprocal: ZERO,
                shift: 0,
                scale: 1,
            };
        }
        let divisor = Divisor::new(modulus.0);
        Self {
            modulus,
            shifted: U256(divisor.limbs),
            reciprocal: reciprocal_word(&divisor),
            shift: divisor.shift,
            scale: 1 << divisor.shift,
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
        // A factor that leaves room is shifted up in place of the product.
        let (scaled, spilled) = mul_limb_wide(a, self.scale);
        let (low, high) = split(mul_wide(scaled, b));
        if spilled != 0 || !lt(high, self.shifted) {
            return mulmod(a, b, self.modulus);
        }
        self.shift_down(self.reduce(low, high))
    }

    /// The remainder by `shifted` of `high:low`, `high` below it.
    ///
    /// Algorithm 4 of Möller and Granlund's "Improved division by invariant integers" with a whole
    /// word for the limb.
    #[inline]
    fn reduce(&self, low: U256, high: U256) -> U256 {
        let (q0, q1) = split(mul_wide(self.reciprocal, high));
        let (q0, carry) = overflowing_add(q0, low);
        let q1 = add(add(q1, high), U256([1 + u64::from(carry), 0, 0, 0]));
        let rest = sub(low, mul_limbs(q1, self.shifted));
        let over = select(lt(q0, rest), self.shifted, ZERO);
        subtract_once(add(rest, over), self.shifted)
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
