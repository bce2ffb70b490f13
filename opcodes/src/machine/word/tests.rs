//! Every operation on words against a naive twin on arbitrary-precision integers, over words that
//! favour the edges of limbs. Tests of the inner steps of division stand beside them.

use super::*;
use crate::Address;
use num_bigint::{BigInt, BigUint};
use proptest::prelude::*;

const CASES: u32 = 4_000;

/// A limb, mostly at an edge.
pub(super) fn limb() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => any::<u64>(),
        2 => Just(0),
        1 => Just(1),
        2 => Just(u64::MAX),
        1 => Just(u64::MAX - 1),
        1 => Just(1 << 63),
        1 => Just((1 << 63) - 1),
        1 => (0u32..64).prop_map(|bit| 1 << bit),
        1 => 0u64..=300,
    ]
}

/// A word, mostly with limbs at edges, few limbs, or around a power of two.
pub(super) fn word() -> impl Strategy<Value = U256> {
    let limbs = [limb(), limb(), limb(), limb()];
    prop_oneof![
        4 => limbs.prop_map(U256),
        2 => any::<[u64; 4]>().prop_map(U256),
        2 => (any::<[u64; 4]>(), 1usize..4).prop_map(|(mut limbs, used)| {
            limbs[used..].fill(0);
            U256(limbs)
        }),
        2 => (0usize..256, -1i8..=1).prop_map(|(bit, offset)| nudge(U256::one() << bit, offset)),
        1 => (-2i8..=2).prop_map(|offset| nudge(ZERO, offset)),
        1 => (any::<[u64; 4]>(), 0usize..256).prop_map(|(limbs, shift)| U256(limbs) >> shift),
    ]
}

/// Two words; often the first lies by a multiple of the second, or shares its top limbs.
pub(super) fn related_words() -> impl Strategy<Value = (U256, U256)> {
    prop_oneof![
        2 => (word(), word()),
        1 => (word(), -2i8..=2).prop_map(|(b, offset)| (nudge(b, offset), b)),
        3 => (word(), word(), -2i8..=2).prop_map(|(b, factor, offset)| {
            (nudge(b.overflowing_mul(factor).0, offset), b)
        }),
        2 => (word(), 1usize..4, [limb(), limb(), limb(), limb()]).prop_map(|(b, kept, low)| {
            // The same top limbs further up make the quotient's estimate the largest one.
            let mut a = b.0;
            a.rotate_right(b.0[3].leading_zeros() as usize / 64);
            a[..kept].copy_from_slice(&low[..kept]);
            (U256(a), b)
        }),
        1 => (word(), 0usize..192, limb()).prop_map(|(b, shift, low)| {
            ((b << shift).overflowing_sub(U256::from(low)).0, b)
        }),
    ]
}

/// A shift or an index, mostly in range.
fn small() -> impl Strategy<Value = U256> {
    prop_oneof![8 => (0u64..=300).prop_map(U256::from), 1 => word()]
}

fn nudge(x: U256, offset: i8) -> U256 {
    let distance = U256::from(offset.unsigned_abs());
    if offset < 0 {
        x.overflowing_sub(distance).0
    } else {
        x.overflowing_add(distance).0
    }
}

fn big(x: U256) -> BigUint {
    BigUint::from_bytes_le(&x.to_little_endian())
}

/// `x` modulo 2²⁵⁶.
fn low_word(x: &BigUint) -> U256 {
    let mut bytes = x.to_bytes_le();
    bytes.resize(bytes.len().max(32), 0);
    U256::from_little_endian(&bytes[..32])
}

fn signed(x: U256) -> BigInt {
    let value = BigInt::from(big(x));
    if x.bit(255) {
        value - (BigInt::from(1) << 256)
    } else {
        value
    }
}

/// `x` modulo 2²⁵⁶ in two's complement.
fn low_signed(x: &BigInt) -> U256 {
    let modulus = BigInt::from(1) << 256;
    let value: BigInt = ((x % &modulus) + &modulus) % &modulus;
    low_word(value.magnitude())
}

