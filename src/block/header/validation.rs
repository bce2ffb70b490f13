//! Whether a header may follow its parent: everything that needs no body and no execution.

use super::{
    EMPTY_OMMERS_HASH, GAS_LIMIT_MIN, Header, HeaderField, ParentDifficulty, ParentGas, base_fee,
    difficulty, fees::GAS_LIMIT_MAX,
};
use crate::{
    Fork, U256,
    block::{
        edges::{DAO_EXTRA_DATA, DAO_EXTRA_DATA_BLOCKS},
        invalid::InvalidBlock,
    },
    transaction::{BlobSchedule, blob::ParentBlobGas},
};

/// The most free bytes of a header.
const EXTRA_DATA_BYTES_MAX: usize = 32;

/// The rules that a header is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderRules {
    /// The block's fork.
    pub fork: Fork,
    /// Blob limits and price; `None` before Cancun.
    pub blob_schedule: Option<BlobSchedule>,
    /// The block with the DAO's irregular state change, if the chain made it.
    pub dao_fork: Option<u64>,
}

/// Checks a header against its parent's.
///
/// # Errors
/// The first rule that it breaks.
pub fn validate(header: &Header, parent: &Header, rules: &HeaderRules) -> Result<(), InvalidBlock> {
    validate_place(header, parent)?;
    validate_extra_data(header, rules)?;
    validate_gas(header, parent, rules.fork)?;
    validate_fields(header, rules.fork)?;
    validate_base_fee(header, parent)?;
    validate_seal(header, parent, rules.fork)?;
    match rules.blob_schedule {
        Some(schedule) => validate_blob_gas(header, parent, rules.fork, schedule),
        None => Ok(()),
    }
}

fn validate_place(header: &Header, parent: &Header) -> Result<(), InvalidBlock> {
    let expected = parent.number.saturating_add(1);
    if header.number != expected {
        return Err(InvalidBlock::Number {
            found: header.number,
            expected,
        });
    }
    if header.timestamp <= parent.timestamp {
        return Err(InvalidBlock::Timestamp {
            found: header.timestamp,
            parent: parent.timestamp,
        });
    }
    Ok(())
}

/// Every fork's fields are there, and no later one's.
fn validate_fields(header: &Header, fork: Fork) -> Result<(), InvalidBlock> {
    use HeaderField as F;
    for (field, is_present, since) in [
        (F::BaseFee, header.base_fee.is_some(), Fork::London),
        (
            F::WithdrawalsRoot,
            header.withdrawals_root.is_some(),
            Fork::Shanghai,
        ),
        (F::BlobGasUsed, header.blob_gas_used.is_some(), Fork::Cancun),
        (
            F::ExcessBlobGas,
            header.excess_blob_gas.is_some(),
            Fork::Cancun,
        ),
        (
            F::ParentBeaconBlockRoot,
            header.parent_beacon_block_root.is_some(),
            Fork::Cancun,
        ),
        (
            F::RequestsHash,
            header.requests_hash.is_some(),
            Fork::Prague,
        ),
    ] {
        match (is_present, fork >= since) {
            (false, true) => return Err(InvalidBlock::FieldMissing { field, fork }),
            (true, false) => return Err(InvalidBlock::FieldUnexpected { field, fork }),
            _ => {}
        }
    }
    Ok(())
}

fn validate_extra_data(header: &Header, rules: &HeaderRules) -> Result<(), InvalidBlock> {
    let found = header.extra_data.len();
    if found > EXTRA_DATA_BYTES_MAX {
        return Err(InvalidBlock::ExtraDataTooLong {
            found,
            max: EXTRA_DATA_BYTES_MAX,
        });
    }
    let number = header.number;
    let is_marked = rules
        .dao_fork
        .is_some_and(|fork| (fork..fork.saturating_add(DAO_EXTRA_DATA_BLOCKS)).contains(&number));
    if is_marked && header.extra_data[..] != DAO_EXTRA_DATA[..] {
        return Err(InvalidBlock::DaoExtraData { number });
    }
    Ok(())
}

fn validate_gas(header: &Header, parent: &Header, fork: Fork) -> Result<(), InvalidBlock> {
    let found = header.gas_limit;
    if !(GAS_LIMIT_MIN..=GAS_LIMIT_MAX).contains(&found) {
        return Err(InvalidBlock::GasLimitRange {
            found,
            min: GAS_LIMIT_MIN,
            max: GAS_LIMIT_MAX,
        });
    }
    if header.gas_used > header.gas_limit {
        return Err(InvalidBlock::GasUsedAboveLimit {
            found: header.gas_used,
            limit: header.gas_limit,
        });
    }
    let parent = parent_gas(parent);
    if !parent.allows_gas_limit(found, fork) {
        return Err(InvalidBlock::GasLimitStep {
            found,
            reference: parent.reference_gas_limit(fork),
        });
    }
    Ok(())
}

fn validate_base_fee(header: &Header, parent: &Header) -> Result<(), InvalidBlock> {
    let expected = base_fee(&parent_gas(parent));
    match header.base_fee {
        Some(found) if U256::from(found) != expected => {
            Err(InvalidBlock::BaseFee { found, expected })
        }
        _ => Ok(()),
    }
}

fn parent_gas(parent: &Header) -> ParentGas {
    ParentGas {
        gas_limit: parent.gas_limit,
        gas_used: parent.gas_used,
        base_fee: parent.base_fee,
    }
}

