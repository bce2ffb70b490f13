//! Every tier against the plain loop on one program.

use deferevm::{Exit, Fork, FrameContext};

use crate::{
    choices::ByteChoices,
    machine::{
        OTHER, SELF, context,
        program::{Choices, program},
        tiers::compare,
    },
};

/// Runs the program that bytes say, or the bytes themselves, on every tier.
///
/// # Panics
/// Where a tier differs from the plain loop.
pub fn check(bytes: &[u8]) -> (Option<Exit>, u64) {
    let mut choices = ByteChoices::new(bytes);
    let fork = match choices.below(4) {
        0..3 => Fork::LATEST,
        _ => choices.pick(&Fork::ALL),
    };
    let context = FrameContext {
        is_static: choices.one_in(10),
        ..context(fork)
    };
    let code = match choices.one_in(8) {
        true => bytes.to_vec(),
        false => program(&mut choices, &[OTHER, SELF]),
    };
    compare(&code, context, &mut choices)
}
