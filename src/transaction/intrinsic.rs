//! Gas that a transaction costs before any of its code runs, in every fork.
//!
//! Owns the prices of a transaction's parts; whether its gas limit covers them is decided in
//! `validation`.

use deferevm_opcodes::Fork;

use super::types::Transaction;

/// Gas of every transaction.
pub const TRANSACTION_GAS: u64 = 21_000;
/// Gas of a creation, on top, from Homestead (EIP-2).
pub const CREATION_GAS: u64 = 32_000;
/// Gas of a zero byte of input.
pub const ZERO_BYTE_GAS: u64 = 4;
/// Gas of a non-zero byte of input before Istanbul.
pub const NONZERO_BYTE_GAS_FRONTIER: u64 = 68;
/// Gas of a non-zero byte of input from Istanbul (EIP-2028).
pub const NONZERO_BYTE_GAS: u64 = 16;
/// Gas of an address in an access list (EIP-2930).
pub const ACCESS_LIST_ADDRESS_GAS: u64 = 2_400;
/// Gas of a storage key in an access list (EIP-2930).
pub const ACCESS_LIST_STORAGE_KEY_GAS: u64 = 1_900;
/// Gas of 32 bytes of init code from Shanghai (EIP-3860).
pub const INIT_CODE_WORD_GAS: u64 = 2;
/// Gas of an authorization: the price of the empty account it may create (EIP-7702).
pub const AUTHORIZATION_GAS: u64 = 25_000;
/// Gas that a token of input costs at least from Prague; a zero byte is one token, any other four
/// (EIP-7623).
pub const FLOOR_TOKEN_GAS: u64 = 10;
/// Tokens of a non-zero byte (EIP-7623).
pub const NONZERO_BYTE_TOKENS: u64 = 4;

/// What a transaction costs whatever its code does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntrinsicGas {
    /// Gas taken before the code runs.
    pub initial: u64,
    /// The least gas used in the end (EIP-7623); zero before Prague.
    pub floor: u64,
}

/// The intrinsic gas and the floor under a fork's rules.
///
/// Sums saturate at 2⁶⁴−1 instead of overflowing.
pub fn intrinsic_gas(transaction: &Transaction, fork: Fork) -> IntrinsicGas {
    let nonzero = nonzero_bytes(&transaction.input);
    let zero = count(transaction.input.len()) - nonzero;
    let nonzero_byte_gas = if fork >= Fork::Istanbul {
        NONZERO_BYTE_GAS
    } else {
        NONZERO_BYTE_GAS_FRONTIER
    };
    let storage_keys = transaction.access_list.iter().fold(0u64, |sum, item| {
        sum.saturating_add(count(item.storage_keys.len()))
    });
    let parts = [
        (TRANSACTION_GAS, 1),
        (ZERO_BYTE_GAS, zero),
        (nonzero_byte_gas, nonzero),
        creation_gas(transaction, fork),
        (
            ACCESS_LIST_ADDRESS_GAS,
            count(transaction.access_list.len()),
        ),
        (ACCESS_LIST_STORAGE_KEY_GAS, storage_keys),
        (AUTHORIZATION_GAS, count(transaction.authorizations.len())),
    ];
    let floor = if fork >= Fork::Prague {
        let tokens = nonzero
            .saturating_mul(NONZERO_BYTE_TOKENS)
            .saturating_add(zero);
        sum([(TRANSACTION_GAS, 1), (FLOOR_TOKEN_GAS, tokens)])
    } else {
        0
    };
    IntrinsicGas {
        initial: sum(parts),
        floor,
    }
}

/// What a creation costs on top, as one price and how often.
fn creation_gas(transaction: &Transaction, fork: Fork) -> (u64, u64) {
    if !transaction.is_create() || fork < Fork::Homestead {
        return (0, 0);
    }
    let words = if fork >= Fork::Shanghai {
        count(transaction.input.len().div_ceil(32))
    } else {
        0
    };
    (
        words
            .saturating_mul(INIT_CODE_WORD_GAS)
            .saturating_add(CREATION_GAS),
        1,
    )
}

