//! Transactions as bytes (RLP, EIP-2718): strict decoding, encoding, and the hashes of both forms.
//!
//! What decodes encodes back to the same bytes. Only the canonical form is read: the network's
//! blob form with its sidecar is refused. Whether a signature is right is decided in `signature`.

use alloy_rlp::{Encodable, Header};
use bytes::Bytes;
use deferevm_opcodes::{Address, B256, Fork, U256, keccak256};

use super::{
    error::InvalidTransaction,
    signature::SignatureError,
    types::{AccessListItem, Authorization, SignedTransaction, Transaction, TransactionType},
};

/// The greatest first byte of a typed transaction (EIP-2718).
const TYPE_BYTE_MAX: u8 = 0x7f;

/// Bytes that are no canonical transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No byte at all.
    #[error("no bytes, expected a transaction")]
    Empty,
    /// A type byte that no fork has given a meaning.
    #[error("transaction type {found:#04x} is unknown, expected 1 to 4 or a list")]
    UnknownType {
        /// The first byte.
        found: u8,
    },
    /// The item is not canonical RLP, is cut off, or is a list in place of a string or vice versa.
    #[error("{field}: {error}")]
    Rlp {
        /// Where.
        field: Field,
        /// What the RLP reader says.
        error: alloy_rlp::Error,
    },
    /// A list ended before this field.
    #[error("{field} is missing")]
    Missing {
        /// The first field that is absent.
        field: Field,
    },
    /// A list goes on after its last field.
    #[error("{count} bytes follow the last field of {field}, expected none")]
    ExtraFields {
        /// The list.
        field: Field,
        /// Bytes.
        count: usize,
    },
    /// Bytes follow the transaction.
    #[error("{count} bytes follow the transaction, expected none")]
    TrailingBytes {
        /// Bytes.
        count: usize,
    },
    /// An integer starts with a zero byte.
    #[error("{field} has a leading zero byte, expected the shortest form")]
    LeadingZero {
        /// The integer.
        field: Field,
    },
    /// An integer does not fit its type.
    #[error("{field} has {found} bytes, {max} at most")]
    TooWide {
        /// The integer.
        field: Field,
        /// Bytes.
        found: usize,
        /// Bytes.
        max: usize,
    },
    /// A string of fixed length has another.
    #[error("{field} has {found} bytes, expected {expected}")]
    Length {
        /// The string.
        field: Field,
        /// Bytes.
        found: usize,
        /// Bytes.
        expected: usize,
    },
}

/// The parts of an encoded transaction, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Field {
    Transaction,
    ChainId,
    Nonce,
    GasPrice,
    MaxPriorityFeePerGas,
    MaxFeePerGas,
    GasLimit,
    To,
    Value,
    Input,
    AccessList,
    AccessListAddress,
    StorageKey,
    MaxFeePerBlobGas,
    BlobHash,
    AuthorizationList,
    AuthorizationChainId,
    AuthorizationAddress,
    AuthorizationNonce,
    AuthorizationYParity,
    AuthorizationR,
    AuthorizationS,
    V,
    R,
    S,
}

impl core::fmt::Display for Field {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Transaction => "transaction",
            Self::ChainId => "chain id",
            Self::Nonce => "nonce",
            Self::GasPrice => "gas price",
            Self::MaxPriorityFeePerGas => "max priority fee per gas",
            Self::MaxFeePerGas => "max fee per gas",
            Self::GasLimit => "gas limit",
            Self::To => "to",
            Self::Value => "value",
            Self::Input => "input",
            Self::AccessList => "access list",
            Self::AccessListAddress => "access list address",
            Self::StorageKey => "access list storage key",
            Self::MaxFeePerBlobGas => "max fee per blob gas",
            Self::BlobHash => "blob hash",
            Self::AuthorizationList => "authorization list",
            Self::AuthorizationChainId => "authorization chain id",
            Self::AuthorizationAddress => "authorization address",
            Self::AuthorizationNonce => "authorization nonce",
            Self::AuthorizationYParity => "authorization y parity",
            Self::AuthorizationR => "authorization r",
            Self::AuthorizationS => "authorization s",
            Self::V => "v",
            Self::R => "r",
            Self::S => "s",
        })
    }
}

