//! `deferevm statetest`: runs state tests and says which fail, and why.
//!
//! Owns arguments, selection and what is printed; a case's verdict is `fixtures::state_runner`'s.

use std::{collections::BTreeMap, io::BufWriter, ops::ControlFlow, path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::json;

use super::suite::{Ended, Suite};
use crate::{
    Fork, Tier,
    call::Policy,
    fixtures::{
        CaseResult, Class, DeferredRunner, Event, Failure, FixtureError, FixtureFile, FixtureFork,
        PreparedCase, StateRunner, StateTest, drive::drive_with,
    },
    state::InMemoryDatabase,
    trace::Eip3155,
};

/// Run state tests: GeneralStateTests, and state_tests of the execution specs.
///
/// The last line is `N passed, N failed, N skipped`. The exit status is 0 if all passed, 1 if a case
/// failed, 2 if a file or an argument could not be used.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files, folders and archives: .json, .json.zst, .tar, .tar.gz, .tgz, .tar.xz
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only cases of this fork, named as the fixtures or the protocol name it
    #[arg(long, alias = "statetest.fork", value_parser = fork)]
    fork: Option<FixtureFork>,
    /// Only entries whose name, or whose file's name, contains this text
    #[arg(short = 'k', long, alias = "run", value_name = "TEXT")]
    filter: Option<String>,
    /// Only the case at this position under its fork, from 0
    #[arg(long, alias = "statetest.index")]
    index: Option<usize>,
    /// Threads [default: one for each core]
    #[arg(long, short = 'j', value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Go on after a failure
    #[arg(long)]
    keep_going: bool,
    /// Say nothing of progress: no bar on a terminal, no line a minute elsewhere
    #[arg(long)]
    omit_progress: bool,
    /// Run each case under a deferred policy too, with 1, 2 and 8 workers, and check what must hold:
    /// seed, practical or all; may be repeated
    #[arg(long, value_name = "P", value_parser = policies)]
    policy: Vec<Policies>,
    /// The engine for all code: plain, one instruction after the other; blocks, pre-decoded from the
    /// first run on; or adaptive, pre-decoded once it is hot. Results are the same on each
    #[arg(long, value_name = "TIER", default_value = "adaptive", value_parser = tier, conflicts_with = "policy")]
    tier: Tier,
    /// Write each instruction (EIP-3155) and the outcome of each case to standard error, one JSON
    /// object a line
    #[arg(long, alias = "trace")]
    json: bool,
    /// Write the outcome of each case to standard error, one JSON object a line
    #[arg(long, alias = "trace-summary")]
    json_outcome: bool,
    /// Write the state after each case to standard output as JSON
    #[arg(long)]
    dump: bool,
}

fn tier(name: &str) -> Result<Tier, String> {
    match name {
        "plain" => Ok(Tier::Plain),
        "blocks" => Ok(Tier::Blocks),
        "adaptive" => Ok(Tier::Adaptive),
        _ => Err("expected plain, blocks or adaptive".to_owned()),
    }
}

fn fork(name: &str) -> Result<FixtureFork, String> {
    FixtureFork::parse(name).map_err(|error| error.to_string())
}

/// Deferred policies that one argument names.
#[derive(Clone, Debug)]
struct Policies(Vec<Policy>);

fn policies(name: &str) -> Result<Policies, String> {
    match name {
        "all" => Ok(Policies(vec![Policy::seed(), Policy::practical()])),
        name => match name.parse() {
            Ok(policy @ Policy::Deferred(_)) => Ok(Policies(vec![policy])),
            _ => Err("expected seed, practical or all".to_owned()),
        },
    }
}

/// A case on its way: the file it is from, and itself.
struct Selected {
    file: Arc<str>,
    prepared: PreparedCase,
}

