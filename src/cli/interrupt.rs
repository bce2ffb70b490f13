//! Ctrl-C: the first one asks the command to stop and say what it has done, the second ends it.

use crossbeam::channel::{Receiver, bounded};

/// The exit status of a command that was interrupted, as shells have it.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Receives a message at the first Ctrl-C. Where no handler can be set, Ctrl-C ends the process.
pub fn channel() -> Receiver<()> {
    let (sender, receiver) = bounded(1);
    let handler = move || {
        if sender.try_send(()).is_err() {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        eprintln!("warning: Ctrl-C will not print what was done so far: {error}");
    }
    receiver
}
