//! The BLS12-381 set, 0x0b to 0x11 (EIP-2537): formats, checks and gas.
//! The curve is blst, behind the safe types of `curve`; the KZG precompile uses them too.

pub(super) mod curve;

use bytes::Bytes;
use deferevm_opcodes::Fork;

use self::curve::{FIELD_BYTES, Fp, G1, G2, Point, Scalar, product_of_pairings_is_one};
use super::{PrecompileError, PrecompileOutput, PrecompileResult, charge, padded};

const FP_BYTES: usize = 64;
const G1_BYTES: usize = 2 * FP_BYTES;
const G2_BYTES: usize = 4 * FP_BYTES;
const SCALAR_BYTES: usize = 32;

/// The sum of two points of G1, for 375 gas; the points need not be in the subgroup.
pub(super) fn g1_add(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    add::<G1>(input, gas_limit, 375, "256 bytes")
}

/// The sum of two points of G2, for 600 gas; the points need not be in the subgroup.
pub(super) fn g2_add(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    add::<G2>(input, gas_limit, 600, "512 bytes")
}

/// The sum of multiples of points of G1, for 12000 gas each and a discount by number.
pub(super) fn g1_msm(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let expected = "one or more times 160 bytes";
    msm::<G1>(input, gas_limit, 12_000, &DISCOUNTS_G1, expected)
}

/// The sum of multiples of points of G2, for 22500 gas each and a discount by number.
pub(super) fn g2_msm(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let expected = "one or more times 288 bytes";
    msm::<G2>(input, gas_limit, 22_500, &DISCOUNTS_G2, expected)
}

/// Whether the product of pairings is one, as a word, for 37700 gas and 32600 for each pair.
pub(super) fn pairing_check(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    const PAIR_BYTES: usize = G1_BYTES + G2_BYTES;
    let count = count(input, PAIR_BYTES, "one or more times 384 bytes")?;
    let gas = count
        .checked_mul(32_600)
        .and_then(|gas| gas.checked_add(37_700));
    let gas_used = charge(gas, gas_limit)?;
    let pairs = (0..input.len()).step_by(PAIR_BYTES).map(|offset| {
        let p = subgroup_point::<G1>(input, offset)?;
        let q = subgroup_point::<G2>(input, offset + G1_BYTES)?;
        Ok((p, q))
    });
    let pairs = pairs.collect::<Result<Vec<_>, PrecompileError>>()?;
    let is_one = product_of_pairings_is_one(pairs);
    Ok(PrecompileOutput::of_check(gas_used, is_one))
}

/// The map of a field element to G1, for 5500 gas.
pub(super) fn map_fp_to_g1(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(Some(5_500), gas_limit)?;
    expect_length(input, FP_BYTES, "64 bytes")?;
    let point = G1::map(field_element(input, 0)?);
    Ok(PrecompileOutput {
        gas_used,
        bytes: encode(&point),
    })
}

/// The map of an element of the quadratic extension to G2, for 23800 gas.
pub(super) fn map_fp2_to_g2(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(Some(23_800), gas_limit)?;
    expect_length(input, 2 * FP_BYTES, "128 bytes")?;
    let (real, imaginary) = (field_element(input, 0)?, field_element(input, FP_BYTES)?);
    let point = G2::map(real, imaginary);
    Ok(PrecompileOutput {
        gas_used,
        bytes: encode(&point),
    })
}

fn add<P: Point>(
    input: &[u8],
    gas_limit: u64,
    gas: u64,
    expected: &'static str,
) -> PrecompileResult {
    let gas_used = charge(Some(gas), gas_limit)?;
    let point_bytes = P::FIELD_ELEMENTS * FP_BYTES;
    expect_length(input, 2 * point_bytes, expected)?;
    let sum = point::<P>(input, 0)?.add(&point::<P>(input, point_bytes)?);
    Ok(PrecompileOutput {
        gas_used,
        bytes: encode(&sum),
    })
}

fn msm<P: Point>(
    input: &[u8],
    gas_limit: u64,
    gas_each: u64,
    discounts: &[u16; 128],
    expected: &'static str,
) -> PrecompileResult {
    let point_bytes = P::FIELD_ELEMENTS * FP_BYTES;
    let count = count(input, point_bytes + SCALAR_BYTES, expected)?;
    let gas_used = charge(msm_gas(count, gas_each, discounts), gas_limit)?;
    let (mut points, mut scalars) = (Vec::new(), Vec::new());
    for offset in (0..input.len()).step_by(point_bytes + SCALAR_BYTES) {
        let point = subgroup_point::<P>(input, offset)?;
        let scalar = Scalar::reduced(&padded(input, offset + point_bytes));
        // Neither infinity nor zero adds anything, and the library's sum takes neither.
        if let (false, Some(scalar)) = (point.is_infinity(), scalar) {
            points.push(point);
            scalars.push(scalar);
        }
    }
    Ok(PrecompileOutput {
        gas_used,
        bytes: encode(&P::sum_of_multiples(&points, &scalars)),
    })
}

