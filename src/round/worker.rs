//! One worker: runs batches of a round, one transaction after the other.
//!
//! Accounts come and go by move. Nothing is locked while a transaction runs: the hand-over between
//! batches is opened before a batch and after it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use crossbeam::channel::{Receiver, Sender, unbounded};
use deferevm_opcodes::machine::word;
use primitive_types::U512;
use smallvec::SmallVec;

use super::{
    ahead::Ahead,
    credits::Credits,
    partition::{Batch, Schedule},
    publishing::Publisher,
    running::{Round, Setting, Work},
    slots::Slots,
    tree::Growth,
};
use crate::{
    Address, U256, in_place,
    state::{Fault, LiveAccount, Map, Writes, journal::NO_PLACE},
    transaction::{Executed, Executor, Receipt, panic_fault},
};

/// What the workers of a round share that run it together.
pub struct Shared {
    /// In which batches.
    pub schedule: Schedule,
    /// One for each transaction.
    pub receipts: Slots<Receipt>,
    hand_over: Mutex<HandOver>,
    ahead: Ahead,
    ready: (Sender<Option<u32>>, Receiver<Option<u32>>),
}

/// What passes between batches.
#[derive(Default)]
struct HandOver {
    /// For each batch, how many it still waits for.
    waits_for: Vec<u32>,
    /// Batches not done.
    left: usize,
    /// Accounts between two owners, by number.
    parked: Map<u32, LiveAccount>,
}

/// What a worker has to show for a round, besides receipts. All of it is in no order, and needs none.
pub struct Output {
    /// What roots and their trees have come to.
    pub growth: Growth,
    /// Credits due.
    pub(super) credits: Credits,
    /// Wei burnt.
    pub burnt: U512,
    /// What has been done to the accounts whose last owner it has run.
    pub writes: Writes,
    /// The earliest fault.
    pub fault: Option<(u32, Fault)>,
}

/// One worker with its allocations. Workers stand side by side, and none shares a cache line with the next: they write to
/// their fields all the time, which made two of them a fifth slower.
#[repr(align(128))]
pub struct Worker {
    executor: Executor,
    publisher: Publisher,
    /// What the transaction that ran last owns, by number, and where the journal has it.
    held: Vec<u32>,
    places: Vec<u32>,
    /// Where the journal has each account, by number.
    place_of: Vec<u32>,
    /// The position of that transaction.
    holder: u32,
    /// The position that is run.
    position: u32,
}

/// So many transactions' accounts are loaded at a time: enough for the loads to overlap, and few enough
/// for what they load to be at hand still when it is used.
const LOADED_TOGETHER: usize = 32;

/// So many transactions are listed at a time by who runs them alone: few enough for them to be at hand still when they run.
const LISTED_TOGETHER: usize = 512;

/// Who waits for a batch looks this often whether another worker could do with help.
const PATIENCE: Duration = Duration::from_millis(1);

impl Shared {
    /// Batches are taken in the order of `first`, those that wait for nothing, and then as they become ready.
    pub(super) fn new(schedule: Schedule, first: &[u32], receipts: Slots<Receipt>) -> Self {
        let ready = unbounded();
        for index in first {
            ready
                .0
                .send(Some(*index))
                .expect("the receiver is kept beside the sender");
        }
        let waits_for = schedule.batches.iter().map(|batch| batch.waits_for);
        let hand_over = HandOver {
            waits_for: waits_for.collect(),
            left: schedule.batches.len(),
            parked: Map::default(),
        };
        Self {
            schedule,
            receipts,
            hand_over: Mutex::new(hand_over),
            ahead: Ahead::default(),
            ready,
        }
    }

    /// Says that no batch is left. Each worker that hears it says it again, to the next one.
    fn close(&self) {
        self.ready
            .0
            .send(None)
            .expect("the receiver is kept beside the sender");
    }

