//! Runs one target's oracle on random input for so long, without a fuzzer: on the stable toolchain, and
//! with whatever optimisation the build has. It finds less than coverage does, but more a second. At the end it says how
//! much memory the process had at the start, after a tenth of the time, when every buffer has found its size, halfway and at the end.
//!
//! Usage: `cargo run --bin soak -- TARGET SECONDS [SEED]`

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::{Duration, Instant},
};

use deferevm::keccak256;
use deferevm_oracles::{differential, parsers, schedule, synchronous_equivalence, tiers, words};

/// The longest input.
const INPUT_BYTES_MAX: u64 = 3_000;

type Check = fn(&[u8]);

const TARGETS: [(&str, Check); 8] = [
    ("differential", |bytes| {
        differential::check(bytes);
    }),
    ("tiers", |bytes| {
        tiers::check(bytes);
    }),
    ("schedule", schedule::check),
    ("synchronous_equivalence", |bytes| {
        synchronous_equivalence::check(bytes);
    }),
    ("fixture", parsers::fixture),
    ("block_bundle", parsers::block_bundle),
    ("transaction", parsers::transaction),
    ("words", words::check),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let parsed = match &arguments[..] {
        [target, seconds] => Some((target, seconds.parse(), Ok(0))),
        [target, seconds, seed] => Some((target, seconds.parse(), seed.parse())),
        _ => None,
    };
    let Some((target, Ok(seconds), Ok(seed))) = parsed else {
        eprintln!("usage: soak TARGET SECONDS [SEED]");
        return ExitCode::from(2);
    };
    let Some((_, check)) = TARGETS.iter().find(|(name, _)| name == target) else {
        let names = TARGETS.map(|(name, _)| name).join(", ");
        eprintln!("unknown target `{target}`: expected {names}");
        return ExitCode::from(2);
    };
    run(target, *check, Duration::from_secs(seconds), seed)
}

fn run(target: &str, check: Check, time: Duration, seed: u64) -> ExitCode {
    let start = Instant::now();
    let mut executions = 0u64;
    let mut found = 0;
    // When to look at the memory, latest first, and what was seen.
    let mut moments = vec![time / 2, time / 10, Duration::ZERO];
    let mut resident = Vec::new();
    while start.elapsed() < time {
        if moments
            .pop_if(|moment| start.elapsed() >= *moment)
            .is_some()
        {
            resident.extend(resident_mebibytes());
        }
        let bytes = input(seed, executions);
        executions += 1;
        if catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err() {
            found += 1;
            eprintln!(
                "{target}, seed {seed}, execution {executions}: {}",
                hex(&bytes)
            );
        }
    }
    println!(
        "{target}: {executions} executions in {} s, {found} findings",
        start.elapsed().as_secs()
    );
    resident.extend(resident_mebibytes());
    println!(
        "{target}: MiB resident at the start, after a tenth of the time, a half, and all of it: {resident:?}"
    );
    ExitCode::from(u8::from(found > 0))
}

/// The memory that the process holds; none where the system does not say.
fn resident_mebibytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024)
}

/// The bytes of an execution: of any length up to the longest, short ones more often.
fn input(seed: u64, execution: u64) -> Vec<u8> {
    let mut word = keccak256([seed.to_be_bytes(), execution.to_be_bytes()].concat());
    let number = word.to_low_u64_be();
    let length = (number % INPUT_BYTES_MAX) >> (number >> 32 & 3);
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        word = keccak256(word);
        bytes.extend_from_slice(&word.0);
    }
    bytes.truncate(usize::try_from(length).expect("it is at most a few thousand"));
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