impl SignedTransaction {
    /// Reads one transaction, which must be all of `raw`, in the form that a block's transaction
    /// list and the transaction hash use. The input shares `raw`'s memory.
    ///
    /// # Errors
    /// A type that `fork` does not have, before anything else is read; then the first fault met in
    /// the bytes.
    pub fn decode(raw: &Bytes, fork: Fork) -> Result<Self, InvalidTransaction> {
        let first = *raw.first().ok_or(DecodeError::Empty)?;
        let (kind, mut rest) = if first > TYPE_BYTE_MAX {
            (TransactionType::Legacy, &raw[..])
        } else {
            (typed(first, fork)?, &raw[1..])
        };
        let mut fields = Fields::enter(&mut rest, Field::Transaction)?;
        if !rest.is_empty() {
            return Err(DecodeError::TrailingBytes { count: rest.len() }.into());
        }
        let mut signed = SignedTransaction::default();
        signed.transaction.kind = kind;
        fields.content(&mut signed.transaction, raw)?;
        fields.signature(&mut signed)?;
        fields.finish(Field::Transaction)?;
        Ok(signed)
    }

    /// The bytes that travel and that the transaction hash is of.
    pub fn encode(&self) -> Vec<u8> {
        let transaction = &self.transaction;
        let signature = &self.signature;
        let mut payload = Vec::with_capacity(transaction.input.len() + 256);
        put_content(&mut payload, transaction);
        match transaction.kind {
            TransactionType::Legacy => {
                put_integer(
                    &mut payload,
                    legacy_v(transaction.chain_id, signature.y_parity),
                );
            }
            _ => put_integer(&mut payload, U256::from(u8::from(signature.y_parity))),
        }
        put_integer(&mut payload, signature.r);
        put_integer(&mut payload, signature.s);
        enclose(transaction.kind, &payload)
    }

    /// The transaction hash: keccak-256 of the bytes that travel.
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }
}

impl Transaction {
    /// What the sender signs: keccak-256 of the content, for legacy transactions with the chain id
    /// where one is named (EIP-155).
    pub fn signing_hash(&self) -> B256 {
        let mut payload = Vec::with_capacity(self.input.len() + 256);
        put_content(&mut payload, self);
        if self.kind == TransactionType::Legacy
            && let Some(chain_id) = self.chain_id
        {
            chain_id.encode(&mut payload);
            0u64.encode(&mut payload);
            0u64.encode(&mut payload);
        }
        keccak256(enclose(self.kind, &payload))
    }
}

impl Authorization {
    /// What the authority signs: keccak256(0x05 ‖ rlp([chain id, address, nonce])) (EIP-7702).
    pub fn signing_hash(&self) -> B256 {
        const MAGIC: u8 = 0x05;
        let mut payload = Vec::with_capacity(64);
        put_integer(&mut payload, self.chain_id);
        self.address.0.encode(&mut payload);
        self.nonce.encode(&mut payload);
        let mut message = Vec::with_capacity(payload.len() + 2);
        message.push(MAGIC);
        put_list(&mut message, &payload);
        keccak256(message)
    }
}

/// The type behind a type byte, if the fork has it.
fn typed(byte: u8, fork: Fork) -> Result<TransactionType, InvalidTransaction> {
    match TransactionType::from_byte(byte) {
        // Type 0 is never written.
        None | Some(TransactionType::Legacy) => {
            Err(DecodeError::UnknownType { found: byte }.into())
        }
        Some(kind) if fork < kind.since() => {
            Err(InvalidTransaction::TypeNotSupported { kind, fork })
        }
        Some(kind) => Ok(kind),
    }
}

/// A legacy transaction's v: 27 or 28, or with a chain id 35 or 36 + 2 × chain id (EIP-155).
fn legacy_v(chain_id: Option<u64>, y_parity: bool) -> U256 {
    let base = chain_id.map_or(27, |chain_id| 35 + 2 * u128::from(chain_id));
    U256::from(base + u128::from(y_parity))
}

