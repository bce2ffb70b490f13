//! ECRECOVER, 0x01: the address that signed a hash (Yellow Paper, appendix E).
//! Does not judge transaction signatures: a high `s` is fine here.

use std::sync::LazyLock;

use bytes::Bytes;
use deferevm_opcodes::{Fork, keccak256};
use secp256k1::{
    Message, Secp256k1, VerifyOnly,
    ecdsa::{RecoverableSignature, RecoveryId},
};

use super::{PrecompileOutput, PrecompileResult, charge, padded};

/// Gas for one recovery (Yellow Paper, appendix E).
const GAS: u64 = 3000;

static CONTEXT: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// Recovers from `hash ++ v ++ r ++ s`, 32 bytes each, the input padded with zeros or cut to 128
/// bytes. An invalid signature is no failure: the output is empty.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(Some(GAS), gas_limit)?;
    let bytes = recover(&padded(input, 0)).unwrap_or_default();
    Ok(PrecompileOutput { gas_used, bytes })
}

/// The signer's address as a word, or nothing if there is none.
fn recover(input: &[u8; 128]) -> Option<Bytes> {
    let recovery = match (&input[32..63], input[63]) {
        (high, 27) if is_zero(high) => RecoveryId::Zero,
        (high, 28) if is_zero(high) => RecoveryId::One,
        _ => return None,
    };
    let message = Message::from_digest(padded(input, 0));
    let signature = RecoverableSignature::from_compact(&input[64..], recovery).ok()?;
    let key = CONTEXT.recover_ecdsa(message, &signature).ok()?;
    // The first byte of the uncompressed key is its tag.
    let mut word = keccak256(&key.serialize_uncompressed()[1..]).0;
    word[..12].fill(0);
    Some(Bytes::copy_from_slice(&word))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
