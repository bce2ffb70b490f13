//! The same blocks thousands of times, with workers that yield and sleep wherever a hook lets them, in batches of
//! several partitions, two of them made here: one digest.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use deferevm::{
    Address, B256, Code, Evm, Fork, Halt, U256,
    block::Block,
    call::Policy,
    example::{Example, workloads, workloads::Workload},
    keccak256,
    round::{
        Limits, Owned, Partition, Schedule, SenderTarget,
        partition::{Batch, Members},
    },
    state::{AccountInfo, Database, InMemoryDatabase},
    trace::{Step, Tracer},
};
use deferevm_reference::generate::{Case, Kind};

/// How often each block is run under each policy; `DEFEREVM_INTERLEAVINGS` sets another number.
const RUNS: u64 = 300;

/// Yields, sleeps a little, or does nothing, by the next of pseudo-random numbers.
#[derive(Clone)]
struct Pauses {
    state: Arc<AtomicU64>,
}

impl Pauses {
    fn new(seed: u64) -> Self {
        let state = keccak256(seed.to_be_bytes()).to_low_u64_be();
        Self {
            state: Arc::new(AtomicU64::new(state)),
        }
    }

    fn next(&self) -> u64 {
        // Weyl's sequence, finished as SplitMix64 does.
        let mut number = self.state.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ number >> 31
    }

    fn pause(&self) {
        match self.next() % 128 {
            0 => thread::sleep(Duration::from_micros(20)),
            1..=24 => thread::yield_now(),
            _ => {}
        }
    }
}

/// A database that does something before each read, and is told whose account it is if it is one's.
struct Watched<'d, W> {
    inner: &'d InMemoryDatabase,
    watch: W,
}

impl<W: Fn(Option<Address>) + Sync> Database for Watched<'_, W> {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        (self.watch)(Some(address));
        self.inner.account(address)
    }

    fn storage(&self, address: Address, key: U256) -> Result<U256, Infallible> {
        (self.watch)(None);
        self.inner.storage(address, key)
    }

    fn has_storage(&self, address: Address) -> Result<bool, Infallible> {
        (self.watch)(None);
        self.inner.has_storage(address)
    }

    fn code(&self, hash: B256) -> Result<Option<Code>, Infallible> {
        (self.watch)(None);
        self.inner.code(hash)
    }

    fn block_hash(&self, number: u64) -> Result<B256, Infallible> {
        self.inner.block_hash(number)
    }
}

/// A tracer that takes its time over some instructions, and at the transaction's end.
struct Dawdler(Pauses);

impl Tracer for Dawdler {
    fn begin(&mut self, step: &Step<'_>) {
        if step.pc.is_multiple_of(8) {
            self.0.pause();
        }
    }

    fn end(&mut self, _: u64, _: Option<Halt>) {}
}

impl Drop for Dawdler {
    fn drop(&mut self) {
        self.0.pause();
    }
}

/// Every transaction in a batch of its own, behind the last before it that owns what it owns: as many hand-overs as
/// there can be.
struct Splinters;

impl Partition for Splinters {
    fn name(&self) -> &'static str {
        "splinters"
    }

    fn schedule(&self, members: Members<'_>) -> Schedule {
        let mut batches = vec![Batch::default(); members.roster.len()];
        let mut last_owners: BTreeMap<u32, u32> = BTreeMap::new();
        for position in (0u32..).take(members.roster.len()) {
            let owned = members.roster.owned(position);
            let mut waits_for: BTreeSet<u32> = owned
                .iter()
                .filter_map(|account| last_owners.insert(*account, position))
                .filter(|earlier| *earlier != position)
                .collect();
            if members
                .coinbase
                .is_some_and(|coinbase| owned.contains(&coinbase))
            {
                waits_for.extend(0..position);
            }
            let batch = &mut batches[position as usize];
            batch.positions.push(position);
            batch.waits_for = u32::try_from(waits_for.len()).unwrap();
            for earlier in waits_for {
                batches[earlier as usize].releases.push(position);
            }
        }
        Schedule { batches }
    }
}

/// As [`Splinters`], but transactions that nobody waits for are packed together at random, and the batches shuffled,
/// so that they become ready in no order of theirs.
struct Shuffled(Pauses);

