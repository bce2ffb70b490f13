//! The BlockchainTests of ethereum/tests and of the execution specs: chains of blocks, those that
//! must be refused included, and what they end with.
//!
//! One test per file, and one per suite that counts what it holds, so that a suite that shrinks or
//! vanishes fails.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
};

use deferevm::fixtures::{BlockchainTest, FixtureFile, FixtureNetwork, run_chain, walk};
use libtest_mimic::{Arguments, Failed, Trial};

/// Where the suites lie.
const VARIABLE: &str = "DEFEREVM_FIXTURES";

/// A suite with what it holds.
struct Suite {
    folder: &'static str,
    files: usize,
    chains: usize,
    /// Blocks that must be refused.
    refused: usize,
    /// Chains on networks that are passed over for a reason.
    skipped: usize,
}

const SUITES: [Suite; 5] = [
    Suite {
        folder: "classic-ethereum-tests/BlockchainTests/ValidBlocks",
        files: 188,
        chains: 398,
        refused: 0,
        skipped: 0,
    },
    Suite {
        folder: "classic-ethereum-tests/BlockchainTests/InvalidBlocks",
        files: 117,
        chains: 117,
        refused: 209,
        skipped: 0,
    },
    Suite {
        folder: "classic-ethereum-tests/BlockchainTests/TransitionTests",
        files: 18,
        chains: 18,
        refused: 45,
        skipped: 0,
    },
    Suite {
        folder: "eest-blockchain-prague-osaka",
        files: 100,
        chains: 799,
        refused: 269,
        skipped: 0,
    },
    Suite {
        folder: "eest-blockchain-amsterdam-provisional",
        files: 234,
        chains: 1472,
        refused: 87,
        skipped: 1472,
    },
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = match std::env::var_os(VARIABLE) {
        Some(root) => SUITES
            .iter()
            .flat_map(|suite| trials(suite, Path::new(&root)))
            .collect(),
        None => vec![Trial::test("fixtures", || {
            Err(Failed::from(format!(
                "{VARIABLE} is not set: it names the folder of the unpacked fixtures"
            )))
        })],
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The tests of a suite: its files, and its counts.
fn trials(suite: &'static Suite, root: &Path) -> Vec<Trial> {
    let folder = root.join(suite.folder);
    let files = match files(&folder) {
        Ok(files) => files,
        Err(error) => {
            return vec![Trial::test(suite.folder, move || Err(Failed::from(error)))];
        }
    };
    let counted = files.clone();
    let mut trials = vec![Trial::test(format!("{} counts", suite.folder), move || {
        check_counts(suite, &counted)
    })];
    trials.extend(files.into_iter().map(|file| {
        let name = file.name.strip_prefix(&*root.to_string_lossy());
        let name = name.unwrap_or(&file.name).trim_start_matches('/');
        Trial::test(name.to_owned(), move || run_file(&file))
    }));
    trials
}

fn files(folder: &Path) -> Result<Vec<FixtureFile>, String> {
    let paths: [PathBuf; 1] = [folder.to_owned()];
    let mut files = Vec::new();
    let mut error = None;
    let _ = walk(&paths, &mut |file| match file {
        Ok(file) => {
            files.push(file);
            ControlFlow::Continue(())
        }
        Err(unusable) => {
            error = Some(unusable.to_string());
            ControlFlow::Break(())
        }
    });
    match error {
        None => Ok(files),
        Some(error) => Err(error),
    }
}

fn check_counts(suite: &Suite, files: &[FixtureFile]) -> Result<(), Failed> {
    let (mut chains, mut refused, mut skipped) = (0, 0, 0);
    for file in files {
        for test in BlockchainTest::parse_file(&file.name, &file.read()?)? {
            chains += 1;
            skipped += usize::from(matches!(test.network, FixtureNetwork::Skipped(_)));
            let must_fail = test.blocks.iter();
            refused += must_fail
                .filter(|block| block.expect_exception.is_some())
                .count();
        }
    }
    let found = (files.len(), chains, refused, skipped);
    let expected = (suite.files, suite.chains, suite.refused, suite.skipped);
    if found == expected {
        return Ok(());
    }
    Err(Failed::from(format!(
        "(files, chains, refused blocks, skipped chains) are {found:?}, expected {expected:?}"
    )))
}

fn run_file(file: &FixtureFile) -> Result<(), Failed> {
    let mut failures = String::new();
    for test in BlockchainTest::parse_file(&file.name, &file.read()?)? {
        if let FixtureNetwork::Supported(network) = &test.network
            && let Err(failure) = run_chain(&test, network)
        {
            failures.push_str(&format!("{}: {failure}\n", test.name));
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(Failed::from(failures))
}
