//! Rounds: generated blocks and the real ones under `seed` and `practical`, on 1, 2, … workers,
//! against the fastest serial run, against what their critical paths allow and against what this
//! machine can give at all.
//!
//! What is timed, by the wall: from transactions whose senders are known, over a database in memory
//! with every code analysed, to all receipts and the merged state, without roots; not what it takes to
//! let go of them again. The bound is total gas over the gas on the critical path. The machine's own ceiling is the speed-up
//! of as many processes as it has processors that have nothing to do with each other and do the same work at
//! the same time.

mod common;

use std::{hint::black_box, process::ExitCode, time::Instant};

use common::{
    bundles::{self, RealBlock},
    children, costs,
    measure::median,
    options::Options,
};
use deferevm::{
    Evm, Fork,
    block::{Block, BlockOutcome},
    call::Policy,
    example::workloads,
    state::InMemoryDatabase,
    transaction::Original,
};
use serde_json::json;

/// What is run: one block, or several one after the other.
pub struct Work {
    name: String,
    blocks: Vec<Job>,
    is_independent: bool,
}

struct Job {
    evm: Evm,
    block: Block,
    originals: Vec<Original>,
    database: InMemoryDatabase,
}

/// A line of the table.
struct Row {
    name: String,
    policy: &'static str,
    transactions: usize,
    virtual_transactions: usize,
    rounds: usize,
    gas: u64,
    synchronous: f64,
    /// With 1, 2, … workers.
    runs: Vec<Run>,
    bound: f64,
    ceiling: Option<f64>,
}

/// What a number of workers takes.
struct Run {
    workers: usize,
    milliseconds: f64,
    /// Of one run of them, in which the time of the parts was taken.
    scheduling_share: f64,
    barrier_share: f64,
}

