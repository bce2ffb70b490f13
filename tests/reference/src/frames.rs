//! The frames of one transaction: which calls are entered, which are deferred, and what a frame's end
//! means (semantics, sections 3 and 6).

use std::ops::Range;

use bytes::Bytes;
use deferevm::{
    Action, Address, CALL_STIPEND, CallKind, CallMessage, Code, CreateKind, CreateMessage, Exit,
    Fork, Frame, FrameContext, Halt, Outcome, U256,
    call::{DEPTH_MAX, GasRule, ReturnData, Treatment},
    keccak256, run,
    state::account::{create_address, create2_address},
};

use crate::host::{DeferredCall, Effects, Running};

/// How a transaction's code ended.
pub struct End {
    pub exit: Exit,
    pub gas_left: u64,
    pub refund: i64,
    /// What it returned or reverted with.
    pub output: Bytes,
}

impl End {
    /// The end that consumes all gas.
    pub fn halt(halt: Halt) -> Self {
        End {
            exit: Exit::Halt(halt),
            gas_left: 0,
            refund: 0,
            output: Bytes::new(),
        }
    }
}

/// A frame that was entered, and what its failure returns to.
struct Activation {
    frame: Box<Frame>,
    before: Effects,
    output: Range<usize>,
}

/// What a transaction's outermost frame is made of.
pub struct Outermost<'a> {
    pub address: Address,
    pub caller: Address,
    pub value: U256,
    pub is_static: bool,
    pub depth: u16,
    pub code: Code,
    pub input: &'a [u8],
    pub gas: u64,
}

