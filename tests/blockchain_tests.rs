//! The BlockchainTests of ethereum/tests and of the execution specs: chains of blocks, those that
//! must be refused included, and what they end with.
//!
//! One test per file, and one per suite that counts what it holds, so that a suite that shrinks or
//! vanishes fails.

mod suites;

use std::process::ExitCode;

use deferevm::fixtures::{BlockchainTest, FixtureFile, FixtureNetwork, run_chain};
use libtest_mimic::Failed;

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

static SUITES: [Suite; 5] = [
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
    let folders: Vec<&str> = SUITES.iter().map(|suite| suite.folder).collect();
    suites::run(&folders, |root| {
        let trials = |suite: &'static Suite| {
            suites::suite_trials(
                root,
                suite.folder,
                |files| check_counts(suite, files),
                run_file,
            )
        };
        SUITES.iter().flat_map(trials).collect()
    })
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
