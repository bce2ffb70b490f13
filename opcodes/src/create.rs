//! CREATE and CREATE2: their own costs and the message they leave.
//!
//! Nonce, balance, depth, the new address and the gas that goes along are not decided here but by
//! whoever drives the frames.

use crate::{
    Action, CreateKind, CreateMessage, Frame, U256,
    machine::{
        exit::{Halt, Interrupt},
        memory::words,
        schedule::KECCAK_WORD,
        word::to_usize_saturating,
    },
};

/// CREATE and CREATE2. The message is written where whoever drives the frames reads it.
pub(crate) fn create(
    frame: &mut Frame,
    kind: CreateKind,
    action: &mut Action,
) -> Result<(), Interrupt> {
    // Stack.
    let [value, offset, size] = frame.stack.pop_array();
    let salt = match kind {
        CreateKind::Create => U256::zero(),
        CreateKind::Create2 => frame.stack.pop(),
    };
    // Gas.
    frame.forbid_static()?;
    let schedule = frame.schedule();
    if to_usize_saturating(size) > schedule.init_code_limit {
        return Err(Halt::InitCodeTooLarge.into());
    }
    let init_code = frame.expand(offset, size)?;
    let per_word = schedule.init_code_word
        + match kind {
            CreateKind::Create => 0,
            CreateKind::Create2 => KECCAK_WORD,
        };
    frame.gas.charge(per_word * words(init_code.len()))?;
    // Operation.
    *action = Action::Create(CreateMessage {
        kind,
        caller: frame.context.address,
        value,
        salt,
        init_code,
    });
    Ok(())
}