fn main() -> ExitCode {
    let outcome = match children::role() {
        Some(role) => play(&role),
        None => run(&Options::from_command_line("--block")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What a child process does: one work under one policy on one worker, or a block of many records.
fn play(role: &str) -> Result<(), String> {
    if role == costs::MEMORY_ROLE {
        return costs::report_memory();
    }
    let (name, policy) = role.split_once(' ').ok_or("a role is NAME POLICY")?;
    let policy: Policy = policy.parse().map_err(|_| "no such policy")?;
    let work = load(|candidate| candidate == name)?
        .pop()
        .ok_or("no such work")?;
    let evms = work.evms(policy, 1);
    children::answer(|| work.run(&evms));
    Ok(())
}

fn run(options: &Options) -> Result<(), String> {
    let runs = if options.is_quick { 5 } else { 20 };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = numbers_of_workers(processors);
    println!("deferevm, rounds; {runs} runs each, medians; {processors} processors");
    println!(
        "{:<18} {:<9} {:>6} {:>6} {:>6} {:>9} {:>9} {:>9} {:>9} {:>7} {:>6} {:>8} {:>8} {:>7} {:>7}",
        "block",
        "policy",
        "tx",
        "virt.",
        "rounds",
        "ms sync",
        "ms 1",
        "ms best",
        "Ggas/s",
        "Mvt/s",
        "barr.",
        "x worker",
        "x serial",
        "bound",
        "ceiling"
    );
    let mut rows = Vec::new();
    for work in load(|name| options.selects(name))? {
        for policy in [Policy::seed(), Policy::practical()] {
            let row = work.measure(policy, runs, &workers);
            row.print();
            rows.push(row);
        }
    }
    print_scaling(&workers, &rows);
    let costs = if options.filter.is_none() {
        costs::measure(runs)?
    } else {
        serde_json::Value::Null
    };
    options.write_json(&json!({
        "benchmark": "rounds",
        "processors": processors,
        "costs": costs,
        "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
    }))
}

/// One, two, four, … and all.
fn numbers_of_workers(processors: usize) -> Vec<usize> {
    let doubled = std::iter::successors(Some(1), |workers| Some(2 * workers));
    let mut numbers: Vec<usize> = doubled
        .take_while(|workers| *workers < processors)
        .collect();
    numbers.push(processors);
    numbers
}

/// What more workers gain over one, where there are more than two.
fn print_scaling(workers: &[usize], rows: &[Row]) {
    if workers.len() < 3 {
        return;
    }
    let cells = |cell: &dyn Fn(usize) -> String| -> String {
        (0..workers.len())
            .map(|place| format!(" {:>7}", cell(place)))
            .collect()
    };
    let heads = cells(&|place| workers[place].to_string());
    println!(
        "speed-up over one worker, by workers, and below it the share of all but transactions"
    );
    println!("{:<18} {:<9}{heads}", "block", "policy");
    for row in rows {
        let gains = cells(&|place| format!("{:.2}", row.gain(place)));
        println!("{:<18} {:<9}{gains}", row.name, row.policy);
        let shares = cells(&|place| format!("{:.0}%", 100.0 * row.runs[place].around()));
        println!("{:<18} {:<9}{shares}", "", "");
    }
}

fn load(selects: impl Fn(&str) -> bool) -> Result<Vec<Work>, String> {
    let mut works = Vec::new();
    for workload in workloads::all() {
        if selects(workload.name) {
            works.push(Work {
                name: workload.name.to_owned(),
                is_independent: workload.is_independent,
                blocks: vec![Job {
                    evm: Evm::new(workload.fork).edges(false),
                    block: workload.block,
                    originals: workload.originals,
                    database: workload.state,
                }],
            });
        }
    }
    if selects("real_blocks") {
        let job = |block: RealBlock| Job {
            evm: block.evm(),
            block: block.block,
            originals: block.originals,
            database: block.database,
        };
        works.push(Work {
            name: "real_blocks".to_owned(),
            is_independent: false,
            blocks: bundles::load(|_| true)?.into_iter().map(job).collect(),
        });
    }
    Ok(works)
}

impl Job {
    fn run(&self, evm: &Evm) -> BlockOutcome {
        evm.execute_prepared(&self.database, &self.block, &self.originals)
            .unwrap_or_else(|error| panic!("{}: {error}", self.block.environment.number))
    }
}

impl Work {
    /// An EVM for each block, and threads for all of them: who runs many blocks keeps these.
    fn evms(&self, policy: Policy, workers: usize) -> Vec<Evm> {
        let crew = Evm::new(Fork::LATEST).workers(workers);
        let evm = |job: &Job| job.evm.clone().policy(policy).workers_of(&crew);
        self.blocks.iter().map(evm).collect()
    }

    /// Runs everything once: how many milliseconds it took until the outcome of each block was there.
    fn run(&self, evms: &[Evm]) -> f64 {
        let run = |(job, evm): (&Job, &Evm)| {
            let start = Instant::now();
            let outcome = black_box(job.run(evm));
            let taken = start.elapsed();
            drop(outcome);
            taken.as_secs_f64() * 1e3
        };
        self.blocks.iter().zip(evms).map(run).sum()
    }

    /// Once more, with a look at what came of it: outcomes, and the shares of scheduling and barriers.
    fn inspect(&self, evms: &[Evm]) -> (Vec<BlockOutcome>, f64, f64) {
        let evms: Vec<_> = evms.iter().map(|evm| evm.clone().timings(true)).collect();
        let start = Instant::now();
        let runs = self.blocks.iter().zip(&evms);
        let outcomes: Vec<_> = runs.map(|(job, evm)| job.run(evm)).collect();
        let all = start.elapsed().as_secs_f64();
        let timings = || outcomes.iter().filter_map(|outcome| outcome.timing);
        let scheduling: f64 = timings()
            .map(|timing| timing.scheduling.as_secs_f64())
            .sum();
        let barriers: f64 = timings().map(|timing| timing.barriers.as_secs_f64()).sum();
        (outcomes, scheduling / all, barriers / all)
    }

    fn measure(&self, policy: Policy, runs: usize, workers: &[usize]) -> Row {
        let mut settings = vec![self.evms(Policy::Synchronous, 1)];
        settings.extend(workers.iter().map(|workers| self.evms(policy, *workers)));
        let mut times = vec![Vec::new(); settings.len()];
        // In turns, so that what else the machine does hits all alike. Before each, one that is not measured:
        // who runs many blocks finds threads, caches and memory as the block before has left them, and so do
        // the processes of the ceiling.
        for _ in 0..runs {
            for (setting, times) in settings.iter().zip(&mut times) {
                self.run(setting);
                times.push(self.run(setting));
            }
        }
        let mut medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
        let synchronous = medians.remove(0);
        let inspected = settings[1..].iter().map(|evms| self.inspect(evms));
        let (outcomes, shares): (Vec<_>, Vec<_>) = inspected
            .map(|(outcomes, scheduling, barriers)| (outcomes, (scheduling, barriers)))
            .unzip();
        let outcomes = &outcomes[0];
        let by_workers = workers.iter().zip(medians).zip(shares);
        let by_workers = by_workers.map(
            |((workers, milliseconds), (scheduling_share, barrier_share))| Run {
                workers: *workers,
                milliseconds,
                scheduling_share,
                barrier_share,
            },
        );
        let gas: u64 = outcomes.iter().map(BlockOutcome::gas_consumed).sum();
        let critical: u64 = outcomes.iter().map(BlockOutcome::critical_gas).sum();
        Row {
            name: self.name.clone(),
            policy: policy.name(),
            transactions: self.blocks.iter().map(|job| job.originals.len()).sum(),
            virtual_transactions: outcomes
                .iter()
                .map(BlockOutcome::virtual_transactions)
                .sum(),
            rounds: outcomes.iter().map(|outcome| outcome.rounds.len()).sum(),
            gas,
            synchronous,
            runs: by_workers.collect(),
            bound: gas as f64 / critical.max(1) as f64,
            // What needs no parallelism needs no ceiling.
            ceiling: (self.is_independent || self.name == "real_blocks").then(|| {
                let role = format!("{} {}", self.name, policy.name());
                children::ceiling(&role, workers[workers.len() - 1], runs)
            }),
        }
    }
}

impl Run {
    /// The share of what is done around the transactions.
    fn around(&self) -> f64 {
        self.scheduling_share + self.barrier_share
    }
}

impl Row {
    fn best(&self) -> f64 {
        let times = self.runs.iter().map(|run| run.milliseconds);
        times.fold(f64::INFINITY, f64::min)
    }

    /// How much faster a run is than one worker's.
    fn gain(&self, place: usize) -> f64 {
        self.runs[0].milliseconds / self.runs[place].milliseconds
    }

    fn over_one_worker(&self) -> f64 {
        self.gain(self.runs.len() - 1)
    }

    fn over_serial(&self) -> f64 {
        self.synchronous.min(self.runs[0].milliseconds) / self.best()
    }

    fn print(&self) {
        println!(
            "{:<18} {:<9} {:>6} {:>6} {:>6} {:>9.3} {:>9.3} {:>9.3} {:>9.2} {:>7.2} {:>5.0}% {:>8.2} {:>8.2} {:>7.1} {:>7}",
            self.name,
            self.policy,
            self.transactions,
            self.virtual_transactions,
            self.rounds,
            self.synchronous,
            self.runs[0].milliseconds,
            self.best(),
            self.gas as f64 / self.best() / 1e6,
            self.virtual_transactions as f64 / self.best() / 1e3,
            self.runs[0].barrier_share * 100.0,
            self.over_one_worker(),
            self.over_serial(),
            self.bound,
            self.ceiling
                .map_or_else(|| "-".to_owned(), |ceiling| format!("{ceiling:.2}")),
        );
    }

    fn json(&self) -> serde_json::Value {
        let by_workers =
            |value: fn(&Run) -> f64| -> Vec<f64> { self.runs.iter().map(value).collect() };
        json!({
            "name": self.name,
            "policy": self.policy,
            "transactions": self.transactions,
            "virtual_transactions": self.virtual_transactions,
            "rounds": self.rounds,
            "gas": self.gas,
            "synchronous_milliseconds": self.synchronous,
            "workers": self.runs.iter().map(|run| run.workers).collect::<Vec<_>>(),
            "milliseconds_by_workers": by_workers(|run| run.milliseconds),
            "barrier_share_by_workers": by_workers(|run| run.barrier_share),
            "scheduling_share_by_workers": by_workers(|run| run.scheduling_share),
            "speed_up_over_one_worker": self.over_one_worker(),
            "speed_up_over_serial": self.over_serial(),
            "one_worker_against_synchronous": self.runs[0].milliseconds / self.synchronous,
            "bound": self.bound,
            "ceiling": self.ceiling,
        })
    }
}
