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

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    /// The vector `ValidKey` of go-ethereum's precompile tests.
    const VALID: [u8; 128] = hex!(
        "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c"
        "000000000000000000000000000000000000000000000000000000000000001c"
        "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f"
        "eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549"
    );

    fn output(input: &[u8]) -> Bytes {
        run(input, GAS, Fork::Frontier).unwrap().bytes
    }

    #[test]
    fn recovers_the_signer_from_a_high_s_signature() {
        let signer = hex!("000000000000000000000000a94f5374fce5edbc8e2a8697c15331677e6ebf0b");
        assert_eq!(output(&VALID)[..], signer);
        let longer = [&VALID[..], &[0xff; 40]].concat();
        assert_eq!(output(&longer)[..], signer, "what follows is ignored");
    }

    #[test]
    fn any_bit_of_v_beyond_27_and_28_gives_nothing() {
        for (place, bit) in [(32, 0x10), (51, 0x10), (62, 1), (63, 1), (63, 4)] {
            let mut input = VALID;
            input[place] ^= bit;
            let changed = output(&input);
            assert!(
                changed.is_empty() || (place == 63 && bit == 1 && changed.len() == 32),
                "byte {place}"
            );
        }
    }

    #[test]
    fn scalars_outside_the_group_and_short_inputs_give_nothing() {
        let order = hex!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
        for scalar in [[0; 32], order, [0xff; 32]] {
            for offset in [64, 96] {
                let mut input = VALID;
                input[offset..offset + 32].copy_from_slice(&scalar);
                assert!(output(&input).is_empty());
            }
        }
        for length in [0, 1, 63, 96] {
            assert!(output(&VALID[..length]).is_empty());
        }
    }

    #[test]
    fn costs_3000_gas_even_without_a_signer() {
        assert_eq!(run(&[], 3000, Fork::Osaka).unwrap().gas_used, 3000);
        assert!(run(&VALID, 2999, Fork::Osaka).is_err());
    }
}
