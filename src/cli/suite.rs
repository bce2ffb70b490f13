//! What the commands that run whole suites share: counts by row, the progress bar, Ctrl-C, the last line and the exit
//! status.
//!
//! Owns no case: what one is called, and what is said of it, is the command's.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    ops::ControlFlow,
    path::PathBuf,
    time::{Duration, Instant},
};

use crossbeam::channel::Receiver;
use indicatif::ProgressBar;

use super::{EXIT_FAILED, EXIT_PASSED, EXIT_UNUSABLE, interrupt, progress};
use crate::fixtures::FixtureError;

/// How often a run that nobody watches on a terminal says how far it is.
const SAID_EACH: Duration = Duration::from_secs(60);

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Passed,
    Failed,
    /// For this reason.
    Skipped(&'static str),
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    fn count(&mut self, ended: Ended) {
        match ended {
            Ended::Passed => self.passed += 1,
            Ended::Failed => self.failed += 1,
            Ended::Skipped(_) => self.skipped += 1,
        }
    }
}

/// The counts of a run, in rows that are ordered by `K`.
pub(super) struct Suite<K> {
    /// Files are counted by whoever opens them.
    pub bar: ProgressBar,
    /// What a case is called, in the plural.
    cases: &'static str,
    keeps_going: bool,
    rows: BTreeMap<(K, String), Tally>,
    skips: BTreeMap<&'static str, u64>,
    total: Tally,
    unusable: u64,
    interrupted: Receiver<()>,
    is_interrupted: bool,
    /// When progress was said last; none where a bar shows it, or nobody wants it.
    said: Option<Instant>,
}

impl<K: Ord> Suite<K> {
    /// Nothing yet, of a run over the files below `paths`.
    pub fn new(
        cases: &'static str,
        paths: &[PathBuf],
        omit_progress: bool,
        keeps_going: bool,
    ) -> Self {
        Self {
            bar: progress::bar(paths, omit_progress),
            cases,
            keeps_going,
            rows: BTreeMap::new(),
            skips: BTreeMap::new(),
            total: Tally::default(),
            unusable: 0,
            interrupted: interrupt::channel(),
            is_interrupted: false,
            said: (!omit_progress && !std::io::stderr().is_terminal()).then(Instant::now),
        }
    }

    /// Breaks once Ctrl-C was pressed.
    pub fn proceed(&mut self) -> ControlFlow<()> {
        if self.interrupted.try_recv().is_ok() {
            self.is_interrupted = true;
            return ControlFlow::Break(());
        }
        let Tally { passed, failed, .. } = self.total;
        let message = format!("{} {}, {failed} failed", passed + failed, self.cases);
        if let Some(said) = self
            .said
            .as_mut()
            .filter(|said| said.elapsed() >= SAID_EACH)
        {
            *said = Instant::now();
            eprintln!("{message}");
        }
        self.bar.set_message(message);
        ControlFlow::Continue(())
    }

    /// Counts and says what could not be used.
    pub fn unusable(&mut self, error: &FixtureError) {
        self.unusable += 1;
        self.bar.suspend(|| eprintln!("error: {error}"));
    }

    /// Counts a case; breaks where nothing more is to be run.
    pub fn count(&mut self, row: K, name: &str, ended: Ended) -> ControlFlow<()> {
        self.total.count(ended);
        self.rows
            .entry((row, name.to_owned()))
            .or_default()
            .count(ended);
        match ended {
            Ended::Skipped(reason) => *self.skips.entry(reason).or_default() += 1,
            Ended::Failed if !self.keeps_going => return ControlFlow::Break(()),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// Prints the rows and the reasons of skips.
    pub fn print_rows(&self) {
        self.bar.finish_and_clear();
        let longest = self.rows.keys().map(|(_, name)| name.len()).max();
        let width = longest.unwrap_or(0).max(18);
        for ((_, name), tally) in &self.rows {
            println!(
                "{name:<width$} {:>7} passed {:>7} failed {:>7} skipped",
                tally.passed, tally.failed, tally.skipped
            );
        }
        for (reason, count) in &self.skips {
            println!("{count} skipped: {reason}");
        }
    }

    /// Prints how the run ended; the exit status. `selectors` are the arguments that may have left nothing to run.
    pub fn finish(self, selectors: &str) -> u8 {
        let Tally {
            passed,
            failed,
            skipped,
        } = self.total;
        if self.unusable > 0 {
            println!("{} files or paths could not be used", self.unusable);
        }
        if self.is_interrupted {
            println!("interrupted: what follows is what was done so far");
        } else if failed > 0 && !self.keeps_going {
            println!("stopped at the first failure: --keep-going runs the rest");
        }
        if passed + failed + skipped == 0 && self.unusable == 0 {
            eprintln!("error: none of the {} matches {selectors}", self.cases);
        }
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        if self.is_interrupted {
            return interrupt::EXIT_INTERRUPTED;
        }
        match (failed, self.unusable, passed + skipped) {
            (0, 0, 1..) => EXIT_PASSED,
            (1.., 0, _) => EXIT_FAILED,
            _ => EXIT_UNUSABLE,
        }
    }
}
