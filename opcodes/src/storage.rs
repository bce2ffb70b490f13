//! SLOAD, SSTORE, TLOAD and TSTORE.

use crate::{
    Frame, Host, Stored, U256,
    machine::{
        exit::{Halt, Interrupt},
        schedule::StoreRules,
    },
};

/// SLOAD.
pub(crate) fn load<H: Host + ?Sized>(frame: &mut Frame, host: &mut H) -> Result<(), Interrupt> {
    // Stack.
    let key = frame.stack.pop();
    // Gas.
    let surcharge = frame.schedule().cold_slot_surcharge;
    let cold_allowed = frame.gas.remaining >= surcharge;
    let loaded = host.sload(frame.context.account, key, cold_allowed)?;
    if loaded.is_cold {
        frame.gas.charge(surcharge)?;
    }
    // Operation.
    frame.stack.push(loaded.value);
    Ok(())
}

/// SSTORE.
pub(crate) fn store<H: Host + ?Sized>(frame: &mut Frame, host: &mut H) -> Result<(), Interrupt> {
    // Stack.
    let [key, value] = frame.stack.pop_array();
    // Gas. What it costs follows from what it finds, so the host writes first; a frame that cannot
    // pay halts, which undoes the write.
    frame.forbid_static()?;
    let rules = &frame.schedule().sstore;
    if rules.sentry != 0 && frame.gas.remaining <= rules.sentry {
        return Err(Halt::OutOfGas.into());
    }
    let cold_allowed = frame.gas.remaining >= rules.cold;
    let stored = host.sstore(frame.context.account, key, value, cold_allowed)?;
    frame.gas.charge(store_gas(rules, &stored, value))?;
    // Operation.
    frame.gas.refund += store_refund(rules, &stored, value);
    Ok(())
}

/// TLOAD (EIP-1153).
pub(crate) fn transient_load<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
) -> Result<(), Interrupt> {
    let key = frame.stack.pop();
    let value = host.tload(frame.context.address, key);
    frame.stack.push(value);
    Ok(())
}

/// TSTORE (EIP-1153).
pub(crate) fn transient_store<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
) -> Result<(), Interrupt> {
    let [key, value] = frame.stack.pop_array();
    frame.forbid_static()?;
    host.tstore(frame.context.address, key, value);
    Ok(())
}

/// What a write costs (Yellow Paper, EIP-1283, EIP-2200, EIP-2929).
fn store_gas(rules: &StoreRules, stored: &Stored, value: U256) -> u64 {
    let access = if stored.is_cold { rules.cold } else { 0 };
    let is_first_change = stored.original == stored.present && stored.present != value;
    let write = match rules.is_net {
        true if !is_first_change => rules.warm,
        true if stored.original.is_zero() => rules.set,
        true => rules.reset,
        false if stored.present.is_zero() && !value.is_zero() => rules.set,
        false => rules.reset,
    };
    access + write
}

/// What a write earns back, or takes back of what an earlier one has earned (EIP-1283, EIP-3529).
fn store_refund(rules: &StoreRules, stored: &Stored, value: U256) -> i64 {
    let &Stored {
        original, present, ..
    } = stored;
    if !rules.is_net {
        let clears = !present.is_zero() && value.is_zero();
        return if clears { rules.clear_refund } else { 0 };
    }
    if present == value {
        return 0;
    }
    let mut refund = 0;
    if !original.is_zero() {
        if present.is_zero() {
            refund -= rules.clear_refund;
        }
        if value.is_zero() {
            refund += rules.clear_refund;
        }
    }
    // Back to the original: all but the cheap write is given back.
    if original == value {
        refund += if original.is_zero() {
            rules.set_restored()
        } else {
            rules.reset_restored()
        };
    }
    refund
}
