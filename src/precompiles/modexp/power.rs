//! `base ^ exponent % modulus`, by whichever library is fastest for the modulus: a word's by `ruint`'s
//! Montgomery products, or by its inverse where that is what the power comes to; longer odd ones by AWS-LC,
//! and longer even ones, or those too long for AWS-LC, by `aurora-engine-modexp`.

use std::ptr::NonNull;

use alloy_primitives::hex;
use aws_lc_sys::{
    BIGNUM, BN_CTX, BN_CTX_free, BN_CTX_new, BN_bin2bn, BN_bn2bin_padded, BN_free, BN_mod_exp,
    BN_new,
};
use ruint::aliases::U256;

/// The length of a word, in bytes.
const WORD_BYTES: usize = 32;

/// The longest odd modulus that AWS-LC takes, in bytes.
const AWS_LC_BYTES: usize = 8 * 1024;

/// Primes that contracts divide by. Since `base ^ (p - 2)` is the inverse of a base modulo a prime p (Fermat),
/// they take inverses by this precompile, which a library finds in a tenth of the time without a power.
const PRIMES: [U256; 8] = [
    // BN254: scalars, coordinates (EIP-196).
    prime(hex!(
        "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001"
    )),
    prime(hex!(
        "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47"
    )),
    // BLS12-381: scalars (EIP-2537).
    prime(hex!(
        "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001"
    )),
    // secp256k1: scalars, coordinates (SEC 2).
    prime(hex!(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    )),
    prime(hex!(
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"
    )),
    // P-256: scalars, coordinates (EIP-7951).
    prime(hex!(
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
    )),
    prime(hex!(
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
    )),
    // Curve25519: coordinates, 2^255 - 19 (RFC 7748).
    prime(hex!(
        "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed"
    )),
];

const fn prime(bytes: [u8; WORD_BYTES]) -> U256 {
    U256::from_be_bytes(bytes)
}

/// The power, as long as the modulus; zero where the modulus is.
pub(super) fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let mut result = vec![0; modulus.len()];
    let modulus = without_leading_zeros(modulus);
    let base = without_leading_zeros(base);
    let exponent = without_leading_zeros(exponent);
    let power = match (base, exponent, modulus) {
        (_, _, [] | [1]) | ([], [_, ..], _) => vec![],
        (_, [], _) => vec![1],
        _ if modulus.len().max(base.len()) <= WORD_BYTES => {
            let (base, modulus) = (U256::from_be_slice(base), U256::from_be_slice(modulus));
            of_words(base, exponent, modulus).to_be_bytes_vec()
        }
        (_, _, [.., last]) if last % 2 == 0 => general(base, exponent, modulus),
        _ => of_odd(base, exponent, modulus).unwrap_or_else(|| general(base, exponent, modulus)),
    };
    let power = without_leading_zeros(&power);
    let start = result.len() - power.len();
    result[start..].copy_from_slice(power);
    result
}

/// For any modulus above one, a base and an exponent above zero.
fn general(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    aurora_engine_modexp::modexp(base, exponent, modulus)
}

/// For a modulus above one, a base and an exponent above zero.
fn of_words(base: U256, exponent: &[u8], modulus: U256) -> U256 {
    let zeros = modulus.trailing_zeros();
    if zeros == 0 {
        return of_odd_word(base, exponent, modulus);
    }
    // The power modulo the odd factor, and modulo the power of two, which together make up the modulus.
    let odd = modulus >> zeros;
    let by_odd = of_odd_word(base, exponent, odd);
    let by_two = by_digits(base, exponent, U256::ONE, U256::wrapping_mul);
    // To the first goes as often the odd factor as gives the second (Garner).
    let inverse = odd.inv_ring().unwrap_or_default();
    let times = by_two.wrapping_sub(by_odd).wrapping_mul(inverse);
    let below_two = times & ((U256::ONE << zeros) - U256::ONE);
    by_odd + odd * below_two
}

