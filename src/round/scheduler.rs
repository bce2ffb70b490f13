//! The workers of a block, kept from its first round to its last, and how many of them a round is worth.

use std::cmp::Reverse;

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

/// A round that is worth several workers.
struct Division {
    schedule: Schedule,
    /// Its batches that wait for nothing, in the order in which they are taken.
    ready: Vec<u32>,
    workers: usize,
}

/// Expected work that is worth one more thread, in nanoseconds: it takes some tens of microseconds until that
/// runs, if it is not awake, and what both then touch goes from one core to the other.
const WAKE_UP: u64 = 50_000;

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
        round: &mut Round<'e>,
        partition: &dyn Partition,
        receipts: &mut Vec<Receipt>,
    ) -> Result<Finish, (u32, Fault)> {
        let (mut outputs, batches) = match self.divide(round, partition) {
            Some(division) => self.run_shared(round, division, receipts),
            None => (vec![self.workers[0].run_alone(round, receipts)], 1),
        };
        let faults = outputs.iter_mut().filter_map(|output| output.fault.take());
        match faults.min_by_key(|(position, _)| *position) {
            Some(earliest) => Err(earliest),
            None => Ok(Finish { outputs, batches }),
        }
    }

    /// What workers share of a round; `None` where one runs it alone.
    fn divide(&self, round: &Round<'e>, partition: &dyn Partition) -> Option<Division> {
        let threads = self.setting.threads.count();
        if threads == 1 {
            return None;
        }
        if self.setting.shares_all {
            let schedule = round.schedule(partition);
            let workers = threads.min(schedule.batches.len());
            return (workers > 1).then(|| Division {
                ready: schedule.ready(),
                schedule,
                workers,
            });
        }
        let work = round.roster.expected_work();
        let all: u64 = work.iter().map(|work| u64::from(*work)).sum();
        let worth = usize::try_from(all / WAKE_UP).unwrap_or(usize::MAX);
        if worth == 0 {
            return None;
        }
        // They wake while the round is divided.
        self.setting.threads.wake(worth);
        let schedule = round.schedule(partition);
        let chains = schedule.chains(work);
        let longest = chains.iter().copied().max().unwrap_or(0);
        let busy = kept_busy(all, longest);
        let workers = threads.min(worth.saturating_add(1)).min(busy);
        (workers > 1).then(|| {
            // The longest chains first, so that none is left over when all else is done.
            let mut ready = schedule.ready();
            ready.sort_by_key(|place| Reverse(chains[*place as usize]));
            Division {
                schedule,
                ready,
                workers,
            }
        })
    }

    /// What each worker has left, and in how many batches. Receipts are missing if there is a fault.
    fn run_shared(
        &mut self,
        round: &Round<'e>,
        division: Division,
        receipts: &mut Vec<Receipt>,
    ) -> (Vec<Output>, usize) {
        let Division {
            schedule,
            ready,
            workers,
        } = division;
        let setting = &self.setting;
        while self.workers.len() < workers {
            let another = Worker::beside(&self.workers[0], setting);
            self.workers.push(another);
        }
        let shared = round.share(schedule, &ready, std::mem::take(receipts));
        let workers = &mut self.workers[..workers];
        let run = |worker: &mut Worker| worker.run_shared(round, &shared);
        let outputs = setting.threads.each(workers, run);
        let (all, batches) = shared.into_parts();
        *receipts = all.unwrap_or_default();
        (outputs, batches)
    }
}

/// How many workers so much work keeps busy, of which so much is one chain: one where that is more than three
/// quarters of it.
fn kept_busy(all: u64, longest: u64) -> usize {
    if 4 * longest >= 3 * all {
        return 1;
    }
    usize::try_from(all.div_ceil(longest.max(1))).unwrap_or(usize::MAX)
}

/// A guess at what a transaction with so much gas for its code takes, in nanoseconds. The gas is an upper
/// bound, and mostly far above what is used.
pub fn expected_work(gas: u64) -> u32 {
    500 + gas.min(100_000) as u32 / 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_workers_than_the_longest_chain_leaves_work_for() {
        assert_eq!(kept_busy(60, 40), 2);
        assert_eq!(kept_busy(90, 70), 1);
        assert_eq!(kept_busy(80, 40), 2);
        assert_eq!(kept_busy(101, 41), 3);
        assert_eq!(kept_busy(0, 0), 1);
    }
}
