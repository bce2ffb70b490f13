//! One worker: runs batches of a round, one transaction after the other.
//!
//! Accounts come and go by move. Nothing is locked while a transaction runs: the hand-over between
//! batches is opened before a batch and after it.

use std::sync::{Mutex, PoisonError};

use crossbeam::{
    channel::{Receiver, Sender, unbounded},
    queue::SegQueue,
};

use smallvec::SmallVec;

use super::{
    Record,
    partition::{Batch, Member, Partition, Schedule},
};
use crate::{
    Address, BlockEnvironment, Fork, U256,
    call::Policy,
    precompiles::Precompiles,
    state::{Fault, LiveAccount, Map, State},
    trace::{TracerFactory, TransactionPlace},
    transaction::{Executed, Executor, InvalidTransaction, Original, Scene, TransactionRules},
};

/// What every round of a block shares.
#[derive(Clone, Copy)]
pub struct Setting<'e> {
    /// The rules.
    pub fork: Fork,
    /// What becomes of calls.
    pub policy: &'e Policy,
    /// The block's facts.
    pub block: &'e BlockEnvironment,
    /// The fork's precompiles.
    pub precompiles: &'e Precompiles,
    /// What transactions are measured by.
    pub rules: &'e TransactionRules,
    /// The block's transactions.
    pub originals: &'e [Original],
    /// For each of them, the blob gas that those before it have left of the block's.
    pub blob_gas_left: &'e [u64],
    /// Who traces which transaction.
    pub tracers: Option<&'e TracerFactory>,
}

impl<'e> Setting<'e> {
    /// The facts of a transaction that runs on this state.
    pub fn scene<'a>(&self, state: &'a State<'_>) -> Scene<'a>
    where
        'e: 'a,
    {
        Scene {
            fork: self.fork,
            policy: self.policy,
            block: self.block,
            precompiles: self.precompiles,
            rules: self.rules,
            state,
        }
    }

    /// Whether the block has blob gas left for an original transaction (semantics, section 8).
    ///
    /// # Errors
    /// How much it carries, and how much is left.
    pub fn check_blob_gas(&self, position: u32) -> Result<(), InvalidTransaction> {
        let position = position as usize;
        let found = self.originals[position].recovered.transaction.blob_gas();
        let left = self.blob_gas_left[position];
        if found > left {
            return Err(InvalidTransaction::BlobGasAboveBlock { found, left });
        }
        Ok(())
    }
}

/// A round while it runs: shared by its workers, changed by none but through the hand-over.
pub struct Round<'e> {
    /// What every round of the block shares.
    pub setting: Setting<'e>,
    /// The state as of the round's start.
    pub state: State<'e>,
    /// What it runs.
    pub work: Work,
    /// In which batches.
    pub schedule: Schedule,
    /// Where transactions that succeeded push what they emitted, all of one in one push.
    pub published: SegQueue<Vec<Record>>,
    hand_over: Mutex<HandOver>,
    ready: (Sender<Option<u32>>, Receiver<Option<u32>>),
    has_coinbase_owner: bool,
}

/// What a round runs.
pub enum Work {
    /// The block's transactions: what each owns.
    Originals(Vec<OwnedAccounts>),
    /// Records, in their order.
    Records {
        /// Which round it is, from 1.
        round: u32,
        /// What is run.
        records: Vec<Record>,
        /// Whether each shares its target with no writer of the round, and so owns it read-only.
        is_shared: Vec<bool>,
    },
}

/// What one transaction owns: mostly its sender and its target.
pub type OwnedAccounts = SmallVec<[Address; 2]>;

/// What passes between batches.
#[derive(Default)]
struct HandOver {
    /// For each batch, how many it still waits for.
    waits_for: Vec<u32>,
    /// Batches not done.
    left: usize,
    /// Accounts between two owners.
    parked: Map<Address, LiveAccount>,
    /// Settled fees that a later owner of the coinbase is to see, by position.
    fees: Vec<(u32, U256)>,
    /// The earliest position that could not be run; later ones need not be.
    fault_at: Option<u32>,
}

/// What a worker has to show for a round.
#[derive(Default)]
pub struct Output {
    /// By position.
    pub executed: Vec<(u32, Executed)>,
    /// Owned accounts that no other batch takes over.
    pub accounts: Vec<LiveAccount>,
    /// The earliest fault.
    pub fault: Option<(u32, Fault)>,
}

/// One worker with its allocations.
pub struct Worker {
    executor: Executor,
    /// What the transaction that ran last owns, and where the journal has it.
    held: Vec<Address>,
    places: Vec<u32>,
}

