//! The workers of a block, kept from its first round to its last, and how many of them a round is worth.

use super::{
    Partition, Schedule,
    running::{Round, Setting},
    worker::{Output, Worker},
};
use crate::{state::Fault, transaction::Receipt};

/// Runs rounds on the calling thread and, where a round is worth it, on others beside it.
pub struct Scheduler<'e> {
    setting: Setting<'e>,
    /// The calling thread's, and behind it those of others, once a round has been worth them.
    workers: Vec<Worker>,
}

/// A round that has run to its end.
pub struct Finish {
    /// What each worker has left.
    pub outputs: Vec<Output>,
    /// In how many batches it ran.
    pub batches: usize,
}

/// Expected work that is worth one more thread, in nanoseconds: it takes some tens of microseconds until that
/// runs, and what both then touch goes from one core to the other.
const WAKE_UP: u64 = 100_000;

impl<'e> Scheduler<'e> {
    /// A scheduler for the rounds of a block.
    pub fn new(setting: Setting<'e>) -> Self {
        Self {
            setting,
            workers: vec![Worker::new(&setting)],
        }
    }

    /// Runs a round to its end, and adds its receipts to these.
    ///
    /// # Errors
    /// The fault of the earliest transaction that could not be run, with its position.
    pub fn run(
        &mut self,
        round: &Round<'e>,
        partition: &dyn Partition,
        receipts: &mut Vec<Receipt>,
    ) -> Result<Finish, (u32, Fault)> {
        let (mut outputs, batches) = match self.divide(round, partition) {
            Some((schedule, wanted)) => self.run_shared(round, schedule, wanted, receipts),
            None => (vec![self.workers[0].run_alone(round, receipts)], 1),
        };
        let faults = outputs.iter_mut().filter_map(|output| output.fault.take());
        match faults.min_by_key(|(position, _)| *position) {
            Some(earliest) => Err(earliest),
            None => Ok(Finish { outputs, batches }),
        }
    }

    /// The batches of a round, and how many workers they are worth; `None` where one runs it alone.
    fn divide(&self, round: &Round<'e>, partition: &dyn Partition) -> Option<(Schedule, usize)> {
        let threads = self.setting.threads.count();
        if threads == 1 {
            return None;
        }
        if self.setting.shares_all {
            let schedule = round.schedule(partition);
            let wanted = threads.min(schedule.batches.len());
            return (wanted > 1).then_some((schedule, wanted));
        }
        let work = round.expected_work();
        let all: u64 = work.iter().map(|work| u64::from(*work)).sum();
        let worth = usize::try_from(all / WAKE_UP).unwrap_or(usize::MAX);
        if worth == 0 {
            return None;
        }
        let schedule = round.schedule(partition);
        let wanted = threads
            .min(worth.saturating_add(1))
            .min(schedule.span(&work).workers());
        (wanted > 1).then_some((schedule, wanted))
    }

    /// What each worker has left, and in how many batches. Receipts are missing if there is a fault.
    fn run_shared(
        &mut self,
        round: &Round<'e>,
        schedule: Schedule,
        wanted: usize,
        receipts: &mut Vec<Receipt>,
    ) -> (Vec<Output>, usize) {
        let setting = &self.setting;
        if self.workers.len() < wanted {
            self.workers.resize_with(wanted, || Worker::new(setting));
        }
        let shared = round.share(schedule, std::mem::take(receipts));
        let outputs = setting.threads.each(&mut self.workers[..wanted], |worker| {
            worker.run_shared(round, &shared)
        });
        let (all, batches) = shared.into_parts();
        *receipts = all.unwrap_or_default();
        (outputs, batches)
    }
}

/// A guess at what a transaction with so much gas for its code takes, in nanoseconds. The gas is an upper
/// bound, and mostly far above what is used.
pub fn expected_work(gas: u64) -> u32 {
    500 + gas.min(100_000) as u32 / 20
}
