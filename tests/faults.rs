//! Hooks that fail or panic at every point where they can: a database at each of its reads, a precompile and a tracer
//! in a transaction of any round. The block must end with an error that says which, no thread may be left, and the same
//! `Evm` must then come to the right result.

use std::{
    any::Any,
    fs,
    panic::{self, resume_unwind},
    sync::{
        Arc, Once,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use deferevm::{
    Address, B256, Code, Evm, Fork, Halt, U256,
    block::{Block, BlockError, Defect, bundle::BlockBundle},
    bytecode::Bytecode,
    call::Policy,
    example::{Example, workloads},
    keccak256,
    opcode::{CALL, POP, SSTORE},
    precompiles::{Precompile, PrecompileOutput},
    state::{AccountInfo, Database, InMemoryDatabase, roots::state_root},
    trace::{Step, Tracer},
    transaction::{Original, Recovered, Transaction},
};
use deferevm_reference::generate::{Case, Kind};

mod bundles;

const WORKERS: [usize; 3] = [1, 2, 8];
/// How panics begin that are made here; they are not worth a message.
const DELIBERATE: &str = "deliberate: ";

/// A database that does something else than answer at one of its reads.
struct Faulty<'d, D> {
    inner: &'d D,
    reads: AtomicU64,
    at: u64,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Fails,
    Panics,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("read {0} failed")]
struct ReadFailed(u64);

impl<D> Faulty<'_, D> {
    fn read(&self) -> Result<(), ReadFailed> {
        let read = self.reads.fetch_add(1, SeqCst);
        match self.fault {
            _ if read != self.at => Ok(()),
            Fault::Fails => Err(ReadFailed(read)),
            Fault::Panics => panic!("{DELIBERATE}read {read}"),
        }
    }
}

impl<D: Database> Database for Faulty<'_, D> {
    type Error = ReadFailed;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        self.read()?;
        Ok(self.inner.account(address).unwrap())
    }

    fn storage(&self, address: Address, key: U256) -> Result<U256, ReadFailed> {
        self.read()?;
        Ok(self.inner.storage(address, key).unwrap())
    }

    fn has_storage(&self, address: Address) -> Result<bool, ReadFailed> {
        self.read()?;
        Ok(self.inner.has_storage(address).unwrap())
    }

    fn code(&self, hash: B256) -> Result<Option<Code>, ReadFailed> {
        self.read()?;
        Ok(self.inner.code(hash).unwrap())
    }

    fn block_hash(&self, number: u64) -> Result<B256, ReadFailed> {
        self.read()?;
        Ok(self.inner.block_hash(number).unwrap())
    }
}

/// A block on a state, and how it is run.
struct Subject<'d, D> {
    evm: Evm,
    database: &'d D,
    block: &'d Block,
    originals: Vec<Original>,
}

impl<'d, D: Database> Subject<'d, D> {
    fn new(evm: Evm, database: &'d D, block: &'d Block) -> Self {
        let originals = evm.prepare(block);
        Self {
            evm,
            database,
            block,
            originals,
        }
    }

    /// The digest, or what is wrong with the block.
    fn run<E: Database>(&self, database: &E) -> Result<B256, BlockError<E::Error>> {
        let outcome = self
            .evm
            .execute_prepared(database, self.block, &self.originals)?;
        Ok(outcome.digest())
    }

    /// How many reads it takes.
    fn reads(&self) -> u64 {
        let counting = Faulty {
            inner: self.database,
            reads: AtomicU64::new(0),
            at: u64::MAX,
            fault: Fault::Fails,
        };
        let _ = self.run(&counting);
        counting.reads.into_inner()
    }

