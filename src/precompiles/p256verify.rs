//! P256VERIFY, 0x100: an ECDSA signature on secp256r1, checked (EIP-7951).
//! Owns the check; the fields and the curve are arkworks' `ark-secp256r1`, safe Rust on one thread.

use std::sync::LazyLock;

use ark_ec::{AdditiveGroup, AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{BigInt, BigInteger, Field, PrimeField, Zero};
use ark_secp256r1::{Affine, Fq, Fr, Projective};
use bytes::Bytes;
use deferevm_opcodes::Fork;

use super::{PrecompileOutput, PrecompileResult, TRUE, charge, padded};

/// Gas for one check (EIP-7951).
const GAS: u64 = 6900;
const INPUT_BYTES: usize = 160;

/// A multiple of the generator is summed up of digits of so many bits, one of a key's, whose table is made for each
/// check, of fewer.
const GENERATOR_DIGIT_BITS: usize = 8;
const KEY_DIGIT_BITS: usize = 5;

/// G, 3 G, 5 G and so on.
static GENERATOR_MULTIPLES: LazyLock<Vec<Affine>> = LazyLock::new(|| {
    let multiples = odd_multiples(Projective::generator(), GENERATOR_DIGIT_BITS);
    Projective::normalize_batch(&multiples)
});

/// Checks `hash ++ r ++ s ++ x ++ y`, 32 bytes each. The output is the word 1, or empty for a
/// signature that does not verify or an input of any other length: the call never fails.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(Some(GAS), gas_limit)?;
    let bytes = if verify(input).is_some() {
        Bytes::from_static(&TRUE)
    } else {
        Bytes::new()
    };
    Ok(PrecompileOutput { gas_used, bytes })
}

/// `Some` if the signature is good.
fn verify(input: &[u8]) -> Option<()> {
    if input.len() != INPUT_BYTES {
        return None;
    }
    let hash = Fr::from_be_bytes_mod_order(&input[..32]);
    // 1..n, and coordinates below the field's modulus.
    let r = Fr::from_bigint(number(input, 32)).filter(|r| !r.is_zero())?;
    let s = Fr::from_bigint(number(input, 64)).filter(|s| !s.is_zero())?;
    let (x, y) = (number(input, 96), number(input, 128));
    let key = Affine::new_unchecked(Fq::from_bigint(x)?, Fq::from_bigint(y)?);
    // (0, 0) satisfies no equation; the crate takes it for the point at infinity, and that for a point of the curve.
    // Any other point generates the group, whose order is a prime.
    if key.is_zero() || !key.is_on_curve() {
        return None;
    }
    let inverse = s.inverse()?;
    let point = double_multiple(hash * inverse, key, r * inverse);
    (!point.is_zero() && has_x(point, r)).then_some(())
}

/// The big-endian number at `offset`.
fn number(input: &[u8], offset: usize) -> BigInt<4> {
    let limb = |index: usize| u64::from_be_bytes(padded(input, offset + 24 - 8 * index));
    BigInt::new(std::array::from_fn(limb))
}

/// `a` times the generator and `b` times `key`, with the doublings of both in common.
fn double_multiple(a: Fr, key: Affine, b: Fr) -> Projective {
    let of_key = odd_multiples(key.into_group(), KEY_DIGIT_BITS);
    let a = digits(a, GENERATOR_DIGIT_BITS);
    let b = digits(b, KEY_DIGIT_BITS);
    let mut sum = Projective::zero();
    for place in (0..a.len().max(b.len())).rev() {
        sum.double_in_place();
        if let Some((multiple, is_negative)) = term(&GENERATOR_MULTIPLES, &a, place) {
            sum += if is_negative { -multiple } else { multiple };
        }
        if let Some((multiple, is_negative)) = term(&of_key, &b, place) {
            sum += if is_negative { -multiple } else { multiple };
        }
    }
    sum
}

/// The odd multiples of a point that digits of so many bits need.
fn odd_multiples(point: Projective, digit_bits: usize) -> Vec<Projective> {
    let twice = point.double();
    let next = |multiple: &Projective| Some(*multiple + twice);
    std::iter::successors(Some(point), next)
        .take(1 << (digit_bits - 2))
        .collect()
}

/// A scalar's non-adjacent form: digits that are 0 or odd, the lowest first, among any `digit_bits` one that is not 0.
fn digits(scalar: Fr, digit_bits: usize) -> Vec<i64> {
    let digits = scalar.into_bigint().find_wnaf(digit_bits);
    digits.expect("digits have between 2 and 63 bits")
}

