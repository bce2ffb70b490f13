//! Whether a transaction may run: one rule, one error.
//!
//! [`validate`] needs the block only, [`validate_sender`] the sender's account. What a block adds
//! up over its transactions (gas, blob gas) is checked where blocks are executed.

use deferevm_opcodes::{Address, B256, BlockEnvironment, Fork, U256};
use primitive_types::U512;

use super::{
    blob::{BLOBS_PER_TRANSACTION_MAX, BlobSchedule, VERSIONED_HASH_VERSION_KZG},
    encoding::DecodeError,
    intrinsic::{IntrinsicGas, intrinsic_gas},
    signature::SignatureError,
    types::{Recovered, Transaction, TransactionType},
};

/// The most gas that a transaction may buy from Osaka: 2²⁴ (EIP-7825).
pub const GAS_LIMIT_MAX: u64 = 1 << 24;

/// The most bytes of init code from Shanghai (EIP-3860).
pub const INIT_CODE_SIZE_MAX: usize = 2 * 24_576;

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

/// The numbers that a transaction is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionRules {
    /// The most gas that it may buy, whatever the block's limit (EIP-7825).
    pub gas_limit_max: u64,
    /// The most bytes of init code (EIP-3860).
    pub init_code_size_max: usize,
    /// The most blobs that it may carry.
    pub blobs_max: u64,
}

impl TransactionRules {
    /// A fork's numbers with the blob schedule it starts with.
    pub fn of(fork: Fork) -> Self {
        Self {
            gas_limit_max: if fork >= Fork::Osaka {
                GAS_LIMIT_MAX
            } else {
                u64::MAX
            },
            init_code_size_max: if fork >= Fork::Shanghai {
                INIT_CODE_SIZE_MAX
            } else {
                usize::MAX
            },
            blobs_max: BlobSchedule::of(fork).map_or(0, |schedule| blobs_max(schedule, fork)),
        }
    }

    /// A fork's numbers with another blob schedule, as blob-parameter-only forks set it.
    pub fn with_blob_schedule(fork: Fork, schedule: BlobSchedule) -> Self {
        Self {
            blobs_max: blobs_max(schedule, fork),
            ..Self::of(fork)
        }
    }
}

fn blobs_max(schedule: BlobSchedule, fork: Fork) -> u64 {
    if fork >= Fork::Osaka {
        schedule.max.min(BLOBS_PER_TRANSACTION_MAX)
    } else {
        schedule.max
    }
}

/// What the rules ask of the sender's account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderAccount {
    /// Its nonce.
    pub nonce: u64,
    /// Its balance in wei.
    pub balance: U256,
    /// Its code.
    pub code: SenderCode,
}

/// The kinds of code that EIP-3607 tells apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SenderCode {
    /// None: the account is a user's.
    #[default]
    Empty,
    /// A delegation designator (EIP-7702), which does not make it a contract from Prague.
    Delegation,
    /// A contract's.
    Contract,
}

/// Checks everything that does not depend on state, and returns the gas that the transaction costs
/// whatever its code does.
///
/// # Errors
/// The first rule that the transaction breaks.
pub fn validate(
    recovered: &Recovered,
    block: &BlockEnvironment,
    fork: Fork,
    rules: &TransactionRules,
) -> Result<IntrinsicGas, InvalidTransaction> {
    let transaction = &recovered.transaction;
    validate_type(transaction, fork)?;
    validate_chain(transaction, block)?;
    let gas = validate_content(transaction, fork, rules)?;
    if transaction.gas_limit > block.gas_limit {
        return Err(InvalidTransaction::GasLimitAboveBlock {
            found: transaction.gas_limit,
            block: block.gas_limit,
        });
    }
    if transaction.max_fee_per_gas < block.base_fee {
        return Err(InvalidTransaction::MaxFeeBelowBaseFee {
            found: transaction.max_fee_per_gas,
            base_fee: block.base_fee,
        });
    }
    if transaction.kind == TransactionType::Blob
        && transaction.max_fee_per_blob_gas < block.blob_base_fee
    {
        return Err(InvalidTransaction::MaxBlobFeeBelowBlobBaseFee {
            found: transaction.max_fee_per_blob_gas,
            blob_base_fee: block.blob_base_fee,
        });
    }
    Ok(gas)
}

/// Checks the part of [`validate`] that depends on the fork alone, not on the block.
///
/// # Errors
/// The first rule that the transaction breaks.
pub fn validate_content(
    transaction: &Transaction,
    fork: Fork,
    rules: &TransactionRules,
) -> Result<IntrinsicGas, InvalidTransaction> {
    validate_type(transaction, fork)?;
    if transaction.nonce == u64::MAX {
        return Err(InvalidTransaction::NonceMaximal);
    }
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas {
        return Err(InvalidTransaction::PriorityFeeAboveMaxFee {
            priority: transaction.max_priority_fee_per_gas,
            max_fee: transaction.max_fee_per_gas,
        });
    }
    validate_blobs(transaction, rules)?;
    validate_authorizations(transaction)?;
    validate_gas(transaction, fork, rules)
}