fn sum<const N: usize>(parts: [(u64, u64); N]) -> u64 {
    parts.into_iter().fold(0, |sum, (price, times)| {
        sum.saturating_add(price.saturating_mul(times))
    })
}

/// How many bytes are not zero, counted in bytes as far as those reach: then the compiler counts sixteen at once.
fn nonzero_bytes(bytes: &[u8]) -> u64 {
    let chunks = bytes.chunks(usize::from(u8::MAX));
    let counts = chunks.map(|chunk| chunk.iter().map(|byte| u8::from(*byte != 0)).sum::<u8>());
    counts.map(u64::from).sum()
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use deferevm_opcodes::{Address, U256};

    use super::*;
    use crate::transaction::types::{AccessListItem, Authorization};

    fn call(input: &'static [u8]) -> Transaction {
        Transaction {
            to: Some(Address::zero()),
            input: Bytes::from_static(input),
            ..Transaction::default()
        }
    }

    #[test]
    fn every_byte_that_is_not_zero_counts() {
        for length in [0, 1, 15, 16, 254, 255, 256, 510, 511, 5000] {
            assert_eq!(nonzero_bytes(&vec![1; length]), length as u64);
            assert_eq!(nonzero_bytes(&vec![0; length]), 0);
            let mixed: Vec<u8> = (0..length).map(|place| (place % 3) as u8 * 0x40).collect();
            let expected = mixed.iter().filter(|byte| **byte != 0).count();
            assert_eq!(nonzero_bytes(&mixed), expected as u64);
        }
    }

    fn initial(transaction: &Transaction, fork: Fork) -> u64 {
        intrinsic_gas(transaction, fork).initial
    }

    #[test]
    fn input_bytes_got_cheaper_in_istanbul() {
        let transaction = call(&[0, 1, 255]);
        assert_eq!(initial(&transaction, Fork::Frontier), 21_000 + 4 + 2 * 68);
        assert_eq!(initial(&transaction, Fork::Petersburg), 21_000 + 4 + 2 * 68);
        assert_eq!(initial(&transaction, Fork::Istanbul), 21_000 + 4 + 2 * 16);
    }

    #[test]
    fn creation_costs_more_from_homestead_and_its_words_from_shanghai() {
        let mut transaction = call(&[0; 33]);
        transaction.to = None;
        assert_eq!(initial(&transaction, Fork::Frontier), 21_000 + 33 * 4);
        assert_eq!(initial(&transaction, Fork::Homestead), 53_000 + 33 * 4);
        assert_eq!(initial(&transaction, Fork::Paris), 53_000 + 33 * 4);
        assert_eq!(initial(&transaction, Fork::Shanghai), 53_000 + 33 * 4 + 4);
    }

    #[test]
    fn access_list_and_authorizations_are_charged_by_the_piece() {
        let mut transaction = call(&[]);
        transaction.access_list = vec![
            AccessListItem {
                address: Address::zero(),
                storage_keys: vec![U256::zero(); 3],
            },
            AccessListItem::default(),
        ];
        transaction.authorizations = vec![Authorization::default(); 2];
        assert_eq!(
            initial(&transaction, Fork::Prague),
            21_000 + 2 * 2_400 + 3 * 1_900 + 2 * 25_000
        );
    }

    #[test]
    fn the_floor_counts_tokens_from_prague() {
        let transaction = call(&[0, 0, 7]);
        assert_eq!(intrinsic_gas(&transaction, Fork::Cancun).floor, 0);
        assert_eq!(intrinsic_gas(&transaction, Fork::Prague).floor, 21_000 + 60);
        let mut creation = transaction;
        creation.to = None;
        assert_eq!(intrinsic_gas(&creation, Fork::Osaka).floor, 21_000 + 60);
    }
}