    fn hand_over(&self) -> MutexGuard<'_, HandOver> {
        // Nothing that can panic runs while it is held.
        self.hand_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left when all workers are done: the receipts, unless some are missing, and how many
    /// batches there were.
    pub fn into_parts(self) -> (Option<Vec<Receipt>>, usize) {
        (self.receipts.finish(), self.schedule.batches.len())
    }
}

/// Where a round's receipts go.
trait Receipts {
    /// Takes the receipt of the transaction at a position.
    fn put(&mut self, position: u32, receipt: impl FnOnce() -> Receipt);
}

/// Those of a round that runs in order.
impl Receipts for Vec<Receipt> {
    #[inline(always)]
    fn put(&mut self, _position: u32, receipt: impl FnOnce() -> Receipt) {
        in_place::push(self, receipt);
    }
}

impl Receipts for &Slots<Receipt> {
    #[inline(always)]
    fn put(&mut self, position: u32, receipt: impl FnOnce() -> Receipt) {
        self.set(position as usize, receipt);
    }
}

impl Output {
    fn new(coinbase: Address) -> Self {
        Self {
            growth: Growth::default(),
            credits: Credits::new(coinbase),
            burnt: U512::zero(),
            writes: Writes::default(),
            fault: None,
        }
    }
}

impl Worker {
    /// A worker for rounds of one setting.
    pub fn new(setting: &Setting<'_>) -> Self {
        let mut executor = Executor::new(setting.fork, setting.policy, setting.precompiles);
        if setting.threads.count() > 1 {
            executor.journal.keep_codes();
        }
        Self {
            executor,
            publisher: Publisher::default(),
            held: Vec::new(),
            places: Vec::new(),
            place_of: Vec::new(),
            holder: 0,
            position: 0,
        }
    }

    /// One that works beside another, and knows what that one's precompiles have answered.
    pub fn beside(other: &Self, setting: &Setting<'_>) -> Self {
        let mut worker = Self::new(setting);
        worker.executor.share_answers(&other.executor);
        worker
    }

    /// Runs the whole round alone, in order, and adds its receipts to these.
    pub fn run_alone(&mut self, round: &mut Round<'_>, receipts: &mut Vec<Receipt>) -> Output {
        round.runs_alone = true;
        let mut output = self.begin(round);
        receipts.reserve(round.len());
        if round.len() > LISTED_TOGETHER && !round.is_listed() {
            // Of most accounts it is not known in time that nobody needs them again.
            self.executor.journal.reserve(2 * round.len());
        }
        let fault = self.guarded(|worker| worker.run_in_order(round, &mut output, receipts));
        output.fault = fault.map(|fault| (self.position, fault));
        self.release(round, &mut output);
        output
    }

    fn run_in_order(
        &mut self,
        round: &mut Round<'_>,
        output: &mut Output,
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), Fault> {
        let count = u32::try_from(round.len()).expect("a round has fewer than 2^32 transactions");
        for position in 0..count {
            let done = position as usize;
            if done.is_multiple_of(LISTED_TOGETHER) {
                self.position = position;
                let listed = round.list_until(round.len().min(done + LISTED_TOGETHER));
                listed.map_err(Fault::Database)?;
                self.place_of.resize(round.roster.accounts(), NO_PLACE);
            }
            if done.is_multiple_of(LOADED_TOGETHER) {
                let ahead = (round.len() - done).min(LOADED_TOGETHER);
                let coming = round.roster.owned_by(position, ahead).iter();
                self.load_together(round, coming.copied());
            }
            self.run_one(round, position, output, receipts)?;
        }
        Ok(())
    }

    /// Runs batches as they become ready, beside other workers, until none is left.
    pub fn run_shared(&mut self, round: &Round<'_>, shared: &Shared) -> Output {
        let mut output = self.begin(round);
        let helps_from = round.helps_from();
        while let Some(index) = self.next_batch(round, shared, helps_from.is_some()) {
            self.run_batch(round, shared, index, helps_from, &mut output);
        }
        shared.close();
        self.release(round, &mut output);
        output
    }

    fn begin(&mut self, round: &Round<'_>) -> Output {
        self.place_of.clear();
        self.place_of.resize(round.roster.accounts(), NO_PLACE);
        Output::new(round.setting.block.coinbase)
    }

