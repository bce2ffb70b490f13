//! What tests of the public suites share: where the suites lie, their files, and one trial for each.

#![allow(dead_code, reason = "each test file uses a part")]

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
};

use deferevm::fixtures::{FixtureFile, walk};
use libtest_mimic::{Arguments, Failed, Trial};

/// Names the folder where the suites lie, unpacked.
const VARIABLE: &str = "DEFEREVM_FIXTURES";

/// Runs the trials of suites that lie in these folders; one that fails where nobody says below what.
pub fn run(folders: &[&str], trials: impl FnOnce(&Path) -> Vec<Trial>) -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = match std::env::var_os(VARIABLE) {
        Some(root) => trials(Path::new(&root)),
        None => {
            let message = format!(
                "{VARIABLE} is not set: set it to the folder that holds {}",
                folders.join(", ")
            );
            vec![Trial::test("fixtures", || Err(Failed::from(message)))]
        }
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Every JSON file below a folder, sorted; none if it is not there, which the count then reports.
pub fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    files
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a listed entry can be read").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            into.push(path);
        }
    }
}

/// One trial for each file, named by its path below the root.
pub fn path_trials(
    root: &Path,
    paths: &[PathBuf],
    run_file: fn(&Path) -> Result<(), Failed>,
) -> Vec<Trial> {
    paths
        .iter()
        .cloned()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap_or(&path);
            Trial::test(name.display().to_string(), move || run_file(&path))
        })
        .collect()
}

/// Every fixture file of a folder, as the command finds them.
pub fn fixture_files(folder: &Path) -> Result<Vec<FixtureFile>, String> {
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

/// The trials of one suite: its count, and one for each file.
pub fn suite_trials(
    root: &Path,
    folder: &'static str,
    check_counts: impl FnOnce(&[FixtureFile]) -> Result<(), Failed> + Send + 'static,
    run_file: fn(&FixtureFile) -> Result<(), Failed>,
) -> Vec<Trial> {
    let files = match fixture_files(&root.join(folder)) {
        Ok(files) => files,
        Err(error) => return vec![Trial::test(folder, move || Err(Failed::from(error)))],
    };
    let counted = files.clone();
    let count = Trial::test(format!("{folder} counts"), move || check_counts(&counted));
    let files = files.into_iter().map(|file| {
        let name = file.name.strip_prefix(&*root.to_string_lossy());
        let name = name.unwrap_or(&file.name).trim_start_matches('/');
        Trial::test(name.to_owned(), move || run_file(&file))
    });
    std::iter::once(count).chain(files).collect()
}
