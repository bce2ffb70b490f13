//! The wall time of a fixed part of the conformance suite on one thread: reading, parsing, preparing,
//! running and checking, apart from each other.
//!
//! The part is every tenth state test file that DEFEREVM_FIXTURES holds, in the order of their names, but for those
//! that hash or loop for all of a block's gas: one of these would be most of the time.

mod common;

use std::{ops::ControlFlow, path::PathBuf, process::ExitCode, sync::Arc, time::Instant};

use common::options::Options;
use deferevm::fixtures::{
    FixtureError, FixtureFile, FixtureFork, PreparedCase, StateRunner, StateTest, is_long, walk,
};
use serde_json::json;

/// Where the fixtures are.
const VARIABLE: &str = "DEFEREVM_FIXTURES";

/// One file in so many is run.
const EVERY: usize = 10;

fn main() -> ExitCode {
    match run(&Options::from_command_line("--file")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let files = files(options)?;
    let start = Instant::now();
    let mut tests: Vec<Arc<StateTest>> = Vec::new();
    for file in &files {
        let read = || StateTest::parse_file(&file.name, &file.read()?);
        tests.extend(read().map_err(|error: FixtureError| error.to_string())?);
    }
    let reading = start.elapsed();
    let start = Instant::now();
    let mut runner = StateRunner::default();
    let (mut cases, mut failed) = (0u64, 0u64);
    for prepared in tests.iter().flat_map(PreparedCase::all) {
        let FixtureFork::Supported(fork) = prepared.case.post().fork else {
            continue;
        };
        cases += 1;
        failed += u64::from(!runner.run(&prepared, fork).failures.is_empty());
    }
    let running = start.elapsed();
    println!(
        "{} files, {cases} cases, {failed} failed; reading {:.2} s, running {:.2} s, {:.1} µs a case",
        files.len(),
        reading.as_secs_f64(),
        running.as_secs_f64(),
        running.as_secs_f64() * 1e6 / cases.max(1) as f64,
    );
    options.write_json(&json!({
        "benchmark": "statetest",
        "files": files.len(),
        "cases": cases,
        "failed": failed,
        "reading_seconds": reading.as_secs_f64(),
        "running_seconds": running.as_secs_f64(),
        "rows": [],
    }))
}

fn files(options: &Options) -> Result<Vec<FixtureFile>, String> {
    let folder = std::env::var_os(VARIABLE)
        .map(PathBuf::from)
        .ok_or(format!(
            "{VARIABLE} is not set. It names the folder with the unpacked fixtures; see README.md."
        ))?;
    let mut files = Vec::new();
    let mut fault = None;
    let _ = walk(&[folder], &mut |file| match file {
        Ok(file) => {
            if file.name.contains("state_tests") || file.name.contains("GeneralStateTests/") {
                files.push(file);
            }
            ControlFlow::Continue(())
        }
        Err(error) => {
            fault = Some(error.to_string());
            ControlFlow::Break(())
        }
    });
    if let Some(fault) = fault {
        return Err(fault);
    }
    files.retain(|file| {
        // Blockchain tests made of state tests stand beside them.
        !is_long(&file.name)
            && !file.name.contains("BlockchainTests")
            && !file.name.contains("blockchain_tests")
    });
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let every = files.into_iter().step_by(EVERY);
    Ok(every.filter(|file| options.selects(&file.name)).collect())
}
