//! The state tests of ethereum/tests and of the execution specs, Frontier to Osaka.
//!
//! One test per file, named by its path, which runs its cases on each tier; and one per suite that counts its cases by
//! fork, so that a suite that shrinks or vanishes fails.

mod suites;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use bytes::Bytes;
use deferevm::{
    Tier,
    fixtures::{FixtureFork, PreparedCase, StateRunner, StateTest, is_long},
};
use libtest_mimic::{Failed, Trial};

/// A suite with the number of its files, and of its cases by fork.
struct Suite {
    folder: &'static str,
    files: usize,
    cases: &'static [(&'static str, usize)],
}

const SUITES: &[Suite] = &[
    Suite {
        folder: "classic-ethereum-tests/GeneralStateTests",
        files: 2_369,
        cases: &[
            ("Frontier", 16),
            ("Homestead", 17),
            ("Byzantium", 33),
            ("Constantinople", 33),
            ("ConstantinopleFix", 33),
            ("Istanbul", 33),
            ("Berlin", 33),
            ("London", 33),
            ("Paris", 56),
            ("Shanghai", 162),
            ("Cancun", 17_433),
        ],
    },
    Suite {
        folder: "classic-legacy-cancun-gst/Cancun/GeneralStateTests",
        files: 2_455,
        cases: &[
            ("Frontier", 144),
            ("Homestead", 231),
            ("EIP150", 215),
            ("EIP158", 215),
            ("Byzantium", 285),
            ("Constantinople", 300),
            ("ConstantinopleFix", 300),
            ("Istanbul", 10_244),
            ("Berlin", 10_971),
            ("London", 16_726),
            ("Paris", 16_564),
            ("Shanghai", 16_637),
            ("Cancun", 15_571),
        ],
    },
    Suite {
        folder: "classic-legacy-constantinople/Constantinople/GeneralStateTests",
        files: 2_105,
        cases: &[
            ("Frontier", 927),
            ("Homestead", 1_825),
            ("EIP150", 1_013),
            ("EIP158", 1_144),
            ("Byzantium", 4_361),
            ("Constantinople", 8_329),
            ("ConstantinopleFix", 8_321),
            ("Istanbul", 1),
        ],
    },
    Suite {
        folder: "eest-state-frontier-to-shanghai/state_tests",
        files: 522,
        cases: &[
            ("Frontier", 300),
            ("Homestead", 310),
            ("Byzantium", 565),
            ("ConstantinopleFix", 664),
            ("Istanbul", 753),
            ("Berlin", 851),
            ("London", 852),
            ("Paris", 883),
            ("Shanghai", 909),
        ],
    },
    Suite {
        folder: "eest-state-cancun/state_tests",
        files: 152,
        cases: &[("Shanghai", 2), ("Cancun", 2_225)],
    },
    Suite {
        folder: "eest-state-prague/state_tests",
        files: 65,
        cases: &[("Prague", 1_047)],
    },
    Suite {
        folder: "eest-state-osaka/state_tests",
        files: 326,
        cases: &[("Osaka", 5_943)],
    },
];

fn main() -> ExitCode {
    let folders: Vec<&str> = SUITES.iter().map(|suite| suite.folder).collect();
    suites::run(&folders, |root| {
        let suites = SUITES.iter();
        suites.flat_map(|suite| trials(suite, root)).collect()
    })
}

fn trials(suite: &'static Suite, root: &Path) -> Vec<Trial> {
    let paths = suites::json_files(&root.join(suite.folder));
    let mut trials = suites::path_trials(root, &paths, run_file);
    let name = format!("{} is complete", suite.folder);
    trials.push(Trial::test(name, move || count(suite, &paths)));
    trials
}

fn count(suite: &Suite, paths: &[PathBuf]) -> Result<(), Failed> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        for test in load(path)? {
            for post in &test.posts {
                *found.entry(post.fork_name.to_string()).or_default() += 1;
            }
        }
    }
    let expected: BTreeMap<String, usize> = suite
        .cases
        .iter()
        .map(|(fork, count)| ((*fork).to_owned(), *count))
        .collect();
    if (paths.len(), &found) != (suite.files, &expected) {
        return Err(format!(
            "{} files with {found:?}, expected {} with {expected:?}",
            paths.len(),
            suite.files
        )
        .into());
    }
    Ok(())
}

fn load(path: &Path) -> Result<Vec<std::sync::Arc<StateTest>>, Failed> {
    let name = path.display().to_string();
    let text = fs::read(path).map_err(|error| format!("{name}: {error}"))?;
    Ok(StateTest::parse_file(&name, &Bytes::from(text))?)
}

fn run_file(path: &Path) -> Result<(), Failed> {
    // The long ones run on the usual tier only.
    let tiers: &[Tier] = if is_long(path) {
        &[Tier::Adaptive]
    } else {
        &[Tier::Adaptive, Tier::Blocks, Tier::Plain]
    };
    let tests = load(path)?;
    let mut failures = Vec::new();
    for tier in tiers {
        let mut runner = StateRunner::on(*tier);
        for prepared in tests.iter().flat_map(PreparedCase::all) {
            let FixtureFork::Supported(fork) = prepared.case.post().fork else {
                return Err(format!("{}: a fork that is not supported", prepared.case).into());
            };
            for failure in runner.run(&prepared, fork).failures {
                failures.push(format!("{} on {tier:?}: {failure}", prepared.case));
            }
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(failures.join("\n").into())
}
