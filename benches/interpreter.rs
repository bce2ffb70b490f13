//! The interpreter against revm: every workload, run by both in turns in one process.
//!
//! What is timed, for both sides alike: from a transaction whose sender is known, over a database in
//! memory that holds every account, slot and analysed code, to the transaction's result and the
//! accounts that it has changed, those values dropped again included. Left out for both: recovering
//! the sender, reading and analysing code, and committing the changes, so that every run starts from
//! the same state. Validation, intrinsic gas, buying and settling gas are in it, because an engine
//! that is used has to do them.
//!
//! revm is built with its default features, and driven as it is fastest: one `Evm` kept from run to
//! run, its transaction set once and run with `replay`, accounts in its `InMemoryDB`, no inspector,
//! and the nonce unchecked. Two features that it has but does not switch on make it faster, Keccak in
//! assembly (a permutation takes about a tenth less, which shows where hashing dominates) and another
//! hasher for its maps; to compare with them, add
//! `--features alloy-primitives/asm-keccak,alloy-primitives/map-foldhash` to the command.
//! deferevm keeps one `Executor` in the same way. Both use the same allocator. Whatever deferevm
//! derives from code that runs often is made while warming up, as it is where a contract is called
//! often.
//!
//! The share of hashing is an estimate: the KECCAK256 that a run executes, counted by inspecting one
//! in revm, times what revm's Keccak takes for as many permutations on this machine now.

mod common;

use std::{hint::black_box, process::ExitCode};

use common::{
    measure::{self, Comparison, Effort},
    options::Options,
    ours,
    peer::{self, Hashing},
    workload::{self, Expected, Workload},
};
use deferevm::state::State;
use serde_json::json;

/// Below this share of revm's time, hashing does not hide the interpreter.
const HASHING_SHARE: f64 = 1.0 / 3.0;

/// A line of the table.
struct Row {
    name: String,
    gas: u64,
    comparison: Comparison,
    hashing_share: f64,
}

/// What Keccak-256 takes.
struct KeccakCost {
    /// Nanoseconds of a call, without its permutations.
    call: f64,
    /// Nanoseconds of a permutation.
    permutation: f64,
}

