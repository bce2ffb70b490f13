//! Whole blocks under `synchronous` on one thread, against revm doing the same: the real blocks, and
//! blocks of plain transfers.
//!
//! What is timed, for both sides alike: from transactions whose senders are known, over a database in
//! memory that holds every account, slot and analysed code, to all results and the block's merged
//! changes. Left out for both: senders, signers of authorizations, analysis, system calls,
//! withdrawals and rewards, receipts' roots and state roots. revm keeps one `Evm` and runs the block
//! in one journal with `transact_many_finalize`, its fastest way; committing each transaction to its
//! database takes it longer. Both use the same allocator, and both drop what they have made.

mod common;

use std::{hint::black_box, process::ExitCode};

use common::{
    bundles::{self, RealBlock},
    measure::{self, Comparison, Effort},
    options::Options,
    peer_block::PeerBlock,
};
use deferevm::{
    Evm,
    block::Block,
    example::workloads::{self, Workload},
    state::InMemoryDatabase,
    transaction::Original,
};
use serde_json::json;

/// A line of the table.
struct Row {
    name: String,
    is_real: bool,
    transactions: usize,
    gas: u64,
    comparison: Comparison,
}

/// Both sides of a line, ready to run.
struct Pair<'a> {
    name: &'a str,
    is_real: bool,
    evm: Evm,
    block: &'a Block,
    originals: &'a [Original],
    database: &'a InMemoryDatabase,
    peer: PeerBlock,
}

fn main() -> ExitCode {
    match run(&Options::from_command_line("--block")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    println!(
        "deferevm, synchronous on one thread, against revm {}",
        common::revm_version()
    );
    println!(
        "{:<16} {:>6} {:>12} {:>12} {:>12} {:>8} {:>6}  quartiles",
        "block", "tx", "gas", "µs deferevm", "µs revm", "Mgas/s", "ratio"
    );
    let mut rows = Vec::new();
    for count in [1_000, 47_620] {
        let workload = workloads::transfers(count);
        let name = format!("transfers_{count}");
        if options.selects(&name) {
            rows.push(measure(transfers(&name, &workload), options.effort())?);
        }
    }
    for block in bundles::load(|name| options.selects(name))? {
        rows.push(measure(real(&block), options.effort())?);
    }
    summarise(&rows);
    options.write_json(&results(&rows))
}

fn transfers<'a>(name: &'a str, workload: &'a Workload) -> Pair<'a> {
    Pair {
        name,
        is_real: false,
        evm: Evm::new(workload.fork).edges(false),
        block: &workload.block,
        originals: &workload.originals,
        database: &workload.state,
        peer: PeerBlock::new(
            workload.fork,
            &workload.block,
            &workload.originals,
            &workload.state,
            &[],
        ),
    }
}

fn real(block: &RealBlock) -> Pair<'_> {
    Pair {
        name: &block.name,
        is_real: true,
        evm: block.evm(),
        block: &block.block,
        originals: &block.originals,
        database: &block.database,
        peer: block.peer(),
    }
}

/// Checks that both come to the same gas, transaction by transaction, and times them.
fn measure(mut pair: Pair<'_>, effort: Effort) -> Result<Row, String> {
    let outcome = pair
        .evm
        .execute_prepared(pair.database, pair.block, pair.originals)
        .map_err(|error| format!("{}: {error}", pair.name))?;
    let transactions = pair.peer.transactions();
    let (peer_results, _) = pair.peer.run(transactions);
    let gas: Vec<_> = outcome
        .receipts
        .iter()
        .map(|receipt| receipt.tree_gas_used)
        .collect();
    let peer_gas: Vec<_> = peer_results
        .iter()
        .map(|result| Some(result.tx_gas_used()))
        .collect();
    if gas != peer_gas {
        return Err(format!("{}: the gas differs from revm's", pair.name));
    }
    let comparison = measure::compare_prepared(
        Effort {
            limit: effort.limit / 2,
            ..effort
        },
        || (),
        |()| {
            drop(black_box(pair.evm.execute_prepared(
                pair.database,
                pair.block,
                pair.originals,
            )));
        },
        {
            let transactions = pair.peer.transactions();
            move || transactions.clone()
        },
        |transactions| drop(black_box(pair.peer.run(transactions))),
    );
    let row = Row {
        name: pair.name.to_owned(),
        is_real: pair.is_real,
        transactions: pair.originals.len(),
        gas: outcome.gas_used,
        comparison,
    };
    row.print();
    Ok(row)
}

impl Row {
    fn print(&self) {
        let Comparison {
            first,
            second,
            ratio,
            quartiles: (low, high),
            ..
        } = self.comparison;
        println!(
            "{:<16} {:>6} {:>12} {:>12.1} {:>12.1} {:>8.0} {ratio:>6.2}  {low:.2} – {high:.2}",
            self.name,
            self.transactions,
            self.gas,
            first / 1e3,
            second / 1e3,
            self.gas as f64 * 1e3 / first,
        );
    }
}

fn total(rows: &[Row]) -> Option<f64> {
    let real = || {
        rows.iter()
            .filter(|row| row.is_real && row.transactions > 0)
    };
    let ours: f64 = real().map(|row| row.comparison.first).sum();
    let peer: f64 = real().map(|row| row.comparison.second).sum();
    (ours > 0.0).then(|| peer / ours)
}

fn summarise(rows: &[Row]) {
    for row in rows.iter().filter(|row| !row.is_real) {
        let count = row.transactions as f64;
        println!(
            "plain transfer, of {}: {:.0} ns, revm {:.0} ns; {:.2} of revm's time",
            row.transactions,
            row.comparison.first / count,
            row.comparison.second / count,
            1.0 / row.comparison.ratio
        );
    }
    if let Some(total) = total(rows) {
        let count = rows.iter().filter(|row| row.is_real).count();
        println!("real blocks in total: {total:.2} times revm ({count} blocks)");
    }
}

fn results(rows: &[Row]) -> serde_json::Value {
    let list: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name,
                "transactions": row.transactions,
                "gas": row.gas,
                "nanoseconds": row.comparison.first,
                "revm_nanoseconds": row.comparison.second,
                "ratio": row.comparison.ratio,
                "quartiles": [row.comparison.quartiles.0, row.comparison.quartiles.1],
                "pairs": row.comparison.pairs,
            })
        })
        .collect();
    json!({
        "benchmark": "blocks",
        "revm": common::revm_version(),
        "total_ratio": total(rows),
        "rows": list,
    })
}
