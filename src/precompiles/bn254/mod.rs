//! The BN254 (alt_bn128) set, 0x06 to 0x08: sum, multiple, product of pairings (EIP-196, EIP-197,
//! repriced by EIP-1108). The curve is arkworks' `ark-bn254`, safe Rust on one thread; the inverse that
//! each of its sums and multiples ends with is `ruint`'s, which takes a sixth of the time.

mod multiples;
mod points;

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, pairing::Pairing};
use ark_ff::{BigInt, Field, PrimeField, Zero};
use bytes::Bytes;
use deferevm_opcodes::Fork;
use ruint::aliases::U256;

use super::{PrecompileError, PrecompileOutput, PrecompileResult, charge, padded};
use multiples::Multiples;
use points::Lines;
pub(super) use points::Points;

const PAIR_BYTES: usize = 192;

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
pub(super) fn mul(
    input: &[u8],
    gas_limit: u64,
    fork: Fork,
    points: &mut Points,
) -> PrecompileResult {
    let gas = if fork >= Fork::Istanbul {
        6_000
    } else {
        40_000
    };
    let gas_used = charge(Some(gas), gas_limit)?;
    // The order of the curve is that of the scalar field, so that reducing changes nothing.
    let scalar = Fr::from_be_bytes_mod_order(&padded::<32>(input, 64));
    Ok(PrecompileOutput {
        gas_used,
        bytes: encode(multiple(input, scalar, points)?),
    })
}

/// The point at the front of an input times a scalar. If it has been multiplied before, more of its
/// multiples are worked out, and kept.
fn multiple(
    input: &[u8],
    scalar: Fr,
    points: &mut Points,
) -> Result<G1Projective, PrecompileError> {
    let name = padded(input, 0);
    if let Some(multiples) = points.multiples.get(&name) {
        return Ok(multiples.times(scalar));
    }
    let point = g1(input, 0)?;
    if point.is_zero() {
        return Ok(G1Projective::zero());
    }
    if !points.is_multiplied_again(name) {
        return Ok(Multiples::new(point, 1).times(scalar));
    }
    let multiples = Multiples::new(point, Multiples::SPANS_KEPT);
    let product = multiples.times(scalar);
    points.keep_multiples(name, multiples);
    Ok(product)
}

/// Whether the product of pairings is one, as a word; the empty product is.
pub(super) fn pairing(
    input: &[u8],
    gas_limit: u64,
    fork: Fork,
    points: &mut Points,
) -> PrecompileResult {
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
        let q = lines(input, offset + 64, points)?;
        if let Some(q) = q.filter(|_| !p.is_zero()) {
            ps.push(p);
            qs.push(q);
        }
    }
    // The empty product is one, which is not worth a final exponentiation.
    let is_one = ps.is_empty() || Bn254::multi_pairing(ps, qs).is_zero();
    Ok(PrecompileOutput::of_check(gas_used, is_one))
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

/// The lines of the point of the twist at `offset`, which is in the subgroup; none at infinity.
fn lines(
    input: &[u8],
    offset: usize,
    points: &mut Points,
) -> Result<Option<Lines>, PrecompileError> {
    let name = padded(input, offset);
    if let Some(lines) = points.lines.get(&name) {
        return Ok(Some(lines.clone()));
    }
    let point = g2(input, offset)?;
    if point.is_zero() {
        return Ok(None);
    }
    let lines = Lines::from(point);
    points.keep_lines(name, lines.clone());
    Ok(Some(lines))
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
        let point = with_inverse(&point, inverse);
        let limbs = point.y.into_bigint().0.into_iter();
        let limbs = limbs.chain(point.x.into_bigint().0);
        for (chunk, limb) in bytes.rchunks_exact_mut(8).zip(limbs) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
    }
    Bytes::copy_from_slice(&bytes)
}

