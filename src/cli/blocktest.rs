//! `deferevm blocktest`: runs blockchain tests and says which fail, and why.
//!
//! Owns arguments, selection and the order of what is printed; a chain's verdict is
//! `fixtures::blockchain_runner`'s.

use std::{collections::BTreeMap, ops::ControlFlow, path::PathBuf, sync::Arc};

use clap::Args;
use crossbeam::channel::Receiver;
use indicatif::ProgressBar;

use super::{EXIT_FAILED, EXIT_PASSED, EXIT_UNUSABLE, interrupt, progress};
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
    /// Draw no progress bar, even on a terminal
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

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Counts what happens, and keeps what is said of failures until all are known.
struct Report<'a> {
    arguments: &'a Arguments,
    networks: BTreeMap<String, Tally>,
    skips: BTreeMap<&'static str, u64>,
    total: Tally,
    /// In the order of the files and of the chains in them.
    failures: BTreeMap<(usize, usize), String>,
    unusable: u64,
    bar: ProgressBar,
    interrupted: Receiver<()>,
    is_interrupted: bool,
}

/// Runs the command; the exit status.
pub fn run(arguments: &Arguments) -> u8 {
    let workers = arguments.workers.map_or_else(super::cores, usize::from);
    let mut report = Report::new(arguments);
    let bar = report.bar.clone();
    drive(
        &arguments.paths,
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

impl<'a> Report<'a> {
    fn new(arguments: &'a Arguments) -> Self {
        Self {
            arguments,
            networks: BTreeMap::new(),
            skips: BTreeMap::new(),
            total: Tally::default(),
            failures: BTreeMap::new(),
            unusable: 0,
            bar: progress::bar(&arguments.paths, arguments.omit_progress),
            interrupted: interrupt::channel(),
            is_interrupted: false,
        }
    }

    /// Takes note of what happened; breaks where nothing more is to be run.
    fn take(&mut self, event: Event<Case, Verdict>) -> ControlFlow<()> {
        if self.interrupted.try_recv().is_ok() {
            self.is_interrupted = true;
            return ControlFlow::Break(());
        }
        match event {
            Event::Unusable(error) => {
                self.unusable += 1;
                self.bar.suspend(|| eprintln!("error: {error}"));
            }
            Event::Finished(results) => {
                for (case, verdict) in results {
                    self.count(&case, verdict)?;
                }
            }
        }
        let Tally { passed, failed, .. } = self.total;
        self.bar
            .set_message(format!("{} chains, {failed} failed", passed + failed));
        ControlFlow::Continue(())
    }

    fn count(&mut self, case: &Case, verdict: Verdict) -> ControlFlow<()> {
        let network = case.test.network_name.clone();
        let tally = self.networks.entry(network).or_default();
        match verdict {
            Verdict::Passed => {
                tally.passed += 1;
                self.total.passed += 1;
            }
            Verdict::Skipped(reason) => {
                tally.skipped += 1;
                self.total.skipped += 1;
                *self.skips.entry(reason).or_default() += 1;
            }
            Verdict::Failed(failure) => {
                tally.failed += 1;
                self.total.failed += 1;
                let lines = format!("FAILED {}: {}\n  {failure}", case.file, case.test.name);
                self.failures.insert(case.position, lines);
                if !self.arguments.keep_going {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Prints the failures, the counts by network, the reasons of skips, and the last line; the exit
    /// status.
    fn finish(self) -> u8 {
        self.bar.finish_and_clear();
        for lines in self.failures.values() {
            println!("{lines}");
        }
        for (network, tally) in &self.networks {
            println!(
                "{network:<36} {:>8} passed {:>8} failed {:>8} skipped",
                tally.passed, tally.failed, tally.skipped
            );
        }
        for (reason, count) in &self.skips {
            println!("{count} skipped: {reason}");
        }
        let Tally {
            passed,
            failed,
            skipped,
        } = self.total;
        if self.unusable > 0 {
            println!("{} files or paths could not be used", self.unusable);
        }
        if self.is_interrupted {
            println!("interrupted: what follows is what was done so far");
        } else if failed > 0 && !self.arguments.keep_going {
            println!("stopped at the first failure: --keep-going runs the rest");
        }
        if passed + failed + skipped == 0 && self.unusable == 0 {
            eprintln!("error: no chain matches --fork and --filter");
        }
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        if self.is_interrupted {
            return interrupt::EXIT_INTERRUPTED;
        }
        match (failed, self.unusable, passed + skipped) {
            (0, 0, 1..) => EXIT_PASSED,
            (1.., 0, _) => EXIT_FAILED,
            _ => EXIT_UNUSABLE,
        }
    }
}
