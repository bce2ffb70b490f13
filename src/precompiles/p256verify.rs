//! P256VERIFY, 0x100: an ECDSA signature on secp256r1, checked (EIP-7951).
//! The curve is the crate `p256`, pure Rust and free of `unsafe`.

use bytes::Bytes;
use deferevm_opcodes::Fork;
use p256::{
    EncodedPoint,
    ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier},
};

use super::{PrecompileOutput, PrecompileResult, TRUE, charge};

/// Gas for one check (EIP-7951).
const GAS: u64 = 6900;
const INPUT_BYTES: usize = 160;

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

/// `Some` if the signature is good. The crate rejects `r` and `s` outside 1..n, coordinates that
/// are not below the field's modulus, points off the curve, and compares `r` modulo n.
fn verify(input: &[u8]) -> Option<()> {
    let input: &[u8; INPUT_BYTES] = input.try_into().ok()?;
    let (hash, rest) = input.split_at(32);
    let (signature, key) = rest.split_at(64);
    let signature = Signature::from_slice(signature).ok()?;
    let (x, y) = key.split_at(32);
    let point = EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
    let key = VerifyingKey::from_encoded_point(&point).ok()?;
    key.verify_prehash(hash, &signature).ok()
}
