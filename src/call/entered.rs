//! Calls that are entered at once: all of Ethereum's, and under deferral the inline ones and those
//! to precompiles.

use super::{
    DEPTH_MAX, Policy, World,
    driver::{Activation, Driver, Entry},
};
use crate::{
    AccountIndex, CallKind, CallMessage, Code, Exit, Fork, FrameContext, Halt, Outcome, U256,
    precompiles::{Memo, Precompile},
    state::Fault,
};

impl Driver {
    /// Enters a call, or answers it at once; an exit if the calling frame ends over it.
    pub(super) fn enter_call(
        &mut self,
        world: &mut World<'_>,
        policy: &Policy,
        message: &CallMessage,
    ) -> Result<Option<Exit>, Fault> {
        let is_deferring = policy.deferred().is_some();
        let gas_left = self.top().frame.gas.remaining;
        let Some(forwarded) = message.forwarded_gas(world.fork, gas_left) else {
            self.trace_forwarded(message.gas_requested);
            return Ok(Some(Exit::Halt(Halt::OutOfGas)));
        };
        self.trace_forwarded(forwarded);
        let frame = &mut self.top().frame;
        frame.gas.remaining -= forwarded;
        let gas_limit = forwarded + message.stipend();
        let account = frame.context.account.0;
        let depth = frame.context.depth + 1;
        let needs_balance = matches!(message.kind, CallKind::Call | CallKind::CallCode);
        if depth > DEPTH_MAX || needs_balance && world.journal.balance_at(account) < message.value {
            self.answer(gas_limit, false, &[], message);
            return Ok(None);
        }
        let checkpoint = world.journal.checkpoint();
        let target = self.move_value(world, message, account, is_deferring)?;
        if let Some(precompile) = world.precompiles.get(message.code_address) {
            let caller = self
                .activations
                .last()
                .expect("a message comes from a frame");
            let input = caller.frame.memory(message.input.clone());
            match run_precompile(precompile, &mut self.memo, input, gas_limit, world.fork) {
                Ok((gas_left, bytes)) => self.answer(gas_left, true, &bytes, message),
                Err(_) => {
                    world.journal.revert_to(checkpoint);
                    self.answer(0, false, &[], message);
                }
            }
            return Ok(None);
        }
        let Some(code) = message_code(world, message)? else {
            self.answer(gas_limit, true, &[], message);
            return Ok(None);
        };
        let context = FrameContext {
            fork: world.fork,
            address: message.target,
            account: AccountIndex(target),
            caller: message.caller,
            value: message.value,
            is_static: message.is_static,
            depth,
        };
        let mut frame = self.frame(context, code, gas_limit);
        frame.borrow_input(&mut self.top().frame, message.input.clone());
        self.activations.push(Activation {
            frame,
            checkpoint,
            entry: Entry::Call {
                output: message.output.clone(),
            },
        });
        Ok(None)
    }

    /// Moves a call's value and touches its target, whose place it returns. Under deferral the only
    /// value that moves inline is one sent to a precompile, and it moves as a credit.
    fn move_value(
        &mut self,
        world: &mut World<'_>,
        message: &CallMessage,
        caller: u32,
        is_deferring: bool,
    ) -> Result<u32, Fault> {
        let target = match message.kind {
            CallKind::Call | CallKind::StaticCall => message.code_account.0,
            CallKind::CallCode | CallKind::DelegateCall => caller,
        };
        match message.kind {
            CallKind::Call if is_deferring => {
                if !message.value.is_zero() {
                    let taken = world.journal.sub_balance(caller, message.value);
                    let sufficed = world.unrefused(taken)?;
                    debug_assert!(sufficed, "the balance was checked");
                }
                // What else is entered is static and touches nothing.
                if world.precompiles.get(message.code_address).is_some() {
                    world.journal.credit(message.target, message.value);
                }
            }
            CallKind::Call => {
                if !message.value.is_zero() {
                    let taken = world.journal.sub_balance(caller, message.value);
                    let sufficed = world.unrefused(taken)?;
                    debug_assert!(sufficed, "the balance was checked");
                }
                let added = world.journal.add_balance(target, message.value);
                world.unrefused(added)?;
            }
            CallKind::StaticCall if !is_deferring => world.journal.touch(target),
            CallKind::StaticCall | CallKind::CallCode | CallKind::DelegateCall => {}
        }
        Ok(target)
    }

    /// Gives the calling frame its answer without having entered another.
    pub(super) fn answer(
        &mut self,
        gas_returned: u64,
        success: bool,
        return_data: &[u8],
        message: &CallMessage,
    ) {
        let frame = &mut self.top().frame;
        frame.gas.remaining += gas_returned;
        frame.resume(Outcome {
            result: U256::from(u8::from(success)),
            return_data,
            output: message.output.clone(),
        });
    }
}

/// The code that a message runs, as [`called_code`] has it.
fn message_code(world: &mut World<'_>, message: &CallMessage) -> Result<Option<Code>, Fault> {
    let account = match message.delegate {
        Some(delegate) => {
            let located = world.journal.locate(world.state, delegate);
            world.unrefused(located)?
        }
        None => message.code_account.0,
    };
    code_at(world, account)
}

/// The code that a call to an address runs, if there is any: its own, or that of its delegate
/// (EIP-7702). A delegate that is a precompile or itself delegates runs as it stands in the state.
pub(crate) fn called_code(
    world: &mut World<'_>,
    address: crate::Address,
) -> Result<Option<Code>, Fault> {
    let located = world.journal.locate(world.state, address);
    let account = world.unrefused(located)?;
    called_code_at(world, account)
}

/// [`called_code`] of the account at a place.
pub(crate) fn called_code_at(world: &mut World<'_>, account: u32) -> Result<Option<Code>, Fault> {
    let Some(code) = code_at(world, account)? else {
        return Ok(None);
    };
    if world.fork < Fork::Prague {
        return Ok(Some(code));
    }
    let Some(delegate) = code.delegate() else {
        return Ok(Some(code));
    };
    let located = world.journal.locate(world.state, delegate);
    let account = world.unrefused(located)?;
    code_at(world, account)
}

fn code_at(world: &mut World<'_>, account: u32) -> Result<Option<Code>, Fault> {
    if !world.journal.has_code(account) {
        return Ok(None);
    }
    let code = world.journal.code(world.state, account);
    let code = world.unrefused(code)?;
    Ok((!code.bytes().is_empty()).then_some(code))
}

/// Runs a precompile: gas left and output.
pub(crate) fn run_precompile(
    precompile: &Precompile,
    memo: &mut Memo,
    input: &[u8],
    gas_limit: u64,
    fork: Fork,
) -> Result<(u64, bytes::Bytes), Halt> {
    let output = precompile.run_with(memo, input, gas_limit, fork)?;
    let gas_left = gas_limit
        .checked_sub(output.gas_used)
        .ok_or(Halt::OutOfGas)?;
    Ok((gas_left, output.bytes))
}
