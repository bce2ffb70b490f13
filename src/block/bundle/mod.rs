//! A whole block with the state it starts from: this crate's own bundles, and geth's outputs.
//!
//! Owns the JSON and its checks: every sender is recovered here. Reading files is for the command,
//! executing the block for its siblings.

mod database;
mod header;
mod prestate;
mod rpc_transaction;

use deferevm_opcodes::{B256, BlockEnvironment, Fork, Log, U256, machine::fork::UnknownFork};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

pub use self::{
    database::{BundleDatabase, MissingState},
    header::BlockHeader,
    prestate::{Prestate, PrestateAccount},
};
use self::{
    prestate::{StatePart, merge},
    rpc_transaction::RpcTransaction,
};
use super::{Withdrawal, mainnet};
use crate::{
    json::{self, DocumentError, Entries, hex},
    transaction::{BlobSchedule, Recovered},
};

/// A block, ready to be executed.
#[derive(Clone, Debug)]
pub struct BlockBundle {
    /// The file it came from.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The rules.
    pub fork: Fork,
    /// Blob limits and price; `None` before Cancun.
    pub blob_schedule: Option<BlobSchedule>,
    /// What instructions see of the block.
    pub environment: BlockEnvironment,
    /// What the block says of itself.
    pub header: BlockHeader,
    /// In block order.
    pub transactions: Vec<Recovered>,
    /// In block order; `None` before Shanghai.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// The hashes of the ommers: their headers are not part of the format.
    pub ommers: Vec<B256>,
    /// The state before the block's first transaction and system call, as far as it is known.
    pub prestate: Prestate,
    /// What BLOCKHASH finds.
    pub block_hashes: Vec<(u64, B256)>,
    /// The receipts that somebody else computed.
    pub receipts: Option<Vec<BundleReceipt>>,
}

/// A receipt to compare with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleReceipt {
    /// 1 for success; absent where the chain has a state root instead.
    #[serde(default, deserialize_with = "hex::optional")]
    pub status: Option<u64>,
    /// The transaction's own.
    #[serde(deserialize_with = "hex::hex")]
    pub gas_used: u64,
    /// Up to this transaction.
    #[serde(deserialize_with = "hex::hex")]
    pub cumulative_gas_used: u64,
    /// In the order of emission.
    #[serde(deserialize_with = "json::logs")]
    pub logs: Vec<Log>,
}

/// What the caller knows better than the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BundleOptions {
    /// The rules, instead of those that the bundle names or that mainnet had.
    pub fork: Option<Fork>,
}

/// One document and its name.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The file's, for errors.
    pub name: &'a str,
    /// JSON text.
    pub bytes: &'a [u8],
}

/// geth's outputs for one block.
#[derive(Clone, Copy, Debug)]
pub struct GethDocuments<'a> {
    /// `eth_getBlockByNumber` with full transactions.
    pub block: Document<'a>,
    /// `debug_traceBlockByNumber` with `prestateTracer`: one object per transaction.
    pub prestate: Document<'a>,
    /// `{number: hash}`.
    pub block_hashes: Option<Document<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBundle<'a> {
    #[serde(default, deserialize_with = "hex::optional")]
    chain_id: Option<u64>,
    #[serde(borrow, default)]
    fork: Option<&'a RawValue>,
    blob_params: Option<RawBlobParameters>,
    #[serde(borrow)]
    block: &'a RawValue,
    prestate: StatePart,
    #[serde(default)]
    block_hashes: BlockHashes,
    receipts: Option<Vec<BundleReceipt>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBlobParameters {
    #[serde(deserialize_with = "hex::hex")]
    base_fee_update_fraction: u64,
    #[serde(deserialize_with = "hex::hex")]
    max_blobs_per_block: u64,
}

