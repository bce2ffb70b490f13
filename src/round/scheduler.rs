//! The workers of a block: started when the first round needs them, kept to its end.

use std::{
    sync::Arc,
    thread::{self, Scope},
};

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};

use super::{
    Partition,
    running::{Round, Setting, Work},
    worker::{Output, Shared, WORKERS_MAX, Worker},
};
use crate::{state::Fault, transaction::Receipt};

/// Runs rounds on the calling thread and, where a round is worth it, on others beside it.
pub struct Scheduler<'scope, 'e> {
    scope: &'scope Scope<'scope, 'e>,
    setting: Setting<'e>,
    workers: usize,
    own: Worker,
    others: Vec<Other<'e>>,
    results: (Sender<Finished<'e>>, Receiver<Finished<'e>>),
}

/// A worker on a thread of its own.
struct Other<'e> {
    rounds: Sender<Arc<(Round<'e>, Shared)>>,
}

struct Finished<'e> {
    round: Arc<(Round<'e>, Shared)>,
    output: Output,
}

/// A round that has run to its end.
pub struct Finish<'e> {
    /// The round, which no worker has any more.
    pub round: Round<'e>,
    /// What each worker has left.
    pub outputs: Vec<Output>,
    /// In how many batches it ran.
    pub batches: usize,
}

/// Gas that is worth waking another thread for: about 50 µs of work.
const WAKE_UP_GAS: u64 = 50_000;

impl<'scope, 'e> Scheduler<'scope, 'e> {
    /// A scheduler with so many workers, the calling thread included. Threads are started later.
    pub fn new(scope: &'scope Scope<'scope, 'e>, setting: Setting<'e>, workers: usize) -> Self {
        Self {
            scope,
            setting,
            workers: workers.clamp(1, WORKERS_MAX),
            own: Worker::new(&setting),
            others: Vec::new(),
            results: unbounded(),
        }
    }

    /// Runs a round to its end, and adds its receipts to these.
    ///
    /// # Errors
    /// The fault of the earliest transaction that could not be run, with its position.
    pub fn run(
        &mut self,
        round: Round<'e>,
        partition: &dyn Partition,
        receipts: &mut Vec<Receipt>,
    ) -> Result<Finish<'e>, (u32, Fault)> {
        let helpers = self.helpers_for(&round.work);
        if helpers > 0 {
            let shared = round.share(partition, std::mem::take(receipts));
            return self.run_shared(round, shared, helpers, receipts);
        }
        let mut output = self.own.run_alone(&round, receipts);
        if let Some(fault) = output.fault.take() {
            return Err(fault);
        }
        Ok(Finish {
            round,
            outputs: vec![output],
            batches: 1,
        })
    }

    fn run_shared(
        &mut self,
        round: Round<'e>,
        shared: Shared,
        helpers: usize,
        receipts: &mut Vec<Receipt>,
    ) -> Result<Finish<'e>, (u32, Fault)> {
        let helpers = helpers.min(shared.schedule.batches.len().saturating_sub(1));
        self.start(helpers);
        let both = Arc::new((round, shared));
        for other in &self.others[..helpers] {
            other
                .rounds
                .send(Arc::clone(&both))
                .expect("a worker's thread lasts as long as its channel");
        }
        let mut outputs = vec![self.own.run_shared(&both.0, &both.1)];
        for _ in 0..helpers {
            let Finished { round, output } = self
                .results
                .1
                .recv()
                .expect("each worker answers each round");
            drop(round);
            outputs.push(output);
        }
        let (round, shared) =
            Arc::into_inner(both).expect("every worker has sent its share of the round back");
        let faults = outputs.iter_mut().filter_map(|output| output.fault.take());
        if let Some(earliest) = faults.min_by_key(|(position, _)| *position) {
            return Err(earliest);
        }
        let (all, batches) = shared.into_parts();
        *receipts = all.expect("a round without a fault has run every position");
        Ok(Finish {
            round,
            outputs,
            batches,
        })
    }

    /// How many other workers a round is worth: none for less work than their wake-up takes.
    pub fn helpers_for(&self, work: &Work) -> usize {
        if self.workers == 1 {
            return 0;
        }
        let gas = match work {
            Work::Originals => self.setting.gas_expected,
            Work::Records(records) => records
                .iter()
                .map(|record| expected_gas(record.call.gas + record.call.stipend) / 4)
                .sum(),
        };
        let worth = usize::try_from(gas / WAKE_UP_GAS).unwrap_or(usize::MAX);
        (self.workers - 1).min(worth)
    }

    fn start(&mut self, helpers: usize) {
        while self.others.len() < helpers {
            let (sender, rounds) = bounded::<Arc<(Round<'e>, Shared)>>(1);
            let setting = self.setting;
            let results = self.results.0.clone();
            self.scope.spawn(move || {
                let mut worker = Worker::new(&setting);
                for round in rounds {
                    let output = worker.run_shared(&round.0, &round.1);
                    if results.send(Finished { round, output }).is_err() {
                        return;
                    }
                }
            });
            self.others.push(Other { rounds: sender });
        }
        debug_assert!(thread::panicking() || self.others.len() >= helpers);
    }
}

/// A guess at what a transaction may use at most: limits are upper bounds, and mostly far above what is used.
pub fn expected_gas(limit: u64) -> u64 {
    limit.min(100_000)
}
