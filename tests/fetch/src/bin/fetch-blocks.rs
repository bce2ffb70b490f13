//! `cargo run -p deferevm-fetch --bin fetch-blocks`: mainnet blocks, with the state that they start from, as bundles.
//!
//! Owns what is asked of a node and how its answers become one state. What a bundle leaves out is 0 or absent; what it
//! holds is the node's word.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use deferevm_fetch::{Patience, client};
use serde_json::{Map, Value, json};
use ureq::Agent;

/// Fetches mainnet blocks, with the state that they start from, as block bundles NUMBER.json.zst.
///
/// Asks an archive node that has debug_traceBlockByNumber for each block: the block, what its transactions touch
/// (prestateTracer), and, as of the block before, what the block touches besides them: the system contracts, the
/// beneficiary, the recipients of withdrawals. `deferevm block` checks gas used, logs bloom and receipts root against the
/// block's header, and that is all that a block without the state's trie can prove.
#[derive(Debug, Parser)]
#[command(name = "fetch-blocks", version, max_term_width = 100)]
struct Arguments {
    /// The node
    #[arg(long, value_name = "URL")]
    rpc: String,
    /// Where to write them
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
    /// The blocks' heights
    #[arg(required = true, value_name = "NUMBER")]
    numbers: Vec<u64>,
}

// Forks by their first second (as in src/block/mainnet.rs).
const SHANGHAI: u64 = 1_681_338_455;
const CANCUN: u64 = 1_710_338_135;
const PRAGUE: u64 = 1_746_612_311;

/// EIP-4788.
const BEACON_ROOTS: &str = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02";
/// EIP-2935.
const HISTORY: &str = "0x0000f90827f1c53a10cb7a02335b175320002935";
/// The slots of both rings.
const RING: u64 = 8191;
/// EIP-7002.
const WITHDRAWAL_REQUESTS: &str = "0x00000961ef480eb55e80d19ad83579a64c007002";
/// EIP-7251.
const CONSOLIDATION_REQUESTS: &str = "0x0000bbddc7ce488642fb579f8b00f3a590007251";
/// How many earlier blocks BLOCKHASH finds.
const BLOCK_HASHES: u64 = 256;

/// The longest answer: a trace of a full block has some tens of millions.
const ANSWER_BYTES_MAX: u64 = 1 << 30;
/// A node may trace a block for minutes.
const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(300),
    body: Duration::from_secs(300),
};
/// Better than the node's own, and still fast.
const COMPRESSION: i32 = 9;

type Failed = Box<dyn Error>;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(given: &Arguments) -> Result<(), Failed> {
    let node = Node {
        url: given.rpc.clone(),
        client: client(PATIENCE)?,
    };
    fs::create_dir_all(&given.into).map_err(|error| at(&given.into, &error))?;
    for number in &given.numbers {
        let text = node.bundle(*number)?.to_string();
        let path = given.into.join(format!("{number}.json.zst"));
        let bytes = zstd::encode_all(text.as_bytes(), COMPRESSION)?;
        fs::write(&path, bytes).map_err(|error| at(&path, &error))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn at(path: &Path, error: &std::io::Error) -> Failed {
    format!("{}: {error}", path.display()).into()
}

/// An archive node.
struct Node {
    url: String,
    client: Agent,
}

/// A method and its parameters.
type Call = (&'static str, Value);

/// Accounts by address, as a bundle has them.
type State = BTreeMap<String, Map<String, Value>>;

impl Node {
    /// A block bundle.
    fn bundle(&self, number: u64) -> Result<Value, Failed> {
        let height = json!(format!("{number:#x}"));
        let [block, traces] = self.ask([
            ("eth_getBlockByNumber", json!([height, true])),
            (
                "debug_traceBlockByNumber",
                json!([height, {"tracer": "prestateTracer"}]),
            ),
        ])?;
        let mut state = merge(&traces)?;
        self.complete(&mut state, &block)?;
        let earlier = number.saturating_sub(BLOCK_HASHES)..number;
        let calls = earlier.clone().map(|height| {
            (
                "eth_getBlockByNumber",
                json!([format!("{height:#x}"), false]),
            )
        });
        let headers = self.ask_all(&calls.collect::<Vec<_>>())?;
        let hashes: Map<String, Value> = earlier
            .zip(headers)
            .map(|(height, header)| (height.to_string(), header["hash"].clone()))
            .collect();
        Ok(json!({
            "chainId": 1,
            "block": block,
            "prestate": state,
            "blockHashes": hashes,
            "source": {"rpc": "eth_getBlockByNumber, debug_traceBlockByNumber with prestateTracer"},
        }))
    }

    /// Adds what is not known yet, as of the block before.
    fn complete(&self, state: &mut State, block: &Value) -> Result<(), Failed> {
        let before = format!("{:#x}", quantity(block, "number")?.saturating_sub(1));
        for (address, slots) in besides(block)? {
            let account = state.entry(address.clone()).or_default();
            if !account.contains_key("balance") {
                let [balance, nonce, code] = self.ask([
                    ("eth_getBalance", json!([address, before])),
                    ("eth_getTransactionCount", json!([address, before])),
                    ("eth_getCode", json!([address, before])),
                ])?;
                account.extend([
                    ("balance".to_owned(), balance),
                    ("nonce".to_owned(), nonce),
                    ("code".to_owned(), code),
                ]);
            }
            let known = storage(account)?;
            let missing: Vec<String> = slots
                .iter()
                .map(|slot| format!("{slot:#066x}"))
                .filter(|slot| !known.contains_key(slot))
                .collect();
            let calls = missing
                .iter()
                .map(|slot| ("eth_getStorageAt", json!([address, slot, before])));
            let values = self.ask_all(&calls.collect::<Vec<_>>())?;
            known.extend(missing.into_iter().zip(values));
        }
        Ok(())
    }

    fn ask<const N: usize>(&self, calls: [Call; N]) -> Result<[Value; N], Failed> {
        let results = self.ask_all(&calls)?;
        Ok(results.try_into().expect("each call has a result"))
    }

    /// The results of several calls, in their order.
    fn ask_all(&self, calls: &[Call]) -> Result<Vec<Value>, Failed> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let url = &self.url;
        let bodies = calls.iter().enumerate().map(|(id, (method, parameters))| {
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters})
        });
        let body = Value::from_iter(bodies).to_string();
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json");
        let response = request
            .send(&body)
            .map_err(|error| format!("{url}: {error}"))?;
        let reader = response.into_body().into_reader().take(ANSWER_BYTES_MAX);
        let answers: Value =
            serde_json::from_reader(reader).map_err(|error| format!("{url}: {error}"))?;
        let Value::Array(answers) = answers else {
            return Err(format!("{url}: {answers}").into());
        };
        // A node may answer a batch in any order.
        let mut by_id: BTreeMap<u64, Value> = answers
            .into_iter()
            .filter_map(|answer| Some((answer["id"].as_u64()?, answer)))
            .collect();
        (0..)
            .zip(calls)
            .map(|(id, (method, _))| {
                let mut answer = by_id.remove(&id).unwrap_or_default();
                match answer["result"].take() {
                    Value::Null => Err(format!("{url}: {method}: {}", answer["error"]).into()),
                    result => Ok(result),
                }
            })
            .collect()
    }
}

