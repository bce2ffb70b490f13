//! A block as it travels: its RLP read strictly, and what its header commits to of its body.
//!
//! Owns the bytes and the checks that need the block alone; its place in a chain is for `chain`.

use alloy_consensus::proofs::calculate_withdrawals_root;
use alloy_rlp::{Decodable, PayloadView};
use alloy_trie::root::ordered_trie_root_encoded;
use bytes::Bytes;

use super::{
    Block, Ommer, Withdrawal,
    edges::Requests,
    header::{Header, HeaderField},
    invalid::{InvalidBlock, Part},
    network::Stage,
    receipts::{TrieReceipt, logs_bloom, receipts_root},
};
use crate::{B256, BlockEnvironment, Fork, U256, keccak256, transaction::Recovered};

/// The most bytes of a block from Osaka: 10 MiB less 2 MiB for what consensus adds (EIP-7934).
pub const BLOCK_BYTES_MAX: usize = (10 << 20) - (2 << 20);

/// A block, its transactions not yet read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedBlock {
    /// The header.
    pub header: Header,
    /// Each transaction's canonical bytes (EIP-2718).
    pub transactions: Vec<Bytes>,
    /// The ommers' headers.
    pub ommers: Vec<Header>,
    /// Keccak-256 of the ommers' RLP.
    pub ommers_hash: B256,
    /// `None` where there is no list.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// Bytes of the whole block's RLP.
    pub size: usize,
}

/// What execution found, to be compared with the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Gas used by the transactions.
    pub gas_used: u64,
    /// Blob gas used by the transactions (EIP-4844).
    pub blob_gas_used: u64,
    /// The bloom filter of their logs, 256 bytes.
    pub logs_bloom: [u8; 256],
    /// The root of the receipts' trie.
    pub receipts_root: B256,
    /// The root of the state after the block.
    pub state_root: B256,
    /// The commitment to the requests, where the header has one.
    pub requests_hash: B256,
}

fn malformed(part: Part) -> impl Fn(alloy_rlp::Error) -> InvalidBlock {
    move |error| InvalidBlock::Malformed { part, error }
}

impl SealedBlock {
    /// Reads a block, which must be all of `rlp`.
    ///
    /// # Errors
    /// [`InvalidBlock::Malformed`] with the first part that is not canonical RLP of a block.
    pub fn decode(rlp: &Bytes) -> Result<Self, InvalidBlock> {
        let mut rest = &rlp[..];
        let mut payload =
            alloy_rlp::Header::decode_bytes(&mut rest, true).map_err(malformed(Part::Block))?;
        nothing_follows(rest, rlp.len(), Part::Block)?;
        let header = Header::decode(&mut payload)?;
        let transactions = take_transactions(&mut payload, rlp)?;
        let ommers_start = payload;
        let ommers = take_ommers(&mut payload)?;
        let ommers_hash = keccak256(&ommers_start[..ommers_start.len() - payload.len()]);
        let withdrawals = if payload.is_empty() {
            None
        } else {
            Some(take_withdrawals(&mut payload)?)
        };
        nothing_follows(payload, rlp.len(), Part::Block)?;
        Ok(Self {
            header,
            transactions,
            ommers,
            ommers_hash,
            withdrawals,
            size: rlp.len(),
        })
    }

    /// Checks the body against the header and the fork.
    ///
    /// # Errors
    /// The first commitment of these that does not hold (the transactions' is checked with the
    /// results), a list that the fork does not know or demands, or a
    /// size beyond the cap (EIP-7934).
    pub fn validate_body(&self, fork: Fork) -> Result<(), InvalidBlock> {
        if fork >= Fork::Osaka && self.size > BLOCK_BYTES_MAX {
            return Err(InvalidBlock::TooLarge {
                found: self.size,
                max: BLOCK_BYTES_MAX,
            });
        }
        let is_present = self.withdrawals.is_some();
        if is_present != (fork >= Fork::Shanghai) {
            return Err(InvalidBlock::WithdrawalsList { is_present, fork });
        }
        let header = &self.header;
        committed(
            HeaderField::OmmersHash,
            header.ommers_hash,
            self.ommers_hash,
        )?;
        match (&self.withdrawals, header.withdrawals_root) {
            (Some(withdrawals), Some(root)) => committed(
                HeaderField::WithdrawalsRoot,
                root,
                withdrawals_root(withdrawals),
            ),
            _ => Ok(()),
        }
    }

    /// The block as execution takes it, its senders recovered.
    ///
    /// # Errors
    /// A transaction that cannot be read or names no sender.
    pub fn to_block(
        &self,
        stage: &Stage,
        chain_id: u64,
        is_dao_fork: bool,
    ) -> Result<Block, InvalidBlock> {
        let header = &self.header;
        let transactions = self.recover(stage.fork)?;
        let excess_blob_gas = header.excess_blob_gas.unwrap_or(0);
        let is_merged = stage.fork >= Fork::Paris;
        let environment = BlockEnvironment {
            chain_id,
            number: header.number,
            timestamp: header.timestamp,
            coinbase: header.coinbase,
            gas_limit: header.gas_limit,
            base_fee: header.base_fee.unwrap_or(0).into(),
            blob_base_fee: stage.blob_schedule.map_or(U256::zero(), |schedule| {
                schedule.blob_base_fee(excess_blob_gas)
            }),
            difficulty: header.difficulty,
            prev_randao: if is_merged {
                header.mix_hash
            } else {
                B256::zero()
            },
        };
        let ommers = self.ommers.iter().map(|ommer| Ommer {
            coinbase: ommer.coinbase,
            number: ommer.number,
        });
        Ok(Block {
            environment,
            parent_hash: header.parent_hash,
            parent_beacon_block_root: header.parent_beacon_block_root,
            transactions,
            withdrawals: self.withdrawals.clone().unwrap_or_default(),
            ommers: ommers.collect(),
            blob_schedule: stage.blob_schedule,
            is_dao_fork,
        })
    }

