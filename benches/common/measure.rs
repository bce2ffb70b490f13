//! The clock, medians, and the comparison of two programs by alternating blocks of runs.
//!
//! On a machine that others use too, only ratios of what ran at nearly the same time mean anything:
//! the two sides take turns, a few milliseconds each, and the ratio is the median of the turns'.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What this thread has used of a processor so far, in nanoseconds; waiting does not count.
pub fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("a thread's time is not negative");
    let nanoseconds = u64::try_from(time.tv_nsec).expect("a thread's time is not negative");
    seconds * 1_000_000_000 + nanoseconds
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Each side runs at least so long before anything is timed.
    pub warm_up: Duration,
    /// What one side's turn should take.
    pub turn: Duration,
    /// Turns of both sides, where they fit into `limit`.
    pub pairs: usize,
    /// Turns of both sides, whatever they take.
    pub pairs_min: usize,
    /// What all turns may take.
    pub limit: Duration,
}

impl Effort {
    /// For results that are recorded.
    pub const FULL: Self = Self {
        warm_up: Duration::from_millis(60),
        turn: Duration::from_millis(5),
        pairs: 41,
        pairs_min: 7,
        limit: Duration::from_secs(4),
    };
    /// For a first look: about a quarter of the time.
    pub const QUICK: Self = Self {
        warm_up: Duration::from_millis(30),
        turn: Duration::from_millis(3),
        pairs: 11,
        pairs_min: 3,
        limit: Duration::from_millis(800),
    };
}

/// What a comparison gives.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// Median nanoseconds of one run of the first program.
    pub first: f64,
    /// Median nanoseconds of one run of the second.
    pub second: f64,
    /// Median over the pairs of turns: the second's time divided by the first's.
    pub ratio: f64,
    /// The lower and upper quartile of the same.
    pub quartiles: (f64, f64),
    /// Pairs of turns.
    pub pairs: usize,
}

/// Runs both by turns; who goes first alternates.
pub fn compare(effort: Effort, mut first: impl FnMut(), mut second: impl FnMut()) -> Comparison {
    compare_prepared(effort, || (), |()| first(), || (), |()| second())
}

/// The same, for programs that consume something which is made outside the clock.
pub fn compare_prepared<A, B>(
    effort: Effort,
    mut prepare_first: impl FnMut() -> A,
    mut run_first: impl FnMut(A),
    mut prepare_second: impl FnMut() -> B,
    mut run_second: impl FnMut(B),
) -> Comparison {
    let mut first = |runs| timed(runs, &mut prepare_first, &mut run_first);
    let mut second = |runs| timed(runs, &mut prepare_second, &mut run_second);
    let first_runs = warm_up(effort, &mut first);
    let second_runs = warm_up(effort, &mut second);
    let limit = nanoseconds(effort.limit);
    let start = thread_time();
    let (mut firsts, mut seconds, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    while firsts.len() < effort.pairs
        && (firsts.len() < effort.pairs_min || thread_time() - start < limit)
    {
        let (one, other) = if firsts.len() % 2 == 0 {
            let one = turn(first_runs, &mut first);
            (one, turn(second_runs, &mut second))
        } else {
            let other = turn(second_runs, &mut second);
            (turn(first_runs, &mut first), other)
        };
        firsts.push(one);
        seconds.push(other);
        ratios.push(other / one);
    }
    Comparison {
        first: median(&mut firsts),
        second: median(&mut seconds),
        ratio: median(&mut ratios),
        quartiles: (quantile(&ratios, 0.25), quantile(&ratios, 0.75)),
        pairs: ratios.len(),
    }
}

/// Median nanoseconds of one run, over turns of one program alone.
pub fn time(effort: Effort, mut run: impl FnMut()) -> f64 {
    let mut timed = |runs| timed(runs, &mut || (), &mut |()| run());
    let runs = warm_up(effort, &mut timed);
    let mut times: Vec<f64> = (0..effort.pairs).map(|_| turn(runs, &mut timed)).collect();
    median(&mut times)
}

/// The median; sorts its argument.
///
/// # Panics
/// If there is nothing to take it of.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(values, 0.5)
}

/// The geometric mean, or `None` of nothing.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut logarithms, mut count) = (0.0, 0.0);
    for value in values {
        logarithms += value.ln();
        count += 1.0;
    }
    (count > 0.0).then(|| (logarithms / count).exp())
}

/// Runs until the warm-up is over, and says how many runs make a turn.
fn warm_up(effort: Effort, timed: &mut impl FnMut(u32) -> u64) -> u32 {
    let warm_up = nanoseconds(effort.warm_up);
    let mut fastest = u64::MAX;
    let mut batch = 1u32;
    let mut spent = 0;
    while spent < warm_up {
        let took = timed(batch);
        spent += took.max(1);
        fastest = fastest.min(took / u64::from(batch));
        if took < warm_up / 16 {
            batch *= 2;
        }
    }
    let runs = nanoseconds(effort.turn) / fastest.max(1);
    u32::try_from(runs.max(1)).unwrap_or(u32::MAX)
}

/// Nanoseconds of one run, averaged over a turn.
fn turn(runs: u32, timed: &mut impl FnMut(u32) -> u64) -> f64 {
    timed(runs) as f64 / f64::from(runs)
}

/// Nanoseconds of so many runs, without what prepares them.
fn timed<T>(runs: u32, prepare: &mut impl FnMut() -> T, run: &mut impl FnMut(T)) -> u64 {
    let prepared: Vec<T> = (0..runs).map(|_| prepare()).collect();
    let start = thread_time();
    for one in prepared {
        run(one);
    }
    thread_time() - start
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    assert!(!sorted.is_empty(), "nothing has been measured");
    let place = part * (sorted.len() - 1) as f64;
    let (low, high) = (place.floor(), place.ceil());
    let (low_value, high_value) = (sorted[low as usize], sorted[high as usize]);
    low_value + (high_value - low_value) * (place - low)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("an effort is measured in seconds")
}
