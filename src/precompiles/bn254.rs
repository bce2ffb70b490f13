//! The BN254 (alt_bn128) set, 0x06 to 0x08: sum, multiple, product of pairings (EIP-196, EIP-197,
//! repriced by EIP-1108). The curve is arkworks' `ark-bn254`, safe Rust on one thread; the inverse that
//! each of its sums and multiples ends with is `ruint`'s, which takes a sixth of the time.

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine, g1::Config};
use ark_ec::{
    AffineRepr,
    pairing::Pairing,
    scalar_mul::{glv::GLVConfig, wnaf::WnafContext},
};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, PrimeField, Zero};
use bytes::Bytes;
use deferevm_opcodes::Fork;
use ruint::aliases::U256;

use super::{FALSE, PrecompileError, PrecompileOutput, PrecompileResult, TRUE, charge, padded};

const PAIR_BYTES: usize = 192;
/// Bits of a scalar's digit with its sign. A digit is zero or odd: that asks for `2^(DIGIT_BITS - 2)` multiples.
const DIGIT_BITS: usize = 5;

/// The sum of two points of `x (32) ++ y (32)`; the input is padded with zeros or cut to 128 bytes.
pub(super) fn add(input: &[u8], gas_limit: u64, fork: Fork) -> PrecompileResult {
    let gas = if fork >= Fork::Istanbul { 150 } else { 500 };
    let gas_used = charge(Some(gas), gas_limit)?;
    let sum = g1(input, 0)?.into_group() + g1(input, 64)?;
    Ok(PrecompileOutput {
        gas_used,
        bytes: encode(sum),
    })
}

/// A point times a scalar of any 256 bits; the input is padded with zeros or cut to 96 bytes.
pub(super) fn mul(input: &[u8], gas_limit: u64, fork: Fork) -> PrecompileResult {
    let gas = if fork >= Fork::Istanbul {
        6_000
    } else {
        40_000
    };
    let gas_used = charge(Some(gas), gas_limit)?;
    let point = g1(input, 0)?;
    // The order of the curve is that of the scalar field, so that reducing changes nothing.
    let scalar = Fr::from_be_bytes_mod_order(&padded::<32>(input, 64));
    Ok(PrecompileOutput {
        gas_used,
        bytes: encode(multiple(point, scalar)),
    })
}

/// A point times a scalar: the halves of the scalar over the curve's endomorphism, which the library
/// takes bit by bit, in digits that are mostly zero.
fn multiple(point: G1Affine, scalar: Fr) -> G1Projective {
    let ((first_is_positive, first), (second_is_positive, second)) =
        Config::scalar_decomposition(scalar);
    let signed = |point: G1Projective, is_positive| if is_positive { point } else { -point };
    let point = signed(point.into_group(), first_is_positive);
    // The library counts a table's bits without the sign.
    let multiples = WnafContext::new(DIGIT_BITS - 1).table(point);
    let images: Vec<_> = multiples
        .iter()
        .map(|multiple| {
            let image = Config::endomorphism(multiple);
            signed(image, first_is_positive == second_is_positive)
        })
        .collect();
    let digits = |half: Fr| half.into_bigint().find_wnaf(DIGIT_BITS).unwrap_or_default();
    let halves = [(digits(first), multiples), (digits(second), images)];

    let mut sum = G1Projective::zero();
    for position in (0..halves[0].0.len().max(halves[1].0.len())).rev() {
        sum.double_in_place();
        for (digits, multiples) in &halves {
            match digits.get(position) {
                None | Some(0) => {}
                // A digit that is not zero is odd: 2 i + 1 times the point stands at i.
                Some(digit) => {
                    let multiple = multiples[digit.unsigned_abs() as usize / 2];
                    sum += signed(multiple, *digit > 0);
                }
            }
        }
    }
    sum
}

/// Whether the product of pairings is one, as a word; the empty product is.
pub(super) fn pairing(input: &[u8], gas_limit: u64, fork: Fork) -> PrecompileResult {
    let (base, each) = if fork >= Fork::Istanbul {
        (45_000, 34_000)
    } else {
        (100_000, 80_000)
    };
    let gas = u64::try_from(input.len() / PAIR_BYTES)
        .ok()
        .and_then(|count| count.checked_mul(each)?.checked_add(base));
    let gas_used = charge(gas, gas_limit)?;
    if !input.len().is_multiple_of(PAIR_BYTES) {
        return Err(PrecompileError::InputLength {
            found: input.len(),
            expected: "a multiple of 192 bytes",
        });
    }
    let (mut ps, mut qs) = (Vec::new(), Vec::new());
    for offset in (0..input.len()).step_by(PAIR_BYTES) {
        let p = g1(input, offset)?;
        let q = g2(input, offset + 64)?;
        if !p.is_zero() && !q.is_zero() {
            ps.push(p);
            qs.push(q);
        }
    }
    // The empty product is one, which is not worth a final exponentiation.
    let answer = if ps.is_empty() || Bn254::multi_pairing(ps, qs).is_zero() {
        &TRUE
    } else {
        &FALSE
    };
    Ok(PrecompileOutput {
        gas_used,
        bytes: Bytes::from_static(answer),
    })
}