/// What became of a case.
enum Verdict {
    Ran(Box<CaseResult>, Vec<(Policy, Class)>),
    Skipped(&'static str),
    /// Behind a failure that ends the run.
    Dropped,
}

/// What a worker keeps from case to case.
struct Tools {
    state: StateRunner,
    deferred: DeferredRunner,
    has_failed: bool,
}

impl Tools {
    fn new(arguments: &Arguments) -> Self {
        Self {
            state: StateRunner::on(arguments.tier),
            deferred: DeferredRunner::default(),
            has_failed: false,
        }
    }

    /// Runs a case, and writes what is asked for on the way.
    fn run(&mut self, arguments: &Arguments, selected: &Selected) -> Verdict {
        if self.has_failed && !arguments.keep_going {
            return Verdict::Dropped;
        }
        let prepared = &selected.prepared;
        let fork = match prepared.case.post().fork {
            FixtureFork::Supported(fork) => fork,
            FixtureFork::Skipped(reason) => return Verdict::Skipped(reason),
        };
        if arguments.json {
            let output = BufWriter::new(std::io::stderr());
            self.state.trace(Box::new(Eip3155::new(output)));
        }
        let mut result = self.state.run(prepared, fork);
        let mut classes = Vec::new();
        for policy in arguments.policy.iter().flat_map(|policies| &policies.0) {
            match self.deferred.run(prepared, fork, *policy, &result) {
                Ok(class) => classes.push((*policy, class)),
                Err(failure) => result.failures.push(Failure::Deferred {
                    policy: policy.name(),
                    failure,
                }),
            }
        }
        // Written here, so that it follows the case's own trace.
        if arguments.json || arguments.json_outcome {
            eprintln!("{}", outcome(selected, &result));
        }
        self.has_failed |= !result.failures.is_empty();
        Verdict::Ran(Box::new(result), classes)
    }
}

/// Runs the command; the exit status.
pub fn run(arguments: &Arguments) -> u8 {
    let workers = match arguments.workers {
        // What is written for each case would be mixed up.
        _ if arguments.json || arguments.json_outcome || arguments.dump => 1,
        Some(workers) => usize::from(workers),
        None => super::cores(),
    };
    let Arguments {
        paths,
        omit_progress,
        keep_going,
        ..
    } = arguments;
    let mut report = Report {
        arguments,
        suite: Suite::new("cases", paths, *omit_progress, *keep_going),
        classes: BTreeMap::new(),
    };
    let bar = report.suite.bar.clone();
    drive_with(
        paths,
        workers,
        |file| {
            let cases = select(arguments, file);
            bar.inc(1);
            cases
        },
        || Tools::new(arguments),
        |tools, selected| tools.run(arguments, selected),
        |event| report.take(event),
    );
    report.finish()
}

/// The cases of a file that the arguments ask for.
fn select(arguments: &Arguments, file: &FixtureFile) -> Result<Vec<Selected>, FixtureError> {
    let tests = StateTest::parse_file(&file.name, &file.read()?)?;
    let name: Arc<str> = file.name.as_str().into();
    let is_named = |test: &StateTest| match &arguments.filter {
        Some(text) => test.name.contains(text.as_str()) || name.contains(text.as_str()),
        None => true,
    };
    let is_asked_for = |prepared: &PreparedCase| {
        let post = prepared.case.post();
        arguments.fork.is_none_or(|fork| post.fork == fork)
            && arguments.index.is_none_or(|index| post.index == index)
    };
    Ok(tests
        .iter()
        .filter(|test| is_named(test))
        .flat_map(PreparedCase::all)
        .filter(is_asked_for)
        .map(|prepared| Selected {
            file: Arc::clone(&name),
            prepared,
        })
        .collect())
}

/// Counts and prints what happens.
struct Report<'a> {
    arguments: &'a Arguments,
    suite: Suite<Option<Fork>>,
    classes: BTreeMap<(&'static str, Class), u64>,
}

impl Report<'_> {
    /// Takes note of what happened; breaks where nothing more is to be run.
    fn take(&mut self, event: Event<Selected, Verdict>) -> ControlFlow<()> {
        match event {
            Event::Unusable(error) => self.suite.unusable(&error),
            Event::Finished(results) => {
                for (selected, verdict) in results {
                    self.case(&selected, verdict)?;
                }
            }
        }
        self.suite.proceed()
    }

