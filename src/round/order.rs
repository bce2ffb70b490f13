//! The order of a virtual round (semantics, section 5): creations first, then by a key.

use super::Record;
use crate::{B256, call::Order};

/// Sorts a round's records. `seed` is the word that opcode 0x44 returns in this block.
///
/// The keys of one round are distinct, so any sorting gives the same order.
pub fn sort(records: &mut [Record], order: Order, seed: B256) {
    records.sort_by_cached_key(|record| {
        let is_call = !record.call.is_creation();
        match order {
            Order::Parent => (is_call, record.parent, record.call.index),
            Order::Hash => (is_call, record.id, 0),
            Order::Seeded => (is_call, seeded_key(seed, record.id), 0),
            Order::Fifo => {
                let mut position = [0; 32];
                position[28..].copy_from_slice(&record.parent_position.to_be_bytes());
                (is_call, B256(position), record.call.index)
            }
        }
    });
}

fn seeded_key(seed: B256, id: B256) -> B256 {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(seed.as_bytes());
    preimage[32..].copy_from_slice(id.as_bytes());
    crate::keccak256(preimage)
}
