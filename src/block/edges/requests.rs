//! Requests of the execution layer to the consensus layer (EIP-7685): deposits from logs
//! (EIP-6110), withdrawals (EIP-7002) and consolidations (EIP-7251) from their contracts.

use alloy_primitives::hex;
use bytes::Bytes;
use primitive_types::{H160, H256};
use sha2::{Digest, Sha256};

use super::{CONSOLIDATION_REQUEST_ADDRESS, Edge, EdgeFault, WITHDRAWAL_REQUEST_ADDRESS};
use crate::{Address, B256, Log, U256, transaction::Status};

/// The deposit contract on mainnet (EIP-6110).
const DEPOSIT_CONTRACT_ADDRESS: Address = H160(hex!("00000000219ab540356cbb839cbe05303d7705fa"));

/// The topic of its `DepositEvent(bytes,bytes,bytes,bytes,bytes)`.
const DEPOSIT_EVENT: B256 = H256(hex!(
    "649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5"
));

/// Bytes of the event's data.
const DEPOSIT_DATA_BYTES: usize = 576;

/// The event's five byte strings: where the word with their length lies, and what it must be.
const DEPOSIT_FIELDS: [(usize, usize); 5] = [(160, 48), (256, 32), (320, 8), (384, 96), (512, 8)];

/// A word of the ABI encoding.
const WORD_BYTES: usize = 32;

/// The EIP-7685 types.
const DEPOSIT_REQUEST: u8 = 0;
const WITHDRAWAL_REQUEST: u8 = 1;
const CONSOLIDATION_REQUEST: u8 = 2;

/// A block's requests, in the order of their types: each the type byte and the data, those without
/// data left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(Vec<Bytes>);

/// Why a block's requests cannot be had, which makes the block invalid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidRequests {
    /// A deposit event of another length (EIP-6110).
    #[error("deposit event has {found} bytes, expected {DEPOSIT_DATA_BYTES}")]
    DepositSize {
        /// Bytes.
        found: usize,
    },
    /// A deposit event of another layout (EIP-6110).
    #[error("deposit event has {found} at byte {place}, expected {expected}")]
    DepositLayout {
        /// Where the word begins.
        place: usize,
        /// What it is.
        found: U256,
        /// What it must be.
        expected: usize,
    },
    /// A request contract without code (EIP-7002, EIP-7251).
    #[error("system contract {address:?} has no code")]
    ContractMissing {
        /// The contract.
        address: Address,
    },
    /// A request contract that failed (EIP-7002, EIP-7251).
    #[error("system contract {address:?} failed: {}", status.reason().unwrap_or_default())]
    CallFailed {
        /// The contract.
        address: Address,
        /// How.
        status: Status,
    },
}

impl Requests {
    /// Each request's type byte and data.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.0.iter()
    }

    /// The commitment to them in the header: the SHA-256 of their SHA-256 hashes (EIP-7685).
    pub fn hash(&self) -> B256 {
        let mut outer = Sha256::new();
        for request in &self.0 {
            outer.update(Sha256::digest(request));
        }
        H256(outer.finalize().into())
    }

    fn push(&mut self, kind: u8, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let mut request = Vec::with_capacity(1 + data.len());
        request.push(kind);
        request.extend_from_slice(data);
        self.0.push(request.into());
    }
}

/// Reads the deposits from the logs and asks the two contracts.
pub(super) fn collect<'l>(
    edge: &mut Edge<'_>,
    logs: impl Iterator<Item = &'l Log>,
) -> Result<Requests, EdgeFault> {
    let mut requests = Requests::default();
    requests.push(DEPOSIT_REQUEST, &deposits(logs)?);
    for (kind, address) in [
        (WITHDRAWAL_REQUEST, WITHDRAWAL_REQUEST_ADDRESS),
        (CONSOLIDATION_REQUEST, CONSOLIDATION_REQUEST_ADDRESS),
    ] {
        let executed = edge
            .system_call(address, &[])?
            .ok_or(InvalidRequests::ContractMissing { address })?;
        if !executed.status.is_success() {
            let status = executed.status;
            return Err(InvalidRequests::CallFailed { address, status }.into());
        }
        requests.push(kind, &executed.output);
    }
    Ok(requests)
}