fn or_zero<T>(b: U256, operation: impl FnOnce() -> T) -> Option<T> {
    (!b.is_zero()).then(operation)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn sums_and_differences_are_bounded_or_wide((a, b) in related_words(), c in word()) {
        let sum = big(a) + big(b);
        let fits = sum < BigUint::from(1u8) << 256;
        prop_assert_eq!(checked_add(a, b), fits.then(|| low_word(&sum)));
        prop_assert_eq!(saturating_add(a, b), if fits { low_word(&sum) } else { U256::MAX });
        let difference = (big(a) >= big(b)).then(|| low_word(&(big(a) - big(b).min(big(a)))));
        prop_assert_eq!(checked_sub(a, b), difference);
        let mut wide = U512::zero();
        [a, b, c].into_iter().for_each(|term| add_to_wide(&mut wide, term));
        prop_assert_eq!(BigUint::from_bytes_le(&wide.to_little_endian()), sum + big(c));
    }

    #[test]
    fn sums_differences_and_products_wrap((a, b) in related_words()) {
        let modulus = BigUint::from(1u8) << 256;
        prop_assert_eq!(add(a, b), low_word(&(big(a) + big(b))));
        prop_assert_eq!(overflowing_add(a, b).1, big(a) + big(b) >= modulus);
        prop_assert_eq!(sub(a, b), low_word(&(big(a) + &modulus - big(b))));
        prop_assert_eq!(overflowing_sub(a, b).1, big(a) < big(b));
        prop_assert_eq!(neg(a), low_word(&(modulus - big(a))));
        prop_assert_eq!(mul(a, b), low_word(&(big(a) * big(b))));
        prop_assert_eq!(mul_limbs(a, b), low_word(&(big(a) * big(b))));
        prop_assert_eq!(square(a), low_word(&(big(a) * big(a))));
        prop_assert_eq!(mul_limb(a, b.0[0]), low_word(&(big(a) * b.0[0])));
    }

    #[test]
    fn wide_products_and_sums_are_whole(a in word(), b in word(), c in word()) {
        let product = mul_wide(a, b);
        prop_assert_eq!(BigUint::from_bytes_le(&product.to_little_endian()), big(a) * big(b));
        // (2²⁵⁶ - 1)² + 2²⁵⁶ - 1 still fits.
        let sum = checked_add_wide(product, widen(c)).expect("below 2⁵¹²");
        let expected = big(a) * big(b) + big(c);
        prop_assert_eq!(BigUint::from_bytes_le(&sum.to_little_endian()), expected.clone());
        prop_assert_eq!(narrow(sum), (expected.bits() <= 256).then(|| low_word(&expected)));
    }

    #[test]
    fn unsigned_division_agrees((a, b) in related_words()) {
        prop_assert_eq!(div(a, b), or_zero(b, || low_word(&(big(a) / big(b)))).unwrap_or(ZERO));
        prop_assert_eq!(rem(a, b), or_zero(b, || low_word(&(big(a) % big(b)))).unwrap_or(ZERO));
    }

    #[test]
    fn signed_division_agrees((a, b) in related_words()) {
        let quotient = or_zero(b, || low_signed(&(signed(a) / signed(b))));
        let remainder = or_zero(b, || low_signed(&(signed(a) % signed(b))));
        prop_assert_eq!(sdiv(a, b), quotient.unwrap_or(ZERO));
        prop_assert_eq!(smod(a, b), remainder.unwrap_or(ZERO));
    }

    #[test]
    fn modular_sums_agree((a, n) in related_words(), b in word()) {
        for (a, b) in [(a, b), (b, a), (a, a), (a, n)] {
            let expected = or_zero(n, || low_word(&((big(a) + big(b)) % big(n))));
            prop_assert_eq!(addmod(a, b, n), expected.unwrap_or(ZERO));
        }
    }

    #[test]
    fn modular_products_agree((a, n) in related_words(), b in word()) {
        let prepared = PreparedModulus::new(n);
        prop_assert_eq!(prepared.modulus(), n);
        for (a, b) in [(a, b), (rem(a, n), rem(b, n)), (a, a), (a, n), (neg(a), neg(b))] {
            let expected = or_zero(n, || low_word(&(big(a) * big(b) % big(n)))).unwrap_or(ZERO);
            prop_assert_eq!(mulmod(a, b, n), expected);
            prop_assert_eq!(prepared.mulmod(a, b), expected);
        }
    }

    #[test]
    fn wide_remainders_agree(low in word(), high in word(), n in word(), near in any::<bool>()) {
        // Just below the modulus is the largest high word that one reduction takes.
        let high = if near { nudge(n, -1) } else { high };
        let ([l0, l1, l2, l3], [h0, h1, h2, h3]) = (low.0, high.0);
        let x = U512([l0, l1, l2, l3, h0, h1, h2, h3]);
        let expected = or_zero(n, || low_word(&(((big(high) << 256) + big(low)) % big(n))));
        prop_assert_eq!(rem_wide(x, n), expected.unwrap_or(ZERO));
    }

    #[test]
    fn powers_agree(base in word(), exponent in prop_oneof![small(), word()]) {
        let modulus = BigUint::from(1u8) << 256;
        let expected = big(base).modpow(&big(exponent), &modulus);
        prop_assert_eq!(exp(base, exponent), low_word(&expected));
    }

    #[test]
    fn powers_of_short_bases_agree(base in 0u64..=1_030, exponent in 0u64..=600) {
        let modulus = BigUint::from(1u8) << 256;
        let expected = BigUint::from(base).modpow(&BigUint::from(exponent), &modulus);
        prop_assert_eq!(exp(base.into(), exponent.into()), low_word(&expected));
    }

    #[test]
    fn comparisons_agree((a, b) in related_words()) {
        prop_assert_eq!(lt(a, b), big(a) < big(b));
        prop_assert_eq!(gt(a, b), big(a) > big(b));
        prop_assert_eq!(slt(a, b), signed(a) < signed(b));
        prop_assert_eq!(sgt(a, b), signed(a) > signed(b));
        prop_assert_eq!(eq(a, b), big(a) == big(b));
        prop_assert!(eq(a, a));
        prop_assert_eq!(is_zero(a), big(a) == BigUint::ZERO);
        prop_assert_eq!(is_negative(a), signed(a) < BigInt::ZERO);
        let absolute = signed(a);
        prop_assert_eq!(&big(magnitude(a)), absolute.magnitude());
    }

    #[test]
    fn logic_agrees_bit_by_bit(a in word(), b in word()) {
        prop_assert_eq!(and(a, b), low_word(&(big(a) & big(b))));
        prop_assert_eq!(or(a, b), low_word(&(big(a) | big(b))));
        prop_assert_eq!(xor(a, b), low_word(&(big(a) ^ big(b))));
        prop_assert_eq!(not(a), low_word(&(big(U256::MAX) - big(a))));
        prop_assert_eq!(scalars(a), a);
    }

    #[test]
    fn shifts_agree(shift in small(), x in word()) {
        let distance = if shift > U256::from(256) { 256 } else { shift.as_usize() };
        prop_assert_eq!(shl(shift, x), low_word(&(big(x) << distance)));
        prop_assert_eq!(shr(shift, x), low_word(&(big(x) >> distance)));
        prop_assert_eq!(sar(shift, x), low_signed(&(signed(x) >> distance)));
    }

    #[test]
    fn bytes_and_sign_extension_agree(index in prop_oneof![8 => (0u64..40).prop_map(U256::from), 1 => word()], x in word()) {
        let bytes = x.to_big_endian();
        let position = if index < U256::from(32) { index.as_usize() } else { 32 };
        let expected = bytes.get(position).copied().unwrap_or(0);
        prop_assert_eq!(byte(index, x), U256::from(expected));

        let mut extended = bytes;
        if let Some(top) = 31usize.checked_sub(position) {
            let fill = if bytes[top] >= 0x80 { 0xff } else { 0 };
            extended[..top].fill(fill);
        }
        prop_assert_eq!(signextend(index, x), U256::from_big_endian(&extended));
    }

    #[test]
    fn counts_agree(x in word()) {
        let bits = big(x).bits();
        prop_assert_eq!(clz(x), U256::from(256 - bits));
        prop_assert_eq!(u64::from(byte_len(x)), bits.div_ceil(8));
    }

    #[test]
    fn bytes_round_trip(x in word()) {
        let bytes = to_be_bytes(x);
        prop_assert_eq!(bytes, x.to_big_endian());
        prop_assert_eq!(from_be_bytes(&bytes), x);
        let mut written = [0xaa; 32];
        write_be(x, &mut written);
        prop_assert_eq!(written, bytes);
        prop_assert_eq!(address_of(x), Address::from_slice(&bytes[12..]));
        prop_assert_eq!(from_address(address_of(x)), low_word(&(big(x) % (BigUint::from(1u8) << 160))));
    }

    #[test]
    fn slices_are_padded_on_the_left(bytes in prop::collection::vec(any::<u8>(), 0..=40)) {
        prop_assert_eq!(from_be_slice(&bytes), low_word(&BigUint::from_bytes_be(&bytes)));
    }

    #[test]
    fn conversions_saturate(x in word()) {
        let value = u64::try_from(big(x));
        prop_assert_eq!(as_u64(x), value.clone().ok());
        prop_assert_eq!(to_u64_saturating(x), value.clone().unwrap_or(u64::MAX));
        prop_assert_eq!(to_usize_saturating(x), usize::try_from(big(x)).unwrap_or(usize::MAX));
    }

    #[test]
    fn fast_operations_agree_with_another_library(a in any::<[u64; 4]>(), b in any::<[u64; 4]>(), n in any::<[u64; 4]>()) {
        let (x, y, m) = (ruint::aliases::U256::from_limbs(a), ruint::aliases::U256::from_limbs(b), ruint::aliases::U256::from_limbs(n));
        prop_assert_eq!(mulmod(U256(a), U256(b), U256(n)).0, x.mul_mod(y, m).into_limbs());
        prop_assert_eq!(addmod(U256(a), U256(b), U256(n)).0, x.add_mod(y, m).into_limbs());
        prop_assert_eq!(exp(U256(a), U256(b)).0, x.wrapping_pow(y).into_limbs());
    }
}

