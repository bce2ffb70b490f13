//! The workers of a block: started when the first round needs them, kept to its end.

use std::{
    sync::Arc,
    thread::{self, Scope},
};

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};

use super::worker::{Output, Round, Setting, WORKERS_MAX, Work, Worker};
use crate::{state::Fault, transaction::Original};

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
    rounds: Sender<Arc<Round<'e>>>,
}

struct Finished<'e> {
    round: Arc<Round<'e>>,
    output: Output,
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

    /// Runs a round to its end. All workers have let go of it then.
    ///
    /// # Errors
    /// The fault of the earliest transaction that could not be run, with its position.
    pub fn run(&mut self, round: Round<'e>) -> Result<(Round<'e>, Vec<Output>), (u32, Fault)> {
        let batches = round.schedule.batches.len();
        let helpers = self.helpers_for(&round.work).min(batches.saturating_sub(1));
        if helpers == 0 {
            let output = self.own.run_alone(&round);
            return collect(round, vec![output]);
        }
        self.start(helpers);
        let round = Arc::new(round);
        for other in &self.others[..helpers] {
            other
                .rounds
                .send(Arc::clone(&round))
                .expect("a worker's thread lasts as long as its channel");
        }
        let mut outputs = vec![self.own.run_shared(&round)];
        for _ in 0..helpers {
            let Finished { round, output } = self
                .results
                .1
                .recv()
                .expect("each worker answers each round");
            drop(round);
            outputs.push(output);
        }
        let round =
            Arc::into_inner(round).expect("every worker has sent its share of the round back");
        collect(round, outputs)
    }

    /// How many other workers a round is worth: none for less work than their wake-up takes.
    pub fn helpers_for(&self, work: &Work) -> usize {
        if self.workers == 1 {
            return 0;
        }
        let gas = expected_gas(work, self.setting.originals);
        let worth = usize::try_from(gas / WAKE_UP_GAS).unwrap_or(usize::MAX);
        (self.workers - 1).min(worth)
    }

    fn start(&mut self, helpers: usize) {
        while self.others.len() < helpers {
            let (sender, rounds) = bounded::<Arc<Round<'e>>>(1);
            let setting = self.setting;
            let results = self.results.0.clone();
            self.scope.spawn(move || {
                let mut worker = Worker::new(&setting);
                for round in rounds {
                    let output = worker.run_shared(&round);
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

/// A guess at a round's gas: limits are upper bounds, and mostly far above what is used.
fn expected_gas(work: &Work, originals: &[Original]) -> u64 {
    const GUESS_MAX: u64 = 100_000;
    match work {
        Work::Originals(owned) => originals[..owned.len()]
            .iter()
            .map(|original| original.recovered.transaction.gas_limit.min(GUESS_MAX) / 2)
            .sum(),
        Work::Records { records, .. } => records
            .iter()
            .map(|record| (record.call.gas + record.call.stipend).min(GUESS_MAX) / 4)
            .sum(),
    }
}

fn collect<'e>(
    round: Round<'e>,
    mut outputs: Vec<Output>,
) -> Result<(Round<'e>, Vec<Output>), (u32, Fault)> {
    let earliest = outputs
        .iter_mut()
        .filter_map(|output| output.fault.take())
        .min_by_key(|(position, _)| *position);
    match earliest {
        Some(fault) => Err(fault),
        None => Ok((round, outputs)),
    }
}
