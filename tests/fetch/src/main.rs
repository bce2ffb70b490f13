//! `cargo run -p deferevm-fetch`: obtains the conformance suites and prints the folder that holds them.
//!
//! Owns arguments and what is said. Where suites come from is `store`'s, what they must be is
//! `description`'s; what the files say is for the tests.

mod archive;
mod description;
mod download;
mod error;
mod store;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

use description::Description;
use error::Unusable;
use store::Store;

/// Obtains the conformance suites and prints the folder that holds them.
///
/// From where, the first that is given:
///
/// 1. --fixtures or DEFEREVM_FIXTURES: a folder with the suites unpacked, or with one archive a suite (NAME.tar.xz),
///    which are unpacked once into target/fixtures;
///
/// 2. --source or DEFEREVM_FIXTURES_SOURCE: a URL (https://, http:// or file://) below which those archives lie;
///
/// 3. their public homes: GitHub's archives of ethereum/tests and ethereum/legacytests at a commit, and a release of
///    ethereum/execution-spec-tests.
///
/// What is checked: archives against the SHA-256 in tests/fixtures.json, and whatever the source was, every folder of
/// files against the SHA-256 in tests/fixtures.manifest.xz, so that what runs is what was recorded. Two things the
/// public homes do differently: they hold files that are not listed, which are left out with a notice; and the suites
/// that are listed as eest-* were filled at a commit between two releases, so that none of the releases holds the same
/// bytes. In their place the release is unpacked as `eest-release`, checked against the archive's SHA-256, and
/// tests/run runs it without expecting counts.
///
/// A proxy is taken from HTTPS_PROXY, and roots of trust from SSL_CERT_FILE, else those of Mozilla that are built in.
/// The exit status is 0 if the suites are there, 1 if not, 2 for a wrong argument.
#[derive(Debug, Parser)]
#[command(name = "fetch-fixtures", version, max_term_width = 100)]
struct Arguments {
    /// A folder with the suites, unpacked or as archives
    #[arg(long, value_name = "FOLDER")]
    fixtures: Option<PathBuf>,
    /// A URL below which the archives lie
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// Where to unpack [default: target/fixtures]
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// What was recorded [default: tests/fixtures.json]
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    /// Write the manifest from an unpacked tree, and obtain nothing
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(given: Arguments) -> Result<(), Unusable> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = given
        .description
        .clone()
        .unwrap_or_else(|| tests.join("fixtures.json"));
    let description = Description::read(&path)?;
    if let Some(root) = given.record {
        let folders = description.record(&root)?;
        eprintln!(
            "recorded {folders} folders in {}",
            description.manifest_path().display()
        );
        return Ok(());
    }
    let into = given.into.clone().unwrap_or_else(|| {
        let target = variable("CARGO_TARGET_DIR").map(PathBuf::from);
        target
            .unwrap_or_else(|| tests.join("../target"))
            .join("fixtures")
    });
    let folder = obtain(&description, &given, into)?;
    let place = folder.canonicalize().map_err(Unusable::at(&folder))?;
    println!("{}", place.display());
    Ok(())
}

/// The folder with the suites, wherever they come from.
fn obtain(
    description: &Description,
    given: &Arguments,
    into: PathBuf,
) -> Result<PathBuf, Unusable> {
    let fixtures = given.fixtures.clone();
    let fixtures = fixtures.or_else(|| variable("DEFEREVM_FIXTURES").map(PathBuf::from));
    let source = given.source.clone();
    let source = source.or_else(|| variable("DEFEREVM_FIXTURES_SOURCE"));
    if let Some(folder) = fixtures {
        if !folder.is_dir() {
            return Err(Unusable::NoFolder { path: folder });
        }
        if !holds_archives(&folder).map_err(Unusable::at(&folder))? {
            description.verify_all(&folder)?;
            return Ok(folder);
        }
        Store::new(description, &into)?.unpack_archives(&folder)?;
    } else if let Some(url) = source {
        Store::new(description, &into)?.load_archives(&url)?;
    } else {
        Store::new(description, &into)?.load_homes()?;
    }
    Ok(into)
}

/// A variable of the environment; one that is empty counts as not set.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn holds_archives(folder: &Path) -> io::Result<bool> {
    for entry in folder.read_dir()? {
        if entry?.file_name().to_string_lossy().ends_with(".tar.xz") {
            return Ok(true);
        }
    }
    Ok(false)
}