#[test]
fn every_shift_by_whole_limbs_moves_limbs() {
    let x = U256([1, 2, 3, u64::MAX]);
    assert_eq!(shl(U256::from(64), x), U256([0, 1, 2, 3]));
    assert_eq!(shl(U256::from(192), x), U256([0, 0, 0, 1]));
    assert_eq!(shl(U256::from(256), x), ZERO);
    assert_eq!(shr(U256::from(64), x), U256([2, 3, u64::MAX, 0]));
    assert_eq!(shr(U256::from(192), x), U256([u64::MAX, 0, 0, 0]));
    assert_eq!(shr(U256([0, 1, 0, 0]), x), ZERO);
    assert_eq!(sar(U256::from(192), x), U256::MAX);
    assert_eq!(sar(U256::MAX, x), U256::MAX);
    assert_eq!(sar(U256::MAX, ONE), ZERO);
}

#[test]
fn powers_at_the_edges_are_exact() {
    assert_eq!(exp(ZERO, ZERO), ONE);
    assert_eq!(exp(ZERO, ONE), ZERO);
    assert_eq!(exp(U256::from(2), U256::from(255)), SIGNED_MIN);
    assert_eq!(exp(U256::from(2), U256::from(256)), ZERO);
    assert_eq!(exp(U256::from(2), U256::MAX), ZERO);
    assert_eq!(exp(SIGNED_MIN, ONE), SIGNED_MIN);
    assert_eq!(exp(U256::MAX, U256::MAX), U256::MAX);
    assert_eq!(exp(ONE, U256::MAX), ONE);
    assert_eq!(exp(U256::from(10), U256::from(77)), U256::exp10(77));
}

