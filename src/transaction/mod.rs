//! Transactions: their types, encoding, signatures, intrinsic gas and validity.
//!
//! Nothing here runs code or touches state: what a transaction needs to know of its sender is
//! handed in as [`SenderAccount`].

pub mod blob;
pub mod encoding;
pub mod error;
pub mod intrinsic;
pub mod signature;
pub mod types;
pub mod validation;

pub use blob::BlobSchedule;
pub use encoding::{DecodeError, Field};
pub use error::InvalidTransaction;
pub use intrinsic::{IntrinsicGas, intrinsic_gas};
pub use signature::{SignatureError, address_of_secret_key};
pub use types::{
    AccessListItem, Authorization, Recovered, Signature, SignedTransaction, Transaction,
    TransactionType,
};
pub use validation::{SenderAccount, SenderCode, TransactionRules, validate, validate_sender};
