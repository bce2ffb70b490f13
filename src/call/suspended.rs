//! A running transaction that is put aside, to go on in another round.
//!
//! The frames are moved, not copied. What they have changed so far is their caller's to commit: after
//! it goes on, a frame that fails undoes what it has done since, and no more (semantics, section 7,
//! `suspend`).

use super::{
    Policy, World,
    driver::{Activation, Driver, Emitter, Ended},
};
use crate::{Gas, Outcome, state::Fault};

/// The frames of a transaction whose innermost one waits for the answer to a call.
#[derive(Debug)]
pub struct Suspended {
    activations: Vec<Activation>,
    emitter: Emitter,
}

impl Suspended {
    /// How many frames wait, the innermost one included.
    pub fn depth(&self) -> usize {
        self.activations.len()
    }

    /// What the innermost frame has left.
    pub fn gas(&self) -> Gas {
        self.activations
            .last()
            .map(|activation| activation.frame.gas)
            .unwrap_or_default()
    }
}

impl Driver {
    /// Puts the running frames aside. The innermost one has left its loop with a message.
    pub fn suspend(&mut self) -> Suspended {
        Suspended {
            activations: std::mem::take(&mut self.activations),
            emitter: std::mem::take(&mut self.emitter),
        }
    }

    /// Goes on, on whatever worker and journal: the answer goes to the innermost frame, with the gas
    /// that comes back.
    ///
    /// The caller has located the frames' accounts in this journal (see [`Suspended::relocate`]).
    ///
    /// # Errors
    /// Why it cannot go on; its frames are gone then, and its changes are the caller's to undo.
    pub fn resume(
        &mut self,
        world: &mut World<'_>,
        policy: &Policy,
        suspended: Suspended,
        answer: Outcome<'_>,
        gas_returned: u64,
    ) -> Result<Ended, Fault> {
        self.activations = suspended.activations;
        self.emitter = suspended.emitter;
        let frame = &mut self.top().frame;
        frame.gas.remaining += gas_returned;
        frame.resume(answer);
        self.run_activations(world, policy)
    }
}