/// For an odd modulus.
fn of_odd_word(base: U256, exponent: &[u8], modulus: U256) -> U256 {
    if modulus == U256::ONE {
        return U256::ZERO;
    }
    if asks_for_inverse(exponent, modulus) {
        // A multiple of the prime has none, and its powers are zero.
        return base.inv_mod(modulus).unwrap_or_default();
    }
    // Every odd number has an inverse modulo 2^256, whose lowest limb is that modulo 2^64.
    let inverse = modulus.inv_ring().unwrap_or_default().as_limbs()[0].wrapping_neg();
    // `mul_redc` serves for squares too: ruint's `square_redc` takes twice its time.
    let product = |a: U256, b: U256| a.mul_redc(b, modulus, inverse);
    // 2^256, which stands for one in products, and its square, which turns a number into such a form.
    let one = (U256::MAX % modulus).add_mod(U256::ONE, modulus);
    let square = one.mul_mod(one, modulus);
    let power = by_digits(product(base % modulus, square), exponent, one, product);
    product(power, U256::ONE)
}

/// The power of a base by any product of which this is the one.
fn by_digits(base: U256, exponent: &[u8], one: U256, product: impl Fn(U256, U256) -> U256) -> U256 {
    // The powers that a digit of the exponent names. Short exponents are not worth sixteen of them.
    let digit_bits = if exponent.len() > 4 { 4 } else { 1 };
    let mut powers = [one; 16];
    for index in 1..1 << digit_bits {
        powers[index] = product(powers[index - 1], base);
    }
    let mut result = one;
    let mut is_one = true;
    for byte in exponent {
        for shift in (0..8).step_by(digit_bits).rev() {
            let digit = usize::from(byte >> shift) & ((1 << digit_bits) - 1);
            if !is_one {
                for _ in 0..digit_bits {
                    result = product(result, result);
                }
            }
            if digit != 0 {
                result = product(result, powers[digit]);
                is_one = false;
            }
        }
    }
    result
}

fn asks_for_inverse(exponent: &[u8], modulus: U256) -> bool {
    exponent.len() == WORD_BYTES
        && U256::from_be_slice(exponent) == modulus - U256::from(2)
        && PRIMES.contains(&modulus)
}

/// For an odd modulus above one; `None` if AWS-LC does not take numbers so long.
fn of_odd(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    if modulus.len() > AWS_LC_BYTES {
        return None;
    }
    let [mut result, base, exponent, number] = [
        Number::zero()?,
        Number::read(base)?,
        Number::read(exponent)?,
        Number::read(modulus)?,
    ];
    result.set_to_power(&base, &exponent, &number)?;
    result.write(modulus.len())
}

/// A number of AWS-LC's. Where its functions answer null or zero, memory or the length was refused.
struct Number(NonNull<BIGNUM>);

impl Number {
    fn zero() -> Option<Number> {
        // SAFETY: it takes nothing; what it returns is owned from here on.
        NonNull::new(unsafe { BN_new() }).map(Number)
    }

    fn read(bytes: &[u8]) -> Option<Number> {
        // SAFETY: it reads as many bytes as the slice has; null asks for a new number, which is owned
        // from here on.
        let number = unsafe { BN_bin2bn(bytes.as_ptr(), bytes.len(), std::ptr::null_mut()) };
        NonNull::new(number).map(Number)
    }

    fn set_to_power(&mut self, base: &Number, exponent: &Number, modulus: &Number) -> Option<()> {
        let scratch = Scratch::new()?;
        // SAFETY: the numbers and the scratch space are alive, and the one that is written is borrowed
        // for it alone.
        let is_done = unsafe {
            BN_mod_exp(
                self.0.as_ptr(),
                base.0.as_ptr(),
                exponent.0.as_ptr(),
                modulus.0.as_ptr(),
                scratch.0.as_ptr(),
            )
        };
        (is_done == 1).then_some(())
    }

    /// Big-endian bytes, zeros in front; `None` if there are too few.
    fn write(&self, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        // SAFETY: it writes as many bytes as there are.
        let is_done = unsafe { BN_bn2bin_padded(bytes.as_mut_ptr(), bytes.len(), self.0.as_ptr()) };
        (is_done == 1).then_some(bytes)
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: it is owned, and nobody sees it again.
        unsafe { BN_free(self.0.as_ptr()) }
    }
}

/// Where AWS-LC keeps numbers while it computes.
struct Scratch(NonNull<BN_CTX>);