fn main() -> ExitCode {
    match run(&Options::from_command_line("--workload")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let workloads: Vec<Workload> = workload::load()?
        .into_iter()
        .filter(|workload| options.selects(&workload.name))
        .collect();
    if workloads.is_empty() {
        return Err("no workload has this in its name".to_owned());
    }
    let keccak = KeccakCost::measure(options.effort(), |input| {
        black_box(revm::primitives::keccak256(input));
    });
    let own_keccak = KeccakCost::measure(options.effort(), |input| {
        black_box(deferevm::keccak256(input));
    });
    println!(
        "one permutation of Keccak: {:.0} ns in deferevm, {:.0} ns in revm",
        own_keccak.permutation, keccak.permutation
    );
    println!(
        "deferevm against revm {}; 1 run = 1 transaction",
        common::revm_version()
    );
    println!(
        "{:<40} {:>12} {:>12} {:>9} {:>7}  {:<13} {:>7}",
        "workload", "ns deferevm", "ns revm", "Mgas/s", "ratio", "quartiles", "hashing"
    );
    let mut rows = Vec::new();
    for workload in &workloads {
        let row = measure(workload, options.effort(), &keccak)?;
        row.print();
        rows.push(row);
    }
    summarise(&rows);
    options.write_json(&results(&rows, &keccak, &own_keccak))
}

/// Checks both sides against what the workload has to come to, and times them.
fn measure(workload: &Workload, effort: Effort, keccak: &KeccakCost) -> Result<Row, String> {
    let database = ours::database(workload);
    let state = State::new(&database);
    let prepared = ours::Prepared::new(workload);
    let mut ours = prepared.machine(&state);
    let mut peer = peer::Machine::new(workload);
    check(workload, &mut ours, &mut peer)?;
    let comparison = measure::compare(
        effort,
        || drop(black_box(ours.run())),
        || drop(black_box(peer.run())),
    );
    // Once more, by whatever tier the code has reached by now.
    check(workload, &mut ours, &mut peer)?;
    let hashing = keccak.nanoseconds(Hashing::of(workload));
    Ok(Row {
        name: workload.name.clone(),
        gas: workload.expected.gas_spent,
        comparison,
        hashing_share: hashing / comparison.second,
    })
}

fn check(
    workload: &Workload,
    ours: &mut ours::Machine<'_>,
    peer: &mut peer::Machine,
) -> Result<(), String> {
    let (our_outcome, our_output) = ours.outcome();
    let (peer_outcome, peer_output) = peer.outcome();
    let wrong = |who: &str, found: &Expected| {
        let (name, expected) = (&workload.name, &workload.expected);
        Err(format!(
            "{name}: {who} comes to {found:?}, expected.json says {expected:?}"
        ))
    };
    if our_outcome != workload.expected {
        return wrong("deferevm", &our_outcome);
    }
    if peer_outcome != workload.expected {
        return wrong("revm", &peer_outcome);
    }
    if our_output != peer_output {
        return Err(format!("{}: the outputs differ", workload.name));
    }
    Ok(())
}

impl KeccakCost {
    /// From inputs of one permutation and of nine.
    fn measure(effort: Effort, hash: impl Fn(&[u8])) -> Self {
        let time = |size: usize| {
            let input = vec![0x5a; size];
            measure::time(effort, || hash(black_box(&input)))
        };
        let (one, nine) = (time(64), time(64 + 8 * 136));
        let permutation = (nine - one) / 8.0;
        Self {
            call: (one - permutation).max(0.0),
            permutation,
        }
    }

    fn nanoseconds(&self, hashing: Hashing) -> f64 {
        self.call * hashing.calls as f64 + self.permutation * hashing.permutations as f64
    }
}

impl Row {
    fn megagas_per_second(&self) -> f64 {
        self.gas as f64 * 1e3 / self.comparison.first
    }

    fn print(&self) {
        let Comparison {
            first,
            second,
            ratio,
            quartiles: (low, high),
            ..
        } = self.comparison;
        println!(
            "{:<40} {first:>12.0} {second:>12.0} {:>9.0} {ratio:>7.2}  {low:>5.2} – {high:<5.2} {:>6.0}%",
            self.name,
            self.megagas_per_second(),
            self.hashing_share * 100.0,
        );
    }
}

fn ratios(rows: &[Row], hashing_share_max: f64) -> impl Iterator<Item = f64> {
    rows.iter()
        .filter(move |row| row.hashing_share < hashing_share_max)
        .map(|row| row.comparison.ratio)
}

fn summarise(rows: &[Row]) {
    if let Some(slowest) = rows
        .iter()
        .min_by(|one, other| one.comparison.ratio.total_cmp(&other.comparison.ratio))
    {
        println!(
            "lowest: {:.2} times revm, {}",
            slowest.comparison.ratio, slowest.name
        );
    }
    for (what, limit) in [
        ("all", f64::INFINITY),
        ("hashing under a third of revm's time", HASHING_SHARE),
    ] {
        let count = ratios(rows, limit).count();
        if let Some(mean) = measure::geometric_mean(ratios(rows, limit)) {
            println!("geometric mean: {mean:.2} times revm ({what}, {count} workloads)");
        }
    }
}

fn results(rows: &[Row], keccak: &KeccakCost, own_keccak: &KeccakCost) -> serde_json::Value {
    let list: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name,
                "gas": row.gas,
                "nanoseconds": row.comparison.first,
                "revm_nanoseconds": row.comparison.second,
                "ratio": row.comparison.ratio,
                "quartiles": [row.comparison.quartiles.0, row.comparison.quartiles.1],
                "pairs": row.comparison.pairs,
                "hashing_share": row.hashing_share,
            })
        })
        .collect();
    json!({
        "benchmark": "interpreter",
        "revm": common::revm_version(),
        "keccak_permutation_nanoseconds": own_keccak.permutation,
        "revm_keccak_permutation_nanoseconds": keccak.permutation,
        "geometric_mean": measure::geometric_mean(ratios(rows, f64::INFINITY)),
        "geometric_mean_without_hashing": measure::geometric_mean(ratios(rows, HASHING_SHARE)),
        "rows": list,
    })
}
