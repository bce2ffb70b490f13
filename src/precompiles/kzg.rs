//! KZG point evaluation, 0x0a (EIP-4844): a commitment's polynomial has value `y` at `z`, proven.
//! It needs a single point of the ceremony's output beside the generators, so that point stands here
//! and the pairing is blst's; the library c-kzg decodes the whole setup first, which takes seconds.

use std::sync::LazyLock;

use bytes::Bytes;
use deferevm_opcodes::Fork;
use sha2::{Digest, Sha256};

use super::{
    PrecompileError, PrecompileOutput, PrecompileResult,
    bls12_381::curve::{G1, G2, Point, SCALAR_MODULUS, Scalar, product_of_pairings_is_one},
    charge, padded,
};

/// Gas for one evaluation (EIP-4844).
const GAS: u64 = 50_000;
const INPUT_BYTES: usize = 192;
/// The first byte of a versioned hash of a KZG commitment (EIP-4844).
const VERSION: u8 = 1;

/// The generator of G2 times the ceremony's secret, compressed: the second of the monomial G2 points
/// of the consensus specifications' trusted setup.
const SECRET_G2: [u8; 96] = [
    0xb5, 0xbf, 0xd7, 0xdd, 0x8c, 0xde, 0xb1, 0x28, 0x84, 0x3b, 0xc2, 0x87, 0x23, 0x0a, 0xf3, 0x89,
    0x26, 0x18, 0x70, 0x75, 0xcb, 0xfb, 0xef, 0xa8, 0x10, 0x09, 0xa2, 0xce, 0x61, 0x5a, 0xc5, 0x3d,
    0x29, 0x14, 0xe5, 0x87, 0x0c, 0xb4, 0x52, 0xd2, 0xaf, 0xaa, 0xab, 0x24, 0xf3, 0x49, 0x9f, 0x72,
    0x18, 0x5c, 0xbf, 0xee, 0x53, 0x49, 0x27, 0x14, 0x73, 0x44, 0x29, 0xb7, 0xb3, 0x86, 0x08, 0xe2,
    0x39, 0x26, 0xc9, 0x11, 0xcc, 0xec, 0xea, 0xc9, 0xa3, 0x68, 0x51, 0x47, 0x7b, 0xa4, 0xc6, 0x0b,
    0x08, 0x70, 0x41, 0xde, 0x62, 0x10, 0x00, 0xed, 0xc9, 0x8e, 0xda, 0xda, 0x20, 0xc1, 0xde, 0xf2,
];

/// The generator of G2, and the generator times the secret.
static SETUP: LazyLock<(G2, G2)> = LazyLock::new(|| {
    let secret = G2::uncompress(&SECRET_G2).expect("the ceremony's point is in the subgroup");
    (G2::generator(), secret)
});

/// The number of field elements in a blob and the order of the scalar field, each as a word.
static OUTPUT: LazyLock<Bytes> = LazyLock::new(|| {
    let mut bytes = [0; 64];
    bytes[30..32].copy_from_slice(&4096_u16.to_be_bytes());
    bytes[32..].copy_from_slice(&SCALAR_MODULUS);
    Bytes::copy_from_slice(&bytes)
});

/// Checks `versioned_hash (32) ++ z (32) ++ y (32) ++ commitment (48) ++ proof (48)`. A proof that
/// does not verify fails the call.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(Some(GAS), gas_limit)?;
    let input: &[u8; INPUT_BYTES] = input.try_into().map_err(|_| PrecompileError::InputLength {
        found: input.len(),
        expected: "192 bytes",
    })?;
    if input[..32] != versioned_hash(&input[96..144]) {
        return Err(PrecompileError::VersionedHash);
    }
    let z = scalar(input, 32)?;
    let y = scalar(input, 64)?;
    let commitment = point(input, 96)?;
    let proof = point(input, 144)?;
    if !verify(commitment, proof, z, y) {
        return Err(PrecompileError::Proof);
    }
    Ok(PrecompileOutput {
        gas_used,
        bytes: OUTPUT.clone(),
    })
}

/// Whether `e(commitment - y, 1) = e(proof, secret - z)`, which is the same as
/// `e(y - commitment - z·proof, 1) · e(proof, secret) = 1`: so only points of G1, the cheaper group,
/// are multiplied.
fn verify(commitment: G1, proof: G1, z: Option<Scalar>, y: Option<Scalar>) -> bool {
    let terms = [(G1::generator(), y), (proof.negated(), z)];
    let terms = terms.into_iter().filter(|(point, _)| !point.is_infinity());
    let (points, scalars): (Vec<G1>, Vec<Scalar>) = terms
        .filter_map(|(point, scalar)| Some((point, scalar?)))
        .unzip();
    let left = G1::sum_of_multiples(&points, &scalars).add(&commitment.negated());
    let (one, secret) = *SETUP;
    product_of_pairings_is_one([(left, one), (proof, secret)])
}

