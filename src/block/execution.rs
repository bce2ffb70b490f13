//! A whole block under a policy: its edges, its rounds, and the barriers between them.

use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use super::{
    Block, BlockFault,
    edges::{self, EdgeRules, Requests},
    outcome::{BlockOutcome, RoundOutcome, Timing},
    profile::{Account, Profile, profile},
};
use crate::{
    B256, Fork,
    call::{DeferredRules, Policy},
    in_place,
    precompiles::Precompiles,
    round::{
        Limits, Partition, Record, Roster, Scheduler, Totals,
        barrier::{Admitted, Barrier, BarrierFault, Ledger, NextRound, RunRound},
        order::Records,
        running::{Round, Setting, Work},
        scheduler::Finish,
        threads::Threads,
        tree::Trees,
    },
    state::{ErasedDatabase, State, StateChanges},
    trace::{TracerFactory, TransactionPlace},
    transaction::{
        Executor, InvalidTransaction, Limit, Original, Receipt, Recovered, Scene, Status,
        TransactionRules,
    },
};

use deferevm_opcodes::machine::word;
use primitive_types::U512;

/// How a block is to be executed.
pub struct Plan<'a> {
    /// The rules.
    pub fork: Fork,
    /// What becomes of calls.
    pub policy: Policy,
    /// The fork's precompiles, with the embedder's.
    pub precompiles: &'a Precompiles,
    /// What transactions are measured by.
    pub rules: TransactionRules,
    /// Who runs rounds together, the calling thread included.
    pub threads: Threads<'a>,
    /// Whether they share rounds that are not worth waking them for.
    pub shares_all: bool,
    /// Which transactions may run at the same time.
    pub partition: &'a dyn Partition,
    /// What the block may grow to.
    pub limits: Limits,
    /// Whether to check at each barrier that no wei is lost or made.
    pub audits: bool,
    /// Whether the block's edges run: system calls, requests, withdrawals and rewards.
    pub runs_edges: bool,
    /// Whether to take the time of the block's parts.
    pub takes_time: bool,
    /// The root of the state with these changes, where roots are asked for.
    pub root_of: Option<&'a RootOf<'a>>,
    /// Who traces which transaction.
    pub tracers: Option<&'a TracerFactory>,
}

/// Works out the root of a whole state from what has changed in it.
pub type RootOf<'a> = dyn Fn(&StateChanges) -> B256 + Sync + 'a;

/// Executes a block whose originals are prepared.
///
/// # Errors
/// Why the block cannot be executed, or why it is invalid.
pub fn execute(
    plan: &Plan<'_>,
    database: &dyn ErasedDatabase,
    block: &Block,
    originals: &[Original],
) -> Result<BlockOutcome, BlockFault> {
    if plan.policy.deferred().is_some() {
        // A large block's transactions are listed by all threads.
        let threads = plan.threads.for_pieces(originals.len());
        threads.wake(threads.count());
    }
    let mut state = State::new(database);
    let mut ledger = plan.audits.then(Ledger::default);
    let edges = EdgeRules {
        fork: plan.fork,
        precompiles: plan.precompiles,
        transaction: &plan.rules,
    };
    if plan.runs_edges {
        edges::begin(&edges, block, &mut state).map_err(|fault| BlockFault::at(0, fault))?;
    }
    let setting = Setting {
        fork: plan.fork,
        policy: &plan.policy,
        block: &block.environment,
        precompiles: plan.precompiles,
        rules: &plan.rules,
        originals,
        blob_gas_max: block.blob_gas_max(),
        threads: plan.threads,
        shares_all: plan.shares_all,
        tracers: plan.tracers,
    };
    let mut finished = match &plan.policy {
        Policy::Synchronous => synchronous(plan, setting, state, block, ledger.as_mut())?,
        Policy::Deferred(rules) => deferred(plan, rules, setting, state, block, ledger.as_mut())?,
    };
    let requests = if plan.runs_edges {
        let logs = finished.receipts.iter().flat_map(|receipt| &receipt.logs);
        edges::end(&edges, block, logs, &mut finished.state)?.requests
    } else {
        Requests::default()
    };
    let changes = finished
        .state
        .into_net_changes()
        .map_err(BlockFault::Database)?;
    Ok(BlockOutcome {
        policy: plan.policy,
        fork: plan.fork,
        gas_used: finished.gas_used,
        exceeds_gas_limit: finished.gas_limits > u128::from(block.environment.gas_limit),
        rounds: finished.rounds,
        receipts: finished.receipts,
        trees_succeeded: finished.trees_succeeded,
        requests,
        state_root: plan.root_of.map(|root_of| root_of(&changes)),
        changes,
        timing: finished.timing,
    })
}