    /// The next batch, as soon as one is ready; `None` once all are done. Until then it helps who is held up.
    fn next_batch(&mut self, round: &Round<'_>, shared: &Shared, helps: bool) -> Option<u32> {
        let ready = &shared.ready.1;
        if !helps {
            return ready.recv().ok()?;
        }
        loop {
            if let Ok(batch) = ready.try_recv() {
                return batch;
            }
            let has_failed = round.fault_at.load(Ordering::Relaxed) != u32::MAX;
            if !has_failed && let Some((batch, place)) = shared.ahead.claim() {
                let batch = &shared.schedule.batches[batch as usize];
                self.rehearse(round, batch.positions[place]);
            } else if let Ok(batch) = ready.recv_timeout(PATIENCE) {
                return batch;
            }
        }
    }

    /// Runs a transaction as of the round's start, for nothing but what its precompiles answer. It owns no account
    /// before, and none afterwards.
    fn rehearse(&mut self, round: &Round<'_>, position: u32) {
        let owned = round.roster.owned(position);
        let run = catch_unwind(AssertUnwindSafe(|| {
            self.load_together(round, owned.iter().copied());
            self.hold(round, owned, &mut Writes::default())?;
            self.execute(round, position).map(drop)
        }));
        if !matches!(run, Ok(Ok(()))) {
            // Who runs it for good finds out why, if it comes to that.
            self.executor.forget_frames();
        }
        self.held.clear();
        self.places.clear();
        for number in owned {
            self.place_of[*number as usize] = NO_PLACE;
        }
        self.executor.journal.clear();
    }

    fn run_batch(
        &mut self,
        round: &Round<'_>,
        shared: &Shared,
        index: u32,
        helps_from: Option<u64>,
        output: &mut Output,
    ) {
        let batch = &shared.schedule.batches[index as usize];
        let is_linked = batch.waits_for > 0 || !batch.releases.is_empty();
        if is_linked {
            self.take_over(round, shared, batch);
        }
        let known_from = self.executor.gas_computed();
        let mut is_helped = false;
        let fault = self.guarded(|worker| {
            for (place, position) in batch.positions.iter().enumerate() {
                if place.is_multiple_of(LOADED_TOGETHER) {
                    let coming = batch.positions[place..].iter().take(LOADED_TOGETHER);
                    let coming = coming.flat_map(|at| round.roster.owned(*at));
                    worker.load_together(round, coming.copied());
                }
                if round.fault_at.load(Ordering::Relaxed) < *position {
                    return Ok(());
                }
                worker.run_one(round, *position, output, &mut &shared.receipts)?;
                let computed = worker.executor.gas_computed() - known_from;
                if is_helped || helps_from.is_some_and(|from| computed >= from) {
                    is_helped = true;
                    let count = batch.positions.len();
                    shared.ahead.come_to(index, place + 1, count);
                }
            }
            Ok(())
        });
        if let Some(fault) = fault {
            self.fail(round, output, fault);
        }
        if is_helped {
            shared.ahead.leave(index);
        }
        self.disown(round, &mut output.writes);
        self.complete(round, shared, batch, is_linked);
    }

    /// Takes the accounts that the batch owns from those who had them before.
    fn take_over(&mut self, round: &Round<'_>, shared: &Shared, batch: &Batch) {
        let mut hand_over = shared.hand_over();
        for position in &batch.positions {
            for number in round.roster.owned(*position) {
                if let Some(account) = hand_over.parked.remove(number) {
                    self.place_of[*number as usize] = self.executor.journal.adopt(account);
                }
            }
        }
    }