/// What is left of a list's payload.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Takes a list off the front of `from`.
    fn enter(from: &mut &'a [u8], field: Field) -> Result<Self, DecodeError> {
        if from.is_empty() {
            return Err(DecodeError::Missing { field });
        }
        Header::decode_bytes(from, true)
            .map(Self)
            .map_err(|error| DecodeError::Rlp { field, error })
    }

    fn finish(self, field: Field) -> Result<(), DecodeError> {
        match self.0.len() {
            0 => Ok(()),
            count => Err(DecodeError::ExtraFields { field, count }),
        }
    }

    /// Everything but the signature.
    fn content(&mut self, to: &mut Transaction, raw: &Bytes) -> Result<(), DecodeError> {
        if to.kind != TransactionType::Legacy {
            to.chain_id = Some(self.integer64(Field::ChainId)?);
        }
        to.nonce = self.integer64(Field::Nonce)?;
        if to.kind.has_dynamic_fee() {
            to.max_priority_fee_per_gas = self.integer(Field::MaxPriorityFeePerGas)?;
            to.max_fee_per_gas = self.integer(Field::MaxFeePerGas)?;
        } else {
            to.max_fee_per_gas = self.integer(Field::GasPrice)?;
            to.max_priority_fee_per_gas = to.max_fee_per_gas;
        }
        to.gas_limit = self.integer64(Field::GasLimit)?;
        to.to = self.callee()?;
        to.value = self.integer(Field::Value)?;
        to.input = raw.slice_ref(self.string(Field::Input)?);
        if to.kind != TransactionType::Legacy {
            to.access_list = self.access_list()?;
        }
        if to.kind == TransactionType::Blob {
            to.max_fee_per_blob_gas = self.integer(Field::MaxFeePerBlobGas)?;
            to.blob_hashes = self.blob_hashes()?;
        }
        if to.kind == TransactionType::SetCode {
            to.authorizations = self.authorizations()?;
        }
        Ok(())
    }

    /// The three signature fields, and the chain id that a legacy v holds.
    fn signature(&mut self, to: &mut SignedTransaction) -> Result<(), InvalidTransaction> {
        let v = self.integer(Field::V)?;
        to.signature.r = self.integer(Field::R)?;
        to.signature.s = self.integer(Field::S)?;
        if to.transaction.kind != TransactionType::Legacy {
            if v > U256::one() {
                return Err(SignatureError::YParity { found: v }.into());
            }
            to.signature.y_parity = !v.is_zero();
        } else if v == U256::from(27) || v == U256::from(28) {
            to.signature.y_parity = v == U256::from(28);
        } else {
            let shifted = v
                .checked_sub(U256::from(35))
                .ok_or(SignatureError::V { found: v })?;
            let chain_id =
                u64::try_from(shifted >> 1).map_err(|_| SignatureError::ChainIdTooWide { v })?;
            to.transaction.chain_id = Some(chain_id);
            to.signature.y_parity = shifted.bit(0);
        }
        Ok(())
    }

    fn callee(&mut self) -> Result<Option<Address>, DecodeError> {
        let bytes = self.string(Field::To)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        fixed(bytes, Field::To).map(|bytes| Some(Address(bytes)))
    }

    fn access_list(&mut self) -> Result<Vec<AccessListItem>, DecodeError> {
        let mut list = Fields::enter(&mut self.0, Field::AccessList)?;
        let mut items = Vec::new();
        while !list.0.is_empty() {
            let mut item = Fields::enter(&mut list.0, Field::AccessList)?;
            let address = Address(item.fixed(Field::AccessListAddress)?);
            let mut keys = Fields::enter(&mut item.0, Field::AccessList)?;
            item.finish(Field::AccessList)?;
            let mut storage_keys = Vec::with_capacity(keys.0.len() / 33);
            while !keys.0.is_empty() {
                let key: [u8; 32] = keys.fixed(Field::StorageKey)?;
                storage_keys.push(U256::from_big_endian(&key));
            }
            items.push(AccessListItem {
                address,
                storage_keys,
            });
        }
        Ok(items)
    }

    fn blob_hashes(&mut self) -> Result<Vec<B256>, DecodeError> {
        let mut list = Fields::enter(&mut self.0, Field::BlobHash)?;
        let mut hashes = Vec::with_capacity(list.0.len() / 33);
        while !list.0.is_empty() {
            hashes.push(B256(list.fixed(Field::BlobHash)?));
        }
        Ok(hashes)
    }

    fn authorizations(&mut self) -> Result<Vec<Authorization>, DecodeError> {
        let mut list = Fields::enter(&mut self.0, Field::AuthorizationList)?;
        let mut authorizations = Vec::new();
        while !list.0.is_empty() {
            let mut item = Fields::enter(&mut list.0, Field::AuthorizationList)?;
            authorizations.push(Authorization {
                chain_id: item.integer(Field::AuthorizationChainId)?,
                address: Address(item.fixed(Field::AuthorizationAddress)?),
                nonce: item.integer64(Field::AuthorizationNonce)?,
                y_parity: item.y_parity(Field::AuthorizationYParity)?,
                r: item.integer(Field::AuthorizationR)?,
                s: item.integer(Field::AuthorizationS)?,
            });
            item.finish(Field::AuthorizationList)?;
        }
        Ok(authorizations)
    }

    fn y_parity(&mut self, field: Field) -> Result<u8, DecodeError> {
        let bytes = self.digits::<1>(field)?;
        Ok(bytes[0])
    }

    fn integer64(&mut self, field: Field) -> Result<u64, DecodeError> {
        self.digits(field).map(u64::from_be_bytes)
    }

    fn integer(&mut self, field: Field) -> Result<U256, DecodeError> {
        self.digits::<32>(field)
            .map(|digits| U256::from_big_endian(&digits))
    }

    /// An integer of at most `N` bytes, big-endian, padded.
    fn digits<const N: usize>(&mut self, field: Field) -> Result<[u8; N], DecodeError> {
        let bytes = self.string(field)?;
        if bytes.first() == Some(&0) {
            return Err(DecodeError::LeadingZero { field });
        }
        if bytes.len() > N {
            return Err(DecodeError::TooWide {
                field,
                found: bytes.len(),
                max: N,
            });
        }
        let mut digits = [0; N];
        digits[N - bytes.len()..].copy_from_slice(bytes);
        Ok(digits)
    }

    fn fixed<const N: usize>(&mut self, field: Field) -> Result<[u8; N], DecodeError> {
        fixed(self.string(field)?, field)
    }

    fn string(&mut self, field: Field) -> Result<&'a [u8], DecodeError> {
        if self.0.is_empty() {
            return Err(DecodeError::Missing { field });
        }
        Header::decode_bytes(&mut self.0, false).map_err(|error| DecodeError::Rlp { field, error })
    }
}