/// All rounds of a block, before its end is run.
struct Finished<'d> {
    state: State<'d>,
    rounds: Vec<RoundOutcome>,
    receipts: Vec<Receipt>,
    trees_succeeded: Vec<bool>,
    /// Paid for by all roots, after refunds.
    gas_used: u64,
    /// The sum of the roots' gas limits.
    gas_limits: u128,
    timing: Option<Timing>,
}

/// Ethereum's own semantics: every transaction on the state that the one before has left.
fn synchronous<'d>(
    plan: &Plan<'_>,
    setting: Setting<'_>,
    mut state: State<'d>,
    block: &Block,
    mut ledger: Option<&mut Ledger>,
) -> Result<Finished<'d>, BlockFault> {
    let mut executor = Executor::new(plan.fork, &plan.policy, plan.precompiles);
    let mut run = Sequence {
        setting,
        gas_left: block.environment.gas_limit,
        totals: Totals::default(),
        receipts: Vec::with_capacity(setting.originals.len()),
        burnt: U512::zero(),
    };
    // Senders, targets, and a few that contracts look at.
    executor
        .journal
        .reserve(2 * setting.originals.len() + PRELOADED);
    executor
        .guarded(|executor| run.all(executor, &setting.scene(&state)))
        .unwrap_or_else(|fault| Err(BlockFault::at(run.position(), fault)))?;
    let Sequence {
        receipts,
        burnt,
        totals,
        ..
    } = run;
    if let Some(ledger) = ledger.as_deref_mut() {
        ledger.burn(burnt);
    }
    if let Some(ledger) = ledger.as_deref_mut() {
        ledger
            .note(&state, executor.journal.addresses())
            .map_err(BlockFault::Database)?;
    }
    executor.journal.drain_into(&mut state);
    if let Some(ledger) = ledger {
        ledger.note_after(&state).map_err(BlockFault::Database)?;
        ledger
            .check(&Trees::default(), &Records::default())
            .map_err(BarrierFault::NotConserved)?;
    }
    let gas_used = receipts.iter().map(|receipt| receipt.gas_used).sum();
    let paid = receipts.iter().filter_map(|receipt| receipt.tree_gas_used);
    let gas_paid = paid.sum();
    let rounds = vec![RoundOutcome {
        index: 0,
        receipts: 0..receipts.len(),
        executed: receipts.len(),
        batches: 1,
        gas_used,
        critical_gas: gas_used,
        hottest: None,
        state_root: plan.root_of.map(|root_of| root_of(&state.changes())),
    }];
    Ok(Finished {
        state,
        rounds,
        trees_succeeded: receipts
            .iter()
            .map(|receipt| receipt.status.is_success())
            .collect(),
        receipts,
        gas_used: gas_paid,
        gas_limits: totals.gas_limits,
        timing: None,
    })
}

/// The transactions of a block one after the other.
struct Sequence<'e> {
    setting: Setting<'e>,
    gas_left: u64,
    totals: Totals,
    receipts: Vec<Receipt>,
    burnt: U512,
}

/// So many transactions' accounts are loaded at a time: enough for the loads to overlap, and few enough
/// for what they load to be at hand still when it is used.
const PRELOADED: usize = 64;