/// What a digit adds: one of the odd multiples, and whether it is to be subtracted. Nothing for 0.
fn term<T: Copy>(odd_multiples: &[T], digits: &[i64], place: usize) -> Option<(T, bool)> {
    let digit = *digits.get(place).filter(|digit| **digit != 0)?;
    let index = usize::try_from(digit.unsigned_abs() / 2).ok()?;
    Some((odd_multiples[index], digit < 0))
}

/// Whether a point's x is `r` modulo the group's order, which the field's modulus is a little above: x is `r` or
/// `r` + n. Both are held against X / Z² without a division.
fn has_x(point: Projective, r: Fr) -> bool {
    let square = point.z.square();
    let is_x = |x: BigInt<4>| Fq::from_bigint(x).is_some_and(|x| x * square == point.x);
    let r = r.into_bigint();
    let mut beyond = r;
    let carries = beyond.add_with_carry(&Fr::MODULUS);
    is_x(r) || !carries && is_x(beyond)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    /// The vector `CallP256Verify` of go-ethereum's precompile tests.
    const VALID: [u8; 160] = hex!(
        "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d"
        "a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac"
        "36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60"
        "4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3"
        "7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e"
    );

    /// The input for these numbers.
    fn encode(hash: Fr, r: Fr, s: Fr, key: Affine) -> Vec<u8> {
        let numbers = [hash, r, s].map(|number| number.into_bigint().to_bytes_be());
        let key = [key.x, key.y].map(|number| number.into_bigint().to_bytes_be());
        [numbers.concat(), key.concat()].concat()
    }

    fn output(input: &[u8]) -> Bytes {
        run(input, GAS, Fork::Osaka).unwrap().bytes
    }

    #[test]
    fn a_good_signature_gives_the_word_one() {
        assert_eq!(output(&VALID)[..], TRUE);
    }

    #[test]
    fn a_changed_bit_gives_nothing() {
        for place in (0..VALID.len()).step_by(8) {
            let mut input = VALID;
            input[place] ^= 1;
            assert!(output(&input).is_empty(), "byte {place}");
        }
    }

    #[test]
    fn zero_key_zero_scalars_and_other_lengths_give_nothing() {
        for range in [32..64, 64..96, 96..160] {
            let mut input = VALID;
            input[range].fill(0);
            assert!(output(&input).is_empty());
        }
        for length in [0, 128, 159] {
            assert!(output(&VALID[..length]).is_empty());
        }
        assert!(output(&[&VALID[..], &[0]].concat()).is_empty());
    }

    #[test]
    fn costs_6900_gas_whatever_the_input() {
        assert_eq!(run(&[], 6900, Fork::Osaka).unwrap().gas_used, 6900);
        assert!(run(&VALID, 6899, Fork::Osaka).is_err());
    }

    #[test]
    fn an_x_beyond_the_order_is_compared_modulo_it() {
        // The first x from n on that a point has. With s = 1 the key follows from the point.
        let (r, point) = (1u64..)
            .find_map(|r| {
                let mut x = BigInt::from(r);
                x.add_with_carry(&Fr::MODULUS);
                let point = Affine::get_point_from_x_unchecked(Fq::from_bigint(x)?, false)?;
                Some((Fr::from(r), point))
            })
            .unwrap();
        let hash = Fr::from(77);
        let key = (point.into_group() - Projective::generator() * hash) * r.inverse().unwrap();
        let (key, one) = (key.into_affine(), Fr::from(1));
        assert_eq!(output(&encode(hash, r, one, key))[..], TRUE);
        assert!(output(&encode(hash, r + one, one, key)).is_empty());
    }

    #[test]
    fn the_point_at_infinity_is_no_key() {
        // As a key it would leave hash / s G, whose x anybody can make r.
        let infinity = Affine::new_unchecked(Fq::zero(), Fq::zero());
        let x = (Affine::generator() * Fr::from(7)).into_affine().x;
        let r = Fr::from_bigint(x.into_bigint()).unwrap();
        assert!(output(&encode(Fr::from(7), r, Fr::from(1), infinity)).is_empty());
    }

    #[test]
    fn equal_summands_are_doubled_and_opposite_ones_give_nothing() {
        let generator = Affine::generator();
        for scalar in 1..20u64 {
            let scalar = Fr::from(scalar);
            let x = (generator * scalar).into_affine().x.into_bigint();
            let r = Fr::from_bigint(x).unwrap();
            // r / s G and again r / s G; then r / s G and its opposite.
            let s = (r + r) * scalar.inverse().unwrap();
            assert_eq!(output(&encode(r, r, s, generator))[..], TRUE);
            assert!(output(&encode(-r, r, s, generator)).is_empty());
        }
    }
}
