//! Why a block could not be executed.

use std::error::Error;

use super::{InvalidBlock, edges::EdgeFault};
use crate::{
    Address,
    round::barrier::{BarrierFault, Imbalance},
    state::{DatabaseFault, DatabasePanicked, Fault},
    transaction::{InvalidTransaction, Original},
};

/// Why a block could not be executed. `E` is the database's own error.
#[derive(Debug, thiserror::Error)]
pub enum BlockError<E: Error + Send + Sync + 'static> {
    /// The database failed; nothing was changed.
    #[error("the database failed: {0}")]
    Database(#[source] E),
    /// The block is not valid on Ethereum.
    #[error(transparent)]
    Invalid(#[from] InvalidBlock),
    /// A defect: of an embedder's hook or partition, of the state given, or of this library.
    #[error(transparent)]
    Defect(#[from] Defect),
}

/// What should not happen, and is no property of the block.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Defect {
    /// An embedder's precompile or tracer panicked in a transaction, or this library did.
    #[error("round {round}, transaction {position}: a hook panicked: {message}")]
    Panicked {
        /// From 0.
        round: u32,
        /// In the round, from 0.
        position: u32,
        /// The panic's.
        message: String,
    },
    /// An embedder's database panicked.
    #[error("the database panicked: {message}")]
    DatabasePanicked {
        /// The panic's.
        message: String,
    },
    /// A transaction wrote to an account that it does not own.
    #[error("round {round}, transaction {position}: a write to {address:?}, which it does not own")]
    NotOwned {
        /// From 0.
        round: u32,
        /// In the round, from 0.
        position: u32,
        /// The account.
        address: Address,
    },
    /// A balance would exceed 2²⁵⁶−1 wei: the state that the block began with is not a possible one.
    #[error("the balance of {address:?} would exceed 2^256-1 wei")]
    BalanceOverflow {
        /// The account.
        address: Address,
    },
    /// Wei was lost or made at a barrier.
    #[error("wei is not conserved: {} expected, {} found", .0.expected, .0.found)]
    NotConserved(Box<Imbalance>),
}

/// The same with the database's error still erased.
#[derive(Debug)]
pub enum BlockFault {
    /// See [`BlockError::Database`].
    Database(DatabaseFault),
    /// See [`BlockError::Invalid`].
    Invalid(InvalidBlock),
    /// See [`BlockError::Defect`].
    Defect(Defect),
}

impl<E: Error + Send + Sync + 'static> BlockError<E> {
    /// Gives the database's error its own type back.
    pub(crate) fn from_fault(fault: BlockFault) -> Self {
        match fault {
            BlockFault::Database(error) => match error.downcast::<DatabasePanicked>() {
                Ok(panicked) => Self::Defect(Defect::DatabasePanicked {
                    message: panicked.0,
                }),
                Err(error) => Self::Database(
                    *error
                        .downcast()
                        .expect("the only database is the embedder's"),
                ),
            },
            BlockFault::Invalid(invalid) => Self::Invalid(invalid),
            BlockFault::Defect(defect) => Self::Defect(defect),
        }
    }
}

impl BlockFault {
    /// An invalid transaction of a synchronous block.
    pub(crate) fn invalid_transaction(
        position: u32,
        original: &Original,
        error: InvalidTransaction,
    ) -> Self {
        let hash = original.recovered.hash;
        Self::Invalid(InvalidBlock::Transaction {
            position,
            hash,
            error: Box::new(error),
        })
    }

    /// What stopped a transaction of round 0.
    pub(crate) fn at(position: u32, fault: Fault) -> Self {
        Self::in_round(0, position, fault)
    }

    /// What stopped a transaction.
    pub(crate) fn in_round(round: u32, position: u32, fault: Fault) -> Self {
        match fault {
            Fault::Database(error) => Self::Database(error),
            Fault::Panicked(message) => Self::Defect(Defect::Panicked {
                round,
                position,
                message,
            }),
            Fault::NotOwned(address) | Fault::CodeMissing(address) => {
                Self::Defect(Defect::NotOwned {
                    round,
                    position,
                    address,
                })
            }
            Fault::BalanceOverflow(address) => Self::Defect(Defect::BalanceOverflow { address }),
        }
    }
}

impl From<BarrierFault> for BlockFault {
    fn from(fault: BarrierFault) -> Self {
        match fault {
            BarrierFault::Database(error) => Self::Database(error),
            BarrierFault::Overflow(address) => Self::Defect(Defect::BalanceOverflow { address }),
            BarrierFault::NotConserved(imbalance) => Self::Defect(Defect::NotConserved(imbalance)),
        }
    }
}

impl From<EdgeFault> for BlockFault {
    fn from(fault: EdgeFault) -> Self {
        match fault {
            EdgeFault::Fault(fault) => Self::in_round(0, 0, fault),
            EdgeFault::Invalid(invalid) => Self::Invalid(InvalidBlock::Requests(invalid)),
        }
    }
}