    /// Fails at every read of the block, or where there are more than `faults_max` at so many of them, and after each
    /// fault runs it as it should be; how many faults ended it. Of several workers one may have read what nobody needs
    /// (`round/ahead.rs`): then nothing else may show of it.
    fn fail_at_every_read(&self, may_run_ahead: bool, fault: Fault, faults_max: u64) -> u64 {
        let expected = self.run(self.database).map_err(|error| error.to_string());
        let step = self.reads().div_ceil(faults_max);
        let mut faults = 0;
        for at in (0..).step_by(usize::try_from(step).unwrap()) {
            let faulty = Faulty {
                inner: self.database,
                reads: AtomicU64::new(0),
                at,
                fault,
            };
            let found = self.run(&faulty);
            if faulty.reads.into_inner() <= at {
                assert_eq!(found.map_err(|error| error.to_string()), expected);
                break;
            }
            faults += 1;
            match (fault, found) {
                (Fault::Fails, Err(BlockError::Database(error))) => {
                    assert_eq!(error, ReadFailed(at));
                }
                (Fault::Panics, Err(BlockError::Defect(Defect::DatabasePanicked { message }))) => {
                    assert_eq!(message, format!("{DELIBERATE}read {at}"));
                }
                (_, found) => {
                    let place = format!("{fault:?} at read {at}");
                    assert!(may_run_ahead, "{place}: {found:?}");
                    assert_eq!(
                        found.map_err(|error| error.to_string()),
                        expected,
                        "{place}"
                    );
                    faults -= 1;
                }
            }
            let found = self.run(self.database).map_err(|error| error.to_string());
            assert_eq!(found, expected, "after {fault:?} at read {at}");
        }
        faults
    }
}

/// Does so under a policy with every number of workers; how many faults.
fn fail_everywhere<D: Database>(
    (evm, policy): (&Evm, Policy),
    database: &D,
    block: &Block,
    faults_max: u64,
) -> u64 {
    let mut faults = 0;
    for workers in WORKERS {
        let subject = Subject::new(
            evm.clone().policy(policy).workers(workers).share_all(true),
            database,
            block,
        );
        // Under synchronous semantics one worker runs all, and nobody runs ahead.
        let may_run_ahead = workers > 1 && policy != Policy::Synchronous;
        for fault in [Fault::Fails, Fault::Panics] {
            faults += subject.fail_at_every_read(may_run_ahead, fault, faults_max);
        }
    }
    faults
}

fn policies() -> [Policy; 3] {
    [Policy::Synchronous, Policy::seed(), Policy::practical()]
}

#[test]
fn generated_blocks_survive_a_fault_at_every_read() {
    in_time("generated", || {
        let mut faults = 0;
        for number in 0..24u64 {
            let case = Case::from_bytes(&bytes(number, 2_000), Kind::Any);
            let before = state_root(&case.state);
            let evm = Evm::new(case.fork).limits(case.limits).audit(true);
            for policy in policies().into_iter().chain([Policy::Deferred(case.rules)]) {
                let evm = evm.clone().edges(false);
                faults += fail_everywhere((&evm, policy), &case.state, &case.block, 1_000);
            }
            assert_eq!(state_root(&case.state), before);
        }
        assert!(faults > 5_000, "{faults} faults");
    });
}

#[test]
fn the_example_survives_faults_in_all_its_rounds() {
    in_time("example", || {
        let Example { fork, state, block } = Example::new();
        for policy in policies() {
            let faults = fail_everywhere((&Evm::new(fork), policy), &state, &block, 60);
            assert!(faults > 100, "{faults} faults");
        }
    });
}

#[test]
fn small_real_blocks_survive_faults_from_first_to_last_read() {
    in_time("real", || {
        let is_small = |bundle: &BlockBundle| (1..=6).contains(&bundle.block().transactions.len());
        let mut blocks = 0;
        for bundle in bundles::bundles().filter(is_small).take(3) {
            blocks += 1;
            for policy in policies() {
                let evm = Evm::new(bundle.fork).blob_schedule(bundle.blob_schedule);
                let (database, block) = (bundle.database(), bundle.block());
                let faults = fail_everywhere((&evm, policy), &database, &block, 40);
                assert!(faults > 10, "{}: {faults} faults", bundle.name);
            }
        }
        assert_eq!(blocks, 3);
    });
}

