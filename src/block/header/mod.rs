//! Block headers: their fields, strict decoding, and their hash.
//!
//! Owns the bytes; whether a header may follow another is for `validation`.

mod difficulty;
mod fees;
mod validation;

use alloy_rlp::Decodable;
use bytes::Bytes;

pub use difficulty::{ParentDifficulty, difficulty};
pub use fees::{BASE_FEE_INITIAL, GAS_LIMIT_MIN, ParentGas, base_fee};
pub use validation::{HeaderRules, validate};

use super::invalid::{InvalidBlock, Part};
use crate::{Address, B256, U256, keccak256};

/// A block's header. Fields that came with a fork are absent before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Keccak-256 of the header's RLP.
    pub hash: B256,
    /// The parent's hash.
    pub parent_hash: B256,
    /// Keccak-256 of the RLP of the ommers' headers.
    pub ommers_hash: B256,
    /// Who receives fees and rewards.
    pub coinbase: Address,
    /// The root of the state after the block.
    pub state_root: B256,
    /// The root of the transactions' trie.
    pub transactions_root: B256,
    /// The root of the receipts' trie.
    pub receipts_root: B256,
    /// The bloom filter of the logs, 256 bytes.
    pub logs_bloom: Bytes,
    /// Proof-of-work difficulty; zero from Paris.
    pub difficulty: U256,
    /// Height.
    pub number: u64,
    /// Gas.
    pub gas_limit: u64,
    /// Gas.
    pub gas_used: u64,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// Free bytes, 32 at most.
    pub extra_data: Bytes,
    /// Part of the proof of work; from Paris the beacon chain's randomness (EIP-4399).
    pub mix_hash: B256,
    /// Part of the proof of work; zero from Paris.
    pub nonce: u64,
    /// Wei per gas: from London (EIP-1559).
    pub base_fee: Option<u64>,
    /// The root of the withdrawals' trie: from Shanghai (EIP-4895).
    pub withdrawals_root: Option<B256>,
    /// Blob gas used: from Cancun (EIP-4844).
    pub blob_gas_used: Option<u64>,
    /// Blob gas in excess of the target: from Cancun (EIP-4844).
    pub excess_blob_gas: Option<u64>,
    /// The parent beacon block's root: from Cancun (EIP-4788).
    pub parent_beacon_block_root: Option<B256>,
    /// The commitment to the requests: from Prague (EIP-7685).
    pub requests_hash: Option<B256>,
}

/// The fields of a header, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum HeaderField {
    ParentHash,
    OmmersHash,
    Coinbase,
    StateRoot,
    TransactionsRoot,
    ReceiptsRoot,
    LogsBloom,
    Difficulty,
    Number,
    GasLimit,
    GasUsed,
    Timestamp,
    ExtraData,
    MixHash,
    Nonce,
    BaseFee,
    WithdrawalsRoot,
    BlobGasUsed,
    ExcessBlobGas,
    ParentBeaconBlockRoot,
    RequestsHash,
}

impl HeaderField {
    /// The name as `eth_getBlockByNumber` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ParentHash => "parentHash",
            Self::OmmersHash => "sha3Uncles",
            Self::Coinbase => "miner",
            Self::StateRoot => "stateRoot",
            Self::TransactionsRoot => "transactionsRoot",
            Self::ReceiptsRoot => "receiptsRoot",
            Self::LogsBloom => "logsBloom",
            Self::Difficulty => "difficulty",
            Self::Number => "number",
            Self::GasLimit => "gasLimit",
            Self::GasUsed => "gasUsed",
            Self::Timestamp => "timestamp",
            Self::ExtraData => "extraData",
            Self::MixHash => "mixHash",
            Self::Nonce => "nonce",
            Self::BaseFee => "baseFeePerGas",
            Self::WithdrawalsRoot => "withdrawalsRoot",
            Self::BlobGasUsed => "blobGasUsed",
            Self::ExcessBlobGas => "excessBlobGas",
            Self::ParentBeaconBlockRoot => "parentBeaconBlockRoot",
            Self::RequestsHash => "requestsHash",
        }
    }
}

impl core::fmt::Display for HeaderField {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

impl Header {
    /// Takes a header off the front of `rlp`.
    ///
    /// # Errors
    /// [`InvalidBlock::Malformed`] with the first field that is not canonical, too wide or missing,
    /// or the header itself where it goes on after its last field.
    pub fn decode(rlp: &mut &[u8]) -> Result<Self, InvalidBlock> {
        let start = *rlp;
        let payload = alloy_rlp::Header::decode_bytes(rlp, true)
            .map_err(|error| malformed(Part::Header, error))?;
        let bytes = &start[..start.len() - rlp.len()];
        let mut fields = Fields(payload);
        let header = fields.header(keccak256(bytes))?;
        if !fields.0.is_empty() {
            return Err(malformed(
                Part::Header,
                alloy_rlp::Error::ListLengthMismatch {
                    expected: payload.len() - fields.0.len(),
                    got: payload.len(),
                },
            ));
        }
        Ok(header)
    }

