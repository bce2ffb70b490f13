//! The run loop.

use crate::{Action, Frame, Host};

/// Runs a frame until it ends or needs something that instructions cannot do.
pub fn run<H: Host + ?Sized>(_frame: &mut Frame, _host: &mut H) -> Action {
    unimplemented!("the run loop")
}
