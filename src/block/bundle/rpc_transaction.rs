//! A transaction as `eth_getBlockByNumber` writes it, and its way to [`Recovered`].
//!
//! Owns the JSON's shape and the agreement of its fields; signatures are recovered elsewhere.

use bytes::Bytes;
use deferevm_opcodes::{Address, B256, Fork, U256};
use serde::{Deserialize, Deserializer};

use crate::{
    json::hex,
    transaction::{
        AccessListItem, Authorization, InvalidTransaction, Recovered, Signature, SignedTransaction,
        Transaction, TransactionType,
    },
};

/// Why a block's transaction cannot be taken as it is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RpcTransactionError {
    #[error("unknown transaction type {0}, expected 0 to 4")]
    Type(u64),
    #[error("{present} without {absent}: a signature needs r, s and one of v and yParity")]
    HalfSigned {
        present: &'static str,
        absent: &'static str,
    },
    #[error("v is {0}, which is neither 0, 1, 27, 28 nor that of an EIP-155 signature")]
    V(u64),
    #[error("neither a signature nor `from`: nobody sends the transaction")]
    NoSender,
    #[error("the signature is {signer:?}'s, and `from` is {from:?}")]
    Sender { signer: Address, from: Address },
    #[error("hashes to {computed:?}, and `hash` is {given:?}")]
    Hash { computed: B256, given: B256 },
    #[error("its sender cannot be recovered: {0}")]
    Signature(#[from] InvalidTransaction),
}

/// The JSON. Without `r` and `s` it is an unsigned program of the sender named by `from`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RpcTransaction {
    #[serde(default, rename = "type", deserialize_with = "hex::optional")]
    kind: Option<u64>,
    #[serde(default, deserialize_with = "hex::optional")]
    hash: Option<B256>,
    #[serde(default, deserialize_with = "hex::optional")]
    from: Option<Address>,
    #[serde(default, deserialize_with = "target")]
    to: Option<Address>,
    #[serde(deserialize_with = "hex::hex")]
    nonce: u64,
    #[serde(deserialize_with = "hex::hex")]
    gas: u64,
    #[serde(default, deserialize_with = "hex::optional")]
    gas_price: Option<U256>,
    #[serde(default, deserialize_with = "hex::optional")]
    max_fee_per_gas: Option<U256>,
    #[serde(default, deserialize_with = "hex::optional")]
    max_priority_fee_per_gas: Option<U256>,
    #[serde(default, deserialize_with = "hex::optional")]
    max_fee_per_blob_gas: Option<U256>,
    #[serde(default, deserialize_with = "hex::optional")]
    value: Option<U256>,
    #[serde(default, alias = "data", deserialize_with = "hex::optional")]
    input: Option<Bytes>,
    #[serde(default, deserialize_with = "hex::optional")]
    chain_id: Option<u64>,
    access_list: Option<Vec<RpcAccessListItem>>,
    authorization_list: Option<Vec<RpcAuthorization>>,
    #[serde(default, deserialize_with = "hex::optional_list")]
    blob_versioned_hashes: Option<Vec<B256>>,
    #[serde(default, deserialize_with = "hex::optional")]
    y_parity: Option<u64>,
    #[serde(default, deserialize_with = "hex::optional")]
    v: Option<u64>,
    #[serde(default, deserialize_with = "hex::optional")]
    r: Option<U256>,
    #[serde(default, deserialize_with = "hex::optional")]
    s: Option<U256>,
}

