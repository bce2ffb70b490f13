//! The command line: one file for each subcommand, whose arguments are declared once for parser, help
//! and documentation.
//!
//! Owns the frame only. A subcommand adds its module, a variant of `Command` and an arm in `main`.

mod block;
mod blocktest;
mod interrupt;
mod progress;
mod run;
mod statetest;
mod suite;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Everything ran, and nothing failed.
pub const EXIT_PASSED: u8 = 0;
/// Something ran and failed.
pub const EXIT_FAILED: u8 = 1;
/// Something could not be run at all: a wrong argument, or a file that is not what it should be.
pub const EXIT_UNUSABLE: u8 = 2;

/// An EVM with deferred-call semantics.
#[derive(Debug, Parser)]
#[command(name = "deferevm", version, about, max_term_width = 100)]
struct Arguments {
    /// What to do; without a command the embedded example block is run under all policies.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Block(Box<block::Arguments>),
    Blocktest(blocktest::Arguments),
    Run(run::Arguments),
    Statetest(statetest::Arguments),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // Parser errors end the process with status 2, help and version with 0.
    let status = match Arguments::parse().command {
        None => block::run_example(),
        Some(Command::Block(arguments)) => block::run(&arguments),
        Some(Command::Statetest(arguments)) => statetest::run(&arguments),
        Some(Command::Run(arguments)) => run::run(&arguments),
        Some(Command::Blocktest(arguments)) => blocktest::run(&arguments),
    };
    ExitCode::from(status)
}

/// How many cores there are.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}
