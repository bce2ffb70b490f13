//! IDENTITY, 0x04: the input as output (Yellow Paper, appendix E).

use bytes::Bytes;
use deferevm_opcodes::Fork;

use super::{PrecompileOutput, PrecompileResult, charge, linear_gas};

/// Copies the input, for 15 gas and 3 for each word.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let gas_used = charge(linear_gas(15, 3, input.len()), gas_limit)?;
    let bytes = Bytes::copy_from_slice(input);
    Ok(PrecompileOutput { gas_used, bytes })
}