    /// Passes the accounts on, and frees the batches that have waited for this one.
    fn complete(&mut self, round: &Round<'_>, shared: &Shared, batch: &Batch, is_linked: bool) {
        let mut hand_over = shared.hand_over();
        if is_linked {
            for position in &batch.positions {
                for number in round.roster.owned(*position) {
                    let place = std::mem::replace(&mut self.place_of[*number as usize], NO_PLACE);
                    if place != NO_PLACE {
                        let account = self.executor.journal.give_up(place);
                        hand_over.parked.insert(*number, account);
                    }
                }
            }
        }
        for released in &batch.releases {
            let waits_for = &mut hand_over.waits_for[*released as usize];
            *waits_for -= 1;
            if *waits_for == 0 {
                shared
                    .ready
                    .0
                    .send(Some(*released))
                    .expect("the receiver is kept beside the sender");
            }
        }
        hand_over.left -= 1;
        if hand_over.left == 0 {
            shared.close();
        }
    }

    /// Runs transactions: why one could not be run. What an embedder hooks in may panic.
    fn guarded(&mut self, run: impl FnOnce(&mut Self) -> Result<(), Fault>) -> Option<Fault> {
        match catch_unwind(AssertUnwindSafe(|| run(self))) {
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(fault),
            Err(panic) => {
                self.executor.forget_frames();
                Some(panic_fault(&*panic))
            }
        }
    }

    /// Notes why the transaction at its position could not be run, beside others.
    fn fail(&mut self, round: &Round<'_>, output: &mut Output, fault: Fault) {
        let position = self.position;
        round.fault_at.fetch_min(position, Ordering::Relaxed);
        let is_earlier = |known: &(u32, Fault)| position < known.0;
        if output.fault.as_ref().is_none_or(is_earlier) {
            output.fault = Some((position, fault));
        }
    }

    /// Runs a transaction, and passes its receipt on.
    #[inline]
    fn run_one(
        &mut self,
        round: &Round<'_>,
        position: u32,
        output: &mut Output,
        receipts: &mut impl Receipts,
    ) -> Result<(), Fault> {
        self.position = position;
        self.hold(round, round.roster.owned(position), &mut output.writes)?;
        self.holder = position;
        if round.owns_coinbase(position) {
            self.pay_coinbase(round, position, &mut output.credits)?;
        }
        if round.setting.tracers.is_some() {
            self.executor
                .trace_at(round.setting.tracers, round.place(position));
        }
        let mut result = self.execute(round, position);
        // It stays where it is: it is long, and most of it is not needed again.
        let executed = match result {
            Ok(ref mut executed) => executed,
            Err(fault) => return Err(fault),
        };
        drop(self.executor.take_tracer());
        round.gas_used[position as usize].store(executed.gas_used, Ordering::Relaxed);
        sort_out(round, position, executed, output, &mut self.publisher);
        receipts.put(position, || match &round.work {
            Work::Originals => {
                let original = &round.setting.originals[position as usize];
                Receipt::of_original(position, original, executed)
            }
            Work::Records(records) => records[position as usize].executed(round.index, executed),
        });
        Ok(())
    }

    /// Executes a transaction on the accounts that are held.
    #[inline(always)]
    fn execute(&mut self, round: &Round<'_>, position: u32) -> Result<Executed, Fault> {
        let scene = round.setting.scene(&round.state);
        // Unique in the round, which is as long as an account lives in a journal.
        let epoch = position + 1;
        match &round.work {
            Work::Originals => {
                let original = &round.setting.originals[position as usize];
                let checked = round.roster.totals().check_blob_gas(
                    position,
                    &original.recovered.transaction,
                    round.setting.blob_gas_max,
                );
                match checked {
                    Ok(()) => self
                        .executor
                        .run_original(&scene, original, epoch, &self.places),
                    Err(error) => Ok(Executed::skipped(error)),
                }
            }
            Work::Records(records) => {
                let record = &records[position as usize];
                let root = &round.setting.originals[record.root as usize];
                self.executor
                    .run_deferred(&scene, &record.call, &root.environment, epoch)
            }
        }
    }

