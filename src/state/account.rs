//! What an account is, apart from its storage.

use crate::{Address, B256, U256};

/// Keccak-256 of no bytes: the code hash of an account without code.
pub const EMPTY_CODE_HASH: B256 = B256([
    0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03, 0xc0,
    0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70,
]);

/// An account's balance, nonce and code hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountInfo {
    /// Wei.
    pub balance: U256,
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Keccak-256 of the code; [`EMPTY_CODE_HASH`] without code.
    pub code_hash: B256,
}

impl Default for AccountInfo {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl AccountInfo {
    /// That of an account without balance, nonce and code.
    pub const EMPTY: Self = Self {
        balance: U256([0; 4]),
        nonce: 0,
        code_hash: EMPTY_CODE_HASH,
    };

    /// Whether it has code.
    pub fn has_code(&self) -> bool {
        self.code_hash != EMPTY_CODE_HASH
    }

    /// No code, no nonce, no balance (EIP-161).
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == EMPTY_CODE_HASH
    }
}

/// The first bytes of an address, which order almost all addresses as the whole does.
pub(crate) fn first_bytes(address: &Address) -> u64 {
    let first = address.0.first_chunk();
    u64::from_be_bytes(*first.expect("an address has 20 bytes"))
}

/// What addresses are sorted by: as the addresses themselves, but the first bytes almost always decide.
pub(crate) fn sort_key(address: &Address) -> (u64, Address) {
    (first_bytes(address), *address)
}

/// The address of a contract made by CREATE or by a creation transaction: the low 20 bytes of
/// keccak256(rlp([creator, nonce])).
pub fn create_address(creator: Address, nonce: u64) -> Address {
    let mut rlp = [0u8; 31];
    rlp[1] = 0x80 + 20;
    rlp[2..22].copy_from_slice(creator.as_bytes());
    let nonce_length = match nonce {
        0 => {
            rlp[22] = 0x80;
            1
        }
        1..=0x7f => {
            rlp[22] = nonce.to_be_bytes()[7];
            1
        }
        _ => {
            let bytes = nonce.to_be_bytes();
            let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
            let significant = &bytes[skipped..];
            rlp[22] = 0x80 + u8::try_from(significant.len()).expect("a u64 has at most 8 bytes");
            rlp[23..23 + significant.len()].copy_from_slice(significant);
            1 + significant.len()
        }
    };
    let payload = 21 + nonce_length;
    rlp[0] = 0xc0 + u8::try_from(payload).expect("the payload has at most 30 bytes");
    low_20_bytes(crate::keccak256(&rlp[..1 + payload]))
}

/// The address of a contract made by CREATE2 (EIP-1014).
pub fn create2_address(creator: Address, salt: U256, init_code_hash: B256) -> Address {
    let mut preimage = [0u8; 85];
    preimage[0] = 0xff;
    preimage[1..21].copy_from_slice(creator.as_bytes());
    preimage[21..53].copy_from_slice(&salt.to_big_endian());
    preimage[53..].copy_from_slice(init_code_hash.as_bytes());
    low_20_bytes(crate::keccak256(preimage))
}

fn low_20_bytes(hash: B256) -> Address {
    Address::from_slice(&hash.as_bytes()[12..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    #[test]
    fn the_empty_code_hash_is_keccak_of_nothing() {
        assert_eq!(EMPTY_CODE_HASH, crate::keccak256([]));
    }

    #[test]
    fn create_addresses_of_known_deployments() {
        // CryptoKitties' deployer and its first contracts are the customary vector.
        let creator = Address::from_str("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0").unwrap();
        for (nonce, expected) in [
            (0, "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"),
            (1, "343c43a37d37dff08ae8c4a11544c718abb4fcf8"),
            (2, "f778b86fa74e846c4f0a1fbd1335fe81c00a0c91"),
            (3, "fffd933a0bc612844eaf0c6fe3e5b8e9b6c1d19c"),
        ] {
            assert_eq!(
                create_address(creator, nonce),
                Address::from_str(expected).unwrap()
            );
        }
    }

    #[test]
    fn create_address_encodes_long_nonces_as_rlp_does() {
        use alloy_primitives::Address as EdgeAddress;
        for nonce in [
            0,
            1,
            0x7f,
            0x80,
            0xff,
            0x100,
            0xffff,
            1 << 32,
            u64::MAX - 1,
            u64::MAX,
        ] {
            let creator = Address::repeat_byte(0x42);
            assert_eq!(
                create_address(creator, nonce).0,
                EdgeAddress::from(creator.0).create(nonce).0.0
            );
        }
    }

    #[test]
    fn create2_address_of_eip_1014() {
        let address = create2_address(
            Address::from_str("deadbeef00000000000000000000000000000000").unwrap(),
            U256::zero(),
            crate::keccak256([0]),
        );
        assert_eq!(
            address,
            Address::from_str("b928f69bb1d91cd65274e3c79d8986362984fda3").unwrap()
        );
    }
}
