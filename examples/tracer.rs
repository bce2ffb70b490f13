//! Traces a block: what its instructions cost, round by round, with any number of workers:
//! `cargo run --example tracer`.
//!
//! [`Eip3155`](deferevm::trace::Eip3155) is another tracer: it writes each instruction as JSON.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Sender, channel},
};

use deferevm::{
    Evm, Halt,
    call::Policy,
    example::Example,
    opcode,
    trace::{Step, Tracer},
};

/// How often each instruction ran, and for how much gas.
type Profile = BTreeMap<u8, (u64, u64)>;

/// Profiles one transaction, and sends the profile when it has ended.
struct Profiler {
    round: u32,
    running: u8,
    profile: Profile,
    results: Sender<(u32, Profile)>,
}

impl Tracer for Profiler {
    fn begin(&mut self, step: &Step<'_>) {
        self.running = step.opcode;
    }

    fn end(&mut self, gas_cost: u64, _halt: Option<Halt>) {
        let (count, gas) = self.profile.entry(self.running).or_default();
        *count += 1;
        *gas += gas_cost;
    }
}

impl Drop for Profiler {
    fn drop(&mut self) {
        let profile = std::mem::take(&mut self.profile);
        // Nobody listens any more if the block could not be executed.
        let _ = self.results.send((self.round, profile));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Example { fork, state, block } = Example::new();
    let (sender, profiles) = channel();
    let evm = Evm::new(fork)
        .policy(Policy::practical())
        .workers(2)
        .tracer(move |place| {
            Some(Box::new(Profiler {
                round: place.round,
                running: 0,
                profile: Profile::new(),
                results: sender.clone(),
            }))
        });
    let outcome = evm.execute_block(&state, &block)?;
    drop(evm);

    let mut rounds = vec![Profile::new(); outcome.rounds.len()];
    for (round, profile) in profiles {
        for (opcode, (count, gas)) in profile {
            let total = rounds[round as usize].entry(opcode).or_default();
            total.0 += count;
            total.1 += gas;
        }
    }
    for (round, profile) in rounds.iter().enumerate() {
        let (count, gas) = profile
            .values()
            .fold((0, 0), |(counts, gases), (count, gas)| {
                (counts + count, gases + gas)
            });
        println!("round {round}: {count} instructions for {gas} gas, most of it for");
        let mut dearest: Vec<_> = profile.iter().collect();
        dearest.sort_by_key(|(_, (_, gas))| std::cmp::Reverse(*gas));
        for (opcode, (count, gas)) in dearest.into_iter().take(3) {
            let name = opcode::name(*opcode).unwrap_or("?");
            println!("  {name:<12} {count:>6} times, {gas:>8} gas");
        }
    }
    Ok(())
}