    fn case(&mut self, selected: &Selected, verdict: Verdict) -> ControlFlow<()> {
        let post = selected.prepared.case.post();
        let fork = match post.fork {
            FixtureFork::Supported(fork) => Some(fork),
            FixtureFork::Skipped(_) => None,
        };
        let ended = match verdict {
            Verdict::Dropped => return ControlFlow::Continue(()),
            Verdict::Skipped(reason) => Ended::Skipped(reason),
            Verdict::Ran(result, classes) => self.ran(selected, &result, classes),
        };
        self.suite.count(fork, &post.fork_name, ended)
    }

    /// Prints what a case is to print.
    fn ran(
        &mut self,
        selected: &Selected,
        result: &CaseResult,
        classes: Vec<(Policy, Class)>,
    ) -> Ended {
        if self.arguments.dump {
            println!("{}", dump(&result.state(&selected.prepared)));
        }
        for (policy, class) in classes {
            *self.classes.entry((policy.name(), class)).or_default() += 1;
        }
        if result.failures.is_empty() {
            return Ended::Passed;
        }
        self.suite.bar.suspend(|| print_failure(selected, result));
        Ended::Failed
    }

    /// Prints the counts; the exit status.
    fn finish(self) -> u8 {
        self.suite.print_rows();
        for ((policy, class), count) in &self.classes {
            println!("under {policy}: {count} {}", class.description());
        }
        self.suite.finish("--fork, --filter and --index")
    }
}

fn print_failure(selected: &Selected, result: &CaseResult) {
    println!("FAILED {}: {}", selected.file, selected.prepared.case);
    for failure in &result.failures {
        println!("  {failure}");
    }
    if let Some(error) = &result.error {
        println!("  the transaction ended with: {error}");
    }
}

/// The outcome of a case in the fields that `revme statetest --json-outcome` has.
fn outcome(selected: &Selected, result: &CaseResult) -> serde_json::Value {
    let case = &selected.prepared.case;
    let post = case.post();
    let failures: Vec<String> = result.failures.iter().map(ToString::to_string).collect();
    json!({
        "stateRoot": format!("{:?}", result.state_root),
        "logsRoot": format!("{:?}", result.logs_hash),
        "output": alloy_primitives::hex::encode_prefixed(&result.output),
        "gasUsed": result.gas_used,
        "pass": failures.is_empty(),
        "errorMsg": failures.join("; "),
        "evmResult": result.error.as_deref().unwrap_or("Success"),
        "postLogsHash": format!("{:?}", result.logs_hash),
        "fork": &*post.fork_name,
        "test": case.test().name,
        "d": post.indexes.data,
        "g": post.indexes.gas,
        "v": post.indexes.value,
    })
}

/// A state as JSON, in the order of addresses and slots, in the fixtures' own form.
fn dump(state: &InMemoryDatabase) -> serde_json::Value {
    let accounts: BTreeMap<_, _> = state.accounts().collect();
    let accounts = accounts.into_iter().map(|(address, account)| {
        let code = state.get_code(account.info.code_hash);
        let slots: BTreeMap<_, _> = account.storage.iter().collect();
        let storage: serde_json::Map<String, serde_json::Value> = slots
            .into_iter()
            .map(|(key, value)| (format!("{key:#x}"), json!(format!("{value:#x}"))))
            .collect();
        let account = json!({
            "balance": format!("{:#x}", account.info.balance),
            "nonce": format!("{:#x}", account.info.nonce),
            "code": alloy_primitives::hex::encode_prefixed(code.map_or(&[][..], |code| code.bytes())),
            "storage": storage,
        });
        (format!("{address:?}"), account)
    });
    serde_json::Value::Object(accounts.collect())
}