impl Suspended {
    /// Tells the frames where their accounts stand in the journal that they go on with, and makes what
    /// was done before the suspension permanent for them.
    ///
    /// # Errors
    /// Why an account cannot be had.
    pub fn relocate(&mut self, world: &mut World<'_>) -> Result<(), Fault> {
        let checkpoint = world.journal.checkpoint();
        for activation in &mut self.activations {
            let address = activation.frame.context.address;
            let located = world.journal.locate(world.state, address);
            let account = world.unrefused(located)?;
            activation.relocate(account, checkpoint);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AccountIndex, Action, Address, BlockEnvironment, Code, Fork, Frame, FrameContext,
        TransactionEnvironment, U256,
        bytecode::Bytecode,
        call::{Outermost, driver::Entry},
        opcode,
        precompiles::Precompiles,
        run,
        state::{InMemoryDatabase, Journal, State},
    };

    const ADDRESS: Address = Address([7; 20]);

    fn is_send<T: Send>() {}

    /// A state in which the account exists, with 1 wei.
    fn database() -> InMemoryDatabase {
        let mut database = InMemoryDatabase::default();
        database.insert_account(ADDRESS, U256::one(), 0, &Code::default());
        database
    }

    /// Stores 1, calls, and stores the call's answer.
    fn code() -> Bytecode {
        Bytecode::new()
            .call(opcode::SSTORE, [0u64, 1])
            .call(opcode::CALL, [0u64, 9, 0, 0, 0, 0, 0])
            .push(1u64)
            .op(opcode::SSTORE)
            .op(opcode::STOP)
    }

    fn with_world<T>(
        journal: &mut Journal,
        state: &State<'_>,
        body: impl FnOnce(&mut World<'_>) -> T,
    ) -> T {
        let (block, transaction) = (
            BlockEnvironment::default(),
            TransactionEnvironment::default(),
        );
        body(&mut World {
            journal,
            state,
            block: &block,
            transaction: &transaction,
            precompiles: Precompiles::of(Fork::Cancun),
            fork: Fork::Cancun,
        })
    }

    /// A transaction that has run up to its call.
    fn suspended(journal: &mut Journal, state: &State<'_>) -> Suspended {
        journal.begin(1);
        let account = journal.load(state, ADDRESS).unwrap();
        journal.own(account);
        with_world(journal, state, |world| {
            let mut driver = Driver::default();
            let context = FrameContext {
                fork: Fork::Cancun,
                address: ADDRESS,
                account: AccountIndex(account),
                caller: Address::zero(),
                value: U256::zero(),
                is_static: false,
                depth: 0,
            };
            let frame = Frame::new(context, code().code(), 100_000);
            let checkpoint = world.journal.checkpoint();
            driver.activations.push(Activation {
                frame,
                checkpoint,
                entry: Entry::Call { output: 0..0 },
            });
            let action = run(&mut driver.top().frame, world);
            assert!(matches!(action, Action::Call(_)), "{action:?}");
            driver.suspend()
        })
    }

    #[test]
    fn a_running_frame_goes_on_in_another_round_on_another_thread() {
        is_send::<Suspended>();
        let database = database();
        let mut state = State::new(&database);
        let mut journal = Journal::new(Fork::Cancun, false);
        let mut suspended = suspended(&mut journal, &state);
        assert_eq!(suspended.depth(), 1);
        journal.end();
        journal.drain_into(&mut state);

        let state = &state;
        let value = std::thread::scope(|scope| {
            let resumed = scope.spawn(move || {
                let mut journal = Journal::new(Fork::Cancun, false);
                journal.begin(1);
                let account = journal.load(state, ADDRESS).unwrap();
                journal.own(account);
                let ended = with_world(&mut journal, state, |world| {
                    suspended.relocate(world).unwrap();
                    let answer = Outcome {
                        result: U256::from(5),
                        return_data: &[],
                        output: 0..0,
                    };
                    Driver::default()
                        .resume(world, &Policy::practical(), suspended, answer, 0)
                        .unwrap()
                });
                assert!(ended.exit.is_success());
                let first = journal
                    .sload(state, account, U256::zero(), true)
                    .unwrap()
                    .value;
                let second = journal
                    .sload(state, account, U256::one(), true)
                    .unwrap()
                    .value;
                (first, second)
            });
            resumed.join().unwrap()
        });
        assert_eq!(value, (U256::one(), U256::from(5)));
    }

    #[test]
    fn what_fails_after_it_goes_on_keeps_what_was_done_before() {
        let database = database();
        let mut state = State::new(&database);
        let mut journal = Journal::new(Fork::Cancun, false);
        let mut suspended = suspended(&mut journal, &state);
        journal.end();
        journal.drain_into(&mut state);

        let mut journal = Journal::new(Fork::Cancun, false);
        journal.begin(1);
        let account = journal.load(&state, ADDRESS).unwrap();
        journal.own(account);
        with_world(&mut journal, &state, |world| {
            suspended.relocate(world).unwrap();
            // Not enough is left for the second SSTORE.
            suspended.activations[0].frame.gas.remaining = 2_000;
            let answer = Outcome {
                result: U256::from(5),
                return_data: &[],
                output: 0..0,
            };
            let ended = Driver::default()
                .resume(world, &Policy::practical(), suspended, answer, 0)
                .unwrap();
            assert!(!ended.exit.is_success());
        });
        assert_eq!(
            journal
                .sload(&state, account, U256::zero(), true)
                .unwrap()
                .value,
            U256::one()
        );
        assert_eq!(
            journal
                .sload(&state, account, U256::one(), true)
                .unwrap()
                .value,
            U256::zero()
        );
    }

    #[test]
    fn the_outermost_frame_of_a_new_transaction_is_not_affected() {
        let database = database();
        let state = State::new(&database);
        let mut journal = Journal::new(Fork::Cancun, true);
        journal.begin(1);
        let account = journal.locate(&state, ADDRESS).unwrap();
        let exit = with_world(&mut journal, &state, |world| {
            let checkpoint = world.journal.checkpoint();
            let context = FrameContext {
                fork: Fork::Cancun,
                address: ADDRESS,
                account: AccountIndex(account),
                caller: Address::zero(),
                value: U256::zero(),
                is_static: false,
                depth: 0,
            };
            let outermost = Outermost {
                context,
                code: code().code(),
                gas_limit: 100_000,
                input: &[],
                is_creation: false,
                checkpoint,
            };
            Driver::default()
                .run(world, &Policy::Synchronous, outermost)
                .unwrap()
                .exit
        });
        assert!(exit.is_success());
    }
}