/// The point of the curve at `offset`. The whole curve has prime order: there is no subgroup to check.
fn g1(input: &[u8], offset: usize) -> Result<G1Affine, PrecompileError> {
    let (x, y) = (number(input, offset)?, number(input, offset + 32)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G1Affine::identity());
    }
    let point = G1Affine::new_unchecked(x, y);
    if !point.is_on_curve() {
        return Err(PrecompileError::NotOnCurve { offset });
    }
    Ok(point)
}

/// The point of the twist at `offset`, in the subgroup; each coordinate has its imaginary part first.
fn g2(input: &[u8], offset: usize) -> Result<G2Affine, PrecompileError> {
    let coordinate = |offset| {
        let (imaginary, real) = (number(input, offset)?, number(input, offset + 32)?);
        Ok(Fq2::new(real, imaginary))
    };
    let (x, y) = (coordinate(offset)?, coordinate(offset + 64)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G2Affine::identity());
    }
    let point = G2Affine::new_unchecked(x, y);
    if !point.is_on_curve() {
        return Err(PrecompileError::NotOnCurve { offset });
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(PrecompileError::NotInSubgroup { offset });
    }
    Ok(point)
}

/// The big-endian number at `offset`, which must be below the field's modulus.
fn number(input: &[u8], offset: usize) -> Result<Fq, PrecompileError> {
    let limb = |index: usize| u64::from_be_bytes(padded(input, offset + 24 - 8 * index));
    Fq::from_bigint(BigInt::new(std::array::from_fn(limb)))
        .ok_or(PrecompileError::FieldElement { offset })
}

/// `x ++ y`, or zeros at infinity.
fn encode(point: G1Projective) -> Bytes {
    let mut bytes = [0; 64];
    if let Some(inverse) = inverse(point.z) {
        // Coordinates are Jacobian: x / z^2 and y / z^3.
        let square = inverse.square();
        let (x, y) = (point.x * square, point.y * square * inverse);
        let limbs = y.into_bigint().0.into_iter().chain(x.into_bigint().0);
        for (chunk, limb) in bytes.rchunks_exact_mut(8).zip(limbs) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
    }
    Bytes::copy_from_slice(&bytes)
}

