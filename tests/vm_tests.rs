//! The VMTests of ethereum/legacytests: single frames under Frontier's rules.
//!
//! One test per file, and one that counts what the suite holds, so that a suite that shrinks or
//! vanishes fails.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
};

use deferevm::fixtures::{FixtureFile, VmTest, run_vm_test, walk};
use libtest_mimic::{Arguments, Failed, Trial};

/// Where the suites lie.
const VARIABLE: &str = "DEFEREVM_FIXTURES";
/// The suite within them.
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
    let arguments = Arguments::from_args();
    let trials = match std::env::var_os(VARIABLE) {
        Some(root) => trials(Path::new(&root)),
        None => vec![Trial::test("fixtures", || {
            Err(Failed::from(format!(
                "{VARIABLE} is not set: it names the folder of the unpacked fixtures"
            )))
        })],
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials(root: &Path) -> Vec<Trial> {
    let folder = root.join(SUITE);
    let files = match files(&folder) {
        Ok(files) => files,
        Err(error) => return vec![Trial::test(SUITE, move || Err(Failed::from(error)))],
    };
    let counted = files.clone();
    let count = format!("{SUITE} counts");
    let mut trials = vec![Trial::test(count, move || check_counts(&counted))];
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
