//! ADDRESS to EXTCODEHASH, SELFBALANCE and the root transaction's facts.
//!
//! What needs no gas beyond the base is a pure function here, and the dispatch pushes its answer.

use core::ops::Range;

use crate::{
    B256, Environment, Frame, Host, Loaded, Refusal, U256,
    machine::{
        exit::{Halt, Interrupt},
        memory::words,
        schedule::COPY_WORD,
        word::{address_of, from_be_bytes, to_usize_saturating},
    },
};

/// A hash as a word.
#[inline(always)]
pub(crate) fn word_of_hash(hash: B256) -> U256 {
    from_be_bytes(&hash.0)
}

/// CALLDATALOAD.
#[inline(always)]
pub(crate) fn calldata_load(input: &[u8], offset: U256) -> U256 {
    let start = to_usize_saturating(offset).min(input.len());
    let rest = &input[start..];
    if let Some(whole) = rest.first_chunk::<32>() {
        return from_be_bytes(whole);
    }
    let mut bytes = [0; 32];
    bytes[..rest.len()].copy_from_slice(rest);
    from_be_bytes(&bytes)
}

/// BLOBHASH.
pub(crate) fn blob_hash(environment: Environment<'_>, index: U256) -> U256 {
    environment
        .transaction
        .blob_hashes
        .get(to_usize_saturating(index))
        .map_or(U256::zero(), |hash| word_of_hash(*hash))
}

/// BALANCE.
pub(crate) fn balance<H: Host + ?Sized>(frame: &mut Frame, host: &mut H) -> Result<(), Interrupt> {
    let address = address_of(frame.stack.pop());
    let balance = access(frame, |cold_allowed| host.balance(address, cold_allowed))?;
    frame.stack.push(balance);
    Ok(())
}

/// SELFBALANCE.
pub(crate) fn self_balance<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
) -> Result<(), Interrupt> {
    let balance = host.own_balance(frame.context.account)?;
    frame.stack.push(balance);
    Ok(())
}

/// EXTCODESIZE.
pub(crate) fn ext_code_size<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
) -> Result<(), Interrupt> {
    let address = address_of(frame.stack.pop());
    let code = access(frame, |cold_allowed| host.code(address, cold_allowed))?;
    frame.stack.push(U256::from(code.bytes().len()));
    Ok(())
}

/// EXTCODEHASH.
pub(crate) fn ext_code_hash<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
) -> Result<(), Interrupt> {
    let address = address_of(frame.stack.pop());
    let hash = access(frame, |cold_allowed| host.code_hash(address, cold_allowed))?;
    frame.stack.push(word_of_hash(hash));
    Ok(())
}

/// EXTCODECOPY.
pub(crate) fn ext_code_copy<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
) -> Result<(), Interrupt> {
    // Stack.
    let [address, to, from, size] = frame.stack.pop_array();
    // Gas.
    let region = copy_region(frame, to, size)?;
    let address = address_of(address);
    let code = access(frame, |cold_allowed| host.code(address, cold_allowed))?;
    // Operation.
    frame.memory.copy_padded(region, code.bytes(), from);
    Ok(())
}

/// CALLDATACOPY.
pub(crate) fn calldata_copy(frame: &mut Frame) -> Result<(), Interrupt> {
    let [to, from, size] = frame.stack.pop_array();
    let region = copy_region(frame, to, size)?;
    frame.memory.copy_padded(region, frame.input.bytes(), from);
    Ok(())
}

/// CODECOPY.
pub(crate) fn code_copy(frame: &mut Frame) -> Result<(), Interrupt> {
    let [to, from, size] = frame.stack.pop_array();
    let region = copy_region(frame, to, size)?;
    frame.memory.copy_padded(region, frame.code.bytes(), from);
    Ok(())
}

/// RETURNDATACOPY.
pub(crate) fn return_data_copy(frame: &mut Frame) -> Result<(), Interrupt> {
    // Stack.
    let [to, from, size] = frame.stack.pop_array();
    // Gas.
    let region = copy_region(frame, to, size)?;
    // Operation. Unlike the other copies, reading beyond the end halts, even of no bytes.
    let start = to_usize_saturating(from);
    let end = start.checked_add(region.len());
    let source = end.and_then(|end| frame.return_data.get(start..end));
    let source = source.ok_or(Halt::ReturnDataOutOfBounds)?;
    frame.memory.region_mut(region).copy_from_slice(source);
    Ok(())
}

/// Charges for a copy into memory, and for the memory.
pub(crate) fn copy_region(frame: &mut Frame, to: U256, size: U256) -> Result<Range<usize>, Halt> {
    let region = frame.expand(to, size)?;
    frame.gas.charge(COPY_WORD * words(region.len()))?;
    Ok(region)
}

/// Asks the host about an account and charges for a first access (EIP-2929).
fn access<T>(
    frame: &mut Frame,
    ask: impl FnOnce(bool) -> Result<Loaded<T>, Refusal>,
) -> Result<T, Interrupt> {
    let surcharge = frame.schedule().cold_account_surcharge;
    let loaded = ask(frame.gas.remaining >= surcharge)?;
    if loaded.is_cold {
        frame.gas.charge(surcharge)?;
    }
    Ok(loaded.value)
}