/// Where the precompile lies that panics when it is told to.
const PRECOMPILE: Address = Address::repeat_byte(0xfe);
const ROOTS: u8 = 40;

/// Contracts that each call another, of which one, in the round `round`, calls [`PRECOMPILE`].
fn block_with_precompile(round: u32, number: u8) -> (InMemoryDatabase, Block) {
    let sender = |number| {
        Address(
            [[0xa0; 19].as_slice(), &[number]]
                .concat()
                .try_into()
                .unwrap(),
        )
    };
    let contract = |number| {
        Address(
            [[0xc0; 19].as_slice(), &[number]]
                .concat()
                .try_into()
                .unwrap(),
        )
    };
    let callee = |number| {
        Address(
            [[0xd0; 19].as_slice(), &[number]]
                .concat()
                .try_into()
                .unwrap(),
        )
    };
    let calls = |code: Bytecode, to: Address| {
        let code = code.push(0).push(0).push(0).push(0).push(0);
        code.push(to).push(100_000).op(CALL).op(POP)
    };
    let mut state = InMemoryDatabase::default();
    let mut block = Block::default();
    block.environment.gas_limit = 30_000_000;
    for at in 0..ROOTS {
        let mut codes = [Bytecode::new(), Bytecode::new()];
        if at == number {
            let first = if round == 0 { 0 } else { 1 };
            codes[first] = calls(codes[first].clone(), PRECOMPILE);
        }
        let [first, second] = codes;
        let first = calls(first, callee(at))
            .push(1)
            .push(u64::from(at))
            .op(SSTORE);
        let second = second.push(2).push(u64::from(at)).op(SSTORE);
        state.insert_account(sender(at), U256::from(u64::MAX), 0, &Code::default());
        state.insert_account(contract(at), U256::zero(), 1, &first.code());
        state.insert_account(callee(at), U256::zero(), 1, &second.code());
        let transaction = Transaction {
            to: Some(contract(at)),
            gas_limit: 300_000,
            ..Transaction::default()
        };
        block
            .transactions
            .push(Recovered::unsigned(transaction, sender(at)));
    }
    (state, block)
}

#[test]
fn a_precompile_that_panics_ends_the_block_and_says_where() {
    in_time("precompile", || {
        let is_armed = Arc::new(AtomicBool::new(false));
        let armed = Arc::clone(&is_armed);
        let precompile = Precompile::new(PRECOMPILE, "FUSE", move |_, _, _| {
            assert!(!armed.load(SeqCst), "{DELIBERATE}the fuse has blown");
            Ok(PrecompileOutput {
                gas_used: 1,
                bytes: Default::default(),
            })
        });
        for (round, number) in [(0, 0), (0, 17), (0, ROOTS - 1), (1, 0), (1, 17)] {
            let (state, block) = block_with_precompile(round, number);
            for policy in policies() {
                let evm = Evm::new(Fork::Shanghai)
                    .policy(policy)
                    .precompiles([precompile.clone()]);
                let mut digests = Vec::new();
                for workers in WORKERS.into_iter().cycle().take(30) {
                    let evm = evm.clone().workers(workers).share_all(true);
                    let subject = Subject::new(evm, &state, &block);
                    is_armed.store(true, SeqCst);
                    let error = subject.run(&state).unwrap_err();
                    let expected_round = if policy == Policy::Synchronous {
                        0
                    } else {
                        round
                    };
                    let BlockError::Defect(Defect::Panicked {
                        round: found_round,
                        position,
                        message,
                    }) = error
                    else {
                        panic!("{error}")
                    };
                    assert_eq!(found_round, expected_round);
                    assert_eq!(message, format!("{DELIBERATE}the fuse has blown"));
                    if expected_round == 0 {
                        assert_eq!(position, u32::from(number));
                    }
                    is_armed.store(false, SeqCst);
                    digests.push(subject.run(&state).unwrap());
                }
                digests.dedup();
                assert_eq!(digests.len(), 1);
            }
        }
    });
}