impl RawBlobParameters {
    /// The schedule; its target, which a single block does not need, is two thirds of the maximum
    /// where no known schedule has these numbers.
    fn schedule(self) -> BlobSchedule {
        let (max, fraction) = (self.max_blobs_per_block, self.base_fee_update_fraction);
        [
            BlobSchedule::CANCUN,
            BlobSchedule::PRAGUE,
            BlobSchedule::BPO1,
            BlobSchedule::BPO2,
        ]
        .into_iter()
        .find(|known| (known.max, known.base_fee_update_fraction) == (max, fraction))
        .unwrap_or_else(|| BlobSchedule::new(max / 3 * 2, max, fraction))
    }
}

/// What a block holds besides its header. Transactions are read one by one, so that an error names
/// the one.
#[derive(Deserialize)]
struct BlockLists<'a> {
    #[serde(borrow)]
    transactions: Vec<&'a RawValue>,
    withdrawals: Option<Vec<Withdrawal>>,
    #[serde(default, deserialize_with = "hex::list")]
    uncles: Vec<B256>,
}

#[derive(Default)]
struct BlockHashes(Vec<(u64, B256)>);

impl<'de> Deserialize<'de> for BlockHashes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs: Vec<(u64, hex::Hex<B256>)> = hex::pairs(deserializer)?;
        let pairs = pairs.into_iter();
        Ok(Self(
            pairs
                .map(|(number, hex::Hex(hash))| (number, hash))
                .collect(),
        ))
    }
}

impl Document<'_> {
    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DocumentError> {
        json::parse(self.name, self.bytes)
    }

    fn parse_part<'a, T: Deserialize<'a>>(&self, part: &'a RawValue) -> Result<T, DocumentError> {
        json::parse_part(self.name, self.bytes, part)
    }

    fn error_at(&self, part: &RawValue, message: impl ToString) -> DocumentError {
        DocumentError::at_part(self.name, self.bytes, part, message.to_string())
    }
}

/// The value of a JSON-RPC answer's `result`, or the document itself where it is none.
fn unwrap_answer<'a>(document: &'a Document<'_>) -> Result<&'a RawValue, DocumentError> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        result: Option<&'a RawValue>,
    }
    let whole: &RawValue = document.parse()?;
    if !whole.get().starts_with('{') {
        return Ok(whole);
    }
    let answer: Answer<'_> = document.parse_part(whole)?;
    Ok(answer.result.unwrap_or(whole))
}

impl BlockBundle {
    /// Reads a bundle: `{chainId, fork, blobParams, block, prestate, blockHashes, receipts}`.
    ///
    /// # Errors
    /// [`DocumentError`] names the place: JSON of another shape, an unknown fork, a transaction
    /// whose signature, `from` and `hash` do not belong together.
    pub fn parse(document: Document<'_>, options: BundleOptions) -> Result<Self, DocumentError> {
        let raw: RawBundle<'_> = document.parse()?;
        let named_fork = raw
            .fork
            .map(|fork| {
                let fork: &RawValue = fork;
                let name: String = document.parse_part(fork)?;
                name.parse()
                    .map_err(|unknown: UnknownFork| document.error_at(fork, unknown))
            })
            .transpose()?;
        let facts = ChainFacts {
            chain_id: raw.chain_id,
            fork: options.fork.or(named_fork),
            blob_schedule: raw.blob_params.map(RawBlobParameters::schedule),
        };
        let mut bundle = Self::from_block(document, raw.block, facts)?;
        bundle.prestate = merge([raw.prestate]);
        bundle.block_hashes = raw.block_hashes.0;
        bundle.receipts = raw.receipts;
        Ok(bundle)
    }

