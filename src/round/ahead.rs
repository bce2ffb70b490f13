//! What idle workers do for one that is held up: the transactions that come next in its batch are run ahead, as of
//! the round's start and for nothing, so that what slow precompiles answer there is known when it gets to them.
//!
//! Who verifies proofs is one contract that many transactions call, so that they are one batch; the proofs
//! have nothing to do with each other. An answer follows from the input alone, so that nothing shows who has worked
//! it out, or whether anybody has. Owns which transaction is run ahead by whom, and which never is; the
//! answers are kept by [`crate::precompiles::Memo`].

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The batches in which slow precompiles take long.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    batches: Mutex<Vec<HeldUp>>,
}

/// What is left of a batch. Its own worker takes the transactions from the front, others from the back, so that
/// they meet in the middle.
#[derive(Debug)]
struct HeldUp {
    batch: u32,
    /// The place in the batch that its worker takes next.
    next: usize,
    /// Nobody has come for the places before this one.
    end: usize,
}

/// A batch is worth others' help when slow precompiles have taken so much gas of it, about a millisecond.
pub(super) const WORTH_HELP: u64 = 100_000;

impl Ahead {
    /// The worker of a batch of so many transactions goes on at a place, and could do with help.
    pub fn come_to(&self, batch: u32, next: usize, count: usize) {
        let mut batches = self.batches();
        match batches.iter_mut().find(|known| known.batch == batch) {
            Some(known) => known.next = next,
            None => batches.push(HeldUp {
                batch,
                next,
                end: count,
            }),
        }
    }

    /// The worker of a batch is done with it.
    pub fn leave(&self, batch: u32) {
        self.batches().retain(|known| known.batch != batch);
    }

    /// A batch, of those that are held up the one with the most left, and the place in it of its last transaction
    /// that nobody has come for. The one that is up next is left to the worker of the batch.
    pub fn claim(&self) -> Option<(u32, usize)> {
        let mut batches = self.batches();
        let most = batches.iter_mut().max_by_key(|known| known.left())?;
        if most.left() == 0 {
            return None;
        }
        most.end -= 1;
        Some((most.batch, most.end))
    }

    fn batches(&self) -> MutexGuard<'_, Vec<HeldUp>> {
        // Nothing that can panic runs while it is held.
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldUp {
    fn left(&self) -> usize {
        self.end.saturating_sub(self.next + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_transaction_is_claimed_once_from_the_back_until_its_worker_is_there() {
        let ahead = Ahead::default();
        assert_eq!(ahead.claim(), None);
        ahead.come_to(7, 1, 6);
        assert_eq!(ahead.claim(), Some((7, 5)));
        ahead.come_to(7, 2, 6);
        assert_eq!(ahead.claim(), Some((7, 4)));
        assert_eq!(ahead.claim(), Some((7, 3)));
        // Its worker is at 1 and takes 2 next.
        assert_eq!(ahead.claim(), None);
        ahead.come_to(7, 6, 6);
        assert_eq!(ahead.claim(), None);
    }

    #[test]
    fn the_batch_with_the_most_left_is_helped_first_and_one_that_is_done_never() {
        let ahead = Ahead::default();
        ahead.come_to(1, 1, 3);
        ahead.come_to(2, 10, 14);
        assert_eq!(ahead.claim(), Some((2, 13)));
        assert_eq!(ahead.claim(), Some((2, 12)));
        ahead.leave(2);
        assert_eq!(ahead.claim(), Some((1, 2)));
        assert_eq!(ahead.claim(), None);
        ahead.leave(1);
        ahead.leave(1);
        assert_eq!(ahead.claim(), None);
    }
}