/// Panics at the first instruction, or where it is dropped.
enum Exploding {
    AtOnce,
    AtItsEnd,
}

impl Tracer for Exploding {
    fn begin(&mut self, _: &Step<'_>) {
        assert!(!matches!(self, Self::AtOnce), "{DELIBERATE}at once");
    }

    fn end(&mut self, _: u64, _: Option<Halt>) {}
}

impl Drop for Exploding {
    fn drop(&mut self) {
        assert!(!matches!(self, Self::AtItsEnd), "{DELIBERATE}at its end");
    }
}

#[test]
fn a_tracer_that_panics_in_a_worker_ends_the_block_and_says_where() {
    in_time("tracer", || {
        let workload = workloads::routers(60);
        let (state, block) = (&workload.state, &workload.block);
        for policy in policies() {
            let evm = Evm::new(workload.fork).policy(policy);
            let plain = Subject::new(evm.clone(), state, block);
            let expected = plain.run(state).unwrap();
            let rounds = if policy == Policy::Synchronous { 1 } else { 2 };
            for (round, position) in (0..rounds).flat_map(|round| [(round, 0), (round, 41)]) {
                for workers in WORKERS.into_iter().cycle().take(30) {
                    let traced =
                        evm.clone()
                            .workers(workers)
                            .share_all(true)
                            .tracer(move |place| {
                                let is_chosen = (place.round, place.position) == (round, position);
                                let tracer = || match workers {
                                    2 => Exploding::AtOnce,
                                    _ => Exploding::AtItsEnd,
                                };
                                is_chosen.then(|| Box::new(tracer()) as Box<dyn Tracer + Send>)
                            });
                    let subject = Subject::new(traced, state, block);
                    let error = subject.run(state).unwrap_err();
                    let BlockError::Defect(Defect::Panicked {
                        round: found,
                        position: at,
                        message,
                    }) = error
                    else {
                        panic!("{error}")
                    };
                    assert_eq!((found, at), (round, position));
                    assert!(message.starts_with(DELIBERATE), "{message}");
                    assert_eq!(plain.run(state).unwrap(), expected);
                }
            }
        }
    });
}

/// Bytes that are the same everywhere.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut word = keccak256(seed.to_be_bytes());
    let mut bytes = Vec::new();
    while bytes.len() < length {
        word = keccak256(word);
        bytes.extend_from_slice(&word.0);
    }
    bytes
}

/// Does work on a thread of its own, and requires that it ends in time and leaves no thread.
fn in_time(name: &str, work: impl FnOnce() + Send + 'static) {
    silence_deliberate_panics();
    let (done, ended) = mpsc::channel();
    let thread = thread::Builder::new()
        .name(format!("faults-{name}"))
        .spawn(move || {
            work();
            wait_until_alone();
            done.send(()).expect("the test waits for it");
        })
        .unwrap();
    match ended.recv_timeout(Duration::from_secs(600)) {
        Ok(()) => thread.join().unwrap(),
        Err(RecvTimeoutError::Timeout) => panic!("{name} does not end"),
        Err(RecvTimeoutError::Disconnected) => resume_unwind(thread.join().unwrap_err()),
    }
}

/// Waits until no thread is left that this one has started: those have its name. A thread that has done its work is
/// still listed for a moment.
fn wait_until_alone() {
    let name_of = |path: &str| fs::read_to_string(format!("{path}/comm")).ok();
    let Some(own) = name_of("/proc/thread-self") else {
        return;
    };
    let since = Instant::now();
    loop {
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        let same =
            tasks.filter(|task| name_of(&task.path().to_string_lossy()).as_ref() == Some(&own));
        let count = same.count();
        if count == 1 {
            return;
        }
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "{count} threads are left"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

fn silence_deliberate_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !text(info.payload()).starts_with(DELIBERATE) {
                usual(info);
            }
        }));
    });
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or_default()
}
