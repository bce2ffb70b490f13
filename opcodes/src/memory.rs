//! MLOAD, MSTORE, MSTORE8 and MCOPY, where the run loop's short way does not do.
//!
//! The short way, for words that memory holds already, stands in the dispatch.

use crate::{
    Frame, U256,
    machine::{exit::Interrupt, memory::words, schedule::COPY_WORD, word::write_be},
};

/// MLOAD.
pub(crate) fn load(frame: &mut Frame) -> Result<(), Interrupt> {
    let offset = frame.stack.pop();
    let region = frame.expand(offset, U256::from(32))?;
    let word = frame.memory.word(region.start).expect("expanded above");
    frame.stack.push(word);
    Ok(())
}

/// MSTORE.
pub(crate) fn store(frame: &mut Frame) -> Result<(), Interrupt> {
    let [offset, word] = frame.stack.pop_array();
    let region = frame.expand(offset, U256::from(32))?;
    write_be(
        word,
        frame.memory.word_mut(region.start).expect("expanded above"),
    );
    Ok(())
}

/// MSTORE8.
pub(crate) fn store_byte(frame: &mut Frame) -> Result<(), Interrupt> {
    let [offset, word] = frame.stack.pop_array();
    let region = frame.expand(offset, U256::one())?;
    frame.memory.region_mut(region)[0] = word.byte(0);
    Ok(())
}

/// MCOPY (EIP-5656).
pub(crate) fn copy(frame: &mut Frame) -> Result<(), Interrupt> {
    // Stack.
    let [to, from, size] = frame.stack.pop_array();
    // Gas.
    let (to, from) = frame
        .memory
        .expand_pair((to, size), (from, size), &mut frame.gas)?;
    frame.gas.charge(COPY_WORD * words(to.len()))?;
    // Operation.
    frame.memory.copy_within(from, to.start);
    Ok(())
}
