//! What precompiles have answered in a block, so that who asks for the same again need not wait again: a
//! verifier's guardians sign what several transactions carry, and its key comes with every proof.
//!
//! Owns which answers are kept, and how many. An answer follows from the input and the fork alone, and so
//! nothing shows what is kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deferevm_opcodes::{Address, Fork};

use super::{PrecompileOutput, PrecompileResult, bn254::Points};
use crate::state::Map;

/// Longer inputs are not kept; a pairing of five is shorter.
const INPUT_MAX: usize = 1024;

/// So many answers are kept: four mebibytes of inputs at most. Answers take up to 256 bytes each.
const ANSWERS_MAX: usize = 4096;

/// Answers of precompiles that take long, five mebibytes at most, and what else one worker has worked out for them,
/// two at most.
#[derive(Debug, Default)]
pub struct Memo {
    answers: Arc<Mutex<Answers>>,
    points: Points,
    gas_computed: u64,
}

/// The answers of one precompile.
type ByInput = Map<Box<[u8]>, PrecompileOutput>;

/// What the workers of a block know together.
#[derive(Debug, Default)]
struct Answers {
    by_asked: Map<(Fork, Address), ByInput>,
    /// How many there are.
    count: usize,
}

impl Memo {
    /// The answer to an input, computed if it is not known. Refusals are not kept.
    pub(super) fn answer(
        &mut self,
        asked: (Fork, Address),
        input: &[u8],
        compute: impl FnOnce(&mut Points) -> PrecompileResult,
    ) -> PrecompileResult {
        let is_kept = input.len() <= INPUT_MAX;
        if is_kept && let Some(output) = self.answers().get(asked, input) {
            return Ok(output.clone());
        }
        // Others go on meanwhile; that one of them works out the same is rare, and does no harm.
        let output = compute(&mut self.points)?;
        self.gas_computed = self.gas_computed.saturating_add(output.gas_used);
        if is_kept {
            self.answers().insert(asked, input, &output);
        }
        Ok(output)
    }

    /// Another one with the same answers, whichever of the two comes to know them.
    pub fn beside(&self) -> Self {
        Self {
            answers: Arc::clone(&self.answers),
            ..Self::default()
        }
    }

    /// The gas of all answers that were not known.
    pub fn gas_computed(&self) -> u64 {
        self.gas_computed
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        // Nothing that can panic runs while it is held.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    fn get(&self, asked: (Fork, Address), input: &[u8]) -> Option<&PrecompileOutput> {
        self.by_asked.get(&asked)?.get(input)
    }

    fn insert(&mut self, asked: (Fork, Address), input: &[u8], output: &PrecompileOutput) {
        if self.count == ANSWERS_MAX {
            *self = Self::default();
        }
        let of_one = self.by_asked.entry(asked).or_default();
        let before = of_one.insert(input.into(), output.clone());
        self.count += usize::from(before.is_none());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use bytes::Bytes;
    use deferevm_opcodes::Halt;

    use super::*;
    use crate::precompiles::{Precompile, PrecompileError, Precompiles};

    const ASKED: (Fork, Address) = (Fork::Osaka, Address::zero());

    fn output(bytes: &[u8]) -> PrecompileOutput {
        PrecompileOutput {
            gas_used: 7,
            bytes: Bytes::copy_from_slice(bytes),
        }
    }

    #[test]
    fn an_answer_is_computed_once_for_each_fork_and_precompile() {
        let mut memo = Memo::default();
        for asked in [
            ASKED,
            (Fork::Prague, Address::zero()),
            (Fork::Osaka, Address::repeat_byte(1)),
        ] {
            for input in [&b"one"[..], b"", b"two"] {
                let first = memo.answer(asked, input, |_| Ok(output(input)));
                let again = memo.answer(asked, input, |_| unreachable!("it is known"));
                assert_eq!(first, Ok(output(input)));
                assert_eq!(again, first);
            }
        }
    }

    #[test]
    fn an_answer_is_known_to_all_who_work_together_and_counted_by_who_has_computed_it() {
        let mut one = Memo::default();
        let (mut other, mut stranger) = (one.beside(), Memo::default());
        one.answer(ASKED, b"one", |_| Ok(output(b"1"))).unwrap();
        let found = other.answer(ASKED, b"one", |_| unreachable!("it is known"));
        assert_eq!(found, Ok(output(b"1")));
        let found = stranger.answer(ASKED, b"one", |_| Ok(output(b"1")));
        assert_eq!(found, Ok(output(b"1")));
        let gas = [&one, &other, &stranger].map(Memo::gas_computed);
        assert_eq!(gas, [7, 0, 7]);
    }

    #[test]
    fn refusals_and_long_inputs_are_computed_each_time() {
        let mut memo = Memo::default();
        for answer in [
            Err(PrecompileError::NotOnCurve { offset: 0 }),
            Ok(output(b"now")),
        ] {
            assert_eq!(memo.answer(ASKED, b"one", |_| answer.clone()), answer);
        }
        let long = [0; INPUT_MAX + 1];
        for answer in [b"one", b"two"] {
            let found = memo.answer(ASKED, &long, |_| Ok(output(answer)));
            assert_eq!(found, Ok(output(answer)));
        }
    }

    #[test]
    fn answers_are_bounded_in_number() {
        let mut memo = Memo::default();
        for number in 0..3 * ANSWERS_MAX {
            let input = number.to_be_bytes();
            memo.answer(ASKED, &input, |_| Ok(output(&input))).unwrap();
            let answers = memo.answers();
            let kept: usize = answers.by_asked.values().map(Map::len).sum();
            assert!(kept <= ANSWERS_MAX && kept == answers.count);
        }
    }

    #[test]
    fn a_known_answer_costs_what_it_did() {
        let mut memo = Memo::default();
        let ecrecover = Precompiles::of(Fork::Osaka).get(Address::from_low_u64_be(1));
        let mut run = |gas_limit| {
            let run = ecrecover
                .unwrap()
                .run_with(&mut memo, &[], gas_limit, Fork::Osaka);
            run.map(|output| output.gas_used)
        };
        for _ in 0..2 {
            assert_eq!(run(2_999), Err(Halt::OutOfGas));
            assert_eq!(run(3_000), Ok(3_000));
        }
    }

    #[test]
    fn an_embedders_own_always_runs() {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let own = Precompile::new(Address::repeat_byte(1), "OWN", move |_, _, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(output(b""))
        });
        let mut memo = Memo::default();
        for _ in 0..3 {
            own.run_with(&mut memo, &[], 7, Fork::Osaka).unwrap();
        }
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }
}