/// Difficulty, and from Paris the constants (EIP-3675). The proof of work itself is not checked.
fn validate_seal(header: &Header, parent: &Header, fork: Fork) -> Result<(), InvalidBlock> {
    let expected = if fork >= Fork::Paris {
        U256::zero()
    } else {
        let parent = ParentDifficulty {
            difficulty: parent.difficulty,
            timestamp: parent.timestamp,
            has_ommers: parent.has_ommers(),
        };
        difficulty(fork, header.number, header.timestamp, &parent)
    };
    // Ommers first: what has some was made by proof of work, and says so most clearly.
    if fork >= Fork::Paris && header.ommers_hash != EMPTY_OMMERS_HASH {
        return Err(InvalidBlock::OmmersAfterMerge);
    }
    if header.difficulty != expected {
        return Err(InvalidBlock::Difficulty {
            found: header.difficulty,
            expected,
        });
    }
    if fork >= Fork::Paris && header.nonce != 0 {
        return Err(InvalidBlock::NonceAfterMerge {
            found: header.nonce,
        });
    }
    Ok(())
}

fn validate_blob_gas(
    header: &Header,
    parent: &Header,
    fork: Fork,
    schedule: BlobSchedule,
) -> Result<(), InvalidBlock> {
    let parent = ParentBlobGas {
        excess_blob_gas: parent.excess_blob_gas.unwrap_or(0),
        blob_gas_used: parent.blob_gas_used.unwrap_or(0),
        base_fee: parent.base_fee.unwrap_or(0).into(),
    };
    let expected = schedule.excess_blob_gas(&parent, fork);
    let found = header.excess_blob_gas.unwrap_or(0);
    if found != expected {
        return Err(InvalidBlock::ExcessBlobGas { found, expected });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: HeaderRules = HeaderRules {
        fork: Fork::Cancun,
        blob_schedule: Some(BlobSchedule::CANCUN),
        dao_fork: None,
    };

    fn parent() -> Header {
        Header {
            ommers_hash: EMPTY_OMMERS_HASH,
            gas_limit: 30_000_000,
            gas_used: 15_000_000,
            number: 6,
            timestamp: 100,
            base_fee: Some(1_000),
            withdrawals_root: Some(Default::default()),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(Default::default()),
            ..Header::default()
        }
    }

    fn child() -> Header {
        Header {
            number: 7,
            timestamp: 101,
            ..parent()
        }
    }

    fn fault(change: impl FnOnce(&mut Header)) -> InvalidBlock {
        let mut header = child();
        change(&mut header);
        validate(&header, &parent(), &RULES).unwrap_err()
    }

    #[test]
    fn a_header_like_its_parent_one_second_later_is_valid() {
        assert_eq!(validate(&child(), &parent(), &RULES), Ok(()));
    }

    #[test]
    fn every_rule_has_its_error() {
        use InvalidBlock as E;
        assert!(matches!(
            fault(|header| header.number = 8),
            E::Number {
                found: 8,
                expected: 7
            }
        ));
        assert!(matches!(
            fault(|header| header.timestamp = 100),
            E::Timestamp { .. }
        ));
        assert!(matches!(
            fault(|header| header.base_fee = None),
            E::FieldMissing {
                field: HeaderField::BaseFee,
                ..
            }
        ));
        assert!(matches!(
            fault(|header| header.requests_hash = Some(Default::default())),
            E::FieldUnexpected {
                field: HeaderField::RequestsHash,
                ..
            }
        ));
        assert!(matches!(
            fault(|header| header.extra_data = vec![0; 33].into()),
            E::ExtraDataTooLong { found: 33, max: 32 }
        ));
        assert!(matches!(
            fault(|header| header.gas_limit = 4_999),
            E::GasLimitRange { .. }
        ));
        assert!(matches!(
            fault(|header| header.gas_limit += 30_000_000 / 1024),
            E::GasLimitStep { .. }
        ));
        assert!(matches!(
            fault(|header| header.gas_used = 30_000_001),
            E::GasUsedAboveLimit { .. }
        ));
        assert!(matches!(
            fault(|header| header.base_fee = Some(1_001)),
            E::BaseFee { .. }
        ));
        assert!(matches!(
            fault(|header| header.difficulty = 1.into()),
            E::Difficulty { .. }
        ));
        assert!(matches!(
            fault(|header| header.nonce = 1),
            E::NonceAfterMerge { found: 1 }
        ));
        assert!(matches!(
            fault(|header| header.ommers_hash = Default::default()),
            E::OmmersAfterMerge
        ));
        assert!(matches!(
            fault(|header| header.excess_blob_gas = Some(1)),
            E::ExcessBlobGas { .. }
        ));
    }

    #[test]
    fn ten_blocks_from_the_dao_fork_on_carry_its_mark() {
        let rules = HeaderRules {
            fork: Fork::Homestead,
            blob_schedule: None,
            dao_fork: Some(5),
        };
        let header = |number, extra_data: &'static [u8]| Header {
            number,
            extra_data: extra_data.into(),
            ..Header::default()
        };
        for number in [5, 14] {
            assert_eq!(
                validate_extra_data(&header(number, b"dao-hard-fork"), &rules),
                Ok(())
            );
            assert_eq!(
                validate_extra_data(&header(number, b""), &rules),
                Err(InvalidBlock::DaoExtraData { number })
            );
        }
        for number in [4, 15] {
            assert_eq!(validate_extra_data(&header(number, b""), &rules), Ok(()));
        }
    }
}
