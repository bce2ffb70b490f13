//! The frames of a running transaction, innermost last: runs them, enters and leaves them.
//!
//! There is no recursion: 1024 nested calls use no more native stack than one. A running frame is a
//! value on the heap, so keeping one for later is a move.

use std::{fmt, ops::Range};

use super::{DeferredRules, Policy, QUEUED_MAX, QUEUED_PER_GAS, World};
use crate::{
    AccountIndex, Action, Address, CallMessage, Code, Exit, Frame, FrameContext, Gas, Outcome,
    Tier, U256,
    precompiles::Memo,
    run_traced, run_with,
    state::{Fault, journal::Checkpoint},
    trace::Tracer,
};

/// Runs transactions frame by frame. It belongs to a worker and keeps its frames for the next one.
#[derive(Default)]
pub struct Driver {
    /// Which engine runs the frames; nothing that they come to depends on it.
    pub tier: Tier,
    pub(super) activations: Vec<Activation>,
    /// Boxed, so that a frame goes in and out as one word.
    #[expect(clippy::vec_box)]
    pool: Vec<Box<Frame>>,
    pub(super) emitter: Emitter,
    /// What the precompiles have answered so far.
    pub memo: Memo,
    /// How many calls and creations the running transaction's instructions have asked for.
    pub messages: u64,
    /// Told of every instruction, where there is one.
    pub tracer: Option<Box<dyn Tracer + Send>>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("activations", &self.activations)
            .field("emitter", &self.emitter)
            .field("is_traced", &self.tracer.is_some())
            .finish_non_exhaustive()
    }
}

/// The most frames that wait for the next one.
const FRAMES_KEPT: usize = 64;

/// The most bytes of memory, input and return data that a frame which waits may have.
const BUFFERS_KEPT: usize = 1 << 16;

/// A frame that has been entered and not left.
#[derive(Debug)]
pub(super) struct Activation {
    pub frame: Box<Frame>,
    pub checkpoint: Checkpoint,
    pub entry: Entry,
}

/// How a frame was entered, which decides what its end means.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// By a call, or as the outermost frame of one: where its output goes in the caller's memory.
    Call { output: Range<usize> },
    /// As init code of the account at a place.
    Create { address: Address, account: u32 },
}

/// What the deferred calls of one transaction have in common.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    pub next_index: u64,
    /// Bytes of input that may still be queued; what was dropped since is not given back.
    pub input_left: u64,
    /// The account whose init code the transaction runs.
    pub creating: Option<Address>,
}

/// A transaction's outermost frame, before it is entered.
#[derive(Debug)]
pub struct Outermost<'a> {
    /// What it runs with.
    pub context: FrameContext,
    /// Its code, a delegation followed already, or its init code.
    pub code: Code,
    /// Gas it may use.
    pub gas_limit: u64,
    /// Call data; empty for a creation.
    pub input: &'a [u8],
    /// Whether it is init code.
    pub is_creation: bool,
    /// Where to return to if it fails.
    pub checkpoint: Checkpoint,
}

/// How a transaction's outermost frame ended, its changes undone if it failed.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub exit: Exit,
    /// What it left.
    pub gas: Gas,
    frame: Box<Frame>,
}

impl Ended {
    /// The bytes that it returned or reverted with.
    pub fn output(&self) -> &[u8] {
        match self.exit {
            Exit::Return | Exit::Revert => self.frame.output_bytes(),
            _ => &[],
        }
    }
}

impl Activation {
    /// Goes on with another journal: where its account stands there, and where to return to.
    pub(super) fn relocate(&mut self, account: u32, checkpoint: Checkpoint) {
        self.frame.context.account = AccountIndex(account);
        self.checkpoint = checkpoint;
        if let Entry::Create {
            account: created, ..
        } = &mut self.entry
        {
            *created = account;
        }
    }
}

impl Driver {
    /// Runs a transaction's frames until its outermost one has ended.
    ///
    /// # Errors
    /// Why it cannot go on; its frames are gone then, and its changes are the caller's to undo.
    pub fn run(
        &mut self,
        world: &mut World<'_>,
        policy: &Policy,
        outermost: Outermost<'_>,
    ) -> Result<Ended, Fault> {
        let address = outermost.context.address;
        let entry = if outermost.is_creation {
            Entry::Create {
                address,
                account: outermost.context.account.0,
            }
        } else {
            Entry::Call { output: 0..0 }
        };
        self.messages = 0;
        self.emitter = Emitter {
            next_index: 0,
            input_left: outermost
                .gas_limit
                .saturating_mul(QUEUED_PER_GAS)
                .min(QUEUED_MAX),
            creating: outermost.is_creation.then_some(address),
        };
        let mut frame = self.frame(outermost.context, outermost.code, outermost.gas_limit);
        frame.set_input(outermost.input);
        self.activations.push(Activation {
            frame,
            checkpoint: outermost.checkpoint,
            entry,
        });
        self.run_activations(world, policy)
    }

    /// Runs the frames that have been entered until the outermost one has ended.
    pub(super) fn run_activations(
        &mut self,
        world: &mut World<'_>,
        policy: &Policy,
    ) -> Result<Ended, Fault> {
        let result = self.run_to_end(world, policy);
        if result.is_err() {
            for frame in std::mem::take(&mut self.activations) {
                self.keep(frame.frame);
            }
        }
        result
    }

    /// Takes back a frame that its user is done with.
    pub fn recycle(&mut self, ended: Ended) {
        self.keep(ended.frame);
    }

