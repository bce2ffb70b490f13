//! The entry for embedders: say the fork, the policy and the workers, then execute.

use std::{convert::Infallible, sync::Arc};

use crate::{
    Fork,
    block::{
        Block, BlockError, BlockOutcome,
        execution::{Plan, RootOf, execute},
    },
    call::Policy,
    precompiles::{Precompile, Precompiles},
    round::{
        Limits, One, Owned, Partition, SenderTarget,
        threads::{Pool, Threads},
    },
    state::{Database, InMemoryDatabase, StateChanges, roots::root_after},
    trace::{Tracer, TracerFactory, TransactionPlace},
    transaction::{BlobSchedule, Original, TransactionRules},
};

/// An EVM under one fork and one policy.
///
/// ```
/// use deferevm::{Evm, Fork, block::Block, call::Policy, state::InMemoryDatabase};
///
/// let state = InMemoryDatabase::default();
/// let block = Block::default();
/// let outcome = Evm::new(Fork::Berlin)
///     .policy(Policy::practical())
///     .workers(4)
///     .execute_block(&state, &block)?;
/// assert_eq!(outcome.rounds.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Evm {
    fork: Fork,
    policy: Policy,
    workers: usize,
    shares_all: bool,
    /// For clones too, so that the threads of one block are there for the next.
    pool: Pool,
    partition: Option<Shared>,
    limits: Limits,
    rules: TransactionRules,
    precompiles: Option<Arc<Precompiles>>,
    audits: bool,
    runs_edges: bool,
    takes_time: bool,
    tracers: Option<Arc<TracerFactory>>,
}

/// Whose partition it is.
#[derive(Clone)]
enum Shared {
    Own(Arc<dyn Partition>),
    Static(&'static dyn Partition),
}

impl Evm {
    /// Ethereum's synchronous semantics under a fork's rules, on one worker.
    pub fn new(fork: Fork) -> Self {
        Self {
            fork,
            policy: Policy::Synchronous,
            workers: 1,
            shares_all: false,
            pool: Pool::default(),
            partition: None,
            limits: Limits::default(),
            rules: TransactionRules::of(fork),
            precompiles: None,
            audits: false,
            runs_edges: true,
            takes_time: false,
            tracers: None,
        }
    }