fn fixed<const N: usize>(bytes: &[u8], field: Field) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|_| DecodeError::Length {
        field,
        found: bytes.len(),
        expected: N,
    })
}

/// Appends every field but the signature's.
fn put_content(to: &mut Vec<u8>, transaction: &Transaction) {
    let kind = transaction.kind;
    if kind != TransactionType::Legacy {
        transaction.chain_id.unwrap_or(0).encode(to);
    }
    transaction.nonce.encode(to);
    if kind.has_dynamic_fee() {
        put_integer(to, transaction.max_priority_fee_per_gas);
    }
    put_integer(to, transaction.max_fee_per_gas);
    transaction.gas_limit.encode(to);
    let callee: &[u8] = transaction.to.as_ref().map_or(&[], |to| &to.0);
    callee.encode(to);
    put_integer(to, transaction.value);
    transaction.input[..].encode(to);
    if kind != TransactionType::Legacy {
        put_access_list(to, &transaction.access_list);
    }
    if kind == TransactionType::Blob {
        put_integer(to, transaction.max_fee_per_blob_gas);
        put_list_header(to, transaction.blob_hashes.len() * WORD_LENGTH);
        for hash in &transaction.blob_hashes {
            hash.0.encode(to);
        }
    }
    if kind == TransactionType::SetCode {
        put_authorizations(to, &transaction.authorizations);
    }
}

/// Bytes of an encoded 32-byte string.
const WORD_LENGTH: usize = 33;
/// Bytes of an encoded address.
const ADDRESS_LENGTH: usize = 21;

fn put_access_list(to: &mut Vec<u8>, list: &[AccessListItem]) {
    let keys_length = |item: &AccessListItem| item.storage_keys.len() * WORD_LENGTH;
    let item_length = |item: &AccessListItem| ADDRESS_LENGTH + list_length(keys_length(item));
    put_list_header(
        to,
        list.iter().map(|item| list_length(item_length(item))).sum(),
    );
    for item in list {
        put_list_header(to, item_length(item));
        item.address.0.encode(to);
        put_list_header(to, keys_length(item));
        for key in &item.storage_keys {
            key.to_big_endian().encode(to);
        }
    }
}

fn put_authorizations(to: &mut Vec<u8>, list: &[Authorization]) {
    let mut items = Vec::new();
    let mut payload = Vec::with_capacity(128);
    for item in list {
        payload.clear();
        put_integer(&mut payload, item.chain_id);
        item.address.0.encode(&mut payload);
        item.nonce.encode(&mut payload);
        item.y_parity.encode(&mut payload);
        put_integer(&mut payload, item.r);
        put_integer(&mut payload, item.s);
        put_list(&mut items, &payload);
    }
    put_list(to, &items);
}

/// The type byte, if one is written, and the list around `payload`.
fn enclose(kind: TransactionType, payload: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(payload.len() + 10);
    if kind != TransactionType::Legacy {
        encoded.push(kind.byte());
    }
    put_list(&mut encoded, payload);
    encoded
}

fn put_list(to: &mut Vec<u8>, payload: &[u8]) {
    put_list_header(to, payload.len());
    to.extend_from_slice(payload);
}

fn put_list_header(to: &mut Vec<u8>, payload_length: usize) {
    Header {
        list: true,
        payload_length,
    }
    .encode(to);
}

fn list_length(payload_length: usize) -> usize {
    alloy_rlp::length_of_length(payload_length) + payload_length
}

fn put_integer(to: &mut Vec<u8>, value: U256) {
    let digits = value.to_big_endian();
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits[zeros..].encode(to);
}
