//! P256VERIFY, 0x100: an ECDSA signature on secp256r1, checked (EIP-7951).
//! Owns the precompile's input and output; the check is AWS-LC's.

use aws_lc_rs::{
    digest::{Digest, SHA256},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use bytes::Bytes;
use deferevm_opcodes::Fork;

use super::{PrecompileOutput, PrecompileResult, TRUE, charge};

/// Gas for one check (EIP-7951).
const GAS: u64 = 6900;
const INPUT_BYTES: usize = 160;

/// What comes before the coordinates of a point that is not compressed (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// Checks `hash ++ r ++ s ++ x ++ y`, 32 bytes each. The output is the word 1, or empty for a
/// signature that does not verify or an input of any other length: the call never fails.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(Some(GAS), gas_limit)?;
    let bytes = if is_valid(input) {
        Bytes::from_static(&TRUE)
    } else {
        Bytes::new()
    };
    Ok(PrecompileOutput { gas_used, bytes })
}

/// Whether the signature is good. The library rejects `r` and `s` outside 1..n, coordinates that are
/// not below the field's modulus and points off the curve, and compares `r` modulo n. The point at
/// infinity cannot be written as two coordinates.
fn is_valid(input: &[u8]) -> bool {
    let Ok(input) = <&[u8; INPUT_BYTES]>::try_from(input) else {
        return false;
    };
    let (hash, rest) = input.split_at(32);
    let (signature, coordinates) = rest.split_at(64);
    let mut key = [UNCOMPRESSED; 65];
    key[1..].copy_from_slice(coordinates);
    // The digest's algorithm stands for its length only: nothing is hashed here.
    Digest::import_less_safe(hash, &SHA256).is_ok_and(|hash| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
            .verify_digest(&hash, signature)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
    use ark_ff::{BigInt, BigInteger, Field, PrimeField, Zero};
    use ark_secp256r1::{Affine, Fq, Fr, Projective};

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
