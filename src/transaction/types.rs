//! What a transaction says, whatever its type, and what follows from that alone.
//!
//! Owns the data and its prices; bytes are in `encoding`, signers in `signature`, rules in
//! `validation`.

use bytes::Bytes;
use deferevm_opcodes::machine::word;
use deferevm_opcodes::{Address, B256, Fork, U256};
use primitive_types::U512;

use super::blob::GAS_PER_BLOB;

/// A transaction's content without its signature, in one shape for every type.
///
/// Fields that a type does not have are empty or zero; the fee fields of types 0 and 1 both hold
/// the gas price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The EIP-2718 type.
    pub kind: TransactionType,
    /// EIP-155 chain id; `None` only for a legacy transaction that any chain accepts.
    pub chain_id: Option<u64>,
    /// The sender's nonce.
    pub nonce: u64,
    /// Gas that the sender buys.
    pub gas_limit: u64,
    /// Wei per gas, base fee included; the gas price for types 0 and 1.
    pub max_fee_per_gas: U256,
    /// Wei per gas that may go to the coinbase; the gas price for types 0 and 1.
    pub max_priority_fee_per_gas: U256,
    /// The callee, or `None` for a creation.
    pub to: Option<Address>,
    /// Wei moved to the callee.
    pub value: U256,
    /// Call data, or init code for a creation.
    pub input: Bytes,
    /// Accounts and slots to be warm from the start (EIP-2930).
    pub access_list: Vec<AccessListItem>,
    /// Wei per blob gas (EIP-4844).
    pub max_fee_per_blob_gas: U256,
    /// Versioned hashes of the blobs (EIP-4844).
    pub blob_hashes: Vec<B256>,
    /// Delegations to set (EIP-7702).
    pub authorizations: Vec<Authorization>,
}

impl Transaction {
    /// Whether it creates a contract.
    pub fn is_create(&self) -> bool {
        self.to.is_none()
    }

    /// Wei per gas actually paid in a block with this base fee: the base fee and the priority fee,
    /// at most the maximum (EIP-1559). Types 0 and 1 pay their gas price.
    pub fn effective_gas_price(&self, base_fee: U256) -> U256 {
        base_fee
            .saturating_add(self.max_priority_fee_per_gas)
            .min(self.max_fee_per_gas)
    }

    /// Blob gas that it uses (EIP-4844).
    pub fn blob_gas(&self) -> u64 {
        u64::try_from(self.blob_hashes.len())
            .unwrap_or(u64::MAX)
            .saturating_mul(GAS_PER_BLOB)
    }

    /// Wei that the sender must own before it starts: gas limit × maximal fee + blob gas × maximal
    /// blob fee + value. Every product of what the fields can hold fits 512 bits.
    pub fn upfront_cost(&self) -> U512 {
        let gas = word::mul_wide(self.max_fee_per_gas, U256::from(self.gas_limit));
        let blobs = word::mul_wide(self.max_fee_per_blob_gas, U256::from(self.blob_gas()));
        gas + blobs + word::widen(self.value)
    }
}

/// The EIP-2718 types, each holding its type byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TransactionType {
    /// Without a type byte: Frontier, EIP-155.
    #[default]
    Legacy = 0,
    /// EIP-2930, Berlin.
    AccessList = 1,
    /// EIP-1559, London.
    DynamicFee = 2,
    /// EIP-4844, Cancun.
    Blob = 3,
    /// EIP-7702, Prague.
    SetCode = 4,
}

impl TransactionType {
    /// The type with this type byte; zero is the legacy type.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Legacy),
            1 => Some(Self::AccessList),
            2 => Some(Self::DynamicFee),
            3 => Some(Self::Blob),
            4 => Some(Self::SetCode),
            _ => None,
        }
    }

    /// The type byte; zero for the legacy type, which is not written.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// The fork from which it is accepted.
    pub const fn since(self) -> Fork {
        match self {
            Self::Legacy => Fork::Frontier,
            Self::AccessList => Fork::Berlin,
            Self::DynamicFee => Fork::London,
            Self::Blob => Fork::Cancun,
            Self::SetCode => Fork::Prague,
        }
    }

    /// Whether the sender names a maximal fee and a priority fee instead of one gas price.
    pub const fn has_dynamic_fee(self) -> bool {
        matches!(self, Self::DynamicFee | Self::Blob | Self::SetCode)
    }
}