fn versioned_hash(commitment: &[u8]) -> [u8; 32] {
    let mut hash: [u8; 32] = Sha256::digest(commitment).into();
    hash[0] = VERSION;
    hash
}

/// A scalar below the order of the field; `Ok(None)` is zero.
fn scalar(input: &[u8], offset: usize) -> Result<Option<Scalar>, PrecompileError> {
    let bytes: [u8; 32] = padded(input, offset);
    if bytes >= SCALAR_MODULUS {
        return Err(PrecompileError::FieldElement { offset });
    }
    Ok(Scalar::reduced(&bytes))
}

fn point(input: &[u8], offset: usize) -> Result<G1, PrecompileError> {
    G1::uncompress(&padded(input, offset)).ok_or(PrecompileError::NotOnCurve { offset })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    /// The vector `pointEvaluation1` of go-ethereum's precompile tests.
    const VALID: [u8; INPUT_BYTES] = hex!(
        "01e798154708fe7789429634053cbf9f99b619f9f084048927333fce637f549b"
        "564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306"
        "24d25032e67a7e6a4910df5834b8fe70e6bcfeeac0352434196bdf4b2485d5a1"
        "8f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca2"
        "5f26936857bc3a7c2539ea8ec3a952b7873033e038326e87ed3e1276fd140253"
        "fa08e9fc25fb2d9a98527fc22a2c9612fbeafdad446cbc7bcdbdcd780af2c16a"
    );

    fn refusal(change: impl FnOnce(&mut [u8; INPUT_BYTES])) -> PrecompileError {
        let mut input = VALID;
        change(&mut input);
        run(&input, GAS, Fork::Cancun).unwrap_err()
    }

    /// Puts in another commitment and its versioned hash.
    fn commit(input: &mut [u8; INPUT_BYTES], commitment: &[u8; 48]) {
        input[96..144].copy_from_slice(commitment);
        let hash = versioned_hash(commitment);
        input[..32].copy_from_slice(&hash);
    }

    fn infinity() -> [u8; 48] {
        let mut point = [0; 48];
        point[0] = 0xc0;
        point
    }

    #[test]
    fn a_proof_that_verifies_gives_the_two_constants() {
        let output = run(&VALID, GAS, Fork::Cancun).unwrap();
        assert_eq!(output.gas_used, 50_000);
        let expected = hex!(
            "0000000000000000000000000000000000000000000000000000000000001000"
            "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001"
        );
        assert_eq!(output.bytes[..], expected);
        assert!(run(&VALID, GAS - 1, Fork::Cancun).is_err());
    }

    #[test]
    fn the_zero_polynomial_is_zero_everywhere() {
        let mut input = VALID;
        commit(&mut input, &infinity());
        input[64..96].fill(0);
        input[144..].copy_from_slice(&infinity());
        assert!(run(&input, GAS, Fork::Cancun).is_ok());
        input[95] = 1;
        let error = run(&input, GAS, Fork::Cancun).unwrap_err();
        assert_eq!(error, PrecompileError::Proof);
    }

    #[test]
    fn another_point_or_value_fails() {
        assert_eq!(refusal(|input| input[63] ^= 1), PrecompileError::Proof);
        assert_eq!(refusal(|input| input[95] ^= 1), PrecompileError::Proof);
        let at_infinity = refusal(|input| input[144..].copy_from_slice(&infinity()));
        assert_eq!(at_infinity, PrecompileError::Proof);
    }

    #[test]
    fn scalars_must_be_below_the_order() {
        for offset in [32, 64] {
            let error =
                refusal(|input| input[offset..offset + 32].copy_from_slice(&SCALAR_MODULUS));
            assert_eq!(error, PrecompileError::FieldElement { offset });
        }
    }

    #[test]
    fn points_must_be_well_formed_and_in_the_subgroup() {
        let zeros = refusal(|input| commit(input, &[0; 48]));
        assert_eq!(zeros, PrecompileError::NotOnCurve { offset: 96 });
        let flagged = refusal(|input| input[144..].fill(0xff));
        assert_eq!(flagged, PrecompileError::NotOnCurve { offset: 144 });
        // x = 4 is on the curve but outside the subgroup.
        let outside = refusal(|input| {
            input[144..].fill(0);
            input[144] = 0x80;
            input[191] = 4;
        });
        assert_eq!(outside, PrecompileError::NotOnCurve { offset: 144 });
    }

    #[test]
    fn the_hash_and_the_length_must_match() {
        assert_eq!(
            refusal(|input| input[0] = 2),
            PrecompileError::VersionedHash
        );
        assert_eq!(
            refusal(|input| input[31] ^= 1),
            PrecompileError::VersionedHash
        );
        for length in [0, 191] {
            assert!(run(&VALID[..length], GAS, Fork::Cancun).is_err());
        }
        assert!(run(&[&VALID[..], &[0]].concat(), GAS, Fork::Cancun).is_err());
    }
}