/// One state of one object per transaction: the first occurrence of a field or slot wins.
fn merge(traces: &Value) -> Result<State, Failed> {
    let mut state = State::new();
    for trace in traces.as_array().ok_or("the trace is no list")? {
        let part = trace.get("result").unwrap_or(trace);
        for (address, account) in part.as_object().ok_or("a trace is no object")? {
            let known = state.entry(address.to_lowercase()).or_default();
            // An object with a balance is complete: what it leaves out is 0, and later ones do not know better.
            if let Some(balance) = account.get("balance")
                && !known.contains_key("balance")
            {
                let or = |field: &str, value| account.get(field).cloned().unwrap_or(value);
                let (nonce, code) = (or("nonce", json!(0)), or("code", json!("0x")));
                known.extend([
                    ("balance".to_owned(), balance.clone()),
                    ("nonce".to_owned(), nonce),
                    ("code".to_owned(), code),
                ]);
            }
            let known = storage(known)?;
            for (slot, value) in account["storage"].as_object().into_iter().flatten() {
                known.entry(slot).or_insert_with(|| value.clone());
            }
        }
    }
    Ok(state)
}

/// An account's slots.
fn storage(account: &mut Map<String, Value>) -> Result<&mut Map<String, Value>, Failed> {
    let slots = account.entry("storage").or_insert_with(|| json!({}));
    Ok(slots
        .as_object_mut()
        .ok_or("an account's storage is no object")?)
}

/// The slots of each account that a block touches besides its transactions.
fn besides(block: &Value) -> Result<BTreeMap<String, Vec<u64>>, Failed> {
    let (number, time) = (quantity(block, "number")?, quantity(block, "timestamp")?);
    let mut touched = BTreeMap::new();
    let miner = block["miner"].as_str().ok_or("the block has no miner")?;
    touched.insert(miner.to_lowercase(), Vec::new());
    if time >= SHANGHAI {
        for withdrawal in block["withdrawals"].as_array().into_iter().flatten() {
            let address = withdrawal["address"].as_str();
            let address = address.ok_or("a withdrawal has no address")?;
            touched.entry(address.to_lowercase()).or_default();
        }
    }
    if time >= CANCUN {
        let slots = vec![time % RING, time % RING + RING];
        touched.insert(BEACON_ROOTS.to_owned(), slots);
    }
    if time >= PRAGUE {
        touched.insert(HISTORY.to_owned(), vec![(number - 1) % RING]);
        // Excess, count, head and tail of the queue, and the first of its entries.
        touched.insert(WITHDRAWAL_REQUESTS.to_owned(), (0..4 + 3 * 16).collect());
        touched.insert(CONSOLIDATION_REQUESTS.to_owned(), (0..4 + 4 * 2).collect());
    }
    Ok(touched)
}

/// A number of a block, as hex.
fn quantity(block: &Value, field: &str) -> Result<u64, Failed> {
    let text = block[field]
        .as_str()
        .and_then(|text| text.strip_prefix("0x"));
    let number = text.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    Ok(number.ok_or_else(|| format!("the block's {field} is {}", block[field]))?)
}
