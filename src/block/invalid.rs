//! Why a block is invalid: one variant per rule.
//!
//! Owns the messages; transactions' own rules are named in `transaction::error`, those of the
//! requests in `edges`.

use super::{edges::InvalidRequests, header::HeaderField, ommers::InvalidOmmer};
use crate::{B256, Fork, U256, transaction::InvalidTransaction};

/// A rule that a block breaks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidBlock {
    /// Bytes that are no canonical block.
    #[error("{part}: {error}")]
    Malformed {
        /// Where.
        part: Part,
        /// What the RLP reader says.
        error: alloy_rlp::Error,
    },
    /// More bytes than a block may have (EIP-7934).
    #[error("block has {found} bytes, {max} at most")]
    TooLarge {
        /// Bytes of its RLP.
        found: usize,
        /// The cap.
        max: usize,
    },
    /// A parent that nobody knows.
    #[error("parent {hash:?} is not known")]
    UnknownParent {
        /// The parent's hash.
        hash: B256,
    },
    /// Not one above the parent's.
    #[error("number is {found}, expected {expected}")]
    Number {
        /// The block's.
        found: u64,
        /// One above the parent's.
        expected: u64,
    },
    /// Not later than the parent.
    #[error("timestamp is {found}, the parent's {parent}: not later")]
    Timestamp {
        /// Seconds since the Unix epoch.
        found: u64,
        /// Seconds since the Unix epoch.
        parent: u64,
    },
    /// Too many free bytes.
    #[error("extra data has {found} bytes, {max} at most")]
    ExtraDataTooLong {
        /// Bytes.
        found: usize,
        /// Bytes.
        max: usize,
    },
    /// One of the ten blocks from the DAO's fork on, without its mark (EIP-779).
    #[error("extra data of block {number} is not `dao-hard-fork`")]
    DaoExtraData {
        /// The block's height.
        number: u64,
    },
    /// A field that the fork demands.
    #[error("header has no {field}, expected one from {fork} on")]
    FieldMissing {
        /// The field.
        field: HeaderField,
        /// The block's fork.
        fork: Fork,
    },
    /// A field of a later fork.
    #[error("header has {field}, which {fork} does not know")]
    FieldUnexpected {
        /// The field.
        field: HeaderField,
        /// The block's fork.
        fork: Fork,
    },
    /// A gas limit that is too small or too large whatever the parent's.
    #[error("gas limit is {found}, expected {min} to {max}")]
    GasLimitRange {
        /// The block's.
        found: u64,
        /// Gas.
        min: u64,
        /// Gas.
        max: u64,
    },
    /// A gas limit that is too far from the parent's.
    #[error("gas limit is {found}, the reference {reference}: a 1024th or more apart")]
    GasLimitStep {
        /// The block's.
        found: u64,
        /// The parent's, twice that in the first block of London.
        reference: u64,
    },
    /// More gas used than there is.
    #[error("gas used is {found}, the gas limit {limit}")]
    GasUsedAboveLimit {
        /// The header's.
        found: u64,
        /// The header's.
        limit: u64,
    },
    /// Another base fee than the parent demands (EIP-1559).
    #[error("base fee is {found} wei, expected {expected}")]
    BaseFee {
        /// Wei per gas.
        found: u64,
        /// Wei per gas.
        expected: U256,
    },
    /// Another difficulty than the parent demands; zero is expected from Paris.
    #[error("difficulty is {found}, expected {expected}")]
    Difficulty {
        /// The header's.
        found: U256,
        /// By the fork's formula.
        expected: U256,
    },
    /// A nonce after the Merge (EIP-3675).
    #[error("nonce is {found:#018x}, expected zero from Paris on")]
    NonceAfterMerge {
        /// The header's.
        found: u64,
    },
    /// Ommers after the Merge (EIP-3675).
    #[error("ommers after the Merge, expected none")]
    OmmersAfterMerge,
    /// Another excess of blob gas than the parent demands (EIP-4844).
    #[error("excess blob gas is {found}, expected {expected}")]
    ExcessBlobGas {
        /// The header's.
        found: u64,
        /// By the parent's header.
        expected: u64,
    },
    /// Another sum of blob gas than the transactions have.
    #[error("blob gas used is {found}, the transactions use {expected}")]
    BlobGasUsed {
        /// The header's.
        found: u64,
        /// The transactions'.
        expected: u64,
    },
    /// A commitment of the header's to something else than was found.
    #[error("{field} is {found:?}, expected {expected:?}")]
    Commitment {
        /// Which.
        field: HeaderField,
        /// The header's.
        found: B256,
        /// Computed.
        expected: B256,
    },
    /// The bloom filter of other logs.
    #[error("logs bloom is not that of the block's logs")]
    LogsBloom,
    /// Another sum of gas than execution found.
    #[error("gas used is {found}, execution used {expected}")]
    GasUsed {
        /// The header's.
        found: u64,
        /// The transactions'.
        expected: u64,
    },
    /// No list of withdrawals from Shanghai on, or one before (EIP-4895).
    #[error("block has {} withdrawals list, which {fork} {}",
        if *.is_present { "a" } else { "no" },
        if *.is_present { "does not know" } else { "demands" })]
    WithdrawalsList {
        /// Whether the block has one.
        is_present: bool,
        /// The block's fork.
        fork: Fork,
    },
    /// A transaction that may not be part of it.
    #[error("transaction {position} ({hash:?}) is invalid: {error}")]
    Transaction {
        /// In the block, from 0.
        position: u32,
        /// The transaction's.
        hash: B256,
        /// The rule.
        error: Box<InvalidTransaction>,
    },
    /// An ommer that may not be part of it.
    #[error("ommer {index}: {error}")]
    Ommer {
        /// Its position.
        index: usize,
        /// The rule.
        error: Box<InvalidOmmer>,
    },
    /// More ommers than a block may have.
    #[error("block has {found} ommers, {max} at most")]
    TooManyOmmers {
        /// Ommers.
        found: usize,
        /// Ommers.
        max: usize,
    },
    /// Requests that cannot be had (EIP-6110, EIP-7002, EIP-7251).
    #[error(transparent)]
    Requests(#[from] InvalidRequests),
}

/// The parts of an encoded block, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The list of everything.
    Block,
    /// The header's list.
    Header,
    /// One of its fields.
    HeaderField(HeaderField),
    /// The transactions' list.
    Transactions,
    /// The ommers' list.
    Ommers,
    /// The withdrawals' list.
    Withdrawals,
    /// A withdrawal, by its position.
    Withdrawal(usize),
}

impl core::fmt::Display for Part {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Block => f.write_str("block"),
            Self::Header => f.write_str("header"),
            Self::HeaderField(field) => write!(f, "header field {field}"),
            Self::Transactions => f.write_str("transactions"),
            Self::Ommers => f.write_str("ommers"),
            Self::Withdrawals => f.write_str("withdrawals"),
            Self::Withdrawal(index) => write!(f, "withdrawal {index}"),
        }
    }
}
