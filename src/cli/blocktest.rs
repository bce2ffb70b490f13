//! `deferevm blocktest`: runs blockchain tests and says which fail, and why.
//!
//! Owns arguments, selection and the order of what is printed; a chain's verdict is
//! `fixtures::blockchain_runner`'s.

use std::{collections::BTreeMap, ops::ControlFlow, path::PathBuf, sync::Arc};

use clap::Args;

use super::{EXIT_FAILED, EXIT_PASSED, EXIT_UNUSABLE};
use crate::fixtures::{
    BlockchainTest, ChainFailure, Event, FixtureError, FixtureFile, FixtureNetwork, drive,
    run_chain,
};

/// Run blockchain tests (BlockchainTests, EEST blockchain_tests).
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files, folders and archives (.json, .json.zst, .tar, .tar.gz, .tar.xz)
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Only chains whose name contains this text
    #[arg(short = 'k', long, value_name = "TEXT")]
    filter: Option<String>,
    /// Only chains of this network, as the files name it (Cancun, BerlinToLondonAt5)
    #[arg(long, value_name = "NETWORK")]
    fork: Option<String>,
    /// Threads; all cores if not given
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

/// A chain and the file that it came from.
struct Case {
    file: Arc<str>,
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

/// What the run has come to so far.
#[derive(Debug, Default)]
struct Report {
    networks: BTreeMap<String, Tally>,
    skips: BTreeMap<&'static str, u64>,
    unusable: u64,
}

/// Runs the command; the exit status.
pub fn run(arguments: &Arguments) -> u8 {
    let cores = || std::thread::available_parallelism().map_or(1, Into::into);
    let mut report = Report::default();
    drive(
        &arguments.paths,
        arguments.workers.unwrap_or_else(cores),
        |file| cases(file, arguments),
        verdict,
        |event| {
            match event {
                Event::Unusable(error) => {
                    report.unusable += 1;
                    eprintln!("error: {error}");
                }
                Event::Finished(results) => {
                    for (case, verdict) in results {
                        report.count(&case, verdict);
                    }
                }
            }
            ControlFlow::Continue(())
        },
    );
    report.print()
}

/// The chains of a file that were asked for.
fn cases(file: &FixtureFile, arguments: &Arguments) -> Result<Vec<Case>, FixtureError> {
    let bytes = file.read()?;
    let tests = BlockchainTest::parse_file(&file.name, &bytes)?;
    let name: Arc<str> = file.name.as_str().into();
    let asked_for = |test: &Arc<BlockchainTest>| {
        let filter = arguments.filter.as_deref();
        let network = arguments.fork.as_deref();
        filter.is_none_or(|text| test.name.contains(text))
            && network.is_none_or(|network| test.network_name.eq_ignore_ascii_case(network))
    };
    let tests = tests.into_iter().filter(asked_for).map(|test| Case {
        file: Arc::clone(&name),
        test,
    });
    Ok(tests.collect())
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
    fn count(&mut self, case: &Case, verdict: Verdict) {
        let network = case.test.network_name.clone();
        let tally = self.networks.entry(network).or_default();
        match verdict {
            Verdict::Passed => tally.passed += 1,
            Verdict::Skipped(reason) => {
                tally.skipped += 1;
                *self.skips.entry(reason).or_default() += 1;
            }
            Verdict::Failed(failure) => {
                tally.failed += 1;
                println!("FAILED {}: {}", case.file, case.test.name);
                println!("  {failure}");
            }
        }
    }

    /// Prints the counts by network, the reasons of skips, and the last line; the exit status.
    fn print(&self) -> u8 {
        let mut total = Tally::default();
        for (network, tally) in &self.networks {
            println!(
                "{network:<36} {:>8} passed {:>8} failed {:>8} skipped",
                tally.passed, tally.failed, tally.skipped
            );
            total.passed += tally.passed;
            total.failed += tally.failed;
            total.skipped += tally.skipped;
        }
        for (reason, count) in &self.skips {
            println!("{count} skipped: {reason}");
        }
        println!(
            "{} passed, {} failed, {} skipped",
            total.passed, total.failed, total.skipped
        );
        match (self.unusable, total.failed) {
            (0, 0) => EXIT_PASSED,
            (0, _) => EXIT_FAILED,
            _ => EXIT_UNUSABLE,
        }
    }
}