impl Work {
    /// How many transactions.
    #[expect(
        clippy::len_without_is_empty,
        reason = "only round 0 can be empty, and nobody asks"
    )]
    pub fn len(&self) -> usize {
        match self {
            Work::Originals(owned) => owned.len(),
            Work::Records { records, .. } => records.len(),
        }
    }

    /// A virtual round's work, and which round it is.
    pub fn of_records(round: u32, records: Vec<Record>) -> Self {
        let mut written: Map<Address, bool> =
            Map::with_capacity_and_hasher(records.len(), Default::default());
        for record in &records {
            *written.entry(record.target()).or_default() |= !record.call.is_static;
        }
        let is_shared = records
            .iter()
            .map(|record| !written[&record.target()])
            .collect();
        Work::Records {
            round,
            records,
            is_shared,
        }
    }

    /// What a transaction owns and may not share.
    pub fn owned(&self, position: u32) -> &[Address] {
        let position = position as usize;
        match self {
            Work::Originals(owned) => &owned[position],
            Work::Records { is_shared, .. } if is_shared[position] => &[],
            Work::Records { records, .. } => core::slice::from_ref(&records[position].call.target),
        }
    }

    /// Everything that the round owns; what several own may be listed several times.
    pub fn all_owned(&self) -> Vec<Address> {
        match self {
            Work::Originals(owned) => owned.iter().flatten().copied().collect(),
            Work::Records { records, .. } => records.iter().map(Record::target).collect(),
        }
    }

    /// For each transaction, the position of its root.
    pub fn roots(&self) -> Vec<u32> {
        match self {
            Work::Originals(owned) => (0u32..).take(owned.len()).collect(),
            Work::Records { records, .. } => records.iter().map(|record| record.root).collect(),
        }
    }

    /// The position of the last original transaction that owns an account; 0 if none does, or in a
    /// virtual round.
    pub fn last_owner_of(&self, address: Address) -> u32 {
        match self {
            Work::Originals(owned) => (0u32..)
                .zip(owned)
                .filter(|(_, owned)| owned.contains(&address))
                .map(|(position, _)| position)
                .last()
                .unwrap_or(0),
            Work::Records { .. } => 0,
        }
    }

    fn members(&self, coinbase: Address) -> Vec<Member<'_>> {
        (0..u32::try_from(self.len()).expect("a round has fewer than 2^32 transactions"))
            .map(|position| {
                let owned = self.owned(position);
                let (record_sender, waits_for_all) = match self {
                    Work::Originals(_) => (None, owned.contains(&coinbase)),
                    Work::Records { records, .. } => {
                        (Some(records[position as usize].call.sender), false)
                    }
                };
                Member {
                    owned,
                    record_sender,
                    waits_for_all,
                }
            })
            .collect()
    }
}

impl<'e> Round<'e> {
    /// A round ready to run.
    pub fn new(
        setting: Setting<'e>,
        state: State<'e>,
        work: Work,
        partition: &dyn Partition,
    ) -> Self {
        let members = work.members(setting.block.coinbase);
        let has_coinbase_owner = members.iter().any(|member| member.waits_for_all);
        let schedule = partition.schedule(&members);
        drop(members);
        let ready = unbounded();
        for (index, batch) in (0u32..).zip(&schedule.batches) {
            if batch.waits_for == 0 {
                ready
                    .0
                    .send(Some(index))
                    .expect("the receiver is kept beside the sender");
            }
        }
        let hand_over = Mutex::new(HandOver {
            waits_for: schedule
                .batches
                .iter()
                .map(|batch| batch.waits_for)
                .collect(),
            left: schedule.batches.len(),
            ..HandOver::default()
        });
        Self {
            setting,
            state,
            work,
            schedule,
            published: SegQueue::new(),
            hand_over,
            ready,
            has_coinbase_owner,
        }
    }

    /// Says that no batch is left. Each worker that hears it says it again, to the next one.
    fn close(&self) {
        self.ready
            .0
            .send(None)
            .expect("the receiver is kept beside the sender");
    }

    /// Which transaction of the block one of the round is.
    fn place(&self, position: u32) -> TransactionPlace {
        let (round, id) = match &self.work {
            Work::Originals(_) => (0, self.setting.originals[position as usize].recovered.hash),
            Work::Records { round, records, .. } => (*round, records[position as usize].id),
        };
        TransactionPlace {
            round,
            position,
            id,
        }
    }

