//! The order of a virtual round (semantics, section 5): creations first, then by a key.

use super::Record;
use crate::{B256, call::Order};

/// Puts a round's records in order. They come in the groups that their parents have published, each in
/// the order of emission. `seed` is the word that opcode 0x44 returns in this block.
///
/// The keys of one round are distinct, so any sorting gives the same order.
pub fn sort(mut groups: Vec<Vec<Record>>, order: Order, seed: B256) -> Vec<Record> {
    match order {
        // Within a group the emission index rises already.
        Order::Parent => groups.sort_unstable_by_key(|group| group[0].parent),
        Order::Fifo => groups.sort_unstable_by_key(|group| group[0].parent_position),
        Order::Hash | Order::Seeded => {}
    }
    let mut records = Vec::with_capacity(groups.iter().map(Vec::len).sum());
    let has_creation = groups
        .iter()
        .flatten()
        .any(|record| record.call.is_creation());
    groups.into_iter().for_each(|group| records.extend(group));
    match order {
        Order::Parent | Order::Fifo if !has_creation => {}
        // A stable sort leaves the rest as it is.
        Order::Parent | Order::Fifo => {
            records.sort_by_cached_key(|record| !record.call.is_creation());
        }
        Order::Hash => by_hash(&mut records, |record| record.id),
        Order::Seeded => by_hash(&mut records, |record| seeded_key(seed, record.id)),
    }
    records
}

/// Creations first, then by a hash, of which the first bytes almost always decide.
fn by_hash(records: &mut [Record], key: impl Fn(&Record) -> B256) {
    records.sort_by_cached_key(|record| {
        let B256(bytes) = key(record);
        let (first, rest) = bytes
            .split_first_chunk::<8>()
            .expect("a hash has more than eight bytes");
        let rest: [u8; 24] = rest.try_into().expect("a hash has 32 bytes");
        (!record.call.is_creation(), u64::from_be_bytes(*first), rest)
    });
}

fn seeded_key(seed: B256, id: B256) -> B256 {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(seed.as_bytes());
    preimage[32..].copy_from_slice(id.as_bytes());
    crate::keccak256(preimage)
}