#[test]
fn modular_sums_and_products_do_not_wrap() {
    let max = U256::MAX;
    assert_eq!(addmod(max, max, max), ZERO);
    assert_eq!(addmod(max, ONE, U256::from(2)), ZERO);
    assert_eq!(addmod(max, max, U256::from(10)), ZERO);
    assert_eq!(addmod(max, max, ZERO), ZERO);
    assert_eq!(mulmod(max, max, U256::from(12)), U256::from(9));
    assert_eq!(mulmod(max, max, ZERO), ZERO);
    assert_eq!(mulmod(max, max, ONE), ZERO);
    assert_eq!(mulmod(max, nudge(max, -1), max), ZERO);
}

#[test]
fn signed_order_turns_at_the_top_bit() {
    assert!(slt(SIGNED_MIN, U256::MAX) && slt(U256::MAX, ZERO) && slt(ZERO, nudge(SIGNED_MIN, -1)));
    assert!(sgt(ONE, U256::MAX) && !sgt(ONE, ONE) && !slt(ONE, ONE));
}

#[test]
fn sign_extension_reaches_from_the_first_to_the_last_byte() {
    assert_eq!(signextend(ZERO, U256::from(0xff)), U256::MAX);
    assert_eq!(signextend(ZERO, U256::from(0x17f)), U256::from(0x7f));
    assert_eq!(
        signextend(U256::from(30), SIGNED_MIN >> 8),
        U256::MAX << 247
    );
    assert_eq!(signextend(U256::from(31), SIGNED_MIN), SIGNED_MIN);
    assert_eq!(
        signextend(U256([0, 1, 0, 0]), U256::from(0xff)),
        U256::from(0xff)
    );
}

#[test]
fn flags_become_one_and_zero() {
    assert_eq!(from_bool(true), ONE);
    assert_eq!(from_bool(false), ZERO);
}