impl Sequence<'_> {
    /// Where the transaction stands that runs next.
    fn position(&self) -> u32 {
        u32::try_from(self.receipts.len()).expect("a block has fewer than 2^32 transactions")
    }

    fn all(&mut self, executor: &mut Executor, scene: &Scene<'_>) -> Result<(), BlockFault> {
        let mut places = Vec::new();
        for originals in self.setting.originals.chunks(PRELOADED) {
            places.clear();
            let accounts = originals.iter().flat_map(|original| {
                let Recovered {
                    sender,
                    transaction,
                    ..
                } = &original.recovered;
                core::iter::once(*sender).chain(transaction.to)
            });
            executor
                .journal
                .preload(scene.state, accounts, &mut places)
                .map_err(|(_, error)| BlockFault::Database(error))?;
            let mut rest = &places[..];
            for original in originals {
                let loaded = 1 + usize::from(original.recovered.transaction.to.is_some());
                let (places, others) = rest.split_at(loaded);
                self.one(executor, scene, original, places)?;
                rest = others;
            }
        }
        Ok(())
    }

    fn one(
        &mut self,
        executor: &mut Executor,
        scene: &Scene<'_>,
        original: &Original,
        places: &[u32],
    ) -> Result<(), BlockFault> {
        let position = self.position();
        let transaction = &original.recovered.transaction;
        let invalid =
            |error: InvalidTransaction| BlockFault::invalid_transaction(position, original, error);
        if transaction.gas_limit > self.gas_left {
            return Err(invalid(InvalidTransaction::GasLimitAboveBlock {
                found: transaction.gas_limit,
                block: self.gas_left,
            }));
        }
        self.totals.count(position, transaction);
        let max = self.setting.blob_gas_max;
        let checked = self.totals.check_blob_gas(position, transaction, max);
        checked.map_err(invalid)?;
        let place = TransactionPlace {
            round: 0,
            position,
            id: original.recovered.hash,
        };
        executor.trace_at(self.setting.tracers, place);
        let mut result = executor.run_original(scene, original, position + 1, places);
        // It stays where it is: it is long, and most of it is not needed again.
        let executed = match result {
            Ok(ref mut executed) => executed,
            Err(fault) => return Err(BlockFault::at(position, fault)),
        };
        drop(executor.take_tracer());
        if let Status::Skipped(error) = &executed.status {
            return Err(invalid(InvalidTransaction::clone(error)));
        }
        word::add_to_wide(&mut self.burnt, executed.effects.burnt);
        self.gas_left = self
            .gas_left
            .saturating_sub(executed.gas_paid().unwrap_or(0));
        in_place::push(&mut self.receipts, || {
            Receipt::of_original(position, original, executed)
        });
        Ok(())
    }
}

/// Rounds until one emits nothing.
fn deferred<'d>(
    plan: &Plan<'_>,
    rules: &DeferredRules,
    setting: Setting<'d>,
    state: State<'d>,
    block: &Block,
    ledger: Option<&mut Ledger>,
) -> Result<Finished<'d>, BlockFault> {
    let mut run = Rounds {
        plan,
        rules,
        setting,
        seed: block.seed(plan.fork),
        ledger,
        trees: Trees::default(),
        admitted: Admitted::default(),
        rounds: Vec::new(),
        receipts: Vec::with_capacity(setting.originals.len()),
        timing: plan.takes_time.then(Timing::default),
        kept: Default::default(),
        profiled: Vec::new(),
    };
    let mut scheduler = Scheduler::new(setting);
    let (mut state, mut next) = run.round(&mut scheduler, state, Work::Originals)?;
    let (roster, _) = &run.kept;
    let gas_limits = roster.totals().gas_limits;
    while !next.records.is_empty() {
        let refused = next.refused;
        (state, next) = run.round(&mut scheduler, state, Work::Records(next.records))?;
        run.list_refused(&refused);
    }
    run.list_refused_alone(&next.refused);
    for (root, gas_used) in run.trees.grown() {
        run.receipts[root as usize].tree_gas_used = Some(gas_used);
    }
    Ok(Finished {
        state,
        rounds: run.rounds,
        receipts: run.receipts,
        trees_succeeded: run.trees.succeeded(setting.originals.len()),
        gas_used: run.trees.gas_used(),
        gas_limits,
        timing: run.timing,
    })
}

/// The rounds of a deferred block so far.
struct Rounds<'a, 'd> {
    plan: &'a Plan<'a>,
    rules: &'a DeferredRules,
    setting: Setting<'d>,
    seed: B256,
    ledger: Option<&'a mut Ledger>,
    trees: Trees,
    admitted: Admitted,
    rounds: Vec<RoundOutcome>,
    receipts: Vec<Receipt>,
    timing: Option<Timing>,
    /// Kept from round to round for what they have allocated.
    kept: (Roster, Vec<AtomicU64>),
    profiled: Vec<Account>,
}

