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

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    /// The vector `CallP256Verify` of go-ethereum's precompile tests.
    const VALID: [u8; 160] = hex!(
        "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d"
        "a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac"
        "36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60"
        "4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3"
        "7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e"
    );

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
}
