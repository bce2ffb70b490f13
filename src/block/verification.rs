//! Whether an outcome under the synchronous policy is what a block's header says.

use super::{
    BlockOutcome, RoundOutcome,
    receipts::{Outcome, TrieReceipt, logs_bloom, receipts_root},
};
use crate::{
    B256, Fork,
    transaction::{Kind, Receipt},
};

/// What a header says of its block's execution, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderClaims {
    /// Gas of all transactions, after refunds.
    pub gas_used: Option<u64>,
    /// The bloom filter of all logs, 256 bytes.
    pub logs_bloom: Option<bytes::Bytes>,
    /// The root of the receipts' trie; only checked from Byzantium, before which receipts hold roots of
    /// states that a block alone does not give.
    pub receipts_root: Option<B256>,
}

/// A claim that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Gas used.
    #[error("gas used is {found}, the header says {expected}")]
    GasUsed {
        /// What execution found.
        found: u64,
        /// What the header says.
        expected: u64,
    },
    /// The logs' bloom filter.
    #[error("the logs bloom is not the header's")]
    LogsBloom,
    /// The root of the receipts' trie.
    #[error("the receipts root is {found:?}, the header says {expected:?}")]
    ReceiptsRoot {
        /// What execution found.
        found: B256,
        /// What the header says.
        expected: B256,
    },
}

impl BlockOutcome {
    /// The header's claims that do not hold; `None` where there was none to check.
    pub fn verify(&self, claims: &HeaderClaims) -> Option<Vec<Mismatch>> {
        let mut mismatches = Vec::new();
        let mut checked = false;
        if let Some(expected) = claims.gas_used {
            checked = true;
            let found = self.gas_used;
            if found != expected {
                mismatches.push(Mismatch::GasUsed { found, expected });
            }
        }
        if let Some(expected) = &claims.logs_bloom {
            checked = true;
            let found = logs_bloom(self.receipts.iter().flat_map(|receipt| &receipt.logs));
            if found != expected[..] {
                mismatches.push(Mismatch::LogsBloom);
            }
        }
        if let Some(expected) = claims.receipts_root
            && self.fork >= Fork::Byzantium
        {
            checked = true;
            let found = trie_root(&self.receipts, |receipt| {
                receipt.tree_gas_used.unwrap_or_default()
            });
            if found != expected {
                mismatches.push(Mismatch::ReceiptsRoot { found, expected });
            }
        }
        checked.then_some(mismatches)
    }

    /// The root of a round's receipts: the trie of rlp([status, cumulative gas consumed in the round,
    /// bloom, logs]), with the type byte for original transactions and none for virtual ones
    /// (semantics, section 9).
    pub fn round_receipts_root(&self, round: &RoundOutcome) -> B256 {
        trie_root(self.receipts_of(round), |receipt| receipt.gas_used)
    }
}

fn trie_root(receipts: &[Receipt], gas_used: impl Fn(&Receipt) -> u64) -> B256 {
    let mut cumulative_gas_used = 0;
    let receipts: Vec<TrieReceipt<'_>> = receipts
        .iter()
        .map(|receipt| {
            cumulative_gas_used += gas_used(receipt);
            TrieReceipt {
                type_byte: match receipt.kind {
                    Kind::Original(kind) => kind.byte(),
                    Kind::Virtual { .. } => 0,
                },
                outcome: Outcome::Status(receipt.status.is_success()),
                cumulative_gas_used,
                logs: &receipt.logs,
            }
        })
        .collect();
    receipts_root(&receipts)
}
