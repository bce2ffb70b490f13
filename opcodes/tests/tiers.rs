//! Every tier against the plain loop, on generated programs of all opcodes: the same actions, gas,
//! stack, memory, output and questions to the host, wherever the gas runs out.

mod common;

use common::{
    OTHER, SELF, context,
    program::{Choices, Random, program},
    tiers::compare,
};
use deferevm_opcodes::{Exit, Fork, FrameContext};

/// Programs to generate; each runs under several gas limits on three tiers. Miri, which takes thousands of times as
/// long, runs as many as meet most instructions.
const PROGRAMS: u64 = if cfg!(miri) { 16 } else { 12_000 };

#[test]
fn all_tiers_agree_on_generated_programs_wherever_gas_runs_out() {
    let (mut finished, mut long) = (0, 0);
    for seed in 0..PROGRAMS {
        let fork = match seed % 4 {
            0..3 => Fork::LATEST,
            _ => Fork::ALL[seed as usize / 4 % Fork::COUNT],
        };
        let bytes = program(&mut Random(seed), &[OTHER, SELF]);
        let mut random = Random(!seed);
        let context = FrameContext {
            is_static: random.one_in(10),
            ..context(fork)
        };
        let (exit, spent) = compare(&bytes, context, &mut random);
        finished += u64::from(exit.is_some_and(Exit::is_success));
        long += u64::from(spent > 1000);
    }
    // The generator is good for nothing if its programs fail at once.
    assert!(finished > PROGRAMS / 10, "{finished} programs ended well");
    assert!(
        long > PROGRAMS / 10,
        "{long} programs took more than 1000 gas"
    );
}
