//! Proof-of-work difficulty by fork, the bomb included (Yellow Paper, section 4.4.4; EIP-2,
//! EIP-100, EIP-649 and its successors).

use crate::{Fork, U256};

/// The least difficulty.
const DIFFICULTY_MIN: u64 = 131_072;

/// The parent's difficulty changes by multiples of one part in so many.
const DIFFICULTY_DIVISOR: u64 = 2048;

/// Blocks in which the bomb doubles.
const BOMB_PERIOD: u64 = 100_000;

/// The most steps down at once.
const STEPS_DOWN_MAX: u64 = 99;

/// What the difficulty depends on of the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentDifficulty {
    /// Its difficulty.
    pub difficulty: U256,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// Whether it has ommers.
    pub has_ommers: bool,
}

/// The difficulty of a block, which is later than its parent.
pub fn difficulty(fork: Fork, number: u64, timestamp: u64, parent: &ParentDifficulty) -> U256 {
    let step = parent.difficulty / U256::from(DIFFICULTY_DIVISOR);
    let (up, down) = steps(fork, timestamp.saturating_sub(parent.timestamp), parent);
    let adjusted = parent
        .difficulty
        .saturating_add(step.saturating_mul(up.into()))
        .saturating_sub(step.saturating_mul(down.into()));
    adjusted
        .saturating_add(bomb(fork, number))
        .max(U256::from(DIFFICULTY_MIN))
}

/// How many steps up and how many down, for the seconds since the parent.
fn steps(fork: Fork, elapsed: u64, parent: &ParentDifficulty) -> (u64, u64) {
    if fork < Fork::Homestead {
        return if elapsed < 13 { (1, 0) } else { (0, 1) };
    }
    let (up, down) = if fork < Fork::Byzantium {
        (1, elapsed / 10)
    } else {
        (1 + u64::from(parent.has_ommers), elapsed / 9)
    };
    (up, down.min(STEPS_DOWN_MAX + up))
}

/// How many blocks the bomb has been put off by.
fn bomb_delay(fork: Fork) -> u64 {
    match fork {
        fork if fork >= Fork::GrayGlacier => 11_400_000,
        fork if fork >= Fork::ArrowGlacier => 10_700_000,
        fork if fork >= Fork::London => 9_700_000,
        fork if fork >= Fork::MuirGlacier => 9_000_000,
        fork if fork >= Fork::Constantinople => 5_000_000,
        fork if fork >= Fork::Byzantium => 3_000_000,
        _ => 0,
    }
}

/// What the bomb adds: 2 to the power of the periods before the last two.
fn bomb(fork: Fork, number: u64) -> U256 {
    let periods = number.saturating_sub(bomb_delay(fork)) / BOMB_PERIOD;
    match periods.checked_sub(2) {
        None => U256::zero(),
        Some(exponent) if exponent < 256 => U256::one() << exponent,
        Some(_) => U256::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(fork: Fork, elapsed: u64, has_ommers: bool) -> u64 {
        let parent = ParentDifficulty {
            difficulty: 2_048_000.into(),
            timestamp: 1_000,
            has_ommers,
        };
        difficulty(fork, 1, 1_000 + elapsed, &parent).as_u64()
    }

    #[test]
    fn a_step_is_a_2048th_of_the_parents() {
        for (fork, elapsed, has_ommers, steps) in [
            (Fork::Frontier, 12, false, 1i64),
            (Fork::Frontier, 13, false, -1),
            (Fork::Frontier, 100_000, false, -1),
            (Fork::Homestead, 9, true, 1),
            (Fork::Homestead, 10, true, 0),
            (Fork::Homestead, 1_000, false, -99),
            (Fork::Homestead, 100_000, false, -99),
            (Fork::Byzantium, 8, false, 1),
            (Fork::Byzantium, 9, false, 0),
            (Fork::Byzantium, 8, true, 2),
            (Fork::Byzantium, 17, true, 1),
            (Fork::Byzantium, 100_000, true, -99),
        ] {
            let expected = (2_048 + steps) as u64 * 1_000;
            assert_eq!(
                after(fork, elapsed, has_ommers),
                expected,
                "{fork} {elapsed}"
            );
        }
    }

    #[test]
    fn the_bomb_doubles_every_100_000_blocks_after_its_delay() {
        assert_eq!(bomb(Fork::Frontier, 199_999), U256::zero());
        assert_eq!(bomb(Fork::Frontier, 200_000), U256::one());
        assert_eq!(bomb(Fork::Homestead, 1_200_000), 1024.into());
        assert_eq!(bomb(Fork::Byzantium, 3_200_000), U256::one());
        assert_eq!(bomb(Fork::Petersburg, 7_280_000), U256::one() << 20);
        assert_eq!(bomb(Fork::GrayGlacier, 11_599_999), U256::zero());
        assert_eq!(bomb(Fork::Frontier, u64::MAX), U256::MAX);
    }

    #[test]
    fn the_difficulty_never_falls_below_the_least() {
        let parent = ParentDifficulty {
            difficulty: DIFFICULTY_MIN.into(),
            timestamp: 0,
            has_ommers: false,
        };
        assert_eq!(
            difficulty(Fork::London, 1, 1_000_000, &parent),
            DIFFICULTY_MIN.into()
        );
    }
}
