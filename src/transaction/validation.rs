//! Whether a transaction may run: one rule, one error.
//!
//! [`validate`] needs the block only, [`validate_sender`] the sender's account. What a block adds
//! up over its transactions (gas, blob gas) is checked where blocks are executed.

use deferevm_opcodes::machine::word;
use deferevm_opcodes::{B256, BlockEnvironment, Fork, U256};

use super::{
    blob::{BLOBS_PER_TRANSACTION_MAX, BlobSchedule, VERSIONED_HASH_VERSION_KZG},
    error::InvalidTransaction,
    intrinsic::{IntrinsicGas, intrinsic_gas},
    types::{Recovered, Transaction, TransactionType},
};

/// The most gas that a transaction may buy from Osaka: 2²⁴ (EIP-7825).
pub const GAS_LIMIT_MAX: u64 = 1 << 24;

/// The most bytes of init code from Shanghai (EIP-3860).
pub const INIT_CODE_SIZE_MAX: usize = 2 * 24_576;

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
    validate_fields(transaction, rules)?;
    validate_fees(transaction, block)?;
    let gas = validate_gas(transaction, fork, rules)?;
    if transaction.gas_limit > block.gas_limit {
        return Err(InvalidTransaction::GasLimitAboveBlock {
            found: transaction.gas_limit,
            block: block.gas_limit,
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
    validate_fields(transaction, rules)?;
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
    if is_affordable(transaction, account.balance) {
        return Ok(());
    }
    let required = transaction.upfront_cost();
    if word::widen(account.balance) < required {
        return Err(InvalidTransaction::InsufficientFunds {
            balance: account.balance,
            required,
        });
    }
    Ok(())
}

/// Whether the balance covers the cost for sure: a quick answer for prices of 64 bits without blobs.
fn is_affordable(transaction: &Transaction, balance: U256) -> bool {
    let U256([price, 0, 0, 0]) = transaction.max_fee_per_gas else {
        return false;
    };
    let gas = u128::from(price) * u128::from(transaction.gas_limit);
    transaction.blob_hashes.is_empty()
        && word::checked_sub(balance, transaction.value).is_some_and(|rest| rest >= U256::from(gas))
}

fn validate_type(transaction: &Transaction, fork: Fork) -> Result<(), InvalidTransaction> {
    let kind = transaction.kind;
    if fork < kind.since() {
        return Err(InvalidTransaction::TypeNotSupported { kind, fork });
    }
    Ok(())
}

/// Everything but gas that the fork's numbers alone decide.
fn validate_fields(
    transaction: &Transaction,
    rules: &TransactionRules,
) -> Result<(), InvalidTransaction> {
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
    validate_authorizations(transaction)
}

/// The block's prices. They come before the gas, as in the clients that the suites were filled with.
fn validate_fees(
    transaction: &Transaction,
    block: &BlockEnvironment,
) -> Result<(), InvalidTransaction> {
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
    let cost = word::mul_wide(transaction.max_fee_per_gas, U256::from(gas_limit));
    if word::narrow(cost).is_none() {
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use deferevm_opcodes::Address;

    use super::*;
    use crate::transaction::types::Authorization;

    const SENDER: Address = Address::repeat_byte(0xaa);

    fn block() -> BlockEnvironment {
        BlockEnvironment {
            chain_id: 1,
            gas_limit: 30_000_000,
            base_fee: U256::from(10),
            blob_base_fee: U256::from(3),
            ..BlockEnvironment::default()
        }
    }

    fn valid(kind: TransactionType) -> Transaction {
        let mut transaction = Transaction {
            kind,
            chain_id: Some(1),
            gas_limit: 100_000,
            max_fee_per_gas: U256::from(10),
            max_priority_fee_per_gas: U256::from(10),
            to: Some(Address::zero()),
            ..Transaction::default()
        };
        if kind == TransactionType::Blob {
            transaction.max_fee_per_blob_gas = U256::from(3);
            transaction.blob_hashes = vec![B256::repeat_byte(1)];
        }
        if kind == TransactionType::SetCode {
            transaction.authorizations = vec![Authorization::default()];
        }
        transaction
    }

    fn check(
        kind: TransactionType,
        fork: Fork,
        change: impl FnOnce(&mut Transaction),
    ) -> Result<IntrinsicGas, InvalidTransaction> {
        let mut transaction = valid(kind);
        change(&mut transaction);
        let recovered = Recovered {
            transaction,
            sender: SENDER,
            hash: B256::zero(),
        };
        validate(&recovered, &block(), fork, &TransactionRules::of(fork))
    }

    fn check_sender(
        account: SenderAccount,
        fork: Fork,
        change: impl FnOnce(&mut Transaction),
    ) -> Result<(), InvalidTransaction> {
        let mut transaction = valid(TransactionType::Legacy);
        transaction.nonce = 5;
        change(&mut transaction);
        let recovered = Recovered {
            transaction,
            sender: SENDER,
            hash: B256::zero(),
        };
        validate_sender(&recovered, &account, fork)
    }

    use InvalidTransaction as E;
    use TransactionType as T;

    #[test]
    fn each_type_is_accepted_from_its_fork_on() {
        for kind in [T::Legacy, T::AccessList, T::DynamicFee, T::Blob, T::SetCode] {
            for fork in Fork::ALL {
                let result = check(kind, fork, |_| ());
                if fork >= kind.since() {
                    assert!(result.is_ok(), "{kind} on {fork}: {result:?}");
                } else {
                    assert_eq!(result, Err(E::TypeNotSupported { kind, fork }));
                }
            }
        }
    }

    #[test]
    fn another_chain_is_refused_and_none_only_for_typed() {
        let result = check(T::Legacy, Fork::London, |t| t.chain_id = Some(2));
        assert_eq!(
            result,
            Err(E::ChainIdMismatch {
                found: 2,
                expected: 1
            })
        );
        assert!(check(T::Legacy, Fork::London, |t| t.chain_id = None).is_ok());
        let result = check(T::AccessList, Fork::London, |t| t.chain_id = None);
        assert_eq!(
            result,
            Err(E::ChainIdMissing {
                kind: T::AccessList,
                expected: 1
            })
        );
    }

    #[test]
    fn gas_must_cover_the_intrinsic_gas_and_fit_the_block() {
        let limit = |gas_limit| check(T::Legacy, Fork::London, |t| t.gas_limit = gas_limit);
        assert_eq!(
            limit(20_999),
            Err(E::IntrinsicGasTooLow {
                gas_limit: 20_999,
                intrinsic: 21_000
            })
        );
        assert!(limit(21_000).is_ok());
        assert!(limit(30_000_000).is_ok());
        assert_eq!(
            limit(30_000_001),
            Err(E::GasLimitAboveBlock {
                found: 30_000_001,
                block: 30_000_000
            })
        );
    }

    #[test]
    fn gas_must_cover_the_floor_from_prague() {
        let with = |fork| {
            check(T::Legacy, fork, |t| {
                t.input = Bytes::from(vec![1; 100]);
                t.gas_limit = 24_999;
            })
        };
        assert!(with(Fork::Cancun).is_ok());
        assert_eq!(
            with(Fork::Prague),
            Err(E::FloorGasTooLow {
                gas_limit: 24_999,
                floor: 25_000
            })
        );
    }

    #[test]
    fn a_transaction_buys_at_most_two_to_the_24_gas_from_osaka() {
        let with = |fork, gas_limit| check(T::Legacy, fork, |t| t.gas_limit = gas_limit);
        assert!(with(Fork::Osaka, GAS_LIMIT_MAX).is_ok());
        assert!(with(Fork::Prague, GAS_LIMIT_MAX + 1).is_ok());
        assert_eq!(
            with(Fork::Osaka, GAS_LIMIT_MAX + 1),
            Err(E::GasLimitAboveMaximum {
                found: GAS_LIMIT_MAX + 1,
                max: GAS_LIMIT_MAX
            })
        );
    }

    #[test]
    fn init_code_is_limited_from_shanghai_and_call_data_never() {
        let with = |fork, size, to: Option<Address>| {
            check(T::Legacy, fork, |t| {
                t.gas_limit = 10_000_000;
                t.to = to;
                t.input = Bytes::from(vec![0; size]);
            })
        };
        assert!(with(Fork::Shanghai, INIT_CODE_SIZE_MAX, None).is_ok());
        assert!(with(Fork::Paris, INIT_CODE_SIZE_MAX + 1, None).is_ok());
        assert!(with(Fork::Shanghai, INIT_CODE_SIZE_MAX + 1, Some(SENDER)).is_ok());
        assert_eq!(
            with(Fork::Shanghai, INIT_CODE_SIZE_MAX + 1, None),
            Err(E::InitCodeTooLarge {
                size: INIT_CODE_SIZE_MAX + 1,
                max: INIT_CODE_SIZE_MAX
            })
        );
    }

    #[test]
    fn fees_must_reach_the_base_fee_and_tips_stay_below_the_fee() {
        let with = |max: u64, priority: u64| {
            check(T::DynamicFee, Fork::London, |t| {
                t.max_fee_per_gas = max.into();
                t.max_priority_fee_per_gas = priority.into();
            })
        };
        assert!(with(10, 0).is_ok());
        assert!(matches!(with(9, 0), Err(E::MaxFeeBelowBaseFee { .. })));
        assert!(matches!(
            with(10, 11),
            Err(E::PriorityFeeAboveMaxFee { .. })
        ));
        let result = check(T::DynamicFee, Fork::London, |t| {
            t.max_fee_per_gas = U256::MAX;
        });
        assert!(matches!(result, Err(E::GasCostOverflow { .. })));
    }

    #[test]
    fn blobs_are_counted_versioned_and_paid() {
        let with = |fork, count| {
            check(T::Blob, fork, |t| {
                t.blob_hashes = vec![B256::repeat_byte(1); count];
            })
        };
        assert_eq!(with(Fork::Cancun, 0), Err(E::NoBlobs));
        for (fork, max) in [(Fork::Cancun, 6), (Fork::Prague, 9), (Fork::Osaka, 6)] {
            let most = usize::try_from(max).unwrap();
            assert!(with(fork, most).is_ok());
            assert_eq!(
                with(fork, most + 1),
                Err(E::TooManyBlobs {
                    found: most + 1,
                    max
                })
            );
        }
        let result = check(T::Blob, Fork::Cancun, |t| {
            t.blob_hashes.push(B256::repeat_byte(2));
        });
        assert_eq!(
            result,
            Err(E::BlobHashVersion {
                index: 1,
                hash: B256::repeat_byte(2)
            })
        );
        let result = check(T::Blob, Fork::Cancun, |t| {
            t.max_fee_per_blob_gas = U256::from(2);
        });
        assert!(matches!(result, Err(E::MaxBlobFeeBelowBlobBaseFee { .. })));
    }

    #[test]
    fn a_schedule_of_fewer_blobs_limits_osaka_too() {
        let rules = |max| {
            TransactionRules::with_blob_schedule(Fork::Osaka, BlobSchedule::new(1, max, 5_007_716))
        };
        assert_eq!(rules(2).blobs_max, 2);
        assert_eq!(rules(15).blobs_max, BLOBS_PER_TRANSACTION_MAX);
    }

    #[test]
    fn blob_and_set_code_transactions_need_a_callee_and_content() {
        let no_callee = |t: &mut Transaction| t.to = None;
        assert_eq!(
            check(T::Blob, Fork::Prague, no_callee),
            Err(E::BlobCreation)
        );
        assert_eq!(
            check(T::SetCode, Fork::Prague, no_callee),
            Err(E::SetCodeCreation)
        );
        let result = check(T::SetCode, Fork::Prague, |t| t.authorizations.clear());
        assert_eq!(result, Err(E::NoAuthorizations));
    }

    #[test]
    fn nonces_must_follow_and_the_last_is_unusable() {
        let rich = |nonce| SenderAccount {
            nonce,
            balance: U256::MAX,
            ..SenderAccount::default()
        };
        let with = |nonce| check_sender(rich(nonce), Fork::London, |_| ());
        assert!(with(5).is_ok());
        assert_eq!(
            with(6),
            Err(E::NonceTooLow {
                found: 5,
                expected: 6
            })
        );
        assert_eq!(
            with(4),
            Err(E::NonceTooHigh {
                found: 5,
                expected: 4
            })
        );
        let result = check(T::Legacy, Fork::Frontier, |t| t.nonce = u64::MAX);
        assert_eq!(result, Err(E::NonceMaximal));
        assert!(check(T::Legacy, Fork::Frontier, |t| t.nonce = u64::MAX - 1).is_ok());
    }

    #[test]
    fn contracts_send_nothing_and_delegations_send_from_prague() {
        let with = |code, fork| {
            let account = SenderAccount {
                nonce: 5,
                balance: U256::MAX,
                code,
            };
            check_sender(account, fork, |_| ())
        };
        let refused = Err(E::SenderHasCode { sender: SENDER });
        assert_eq!(with(SenderCode::Contract, Fork::Prague), refused);
        assert_eq!(with(SenderCode::Delegation, Fork::Cancun), refused);
        assert!(with(SenderCode::Delegation, Fork::Prague).is_ok());
    }

    #[test]
    fn funds_must_cover_gas_value_and_blobs_at_their_maximal_price() {
        let with = |balance: u64| {
            let account = SenderAccount {
                nonce: 5,
                balance: balance.into(),
                ..SenderAccount::default()
            };
            check_sender(account, Fork::Cancun, |t| {
                t.value = U256::from(7);
                t.blob_hashes = vec![B256::repeat_byte(1); 2];
                t.max_fee_per_blob_gas = U256::from(3);
            })
        };
        let cost = 100_000 * 10 + 2 * 131_072 * 3 + 7;
        assert!(with(cost).is_ok());
        assert_eq!(
            with(cost - 1),
            Err(E::InsufficientFunds {
                balance: (cost - 1).into(),
                required: cost.into()
            })
        );
    }
}
