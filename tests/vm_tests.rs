//! The VMTests of ethereum/legacytests: single frames under Frontier's rules.
//!
//! One test per file, and one that counts what the suite holds, so that a suite that shrinks or
//! vanishes fails.

mod suites;

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use deferevm::fixtures::{FixtureFile, VmTest, run_vm_test};
use libtest_mimic::Failed;

/// The suite, within the folder of all.
const SUITE: &str = "classic-legacy-constantinople/Constantinople/VMTests";

/// Folders with their tests, and how many of those must halt exceptionally. A file holds one test.
const FOLDERS: [(&str, usize, usize); 12] = [
    ("vmArithmeticTest", 181, 1),
    ("vmBitwiseLogicOperation", 53, 0),
    ("vmBlockInfoTest", 3, 0),
    ("vmEnvironmentalInfo", 28, 1),
    ("vmIOandFlowOperations", 119, 66),
    ("vmLogTest", 40, 9),
    ("vmPerformance", 13, 0),
    ("vmPushDupSwapTest", 65, 2),
    ("vmRandomTest", 6, 4),
    ("vmSha3Test", 17, 6),
    ("vmSystemOperations", 5, 0),
    ("vmTests", 1, 0),
];

fn main() -> ExitCode {
    suites::run(&[SUITE], |root| {
        suites::suite_trials(root, SUITE, check_counts, run_file)
    })
}

fn check_counts(files: &[FixtureFile]) -> Result<(), Failed> {
    let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for file in files {
        let folder = Path::new(&file.name).parent().and_then(Path::file_name);
        let folder = folder.unwrap_or_default().to_string_lossy().into_owned();
        for test in VmTest::parse_file(&file.name, &file.read()?)? {
            let (tests, halts) = found.entry(folder.clone()).or_default();
            *tests += 1;
            *halts += usize::from(test.expected.is_none());
        }
    }
    let expected: BTreeMap<String, (usize, usize)> = FOLDERS
        .into_iter()
        .map(|(folder, tests, halts)| (folder.to_owned(), (tests, halts)))
        .collect();
    if found == expected {
        return Ok(());
    }
    Err(Failed::from(format!(
        "(tests, those that must halt) by folder are {found:?}, expected {expected:?}"
    )))
}

fn run_file(file: &FixtureFile) -> Result<(), Failed> {
    let mut failures = String::new();
    for test in VmTest::parse_file(&file.name, &file.read()?)? {
        if let Err(failure) = run_vm_test(&test) {
            failures.push_str(&format!("{}: {failure}\n", test.name));
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(Failed::from(failures))
}
