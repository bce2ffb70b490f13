//! KECCAK256.

use crate::{
    Frame, U256,
    machine::{
        exit::Interrupt, keccak::keccak256_recent, memory::words, schedule::KECCAK_WORD,
        word::from_be_bytes,
    },
};

/// KECCAK256.
pub(crate) fn hash(frame: &mut Frame) -> Result<(), Interrupt> {
    // Stack.
    let [offset, size] = frame.stack.pop_array();
    // Gas.
    let region = frame.expand(offset, size)?;
    frame.gas.charge(KECCAK_WORD * words(region.len()))?;
    // Operation.
    let hash = hash_of(frame.memory(region));
    frame.stack.push(hash);
    Ok(())
}

fn hash_of(bytes: &[u8]) -> U256 {
    from_be_bytes(&keccak256_recent(bytes).0)
}
