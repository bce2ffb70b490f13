//! `deferevm statetest`: runs state tests and says which fail, and why.
//!
//! Owns arguments, selection and the order of what is printed; a case's verdict is
//! `fixtures::state_runner`'s.

use std::{collections::BTreeMap, ops::ControlFlow, path::PathBuf};

use clap::Args;

use super::{EXIT_FAILED, EXIT_PASSED, EXIT_UNUSABLE};
use crate::fixtures::{
    CaseResult, Event, FixtureFork, PreparedCase, StateRunner, StateTest, drive::drive_with,
};

/// Run state tests (GeneralStateTests, EEST state_tests).
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files, folders and archives (.json, .json.zst, .tar, .tar.gz, .tar.xz)
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Threads; all cores if not given
    #[arg(long)]
    workers: Option<usize>,
}

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Runs the command; the exit status.
pub fn run(arguments: &Arguments) -> u8 {
    let workers = arguments
        .workers
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let mut unusable = 0u64;
    let mut forks: BTreeMap<String, Tally> = BTreeMap::new();
    drive_with(
        &arguments.paths,
        workers,
        |file| {
            let bytes = file.read()?;
            let tests = StateTest::parse_file(&file.name, &bytes)?;
            let name: std::sync::Arc<str> = file.name.as_str().into();
            Ok(tests
                .iter()
                .flat_map(PreparedCase::all)
                .map(|case| (std::sync::Arc::clone(&name), case))
                .collect())
        },
        StateRunner::default,
        |runner, (_, prepared)| -> Option<CaseResult> {
            match prepared.case.post().fork {
                FixtureFork::Supported(fork) => Some(runner.run(prepared, fork)),
                FixtureFork::Skipped(_) => None,
            }
        },
        |event| {
            match event {
                Event::Unusable(error) => {
                    unusable += 1;
                    eprintln!("error: {error}");
                }
                Event::Finished(results) => {
                    for ((file, prepared), result) in results {
                        let fork = prepared.case.post().fork_name.to_string();
                        let tally = forks.entry(fork).or_default();
                        match result {
                            None => tally.skipped += 1,
                            Some(result) if result.failures.is_empty() => tally.passed += 1,
                            Some(result) => {
                                tally.failed += 1;
                                println!("FAILED {file}: {}", prepared.case);
                                for failure in &result.failures {
                                    println!("  {failure}");
                                }
                                if let Some(error) = &result.error {
                                    println!("  ended with: {error}");
                                }
                            }
                        }
                    }
                }
            }
            ControlFlow::Continue(())
        },
    );
    let mut total = Tally::default();
    for (fork, tally) in &forks {
        println!(
            "{fork:<20} {:>8} passed {:>8} failed {:>8} skipped",
            tally.passed, tally.failed, tally.skipped
        );
        total.passed += tally.passed;
        total.failed += tally.failed;
        total.skipped += tally.skipped;
    }
    println!(
        "{} passed, {} failed, {} skipped",
        total.passed, total.failed, total.skipped
    );
    match (unusable, total.failed) {
        (0, 0) => EXIT_PASSED,
        (0, _) => EXIT_FAILED,
        _ => EXIT_UNUSABLE,
    }
}
