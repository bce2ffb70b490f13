//! What blocks that are made to be slow take for their gas, held against ordinary code.
//!
//! A case is a whole block on one worker, over a state in memory whose code nobody has analysed, without the block's
//! edges. Ordinary is the median of the interpreter's workloads, in nanoseconds per gas, each run as it is there. The
//! factor is what a node would have to be faster than an ordinary block needs, to keep up with such blocks; prices are
//! Ethereum's, so that a factor says as much of them as of this machine.

mod common;

use std::{hint::black_box, process::ExitCode};

use common::{
    measure::{self, Effort},
    options::Options,
    ours, workload,
    worst_cases::{self, Case},
};
use deferevm::{Evm, state::State, transaction::TransactionRules};
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
    let ordinary = ordinary(options.effort())?;
    println!("ordinary code: {ordinary:.3} ns per gas, the median of the workloads");
    println!(
        "{:<58} {:>11} {:>13} {:>10} {:>7}",
        "case", "gas", "ns", "ns per gas", "factor"
    );
    let mut rows = Vec::new();
    for case in worst_cases::all() {
        if !options.selects(&case.name) {
            continue;
        }
        let (gas, nanoseconds) = time(&case, RUNS[usize::from(options.is_quick)])?;
        let per_gas = nanoseconds / gas as f64;
        let factor = per_gas / ordinary;
        println!(
            "{:<58} {gas:>11} {nanoseconds:>13.0} {per_gas:>10.3} {factor:>7.1}",
            case.name
        );
        rows.push(json!({
            "name": case.name, "gas": gas, "nanoseconds": nanoseconds, "factor": factor,
        }));
    }
    options.write_json(&json!({"benchmark": "worst_cases", "ordinary": ordinary, "rows": rows}))
}

/// The median over the workloads, in nanoseconds per gas.
fn ordinary(effort: Effort) -> Result<f64, String> {
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
        .edges(false);
    let mut gas = 0;
    let mut times = Vec::new();
    for _ in 0..runs {
        let (state, block) = (case.make)();
        let originals = evm.prepare(&block);
        let start = measure::thread_time();
        let outcome = evm.execute_prepared(&state, &block, &originals);
        let used = outcome
            .map_err(|error| format!("{}: {error}", case.name))?
            .gas_used;
        let bought = || {
            let originals = originals.iter();
            originals.map(|original| original.recovered.transaction.gas_limit)
        };
        gas = if case.is_bought { bought().sum() } else { used };
        times.push((measure::thread_time() - start) as f64);
    }
    Ok((gas, measure::median(&mut times)))
}
