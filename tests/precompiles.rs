//! Every precompile against revm's, with random and near-edge inputs, on every fork where the rules
//! changed: the same success, gas and output, and out of gas at the same limit.
//! Says nothing about arithmetic that both take from one crate; the unit tests compare that.

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::PrimeField;
use deferevm::{
    Address, Fork, U256,
    precompiles::{Memo, Precompiles},
};
use proptest::{prelude::*, sample::select};
use revm::precompile::{PrecompileSpecId, PrecompileStatus, Precompiles as Oracle};

/// The first fork of each set of rules that a precompile has had.
const ERAS: [Fork; 7] = [
    Fork::Frontier,
    Fork::Byzantium,
    Fork::Istanbul,
    Fork::Berlin,
    Fork::Cancun,
    Fork::Prague,
    Fork::Osaka,
];

/// Ample gas for any input of these tests, small enough to keep a hostile MODEXP short.
const GAS_MAX: u64 = 20_000_000;

fn oracle(fork: Fork) -> &'static Oracle {
    Oracle::new(match fork {
        fork if fork >= Fork::Osaka => PrecompileSpecId::OSAKA,
        fork if fork >= Fork::Prague => PrecompileSpecId::PRAGUE,
        fork if fork >= Fork::Cancun => PrecompileSpecId::CANCUN,
        fork if fork >= Fork::Berlin => PrecompileSpecId::BERLIN,
        fork if fork >= Fork::Istanbul => PrecompileSpecId::ISTANBUL,
        fork if fork >= Fork::Byzantium => PrecompileSpecId::BYZANTIUM,
        _ => PrecompileSpecId::HOMESTEAD,
    })
}

/// Gas used and output, or nothing if the call failed.
type Answer = Option<(u64, Vec<u8>)>;

/// The same from what is computed, and from what is known by then.
fn ours(address: u64, input: &[u8], gas_limit: u64, fork: Fork) -> Answer {
    let table = Precompiles::of(fork);
    let precompile = table
        .get(Address::from_low_u64_be(address))
        .expect("it exists");
    let output = precompile.run(input, gas_limit, fork);
    let mut memo = Memo::default();
    for _ in 0..3 {
        let remembered = precompile.run_with(&mut memo, input, gas_limit, fork);
        assert_eq!(remembered, output);
    }
    let output = output.ok()?;
    Some((output.gas_used, output.bytes.to_vec()))
}

fn theirs(address: u64, input: &[u8], gas_limit: u64, fork: Fork) -> Answer {
    let address = alloy_primitives::Address::left_padding_from(&address.to_be_bytes());
    let precompile = oracle(fork).get(&address).expect("it exists");
    let output = precompile
        .execute(input, gas_limit, 0)
        .expect("no fatal error");
    match output.status {
        PrecompileStatus::Success => Some((output.gas_used, output.bytes.to_vec())),
        _ => None,
    }
}

/// Compares on each fork that has the precompile, with ample gas and about the exact cost.
fn agree(address: u64, input: &[u8]) -> Result<(), TestCaseError> {
    for fork in ERAS {
        if Precompiles::of(fork)
            .get(Address::from_low_u64_be(address))
            .is_none()
        {
            continue;
        }
        let expected = theirs(address, input, GAS_MAX, fork);
        prop_assert_eq!(&ours(address, input, GAS_MAX, fork), &expected, "{}", fork);
        let Some((gas, _)) = expected else { continue };
        let exact = ours(address, input, gas, fork);
        prop_assert_eq!(exact, expected, "exact gas, {}", fork);
        if let Some(less) = gas.checked_sub(1) {
            prop_assert_eq!(ours(address, input, less, fork), None, "{}", fork);
            prop_assert_eq!(theirs(address, input, less, fork), None, "{}", fork);
        }
    }
    Ok(())
}