/// `1 / number`; zero has none.
fn inverse(number: Fq) -> Option<Fq> {
    let number = U256::from_limbs(number.into_bigint().0);
    let inverse = number.inv_mod(U256::from_limbs(Fq::MODULUS.0))?;
    Fq::from_bigint(BigInt::new(*inverse.as_limbs()))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use ark_ec::CurveGroup;
    use proptest::prelude::*;

    use super::*;

    /// The generator, and its double (EIP-196).
    const GENERATOR: [u8; 64] = {
        let mut point = [0; 64];
        point[31] = 1;
        point[63] = 2;
        point
    };
    const DOUBLE: [u8; 64] = hex!(
        "030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3"
        "15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4"
    );
    /// The modulus of the base field.
    const MODULUS: [u8; 32] =
        hex!("30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");

    fn output(run: fn(&[u8], u64, Fork) -> PrecompileResult, input: &[u8]) -> Bytes {
        run(input, 1_000_000, Fork::Osaka).unwrap().bytes
    }

    fn g2_generator() -> Vec<u8> {
        let (x, y) = G2Affine::generator().xy().unwrap();
        [x.c1, x.c0, y.c1, y.c0]
            .iter()
            .flat_map(|part| part.into_bigint().0.into_iter().rev())
            .flat_map(u64::to_be_bytes)
            .collect()
    }

    /// The same point with the other sign.
    fn negated(point: &[u8; 64]) -> Vec<u8> {
        let y = number(point, 32).unwrap();
        let limbs = (-y).into_bigint().0.into_iter().rev();
        let y = limbs.flat_map(u64::to_be_bytes).collect::<Vec<u8>>();
        [&point[..32], &y].concat()
    }

    #[test]
    fn the_generator_doubles_by_sum_and_by_multiple() {
        assert_eq!(output(add, &[GENERATOR, GENERATOR].concat())[..], DOUBLE);
        let mut input = [0; 96];
        input[..64].copy_from_slice(&GENERATOR);
        input[95] = 2;
        assert_eq!(output(mul, &input)[..], DOUBLE);
    }

    #[test]
    fn opposite_points_sum_to_infinity_and_missing_ones_are_infinity() {
        let input = [&GENERATOR[..], &negated(&GENERATOR)].concat();
        assert_eq!(output(add, &input)[..], [0; 64]);
        assert_eq!(output(add, &[])[..], [0; 64]);
        assert_eq!(output(add, &GENERATOR)[..], GENERATOR);
        assert_eq!(output(mul, &GENERATOR)[..], [0; 64]);
    }

    #[test]
    fn coordinates_must_be_below_the_modulus_and_on_the_curve() {
        let mut input = [0; 128];
        input[..32].copy_from_slice(&MODULUS);
        let error = add(&input, 1000, Fork::Osaka).unwrap_err();
        assert_eq!(error, PrecompileError::FieldElement { offset: 0 });
        let mut input = [0; 128];
        input[127] = 1;
        let error = add(&input, 1000, Fork::Osaka).unwrap_err();
        assert_eq!(error, PrecompileError::NotOnCurve { offset: 64 });
    }

    #[test]
    fn opposite_pairings_multiply_to_one() {
        let q = g2_generator();
        let same = [&GENERATOR[..], &q].concat();
        let opposite = [&negated(&GENERATOR)[..], &q].concat();
        assert_eq!(output(pairing, &[])[..], TRUE);
        assert_eq!(output(pairing, &same)[..], FALSE);
        assert_eq!(output(pairing, &[&same[..], &opposite].concat())[..], TRUE);
    }

    #[test]
    fn a_point_beside_infinity_is_still_checked() {
        let mut input = vec![0; 192];
        input[191] = 1;
        let error = pairing(&input, 1_000_000, Fork::Osaka).unwrap_err();
        assert_eq!(error, PrecompileError::NotOnCurve { offset: 64 });
        let error = pairing(&input[..191], 1_000_000, Fork::Osaka).unwrap_err();
        assert!(matches!(error, PrecompileError::InputLength { .. }));
    }

    #[test]
    fn a_point_of_the_twist_outside_the_subgroup_is_refused() {
        // The twist's order has other factors, so that most of its points are outside.
        let outside = (0_u64..)
            .find_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(x.into(), 1.into()), false))
            .unwrap();
        assert!(!outside.is_in_correct_subgroup_assuming_on_curve());
        let (x, y) = outside.xy().unwrap();
        let coordinates = [x.c1, x.c0, y.c1, y.c0];
        let limbs = coordinates
            .iter()
            .flat_map(|part| part.into_bigint().0.into_iter().rev());
        let q = limbs.flat_map(u64::to_be_bytes).collect::<Vec<u8>>();
        let error = pairing(&[&[0; 64][..], &q].concat(), 1_000_000, Fork::Osaka).unwrap_err();
        assert_eq!(error, PrecompileError::NotInSubgroup { offset: 64 });
    }

    #[test]
    fn istanbul_reprices() {
        let pairs = |count: usize| vec![0; count * PAIR_BYTES];
        for (fork, sum, multiple, base, each) in [
            (Fork::Byzantium, 500, 40_000, 100_000, 80_000),
            (Fork::Petersburg, 500, 40_000, 100_000, 80_000),
            (Fork::Istanbul, 150, 6_000, 45_000, 34_000),
            (Fork::Osaka, 150, 6_000, 45_000, 34_000),
        ] {
            type Run = fn(&[u8], u64, Fork) -> PrecompileResult;
            let cases: [(Run, Vec<u8>, u64); 4] = [
                (add, vec![], sum),
                (mul, vec![], multiple),
                (pairing, pairs(0), base),
                (pairing, pairs(3), base + 3 * each),
            ];
            for (run, input, gas) in cases {
                assert_eq!(run(&input, gas, fork).unwrap().gas_used, gas);
                assert!(run(&input, gas - 1, fork).is_err());
            }
        }
    }

    #[test]
    fn coordinates_are_those_of_the_library() {
        let mut point = G1Affine::generator().into_group();
        for _ in 0..50 {
            point = point + point + G1Affine::generator();
            let bytes = encode(point);
            let affine = point.into_affine();
            assert_eq!(g1(&bytes, 0).unwrap(), affine);
        }
        assert_eq!(encode(point - point)[..], [0; 64]);
    }

    proptest! {
        /// The crate multiplies by an endomorphism; double-and-add is its twin.
        #[test]
        fn multiples_equal_double_and_add(point in any::<[u8; 32]>(), scalar in any::<[u8; 32]>()) {
            let point = G1Affine::generator().into_group() * Fr::from_be_bytes_mod_order(&point);
            let mut sum = G1Projective::zero();
            for bit in scalar.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)) {
                sum += sum;
                if bit == 1 {
                    sum += point;
                }
            }
            let input = [&encode(point)[..], &scalar].concat();
            prop_assert_eq!(output(mul, &input), encode(sum));
        }
    }
}