impl Scratch {
    fn new() -> Option<Scratch> {
        // SAFETY: it takes nothing; what it returns is owned from here on.
        NonNull::new(unsafe { BN_CTX_new() }).map(Scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: it is owned, and nobody sees it again.
        unsafe { BN_CTX_free(self.0.as_ptr()) }
    }
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zero_and_one_as_modulus_give_zeros_and_the_zeroth_power_is_one() {
        assert_eq!(power(&[5], &[3], &[0, 0]), [0, 0]);
        assert_eq!(power(&[5], &[], &[0, 1]), [0, 0]);
        assert_eq!(power(&[0], &[0], &[0, 7]), [0, 1]);
        assert_eq!(power(&[0], &[9], &[7]), [0]);
    }

    /// That a number passes for a prime here is what Fermat's test asks for, besides.
    #[test]
    fn inverses_modulo_the_listed_primes_are_powers() {
        for prime in PRIMES {
            let modulus = BigUint::from_bytes_be(&prime.to_be_bytes::<WORD_BYTES>());
            let exponent = prime - U256::from(2);
            assert!(asks_for_inverse(&exponent.to_be_bytes_vec(), prime));
            assert!(!asks_for_inverse(
                &(exponent - U256::ONE).to_be_bytes_vec(),
                prime
            ));
            let bases = [
                U256::ONE,
                U256::from(2),
                U256::from(0x1234_5678_9abc_def0_u64),
                prime - U256::ONE,
                prime,
                U256::MAX,
                U256::MAX / U256::from(3),
            ];
            for base in bases {
                let found = power(
                    &base.to_be_bytes::<WORD_BYTES>(),
                    &exponent.to_be_bytes::<WORD_BYTES>(),
                    &prime.to_be_bytes::<WORD_BYTES>(),
                );
                let expected = BigUint::from_bytes_be(&base.to_be_bytes::<WORD_BYTES>()).modpow(
                    &BigUint::from_bytes_be(&exponent.to_be_bytes_vec()),
                    &modulus,
                );
                assert_eq!(
                    BigUint::from_bytes_be(&found),
                    expected,
                    "{base} modulo {prime}"
                );
            }
        }
    }

    fn operand_of(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
        let random = prop::collection::vec(any::<u8>(), 0..=bytes);
        let edge = (
            0..=bytes,
            prop::sample::select(vec![0, 1, 0x80, 0xff]),
            any::<bool>(),
        );
        let edge = edge.prop_map(|(length, byte, last)| {
            let mut bytes = vec![if last { 0xff } else { 0 }; length];
            let place = if last { length.checked_sub(1) } else { Some(0) };
            if let Some(byte_at) = place.and_then(|place| bytes.get_mut(place)) {
                *byte_at = byte;
            }
            bytes
        });
        prop_oneof![3 => random, 1 => edge]
    }

    proptest! {
        /// Odd, even and power-of-two moduli, against the general algorithm of another crate.
        #[test]
        fn powers_equal_those_of_num_bigint(
            base in operand_of(80),
            exponent in operand_of(40),
            modulus in prop_oneof![operand_of(80), operand_of(32)],
            even_bits in 0_usize..160,
        ) {
            // Some moduli are made even, a quarter of them by whole bytes of zeros.
            let mut modulus = modulus;
            if even_bits % 4 == 0 {
                modulus.resize(modulus.len() + even_bits / 8, 0);
            } else if let Some(last) = modulus.last_mut() {
                *last = (u32::from(*last) << (even_bits % 8)) as u8;
            }
            let number = BigUint::from_bytes_be(&modulus);
            let mut expected = vec![0; modulus.len()];
            if number != BigUint::default() {
                let base = BigUint::from_bytes_be(&base);
                let power = base.modpow(&BigUint::from_bytes_be(&exponent), &number);
                let power = power.to_bytes_be();
                let power = without_leading_zeros(&power);
                let start = expected.len() - power.len();
                expected[start..].copy_from_slice(power);
            }
            prop_assert_eq!(power(&base, &exponent, &modulus), expected);
        }
    }

    /// Below and above the longest modulus that AWS-LC takes, and a base that is longer than it.
    #[test]
    fn moduli_longer_than_a_library_takes_are_anothers() {
        for (base, modulus) in [(64, 8192), (64, 8193), (9000, 33), (40, 31), (20_000, 8192)] {
            let number = |length: usize, last: u8| {
                let mut bytes = vec![0xc5; length];
                bytes[length - 1] = last;
                bytes
            };
            let (base, modulus) = (number(base, 7), number(modulus, 1));
            let expected = BigUint::from_bytes_be(&base)
                .modpow(&BigUint::from(5_u8), &BigUint::from_bytes_be(&modulus))
                .to_bytes_be();
            let power = power(&base, &[5], &modulus);
            assert_eq!(without_leading_zeros(&power), expected);
        }
    }
}
