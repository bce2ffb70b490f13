//! RIPEMD-160, 0x03 (Yellow Paper, appendix E). Does not own the touch that mainnet keeps when a
//! call to this address runs out of gas: that is the journal's.

use bytes::Bytes;
use deferevm_opcodes::Fork;
use ripemd::{Digest, Ripemd160};

use super::{PrecompileOutput, PrecompileResult, charge, linear_gas};

/// Hashes the whole input to 20 bytes behind 12 zeros, for 600 gas and 120 for each word.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(linear_gas(600, 120, input.len()), gas_limit)?;
    let mut word = [0; 32];
    word[12..].copy_from_slice(&Ripemd160::digest(input));
    let bytes = Bytes::copy_from_slice(&word);
    Ok(PrecompileOutput { gas_used, bytes })
}