/// Checks the sender's nonce, code and balance (EIP-3607 holds for every fork).
///
/// # Errors
/// The first rule that the transaction breaks.
pub fn validate_sender(
    recovered: &Recovered,
    account: &SenderAccount,
    fork: Fork,
) -> Result<(), InvalidTransaction> {
    let transaction = &recovered.transaction;
    let (found, expected) = (transaction.nonce, account.nonce);
    if found < expected {
        return Err(InvalidTransaction::NonceTooLow { found, expected });
    }
    if found > expected {
        return Err(InvalidTransaction::NonceTooHigh { found, expected });
    }
    let is_user = match account.code {
        SenderCode::Empty => true,
        SenderCode::Delegation => fork >= Fork::Prague,
        SenderCode::Contract => false,
    };
    if !is_user {
        return Err(InvalidTransaction::SenderHasCode {
            sender: recovered.sender,
        });
    }
    let required = transaction.upfront_cost();
    if U512::from(account.balance) < required {
        return Err(InvalidTransaction::InsufficientFunds {
            balance: account.balance,
            required,
        });
    }
    Ok(())
}

fn validate_type(transaction: &Transaction, fork: Fork) -> Result<(), InvalidTransaction> {
    let kind = transaction.kind;
    if fork < kind.since() {
        return Err(InvalidTransaction::TypeNotSupported { kind, fork });
    }
    Ok(())
}

fn validate_chain(
    transaction: &Transaction,
    block: &BlockEnvironment,
) -> Result<(), InvalidTransaction> {
    let expected = block.chain_id;
    match transaction.chain_id {
        Some(found) if found != expected => {
            Err(InvalidTransaction::ChainIdMismatch { found, expected })
        }
        None if transaction.kind != TransactionType::Legacy => {
            Err(InvalidTransaction::ChainIdMissing {
                kind: transaction.kind,
                expected,
            })
        }
        _ => Ok(()),
    }
}

fn validate_gas(
    transaction: &Transaction,
    fork: Fork,
    rules: &TransactionRules,
) -> Result<IntrinsicGas, InvalidTransaction> {
    let gas_limit = transaction.gas_limit;
    if gas_limit > rules.gas_limit_max {
        return Err(InvalidTransaction::GasLimitAboveMaximum {
            found: gas_limit,
            max: rules.gas_limit_max,
        });
    }
    let size = transaction.input.len();
    if transaction.is_create() && size > rules.init_code_size_max {
        return Err(InvalidTransaction::InitCodeTooLarge {
            size,
            max: rules.init_code_size_max,
        });
    }
    let gas = intrinsic_gas(transaction, fork);
    if gas_limit < gas.initial {
        return Err(InvalidTransaction::IntrinsicGasTooLow {
            gas_limit,
            intrinsic: gas.initial,
        });
    }
    if gas_limit < gas.floor {
        return Err(InvalidTransaction::FloorGasTooLow {
            gas_limit,
            floor: gas.floor,
        });
    }
    if transaction
        .max_fee_per_gas
        .checked_mul(U256::from(gas_limit))
        .is_none()
    {
        return Err(InvalidTransaction::GasCostOverflow {
            gas_limit,
            fee: transaction.max_fee_per_gas,
        });
    }
    Ok(gas)
}

fn validate_blobs(
    transaction: &Transaction,
    rules: &TransactionRules,
) -> Result<(), InvalidTransaction> {
    if transaction.kind != TransactionType::Blob {
        return Ok(());
    }
    if transaction.is_create() {
        return Err(InvalidTransaction::BlobCreation);
    }
    let found = transaction.blob_hashes.len();
    if found == 0 {
        return Err(InvalidTransaction::NoBlobs);
    }
    if u64::try_from(found).map_or(true, |found| found > rules.blobs_max) {
        return Err(InvalidTransaction::TooManyBlobs {
            found,
            max: rules.blobs_max,
        });
    }
    let wrong = |hash: &B256| hash.0[0] != VERSIONED_HASH_VERSION_KZG;
    match transaction.blob_hashes.iter().position(wrong) {
        Some(index) => Err(InvalidTransaction::BlobHashVersion {
            index,
            hash: transaction.blob_hashes[index],
        }),
        None => Ok(()),
    }
}

fn validate_authorizations(transaction: &Transaction) -> Result<(), InvalidTransaction> {
    if transaction.kind != TransactionType::SetCode {
        return Ok(());
    }
    if transaction.is_create() {
        return Err(InvalidTransaction::SetCodeCreation);
    }
    if transaction.authorizations.is_empty() {
        return Err(InvalidTransaction::NoAuthorizations);
    }
    Ok(())
}