    /// Pays an owner of the coinbase the fees of all before it that have settled (semantics, section 2).
    fn pay_coinbase(
        &mut self,
        round: &Round<'_>,
        position: u32,
        credits: &mut Credits,
    ) -> Result<(), Fault> {
        let settled = if round.runs_alone {
            credits.take_fees()
        } else {
            round.take_fees_before(position)
        };
        let Some(settled) = settled else {
            return Ok(());
        };
        let coinbase = round.setting.block.coinbase;
        let amount = U256::try_from(settled).map_err(|_| Fault::BalanceOverflow(coinbase))?;
        let located = self.executor.journal.locate_owned(&round.state, coinbase);
        let Some(Ok(place)) = located else {
            return Err(Fault::NotOwned(coinbase));
        };
        self.executor.journal.deposit(place, amount)
    }

    /// Loads accounts that are about to be held.
    fn load_together(&mut self, round: &Round<'_>, numbers: impl Iterator<Item = u32>) {
        let place_of = &self.place_of;
        let wanted: SmallVec<[u32; 2 * LOADED_TOGETHER]> = numbers
            .filter(|number| place_of[*number as usize] == NO_PLACE)
            .collect();
        let wanted = wanted
            .into_iter()
            .map(|number| (number, round.roster.address(number)));
        self.executor
            .journal
            .load_together(&round.state, wanted, &mut self.place_of);
    }

    /// Makes the journal own just these accounts.
    fn hold(
        &mut self,
        round: &Round<'_>,
        numbers: &[u32],
        writes: &mut Writes,
    ) -> Result<(), Fault> {
        // The first one tells most apart.
        if self.held.first() == numbers.first() && self.held == numbers {
            return Ok(());
        }
        self.disown(round, writes);
        for number in numbers {
            let journal = &mut self.executor.journal;
            let place = &mut self.place_of[*number as usize];
            if *place == NO_PLACE {
                *place = journal.load(&round.state, round.roster.address(*number))?;
            }
            journal.own(*place);
            self.held.push(*number);
            self.places.push(*place);
        }
        Ok(())
    }

    /// Owns nothing any more. What nobody of the round needs again is done with, and what has not been
    /// written to is forgotten.
    fn disown(&mut self, round: &Round<'_>, writes: &mut Writes) {
        let journal = &mut self.executor.journal;
        journal.disown_all();
        let is_listed = round.is_listed();
        for (number, place) in self.held.drain(..).zip(self.places.drain(..)) {
            let is_done = is_listed && round.roster.last_owner(number) == self.holder;
            if is_done || !journal.is_written(place) {
                journal.retire(place, writes);
                self.place_of[number as usize] = NO_PLACE;
            }
        }
    }

    /// Ends a round: what has been emitted is published, what has been written and nobody was known to be done with is
    /// written back, and the journal forgets all accounts.
    fn release(&mut self, round: &Round<'_>, output: &mut Output) {
        self.disown(round, &mut output.writes);
        self.executor.journal.move_writes(&mut output.writes);
        self.publisher.finish(&round.published);
    }
}

/// Sorts out what a transaction has left but its receipt: what its tree has come to, and what is published.
#[inline]
fn sort_out(
    round: &Round<'_>,
    position: u32,
    executed: &mut Executed,
    output: &mut Output,
    publisher: &mut Publisher,
) {
    if let Some(fee) = executed.fee_due() {
        if position < round.fees_paid_before && !round.runs_alone {
            round.fees().push((position, fee));
        } else {
            output.credits.add_fee(fee);
        }
    }
    for credit in &executed.effects.credits {
        output.credits.add(credit.address, credit.amount);
    }
    word::add_to_wide(&mut output.burnt, executed.effects.burnt);
    let calls = std::mem::take(&mut executed.effects.deferred_calls);
    match &round.work {
        Work::Originals => {
            let original = &round.setting.originals[position as usize];
            let parent = (original.recovered.hash, position, position);
            output
                .growth
                .add_original(position, original, executed, &calls);
            publisher.add(&round.published, parent, calls);
        }
        Work::Records(records) => {
            let record = &records[position as usize];
            let parent = (record.id, position, record.root);
            output.growth.add_virtual(record.root, executed, &calls);
            publisher.add(&round.published, parent, calls);
        }
    }
}
