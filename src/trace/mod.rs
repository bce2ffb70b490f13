//! Traces of transactions: who is told of the instructions of which, and the form that tools read.
//!
//! What a tracer is told of an instruction is the machine's ([`Tracer`], [`Step`]).

mod eip3155;

pub use deferevm_opcodes::trace::{Step, Tracer};
pub use eip3155::Eip3155;

use crate::B256;

/// Which transaction of a block is about to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionPlace {
    /// 0 for an original transaction, its round for a virtual one.
    pub round: u32,
    /// Its position in its round, from 0.
    pub position: u32,
    /// The transaction's hash, or the record's id.
    pub id: B256,
}

/// Makes the tracer of a transaction, or none where it is not to be traced.
///
/// Each transaction has a tracer of its own, which is dropped when the transaction has ended. So what
/// a tracer sees does not depend on the number of workers; which of two is made first may.
pub type TracerFactory = dyn Fn(&TransactionPlace) -> Option<Box<dyn Tracer + Send>> + Send + Sync;
