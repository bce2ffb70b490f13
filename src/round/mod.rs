//! Rounds: what a round runs, in which order it must, who runs it, and the barrier at its end.
//!
//! Effects cross between accounts at the barrier and nowhere else (semantics, sections 2 to 6).

mod ahead;
pub mod barrier;
mod credits;
pub mod order;
pub mod partition;
mod pieces;
mod publishing;
pub mod record;
pub mod roster;
pub mod running;
pub mod scheduler;
mod slots;
pub mod threads;
pub mod totals;
pub mod tree;
pub mod worker;

pub use barrier::Limits;
pub use partition::{One, Owned, Partition, Schedule, SenderTarget};
pub use record::Record;
pub use roster::Roster;
pub use scheduler::Scheduler;
pub use totals::Totals;
