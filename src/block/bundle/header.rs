//! A block's header as `eth_getBlockByNumber` writes it.
//!
//! Owns what the block says of itself; what of it execution takes is for `bundle`.

use bytes::Bytes;
use deferevm_opcodes::{Address, B256, U256};
use serde::Deserialize;

use crate::json::hex;

/// A block's header. What a block of one's own need not have is optional: what is absent is not
/// checked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockHeader {
    /// Height.
    #[serde(deserialize_with = "hex::hex")]
    pub number: u64,
    /// Seconds since the Unix epoch.
    #[serde(deserialize_with = "hex::hex")]
    pub timestamp: u64,
    /// The beneficiary.
    #[serde(deserialize_with = "hex::hex")]
    pub miner: Address,
    /// Gas.
    #[serde(deserialize_with = "hex::hex")]
    pub gas_limit: u64,
    /// Gas used by the transactions, to be checked.
    #[serde(default, deserialize_with = "hex::optional")]
    pub gas_used: Option<u64>,
    /// The bloom filter of the logs, 256 bytes, to be checked.
    #[serde(default, deserialize_with = "hex::optional")]
    pub logs_bloom: Option<Bytes>,
    /// The root of the receipts' trie, to be checked from Byzantium.
    #[serde(default, deserialize_with = "hex::optional")]
    pub receipts_root: Option<B256>,
    /// The root of the state after the block.
    #[serde(default, deserialize_with = "hex::optional")]
    pub state_root: Option<B256>,
    /// The block's hash.
    #[serde(default, deserialize_with = "hex::optional")]
    pub hash: Option<B256>,
    /// The parent's hash.
    #[serde(default, deserialize_with = "hex::optional")]
    pub parent_hash: Option<B256>,
    /// Wei per gas; absent before London.
    #[serde(default, deserialize_with = "hex::optional")]
    pub base_fee_per_gas: Option<U256>,
    /// Proof-of-work difficulty.
    #[serde(default, deserialize_with = "hex::optional")]
    pub difficulty: Option<U256>,
    /// The beacon chain's randomness from Paris (EIP-4399).
    #[serde(default, deserialize_with = "hex::optional")]
    pub mix_hash: Option<B256>,
    /// Blob gas in excess of the target before this block (EIP-4844).
    #[serde(default, deserialize_with = "hex::optional")]
    pub excess_blob_gas: Option<u64>,
    /// Blob gas used by the transactions.
    #[serde(default, deserialize_with = "hex::optional")]
    pub blob_gas_used: Option<u64>,
    /// The parent beacon block's root (EIP-4788).
    #[serde(default, deserialize_with = "hex::optional")]
    pub parent_beacon_block_root: Option<B256>,
    /// The root of the withdrawals' trie (EIP-4895).
    #[serde(default, deserialize_with = "hex::optional")]
    pub withdrawals_root: Option<B256>,
    /// The commitment to the execution layer's requests (EIP-7685), to be checked.
    #[serde(default, deserialize_with = "hex::optional")]
    pub requests_hash: Option<B256>,
}