/// The input unchanged, cut, lengthened or with one changed byte.
fn nearly(input: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (0..10_u8, any::<prop::sample::Index>(), any::<u8>());
    (input, change).prop_map(|(mut input, (kind, place, byte))| {
        match kind {
            0 if !input.is_empty() => input.truncate(place.index(input.len())),
            1 => input.push(byte),
            2 | 3 if !input.is_empty() => {
                let place = place.index(input.len());
                input[place] = byte;
            }
            _ => {}
        }
        input
    })
}

fn bytes<const N: usize>() -> impl Strategy<Value = Vec<u8>> {
    any::<[u8; N]>().prop_map(Vec::from)
}

/// A word near the bounds that matter to the group or field of this order, or any.
fn word_near(order: U256) -> impl Strategy<Value = [u8; 32]> {
    let edges = [
        U256::zero(),
        U256::one(),
        order >> 1,
        (order >> 1) + 1,
        order - 1,
        order,
        order + 1,
        U256::MAX,
    ];
    prop_oneof![
        2 => any::<[u8; 32]>(),
        1 => select(edges.to_vec()).prop_map(|word| word.to_big_endian()),
    ]
}

fn number(hex: &str) -> U256 {
    U256::from_str_radix(hex, 16).expect("hexadecimal")
}

fn concat(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    parts.into_iter().fold(Vec::new(), |mut whole, part| {
        whole.extend_from_slice(part.as_ref());
        whole
    })
}

#[test]
fn the_same_addresses_exist() {
    for fork in ERAS {
        let mut expected: Vec<_> = oracle(fork)
            .addresses()
            .map(|address| address.0.0)
            .collect();
        expected.sort_unstable();
        let ours: Vec<_> = Precompiles::of(fork)
            .addresses()
            .map(|address| address.0)
            .collect();
        assert_eq!(ours, expected, "{fork}");
    }
}

#[test]
fn msm_gas_agrees_for_every_number_of_points() {
    for count in 1..=140 {
        agree(0x0c, &vec![0; 160 * count]).unwrap();
        agree(0x0e, &vec![0; 288 * count]).unwrap();
    }
}

// ecrecover, hashes, identity

fn recovery() -> impl Strategy<Value = Vec<u8>> {
    let order = number("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let v = prop_oneof![8 => 27..=28_u8, 1 => any::<u8>()];
    (any::<[u8; 32]>(), v, word_near(order), word_near(order)).prop_map(|(hash, v, r, s)| {
        let v = U256::from(v).to_big_endian();
        concat([hash, v, r, s])
    })
}

proptest! {
    #[test]
    fn ecrecover_agrees(input in nearly(recovery())) {
        agree(0x01, &input)?;
    }

    #[test]
    fn hashes_and_identity_agree(input in prop::collection::vec(any::<u8>(), 0..400)) {
        for address in 2..=4 {
            agree(address, &input)?;
        }
    }
}

// modexp

fn length() -> impl Strategy<Value = U256> {
    let edges = [0, 1, 31, 32, 33, 63, 64, 65, 127, 1023, 1024, 1025];
    let edges = edges.map(U256::from).to_vec();
    let huge = [
        U256::MAX,
        U256::one() << 64,
        U256::from(u64::MAX),
        U256::from(u32::MAX),
    ];
    prop_oneof![
        6 => (0..200_u64).prop_map(U256::from),
        4 => select(edges),
        1 => select(huge.to_vec()),
    ]
}

fn modexp() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..600),
        1 => prop::collection::vec(select(vec![0, 1, 0x80, 0xff]), 0..600),
    ];
    ([length(), length(), length()], body).prop_map(|(lengths, body)| {
        let mut input = concat(lengths.map(|length| length.to_big_endian()));
        input.extend(body);
        input
    })
}

proptest! {
    #[test]
    fn modexp_agrees(input in nearly(modexp())) {
        agree(0x05, &input)?;
    }
}

// bn254

