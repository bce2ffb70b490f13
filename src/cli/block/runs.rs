//! Runs one block under each policy: with one worker and with all, verified where it can be, and
//! compared with the synchronous outcome.

use std::time::{Duration, Instant};

use super::input::{Input, StateBefore};
use crate::{
    B256, Evm,
    block::{
        BlockOutcome,
        bundle::MissingState,
        comparison::{Divergence, compare},
        verification::Mismatch,
    },
    call::Policy,
    round::{Limits, Partition},
    state::Database,
};

/// What every block is run with.
pub(super) struct Settings {
    pub policies: Vec<(&'static str, Policy)>,
    pub workers: usize,
    pub partition: Option<&'static dyn Partition>,
    pub limits: Limits,
}

/// One block under all policies.
pub(super) struct BlockRun {
    pub name: String,
    pub number: u64,
    pub fork: crate::Fork,
    pub transactions: usize,
    pub gas_limit: u64,
    pub workers: usize,
    pub policies: Vec<PolicyRun>,
}

/// One block under one policy.
pub(super) struct PolicyRun {
    pub name: &'static str,
    pub policy: Policy,
    pub result: Result<PolicyResult, String>,
}

/// What came of it.
pub(super) struct PolicyResult {
    /// One worker's, which is everyone's.
    pub outcome: BlockOutcome,
    /// For each round, in how many batches all workers ran it.
    pub batches: Vec<usize>,
    pub digest: B256,
    /// Claims of the header that do not hold; `None` where there was nothing to check.
    pub mismatches: Option<Vec<Mismatch>>,
    /// Reads outside a bundle; `None` where the whole state is known.
    pub missing: Option<MissingState>,
    /// What differs from the synchronous outcome; `None` under that policy, or if it has none.
    pub divergence: Option<Divergence>,
    pub one_worker: Duration,
    pub all_workers: Duration,
}

impl BlockRun {
    /// Whether a policy could not run the block, or the header's claims do not hold.
    pub fn has_failed(&self) -> bool {
        self.policies.iter().any(|run| match &run.result {
            Ok(result) => result
                .mismatches
                .as_ref()
                .is_some_and(|mismatches| !mismatches.is_empty()),
            Err(_) => true,
        })
    }
}

/// Runs a block.
pub(super) fn run_block(input: &Input, settings: &Settings) -> BlockRun {
    let policies = match &input.state {
        StateBefore::Whole(database) => run_policies(input, settings, database, || None),
        StateBefore::Bundle(database) => run_policies(input, settings, database.as_ref(), || {
            Some(database.take_missing())
        }),
    };
    BlockRun {
        name: input.name.clone(),
        number: input.block.environment.number,
        fork: input.fork,
        transactions: input.block.transactions.len(),
        gas_limit: input.block.environment.gas_limit,
        workers: settings.workers,
        policies,
    }
}

fn run_policies<D: Database>(
    input: &Input,
    settings: &Settings,
    database: &D,
    take_missing: impl Fn() -> Option<MissingState>,
) -> Vec<PolicyRun> {
    let evm = Evm::new(input.fork)
        .blob_schedule(input.blob_schedule)
        .limits(settings.limits)
        .audit(true);
    let originals = evm.prepare(&input.block);
    let [one, all] = [1, settings.workers].map(|workers| Evm::new(input.fork).workers(workers));
    let run = |policy: Policy, workers: &Evm| {
        let mut evm = evm.clone().policy(policy).workers_of(workers);
        if let Some(partition) = settings.partition {
            evm = evm.shared_partition(partition);
        }
        let start = Instant::now();
        let outcome = evm
            .execute_prepared(database, &input.block, &originals)
            .map_err(|error| error.to_string());
        (outcome, start.elapsed())
    };
    let reference = run(Policy::Synchronous, &one).0.ok();
    take_missing();
    let measure = |name: &'static str, policy: Policy| {
        let (outcome, one_worker) = run(policy, &one);
        let missing = take_missing();
        let result = outcome.and_then(|outcome| {
            let digest = outcome.digest();
            let (all_workers, batches) = if settings.workers == 1 || policy == Policy::Synchronous {
                (one_worker, batches(&outcome))
            } else {
                let (again, elapsed) = run(policy, &all);
                let again = again?;
                let found = again.digest();
                if found != digest {
                    return Err(format!(
                        "{} workers give another result than one ({found:?}, {digest:?}): this is a defect, please report it",
                        settings.workers
                    ));
                }
                (elapsed, batches(&again))
            };
            let is_synchronous = policy == Policy::Synchronous;
            let divergence = match &reference {
                Some(reference) if !is_synchronous => {
                    Some(compare(database, &outcome, reference).map_err(|error| error.to_string())?)
                }
                _ => None,
            };
            take_missing();
            let mismatches = if is_synchronous { outcome.verify(&input.claims) } else { None };
            Ok(PolicyResult { outcome, batches, digest, mismatches, missing, divergence, one_worker, all_workers })
        });
        PolicyRun {
            name,
            policy,
            result,
        }
    };
    settings
        .policies
        .iter()
        .map(|(name, policy)| measure(name, *policy))
        .collect()
}

fn batches(outcome: &BlockOutcome) -> Vec<usize> {
    outcome.rounds.iter().map(|round| round.batches).collect()
}