/// `count * gas_each * discount / 1000`, the last discount for all larger counts.
fn msm_gas(count: u64, gas_each: u64, discounts: &[u16; 128]) -> Option<u64> {
    let last = discounts.len() - 1;
    let place = usize::try_from(count.checked_sub(1)?).map_or(last, |place| place.min(last));
    let full = count.checked_mul(gas_each)?;
    Some(full.checked_mul(u64::from(discounts[place]))? / 1000)
}

/// How many items of `item_bytes` the input has: at least one, and nothing else.
fn count(input: &[u8], item_bytes: usize, expected: &'static str) -> Result<u64, PrecompileError> {
    let found = input.len();
    if found == 0 || !found.is_multiple_of(item_bytes) {
        return Err(PrecompileError::InputLength { found, expected });
    }
    Ok(u64::try_from(found / item_bytes).expect("a length in memory fits in 64 bits"))
}

fn expect_length(
    input: &[u8],
    length: usize,
    expected: &'static str,
) -> Result<(), PrecompileError> {
    let found = input.len();
    if found != length {
        return Err(PrecompileError::InputLength { found, expected });
    }
    Ok(())
}

/// The field element in the 64 bytes at `offset`, of which the first 16 must be zero.
fn field_element(input: &[u8], offset: usize) -> Result<Fp, PrecompileError> {
    let word: [u8; FP_BYTES] = padded(input, offset);
    let (padding, number) = word.split_at(FP_BYTES - FIELD_BYTES);
    let number = (padding == [0; FP_BYTES - FIELD_BYTES]).then(|| padded(number, 0));
    number
        .and_then(|number| Fp::from_be_bytes(&number))
        .ok_or(PrecompileError::FieldElement { offset })
}

/// The point at `offset`, on the curve or at infinity.
fn point<P: Point>(input: &[u8], offset: usize) -> Result<P, PrecompileError> {
    let coordinates = (0..P::FIELD_ELEMENTS)
        .map(|index| field_element(input, offset + index * FP_BYTES))
        .collect::<Result<smallvec::SmallVec<[Fp; 4]>, _>>()?;
    P::from_coordinates(&coordinates).ok_or(PrecompileError::NotOnCurve { offset })
}

fn subgroup_point<P: Point>(input: &[u8], offset: usize) -> Result<P, PrecompileError> {
    let point = point::<P>(input, offset)?;
    if !point.is_in_subgroup() {
        return Err(PrecompileError::NotInSubgroup { offset });
    }
    Ok(point)
}

fn encode<P: Point>(point: &P) -> Bytes {
    let mut bytes = Vec::with_capacity(P::FIELD_ELEMENTS * FP_BYTES);
    for coordinate in point.coordinates().as_ref() {
        bytes.extend_from_slice(&[0; FP_BYTES - FIELD_BYTES]);
        bytes.extend_from_slice(&coordinate.to_be_bytes());
    }
    bytes.into()
}

/// Thousandths of the full price for each of 1, 2, … 128 and more points of G1 (EIP-2537).
const DISCOUNTS_G1: [u16; 128] = [
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677, 673, 669, 665,
    661, 658, 654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627, 625, 623, 621, 619, 617, 615,
    613, 611, 609, 608, 606, 604, 603, 601, 599, 598, 596, 595, 593, 592, 591, 589, 588, 586, 585,
    584, 582, 581, 580, 579, 577, 576, 575, 574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563,
    562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545,
    544, 543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531, 530, 529,
    528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519,
];