    fn run_to_end(&mut self, world: &mut World<'_>, policy: &Policy) -> Result<Ended, Fault> {
        loop {
            // A message is read where it lies: to move one takes a tenth of a deferred call.
            let action = self.run_innermost(world);
            let next = match &action {
                Action::Exit(exit) => Some(*exit),
                Action::Call(message) => {
                    self.messages += 1;
                    self.call(world, policy, message)?
                }
                Action::Create(message) => {
                    self.messages += 1;
                    match policy {
                        Policy::Synchronous => self.enter_create(world, message)?,
                        Policy::Deferred(rules) => self.defer_create(world, rules, message)?,
                    }
                }
                Action::Fault => return Err(world.fault()),
            };
            if let Some(exit) = next
                && let Some(ended) = self.leave(world, policy, exit)?
            {
                return Ok(ended);
            }
        }
    }

    /// Runs the innermost frame until it ends or asks for something.
    fn run_innermost(&mut self, world: &mut World<'_>) -> Action {
        let activation = self
            .activations
            .last_mut()
            .expect("a running transaction has a frame");
        match &mut self.tracer {
            None => run_with(&mut activation.frame, world, self.tier),
            Some(tracer) => run_traced(&mut activation.frame, world, tracer.as_mut()),
        }
    }

    /// Tells the tracer what the call or creation that the innermost frame asks for takes from it
    /// besides its own cost.
    pub(super) fn trace_forwarded(&mut self, gas: u64) {
        if let Some(tracer) = &mut self.tracer {
            tracer.forwarded(gas);
        }
    }

    /// Decides what becomes of a call; an exit if the frame that asks for it ends over it.
    fn call(
        &mut self,
        world: &mut World<'_>,
        policy: &Policy,
        message: &CallMessage,
    ) -> Result<Option<Exit>, Fault> {
        let is_precompile = world.precompiles.get(message.code_address).is_some();
        match policy {
            Policy::Deferred(rules)
                if !is_precompile && rules.treatment(message) == super::Treatment::Defer =>
            {
                self.defer_call(world, rules, message)
            }
            _ => self.enter_call(world, policy, message),
        }
    }

    /// Ends the innermost frame and hands its outcome to the one below, if there is one.
    fn leave(
        &mut self,
        world: &mut World<'_>,
        policy: &Policy,
        exit: Exit,
    ) -> Result<Option<Ended>, Fault> {
        let Activation {
            mut frame,
            checkpoint,
            entry,
        } = self
            .activations
            .pop()
            .expect("a frame that exits has been entered");
        let exit = match &entry {
            Entry::Create { account, .. } if exit.is_success() => {
                self.deposit_code(world, &mut frame, *account)?
            }
            _ => exit,
        };
        if !exit.is_success() {
            undo_frame(world, policy.deferred(), &mut frame, checkpoint, exit);
        }
        let Some(caller) = self.activations.last_mut() else {
            return Ok(Some(Ended {
                exit,
                gas: frame.gas,
                frame,
            }));
        };
        frame.give_back_input(&mut caller.frame);
        caller.frame.gas.remaining += frame.gas.remaining;
        caller.frame.gas.refund += frame.gas.refund;
        let returned = match exit {
            Exit::Revert => frame.output_bytes(),
            Exit::Return if matches!(entry, Entry::Call { .. }) => frame.output_bytes(),
            _ => &[],
        };
        let (success, output) = match entry {
            Entry::Call { output } => (U256::one(), output),
            Entry::Create { address, .. } => (word_of(address), 0..0),
        };
        let result = if exit.is_success() {
            success
        } else {
            U256::zero()
        };
        caller.frame.resume(Outcome {
            result,
            return_data: returned,
            output,
        });
        self.keep(frame);
        Ok(None)
    }

    /// Keeps a frame for the next one, if it is small and not one too many: what one transaction of a
    /// thousand frames, or of a megabyte in each, has taken is given back.
    fn keep(&mut self, frame: Box<Frame>) {
        if self.pool.len() < FRAMES_KEPT && frame.buffered() <= BUFFERS_KEPT {
            self.pool.push(frame);
        }
    }

    pub(super) fn top(&mut self) -> &mut Activation {
        self.activations
            .last_mut()
            .expect("a running transaction has a frame")
    }

    /// A frame at the start of its code, from the pool if there is one.
    pub(super) fn frame(
        &mut self,
        context: FrameContext,
        code: Code,
        gas_limit: u64,
    ) -> Box<Frame> {
        match self.pool.pop() {
            Some(mut frame) => {
                frame.reset(context, code, gas_limit);
                frame
            }
            None => Frame::new(context, code, gas_limit),
        }
    }
}

/// Undoes a failed frame's changes, and settles its gas: a revert keeps what is left and gets back
/// what its dropped records had locked, a halt loses both.
fn undo_frame(
    world: &mut World<'_>,
    rules: Option<&DeferredRules>,
    frame: &mut Frame,
    checkpoint: Checkpoint,
    exit: Exit,
) {
    frame.gas.refund = 0;
    if exit != Exit::Revert {
        frame.gas.remaining = 0;
    } else if rules.is_some() {
        let dropped = world.journal.deferred_calls_since(checkpoint);
        frame.gas.remaining += dropped.iter().map(|call| call.gas).sum::<u64>();
    }
    world.journal.revert_to(checkpoint);
}

/// An address as the word that is pushed for it.
pub(super) fn word_of(address: Address) -> U256 {
    U256::from_big_endian(address.as_bytes())
}
