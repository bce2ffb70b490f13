//! SHA-256, 0x02 (Yellow Paper, appendix E). The hash is the crate `sha2`, which picks the
//! processor's SHA instructions at run time.

use bytes::Bytes;
use deferevm_opcodes::Fork;
use sha2::{Digest, Sha256};

use super::{PrecompileOutput, PrecompileResult, charge, linear_gas};

/// Hashes the whole input to 32 bytes, for 60 gas and 12 for each word.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(linear_gas(60, 12, input.len()), gas_limit)?;
    let bytes = Bytes::copy_from_slice(&Sha256::digest(input));
    Ok(PrecompileOutput { gas_used, bytes })
}