impl core::fmt::Display for TransactionType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = match self {
            Self::Legacy => "legacy",
            Self::AccessList => "access-list",
            Self::DynamicFee => "dynamic-fee",
            Self::Blob => "blob",
            Self::SetCode => "set-code",
        };
        write!(f, "{name} (type {})", self.byte())
    }
}

/// One account of an access list (EIP-2930).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessListItem {
    /// The account.
    pub address: Address,
    /// Its storage slots; duplicates are allowed, and paid for.
    pub storage_keys: Vec<U256>,
}

/// One signed wish to run another account's code (EIP-7702), unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorization {
    /// The chain it is for, or zero for all.
    pub chain_id: U256,
    /// The account whose code is to be run; zero removes the delegation.
    pub address: Address,
    /// The authority's nonce.
    pub nonce: u64,
    /// Parity of the signature's y; only 0 and 1 are valid, others are skipped.
    pub y_parity: u8,
    /// The signature's r.
    pub r: U256,
    /// The signature's s.
    pub s: U256,
}

/// An ECDSA signature over secp256k1 that the signer can be recovered from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// Whether y is odd.
    pub y_parity: bool,
    /// The signature's r.
    pub r: U256,
    /// The signature's s.
    pub s: U256,
}

/// A transaction with its signature, as it travels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedTransaction {
    /// The content.
    pub transaction: Transaction,
    /// The sender's signature of it.
    pub signature: Signature,
}

/// A transaction whose sender is known: what execution takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The content.
    pub transaction: Transaction,
    /// Who signed it.
    pub sender: Address,
    /// Its identity: the transaction hash, or for an unsigned program a hash that commits to the
    /// sender.
    pub hash: B256,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_pays_its_gas_price_whatever_the_base_fee() {
        let transaction = Transaction {
            max_fee_per_gas: U256::from(10),
            max_priority_fee_per_gas: U256::from(10),
            ..Transaction::default()
        };
        for base_fee in [0u64, 1, 9, 10] {
            assert_eq!(
                transaction.effective_gas_price(base_fee.into()),
                10u64.into()
            );
        }
    }

    #[test]
    fn dynamic_fee_pays_base_fee_and_tip_up_to_the_maximum() {
        let transaction = Transaction {
            kind: TransactionType::DynamicFee,
            max_fee_per_gas: U256::from(10),
            max_priority_fee_per_gas: U256::from(3),
            ..Transaction::default()
        };
        assert_eq!(transaction.effective_gas_price(0u64.into()), 3u64.into());
        assert_eq!(transaction.effective_gas_price(7u64.into()), 10u64.into());
        assert_eq!(transaction.effective_gas_price(9u64.into()), 10u64.into());
        assert_eq!(
            transaction.effective_gas_price(U256::MAX),
            10u64.into(),
            "the sum saturates"
        );
    }

    #[test]
    fn upfront_cost_of_maximal_fields_does_not_overflow() {
        let transaction = Transaction {
            gas_limit: u64::MAX,
            max_fee_per_gas: U256::MAX,
            max_fee_per_blob_gas: U256::MAX,
            value: U256::MAX,
            blob_hashes: vec![B256::zero(); 6],
            ..Transaction::default()
        };
        let max = U512::from(U256::MAX);
        let expected = max * U512::from(u64::MAX) + max * U512::from(6 * GAS_PER_BLOB) + max;
        assert_eq!(transaction.upfront_cost(), expected);
    }

    #[test]
    fn every_type_reads_back_its_byte() {
        for byte in 0..=u8::MAX {
            match TransactionType::from_byte(byte) {
                Some(kind) => assert_eq!(kind.byte(), byte),
                None => assert!(byte > 4),
            }
        }
    }
}
