//! What blocks that are made to be slow take for their gas, held against ordinary code.
//!
//! A case is a whole block on one worker, over a state in memory whose code nobody has analysed, without the block's
//! edges. It is held against ordinary code, the median of the interpreter's workloads, each run as it is there, and
//! against ordinary blocks: all gas of the real ones, each run as a case is, under `synchronous`. The second factor is
//! what a node would have to be faster than real blocks need, to keep up with such blocks. Prices are Ethereum's, so
//! that a factor says as much of them as of this machine.

mod common;

use std::{hint::black_box, process::ExitCode};

use common::{
    bundles,
    measure::{self, Effort},
    options::Options,
    ours, workload,
    worst_cases::{self, Case},
};
use deferevm::{
    Evm, Fork,
    block::Block,
    precompiles::{Precompile, Precompiles},
    state::{InMemoryDatabase, State},
    transaction::{Original, TransactionRules},
};
use serde_json::json;

/// Runs of a case: a full measurement, and a first look.
const RUNS: [usize; 2] = [7, 3];

fn main() -> ExitCode {
    match run(&Options::from_command_line("--case")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let code = ordinary_code(options.effort())?;
    println!("ordinary code: {code:.3} ns per gas, the median of the workloads");
    let runs = RUNS[usize::from(options.is_quick)];
    let blocks = ordinary_blocks(runs)?;
    println!("ordinary blocks: {blocks:.3} ns per gas, all real ones together");
    println!(
        "{:<58} {:>11} {:>13} {:>10} {:>8} {:>8}",
        "case", "gas", "ns", "ns per gas", "x code", "x blocks"
    );
    let mut rows = Vec::new();
    for case in worst_cases::all() {
        if !options.selects(&case.name) {
            continue;
        }
        let (gas, nanoseconds) = time(&case, runs)?;
        let per_gas = nanoseconds / gas as f64;
        let (over_code, over_blocks) = (per_gas / code, per_gas / blocks);
        println!(
            "{:<58} {gas:>11} {nanoseconds:>13.0} {per_gas:>10.3} {over_code:>8.1} {over_blocks:>8.1}",
            case.name
        );
        rows.push(json!({
            "name": case.name,
            "gas": gas,
            "nanoseconds": nanoseconds,
            "over_ordinary_code": over_code,
            "over_ordinary_blocks": over_blocks,
        }));
    }
    options.write_json(&json!({
        "benchmark": "worst_cases",
        "ordinary_code": code,
        "ordinary_blocks": blocks,
        "rows": rows,
    }))
}

/// The real blocks, all together, in nanoseconds per gas.
fn ordinary_blocks(runs: usize) -> Result<f64, String> {
    let (mut gas, mut nanoseconds) = (0, 0.0);
    for block in bundles::load(|_| true)? {
        let evm = block.evm();
        let mut times = Vec::new();
        for run in 0..runs {
            let state = block.state();
            let (used, taken) = execute(&block.name, &evm, &state, &block.block, &block.originals)?;
            times.push(taken);
            if run == 0 {
                gas += used;
            }
        }
        nanoseconds += measure::median(&mut times);
    }
    Ok(nanoseconds / gas as f64)
}

/// The median over the workloads, in nanoseconds per gas.
fn ordinary_code(effort: Effort) -> Result<f64, String> {
    let mut per_gas: Vec<f64> = workload::load()?
        .iter()
        .map(|workload| {
            let database = ours::database(workload);
            let state = State::new(&database);
            let prepared = ours::Prepared::new(workload);
            let mut machine = prepared.machine(&state);
            let nanoseconds = measure::time(effort, || drop(black_box(machine.run())));
            nanoseconds / workload.expected.gas_spent as f64
        })
        .collect();
    Ok(measure::median(&mut per_gas))
}

/// A fork's precompiles as an embedder's own, whose answers are not kept: the cases ask for the same again and
/// again, where an attacker would ask for something else each time.
fn forgetful_precompiles(fork: Fork) -> Vec<Precompile> {
    let standard = Precompiles::of(fork);
    let precompiles = standard.addresses().filter_map(|address| {
        let standard = standard.get(address)?;
        let run = |input: &[u8], gas_limit, fork| standard.run_explained(input, gas_limit, fork);
        Some(Precompile::new(address, standard.name(), run))
    });
    precompiles.collect()
}

/// A block's gas, and the median of the nanoseconds that it takes.
fn time(case: &Case, runs: usize) -> Result<(u64, f64), String> {
    // Without Osaka's cap, one transaction can use it all.
    let rules = TransactionRules {
        gas_limit_max: u64::MAX,
        ..TransactionRules::of(case.fork)
    };
    let evm = Evm::new(case.fork)
        .policy(case.policy)
        .transaction_rules(rules)
        .precompiles(forgetful_precompiles(case.fork))
        .edges(false);
    let mut gas = 0;
    let mut times = Vec::new();
    for _ in 0..runs {
        let (state, block) = (case.make)();
        let originals = evm.prepare(&block);
        let (used, taken) = execute(&case.name, &evm, &state, &block, &originals)?;
        let bought = || {
            let originals = originals.iter();
            originals.map(|original| original.recovered.transaction.gas_limit)
        };
        gas = if case.is_bought { bought().sum() } else { used };
        times.push(taken);
    }
    Ok((gas, measure::median(&mut times)))
}

/// The gas that a block uses, and the nanoseconds that it takes until its outcome has come and gone.
fn execute(
    name: &str,
    evm: &Evm,
    state: &InMemoryDatabase,
    block: &Block,
    originals: &[Original],
) -> Result<(u64, f64), String> {
    let start = measure::thread_time();
    let outcome = evm.execute_prepared(state, block, originals);
    let used = outcome
        .map_err(|error| format!("{name}: {error}"))?
        .gas_used;
    Ok((used, (measure::thread_time() - start) as f64))
}