    /// Whether it commits to ommers.
    pub fn has_ommers(&self) -> bool {
        self.ommers_hash != EMPTY_OMMERS_HASH
    }
}

/// Keccak-256 of the RLP of an empty list: the ommers' hash of a block without any.
pub const EMPTY_OMMERS_HASH: B256 = primitive_types::H256(alloy_primitives::hex!(
    "1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
));

fn malformed(part: Part, error: alloy_rlp::Error) -> InvalidBlock {
    InvalidBlock::Malformed { part, error }
}

/// What is left of a header's payload.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn header(&mut self, hash: B256) -> Result<Header, InvalidBlock> {
        use HeaderField as F;
        Ok(Header {
            hash,
            parent_hash: self.hash(F::ParentHash)?,
            ommers_hash: self.hash(F::OmmersHash)?,
            coinbase: primitive_types::H160(self.fixed(F::Coinbase)?),
            state_root: self.hash(F::StateRoot)?,
            transactions_root: self.hash(F::TransactionsRoot)?,
            receipts_root: self.hash(F::ReceiptsRoot)?,
            logs_bloom: self.fixed::<256>(F::LogsBloom)?.to_vec().into(),
            difficulty: self.wide(F::Difficulty)?,
            number: self.integer(F::Number)?,
            gas_limit: self.integer(F::GasLimit)?,
            gas_used: self.integer(F::GasUsed)?,
            timestamp: self.integer(F::Timestamp)?,
            extra_data: self.take::<Bytes>(F::ExtraData)?,
            mix_hash: self.hash(F::MixHash)?,
            nonce: u64::from_be_bytes(self.fixed(F::Nonce)?),
            base_fee: self.optional(|fields| fields.integer(F::BaseFee))?,
            withdrawals_root: self.optional(|fields| fields.hash(F::WithdrawalsRoot))?,
            blob_gas_used: self.optional(|fields| fields.integer(F::BlobGasUsed))?,
            excess_blob_gas: self.optional(|fields| fields.integer(F::ExcessBlobGas))?,
            parent_beacon_block_root: self
                .optional(|fields| fields.hash(F::ParentBeaconBlockRoot))?,
            requests_hash: self.optional(|fields| fields.hash(F::RequestsHash))?,
        })
    }

    fn take<T: Decodable>(&mut self, field: HeaderField) -> Result<T, InvalidBlock> {
        T::decode(&mut self.0).map_err(|error| malformed(Part::HeaderField(field), error))
    }

    fn hash(&mut self, field: HeaderField) -> Result<B256, InvalidBlock> {
        self.fixed(field).map(primitive_types::H256)
    }

    fn fixed<const N: usize>(&mut self, field: HeaderField) -> Result<[u8; N], InvalidBlock> {
        self.take(field)
    }

    fn integer(&mut self, field: HeaderField) -> Result<u64, InvalidBlock> {
        self.take(field)
    }

    fn wide(&mut self, field: HeaderField) -> Result<U256, InvalidBlock> {
        let value: alloy_primitives::U256 = self.take(field)?;
        Ok(U256(*value.as_limbs()))
    }

    fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, InvalidBlock>,
    ) -> Result<Option<T>, InvalidBlock> {
        if self.0.is_empty() {
            return Ok(None);
        }
        read(self).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use alloy_rlp::Encodable;

    use super::*;

    fn encoded() -> Vec<u8> {
        let header = alloy_consensus::Header {
            number: 7,
            difficulty: alloy_primitives::U256::from(131_072),
            gas_limit: 5000,
            base_fee_per_gas: Some(9),
            ..Default::default()
        };
        alloy_rlp::encode(&header)
    }

    #[test]
    fn a_header_reads_back_with_its_hash_and_leaves_what_follows() {
        let mut bytes = encoded();
        let hash = keccak256(&bytes);
        bytes.push(0x80);
        let mut rest = &bytes[..];
        let header = Header::decode(&mut rest).unwrap();
        assert_eq!(rest, [0x80]);
        assert_eq!(header.hash, hash);
        assert_eq!((header.number, header.gas_limit), (7, 5000));
        assert_eq!(header.difficulty, 131_072.into());
        assert_eq!(header.base_fee, Some(9));
        assert_eq!(header.withdrawals_root, None);
        assert!(!header.has_ommers());
    }

    #[test]
    fn a_field_that_does_not_fit_is_named() {
        let header = alloy_consensus::Header::default();
        let mut payload = Vec::new();
        header.parent_hash.encode(&mut payload);
        [0u8; 31].as_slice().encode(&mut payload);
        let mut bytes = Vec::new();
        alloy_rlp::Header {
            list: true,
            payload_length: payload.len(),
        }
        .encode(&mut bytes);
        bytes.extend(payload);
        let error = Header::decode(&mut &bytes[..]).unwrap_err();
        assert!(
            matches!(
                error,
                InvalidBlock::Malformed {
                    part: Part::HeaderField(HeaderField::OmmersHash),
                    ..
                }
            ),
            "{error}"
        );
    }
}