fn be_bytes(numbers: impl IntoIterator<Item = ark_bn254::Fq>) -> Vec<u8> {
    let limbs = numbers
        .into_iter()
        .flat_map(|number| number.into_bigint().0.into_iter().rev());
    limbs.flat_map(u64::to_be_bytes).collect()
}

fn bn_g1(point: G1Projective) -> Vec<u8> {
    point
        .into_affine()
        .xy()
        .map_or(vec![0; 64], |(x, y)| be_bytes([x, y]))
}

fn bn_g2(point: G2Projective) -> Vec<u8> {
    let coordinates = |(x, y): (ark_bn254::Fq2, ark_bn254::Fq2)| be_bytes([x.c1, x.c0, y.c1, y.c0]);
    point.into_affine().xy().map_or(vec![0; 128], coordinates)
}

fn bn_order() -> U256 {
    number("30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001")
}

fn bn_scalar() -> impl Strategy<Value = Fr> {
    word_near(bn_order()).prop_map(|word| Fr::from_be_bytes_mod_order(&word))
}

fn bn_point() -> impl Strategy<Value = Vec<u8>> {
    let modulus = number("30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");
    let good = bn_scalar().prop_map(|scalar| bn_g1(G1Affine::generator() * scalar));
    let bad = [word_near(modulus), word_near(modulus)].prop_map(concat);
    prop_oneof![8 => good, 1 => bad]
}

/// Pairs whose scalars sum to zero, so that the product is one, or pairs of any scalars.
fn bn_pairs() -> impl Strategy<Value = Vec<u8>> {
    let scalars = prop::collection::vec((bn_scalar(), bn_scalar()), 0..4);
    (scalars, any::<bool>()).prop_map(|(mut scalars, balanced)| {
        if balanced {
            let sum: Fr = scalars.iter().map(|(a, b)| *a * *b).sum();
            scalars.push((-sum, Fr::from(1)));
        }
        let pair = |(a, b)| {
            let p = bn_g1(G1Affine::generator() * a);
            [p, bn_g2(G2Affine::generator() * b)].concat()
        };
        concat(scalars.into_iter().map(pair))
    })
}

