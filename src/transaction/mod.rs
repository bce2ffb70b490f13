//! Transactions: their types, encoding, signatures, intrinsic gas and validity, and the execution
//! of one.
//!
//! What comes before and after it in its block is not known here.

mod authorizations;
pub mod blob;
pub mod encoding;
pub mod error;
pub mod execution;
pub mod intrinsic;
mod outermost;
pub mod receipt;
pub mod settlement;
pub mod signature;
pub mod types;
pub mod validation;

pub use blob::BlobSchedule;
pub use encoding::{DecodeError, Field};
pub use error::InvalidTransaction;
pub(crate) use execution::panic_fault;
pub use execution::{
    Executed, Executor, OpenPayment, Original, Payment, SYSTEM_ADDRESS, SYSTEM_CALL_GAS, Scene,
};
pub use intrinsic::{IntrinsicGas, intrinsic_gas};
pub use receipt::{Kind, Limit, Receipt, Status};
pub use signature::{SignatureError, address_of_secret_key};
pub use types::{
    AccessListItem, Authorization, Recovered, Signature, SignedTransaction, Transaction,
    TransactionType,
};
pub use validation::{SenderAccount, SenderCode, TransactionRules, validate, validate_sender};