impl<'d> Rounds<'_, 'd> {
    /// Runs one round and crosses its barrier.
    fn round(
        &mut self,
        scheduler: &mut Scheduler<'d>,
        state: State<'d>,
        work: Work,
    ) -> Result<(State<'d>, NextRound), BlockFault> {
        let index = u32::try_from(self.rounds.len()).expect("rounds are limited by a u32");
        let mut lap = self.timing.is_some().then(Instant::now);
        let kept = std::mem::take(&mut self.kept);
        let mut round = Round::new(self.setting, index, state, work, kept);
        // Otherwise the database is told as it is listed.
        if round.is_listed() {
            let owned = round.roster.addresses();
            let told = round.state.prefetch(owned);
            told.map_err(BlockFault::Database)?;
        }
        self.take_time(&mut lap, |timing| &mut timing.scheduling);
        let first = self.receipts.len();
        let Finish { outputs, batches } = scheduler
            .run(&mut round, self.plan.partition, &mut self.receipts)
            .map_err(|(position, fault)| BlockFault::in_round(index, position, fault))?;
        self.take_time(&mut lap, |timing| &mut timing.running);
        let coinbase = self.setting.block.coinbase;
        let mut run = RunRound::new(outputs, round.published);
        let mut barrier = Barrier {
            fork: self.plan.fork,
            coinbase,
            order: self.rules.order,
            seed: self.seed,
            limits: self.plan.limits,
            threads: self.plan.threads,
            roots: self.setting.originals.len(),
            trees: &mut self.trees,
            admitted: &mut self.admitted,
            ledger: self.ledger.as_deref_mut(),
        };
        let (roster, gas_used, work) = (round.roster, round.gas_used, round.work);
        let accounts = &mut self.profiled;
        let measure = || {
            // What has run may be hundreds of megabytes.
            drop(work);
            profile(&roster, round.coinbase, &gas_used, accounts)
        };
        let threads = self.plan.threads.for_pieces(gas_used.len());
        let (next, profile) = threads.both(|| barrier.admit(index, &mut run), measure);
        let mut state = round.state;
        barrier.cross(run, &next, &mut state)?;
        self.list(index, first, &profile, batches);
        self.kept = (roster, gas_used);
        if let (Some(root_of), Some(round)) = (self.plan.root_of, self.rounds.last_mut()) {
            round.state_root = Some(root_of(&state.changes()));
        }
        self.take_time(&mut lap, |timing| &mut timing.barriers);
        Ok((state, next))
    }

    /// Counts the time since the last lap to a part, if that was asked for.
    fn take_time(
        &mut self,
        lap: &mut Option<Instant>,
        part: impl FnOnce(&mut Timing) -> &mut Duration,
    ) {
        if let (Some(lap), Some(timing)) = (lap, &mut self.timing) {
            let now = Instant::now();
            *part(timing) += now - *lap;
            *lap = now;
        }
    }

    /// Lists a round, whose receipts stand from `first` on.
    fn list(&mut self, index: u32, first: usize, profile: &Profile, batches: usize) {
        self.rounds.push(RoundOutcome {
            index,
            receipts: first..self.receipts.len(),
            executed: self.receipts.len() - first,
            batches,
            gas_used: profile.gas_used,
            critical_gas: profile.critical_gas,
            hottest: profile.hottest,
            state_root: None,
        });
    }

    /// Lists refused records behind the executed ones of the round that they would have run in.
    fn list_refused(&mut self, refused: &[(Record, Limit)]) {
        let Some(round) = self.rounds.last_mut() else {
            return;
        };
        let index = round.index;
        self.receipts.extend(
            refused
                .iter()
                .map(|(record, limit)| record.refused(index, *limit)),
        );
        round.receipts.end = self.receipts.len();
    }

    /// Lists the records of a round that did not take place, since all were refused.
    fn list_refused_alone(&mut self, refused: &[(Record, Limit)]) {
        let index = u32::try_from(self.rounds.len()).expect("rounds are limited by a u32");
        self.receipts.extend(
            refused
                .iter()
                .map(|(record, limit)| record.refused(index, *limit)),
        );
    }
}
