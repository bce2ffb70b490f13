//! A point of BN254 times scalars: the library's arithmetic, halves of scalars and digits, and sums of our own.

use ark_bn254::{Fq, Fr, G1Affine, G1Projective, g1::Config};
use ark_ec::{
    AffineRepr,
    scalar_mul::{glv::GLVConfig, wnaf::WnafContext},
};
use ark_ff::{AdditiveGroup, Field, PrimeField, Zero};

use super::{inverse, with_inverse};

/// Multiples of a point, from which all others are summed.
///
/// A scalar is taken in halves over the curve's endomorphism, as the library does, and each half in digits
/// that are mostly zero. Its positions are cut into spans: the first positions of all spans are summed, then doubled
/// together, then the next. So more spans, each with multiples of its own, need fewer doublings.
#[derive(Debug)]
pub(super) struct Multiples {
    /// The odd multiples for each span, span by span: of the point, and of its image.
    of_halves: [Vec<G1Affine>; 2],
    spans: usize,
}

impl Multiples {
    /// Bits of a digit with its sign. One that is not zero is odd.
    const DIGIT_BITS: usize = 5;
    /// Odd multiples in each span.
    const IN_SPAN: usize = 1 << (Self::DIGIT_BITS - 2);
    /// The most digits of a half, which is below 2^128.
    const DIGITS_MAX: usize = 132;
    /// What a point is worth that is multiplied again.
    pub(super) const SPANS_KEPT: usize = 4;

    /// Of a point that is not at infinity, for so many spans.
    pub(super) fn new(point: G1Affine, spans: usize) -> Self {
        // The library counts a table's bits without the sign.
        let context = WnafContext::new(Self::DIGIT_BITS - 1);
        let mut base = point.into_group();
        let mut multiples = Vec::with_capacity(spans * Self::IN_SPAN);
        for span in 0..spans {
            if span > 0 {
                for _ in 0..Self::DIGITS_MAX / spans {
                    base.double_in_place();
                }
            }
            multiples.extend(context.table(base));
        }
        let multiples = normalised(&multiples);
        let images = multiples.iter().map(Config::endomorphism_affine).collect();
        Self {
            of_halves: [multiples, images],
            spans,
        }
    }

    /// The point times a scalar.
    pub(super) fn times(&self, scalar: Fr) -> G1Projective {
        let (first, second) = Config::scalar_decomposition(scalar);
        let halves = [first, second].map(|(is_positive, half)| (is_positive, digits(half)));
        let length = Self::DIGITS_MAX / self.spans;
        let mut sum = G1Projective::zero();
        for position in (0..length).rev() {
            sum.double_in_place();
            for ((is_positive, digits), multiples) in halves.iter().zip(&self.of_halves) {
                let digits = digits.iter().skip(position).step_by(length);
                for (digit, multiples) in digits.zip(multiples.chunks(Self::IN_SPAN)) {
                    if *digit != 0 {
                        // 2 i + 1 times the point stands at i.
                        let multiple = multiples[digit.unsigned_abs() as usize / 2];
                        let is_positive = (*digit > 0) == *is_positive;
                        sum += if is_positive { multiple } else { -multiple };
                    }
                }
            }
        }
        sum
    }
}

/// The digits of half a scalar, the lowest first: odd or 0, with signs, and behind each that is not 0 at least
/// four that are.
fn digits(half: Fr) -> [i8; Multiples::DIGITS_MAX] {
    const BITS: usize = Multiples::DIGIT_BITS;
    let [low, high, over @ ..] = half.into_bigint().0;
    debug_assert_eq!(over, [0; 2], "half a scalar is below 2^128");
    let bits = u128::from(high) << 64 | u128::from(low);
    let mut digits = [0; Multiples::DIGITS_MAX];
    // What the digits so far are too low by, at this position: 0 or 1.
    let (mut position, mut carry) = (0, 0);
    while position < 128 {
        let rest = bits >> position;
        // Zeros, or ones that the carry runs through.
        let skipped = if carry == 0 { rest } else { !rest }.trailing_zeros() as usize;
        if skipped > 0 {
            position += skipped;
            continue;
        }
        let digit = (rest % (1 << BITS)) as i8 + carry;
        carry = digit >> (BITS - 1) & 1;
        digits[position] = digit - (carry << BITS);
        position += BITS;
    }
    if carry == 1 {
        digits[position] = 1;
    }
    digits
}

/// Points of which none is at infinity. One inverse does for all.
fn normalised(points: &[G1Projective]) -> Vec<G1Affine> {
    let mut product = Fq::ONE;
    let before = points.iter().map(|point| {
        let before = product;
        product *= point.z;
        before
    });
    let before: Vec<_> = before.collect();
    let mut left = inverse(product).expect("no point is at infinity");
    let mut normalised: Vec<_> = points
        .iter()
        .zip(before)
        .rev()
        .map(|(point, before)| {
            let inverse = left * before;
            left *= point.z;
            with_inverse(point, inverse)
        })
        .collect();
    normalised.reverse();
    normalised
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// All that makes a wrong digit: runs of ones, and bits at either end.
        #[test]
        fn digits_add_up_and_stand_apart(half in prop_oneof![
            any::<u128>(),
            any::<[bool; 2]>().prop_map(|[high, low]| (u128::MAX << u32::from(low)) >> u32::from(high)),
            (0..128_u32).prop_map(|bit| 1 << bit),
            (0..128_u32).prop_map(|bit| u128::MAX << bit),
        ]) {
            let digits = digits(Fr::from(half));
            let sum = digits.iter().rev().fold(Fr::zero(), |sum, digit| sum.double() + Fr::from(*digit));
            prop_assert_eq!(sum, Fr::from(half));
            for window in digits.windows(Multiples::DIGIT_BITS) {
                prop_assert!(window.iter().filter(|digit| **digit != 0).count() <= 1);
            }
            prop_assert!(digits.iter().all(|digit| *digit == 0 || digit % 2 != 0 && digit.abs() < 16));
        }
    }
}
