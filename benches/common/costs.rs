//! What single things cost: a deferred call, a round, a record's memory, deferral without calls.

use std::{hint::black_box, mem::size_of};

use deferevm::{
    Evm,
    call::Policy,
    example::workloads::{self, Workload},
    round::Record,
    transaction::Receipt,
};
use serde_json::json;

use super::{
    children,
    measure::{self, median, thread_time},
};

/// The child that measures memory.
pub const MEMORY_ROLE: &str = "memory of a million records";

/// Measures and prints all of it.
pub fn measure(runs: usize) -> Result<serde_json::Value, String> {
    let hash = measure::time(measure::Effort::QUICK, || {
        black_box(deferevm::keccak256(black_box([7u8; 122])));
    });
    let call = |policy| {
        let [few, many] =
            [20, 220].map(|width| nanoseconds(&workloads::fan_out(100, width), policy, runs));
        (many - few) / (100.0 * 200.0)
    };
    let (locked, split) = (call(Policy::seed()), call(Policy::practical()));
    let entered = call(Policy::Synchronous);
    let round = {
        let [few, many] = [100, 900]
            .map(|depth| nanoseconds(&workloads::deep_chain(depth), Policy::practical(), runs));
        (many - few) / 800.0
    };
    println!("hash of a record's id: {hash:.0} ns");
    println!(
        "deferred call to an account without code, instruction to receipt: {locked:.0} ns under seed, \
         {split:.0} ns under practical; the same call entered synchronously: {entered:.0} ns"
    );
    println!("round of one transaction: {round:.0} ns, its execution and its id's hash included");
    println!(
        "a queued record: {} bytes, and its input's; a receipt: {} bytes, and its logs'",
        size_of::<Record>(),
        size_of::<Receipt>()
    );
    let mut overheads = serde_json::Map::new();
    for workload in [
        workloads::transfers(5_000),
        workloads::independent_tokens(5_000),
    ] {
        let overhead = overhead(&workload, runs);
        println!(
            "{}: one worker under practical takes {overhead:.3} of the synchronous time",
            workload.name
        );
        overheads.insert(workload.name.to_owned(), json!(overhead));
    }
    let megabytes = memory()?;
    println!("a block of a million records: {megabytes:.0} MiB");
    Ok(json!({
        "id_hash_nanoseconds": hash,
        "deferred_call_nanoseconds": {"seed": locked, "practical": split, "synchronous": entered},
        "round_nanoseconds": round,
        "record_bytes": size_of::<Record>(),
        "receipt_bytes": size_of::<Receipt>(),
        "one_worker_against_synchronous": overheads,
        "million_records_mebibytes": megabytes,
    }))
}

/// As a child: runs a block of a million records and says how much memory that took at most.
pub fn report_memory() -> Result<(), String> {
    let workload = workloads::fan_out(1_000, 1_000);
    let before = resident("VmRSS:")?;
    let outcome = evm(&workload, Policy::practical())
        .execute_prepared(&workload.state, &workload.block, &workload.originals)
        .map_err(|error| error.to_string())?;
    if outcome.virtual_transactions() != 1_000_000 {
        return Err("the block does not emit a million records".to_owned());
    }
    println!("{}", (resident("VmHWM:")? - before) / 1024.0);
    Ok(())
}

fn memory() -> Result<f64, String> {
    let output = children::start(MEMORY_ROLE)
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .map_err(|_| "the child did not say how much memory it took".to_owned())
}

/// A line of this process's status, in KiB.
fn resident(line: &str) -> Result<f64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    status
        .lines()
        .find_map(|text| text.strip_prefix(line))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| format!("no {line} in the process's status"))
}

fn evm(workload: &Workload, policy: Policy) -> Evm {
    Evm::new(workload.fork).policy(policy).edges(false)
}

/// The median of a block's time on one worker.
fn nanoseconds(workload: &Workload, policy: Policy, runs: usize) -> f64 {
    let evm = evm(workload, policy);
    let mut times: Vec<f64> = (0..=runs).map(|_| once(&evm, workload)).skip(1).collect();
    median(&mut times)
}

/// Deferred on one worker over synchronous, as the median of paired runs.
fn overhead(workload: &Workload, runs: usize) -> f64 {
    let deferred = evm(workload, Policy::practical());
    let synchronous = evm(workload, Policy::Synchronous);
    let mut ratios: Vec<f64> = (0..=runs)
        .map(|_| once(&deferred, workload) / once(&synchronous, workload))
        .skip(1)
        .collect();
    median(&mut ratios)
}

fn once(evm: &Evm, workload: &Workload) -> f64 {
    let start = thread_time();
    drop(black_box(evm.execute_prepared(
        &workload.state,
        &workload.block,
        &workload.originals,
    )));
    (thread_time() - start) as f64
}