/// `to`: absent, `null` and empty all mean a creation.
fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    hex::optional::<D, Option<Address>>(deserializer).map(Option::flatten)
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcAccessListItem {
    #[serde(deserialize_with = "hex::hex")]
    address: Address,
    #[serde(deserialize_with = "hex::list")]
    storage_keys: Vec<U256>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcAuthorization {
    #[serde(deserialize_with = "hex::hex")]
    chain_id: U256,
    #[serde(deserialize_with = "hex::hex")]
    address: Address,
    #[serde(deserialize_with = "hex::hex")]
    nonce: u64,
    #[serde(alias = "v", deserialize_with = "hex::hex")]
    y_parity: U256,
    #[serde(deserialize_with = "hex::hex")]
    r: U256,
    #[serde(deserialize_with = "hex::hex")]
    s: U256,
}

impl RpcTransaction {
    /// The chain that it is signed for, if it says so.
    pub(super) fn chain_id(&self) -> Option<u64> {
        self.chain_id
    }

    /// The transaction with its sender, recovered from the signature and compared with `from`,
    /// and its hash, compared with `hash`.
    pub(super) fn recover(
        self,
        chain_id: u64,
        fork: Fork,
    ) -> Result<Recovered, RpcTransactionError> {
        let kind = self.kind()?;
        let signature = self.signature(kind)?;
        let (hash, from) = (self.hash, self.from);
        let Some((signature, protected)) = signature else {
            let from = from.ok_or(RpcTransactionError::NoSender)?;
            let chain_id = (kind != TransactionType::Legacy).then_some(chain_id);
            return Ok(Recovered::unsigned(self.transaction(kind, chain_id), from));
        };
        let chain_id = match kind {
            TransactionType::Legacy => protected,
            _ => Some(self.chain_id.unwrap_or(chain_id)),
        };
        let signed = SignedTransaction {
            transaction: self.transaction(kind, chain_id),
            signature,
        };
        let recovered = signed.recover(fork)?;
        if let Some(from) = from.filter(|from| *from != recovered.sender) {
            let signer = recovered.sender;
            return Err(RpcTransactionError::Sender { signer, from });
        }
        if let Some(given) = hash.filter(|hash| *hash != recovered.hash) {
            let computed = recovered.hash;
            return Err(RpcTransactionError::Hash { computed, given });
        }
        Ok(recovered)
    }

    /// The type as written; where it is not, what the fields imply.
    fn kind(&self) -> Result<TransactionType, RpcTransactionError> {
        if let Some(kind) = self.kind {
            return u8::try_from(kind)
                .ok()
                .and_then(TransactionType::from_byte)
                .ok_or(RpcTransactionError::Type(kind));
        }
        Ok(if self.authorization_list.is_some() {
            TransactionType::SetCode
        } else if self.blob_versioned_hashes.is_some() {
            TransactionType::Blob
        } else if self.max_fee_per_gas.is_some() {
            TransactionType::DynamicFee
        } else if self.access_list.is_some() {
            TransactionType::AccessList
        } else {
            TransactionType::Legacy
        })
    }

    /// The signature, and the chain id that a legacy one's v holds (EIP-155); `None` where there
    /// is none. An r and s of zero are no signature either.
    fn signature(
        &self,
        kind: TransactionType,
    ) -> Result<Option<(Signature, Option<u64>)>, RpcTransactionError> {
        let half = |present, absent| RpcTransactionError::HalfSigned { present, absent };
        let (r, s) = match (self.r, self.s) {
            (None, None) => return Ok(None),
            (Some(r), Some(s)) if r.is_zero() && s.is_zero() => return Ok(None),
            (Some(r), Some(s)) => (r, s),
            (Some(_), None) => return Err(half("r", "s")),
            (None, Some(_)) => return Err(half("s", "r")),
        };
        let (y_parity, protected) = match (kind, self.y_parity, self.v) {
            (TransactionType::Legacy, _, Some(v)) => legacy_v(v)?,
            (_, Some(parity), _) | (_, None, Some(parity)) => match parity {
                0 | 1 => (parity == 1, None),
                _ => return Err(RpcTransactionError::V(parity)),
            },
            (_, None, None) => return Err(half("r and s", "v")),
        };
        Ok(Some((Signature { y_parity, r, s }, protected)))
    }

    fn transaction(self, kind: TransactionType, chain_id: Option<u64>) -> Transaction {
        let gas_price = self.gas_price.unwrap_or_default();
        let (max_fee_per_gas, max_priority_fee_per_gas) = if kind.has_dynamic_fee() {
            // `gasPrice` of a mined dynamic-fee transaction is what it paid, not what it offered.
            (
                self.max_fee_per_gas.unwrap_or(gas_price),
                self.max_priority_fee_per_gas.unwrap_or_default(),
            )
        } else {
            (gas_price, gas_price)
        };
        let is_legacy = kind == TransactionType::Legacy;
        Transaction {
            kind,
            chain_id,
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: self.to,
            value: self.value.unwrap_or_default(),
            input: self.input.unwrap_or_default(),
            access_list: self
                .access_list
                .into_iter()
                .flatten()
                .filter(|_| !is_legacy)
                .map(|item| AccessListItem {
                    address: item.address,
                    storage_keys: item.storage_keys,
                })
                .collect(),
            max_fee_per_blob_gas: self.max_fee_per_blob_gas.unwrap_or_default(),
            blob_hashes: self.blob_versioned_hashes.unwrap_or_default(),
            authorizations: self
                .authorization_list
                .into_iter()
                .flatten()
                .map(RpcAuthorization::authorization)
                .collect(),
        }
    }
}

impl RpcAuthorization {
    fn authorization(self) -> Authorization {
        Authorization {
            chain_id: self.chain_id,
            address: self.address,
            nonce: self.nonce,
            // Every parity beyond 1 is invalid alike.
            y_parity: u8::try_from(self.y_parity).unwrap_or(u8::MAX),
            r: self.r,
            s: self.s,
        }
    }
}

/// The parity and the chain id of a legacy signature's v (EIP-155); 0 and 1 as some nodes write it.
fn legacy_v(v: u64) -> Result<(bool, Option<u64>), RpcTransactionError> {
    match v {
        0 | 1 => Ok((v == 1, None)),
        27 | 28 => Ok((v == 28, None)),
        35.. => Ok(((v - 35) % 2 == 1, Some((v - 35) / 2))),
        _ => Err(RpcTransactionError::V(v)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recover(text: &str) -> Result<Recovered, RpcTransactionError> {
        serde_json::from_str::<RpcTransaction>(text)
            .unwrap()
            .recover(1, Fork::Prague)
    }

    /// Mainnet's first transaction (block 46,147), unprotected.
    const FIRST: &str = r#"{"type": "0x0", "from": "0xa1e4380a3b1f749673e270229993ee55f35663b4", "gas": "0x5208",
        "gasPrice": "0x2d79883d2000", "hash": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
        "input": "0x", "nonce": "0x0", "to": "0x5df9b87991262f6ba471f09758cde1c0fc1de734", "value": "0x7a69",
        "v": "0x1c", "r": "0x88ff6cf0fefd94db46111149ae4bfc179e9b94721fffd821d38d16464b3f71d0",
        "s": "0x45e0aff800961cfce805daef7016b9b675c137a6a41a548f7b60a3484c06a33a"}"#;

    #[test]
    fn sender_and_hash_follow_from_the_signature() {
        let recovered = recover(FIRST).unwrap();
        assert_eq!(recovered.transaction.chain_id, None);
        assert_eq!(recovered.transaction.value, 31337.into());
    }

    #[test]
    fn another_sender_or_hash_is_refused() {
        let sender = FIRST.replace("0xa1e4", "0xa1e5");
        assert!(matches!(
            recover(&sender),
            Err(RpcTransactionError::Sender { .. })
        ));
        let hash = FIRST.replace("0x5c50", "0x5c51");
        assert!(matches!(
            recover(&hash),
            Err(RpcTransactionError::Hash { .. })
        ));
    }

    #[test]
    fn without_a_signature_the_named_sender_runs_an_unsigned_program() {
        let recovered = recover(r#"{"from": "0x1", "nonce": "0x2", "gas": "0x5208"}"#).unwrap();
        assert_eq!(recovered.sender, Address::from_low_u64_be(1));
        assert!(recovered.transaction.is_create());
        assert_eq!(
            recover(r#"{"nonce": "0x2", "gas": "0x5208"}"#),
            Err(RpcTransactionError::NoSender)
        );
    }

    #[test]
    fn half_a_signature_is_refused() {
        let text = r#"{"from": "0x1", "nonce": "0x2", "gas": "0x5208", "r": "0x1"}"#;
        assert!(matches!(
            recover(text),
            Err(RpcTransactionError::HalfSigned { absent: "s", .. })
        ));
        let text = r#"{"from": "0x1", "nonce": "0x2", "gas": "0x5208", "r": "0x1", "s": "0x1", "v": "0x2"}"#;
        assert_eq!(recover(text), Err(RpcTransactionError::V(2)));
    }

    #[test]
    fn the_chain_id_of_a_legacy_transaction_is_in_v() {
        assert_eq!(legacy_v(27), Ok((false, None)));
        assert_eq!(legacy_v(37), Ok((false, Some(1))));
        assert_eq!(legacy_v(38), Ok((true, Some(1))));
        assert_eq!(legacy_v(30), Err(RpcTransactionError::V(30)));
    }
}
