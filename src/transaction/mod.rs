//! Transactions: their types, encoding, signatures, intrinsic gas and validity.
//!
//! Nothing here runs code or touches state: what a transaction needs to know of its sender is
//! handed in as [`SenderAccount`].

pub mod blob;
pub mod intrinsic;
pub mod types;
pub mod validation;

pub use blob::BlobSchedule;
pub use intrinsic::{IntrinsicGas, intrinsic_gas};
pub use types::{
    AccessListItem, Authorization, Recovered, Signature, SignedTransaction, Transaction,
    TransactionType,
};
pub use validation::{
    InvalidTransaction, SenderAccount, SenderCode, TransactionRules, validate, validate_sender,
};