    /// What is left when all workers are done: the state to be changed, the work, the records, and
    /// the accounts that nobody took over.
    pub fn into_parts(self) -> (State<'e>, Work, Schedule, Vec<Record>, Vec<LiveAccount>) {
        let records = self.published.into_iter().flatten().collect();
        let hand_over = self
            .hand_over
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        (
            self.state,
            self.work,
            self.schedule,
            records,
            hand_over.parked.into_values().collect(),
        )
    }

    fn hand_over(&self) -> std::sync::MutexGuard<'_, HandOver> {
        // Nothing that can panic runs while it is held.
        self.hand_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// A worker for rounds of one setting.
    pub fn new(setting: &Setting<'_>) -> Self {
        Self {
            executor: Executor::new(setting.fork, setting.policy, setting.precompiles),
            held: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Runs the whole round alone, in order.
    pub fn run_alone(&mut self, round: &Round<'_>) -> Output {
        let mut output = Output::default();
        output.executed.reserve(round.work.len());
        self.executor.journal.reserve(round.work.len());
        for position in 0..u32::try_from(round.work.len()).expect("the round was built of as many")
        {
            if round.has_coinbase_owner {
                self.run_noting_fees(round, position, &mut output);
            } else {
                self.run_one(round, position, &mut output);
            }
            if output.fault.is_some() {
                break;
            }
        }
        self.release(&mut output);
        output
    }

    /// Runs batches as they become ready, beside other workers, until none is left.
    pub fn run_shared(&mut self, round: &Round<'_>) -> Output {
        let mut output = Output::default();
        while let Ok(Some(index)) = round.ready.1.recv() {
            self.run_batch(round, &round.schedule.batches[index as usize], &mut output);
        }
        round.close();
        self.release(&mut output);
        output
    }

    fn run_batch(&mut self, round: &Round<'_>, batch: &Batch, output: &mut Output) {
        let is_linked =
            round.schedule.has_hand_over && (batch.waits_for > 0 || !batch.releases.is_empty());
        if is_linked && let Err((position, fault)) = self.take_over(round, batch) {
            note_fault(round, position, fault, output);
        }
        for position in &batch.positions {
            if self.is_moot(round, *position) {
                break;
            }
            self.run_noting_fees(round, *position, output);
        }
        self.park_all();
        self.complete(round, batch, is_linked);
    }

    /// Takes the accounts that the batch owns from those who had them before.
    fn take_over(&mut self, round: &Round<'_>, batch: &Batch) -> Result<(), (u32, Fault)> {
        let mut hand_over = round.hand_over();
        for position in &batch.positions {
            for address in round.work.owned(*position) {
                if let Some(account) = hand_over.parked.remove(address) {
                    let journal = &mut self.executor.journal;
                    let place = journal
                        .own(&round.state, *address, Some(account))
                        .map_err(|fault| (*position, fault))?;
                    journal.park(place);
                }
            }
        }
        Ok(())
    }

    /// Whether an earlier transaction could not be run, so that the block fails anyway.
    fn is_moot(&self, round: &Round<'_>, position: u32) -> bool {
        round
            .hand_over()
            .fault_at
            .is_some_and(|fault| fault < position)
    }

    /// Passes the accounts on, and frees the batches that have waited for this one.
    fn complete(&mut self, round: &Round<'_>, batch: &Batch, is_linked: bool) {
        let mut hand_over = round.hand_over();
        if is_linked {
            for address in batch
                .positions
                .iter()
                .flat_map(|position| round.work.owned(*position))
            {
                if let Some(account) = self.executor.journal.disown(*address) {
                    hand_over.parked.insert(*address, account);
                }
            }
        }
        for released in &batch.releases {
            let waits_for = &mut hand_over.waits_for[*released as usize];
            *waits_for -= 1;
            if *waits_for == 0 {
                round
                    .ready
                    .0
                    .send(Some(*released))
                    .expect("the receiver is kept beside the sender");
            }
        }
        hand_over.left -= 1;
        if hand_over.left == 0 {
            round.close();
        }
    }

    /// Runs one transaction, and in a round where someone owns the coinbase pays that one, or notes
    /// for it, the fees that have settled (semantics, section 2).
    fn run_noting_fees(&mut self, round: &Round<'_>, position: u32, output: &mut Output) {
        if !round.has_coinbase_owner {
            self.run_one(round, position, output);
            return;
        }
        let coinbase = round.setting.block.coinbase;
        if round.work.owned(position).contains(&coinbase)
            && let Err(fault) = self.pay_coinbase(round, coinbase, position)
        {
            note_fault(round, position, fault, output);
            return;
        }
        let known = output.executed.len();
        self.run_one(round, position, output);
        if let Some((_, executed)) = output.executed.get(known)
            && let Some(fee) = executed.fee_due()
        {
            round.hand_over().fees.push((position, fee));
        }
    }

    /// Pays an owner of the coinbase the fees of all before it.
    fn pay_coinbase(
        &mut self,
        round: &Round<'_>,
        coinbase: Address,
        position: u32,
    ) -> Result<(), Fault> {
        let mut settled = Vec::new();
        round.hand_over().fees.retain(|(payer, fee)| {
            let is_earlier = *payer < position;
            if is_earlier {
                settled.push(*fee);
            }
            !is_earlier
        });
        if settled.is_empty() {
            return Ok(());
        }
        self.hold(round, round.work.owned(position))?;
        let located = self.executor.journal.locate_owned(&round.state, coinbase);
        let Some(Ok(place)) = located else {
            return Err(Fault::NotOwned(coinbase));
        };
        settled
            .into_iter()
            .try_for_each(|fee| self.executor.journal.deposit(place, fee))
    }

    fn run_one(&mut self, round: &Round<'_>, position: u32, output: &mut Output) {
        match self.execute(round, position) {
            Ok(mut executed) => {
                publish(round, position, &mut executed);
                output.executed.push((position, executed));
            }
            Err(fault) => note_fault(round, position, fault, output),
        }
    }

    fn execute(&mut self, round: &Round<'_>, position: u32) -> Result<Executed, Fault> {
        self.hold(round, round.work.owned(position))?;
        let scene = round.setting.scene(&round.state);
        // Unique in the round, which is as long as an account lives in a journal.
        let epoch = position + 1;
        let place = round.place(position);
        // What an embedder hooks in may panic.
        self.executor.guarded(|executor| {
            executor.trace_at(round.setting.tracers, place);
            let executed = match &round.work {
                Work::Originals(_) => {
                    let original = &round.setting.originals[position as usize];
                    match round.setting.check_blob_gas(position) {
                        Ok(()) => executor.run_original(&scene, original, epoch),
                        Err(error) => Ok(Executed::skipped(error)),
                    }
                }
                Work::Records { records, .. } => {
                    let record = &records[position as usize];
                    let root = &round.setting.originals[record.root as usize];
                    executor.run_deferred(&scene, &record.call, &root.environment, epoch)
                }
            };
            drop(executor.take_tracer());
            executed
        })?
    }

    /// Makes the journal own just these accounts.
    fn hold(&mut self, round: &Round<'_>, owned: &[Address]) -> Result<(), Fault> {
        if self.held == owned {
            return Ok(());
        }
        self.park_all();
        for address in owned {
            let place = self.executor.journal.own(&round.state, *address, None)?;
            self.held.push(*address);
            self.places.push(place);
        }
        Ok(())
    }

    fn park_all(&mut self) {
        self.held.clear();
        for place in self.places.drain(..) {
            self.executor.journal.park(place);
        }
    }

    /// Ends a round: all accounts go to the barrier, and the journal forgets what it has read.
    fn release(&mut self, output: &mut Output) {
        self.park_all();
        let accounts = self.executor.journal.drain();
        output
            .accounts
            .extend(accounts.filter(LiveAccount::is_written));
    }
}

/// The most workers that a scheduler has.
pub const WORKERS_MAX: usize = 256;

/// Pushes what a transaction has emitted to the round's queue, in one push.
fn publish(round: &Round<'_>, position: u32, executed: &mut Executed) {
    let calls = std::mem::take(&mut executed.effects.deferred_calls);
    if calls.is_empty() {
        return;
    }
    let parent = round.place(position).id;
    let root = match &round.work {
        Work::Originals(_) => position,
        Work::Records { records, .. } => records[position as usize].root,
    };
    round.published.push(
        calls
            .into_iter()
            .map(|call| Record::new(parent, position, root, call))
            .collect(),
    );
}

fn note_fault(round: &Round<'_>, position: u32, fault: Fault, output: &mut Output) {
    let mut hand_over = round.hand_over();
    hand_over.fault_at = Some(
        hand_over
            .fault_at
            .map_or(position, |known| known.min(position)),
    );
    if output
        .fault
        .as_ref()
        .is_none_or(|(known, _)| position < *known)
    {
        output.fault = Some((position, fault));
    }
}
