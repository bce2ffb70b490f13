//! `deferevm block`: runs blocks under several policies side by side.
//!
//! Owns arguments and the order of things; what is printed is in `people` and `machine`, running is in
//! `runs`.

mod input;
mod machine;
mod people;
mod runs;

pub(super) use machine::log_json;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use self::{
    input::{Input, load, load_geth},
    runs::{Settings, run_block},
};
use super::{EXIT_FAILED, EXIT_PASSED, EXIT_UNUSABLE};
use crate::{
    Fork,
    call::{GasRule, Order, Policy, ReturnData},
    example::Example,
    partition_by_name,
    round::{Limits, Partition},
};

/// Run blocks under several call policies and compare.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Block bundles (.json or .json.zst)
    #[arg(required_unless_present = "block", conflicts_with = "block")]
    files: Vec<PathBuf>,
    /// A block as eth_getBlockByNumber gives it, with full transactions
    #[arg(long, value_name = "FILE", requires = "prestate")]
    block: Option<PathBuf>,
    /// The state it starts from, as debug_traceBlockByNumber gives it with prestateTracer
    #[arg(long, value_name = "FILE", requires = "block")]
    prestate: Option<PathBuf>,
    /// {number: hash} for the BLOCKHASH instruction
    #[arg(long, value_name = "FILE", requires = "block")]
    block_hashes: Option<PathBuf>,
    /// The rules, instead of those that the file names or that mainnet had
    #[arg(long)]
    fork: Option<Fork>,
    #[command(flatten)]
    how: How,
}

/// How blocks are run and reported, with or without a file.
#[derive(Debug, Default, Args)]
pub struct How {
    /// synchronous, seed or practical; may be given several times [default: all three]
    #[arg(long, value_name = "P", value_delimiter = ',')]
    policy: Vec<Policy>,
    /// Workers, this thread included: 1 to 256 [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// Order of records instead of the policies' own: parent, hash, seeded or fifo
    #[arg(long, value_name = "O")]
    order: Option<Order>,
    /// Gas rule instead of the policies' own: split or lock
    #[arg(long, value_name = "G")]
    gas: Option<GasRule>,
    /// What a deferred call returns instead of the policies' own: empty, word or word(N)
    #[arg(long, value_name = "R")]
    returndata: Option<ReturnData>,
    /// Partition instead of the policies' own: sender-target, owned or one; it changes no result
    #[arg(long, value_name = "P", value_parser = parse_partition)]
    partition: Option<PartitionName>,
    /// The most rounds of a block, round 0 included
    #[arg(long, value_name = "N", default_value_t = Limits::default().rounds_max, value_parser = clap::value_parser!(u32).range(1..))]
    max_rounds: u32,
    /// The most records of a block
    #[arg(long, value_name = "N", default_value_t = Limits::default().records_max)]
    max_records: u64,
    /// The most bytes of the records' input of a block
    #[arg(long, value_name = "N", default_value_t = Limits::default().input_max)]
    max_input: u64,
    /// Write all results as JSON to this file; - is standard output, in place of the report
    #[arg(long, value_name = "OUT")]
    json: Option<PathBuf>,
    /// Put wall times into the JSON, which then differs from run to run
    #[arg(long)]
    timing: bool,
}

/// A partition that has been found by its name.
#[derive(Clone, Copy)]
struct PartitionName(&'static dyn Partition);

impl std::fmt::Debug for PartitionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

fn parse_partition(name: &str) -> Result<PartitionName, String> {
    partition_by_name(name)
        .map(PartitionName)
        .ok_or_else(|| format!("unknown partition `{name}`: expected sender-target, owned or one"))
}

/// Runs the command; the exit status.
pub fn run(arguments: &Arguments) -> u8 {
    let inputs: Vec<Result<Input, String>> = match (&arguments.block, &arguments.prestate) {
        (Some(block), Some(prestate)) => {
            vec![load_geth(
                block,
                prestate,
                arguments.block_hashes.as_deref(),
                arguments.fork,
            )]
        }
        _ => Vec::new(),
    };
    let files = arguments
        .files
        .iter()
        .map(|path| load(path, arguments.fork));
    report(inputs.into_iter().chain(files), &arguments.how)
}

/// Runs the embedded example; the exit status.
pub fn run_example() -> u8 {
    let how = How {
        max_rounds: Limits::default().rounds_max,
        max_records: Limits::default().records_max,
        max_input: Limits::default().input_max,
        ..How::default()
    };
    println!("The embedded example block (`deferevm block FILE` runs blocks of your own):\n");
    report(std::iter::once(Ok(Input::example(Example::new()))), &how)
}

/// Runs one block after the other, so that only one is held in memory.
fn report(inputs: impl Iterator<Item = Result<Input, String>>, how: &How) -> u8 {
    let settings = how.settings();
    let mut status = EXIT_PASSED;
    let mut sink = match how.json.as_deref().map(open_json).transpose() {
        Ok(sink) => sink,
        Err(error) => {
            eprintln!("error: {error}");
            return EXIT_UNUSABLE;
        }
    };
    let is_quiet = how.json.as_deref() == Some(Path::new("-"));
    for input in inputs {
        let run = match input.map(|input| run_block(&input, &settings)) {
            Ok(run) => run,
            Err(error) => {
                eprintln!("error: {error}");
                status = EXIT_UNUSABLE;
                continue;
            }
        };
        if run.has_failed() && status == EXIT_PASSED {
            status = EXIT_FAILED;
        }
        if !is_quiet {
            print!("{}", people::Report(&run));
        }
        if let Some(sink) = &mut sink
            && let Err(error) = sink.block(&run, how.timing)
        {
            eprintln!("error: {error}");
            return EXIT_UNUSABLE;
        }
    }
    if let Some(sink) = sink
        && let Err(error) = sink.finish()
    {
        eprintln!("error: {error}");
        return EXIT_UNUSABLE;
    }
    status
}

impl How {
    fn settings(&self) -> Settings {
        let presets = if self.policy.is_empty() {
            vec![Policy::Synchronous, Policy::seed(), Policy::practical()]
        } else {
            self.policy.clone()
        };
        Settings {
            policies: presets
                .into_iter()
                .map(|preset| self.adjusted(preset))
                .collect(),
            workers: self.workers.map_or_else(super::cores, usize::from),
            partition: self.partition.map(|partition| partition.0),
            limits: Limits {
                rounds_max: self.max_rounds,
                records_max: self.max_records,
                input_max: self.max_input,
            },
        }
    }

    /// A preset with the single settings that were given; its name stays the preset's.
    fn adjusted(&self, preset: Policy) -> (&'static str, Policy) {
        let name = preset.name();
        let Policy::Deferred(mut rules) = preset else {
            return (name, preset);
        };
        rules.order = self.order.unwrap_or(rules.order);
        rules.gas = self.gas.unwrap_or(rules.gas);
        rules.returndata = self.returndata.unwrap_or(rules.returndata);
        (name, Policy::Deferred(rules))
    }
}

fn open_json(path: &Path) -> Result<machine::Sink, String> {
    let out: Box<dyn Write> = if path == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        let file =
            std::fs::File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Box::new(io::BufWriter::new(file))
    };
    machine::Sink::new(out, path.display().to_string()).map_err(|error| error.to_string())
}