impl Running<'_> {
    /// Runs code to its end, changes undone if it fails. `before` is what a failure returns to.
    pub fn run_code(&mut self, outermost: Outermost<'_>, before: Effects) -> End {
        // Section 3, step 2: 4 bytes for each unit of gas, and below 4 GiB.
        self.queue_left = outermost.gas.saturating_mul(4).min(u64::from(u32::MAX));
        let mut stack = vec![Activation {
            frame: self.frame(&outermost),
            before: before.clone(),
            output: 0..0,
        }];
        loop {
            let frame = &mut stack.last_mut().expect("a frame runs").frame;
            let exit = match run(frame, self) {
                Action::Exit(exit) => exit,
                Action::Create(message) => {
                    self.emit_create(frame, &message);
                    continue;
                }
                Action::Call(message) => match self.answer_call(&mut stack, &message) {
                    Ok(()) => continue,
                    Err(Stop::Exit(exit)) => exit,
                    Err(Stop::CodeMissing) => return self.code_missing(before),
                },
                // The only thing that this host refuses for another reason than gas.
                Action::Fault => return self.code_missing(before),
            };
            let left = stack.pop().expect("a frame has ended");
            let end = self.leave(left, exit, stack.last_mut());
            if stack.is_empty() {
                return end;
            }
        }
    }

    /// The transaction fails as a whole, as if its outermost frame had halted (section 8).
    fn code_missing(&mut self, before: Effects) -> End {
        self.effects = before;
        End::halt(Halt::CodeMissing)
    }

    fn frame(&mut self, outermost: &Outermost<'_>) -> Box<Frame> {
        let context = FrameContext {
            fork: self.scene.fork,
            address: outermost.address,
            account: self.place(outermost.address),
            caller: outermost.caller,
            value: outermost.value,
            is_static: outermost.is_static,
            depth: outermost.depth,
        };
        let mut frame = Frame::new(context, outermost.code.clone(), outermost.gas);
        frame.set_input(outermost.input);
        frame
    }

    /// Ends a frame: its changes stand or are undone, and the one below goes on.
    fn leave(&mut self, left: Activation, exit: Exit, below: Option<&mut Activation>) -> End {
        let Activation {
            mut frame,
            before,
            output,
        } = left;
        let is_init_code = below.is_none() && self.creating.is_some();
        let exit = match exit.is_success() && is_init_code {
            true => self.deposit_code(&mut frame),
            false => exit,
        };
        if !exit.is_success() {
            let dropped = &self.effects.calls[before.calls.len()..];
            let locked: u64 = dropped.iter().map(|call| call.gas).sum();
            frame.gas.remaining = match exit {
                Exit::Revert => frame.gas.remaining + locked,
                _ => 0,
            };
            frame.gas.refund = 0;
            self.effects = before;
        }
        let output_bytes = match exit {
            Exit::Return | Exit::Revert => Bytes::copy_from_slice(frame.output_bytes()),
            Exit::Stop | Exit::SelfDestruct | Exit::Halt(_) => Bytes::new(),
        };
        if let Some(below) = below {
            below.frame.gas.remaining += frame.gas.remaining;
            below.frame.gas.refund += frame.gas.refund;
            below.frame.resume(Outcome {
                result: U256::from(u8::from(exit.is_success())),
                return_data: &output_bytes,
                output,
            });
        }
        End {
            exit,
            gas_left: frame.gas.remaining,
            refund: frame.gas.refund,
            output: output_bytes,
        }
    }

    /// Makes what init code has returned the new account's code (EIP-3541, EIP-170, EIP-2).
    fn deposit_code(&mut self, frame: &mut Frame) -> Exit {
        let fork = self.scene.fork;
        let code = Bytes::copy_from_slice(frame.output_bytes());
        if fork >= Fork::London && code.first() == Some(&0xef) {
            return Exit::Halt(Halt::InvalidCode);
        }
        if fork >= Fork::SpuriousDragon && code.len() > 24_576 {
            return Exit::Halt(Halt::CodeTooLarge);
        }
        let cost = 200 * code.len() as u64;
        if frame.gas.remaining < cost {
            // On Frontier the account is left without code, and nothing is charged.
            return match fork {
                Fork::Frontier => Exit::Stop,
                _ => Exit::Halt(Halt::CodeDepositOutOfGas),
            };
        }
        frame.gas.remaining -= cost;
        let account = self.owned(frame.context.address);
        if !code.is_empty() {
            let code = Code::new(code);
            account.code_hash = Some(code.hash());
            account.code = Some(code);
        }
        Exit::Return
    }

    /// Decides what becomes of a call. `Err` where the calling frame ends over it.
    fn answer_call(
        &mut self,
        stack: &mut Vec<Activation>,
        message: &CallMessage,
    ) -> Result<(), Stop> {
        let rules = self.scene.rules;
        let treatment = match message.kind {
            _ if self.is_precompile(message.code_address) => Treatment::Inline,
            CallKind::StaticCall => rules.static_calls,
            CallKind::DelegateCall => rules.delegate_calls,
            // In a static frame CALL and CALLCODE follow the row of STATICCALL.
            CallKind::Call | CallKind::CallCode if message.is_static => rules.static_calls,
            CallKind::CallCode => rules.delegate_calls,
            CallKind::Call => Treatment::Defer,
        };
        match treatment {
            Treatment::Defer => {
                let frame = &mut stack.last_mut().expect("a frame calls").frame;
                self.emit_call(frame, message)
            }
            Treatment::Inline => self.enter(stack, message),
        }
    }

    /// Whether a call cannot be made for its depth or for lack of balance.
    fn is_impossible(&self, frame: &Frame, message: &CallMessage) -> bool {
        let pays = matches!(message.kind, CallKind::Call | CallKind::CallCode);
        let balance = self.view(frame.context.address).balance;
        frame.context.depth + 1 > DEPTH_MAX || pays && balance < message.value
    }

    fn emit_call(&mut self, frame: &mut Frame, message: &CallMessage) -> Result<(), Stop> {
        let pays_value = matches!(message.kind, CallKind::Call | CallKind::CallCode);
        let stipend = match pays_value && !message.value.is_zero() {
            true => CALL_STIPEND,
            false => 0,
        };
        // Step 2: it cannot be made.
        if self.is_impossible(frame, message) || !self.queue(message.input.len()) {
            frame.gas.remaining += stipend;
            frame.resume(Outcome {
                result: U256::zero(),
                return_data: &[],
                output: message.output.clone(),
            });
            return Ok(());
        }
        // Step 3: escrow, record, answer.
        let gas = match self.scene.rules.gas {
            GasRule::Split => 0,
            GasRule::Lock => forwarded_to_call(self.scene.fork, frame, message)?,
        };
        frame.gas.remaining -= gas;
        if message.kind == CallKind::Call && !message.value.is_zero() {
            self.owned(frame.context.address).debit(message.value);
        }
        self.emit(frame, |index, is_from_init_code, frame| DeferredCall {
            index,
            kind: message.kind as u8,
            is_static: message.is_static,
            sender: message.caller,
            target: message.target,
            code_address: message.code_address,
            value: message.value,
            gas_cap: message.gas_requested,
            gas,
            stipend,
            depth: frame.context.depth + 1,
            is_from_init_code,
            input: frame.memory(message.input.clone()).to_vec(),
        });
        let word = match self.scene.rules.returndata {
            ReturnData::Word(word) if pays_value => word.to_big_endian().to_vec(),
            ReturnData::Word(_) | ReturnData::Empty => Vec::new(),
        };
        frame.resume(Outcome {
            result: U256::one(),
            return_data: &word,
            output: message.output.clone(),
        });
        Ok(())
    }

    fn emit_create(&mut self, frame: &mut Frame, message: &CreateMessage) {
        let emitter = frame.context.address;
        let creator = self.view(emitter);
        let mut answer = U256::zero();
        let possible = frame.context.depth < DEPTH_MAX
            && creator.balance >= message.value
            && creator.nonce != u64::MAX
            && self.queue(message.init_code.len());
        if possible {
            let gas = match self.scene.rules.gas {
                GasRule::Split => 0,
                GasRule::Lock if self.scene.fork < Fork::TangerineWhistle => frame.gas.remaining,
                GasRule::Lock => frame.gas.remaining - frame.gas.remaining / 64,
            };
            frame.gas.remaining -= gas;
            let init_code = frame.memory(message.init_code.clone()).to_vec();
            let address = match message.kind {
                CreateKind::Create => create_address(emitter, creator.nonce),
                CreateKind::Create2 => {
                    create2_address(emitter, message.salt, keccak256(&init_code))
                }
            };
            let account = self.owned(emitter);
            account.nonce += 1;
            account.debit(message.value);
            self.effects.warm.insert(address);
            self.emit(frame, |index, is_from_init_code, frame| DeferredCall {
                index,
                kind: message.kind as u8,
                is_static: false,
                sender: emitter,
                target: address,
                code_address: address,
                value: message.value,
                gas_cap: u64::MAX,
                gas,
                stipend: 0,
                depth: frame.context.depth + 1,
                is_from_init_code,
                input: init_code,
            });
            answer = U256::from_big_endian(address.as_bytes());
        }
        frame.resume(Outcome {
            result: answer,
            return_data: &[],
            output: 0..0,
        });
    }

    /// Counts input, unless that is more than may be queued. What is dropped later has counted.
    fn queue(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        if bytes > self.queue_left {
            return false;
        }
        self.queue_left -= bytes;
        true
    }

    fn emit(&mut self, frame: &Frame, call: impl FnOnce(u64, bool, &Frame) -> DeferredCall) {
        let is_from_init_code = self.creating == Some(frame.context.address);
        let call = call(self.emissions, is_from_init_code, frame);
        self.emissions += 1;
        self.effects.calls.push(call);
    }

    /// Enters a call at once. Its value moves only where it goes to a precompile, as a credit.
    fn enter(&mut self, stack: &mut Vec<Activation>, message: &CallMessage) -> Result<(), Stop> {
        let frame = &mut stack.last_mut().expect("a frame calls").frame;
        let forwarded = forwarded_to_call(self.scene.fork, frame, message)?;
        frame.gas.remaining -= forwarded;
        let gas = forwarded + message.stipend();
        let answer = |frame: &mut Frame, gas: u64, success: bool, bytes: &[u8]| {
            frame.gas.remaining += gas;
            frame.resume(Outcome {
                result: U256::from(u8::from(success)),
                return_data: bytes,
                output: message.output.clone(),
            });
        };
        if self.is_impossible(frame, message) {
            answer(frame, gas, false, &[]);
            return Ok(());
        }
        let input = frame.memory(message.input.clone()).to_vec();
        if let Some(precompile) = self.scene.precompiles.get(message.code_address) {
            match precompile.run(&input, gas, self.scene.fork) {
                Err(_) => answer(frame, 0, false, &[]),
                Ok(output) => {
                    if message.kind == CallKind::Call {
                        if !message.value.is_zero() {
                            self.owned(frame.context.address).debit(message.value);
                        }
                        let credit = (message.target, message.value);
                        self.effects.credits.push(credit);
                    }
                    answer(frame, gas - output.gas_used, true, &output.bytes);
                }
            }
            return Ok(());
        }
        let code = self.called_code(message.code_address)?;
        if code.bytes().is_empty() {
            answer(frame, gas, true, &[]);
            return Ok(());
        }
        let depth = frame.context.depth + 1;
        let before = self.effects.clone();
        let frame = self.frame(&Outermost {
            address: message.target,
            caller: message.caller,
            value: message.value,
            is_static: message.is_static,
            depth,
            code,
            input: &input,
            gas,
        });
        stack.push(Activation {
            frame,
            before,
            output: message.output.clone(),
        });
        Ok(())
    }

    /// The code that a call to an address runs: its own, or what it delegates to (EIP-7702).
    pub fn called_code(&self, address: Address) -> Result<Code, Stop> {
        let code = self.code_of(address).ok_or(Stop::CodeMissing)?;
        match code.delegate() {
            Some(delegate) if self.scene.fork >= Fork::Prague => {
                self.code_of(delegate).ok_or(Stop::CodeMissing)
            }
            _ => Ok(code),
        }
    }
}

/// Why a frame does not go on after a call.
pub enum Stop {
    Exit(Exit),
    CodeMissing,
}

/// What Ethereum's call takes from the frame, the stipend not included (EIP-150).
fn forwarded_to_call(fork: Fork, frame: &Frame, message: &CallMessage) -> Result<u64, Stop> {
    let left = frame.gas.remaining;
    if fork >= Fork::TangerineWhistle {
        return Ok(message.gas_requested.min(left - left / 64));
    }
    if message.gas_requested > left {
        return Err(Stop::Exit(Exit::Halt(Halt::OutOfGas)));
    }
    Ok(message.gas_requested)
}
