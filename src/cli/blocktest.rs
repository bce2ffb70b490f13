//! `deferevm blocktest`: runs blockchain tests and says which fail, and why.
//!
//! Owns arguments, selection and the order of what is printed; a chain's verdict is
//! `fixtures::blockchain_runner`'s.

use std::{collections::BTreeMap, ops::ControlFlow, path::PathBuf, sync::Arc};

use clap::Args;

use super::suite::{Ended, Suite};
use crate::fixtures::{
    BlockchainTest, ChainFailure, Event, FixtureError, FixtureFile, FixtureNetwork, drive,
    run_chain,
};

/// Run blockchain tests: BlockchainTests, and blockchain_tests of the execution specs.
///
/// The last line is `N passed, N failed, N skipped`. The exit status is 0 if all passed, 1 if a chain
/// failed, 2 if a file or an argument could not be used.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files, folders and archives: .json, .json.zst, .tar, .tar.gz, .tgz, .tar.xz
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only chains whose name, or whose file's name, contains this text
    #[arg(short = 'k', long, alias = "run", value_name = "TEXT")]
    filter: Option<String>,
    /// Only chains of this network, as the files name it (Cancun, BerlinToLondonAt5)
    #[arg(long, value_name = "NETWORK")]
    fork: Option<String>,
    /// Threads [default: one for each core]
    #[arg(long, short = 'j', value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Go on after a failure
    #[arg(long)]
    keep_going: bool,
    /// Say nothing of progress: no bar on a terminal, no line a minute elsewhere
    #[arg(long)]
    omit_progress: bool,
}

/// A chain and where it is from.
struct Case {
    file: Arc<str>,
    /// The file's position among all, and the chain's in the file.
    position: (usize, usize),
    test: Arc<BlockchainTest>,
}

/// What became of a chain.
enum Verdict {
    Passed,
    Skipped(&'static str),
    Failed(Box<ChainFailure>),
}

/// Counts what happens, and keeps what is said of failures until all are known.
struct Report {
    suite: Suite<()>,
    /// In the order of the files and of the chains in them.
    failures: BTreeMap<(usize, usize), String>,
}

/// Runs the command; the exit status.
pub fn run(arguments: &Arguments) -> u8 {
    let workers = arguments.workers.map_or_else(super::cores, usize::from);
    let Arguments {
        paths,
        omit_progress,
        keep_going,
        ..
    } = arguments;
    let mut report = Report {
        suite: Suite::new("chains", paths, *omit_progress, *keep_going),
        failures: BTreeMap::new(),
    };
    let bar = report.suite.bar.clone();
    drive(
        paths,
        workers,
        |file| {
            let cases = select(arguments, file);
            bar.inc(1);
            cases
        },
        verdict,
        |event| report.take(event),
    );
    report.finish()
}

/// The chains of a file that the arguments ask for.
fn select(arguments: &Arguments, file: &FixtureFile) -> Result<Vec<Case>, FixtureError> {
    let tests = BlockchainTest::parse_file(&file.name, &file.read()?)?;
    let name: Arc<str> = file.name.as_str().into();
    let is_asked_for = |test: &BlockchainTest| {
        let text = arguments.filter.as_deref();
        let network = arguments.fork.as_deref();
        text.is_none_or(|text| test.name.contains(text) || name.contains(text))
            && network.is_none_or(|network| test.network_name.eq_ignore_ascii_case(network))
    };
    let tests = (0..).zip(tests).filter(|(_, test)| is_asked_for(test));
    Ok(tests
        .map(|(position, test)| Case {
            file: Arc::clone(&name),
            position: (file.position, position),
            test,
        })
        .collect())
}

fn verdict(case: &Case) -> Verdict {
    match &case.test.network {
        FixtureNetwork::Skipped(reason) => Verdict::Skipped(reason),
        FixtureNetwork::Supported(network) => match run_chain(&case.test, network) {
            Ok(()) => Verdict::Passed,
            Err(failure) => Verdict::Failed(Box::new(failure)),
        },
    }
}

impl Report {
    /// Takes note of what happened; breaks where nothing more is to be run.
    fn take(&mut self, event: Event<Case, Verdict>) -> ControlFlow<()> {
        match event {
            Event::Unusable(error) => self.suite.unusable(&error),
            Event::Finished(results) => {
                for (case, verdict) in results {
                    self.count(&case, verdict)?;
                }
            }
        }
        self.suite.proceed()
    }

    fn count(&mut self, case: &Case, verdict: Verdict) -> ControlFlow<()> {
        let ended = match verdict {
            Verdict::Passed => Ended::Passed,
            Verdict::Skipped(reason) => Ended::Skipped(reason),
            Verdict::Failed(failure) => {
                let lines = format!("FAILED {}: {}\n  {failure}", case.file, case.test.name);
                self.failures.insert(case.position, lines);
                Ended::Failed
            }
        };
        self.suite.count((), &case.test.network_name, ended)
    }

    /// Prints the failures and the counts; the exit status.
    fn finish(self) -> u8 {
        self.suite.bar.finish_and_clear();
        for lines in self.failures.values() {
            println!("{lines}");
        }
        self.suite.print_rows();
        self.suite.finish("--fork and --filter")
    }
}