    /// Reads geth's outputs, each with or without the JSON-RPC answer around it.
    ///
    /// # Errors
    /// As [`Self::parse`]; the error names the document.
    pub fn from_geth(
        documents: GethDocuments<'_>,
        options: BundleOptions,
    ) -> Result<Self, DocumentError> {
        let facts = ChainFacts {
            fork: options.fork,
            ..ChainFacts::default()
        };
        let block = unwrap_answer(&documents.block)?;
        let mut bundle = Self::from_block(documents.block, block, facts)?;
        bundle.prestate = merge(geth_parts(&documents.prestate)?);
        if let Some(document) = documents.block_hashes {
            let hashes: BlockHashes = document.parse()?;
            bundle.block_hashes = hashes.0;
        }
        Ok(bundle)
    }

    fn from_block(
        document: Document<'_>,
        block: &RawValue,
        facts: ChainFacts,
    ) -> Result<Self, DocumentError> {
        let header: BlockHeader = document.parse_part(block)?;
        let lists: BlockLists<'_> = document.parse_part(block)?;
        let parsed = lists
            .transactions
            .iter()
            .map(|&raw| Ok((raw, document.parse_part::<RpcTransaction>(raw)?)))
            .collect::<Result<Vec<_>, DocumentError>>()?;
        let chain_id = facts
            .chain_id
            .or_else(|| parsed.iter().find_map(|(_, raw)| raw.chain_id()))
            .unwrap_or(mainnet::CHAIN_ID);
        let fork = facts
            .fork
            .unwrap_or_else(|| mainnet::fork(header.number, header.timestamp));
        let blob_schedule = facts
            .blob_schedule
            .or_else(|| mainnet::blob_schedule(fork, header.timestamp))
            .filter(|_| fork >= Fork::Cancun);
        let transactions = parsed
            .into_iter()
            .map(|(raw, transaction)| {
                transaction
                    .recover(chain_id, fork)
                    .map_err(|error| document.error_at(raw, error))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: document.name.to_owned(),
            chain_id,
            fork,
            blob_schedule,
            environment: environment(&header, chain_id, fork, blob_schedule),
            header,
            transactions,
            withdrawals: lists.withdrawals,
            ommers: lists.uncles,
            prestate: Prestate::new(),
            block_hashes: Vec::new(),
            receipts: None,
        })
    }
}

/// What is known of the chain besides the block.
#[derive(Default)]
struct ChainFacts {
    chain_id: Option<u64>,
    fork: Option<Fork>,
    blob_schedule: Option<BlobSchedule>,
}

/// `prestateTracer`'s parts in the order of the transactions: a list of `{txHash, result}` or of
/// bare objects, or one object.
fn geth_parts(document: &Document<'_>) -> Result<Vec<StatePart>, DocumentError> {
    #[derive(Deserialize)]
    struct Traced {
        result: StatePart,
    }
    let whole = unwrap_answer(document)?;
    if !whole.get().starts_with('[') {
        return Ok(vec![document.parse_part(whole)?]);
    }
    let parts: Vec<&RawValue> = document.parse_part(whole)?;
    parts
        .into_iter()
        .map(|part| {
            let keys: Entries<IgnoredAny> = document.parse_part(part)?;
            if keys.0.iter().any(|(key, _)| key == "result") {
                Ok(document.parse_part::<Traced>(part)?.result)
            } else {
                document.parse_part(part)
            }
        })
        .collect()
}

fn environment(
    header: &BlockHeader,
    chain_id: u64,
    fork: Fork,
    blob_schedule: Option<BlobSchedule>,
) -> BlockEnvironment {
    let is_paris = fork >= Fork::Paris;
    BlockEnvironment {
        chain_id,
        number: header.number,
        timestamp: header.timestamp,
        coinbase: header.miner,
        gas_limit: header.gas_limit,
        base_fee: header.base_fee_per_gas.unwrap_or_default(),
        blob_base_fee: blob_schedule.map_or(U256::zero(), |schedule| {
            schedule.blob_base_fee(header.excess_blob_gas.unwrap_or(0))
        }),
        difficulty: header.difficulty.filter(|_| !is_paris).unwrap_or_default(),
        prev_randao: header.mix_hash.filter(|_| is_paris).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