    /// What becomes of calls.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Who runs rounds together, the calling thread included: 1 to 256. It changes no result. Several of them may
    /// ask the database for what no transaction needs in the end: who is idle runs transactions ahead, for what
    /// slow precompiles answer, unless there is a tracer or a precompile of the embedder's.
    ///
    /// The other threads are started by the first deferred block; they wait for the next one, and end with
    /// the last clone of this `Evm` that has the same workers.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        if workers != self.workers {
            self.pool = Pool::default();
        }
        self.workers = workers;
        self
    }

    /// The workers of another EVM, threads included: for those who have one for each fork or policy.
    #[must_use]
    pub fn workers_of(mut self, other: &Self) -> Self {
        self.workers = other.workers;
        self.pool = other.pool.clone();
        self
    }

    /// Whether workers share every round that falls into batches, and not just those that are worth waking
    /// them for. It changes no result, and is for tests of them.
    #[must_use]
    pub fn share_all(mut self, shares_all: bool) -> Self {
        self.shares_all = shares_all;
        self
    }

    /// Which transactions of a round may run at the same time. It changes no result; the default is
    /// `sender-target` for the policy `seed` and `owned` for all others.
    #[must_use]
    pub fn partition(mut self, partition: impl Partition + 'static) -> Self {
        self.partition = Some(Shared::Own(Arc::new(partition)));
        self
    }

    /// One of this crate's partitions, found by [`partition_by_name`].
    #[must_use]
    pub fn shared_partition(mut self, partition: &'static dyn Partition) -> Self {
        self.partition = Some(Shared::Static(partition));
        self
    }

    /// What a block may grow to.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What transactions are measured by, in place of the fork's numbers.
    #[must_use]
    pub fn transaction_rules(mut self, rules: TransactionRules) -> Self {
        self.rules = rules;
        self
    }

    /// The blob schedule, where it is not the one that the fork began with; `None` changes nothing.
    #[must_use]
    pub fn blob_schedule(mut self, schedule: impl Into<Option<BlobSchedule>>) -> Self {
        if let Some(schedule) = schedule.into() {
            self.rules.blobs_max =
                TransactionRules::with_blob_schedule(self.fork, schedule).blobs_max;
        }
        self
    }

    /// Precompiles of the embedder's, beside the fork's or in their place.
    #[must_use]
    pub fn precompiles(mut self, own: impl IntoIterator<Item = Precompile>) -> Self {
        self.precompiles = Some(Arc::new(Precompiles::with(self.fork, own)));
        self
    }

    /// Checks at each barrier that no wei is lost or made (semantics, section 10).
    #[must_use]
    pub fn audit(mut self, audits: bool) -> Self {
        self.audits = audits;
        self
    }

    /// Whether system calls, requests, withdrawals and rewards are run around the transactions; they
    /// are unless this says no.
    #[must_use]
    pub fn edges(mut self, runs_edges: bool) -> Self {
        self.runs_edges = runs_edges;
        self
    }

    /// Whether to take the time of a deferred block's parts; it changes nothing else.
    #[must_use]
    pub fn timings(mut self, takes_time: bool) -> Self {
        self.takes_time = takes_time;
        self
    }

    /// Who is told of the instructions of which transaction. The factory is asked once for each
    /// transaction that is about to be executed, original or virtual, on the thread that executes it;
    /// the tracer is dropped when that has ended. System calls are not traced. A panic in either is the
    /// block's error.
    #[must_use]
    pub fn tracer(
        mut self,
        factory: impl Fn(&TransactionPlace) -> Option<Box<dyn Tracer + Send>> + Send + Sync + 'static,
    ) -> Self {
        self.tracers = Some(Arc::new(factory));
        self
    }

    /// Executes a block on the state before it.
    ///
    /// # Errors
    /// The database's own error; a block that is not valid, under the synchronous policy a transaction
    /// that is not; a panic of an embedder's precompile.
    pub fn execute_block<D: Database>(
        &self,
        database: &D,
        block: &Block,
    ) -> Result<BlockOutcome, BlockError<D::Error>> {
        self.execute_prepared(database, block, &self.prepare(block))
    }

    /// Executes a block on a state that is all in memory, and works out the root of the state after each
    /// barrier and after the block. That takes far longer than the execution.
    ///
    /// # Errors
    /// As [`Evm::execute_block`].
    pub fn execute_block_with_roots(
        &self,
        database: &InMemoryDatabase,
        block: &Block,
    ) -> Result<BlockOutcome, BlockError<Infallible>> {
        let root_of = |changes: &StateChanges| root_after(database, changes);
        self.run(database, block, &self.prepare(block), Some(&root_of))
    }

    /// Works out what can be known of a block's transactions before they run: the signers of their
    /// authorizations.
    pub fn prepare(&self, block: &Block) -> Vec<Original> {
        block
            .transactions
            .iter()
            .map(|transaction| Original::new(transaction.clone(), &block.environment))
            .collect()
    }

    /// Executes a block whose transactions have been prepared, so that several runs share that work.
    ///
    /// # Errors
    /// As [`Evm::execute_block`].
    pub fn execute_prepared<D: Database>(
        &self,
        database: &D,
        block: &Block,
        originals: &[Original],
    ) -> Result<BlockOutcome, BlockError<D::Error>> {
        self.run(database, block, originals, None)
    }

    fn run<D: Database>(
        &self,
        database: &D,
        block: &Block,
        originals: &[Original],
        root_of: Option<&RootOf<'_>>,
    ) -> Result<BlockOutcome, BlockError<D::Error>> {
        let plan = Plan {
            fork: self.fork,
            policy: self.policy,
            precompiles: self
                .precompiles
                .as_deref()
                .unwrap_or_else(|| Precompiles::of(self.fork)),
            rules: self.rules,
            threads: match self.policy {
                Policy::Synchronous => Threads::ALONE,
                Policy::Deferred(_) => self.pool.threads(self.workers),
            },
            shares_all: self.shares_all,
            partition: match &self.partition {
                Some(Shared::Own(partition)) => partition.as_ref(),
                Some(Shared::Static(partition)) => *partition,
                None => default_partition(&self.policy),
            },
            limits: self.limits,
            audits: self.audits,
            runs_edges: self.runs_edges,
            takes_time: self.takes_time,
            root_of,
            tracers: self.tracers.as_deref(),
        };
        execute(&plan, database, block, originals).map_err(BlockError::from_fault)
    }
}

/// The partition that a policy is usually run with.
pub fn default_partition(policy: &Policy) -> &'static dyn Partition {
    if *policy == Policy::seed() {
        &SenderTarget
    } else {
        &Owned
    }
}

/// A partition by its name: `sender-target`, `owned` or `one`.
pub fn partition_by_name(name: &str) -> Option<&'static dyn Partition> {
    let all: [&'static dyn Partition; 3] = [&SenderTarget, &Owned, &One];
    all.into_iter().find(|partition| partition.name() == name)
}
