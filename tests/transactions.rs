//! The TransactionTests of ethereum/tests and of the execution specs: bytes in, and per fork the
//! sender, hash and intrinsic gas, or the reason of refusal, out.
//!
//! One test per file, and one per suite that counts what it holds, so that a suite that shrinks or
//! vanishes fails.

mod suites;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use bytes::Bytes;
use deferevm::{
    Address, B256, Fork,
    fixtures::exceptions,
    json::hex,
    transaction::{IntrinsicGas, InvalidTransaction, Recovered, TransactionRules, validate},
};
use deferevm_opcodes::BlockEnvironment;
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;

/// A suite with what it holds.
struct Suite {
    folder: &'static str,
    files: usize,
    accepted: usize,
    refused: usize,
}

const SUITES: [Suite; 2] = [
    Suite {
        folder: "classic-ethereum-tests/TransactionTests",
        files: 181,
        accepted: 560,
        refused: 1741,
    },
    Suite {
        folder: "eest-transaction-tests",
        files: 22,
        accepted: 0,
        refused: 106,
    },
];

#[derive(Deserialize)]
struct Entry {
    #[serde(deserialize_with = "hex::hex")]
    txbytes: Bytes,
    result: BTreeMap<String, Expected>,
}

/// Either `exception`, or `sender` and `hash`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expected {
    exception: Option<String>,
    #[serde(default, deserialize_with = "hex::optional")]
    sender: Option<Address>,
    #[serde(default, deserialize_with = "hex::optional")]
    hash: Option<B256>,
    #[serde(deserialize_with = "hex::hex")]
    intrinsic_gas: u64,
}

type File = BTreeMap<String, Entry>;

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
    let (mut accepted, mut refused) = (0, 0);
    for path in paths {
        for expected in load(path)?.values().flat_map(|entry| entry.result.values()) {
            match expected.exception {
                Some(_) => refused += 1,
                None => accepted += 1,
            }
        }
    }
    let found = (paths.len(), accepted, refused);
    let wanted = (suite.files, suite.accepted, suite.refused);
    if found != wanted {
        return Err(
            format!("(files, accepted, refused) are {found:?}, expected {wanted:?}").into(),
        );
    }
    Ok(())
}

fn load(path: &Path) -> Result<File, Failed> {
    let text = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn run_file(path: &Path) -> Result<(), Failed> {
    let mut faults = Vec::new();
    for (name, entry) in load(path)? {
        for (network, expected) in &entry.result {
            let fork: Fork = network.parse().map_err(|error| format!("{error}"))?;
            if let Err(fault) = check(&entry.txbytes, fork, expected) {
                faults.push(format!("{name} on {network}: {fault}"));
            }
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(faults.join("\n").into())
}

fn check(raw: &Bytes, fork: Fork, expected: &Expected) -> Result<(), String> {
    match (process(raw, fork), &expected.exception) {
        (Ok((recovered, gas)), None) => accept(&recovered, gas, expected),
        (Err(error), Some(exception)) => {
            match exceptions::matches(exception, &error).map_err(|error| error.to_string())? {
                true => Ok(()),
                false => Err(format!(
                    "refused as `{error}`, expected {exception}: {error:?}"
                )),
            }
        }
        (Ok(_), Some(exception)) => Err(format!("accepted, expected {exception}")),
        (Err(error), None) => Err(format!("refused as `{error}`, expected to be accepted")),
    }
}

/// Everything that needs no state, in a block on chain 1 that sets no limits.
fn process(raw: &Bytes, fork: Fork) -> Result<(Recovered, IntrinsicGas), InvalidTransaction> {
    let recovered = Recovered::decode(raw, fork)?;
    let block = BlockEnvironment {
        chain_id: 1,
        gas_limit: u64::MAX,
        ..BlockEnvironment::default()
    };
    let gas = validate(&recovered, &block, fork, &TransactionRules::of(fork))?;
    Ok((recovered, gas))
}

fn accept(recovered: &Recovered, gas: IntrinsicGas, expected: &Expected) -> Result<(), String> {
    let (Some(sender), Some(hash)) = (expected.sender, expected.hash) else {
        return Err("the fixture has neither an exception nor sender and hash".into());
    };
    let found = (recovered.sender, recovered.hash, gas.initial);
    let wanted = (sender, hash, expected.intrinsic_gas);
    if found != wanted {
        return Err(format!(
            "(sender, hash, intrinsic gas) are {found:?}, expected {wanted:?}"
        ));
    }
    Ok(())
}
