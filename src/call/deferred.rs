//! Calls that are not entered: what the emitting frame pays and sees, and the deferred call that is
//! left in the journal (semantics, section 3).

use std::ops::Range;

use super::{
    DEPTH_MAX, DeferredRules, GasRule, ReturnData, World,
    create::can_create,
    driver::{Driver, word_of},
};
use crate::{
    CallKind, CallMessage, CreateMessage, Exit, Halt, Outcome, U256,
    state::{
        Fault,
        journal::{DeferredCall, Input},
    },
};

impl Driver {
    /// Defers a call; an exit if the emitting frame ends over it.
    pub(super) fn defer_call(
        &mut self,
        world: &mut World<'_>,
        rules: &DeferredRules,
        message: &CallMessage,
    ) -> Result<Option<Exit>, Fault> {
        let frame = &mut self.top().frame;
        let account = frame.context.account.0;
        let depth = frame.context.depth + 1;
        let needs_balance = matches!(message.kind, CallKind::Call | CallKind::CallCode);
        if depth > DEPTH_MAX
            || needs_balance && world.journal.balance_at(account) < message.value
            || !self.may_queue(&message.input)
        {
            self.answer(message.stipend(), false, &[], message);
            return Ok(None);
        }
        let frame = &mut self.top().frame;
        let gas = match rules.gas {
            GasRule::Split => 0,
            GasRule::Lock => match message.forwarded_gas(world.fork, frame.gas.remaining) {
                Some(forwarded) => forwarded,
                None => {
                    self.trace_forwarded(message.gas_requested);
                    return Ok(Some(Exit::Halt(Halt::OutOfGas)));
                }
            },
        };
        frame.gas.remaining -= gas;
        let emitter = frame.context.address;
        self.trace_forwarded(gas);
        if message.transfers_value() {
            let taken = world.journal.sub_balance(account, message.value);
            let sufficed = world.unrefused(taken)?;
            debug_assert!(sufficed, "the balance was checked");
        }
        let call = DeferredCall {
            index: self.next_index(),
            kind: message.kind as u8,
            is_static: message.is_static,
            sender: message.caller,
            target: message.target,
            code_address: message.code_address,
            value: message.value,
            gas_cap: message.gas_requested,
            gas,
            stipend: message.stipend(),
            depth,
            is_from_init_code: self.emitter.creating == Some(emitter),
            input: Input::default(),
        };
        let frame = &self.top().frame;
        world
            .journal
            .emit(call, frame.memory(message.input.clone()));
        self.answer_deferred(rules, message);
        Ok(None)
    }

    /// Defers a creation: the nonce is bumped and the address known at once.
    pub(super) fn defer_create(
        &mut self,
        world: &mut World<'_>,
        rules: &DeferredRules,
        message: &CreateMessage,
    ) -> Result<Option<Exit>, Fault> {
        let frame = &mut self.top().frame;
        let depth = frame.context.depth + 1;
        let account = frame.context.account.0;
        let emitter = frame.context.address;
        if !can_create(world, account, depth, message.value) || !self.may_queue(&message.init_code)
        {
            self.answer_create(U256::zero());
            return Ok(None);
        }
        let frame = &mut self.top().frame;
        let gas = match rules.gas {
            GasRule::Split => 0,
            GasRule::Lock => message.forwarded_gas(world.fork, frame.gas.remaining),
        };
        frame.gas.remaining -= gas;
        self.trace_forwarded(gas);
        let address = self.new_address(world, account, message)?;
        // The address is warm from here on, as after any creation.
        let accessed = world.journal.access(world.state, address, true);
        world.unrefused(accessed)?;
        let taken = world.journal.sub_balance(account, message.value);
        let sufficed = world.unrefused(taken)?;
        debug_assert!(sufficed, "the balance was checked");
        let call = DeferredCall {
            index: self.next_index(),
            kind: message.kind as u8,
            is_static: false,
            sender: message.caller,
            target: address,
            code_address: address,
            value: message.value,
            gas_cap: u64::MAX,
            gas,
            stipend: 0,
            depth,
            is_from_init_code: self.emitter.creating == Some(emitter),
            input: Input::default(),
        };
        let frame = &self.top().frame;
        world
            .journal
            .emit(call, frame.memory(message.init_code.clone()));
        self.answer_create(word_of(address));
        Ok(None)
    }

    /// What the emitting frame sees of a call that it deferred.
    fn answer_deferred(&mut self, rules: &DeferredRules, message: &CallMessage) {
        let word = match (rules.returndata, message.kind) {
            (ReturnData::Word(word), CallKind::Call | CallKind::CallCode) => {
                Some(word.to_big_endian())
            }
            _ => None,
        };
        let return_data: &[u8] = word.as_ref().map_or(&[], |word| word.as_slice());
        self.top().frame.resume(Outcome {
            result: U256::one(),
            return_data,
            output: message.output.clone(),
        });
    }

    /// Whether the transaction may queue so much more input, which then counts as queued.
    fn may_queue(&mut self, input: &Range<usize>) -> bool {
        let left = self.emitter.input_left.checked_sub(input.len() as u64);
        self.emitter.input_left = left.unwrap_or(self.emitter.input_left);
        left.is_some()
    }

    fn next_index(&mut self) -> u64 {
        let index = self.emitter.next_index;
        self.emitter.next_index += 1;
        index
    }
}
