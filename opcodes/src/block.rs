//! BLOCKHASH to BLOBBASEFEE: the block's facts.

use crate::{
    Environment, Frame, Host, U256,
    environment::word_of_hash,
    machine::{exit::Interrupt, schedule::GasSchedule, word::to_u64_saturating},
};

/// How many blocks back BLOCKHASH sees.
const BLOCK_HASH_WINDOW: u64 = 256;

/// BLOCKHASH.
pub(crate) fn block_hash<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
) -> Result<(), Interrupt> {
    let number = to_u64_saturating(frame.stack.pop());
    let current = host.environment().block.number;
    let is_within = number < current && current - number <= BLOCK_HASH_WINDOW;
    let hash = if is_within {
        word_of_hash(host.block_hash(number)?)
    } else {
        U256::zero()
    };
    frame.stack.push(hash);
    Ok(())
}

/// PREVRANDAO, and the DIFFICULTY that it was before Paris.
pub(crate) fn prev_randao(environment: Environment<'_>, schedule: &GasSchedule) -> U256 {
    if schedule.has_prev_randao {
        word_of_hash(environment.block.prev_randao)
    } else {
        environment.block.difficulty
    }
}
