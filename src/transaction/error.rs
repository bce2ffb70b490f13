//! Why a transaction cannot be part of a block: one variant per rule.
//!
//! Owns the messages; faults of the bytes are named in `encoding`, of signatures in `signature`,
//! and the rules themselves are checked in `validation`.

use deferevm_opcodes::{Address, B256, Fork, U256};
use primitive_types::U512;

use super::{
    blob::VERSIONED_HASH_VERSION_KZG, encoding::DecodeError, signature::SignatureError,
    types::TransactionType,
};

/// A rule that a transaction breaks, so that it cannot be part of a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransaction {
    /// Its bytes are no canonical transaction.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// Its signature names no sender.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The type came with a later fork.
    #[error("{kind} transactions exist from {} on, and this is {fork}", kind.since())]
    TypeNotSupported {
        /// The transaction's type.
        kind: TransactionType,
        /// The block's fork.
        fork: Fork,
    },
    /// It was signed for another chain (EIP-155).
    #[error("chain id is {found}, expected {expected}")]
    ChainIdMismatch {
        /// The transaction's.
        found: u64,
        /// The block's.
        expected: u64,
    },
    /// Every type but legacy names its chain.
    #[error("a {kind} transaction has no chain id, expected {expected}")]
    ChainIdMissing {
        /// The transaction's type.
        kind: TransactionType,
        /// The block's chain id.
        expected: u64,
    },
    /// It buys more gas than the block has.
    #[error("gas limit is {found}, the block's is {block}")]
    GasLimitAboveBlock {
        /// The transaction's.
        found: u64,
        /// The block's.
        block: u64,
    },
    /// It buys more gas than one transaction may (EIP-7825).
    #[error("gas limit is {found}, a transaction's is {max} at most")]
    GasLimitAboveMaximum {
        /// The transaction's.
        found: u64,
        /// The cap.
        max: u64,
    },
    /// Its gas limit times its maximal fee needs more than 256 bits.
    #[error("gas limit {gas_limit} × fee {fee} wei exceeds 256 bits")]
    GasCostOverflow {
        /// Gas.
        gas_limit: u64,
        /// Wei per gas.
        fee: U256,
    },
    /// Its gas does not cover what it costs before any code runs.
    #[error("gas limit is {gas_limit}, the intrinsic gas {intrinsic}")]
    IntrinsicGasTooLow {
        /// The transaction's.
        gas_limit: u64,
        /// What it needs.
        intrinsic: u64,
    },
    /// Its gas does not cover the floor of its input (EIP-7623).
    #[error("gas limit is {gas_limit}, the floor for its input {floor}")]
    FloorGasTooLow {
        /// The transaction's.
        gas_limit: u64,
        /// What it needs.
        floor: u64,
    },
    /// Its init code is too long (EIP-3860).
    #[error("init code has {size} bytes, {max} at most")]
    InitCodeTooLarge {
        /// Bytes.
        size: usize,
        /// Bytes.
        max: usize,
    },
    /// The nonce was used before.
    #[error("nonce is {found}, the sender's {expected}: too low")]
    NonceTooLow {
        /// The transaction's.
        found: u64,
        /// The sender's.
        expected: u64,
    },
    /// The nonce is not due yet.
    #[error("nonce is {found}, the sender's {expected}: too high")]
    NonceTooHigh {
        /// The transaction's.
        found: u64,
        /// The sender's.
        expected: u64,
    },
    /// The nonce could not be increased (EIP-2681).
    #[error("nonce is 2^64-1, the greatest usable is 2^64-2")]
    NonceMaximal,
    /// The sender is a contract (EIP-3607).
    #[error("sender {sender:?} has code that is no delegation")]
    SenderHasCode {
        /// The sender.
        sender: Address,
    },
    /// The maximal fee, or the gas price, is below the block's base fee (EIP-1559).
    #[error("fee is {found} wei at most, the base fee {base_fee}")]
    MaxFeeBelowBaseFee {
        /// The transaction's, wei per gas.
        found: U256,
        /// The block's, wei per gas.
        base_fee: U256,
    },
    /// The tip alone is more than the whole fee may be (EIP-1559).
    #[error("priority fee is {priority} wei, more than the maximal fee {max_fee}")]
    PriorityFeeAboveMaxFee {
        /// Wei per gas.
        priority: U256,
        /// Wei per gas.
        max_fee: U256,
    },
    /// The sender cannot pay gas, blobs and value at the prices it named.
    #[error("sender has {balance} wei, {required} required")]
    InsufficientFunds {
        /// The sender's, wei.
        balance: U256,
        /// Wei; up to 321 bits.
        required: U512,
    },
    /// A blob transaction without blobs (EIP-4844).
    #[error("blob transaction without blobs, at least 1 expected")]
    NoBlobs,
    /// More blobs than a block may hold, or from Osaka than a transaction may carry (EIP-7594).
    #[error("{found} blobs, {max} at most")]
    TooManyBlobs {
        /// The transaction's.
        found: usize,
        /// The cap.
        max: u64,
    },
    /// A blob hash of an unknown version (EIP-4844).
    #[error(
        "blob hash {index} ({hash:?}) has version {}, expected {VERSIONED_HASH_VERSION_KZG}",
        hash.0[0]
    )]
    BlobHashVersion {
        /// Its place in the list.
        index: usize,
        /// The hash.
        hash: B256,
    },
    /// The maximal blob fee is below the block's price (EIP-4844).
    #[error("blob fee is {found} wei at most, the blob base fee {blob_base_fee}")]
    MaxBlobFeeBelowBlobBaseFee {
        /// The transaction's, wei per blob gas.
        found: U256,
        /// The block's, wei per blob gas.
        blob_base_fee: U256,
    },
    /// More blob gas than the block has left (EIP-4844).
    #[error("{found} blob gas, the block has {left} left")]
    BlobGasAboveBlock {
        /// The transaction's.
        found: u64,
        /// The block's maximum less what the transactions before it carry.
        left: u64,
    },
    /// A blob transaction without a callee (EIP-4844).
    #[error("a blob transaction cannot create a contract, expected a callee")]
    BlobCreation,
    /// A set-code transaction without authorizations (EIP-7702).
    #[error("a set-code transaction without authorizations, at least 1 expected")]
    NoAuthorizations,
    /// A set-code transaction without a callee (EIP-7702).
    #[error("a set-code transaction cannot create a contract, expected a callee")]
    SetCodeCreation,
}