    /// Compares the header with what execution found, and with the transactions' root: only now, as
    /// in the execution specs, so that a transaction that is invalid is named before it.
    ///
    /// # Errors
    /// The first difference.
    pub fn validate_results(&self, results: &Results) -> Result<(), InvalidBlock> {
        let header = &self.header;
        committed(
            HeaderField::TransactionsRoot,
            header.transactions_root,
            B256(ordered_trie_root_encoded(&self.transactions).0),
        )?;
        if header.gas_used != results.gas_used {
            return Err(InvalidBlock::GasUsed {
                found: header.gas_used,
                expected: results.gas_used,
            });
        }
        if let Some(found) = header.blob_gas_used
            && found != results.blob_gas_used
        {
            return Err(InvalidBlock::BlobGasUsed {
                found,
                expected: results.blob_gas_used,
            });
        }
        committed(
            HeaderField::ReceiptsRoot,
            header.receipts_root,
            results.receipts_root,
        )?;
        if header.logs_bloom[..] != results.logs_bloom[..] {
            return Err(InvalidBlock::LogsBloom);
        }
        committed(
            HeaderField::StateRoot,
            header.state_root,
            results.state_root,
        )?;
        match header.requests_hash {
            Some(hash) => committed(HeaderField::RequestsHash, hash, results.requests_hash),
            None => Ok(()),
        }
    }

    fn recover(&self, fork: Fork) -> Result<Vec<Recovered>, InvalidBlock> {
        let recovered = (0..).zip(&self.transactions).map(|(position, raw)| {
            Recovered::decode(raw, fork).map_err(|error| InvalidBlock::Transaction {
                position,
                hash: keccak256(raw),
                error: Box::new(error),
            })
        });
        recovered.collect()
    }
}

impl Results {
    /// What follows from a block, its receipts and the state and the requests after them.
    pub fn new(
        block: &Block,
        receipts: &[TrieReceipt<'_>],
        state_root: B256,
        requests: &Requests,
    ) -> Self {
        let logs = receipts.iter().flat_map(|receipt| receipt.logs);
        let blob_gas = block
            .transactions
            .iter()
            .map(|recovered| recovered.transaction.blob_gas());
        Self {
            blob_gas_used: blob_gas.fold(0, u64::saturating_add),
            gas_used: receipts
                .last()
                .map_or(0, |receipt| receipt.cumulative_gas_used),
            logs_bloom: logs_bloom(logs),
            receipts_root: receipts_root(receipts),
            state_root,
            requests_hash: requests.hash(),
        }
    }
}

/// The root of the withdrawals' trie (EIP-4895).
pub fn withdrawals_root(withdrawals: &[Withdrawal]) -> B256 {
    let withdrawals: Vec<alloy_eips::eip4895::Withdrawal> = withdrawals
        .iter()
        .map(|withdrawal| alloy_eips::eip4895::Withdrawal {
            index: withdrawal.index,
            validator_index: withdrawal.validator_index,
            address: withdrawal.address.0.into(),
            amount: withdrawal.amount,
        })
        .collect();
    B256(calculate_withdrawals_root(&withdrawals).0)
}

fn committed(field: HeaderField, found: B256, expected: B256) -> Result<(), InvalidBlock> {
    if found == expected {
        return Ok(());
    }
    Err(InvalidBlock::Commitment {
        field,
        found,
        expected,
    })
}

fn nothing_follows(rest: &[u8], whole: usize, part: Part) -> Result<(), InvalidBlock> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(malformed(part)(alloy_rlp::Error::ListLengthMismatch {
        expected: whole - rest.len(),
        got: whole,
    }))
}

/// Takes the list of transactions: a legacy one is a list, a typed one a string of its bytes.
fn take_transactions(payload: &mut &[u8], rlp: &Bytes) -> Result<Vec<Bytes>, InvalidBlock> {
    let error = malformed(Part::Transactions);
    let mut items = alloy_rlp::Header::decode_bytes(payload, true).map_err(&error)?;
    let mut transactions = Vec::new();
    while !items.is_empty() {
        let start = items;
        let view = alloy_rlp::Header::decode_raw(&mut items).map_err(&error)?;
        transactions.push(match view {
            PayloadView::String(bytes) => rlp.slice_ref(bytes),
            PayloadView::List(_) => rlp.slice_ref(&start[..start.len() - items.len()]),
        });
    }
    Ok(transactions)
}

fn take_ommers(payload: &mut &[u8]) -> Result<Vec<Header>, InvalidBlock> {
    let mut items =
        alloy_rlp::Header::decode_bytes(payload, true).map_err(malformed(Part::Ommers))?;
    let mut ommers = Vec::new();
    while !items.is_empty() {
        ommers.push(Header::decode(&mut items)?);
    }
    Ok(ommers)
}

fn take_withdrawals(payload: &mut &[u8]) -> Result<Vec<Withdrawal>, InvalidBlock> {
    let mut items =
        alloy_rlp::Header::decode_bytes(payload, true).map_err(malformed(Part::Withdrawals))?;
    let mut withdrawals = Vec::new();
    while !items.is_empty() {
        let part = Part::Withdrawal(withdrawals.len());
        let withdrawal = alloy_eips::eip4895::Withdrawal::decode(&mut items);
        let withdrawal = withdrawal.map_err(malformed(part))?;
        withdrawals.push(Withdrawal {
            index: withdrawal.index,
            validator_index: withdrawal.validator_index,
            address: primitive_types::H160(withdrawal.address.into_array()),
            amount: withdrawal.amount,
        });
    }
    Ok(withdrawals)
}