impl Shuffled {
    fn below(&self, bound: usize) -> usize {
        (self.0.next() % bound as u64) as usize
    }
}

impl Partition for Shuffled {
    fn name(&self) -> &'static str {
        "shuffled"
    }

    fn schedule(&self, members: Members<'_>) -> Schedule {
        let splinters = Splinters.schedule(members).batches;
        let is_free = |batch: &Batch| batch.waits_for == 0 && batch.releases.is_empty();
        let mut packs = vec![Batch::default(); 1 + self.below(8)];
        for free in splinters.iter().filter(|batch| is_free(batch)) {
            let pack = self.below(packs.len());
            packs[pack].positions.extend(&free.positions);
        }
        packs.retain(|pack| !pack.positions.is_empty());
        // Where each batch goes: a place among all, by exchanging each with one before it or itself.
        let linked = splinters.iter().filter(|batch| !is_free(batch)).count();
        let mut places: Vec<usize> = (0..linked + packs.len()).collect();
        for last in (1..places.len()).rev() {
            places.swap(last, self.below(last + 1));
        }
        let mut batches = vec![Batch::default(); places.len()];
        let mut places = places.into_iter();
        for pack in packs {
            batches[places.next().unwrap()] = pack;
        }
        let place_of: BTreeMap<u32, usize> = splinters
            .iter()
            .filter(|batch| !is_free(batch))
            .map(|batch| batch.positions[0])
            .zip(places)
            .collect();
        for mut batch in splinters.into_iter().filter(|batch| !is_free(batch)) {
            // A splinter's number is its position.
            for released in &mut batch.releases {
                *released = u32::try_from(place_of[released]).unwrap();
            }
            let place = place_of[&batch.positions[0]];
            batches[place] = batch;
        }
        Schedule { batches }
    }
}

struct Subject {
    name: String,
    fork: Fork,
    limits: Limits,
    runs_edges: bool,
    state: InMemoryDatabase,
    block: Block,
}

impl Subject {
    fn of(workload: Workload) -> Self {
        Self {
            name: workload.name.to_owned(),
            fork: workload.fork,
            limits: Limits::default(),
            runs_edges: true,
            state: workload.state,
            block: workload.block,
        }
    }
}

/// Blocks of many shapes: independent, hot, deep, in and out of one account, and whatever bytes say.
fn subjects() -> Vec<Subject> {
    let example = Example::new();
    let mut subjects = vec![Subject {
        name: "example".to_owned(),
        fork: example.fork,
        limits: Limits::default(),
        runs_edges: true,
        state: example.state,
        block: example.block,
    }];
    for workload in [
        workloads::routers(40),
        workloads::hot_token(30),
        workloads::fan_in(40),
        workloads::verifier(8),
        workloads::fan_out(4, 30),
        workloads::ping_pong(12, 12),
    ] {
        subjects.push(Subject::of(workload));
    }
    for number in 0..10u64 {
        let mut word = keccak256(number.to_be_bytes());
        let mut bytes = Vec::new();
        while bytes.len() < 2_400 {
            word = keccak256(word);
            bytes.extend_from_slice(&word.0);
        }
        let case = Case::from_bytes(&bytes, Kind::Any);
        subjects.push(Subject {
            name: format!("generated {number}"),
            fork: case.fork,
            limits: case.limits,
            runs_edges: false,
            state: case.state,
            block: case.block,
        });
    }
    subjects
}

/// Runs a block so often under each policy, with other pauses, workers and batches each time.
fn check(subject: &Subject, runs: u64) {
    for policy in [Policy::seed(), Policy::practical()] {
        let evm = Evm::new(subject.fork)
            .policy(policy)
            .limits(subject.limits)
            .edges(subject.runs_edges)
            .audit(true);
        let originals = evm.prepare(&subject.block);
        let execute = |evm: &Evm, pauses: Pauses| -> B256 {
            let database = Watched {
                inner: &subject.state,
                watch: |_| pauses.pause(),
            };
            let outcome = evm.execute_prepared(&database, &subject.block, &originals);
            outcome.unwrap().digest()
        };
        let expected = execute(&evm, Pauses::new(0));
        for run in 0..runs {
            let pauses = Pauses::new(run);
            let workers = [2, 3, 8][(run % 3) as usize];
            let mut evm = match run % 4 {
                0 => evm.clone().partition(Owned),
                1 => evm.clone().partition(SenderTarget),
                2 => evm.clone().partition(Splinters),
                _ => evm.clone().partition(Shuffled(Pauses::new(!run))),
            };
            if run % 5 < 3 {
                let pauses = pauses.clone();
                evm = evm.tracer(move |_| Some(Box::new(Dawdler(pauses.clone()))));
            }
            let found = execute(&evm.workers(workers).share_all(true), pauses);
            let place = format!("{}, {}, run {run}", subject.name, policy.name());
            assert_eq!(found, expected, "{place}");
        }
    }
}

