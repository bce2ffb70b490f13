//! The threads that work on a block: the calling one, and those of a pool beside it.

use std::{
    cell::Cell,
    hint,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use rayon_core::{ThreadPool, ThreadPoolBuilder, Yield, yield_now};

use super::pieces;

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

/// A thread that looks for work this long finds what comes at the end of a short round's barrier, and
/// has not wasted much more than to sleep and to be woken takes.
const AWAKE: Duration = Duration::from_micros(100);

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

    /// Wakes so many threads beside the calling one, or all there are, for work that is about to come: each looks
    /// for some for 100 µs before it sleeps again.
    pub fn wake(&self, count: usize) {
        let Some(pool) = self.pool else { return };
        let now = Instant::now();
        for _ in 0..count.min(self.count - 1) {
            pool.spawn(move || stay_awake(now));
        }
    }

    /// Does something with each of these: what came of each. The first is done on the calling thread, and so are
    /// those that no other thread has begun by then.
    pub fn each<W: Send, T: Send>(
        &self,
        items: &mut [W],
        run: impl Fn(&mut W) -> T + Sync,
    ) -> Vec<T> {
        let (Some(pool), Some((first, others))) = (self.pool, items.split_first_mut()) else {
            return items.iter_mut().map(run).collect();
        };
        let mut results: Vec<Option<T>> = others.iter().map(|_| None).collect();
        let pieces = others.iter_mut().zip(&mut results);
        let pieces: Vec<_> = pieces.map(|piece| Mutex::new(Some(piece))).collect();
        let first = pieces::share(
            |job| pool.spawn(job),
            || run(first),
            pieces.len(),
            &|place| {
                if let Some((item, result)) = taken(&pieces[place]) {
                    *result = Some(run(item));
                }
            },
        );
        drop(pieces);
        let others = results
            .into_iter()
            .map(|result| result.expect("all pieces are done when they have been shared"));
        std::iter::once(first).chain(others).collect()
    }

    /// Does one thing on the calling thread and another beside it; after it if no thread has begun that by
    /// then, and before it if there is none.
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
        let piece = Mutex::new(Some((beside, &mut other)));
        let one = pieces::share(|job| pool.spawn(job), here, 1, &|_| {
            if let Some((beside, other)) = taken(&piece) {
                *other = Some(beside());
            }
        });
        drop(piece);
        (
            one,
            other.expect("all pieces are done when they have been shared"),
        )
    }
}

thread_local! {
    /// Whether this thread stays awake already.
    static IS_AWAKE: Cell<bool> = const { Cell::new(false) };
}

/// Looks for work, and does it, until there has been none for [`AWAKE`]. Who is asked to while it does stays
/// awake for longer, and does not begin anew: it may be asked any number of times.
fn stay_awake(mut since: Instant) {
    if IS_AWAKE.replace(true) {
        return;
    }
    while since.elapsed() < AWAKE {
        match yield_now() {
            Some(Yield::Executed) => since = Instant::now(),
            _ => hint::spin_loop(),
        }
    }
    IS_AWAKE.set(false);
}

/// What a piece is about, for the one who does it.
fn taken<T>(piece: &Mutex<Option<T>>) -> Option<T> {
    piece.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{
            atomic::{AtomicBool, Ordering},
            mpsc,
        },
        thread,
        time::Duration,
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
    fn nobody_is_waited_for_who_has_not_begun() {
        let pool = Pool::default();
        let threads = pool.threads(2);
        let (begin, begun) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        threads.pool.unwrap().spawn(move || {
            begin.send(()).unwrap();
            ended.recv().unwrap();
        });
        begun.recv().unwrap();
        // The only other thread is busy until this one lets it go.
        let here = thread::current().id();
        let done = threads.each(&mut [1, 2, 3], |item| (*item, thread::current().id()));
        assert_eq!(done, [(1, here), (2, here), (3, here)]);
        assert_eq!(threads.both(|| 1, || thread::current().id()), (1, here));
        end.send(()).unwrap();
    }

    #[test]
    fn a_thread_that_has_begun_is_waited_for() {
        let pool = Pool::default();
        let threads = pool.threads(2);
        let (begin, begun) = mpsc::channel();
        let has_ended = AtomicBool::new(false);
        let wait = || begun.recv().unwrap();
        let (_, other) = threads.both(wait, || {
            begin.send(()).unwrap();
            thread::sleep(Duration::from_millis(20));
            has_ended.store(true, Ordering::Relaxed);
            thread::current().id()
        });
        assert_ne!(other, thread::current().id());
        assert!(has_ended.load(Ordering::Relaxed));
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
    fn who_is_woken_again_and_again_is_awake_once() {
        let pool = Pool::default();
        let threads = pool.threads(2);
        let (deeper, depths) = mpsc::channel();
        for _ in 0..200 {
            threads.wake(5);
            let deeper = deeper.clone();
            // How deep in the stack of its thread a job runs.
            threads.pool.unwrap().spawn(move || {
                let here = 0u8;
                deeper.send(std::ptr::from_ref(&here).addr()).unwrap();
            });
            thread::sleep(AWAKE / 10);
        }
        drop(deeper);
        let depths: Vec<usize> = depths.iter().collect();
        assert_eq!(depths.len(), 200);
        let (least, most) = (depths.iter().min().unwrap(), depths.iter().max().unwrap());
        assert!(most - least < 16 << 10, "{most} - {least}");
        Threads::ALONE.wake(1);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::default();
        let threads = pool.threads(3);
        for panicking in 0..3 {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                threads.each(&mut [0, 1, 2], |item| assert!(*item != panicking, "one"));
            }));
            assert!(panicked.is_err());
        }
        assert_eq!(threads.each(&mut [1, 2], |item| *item * 2), [2, 4]);
    }
}
