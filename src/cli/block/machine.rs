//! The JSON that programs read. It is byte-identical for any number of workers and any partition;
//! wall times are in it only where they were asked for.
//!
//! Receipts and rounds are written one by one, so that a large block costs no second copy of itself.

use std::io::{self, Write};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::runs::{BlockRun, PolicyResult, PolicyRun};
use crate::{
    Address, Log, U256,
    block::{BlockOutcome, RoundOutcome, bundle::MissingState, comparison::Divergence},
    call::Policy,
    transaction::{Kind, Receipt},
};

/// Writes `{"blocks": [...]}` block by block.
pub(super) struct Sink {
    out: Box<dyn Write>,
    name: String,
    is_first: bool,
}

impl Sink {
    pub fn new(mut out: Box<dyn Write>, name: String) -> io::Result<Self> {
        out.write_all(b"{\"blocks\":[")?;
        Ok(Self {
            out,
            name,
            is_first: true,
        })
    }

    pub fn block(&mut self, run: &BlockRun, with_timing: bool) -> Result<(), String> {
        let separator: &[u8] = if std::mem::take(&mut self.is_first) {
            b"\n"
        } else {
            b",\n"
        };
        self.out
            .write_all(separator)
            .map_err(|error| format!("{}: {error}", self.name))?;
        serde_json::to_writer(&mut self.out, &BlockJson { run, with_timing })
            .map_err(|error| format!("{}: {error}", self.name))
    }

    pub fn finish(mut self) -> Result<(), String> {
        self.out
            .write_all(b"\n]}\n")
            .and_then(|()| self.out.flush())
            .map_err(|error| format!("{}: {error}", self.name))
    }
}

struct BlockJson<'a> {
    run: &'a BlockRun,
    with_timing: bool,
}

struct PolicyJson<'a> {
    run: &'a PolicyRun,
    /// The number of workers, where times are wanted.
    timing: Option<usize>,
}

struct Rounds<'a>(&'a BlockOutcome);

struct Receipts<'a>(&'a [Receipt]);

impl Serialize for BlockJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let timing = self.with_timing.then_some(self.run.workers);
        let policies: Vec<PolicyJson<'_>> = self
            .run
            .policies
            .iter()
            .map(|run| PolicyJson { run, timing })
            .collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("number", &self.run.number)?;
        map.serialize_entry("fork", self.run.fork.name())?;
        map.serialize_entry("policies", &policies)?;
        map.end()
    }
}

impl Serialize for PolicyJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("policy", self.run.name)?;
        if let Policy::Deferred(rules) = &self.run.policy {
            map.serialize_entry("order", &rules.order.to_string())?;
            map.serialize_entry("gas", &rules.gas.to_string())?;
            map.serialize_entry("returndata", &rules.returndata.to_string())?;
        }
        match &self.run.result {
            Ok(result) => serialize_result(&mut map, result)?,
            Err(error) => {
                map.serialize_entry("verified", &None::<bool>)?;
                map.serialize_entry("error", error)?;
            }
        }
        if let (Some(workers), Ok(result)) = (self.timing, &self.run.result) {
            map.serialize_entry("timing", &timing(result, workers))?;
        }
        map.end()
    }
}

fn serialize_result<M: SerializeMap>(map: &mut M, result: &PolicyResult) -> Result<(), M::Error> {
    let outcome = &result.outcome;
    let verified = result.mismatches.as_ref().map(Vec::is_empty);
    map.serialize_entry("verified", &verified)?;
    if verified == Some(false) {
        let mismatches: Vec<String> = result
            .mismatches
            .iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        map.serialize_entry("mismatches", &mismatches)?;
    }
    map.serialize_entry("digest", &format!("{:?}", result.digest))?;
    map.serialize_entry("gasUsed", &outcome.gas_used)?;
    map.serialize_entry("gasConsumed", &outcome.gas_consumed())?;
    map.serialize_entry("criticalGas", &outcome.critical_gas())?;
    map.serialize_entry("virtualTransactions", &outcome.virtual_transactions())?;
    map.serialize_entry("treesSucceeded", &outcome.trees_succeeded)?;
    map.serialize_entry("exceedsGasLimit", &outcome.exceeds_gas_limit)?;
    if let Some(missing) = &result.missing {
        map.serialize_entry("missing", &missing_json(missing))?;
    }
    if let Some(divergence) = &result.divergence {
        map.serialize_entry("differsFromSynchronous", &divergence_json(divergence))?;
    }
    map.serialize_entry("rounds", &Rounds(outcome))?;
    map.serialize_entry("receipts", &Receipts(&outcome.receipts))
}

