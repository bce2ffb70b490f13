//! What a header commits to of a block's receipts: their trie's root, and the bloom of their logs.
//!
//! Owns the encoding only; what a receipt says is decided by execution.

use alloy_consensus::{Eip658Value, Receipt, ReceiptWithBloom};
use alloy_primitives::{Bloom, BloomInput};
use alloy_rlp::Encodable;
use alloy_trie::root::ordered_trie_root_with_encoder;

use crate::{B256, Log};

/// A receipt as the receipts' trie holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrieReceipt<'a> {
    /// The EIP-2718 type byte; 0, which is not written, for legacy and virtual transactions.
    pub type_byte: u8,
    /// What it says of the transaction's end.
    pub outcome: Outcome,
    /// Gas of this transaction and all before it.
    pub cumulative_gas_used: u64,
    /// In the order of emission.
    pub logs: &'a [Log],
}

/// What a receipt says of its transaction's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Whether it succeeded: from Byzantium (EIP-658).
    Status(bool),
    /// The state's root after it: before Byzantium.
    StateRoot(B256),
}

impl TrieReceipt<'_> {
    /// The bytes that the trie holds.
    pub fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }

    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        if self.type_byte != 0 {
            out.put_u8(self.type_byte);
        }
        let status = match self.outcome {
            Outcome::Status(success) => Eip658Value::Eip658(success),
            Outcome::StateRoot(root) => Eip658Value::PostState(root.0.into()),
        };
        ReceiptWithBloom {
            receipt: Receipt {
                status,
                cumulative_gas_used: self.cumulative_gas_used,
                logs: self.logs.iter().map(edge_log).collect(),
            },
            logs_bloom: bloom(self.logs),
        }
        .encode(out);
    }
}

/// The root of the trie of receipts, keyed by their position.
pub fn receipts_root(receipts: &[TrieReceipt<'_>]) -> B256 {
    let root = ordered_trie_root_with_encoder(receipts, |receipt, out| receipt.encode(out));
    B256(root.0)
}

/// The bloom filter over the addresses and topics of logs (Yellow Paper, section 4.4.1).
pub fn logs_bloom<'l>(logs: impl IntoIterator<Item = &'l Log>) -> [u8; 256] {
    bloom(logs).into_array()
}

fn bloom<'l>(logs: impl IntoIterator<Item = &'l Log>) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for log in logs {
        bloom.accrue(BloomInput::Raw(log.address.as_bytes()));
        for topic in &log.topics {
            bloom.accrue(BloomInput::Raw(topic.as_bytes()));
        }
    }
    bloom
}

fn edge_log(log: &Log) -> alloy_primitives::Log {
    let topics = log.topics.iter().map(|topic| topic.0.into()).collect();
    alloy_primitives::Log::new_unchecked(log.address.0.into(), topics, log.data.clone().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, keccak256};

    #[test]
    fn no_receipts_have_the_root_of_the_empty_trie() {
        assert_eq!(receipts_root(&[]).0, alloy_trie::EMPTY_ROOT_HASH.0);
        assert_eq!(logs_bloom([]), [0; 256]);
    }

    #[test]
    fn a_receipt_is_encoded_as_the_yellow_paper_says_behind_its_type() {
        let receipt = TrieReceipt {
            type_byte: 2,
            outcome: Outcome::Status(true),
            cumulative_gas_used: 21_000,
            logs: &[],
        };
        // rlp([1, 21000, 256 zero bytes, []])
        let mut expected = vec![
            2, 0xf9, 0x01, 0x08, 0x01, 0x82, 0x52, 0x08, 0xb9, 0x01, 0x00,
        ];
        expected.extend([0; 256]);
        expected.push(0xc0);
        assert_eq!(receipt.encoded(), expected);

        let receipt = TrieReceipt {
            type_byte: 0,
            outcome: Outcome::StateRoot(B256::repeat_byte(7)),
            ..receipt
        };
        let encoded = receipt.encoded();
        assert_eq!(encoded[..4], [0xf9, 0x01, 0x28, 0xa0]);
        assert_eq!(encoded[4..36], [7; 32]);
    }

    #[test]
    fn a_bloom_has_three_bits_for_each_address_and_topic() {
        let log = Log {
            address: Address::repeat_byte(1),
            topics: vec![B256::repeat_byte(2)],
            data: vec![3].into(),
        };
        let mut expected = [0u8; 256];
        for item in [log.address.as_bytes(), log.topics[0].as_bytes()] {
            let hash = keccak256(item);
            for pair in [0, 2, 4] {
                let bit = usize::from(u16::from_be_bytes([hash.0[pair], hash.0[pair + 1]]) & 0x7ff);
                expected[255 - bit / 8] |= 1 << (bit % 8);
            }
        }
        assert_eq!(logs_bloom([&log]), expected);
    }
}