/// Thousandths of the full price for each of 1, 2, … 128 and more points of G2 (EIP-2537).
const DISCOUNTS_G2: [u16; 128] = [
    1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717, 711, 704,
    699, 693, 688, 683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646, 643, 640, 637, 634, 632,
    629, 627, 624, 622, 620, 618, 615, 613, 611, 609, 607, 606, 604, 602, 600, 598, 597, 595, 593,
    592, 590, 589, 587, 586, 584, 583, 582, 580, 579, 578, 576, 575, 574, 573, 571, 570, 569, 568,
    567, 566, 565, 563, 562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549,
    548, 547, 546, 545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535, 534,
    533, 532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524,
];

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use proptest::prelude::*;

    use super::{super::bls12_381::curve::FIELD_MODULUS, *};
    use crate::precompiles::{FALSE, TRUE};

    type Run = fn(&[u8], u64, Fork) -> PrecompileResult;

    fn output(run: Run, input: &[u8]) -> Bytes {
        run(input, u64::MAX, Fork::Prague).unwrap().bytes
    }

    fn refusal(run: Run, input: &[u8]) -> PrecompileError {
        run(input, u64::MAX, Fork::Prague).unwrap_err()
    }

    fn scalar(number: u8) -> Vec<u8> {
        let mut bytes = vec![0; SCALAR_BYTES];
        bytes[SCALAR_BYTES - 1] = number;
        bytes
    }

    #[test]
    fn maps_the_vector_of_eip_2537() {
        // matter_fp_to_g1_0 of go-ethereum, which the EIP's assets repeat.
        let element = hex!(
            "0000000000000000000000000000000014406e5bfb9209256a3820879a29ac2f"
            "62d6aca82324bf3ae2aa7d3c54792043bd8c791fccdb080c1a52dc68b8b69350"
        );
        let expected = hex!(
            "000000000000000000000000000000000d7721bcdb7ce1047557776eb2659a44"
            "4166dc6dd55c7ca6e240e21ae9aa18f529f04ac31d861b54faf3307692545db7"
            "00000000000000000000000000000000108286acbdf4384f67659a8abe89e712"
            "a504cb3ce1cba07a716869025d60d499a00d1da8cdc92958918c222ea93d87f0"
        );
        assert_eq!(output(map_fp_to_g1, &element)[..], expected);
    }

    #[test]
    fn field_elements_are_padded_and_below_the_modulus() {
        let mut element = [0; FP_BYTES];
        element[16..].copy_from_slice(&FIELD_MODULUS);
        let expected = PrecompileError::FieldElement { offset: 0 };
        assert_eq!(refusal(map_fp_to_g1, &element), expected);
        element[63] -= 1;
        output(map_fp_to_g1, &element);
        element[15] = 1;
        assert_eq!(refusal(map_fp_to_g1, &element), expected);
    }

    #[test]
    fn lengths_are_exact() {
        let cases: [(Run, usize); 7] = [
            (g1_add, 256),
            (g1_msm, 160),
            (g2_add, 512),
            (g2_msm, 288),
            (pairing_check, 384),
            (map_fp_to_g1, 64),
            (map_fp2_to_g2, 128),
        ];
        for (run, length) in cases {
            output(run, &vec![0; length]);
            for wrong in [0, length - 1, length + 1] {
                let error = refusal(run, &vec![0; wrong]);
                assert!(matches!(error, PrecompileError::InputLength { .. }));
            }
        }
    }

    #[test]
    fn gas_follows_the_discount_tables() {
        let cases: [(Run, usize, usize, u64); 11] = [
            (g1_add, 256, 1, 375),
            (g1_msm, 160, 1, 12_000),
            (g1_msm, 160, 2, 22_776),
            (g1_msm, 160, 128, 797_184),
            (g1_msm, 160, 129, 803_412),
            (g2_add, 512, 1, 600),
            (g2_msm, 288, 2, 45_000),
            (g2_msm, 288, 129, 1_520_910),
            (pairing_check, 384, 2, 102_900),
            (map_fp_to_g1, 64, 1, 5_500),
            (map_fp2_to_g2, 128, 1, 23_800),
        ];
        for (run, item, count, gas) in cases {
            let input = vec![0; item * count];
            assert_eq!(run(&input, gas, Fork::Prague).unwrap().gas_used, gas);
            assert!(run(&input, gas - 1, Fork::Prague).is_err());
        }
    }

    #[test]
    fn sums_take_points_outside_the_subgroup_and_multiples_do_not() {
        // (4, sqrt(68)) is the point of smallest x on the curve that is outside the subgroup.
        let mut compressed = [0; 48];
        (compressed[0], compressed[47]) = (0x80, 4);
        let point = blst::min_pk::PublicKey::uncompress(&compressed).unwrap();
        let coordinates = point.serialize();
        let mut outside = [0; G1_BYTES];
        outside[16..64].copy_from_slice(&coordinates[..48]);
        outside[80..].copy_from_slice(&coordinates[48..]);
        let sum = output(g1_add, &[outside, [0; G1_BYTES]].concat());
        assert_eq!(sum[..], outside);
        let input = [&outside[..], &scalar(1)].concat();
        let expected = PrecompileError::NotInSubgroup { offset: 0 };
        assert_eq!(refusal(g1_msm, &input), expected);
        let input = [&outside[..], &[0; G2_BYTES]].concat();
        assert_eq!(refusal(pairing_check, &input), expected);
        let mut off = outside;
        off[127] ^= 1;
        let input = [off, outside].concat();
        assert_eq!(
            refusal(g1_add, &input),
            PrecompileError::NotOnCurve { offset: 0 }
        );
    }

    #[test]
    fn doubles_and_opposites_add_completely() {
        let (p, q) = (encode(&G1::generator()), encode(&G2::generator()));
        let double = output(g1_add, &[&p[..], &p].concat());
        assert_eq!(double, output(g1_msm, &[&p[..], &scalar(2)].concat()));
        let double = output(g2_add, &[&q[..], &q].concat());
        assert_eq!(double, output(g2_msm, &[&q[..], &scalar(2)].concat()));
        let minus = encode(&G1::generator().negated());
        assert_eq!(
            output(g1_add, &[&p[..], &minus].concat())[..],
            [0; G1_BYTES]
        );
    }

    #[test]
    fn opposite_pairings_multiply_to_one() {
        let (p, q) = (encode(&G1::generator()), encode(&G2::generator()));
        let minus = encode(&G1::generator().negated());
        assert_eq!(output(pairing_check, &[&p[..], &q].concat())[..], FALSE);
        assert_eq!(
            output(pairing_check, &[&p[..], &q, &minus, &q].concat())[..],
            TRUE
        );
        assert_eq!(output(pairing_check, &[0; 384])[..], TRUE);
    }

    /// The sum of multiples, by doubling and adding.
    fn naive<P: Point>(terms: &[(P, [u8; 32])], infinity: P) -> P {
        terms.iter().fold(infinity, |sum, (point, scalar)| {
            let bits = scalar
                .iter()
                .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
            let multiple = bits.fold(infinity, |multiple, bit| {
                let double = multiple.add(&multiple);
                if bit == 1 { double.add(point) } else { double }
            });
            sum.add(&multiple)
        })
    }

    fn scalars() -> impl Strategy<Value = Vec<[u8; 32]>> {
        let edges = vec![[0; 32], [0xff; 32], curve::SCALAR_MODULUS];
        let one = prop_oneof![2 => any::<[u8; 32]>(), 1 => prop::sample::select(edges)];
        // One multiple goes by an endomorphism; the library's sum changes its algorithm at 32 points.
        prop_oneof![
            3 => prop::collection::vec(one.clone(), 1..6),
            1 => prop::collection::vec(one, 30..36)
        ]
    }

    /// Where a step of a multiple adds a point to itself or to its opposite, if any does.
    #[test]
    fn multiples_near_zero_and_the_order_equal_double_and_add() {
        let near_the_order = |below: u8| {
            let mut scalar = curve::SCALAR_MODULUS;
            // The order ends in 0x00000001.
            let last = 1_u32.wrapping_sub(below.into());
            scalar[28..].copy_from_slice(&last.to_be_bytes());
            if below > 1 {
                scalar[27] -= 1;
            }
            scalar
        };
        let near_zero = |number: u8| std::array::from_fn(|i| if i == 31 { number } else { 0 });
        let zero = (point::<G1>(&[], 0).unwrap(), point::<G2>(&[], 0).unwrap());
        let (g1, g2) = (G1::generator(), G2::generator());
        for scalar in (0..40).flat_map(|n| [near_zero(n), near_the_order(n)]) {
            let input = |point: Bytes| [&point[..], &scalar].concat();
            let multiple = encode(&naive(&[(g1, scalar)], zero.0));
            assert_eq!(output(g1_msm, &input(encode(&g1))), multiple, "{scalar:?}");
            let multiple = encode(&naive(&[(g2, scalar)], zero.1));
            assert_eq!(output(g2_msm, &input(encode(&g2))), multiple, "{scalar:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn sums_of_multiples_equal_double_and_add(scalars in scalars(), repeat in any::<bool>()) {
            let mut points = (G1::generator(), G2::generator());
            let (mut in_g1, mut in_g2) = (vec![], vec![]);
            for scalar in scalars {
                in_g1.push((points.0, scalar));
                in_g2.push((points.1, scalar));
                if !repeat {
                    points = (points.0.add(&points.0), points.1.add(&points.1));
                }
            }
            let input = |point: Bytes, scalar: [u8; 32]| [&point[..], &scalar].concat();
            let g1 = in_g1.iter().flat_map(|(p, s)| input(encode(p), *s)).collect::<Vec<u8>>();
            let g2 = in_g2.iter().flat_map(|(p, s)| input(encode(p), *s)).collect::<Vec<u8>>();
            let zero = (point::<G1>(&[], 0).unwrap(), point::<G2>(&[], 0).unwrap());
            prop_assert_eq!(output(g1_msm, &g1), encode(&naive(&in_g1, zero.0)));
            prop_assert_eq!(output(g2_msm, &g2), encode(&naive(&in_g2, zero.1)));
        }
    }
}
