//! The progress bar of a run over many files, with its rate and the time left.
//!
//! Owns its looks, and when it is drawn; what is counted beside it is the command's.

use std::{io::IsTerminal, ops::ControlFlow, path::PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::fixtures::walk;

/// A bar over the files below `paths`; hidden where nobody looks, or where it is not wanted.
pub(super) fn bar(paths: &[PathBuf], is_omitted: bool) -> ProgressBar {
    if is_omitted || !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    // Their number is counted first, archives by their members.
    let mut files = 0;
    let _ = walk(paths, &mut |_| {
        files += 1;
        ControlFlow::Continue(())
    });
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} files, {per_sec}, {eta} left, {msg}")
            .expect("the template is well-formed");
    ProgressBar::new(files).with_style(style)
}