/// The deposits of the logs, one after the other, without the ABI encoding around them.
fn deposits<'l>(logs: impl Iterator<Item = &'l Log>) -> Result<Vec<u8>, InvalidRequests> {
    let mut deposits = Vec::new();
    let is_deposit = |log: &&Log| {
        log.address == DEPOSIT_CONTRACT_ADDRESS && log.topics.first() == Some(&DEPOSIT_EVENT)
    };
    for log in logs.filter(is_deposit) {
        check_layout(&log.data)?;
        for (place, length) in DEPOSIT_FIELDS {
            let start = place + WORD_BYTES;
            deposits.extend_from_slice(&log.data[start..start + length]);
        }
    }
    Ok(deposits)
}

fn check_layout(data: &[u8]) -> Result<(), InvalidRequests> {
    if data.len() != DEPOSIT_DATA_BYTES {
        return Err(InvalidRequests::DepositSize { found: data.len() });
    }
    let expect = |place: usize, expected: usize| {
        let found = U256::from_big_endian(&data[place..place + WORD_BYTES]);
        if found == U256::from(expected) {
            Ok(())
        } else {
            Err(InvalidRequests::DepositLayout {
                place,
                found,
                expected,
            })
        }
    };
    for (index, (place, length)) in DEPOSIT_FIELDS.into_iter().enumerate() {
        expect(index * WORD_BYTES, place)?;
        expect(place, length)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event whose byte strings are filled with 1, 2, 3, 4, 5.
    fn event() -> Vec<u8> {
        let mut data = vec![0; DEPOSIT_DATA_BYTES];
        for (index, (place, length)) in DEPOSIT_FIELDS.into_iter().enumerate() {
            let offset = U256::from(place).to_big_endian();
            data[index * 32..index * 32 + 32].copy_from_slice(&offset);
            data[place..place + 32].copy_from_slice(&U256::from(length).to_big_endian());
            data[place + 32..place + 32 + length].fill(u8::try_from(index).unwrap() + 1);
        }
        data
    }

    fn log(data: Vec<u8>) -> Log {
        Log {
            address: DEPOSIT_CONTRACT_ADDRESS,
            topics: vec![DEPOSIT_EVENT],
            data: data.into(),
        }
    }

    #[test]
    fn a_deposit_is_its_five_byte_strings_in_a_row() {
        let other = Log {
            topics: vec![B256::zero()],
            ..log(vec![])
        };
        let found = deposits([&log(event()), &other, &log(event())].into_iter()).unwrap();
        let one = [
            vec![1; 48],
            vec![2; 32],
            vec![3; 8],
            vec![4; 96],
            vec![5; 8],
        ]
        .concat();
        assert_eq!(found, [one.clone(), one].concat());
    }

    #[test]
    fn a_deposit_of_another_layout_is_invalid() {
        let found = deposits([&log(vec![0; 575])].into_iter());
        assert_eq!(found, Err(InvalidRequests::DepositSize { found: 575 }));
        for place in [31, 159, 191, 287, 351, 415, 543] {
            let mut data = event();
            data[place] ^= 1;
            let found = deposits([&log(data)].into_iter());
            assert!(
                matches!(found, Err(InvalidRequests::DepositLayout { .. })),
                "{place}"
            );
        }
    }

    #[test]
    fn no_requests_hash_to_the_hash_of_nothing() {
        let empty = hex!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Requests::default().hash().0, empty);
        let mut requests = Requests::default();
        requests.push(1, &[]);
        assert_eq!(requests.hash().0, empty);
        requests.push(1, &[7]);
        let inner = Sha256::digest([1, 7]);
        assert_eq!(requests.hash().0, <[u8; 32]>::from(Sha256::digest(inner)));
    }
}
