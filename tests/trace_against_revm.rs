//! Traces of state tests, step by step the same as revm's: `pc op gas gasCost stack depth`.
//!
//! Not compared, for a reason each:
//! - `gasCost` of an instruction that halts: how much of the gas an instruction has taken when it runs
//!   out is no rule of the protocol, since all of it is lost.
//! - `gasCost` of a creation is compared with what it passes on, which revm counts and geth does not.
//! - Constantinople with its own SSTORE rule (EIP-1283), which revm does not have.
//! - The cases in `SKIPPED`.

#[path = "../benches/common/peer_block.rs"]
#[allow(dead_code)]
mod peer_block;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use deferevm::{
    Evm, Fork, Halt, U256,
    block::Block,
    fixtures::{FixtureFork, PreparedCase, StateTest, walk},
    keccak256,
    trace::{Step as OurStep, Tracer},
    transaction::TransactionRules,
};
use revm::{
    InspectEvm, Inspector, MainBuilder,
    database::InMemoryDB,
    handler::MainnetContext,
    interpreter::{
        Interpreter,
        interpreter::EthInterpreter,
        interpreter_types::{Jumps, LoopControl},
    },
};

/// Where the suites lie.
const VARIABLE: &str = "DEFEREVM_FIXTURES";

/// From each of these, so many cases: those whose names have the lowest hashes.
const SELECTION: [(&str, usize); 7] = [
    ("classic-ethereum-tests/GeneralStateTests", 60),
    ("classic-legacy-cancun-gst/Cancun/GeneralStateTests", 120),
    (
        "classic-legacy-constantinople/Constantinople/GeneralStateTests",
        80,
    ),
    ("eest-state-frontier-to-shanghai/state_tests", 60),
    ("eest-state-cancun/state_tests", 40),
    ("eest-state-prague/state_tests", 40),
    ("eest-state-osaka/state_tests", 40),
];

/// Steps that are compared of a case; a case with more is long for being long.
const STEPS_MAX: usize = 20_000;

/// One in so many files is read: enough to choose from.
const FILES_STRIDE: usize = 9;

/// Cases that are not compared, each with its reason.
const SKIPPED: [(&str, &str); 0] = [];

/// An instruction as both sides have it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    pc: usize,
    op: u8,
    gas: u64,
    /// None where the instruction halted.
    gas_cost: Option<u64>,
    stack: Vec<U256>,
    depth: usize,
}

/// Our side.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Vec<Step>>>);

impl Steps {
    fn last(&self, change: impl FnOnce(&mut Step)) {
        let mut steps = self.0.lock().unwrap();
        if let Some(step) = steps.last_mut() {
            change(step);
        }
    }
}

impl Tracer for Steps {
    fn begin(&mut self, step: &OurStep<'_>) {
        self.0.lock().unwrap().push(Step {
            pc: step.pc,
            op: step.opcode,
            gas: step.gas,
            gas_cost: None,
            stack: step.frame.stack().to_vec(),
            depth: usize::from(step.depth) + 1,
        });
    }

    fn end(&mut self, gas_cost: u64, halt: Option<Halt>) {
        self.last(|step| step.gas_cost = halt.is_none().then_some(gas_cost));
    }

    fn forwarded(&mut self, gas: u64) {
        // More than there is ends the frame, before Tangerine Whistle.
        self.last(|step| {
            let cost = step.gas_cost.map(|cost| cost + gas);
            step.gas_cost = cost.filter(|cost| *cost <= step.gas);
        });
    }
}

/// revm's side.
#[derive(Default)]
struct PeerSteps {
    steps: Vec<Step>,
    depth: usize,
}

impl<C> Inspector<C, EthInterpreter> for PeerSteps {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        self.steps.push(Step {
            pc: interpreter.bytecode.pc(),
            op: interpreter.bytecode.opcode(),
            gas: interpreter.gas.remaining(),
            gas_cost: None,
            stack: interpreter
                .stack
                .data()
                .iter()
                .map(|word| U256(*word.as_limbs()))
                .collect(),
            depth: self.depth,
        });
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        let result = interpreter
            .bytecode
            .action()
            .as_ref()
            .and_then(|action| action.instruction_result());
        if let Some(step) = self.steps.last_mut()
            && result.is_none_or(|result| !result.is_halt())
        {
            step.gas_cost = Some(step.gas - interpreter.gas.remaining());
        }
    }

    fn call(
        &mut self,
        _: &mut C,
        _: &mut revm::interpreter::CallInputs,
    ) -> Option<revm::interpreter::CallOutcome> {
        self.depth += 1;
        None
    }

    fn call_end(
        &mut self,
        _: &mut C,
        _: &revm::interpreter::CallInputs,
        _: &mut revm::interpreter::CallOutcome,
    ) {
        self.depth -= 1;
    }

    fn create(
        &mut self,
        _: &mut C,
        _: &mut revm::interpreter::CreateInputs,
    ) -> Option<revm::interpreter::CreateOutcome> {
        self.depth += 1;
        None
    }

    fn create_end(
        &mut self,
        _: &mut C,
        _: &revm::interpreter::CreateInputs,
        _: &mut revm::interpreter::CreateOutcome,
    ) {
        self.depth -= 1;
    }
}