/// `DEFEREVM_INTERLEAVINGS`, if it is set.
fn runs() -> u64 {
    let runs = std::env::var("DEFEREVM_INTERLEAVINGS")
        .map(|runs| runs.parse().expect("DEFEREVM_INTERLEAVINGS is a number"));
    runs.unwrap_or(RUNS)
}

#[test]
fn whatever_the_interleaving_a_block_has_one_digest() {
    subjects().iter().for_each(|subject| check(subject, runs()));
}

#[test]
fn whatever_the_interleaving_a_block_of_thousands_has_one_digest() {
    // More than the 4,096 from which on several threads list what a round owns, in both rounds.
    for workload in [workloads::fan_in(4_200), workloads::routers(4_200)] {
        check(&Subject::of(workload), runs().div_ceil(75));
    }
}

/// Who is idle runs ahead what a busy worker comes to, which shows in what the database is asked for, and only there.
/// A hook of the embedder's sees no transaction twice.
#[test]
fn who_is_held_up_is_helped_and_nothing_shows_of_it() {
    let workload = workloads::verifier(40);
    let execute = |evm: &Evm| {
        let asked = Mutex::new(BTreeMap::<Address, u32>::new());
        let database = Watched {
            inner: &workload.state,
            watch: |address| {
                if let Some(address) = address {
                    *asked.lock().unwrap().entry(address).or_default() += 1;
                }
            },
        };
        let outcome = evm.execute_prepared(&database, &workload.block, &workload.originals);
        let asked = asked.into_inner().unwrap();
        let senders = workload.originals.iter();
        let senders = senders.map(|original| asked[&original.recovered.sender]);
        (outcome.unwrap().digest(), senders.sum::<u32>())
    };
    let evm = Evm::new(workload.fork)
        .policy(Policy::practical())
        .partition(Owned);
    let (expected, once) = execute(&evm);
    assert_eq!(once, 40);
    let together = evm.workers(3);
    // Unless the system lets none of the other threads run for so long.
    let is_helped = (0..100).any(|_| {
        let (found, asked) = execute(&together);
        assert_eq!(found, expected);
        asked > once
    });
    assert!(is_helped);
    let hooked = together.tracer(|_| Some(Box::new(Dawdler(Pauses::new(1)))));
    for _ in 0..10 {
        assert_eq!(execute(&hooked), (expected, once));
    }
}

#[test]
fn callers_that_share_an_evm_wait_for_each_other_and_get_the_same() {
    let subjects = subjects();
    let runs = runs().div_ceil(20);
    for policy in [Policy::seed(), Policy::practical()] {
        let crew = Evm::new(Fork::Osaka).workers(3);
        thread::scope(|scope| {
            for caller in 0..4_u64 {
                let (crew, subjects) = (&crew, &subjects);
                scope.spawn(move || {
                    for (number, subject) in (0..runs).zip(subjects.iter().cycle()) {
                        let evm = Evm::new(subject.fork)
                            .policy(policy)
                            .limits(subject.limits)
                            .edges(subject.runs_edges);
                        let digest = |evm: &Evm, pauses: u64| {
                            let pauses = Pauses::new(pauses);
                            let database = Watched {
                                inner: &subject.state,
                                watch: |_| pauses.pause(),
                            };
                            let outcome = evm.execute_block(&database, &subject.block);
                            outcome.unwrap().digest()
                        };
                        let expected = digest(&evm, 0);
                        let found = digest(&evm.workers_of(crew).share_all(true), caller + number);
                        assert_eq!(found, expected, "{}", subject.name);
                    }
                });
            }
        });
    }
}