/// A point that is not at infinity, from the inverse of its `z`. Coordinates are Jacobian: `x / z^2` and `y / z^3`.
fn with_inverse(point: &G1Projective, inverse: Fq) -> G1Affine {
    let square = inverse.square();
    G1Affine::new_unchecked(point.x * square, point.y * square * inverse)
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
    use crate::precompiles::{FALSE, TRUE};

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

    type Run = fn(&[u8], u64, Fork) -> PrecompileResult;

    fn output(run: Run, input: &[u8]) -> Bytes {
        run(input, 1_000_000, Fork::Osaka).unwrap().bytes
    }

    /// With points that nobody has used before.
    fn mul(input: &[u8], gas_limit: u64, fork: Fork) -> PrecompileResult {
        super::mul(input, gas_limit, fork, &mut Points::default())
    }

    fn pairing(input: &[u8], gas_limit: u64, fork: Fork) -> PrecompileResult {
        super::pairing(input, gas_limit, fork, &mut Points::default())
    }

    fn g2_generator() -> Vec<u8> {
        g2_bytes(G2Affine::generator())
    }

    fn g2_bytes(point: G2Affine) -> Vec<u8> {
        let (x, y) = point.xy().unwrap();
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

    #[test]
    fn a_prepared_point_pairs_as_it_did_before() {
        let q = g2_generator();
        let same = [&GENERATOR[..], &q].concat();
        let opposite = [&negated(&GENERATOR)[..], &q].concat();
        let points = &mut Points::default();
        for (input, answer) in [
            ([&same[..], &opposite].concat(), TRUE),
            ([&same[..], &opposite].concat(), TRUE),
            ([&same[..], &same].concat(), FALSE),
        ] {
            let answered = super::pairing(&input, 1_000_000, Fork::Osaka, points);
            assert_eq!(answered.unwrap().bytes[..], answer);
            assert_eq!(points.lines.len(), 1);
        }
    }

    #[test]
    fn what_is_known_of_points_stays_bounded() {
        let points = &mut Points::default();
        let mut base = G1Affine::generator().into_group();
        for _ in 0..=Points::MULTIPLIED_MAX {
            base += G1Affine::generator();
            let input = [&encode(base)[..], &[0; 31], &[3]].concat();
            for _ in 0..3 {
                let answered = super::mul(&input, 6_000, Fork::Osaka, points).unwrap();
                assert_eq!(answered.bytes, encode(base + base + base));
            }
            assert!(points.multiplied.len() <= Points::MULTIPLIED_MAX);
            assert!(points.multiples.len() <= Points::MULTIPLES_MAX);
        }
        let mut base = G2Affine::generator().into_group();
        for _ in 0..=Points::LINES_MAX {
            base += G2Affine::generator();
            let input = [&GENERATOR[..], &g2_bytes(base.into_affine())].concat();
            super::pairing(&input, 100_000, Fork::Osaka, points).unwrap();
            assert!(points.lines.len() <= Points::LINES_MAX);
        }
    }

    proptest! {
        /// Double-and-add is the twin of a first multiple and of later ones.
        #[test]
        fn multiples_equal_double_and_add(point in any::<[u8; 32]>(), scalars in prop::array::uniform4(scalar())) {
            let point = G1Affine::generator().into_group() * Fr::from_be_bytes_mod_order(&point);
            let points = &mut Points::default();
            for scalar in scalars {
                let mut sum = G1Projective::zero();
                for bit in scalar.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)) {
                    sum += sum;
                    if bit == 1 {
                        sum += point;
                    }
                }
                let input = [&encode(point)[..], &scalar].concat();
                let product = super::mul(&input, 6_000, Fork::Osaka, points).unwrap();
                prop_assert_eq!(product.bytes, encode(sum));
            }
            prop_assert_eq!(points.multiples.len(), usize::from(!point.is_zero()));
        }
    }

    /// Any, and about the ends of the field and of halves, where digits are longest.
    fn scalar() -> impl Strategy<Value = [u8; 32]> {
        let near = |base: U256| {
            (-3_i8..3).prop_map(move |offset| {
                let offset = U256::from(offset.unsigned_abs()).wrapping_mul(if offset < 0 {
                    U256::MAX
                } else {
                    U256::ONE
                });
                base.wrapping_add(offset).to_be_bytes()
            })
        };
        let order = U256::from_limbs(Fr::MODULUS.0);
        prop_oneof![
            any::<[u8; 32]>(),
            near(U256::ZERO),
            near(order),
            near(U256::ONE << 127),
            near(U256::ONE << 128),
            near(order >> 1),
        ]
    }
}
