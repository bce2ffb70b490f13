//! The BN254 (alt_bn128) set, 0x06 to 0x08: sum, multiple, product of pairings (EIP-196, EIP-197,
//! repriced by EIP-1108). The curve is arkworks' `ark-bn254`, safe Rust on one thread.

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, pairing::Pairing};
use ark_ff::{BigInt, PrimeField, Zero};
use bytes::Bytes;
use deferevm_opcodes::Fork;

use super::{FALSE, PrecompileError, PrecompileOutput, PrecompileResult, TRUE, charge, padded};

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
        bytes: encode(point.into_group() * scalar),
    })
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
    let answer = if Bn254::multi_pairing(ps, qs).is_zero() {
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
    if let Some((x, y)) = point.into_affine().xy() {
        let limbs = y.into_bigint().0.into_iter().chain(x.into_bigint().0);
        for (chunk, limb) in bytes.rchunks_exact_mut(8).zip(limbs) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
    }
    Bytes::copy_from_slice(&bytes)
}