fn our_steps(fork: Fork, prepared: &PreparedCase, block: &Block) -> Option<Vec<Step>> {
    let rules = match block.blob_schedule {
        Some(schedule) => TransactionRules::with_blob_schedule(fork, schedule),
        None => TransactionRules::of(fork),
    };
    let steps = Steps::default();
    let ours = steps.clone();
    Evm::new(fork)
        .edges(false)
        .transaction_rules(rules)
        .tracer(move |_| Some(Box::new(ours.clone())))
        .execute_block(prepared.pre(), block)
        .ok()?;
    let steps = std::mem::take(&mut *steps.0.lock().unwrap());
    Some(steps)
}

fn peer_steps(fork: Fork, prepared: &PreparedCase, block: &Block) -> Option<Vec<Step>> {
    let context: MainnetContext<InMemoryDB> =
        peer_block::context(fork, block, prepared.pre().accounts());
    let originals = Evm::new(fork).prepare(block);
    let transaction = peer_block::transaction(&originals[0]);
    let mut evm = context.build_mainnet_with_inspector(PeerSteps::default());
    evm.inspect_one_tx(transaction).ok()?;
    Some(evm.inspector.steps)
}

/// A case with what it is chosen by.
type Candidate = (u64, Fork, PreparedCase);

fn candidates(folder: &Path) -> Vec<Candidate> {
    let mut names = Vec::new();
    let _ = walk(&[folder.to_path_buf()], &mut |file| {
        names.push(file.expect("the suites can be read"));
        std::ops::ControlFlow::Continue(())
    });
    names.sort_by(|one, other| one.name.cmp(&other.name));
    let mut candidates = Vec::new();
    for file in names.iter().step_by(FILES_STRIDE) {
        let bytes: Bytes = file.read().expect("the suites can be read");
        for test in StateTest::parse_file(&file.name, &bytes).expect("the suites are well-formed") {
            for prepared in PreparedCase::all(&test) {
                let post = prepared.case.post();
                let FixtureFork::Supported(fork) = post.fork else {
                    continue;
                };
                let name = prepared.case.to_string();
                if fork == Fork::Constantinople
                    || post.expect_exception.is_some()
                    || SKIPPED.iter().any(|(skipped, _)| *skipped == name)
                {
                    continue;
                }
                candidates.push((keccak256(name).to_low_u64_be(), fork, prepared));
            }
        }
    }
    candidates.sort_by_key(|(hash, ..)| *hash);
    candidates
}

#[test]
fn traces_of_state_tests_are_revms() {
    let root = std::env::var_os(VARIABLE).map(PathBuf::from);
    let root = root.unwrap_or_else(|| panic!("{VARIABLE} must name the folder of the fixtures"));
    let (mut compared, mut steps) = (0, 0);
    let mut forks = std::collections::BTreeSet::new();
    let mut failures = Vec::new();
    for (folder, count) in SELECTION {
        for (_, fork, prepared) in candidates(&root.join(folder)).into_iter().take(count) {
            let case = &prepared.case;
            let block = prepared
                .block(fork)
                .expect("a valid case has a transaction");
            let ours = our_steps(fork, &prepared, &block);
            let theirs = peer_steps(fork, &prepared, &block);
            let (Some(ours), Some(theirs)) = (&ours, &theirs) else {
                failures.push(format!(
                    "{case}: executed by us: {}, by revm: {}",
                    ours.is_some(),
                    theirs.is_some()
                ));
                continue;
            };
            if let Some(failure) = difference(ours, theirs) {
                failures.push(format!("{case}: {failure}"));
            }
            compared += 1;
            steps += ours.len().min(STEPS_MAX);
            forks.insert(fork);
        }
    }
    println!("{compared} cases, {steps} steps, {} forks", forks.len());
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
    let chosen: usize = SELECTION.iter().map(|(_, count)| count).sum();
    assert_eq!(compared, chosen);
    assert!(forks.len() >= 12, "{forks:?}");
    assert!(steps > 10_000, "{steps} steps are too few");
}

/// The first step that differs.
fn difference(ours: &[Step], theirs: &[Step]) -> Option<String> {
    let both = ours.iter().zip(theirs).take(STEPS_MAX);
    for (index, (one, other)) in both.enumerate() {
        if one != other {
            return Some(format!("step {index}\n  ours {one:?}\n  revm {other:?}"));
        }
    }
    (ours.len() != theirs.len()).then(|| format!("{} steps, revm {}", ours.len(), theirs.len()))
}