proptest! {
    #[test]
    fn bn254_add_agrees(input in nearly([bn_point(), bn_point()].prop_map(concat))) {
        agree(0x06, &input)?;
    }

    #[test]
    fn bn254_mul_agrees(point in bn_point(), scalar in word_near(bn_order())) {
        agree(0x07, &concat([&point[..], &scalar]))?;
    }

    #[test]
    fn bn254_mul_agrees_near_its_format(input in nearly(bytes::<96>())) {
        agree(0x07, &input)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bn254_pairing_agrees(input in nearly(bn_pairs())) {
        agree(0x08, &input)?;
    }
}

// blake2f

fn blake2f() -> impl Strategy<Value = Vec<u8>> {
    (0..200_u32, any::<[u8; 32]>(), bytes::<176>(), 0..=2_u8).prop_map(
        |(rounds, head, tail, flag)| {
            let mut input = concat([&rounds.to_be_bytes()[..], &head, &tail]);
            input.push(flag);
            input
        },
    )
}

proptest! {
    #[test]
    fn blake2f_agrees(input in nearly(blake2f())) {
        agree(0x09, &input)?;
    }
}

// kzg

/// The order of the scalar field of BLS12-381.
fn bls_order() -> U256 {
    number("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001")
}

/// The generator of G1 times `scalar`, compressed.
fn bls_multiple(scalar: U256) -> Vec<u8> {
    if scalar.is_zero() {
        return concat([&[0xc0][..], &[0; 47]]);
    }
    let key = blst::min_pk::SecretKey::from_bytes(&scalar.to_big_endian()).expect("below order");
    key.sk_to_pk().compress().to_vec()
}

/// The generator of G1 times the ceremony's secret: the second of the monomial G1 points of the
/// consensus specifications' trusted setup.
const SECRET_G1: [u8; 48] = alloy_primitives::hex!(
    "ad3eb50121139aa34db1d545093ac9374ab7bca2c0f3bf28e27c8dcd8fc7cb42d25926fc0c97b336e9f0fb35e5a04c81"
);

/// The commitment to `slope * x + offset`, compressed.
fn bls_commitment(slope: U256, offset: U256) -> Vec<u8> {
    use blst::{MultiPoint, min_pk::PublicKey};

    if slope.is_zero() {
        return bls_multiple(offset);
    }
    let key = |bytes: &[u8]| PublicKey::uncompress(bytes).expect("a point");
    let points = [key(&SECRET_G1), key(&bls_multiple(U256::one()))];
    // A scalar of zero has no place in the library's sum.
    let count = if offset.is_zero() { 1 } else { 2 };
    let scalars = concat([slope.to_little_endian(), offset.to_little_endian()]);
    let sum = points[..count].mult(&scalars[..32 * count], 255);
    sum.to_public_key().compress().to_vec()
}

/// A linear polynomial, opened at `z` by a constant quotient; or a value that is off by `error`.
fn kzg() -> impl Strategy<Value = Vec<u8>> {
    let order = bls_order();
    let word = || word_near(order);
    let error = select(vec![0, 0, 0, 1_u64]);
    (word(), word(), word(), any::<bool>(), error).prop_map(
        move |(slope, offset, z, canonical, error)| {
            let [slope, offset] = [slope, offset].map(|word| U256::from_big_endian(&word) % order);
            let z = U256::from_big_endian(&z);
            let z = if canonical { z % order } else { z };
            let y = (slope.full_mul(z) + offset) % order;
            let y = U256::try_from(y).expect("below order") + U256::from(error);
            let commitment = bls_commitment(slope, offset);
            let mut hash = <sha2::Sha256 as sha2::Digest>::digest(&commitment);
            hash[0] = 1;
            let words = [z, y].map(|word| word.to_big_endian());
            concat([
                &hash[..],
                &words.concat(),
                &commitment,
                &bls_multiple(slope),
            ])
        },
    )
}

#[test]
fn a_linear_polynomial_opens_at_a_point() {
    let [slope, offset, z] = [7, 5, 3].map(U256::from);
    let commitment = bls_commitment(slope, offset);
    let mut hash = <sha2::Sha256 as sha2::Digest>::digest(&commitment);
    hash[0] = 1;
    let words = [z, U256::from(7 * 3 + 5)].map(|word| word.to_big_endian());
    let input = concat([
        &hash[..],
        &words.concat(),
        &commitment,
        &bls_multiple(slope),
    ]);
    assert!(ours(0x0a, &input, GAS_MAX, Fork::Cancun).is_some());
    agree(0x0a, &input).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn kzg_point_evaluation_agrees(input in nearly(kzg())) {
        agree(0x0a, &input)?;
    }
}

// bls12-381

/// A padded field element; rarely one that is not canonical.
fn bls_element() -> impl Strategy<Value = Vec<u8>> {
    let modulus = alloy_primitives::hex!(
        "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab"
    );
    let below = any::<[u8; 47]>().prop_map(|bytes| concat([&[0; 17][..], &bytes]));
    let near = (-2..3_i8).prop_map(move |distance| {
        let mut near = modulus;
        near[47] = near[47].wrapping_add_signed(distance);
        concat([&[0; 16][..], &near])
    });
    prop_oneof![8 => below, 1 => near, 1 => Just(vec![0; 64])]
}

/// A point of G1 (elements = 1) or G2 (elements = 2) that the oracle maps to, or infinity.
fn bls_point(elements: usize) -> impl Strategy<Value = Vec<u8>> {
    let element = any::<[u8; 47]>().prop_map(|bytes| concat([&[0; 17][..], &bytes]));
    let point = prop::collection::vec(element, elements).prop_map(move |parts| {
        let map = if elements == 1 { 0x10 } else { 0x11 };
        let (_, point) = theirs(map, &concat(parts), GAS_MAX, Fork::Prague).expect("maps");
        point
    });
    prop_oneof![8 => point, 1 => Just(vec![0; 128 * elements])]
}

/// Two points: any, equal, or with opposite signs where `y` is negated byte by byte.
fn bls_two_points(elements: usize) -> impl Strategy<Value = Vec<u8>> {
    (bls_point(elements), bls_point(elements), any::<bool>()).prop_map(|(left, right, equal)| {
        let right = if equal { left.clone() } else { right };
        [left, right].concat()
    })
}

fn bls_terms(elements: usize, most: usize) -> impl Strategy<Value = Vec<u8>> {
    let term = (bls_point(elements), word_near(bls_order()));
    prop::collection::vec(term, 1..=most).prop_map(|terms| {
        concat(
            terms
                .into_iter()
                .map(|(point, scalar)| concat([&point[..], &scalar])),
        )
    })
}

/// `e(aP, Q) · e(-aP, Q)` and pairs beside it.
fn bls_pairs() -> impl Strategy<Value = Vec<u8>> {
    let pair = (bls_point(1), bls_point(2)).prop_map(concat_pair);
    let minus_one = (bls_order() - 1).to_big_endian();
    let balanced = (bls_point(1), bls_point(2)).prop_map(move |(p, q)| {
        let term = concat([&p[..], &minus_one]);
        let (_, minus) = theirs(0x0c, &term, GAS_MAX, Fork::Prague).expect("multiplies");
        [p, q.clone(), minus, q].concat()
    });
    prop_oneof![
        1 => balanced,
        1 => prop::collection::vec(pair, 1..4).prop_map(concat),
    ]
}

fn concat_pair((p, q): (Vec<u8>, Vec<u8>)) -> Vec<u8> {
    [p, q].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bls12_g1_add_agrees(input in nearly(bls_two_points(1))) {
        agree(0x0b, &input)?;
    }

    #[test]
    fn bls12_g1_msm_agrees(input in nearly(bls_terms(1, 6))) {
        agree(0x0c, &input)?;
    }

    #[test]
    fn bls12_g2_add_agrees(input in nearly(bls_two_points(2))) {
        agree(0x0d, &input)?;
    }

    #[test]
    fn bls12_g2_msm_agrees(input in nearly(bls_terms(2, 4))) {
        agree(0x0e, &input)?;
    }

    #[test]
    fn bls12_pairing_check_agrees(input in nearly(bls_pairs())) {
        agree(0x0f, &input)?;
    }

    #[test]
    fn bls12_maps_agree(first in bls_element(), second in bls_element()) {
        agree(0x10, &first)?;
        agree(0x11, &concat([first, second]))?;
    }

    #[test]
    fn bls12_maps_agree_near_their_format(input in nearly(bls_element())) {
        agree(0x10, &input)?;
        agree(0x11, &concat([&input, &input]))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn bls12_long_sums_agree(g1 in bls_terms(1, 40), g2 in bls_terms(2, 40)) {
        agree(0x0c, &g1)?;
        agree(0x0e, &g2)?;
    }
}

// p256

/// A signature by a random key, with `s` or its complement.
fn p256() -> impl Strategy<Value = Vec<u8>> {
    use p256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner};

    let order = number("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let key =
        any::<[u8; 32]>().prop_filter_map("a valid key", |key| SigningKey::from_slice(&key).ok());
    (key, word_near(order), any::<bool>()).prop_map(move |(key, hash, other)| {
        let signature: Signature = key.sign_prehash(&hash).expect("32 bytes are signed");
        let (r, s) = signature.split_bytes();
        let s = U256::from_big_endian(&s);
        let s = if other { order - s } else { s }.to_big_endian();
        let point = key.verifying_key().to_encoded_point(false);
        concat([&hash[..], &r, &s, &point.as_bytes()[1..]])
    })
}

proptest! {
    #[test]
    fn p256_verify_agrees(input in nearly(p256())) {
        agree(0x100, &input)?;
    }
}
