//! Pieces of work that the calling thread shares with those of a pool, each done once by who comes first.
//!
//! The caller waits for pieces that others have begun, and never for anybody to begin: a thread that
//! sleeps takes up to some hundred microseconds to wake, as long as many a round, and another block may keep
//! it busy. What nobody has begun when the caller is done with its own, it does itself.

use std::{
    any::Any,
    hint,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
};

/// What another thread is to call.
pub type Job = Box<dyn FnOnce() + Send>;

/// Does the piece of a number.
type Run<'r> = dyn Fn(usize) + Sync + 'r;

/// What the threads share of one call of [`share`].
struct Pieces {
    /// Borrowed from the caller, who waits for each piece that has been begun.
    run: &'static Run<'static>,
    /// Which pieces somebody has begun.
    begun: Box<[AtomicBool]>,
    /// How many are not done.
    left: AtomicUsize,
    caller: Thread,
    /// What one of them has panicked with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// How often the caller looks whether all is done before it sleeps: some tens of microseconds, about what
/// being woken takes.
const LOOKS: usize = 1000;

/// Does something on the calling thread, and so many pieces of work beside it, or after it if no thread has
/// come to them by then. `spawn` has another thread call what it is given, at any time or never. Returns when
/// all is done.
///
/// # Panics
/// With what one of them has panicked with, when all are done.
pub fn share<A>(spawn: impl Fn(Job), here: impl FnOnce() -> A, others: usize, run: &Run<'_>) -> A {
    // SAFETY: 1. Only `Pieces::take` calls it, for a piece that nobody has begun, and counts that as done
    // only afterwards. 2. `Finish` begins what is left and waits until all is counted, before this function
    // returns or unwinds, and so before the borrow ends. 3. Later calls of `take` find the piece begun.
    let run = unsafe { std::mem::transmute::<&Run<'_>, &'static Run<'static>>(run) };
    let pieces = Arc::new(Pieces {
        run,
        begun: (0..others).map(|_| AtomicBool::new(false)).collect(),
        left: AtomicUsize::new(others),
        caller: thread::current(),
        panic: Mutex::new(None),
    });
    let finish = Finish(&pieces);
    for place in 0..others {
        let pieces = Arc::clone(&pieces);
        spawn(Box::new(move || pieces.take(place)));
    }
    let done = here();
    drop(finish);
    let panic = pieces
        .panic
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match panic {
        Some(panic) => resume_unwind(panic),
        None => done,
    }
}

/// Has all pieces done when it goes.
struct Finish<'p>(&'p Pieces);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        for place in 0..self.0.begun.len() {
            self.0.take(place);
        }
        self.0.wait();
    }
}

impl Pieces {
    /// Does a piece, unless somebody has begun it.
    fn take(&self, place: usize) {
        if self.begun[place].swap(true, Ordering::Relaxed) {
            return;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.run)(place))) {
            let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(panic);
        }
        // What the piece has written is there for who finds nothing left.
        if self.left.fetch_sub(1, Ordering::Release) == 1 {
            self.caller.unpark();
        }
    }

    fn wait(&self) {
        let is_done = || self.left.load(Ordering::Acquire) == 0;
        for _ in 0..LOOKS {
            if is_done() {
                return;
            }
            hint::spin_loop();
        }
        while !is_done() {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Each piece on a thread of its own, which may come to it at any time.
    fn spawn(job: Job) {
        drop(thread::spawn(job));
    }

    #[test]
    fn each_piece_is_done_once_with_what_the_caller_has_borrowed() {
        let counts: Vec<_> = (0..4).map(|_| AtomicUsize::new(0)).collect();
        for round in 1..=3 {
            let here = share(spawn, || round, counts.len(), &|place| {
                // Relaxed: that all is done makes it seen.
                counts[place].fetch_add(place + 1, Ordering::Relaxed);
            });
            assert_eq!(here, round);
            let counts: Vec<_> = counts
                .iter()
                .map(|count| count.load(Ordering::Relaxed))
                .collect();
            assert_eq!(counts, [round, 2 * round, 3 * round, 4 * round]);
        }
    }

    #[test]
    fn what_is_never_called_is_done_by_the_caller() {
        let threads = Mutex::new(Vec::new());
        share(drop, || (), 3, &|place| {
            threads
                .lock()
                .unwrap()
                .push((place, thread::current().id()));
        });
        let here = thread::current().id();
        assert_eq!(
            threads.into_inner().unwrap(),
            [(0, here), (1, here), (2, here)]
        );
    }

    #[test]
    fn what_is_called_after_all_is_done_does_nothing() {
        let (send, jobs) = mpsc::channel();
        let done = AtomicUsize::new(0);
        share(|job| send.send(job).unwrap(), || (), 2, &|_| {
            _ = done.fetch_add(1, Ordering::Relaxed)
        });
        for job in jobs.try_iter() {
            job();
        }
        assert_eq!(done.into_inner(), 2);
    }

    #[test]
    fn a_panic_anywhere_waits_for_what_others_have_begun() {
        for panicking in 0..3 {
            let done = AtomicUsize::new(0);
            let run = |place| {
                assert_ne!(place, panicking, "it panics");
                done.fetch_add(1, Ordering::Relaxed);
            };
            let here = || assert_ne!(2, panicking, "it panics");
            let ended = catch_unwind(AssertUnwindSafe(|| share(spawn, here, 2, &run)));
            assert!(ended.is_err());
            assert_eq!(done.into_inner(), if panicking == 2 { 2 } else { 1 });
        }
    }
}
