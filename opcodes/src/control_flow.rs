//! STOP, RETURN, REVERT and SELFDESTRUCT; what a jump may lead to.
//!
//! JUMP, JUMPI, PC and GAS are the dispatch's own.

use crate::{
    Exit, Frame, Host, U256,
    machine::{
        code::Analysis,
        exit::Interrupt,
        word::{address_of, to_usize_saturating},
    },
};

/// Where a jump leads, or `None` where it must not.
#[inline(always)]
pub(crate) fn destination(code: &Analysis, target: U256) -> Option<usize> {
    let position = to_usize_saturating(target);
    code.is_jump_destination(position).then_some(position)
}

/// RETURN and REVERT, which differ by the exit only.
pub(crate) fn end_with_output(frame: &mut Frame, exit: Exit) -> Result<Exit, Interrupt> {
    // Stack.
    let [offset, size] = frame.stack.pop_array();
    // Gas.
    let region = frame.expand(offset, size)?;
    // Operation.
    frame.output = region;
    Ok(exit)
}

/// SELFDESTRUCT.
pub(crate) fn self_destruct<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
) -> Result<Exit, Interrupt> {
    // Stack.
    let beneficiary = address_of(frame.stack.pop());
    // Gas. What it costs follows from what it finds, as with SSTORE.
    frame.forbid_static()?;
    let schedule = frame.schedule();
    let cold_allowed = frame.gas.remaining >= schedule.cold_account;
    let found = host.self_destruct(frame.context.account, beneficiary, cold_allowed)?;
    if found.is_cold {
        frame.gas.charge(schedule.cold_account)?;
    }
    if schedule.self_destruct_creates.applies(
        found.beneficiary_exists,
        found.beneficiary_is_empty,
        found.had_balance,
    ) {
        frame.gas.charge(schedule.new_account)?;
    }
    // Operation.
    if !found.was_destroyed {
        frame.gas.refund += schedule.self_destruct_refund;
    }
    Ok(Exit::SelfDestruct)
}
