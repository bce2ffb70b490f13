//! The interpreter's workloads: one transaction each, with the state that it starts from and what it
//! has to come to.

use std::{collections::BTreeMap, fs, path::Path};

use bytes::Bytes;
use deferevm::{Address, U256, json::hex};
use serde::Deserialize;

/// Where the workloads are.
pub const VARIABLE: &str = "DEFEREVM_WORKLOADS";

/// One transaction from `caller` to `to`.
#[derive(Debug, Deserialize)]
pub struct Workload {
    /// What it is called.
    pub name: String,
    /// Who sends it; funded with [`Workload::caller_balance`].
    #[serde(deserialize_with = "hex::hex")]
    pub caller: Address,
    /// The callee.
    #[serde(deserialize_with = "hex::hex")]
    pub to: Address,
    /// Wei.
    #[serde(deserialize_with = "hex::hex")]
    pub value: U256,
    /// Call data.
    #[serde(deserialize_with = "hex::hex")]
    pub data: Bytes,
    /// Gas; may exceed EIP-7825's cap.
    pub gas_limit: u64,
    /// The state before it, but for the caller.
    pub accounts: Vec<WorkloadAccount>,
    /// What it has to come to.
    #[serde(skip)]
    pub expected: Expected,
}

/// An account of the state before the transaction.
#[derive(Debug, Deserialize)]
pub struct WorkloadAccount {
    /// Whose it is.
    #[serde(deserialize_with = "hex::hex")]
    pub address: Address,
    /// Wei.
    #[serde(deserialize_with = "hex::hex")]
    pub balance: U256,
    /// Contracts created.
    #[serde(deserialize_with = "hex::hex")]
    pub nonce: u64,
    /// Its code.
    #[serde(deserialize_with = "hex::code")]
    pub code: Bytes,
    /// Its slots.
    #[serde(deserialize_with = "hex::storage")]
    pub storage: Vec<(U256, U256)>,
}

/// What a workload comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Expected {
    /// Gas, intrinsic included, before refunds.
    pub gas_spent: u64,
    /// `ok`, `revert` or `halt`.
    pub status: String,
}

impl Workload {
    /// 2¹²⁸ wei.
    pub fn caller_balance() -> U256 {
        U256::one() << 128
    }
}

/// Reads the workloads from the folder that [`VARIABLE`] names, in the order of their names.
///
/// # Errors
/// What is missing or wrong, and what to do about it.
pub fn load() -> Result<Vec<Workload>, String> {
    let Some(folder) = std::env::var_os(VARIABLE) else {
        return Err(format!(
            "{VARIABLE} is not set. It names the folder with the interpreter's workloads: one JSON \
             file each and expected.json beside them. benches/README.md says what they hold and \
             where they come from."
        ));
    };
    let folder = Path::new(&folder);
    let mut expected: BTreeMap<String, Expected> = read(&folder.join("expected.json"))?;
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut workloads = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let is_json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        if !is_json || path.file_name().is_some_and(|name| name == "expected.json") {
            continue;
        }
        let mut workload: Workload = read(&path)?;
        workload.expected = expected
            .remove(&workload.name)
            .ok_or_else(|| format!("expected.json does not know {}", workload.name))?;
        workloads.push(workload);
    }
    if let Some(name) = expected.keys().next() {
        return Err(format!("{}: no file for {name}", folder.display()));
    }
    workloads.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(workloads)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}
