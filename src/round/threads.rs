//! The threads that work on a block: the calling one, and those of a pool beside it.

use std::sync::{Arc, OnceLock};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

/// A pool that is started when it is first needed, and whose threads end with the last clone of this.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<OnceLock<Option<ThreadPool>>>);

/// The threads that a block may use.
#[derive(Clone, Copy, Debug)]
pub struct Threads<'p> {
    /// The calling thread included.
    count: usize,
    pool: Option<&'p ThreadPool>,
}

/// So many pieces of work that take some tens of nanoseconds each are done before another thread is awake.
pub(super) const FEW: usize = 4096;

/// The most threads that a block uses.
pub const THREADS_MAX: usize = 256;

impl Pool {
    /// So many threads, the calling one included: 1 to 256. Where the system refuses them it is that one
    /// alone, which changes no result. The first call decides how many the pool has.
    pub fn threads(&self, count: usize) -> Threads<'_> {
        let count = count.clamp(1, THREADS_MAX);
        if count == 1 {
            return Threads::ALONE;
        }
        let start = || {
            let builder = ThreadPoolBuilder::new().num_threads(count - 1);
            builder.build().ok()
        };
        match self.0.get_or_init(start) {
            Some(pool) => Threads {
                count,
                pool: Some(pool),
            },
            None => Threads::ALONE,
        }
    }
}

impl Threads<'_> {
    /// The calling thread.
    pub const ALONE: Self = Self {
        count: 1,
        pool: None,
    };

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Those that so many pieces of work of some tens of nanoseconds each are worth: all of them, or the calling
    /// one alone.
    pub fn for_pieces(self, pieces: usize) -> Self {
        if pieces < FEW { Self::ALONE } else { self }
    }

    /// Does something with each of these, the first of them on the calling thread: what came of each. None
    /// may wait for one behind it to begin, since threads may be busy with another block.
    pub fn each<W: Send, T: Send>(
        &self,
        items: &mut [W],
        run: impl Fn(&mut W) -> T + Sync,
    ) -> Vec<T> {
        let (Some(pool), Some((first, others))) = (self.pool, items.split_first_mut()) else {
            return items.iter_mut().map(run).collect();
        };
        let run = &run;
        let mut results: Vec<Option<T>> = others.iter().map(|_| None).collect();
        let first = pool.in_place_scope(|scope| {
            for (item, result) in others.iter_mut().zip(&mut results) {
                scope.spawn(move |_| *result = Some(run(item)));
            }
            run(first)
        });
        let others = results
            .into_iter()
            .map(|result| result.expect("a scope ends when all that it began has ended"));
        std::iter::once(first).chain(others).collect()
    }

    /// Does one thing on the calling thread and another beside it, or before it if there is no thread for
    /// that.
    pub fn both<A, B: Send>(
        &self,
        here: impl FnOnce() -> A,
        beside: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        let Some(pool) = self.pool else {
            let other = beside();
            return (here(), other);
        };
        let mut other = None;
        let one = pool.in_place_scope(|scope| {
            scope.spawn(|_| other = Some(beside()));
            here()
        });
        (
            one,
            other.expect("a scope ends when all that it began has ended"),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        thread,
    };

    use super::*;

    #[test]
    fn each_is_done_once_and_the_first_on_the_calling_thread() {
        let pool = Pool::default();
        for count in [1, 2, 5] {
            let mut items: Vec<usize> = (0..40).collect();
            let threads = pool.threads(count);
            let done = threads.each(&mut items, |item| {
                *item += 1;
                (*item, thread::current().id())
            });
            assert_eq!(items, (1..=40).collect::<Vec<_>>());
            assert!(done.iter().map(|(item, _)| item).eq(&items));
            assert_eq!(done[0].1, thread::current().id());
        }
    }

    #[test]
    fn both_are_done_whether_or_not_there_is_a_thread_beside() {
        let pool = Pool::default();
        for threads in [Threads::ALONE, pool.threads(2)] {
            let here = thread::current().id();
            let (one, other) = threads.both(|| thread::current().id(), || 7);
            assert_eq!((one, other), (here, 7));
        }
    }

    #[test]
    fn no_thread_is_woken_for_few_pieces_of_work() {
        let pool = Pool::default();
        let threads = pool.threads(3);
        assert_eq!(threads.for_pieces(FEW - 1).count(), 1);
        assert_eq!(threads.for_pieces(FEW).count(), 3);
        assert_eq!(Threads::ALONE.for_pieces(FEW).count(), 1);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::default();
        let threads = pool.threads(3);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            threads.each(&mut [0, 1, 2], |item| assert!(*item != 1, "one"));
        }));
        assert!(panicked.is_err());
        assert_eq!(threads.each(&mut [1, 2], |item| *item * 2), [2, 4]);
    }
}