impl Serialize for Rounds<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.rounds.iter().map(|round| round_json(self.0, round)))
    }
}

impl Serialize for Receipts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(receipt_json))
    }
}

fn round_json(outcome: &BlockOutcome, round: &RoundOutcome) -> Value {
    let receipts = outcome.receipts_of(round);
    let mut json = json!({
        "index": round.index,
        "transactions": round.executed,
        "failures": receipts.iter().filter(|receipt| !receipt.status.is_success()).count(),
        "gasUsed": round.gas_used,
        "criticalGas": round.critical_gas,
        "hottest": round.hottest.map(|(address, gas)| json!({ "address": hex(address), "gas": gas })),
        "ids": receipts.iter().map(|receipt| format!("{:?}", receipt.id)).collect::<Vec<_>>(),
        "receiptsRoot": format!("{:?}", outcome.round_receipts_root(round)),
    });
    if let Some(root) = round.state_root {
        json["stateRoot"] = json!(format!("{root:?}"));
    }
    json
}

fn receipt_json(receipt: &Receipt) -> Value {
    let (kind, is_static) = match receipt.kind {
        Kind::Original(kind) => (kind.to_string(), false),
        Kind::Virtual { opcode, is_static } => (
            crate::opcode::name(opcode).unwrap_or("?").to_owned(),
            is_static,
        ),
    };
    let mut json = json!({
        "id": format!("{:?}", receipt.id),
        "parent": receipt.parent.map(|parent| format!("{parent:?}")),
        "root": receipt.root,
        "round": receipt.round,
        "index": receipt.index,
        "kind": kind,
        "static": is_static,
        "sender": hex(receipt.sender),
        "target": hex(receipt.target),
        "status": receipt.status.word(),
        "reason": receipt.status.reason(),
        "gasUsed": receipt.gas_used,
        "bounced": word(receipt.bounced),
        "logs": receipt.logs.iter().map(log_json).collect::<Vec<_>>(),
        "created": receipt.created.map(hex),
    });
    if let Some(gas_used) = receipt.tree_gas_used {
        json["treeGasUsed"] = json!(gas_used);
    }
    json
}

/// A log entry.
pub(in crate::cli) fn log_json(log: &Log) -> Value {
    json!({
        "address": hex(log.address),
        "topics": log.topics.iter().map(|topic| format!("{topic:?}")).collect::<Vec<_>>(),
        "data": alloy_primitives::hex::encode_prefixed(&log.data),
    })
}

fn missing_json(missing: &MissingState) -> Value {
    json!({
        "reads": missing.reads(),
        "accounts": missing.accounts.iter().copied().map(hex).collect::<Vec<_>>(),
        "slots": slots_json(missing.slots.iter()),
        "codes": missing.codes.iter().map(|hash| format!("{hash:?}")).collect::<Vec<_>>(),
        "blockHashes": missing.block_hashes,
    })
}

fn divergence_json(divergence: &Divergence) -> Value {
    json!({
        "statuses": divergence.statuses,
        "logs": divergence.logs,
        "slots": slots_json(divergence.slots.iter()),
        "balances": divergence.balances.iter().copied().map(hex).collect::<Vec<_>>(),
    })
}

fn slots_json<'a>(slots: impl Iterator<Item = &'a (Address, U256)>) -> Vec<[String; 2]> {
    slots
        .map(|(address, key)| [hex(*address), word(*key)])
        .collect()
}

fn timing(result: &PolicyResult, workers: usize) -> Value {
    let micros =
        |duration: std::time::Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    json!({
        "workers": workers,
        "oneWorkerMicroseconds": micros(result.one_worker),
        "allWorkersMicroseconds": micros(result.all_workers),
    })
}

fn hex(address: Address) -> String {
    format!("{address:?}")
}

fn word(word: U256) -> String {
    format!("{word:#x}")
}
