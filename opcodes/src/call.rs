//! CALL, CALLCODE, DELEGATECALL and STATICCALL: their own costs and the message they leave.
//!
//! The gas that goes with the call, depth, balance and what becomes of the message are not decided
//! here but by whoever drives the frames.

use crate::{
    AccountIndex, Action, Address, CallKind, CallMessage, Frame, Host, U256,
    machine::{
        exit::{Halt, Interrupt},
        word::{address_of, to_u64_saturating},
    },
};

/// CALL, CALLCODE, DELEGATECALL and STATICCALL. The message is written where whoever drives the frames reads
/// it: it is long, and to move it takes as long as a dozen instructions.
pub(crate) fn call<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
    kind: CallKind,
    action: &mut Action,
) -> Result<(), Interrupt> {
    // Stack.
    let [gas_requested, code_address] = frame.stack.pop_array();
    let code_address = address_of(code_address);
    let value = match kind {
        CallKind::Call | CallKind::CallCode => frame.stack.pop(),
        CallKind::DelegateCall | CallKind::StaticCall => U256::zero(),
    };
    let [input, input_size, output, output_size] = frame.stack.pop_array();
    // Gas.
    if kind == CallKind::Call && !value.is_zero() {
        frame.forbid_static()?;
    }
    let (input, output) =
        frame
            .memory
            .expand_pair((input, input_size), (output, output_size), &mut frame.gas)?;
    let (code_account, delegate) = charge_target(frame, host, kind, code_address, value)?;
    // Operation.
    let context = &frame.context;
    let (caller, target, value) = match kind {
        CallKind::Call | CallKind::StaticCall => (context.address, code_address, value),
        CallKind::CallCode => (context.address, context.address, value),
        CallKind::DelegateCall => (context.caller, context.address, context.value),
    };
    *action = Action::Call(CallMessage {
        kind,
        caller,
        target,
        code_address,
        code_account,
        delegate,
        value,
        gas_requested: to_u64_saturating(gas_requested),
        input,
        output,
        is_static: kind == CallKind::StaticCall || context.is_static,
    });
    Ok(())
}

/// Charges for the value, for access to the target and its delegate, and for a new account; gives the
/// target's place and its delegate.
fn charge_target<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
    kind: CallKind,
    address: Address,
    value: U256,
) -> Result<(AccountIndex, Option<Address>), Interrupt> {
    let schedule = frame.schedule();
    if !value.is_zero() {
        frame.gas.charge(schedule.call_value)?;
    }
    let surcharge = schedule.cold_account_surcharge;
    let target = host.call_target(address, frame.gas.remaining >= surcharge)?;
    if target.is_cold {
        frame.gas.charge(surcharge)?;
    }
    let creates = schedule.call_creates;
    if kind == CallKind::Call && creates.applies(target.exists, target.is_empty, !value.is_zero()) {
        frame.gas.charge(schedule.new_account)?;
    }
    let (Some(delegate), Some((warm, cold))) = (target.delegate, schedule.delegate_access) else {
        return Ok((target.account, None));
    };
    charge_delegate(frame, host, delegate, warm, cold)?;
    Ok((target.account, Some(delegate)))
}

/// Charges for access to the account that the target's code points to (EIP-7702).
fn charge_delegate<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
    delegate: Address,
    warm: u64,
    cold: u64,
) -> Result<(), Interrupt> {
    if frame.gas.remaining < warm {
        return Err(Halt::OutOfGas.into());
    }
    let is_cold = host.access_account(delegate, frame.gas.remaining >= cold)?;
    frame.gas.charge(if is_cold { cold } else { warm })?;
    Ok(())
}
