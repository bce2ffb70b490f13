//! The order of a virtual round (semantics, section 5): creations first, then by a key.

use std::ops::Index;

use super::Record;
use crate::{B256, call::Order};

/// A round's records in their order. Many of them stay in the groups that their parents have published: of
/// a million a second copy would take as much as their receipts.
#[derive(Debug, Default)]
pub struct Records {
    groups: Vec<Vec<Record>>,
    /// Group, and place in it.
    order: Vec<(u32, u32)>,
}

/// So many are put one behind the other, since they are gone through more than once.
const GATHERED_MAX: usize = 1 << 16;

impl Records {
    /// Puts records in order. They come in the groups that their parents have published, each in the order
    /// of emission. `seed` is the word that opcode 0x44 returns in this block.
    ///
    /// The keys of one round are distinct, so any sorting gives the same order.
    pub fn sorted(mut groups: Vec<Vec<Record>>, order: Order, seed: B256) -> Self {
        match order {
            // Within a group the emission index rises already.
            Order::Parent => groups.sort_unstable_by_key(|group| group[0].parent),
            Order::Fifo => groups.sort_unstable_by_key(|group| group[0].parent_position),
            Order::Hash | Order::Seeded => {}
        }
        let count = groups.iter().map(Vec::len).sum();
        if count <= GATHERED_MAX {
            let mut all = Vec::with_capacity(count);
            groups.into_iter().for_each(|group| all.extend(group));
            groups = vec![all];
        }
        let mut places = Vec::with_capacity(count);
        for (group, records) in (0u32..).zip(&groups) {
            places.extend((0u32..).zip(records).map(|(place, _)| (group, place)));
        }
        let mut records = Self {
            groups,
            order: places,
        };
        match order {
            Order::Parent | Order::Fifo => records.creations_first(),
            Order::Hash => records.by_hash(|record| record.id),
            Order::Seeded => records.by_hash(|record| seeded_key(seed, record.id)),
        }
        records
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.order.iter().map(|place| self.at(*place))
    }

    /// Takes away all but so many, the first of them.
    pub fn split_off(&mut self, length: usize) -> Vec<Record> {
        let others = self.order.split_off(length);
        others.iter().map(|place| self.at(*place).clone()).collect()
    }

    fn at(&self, place: (u32, u32)) -> &Record {
        record_at(&self.groups, place)
    }

    /// A stable sort leaves the rest as it is.
    fn creations_first(&mut self) {
        let Self { groups, order } = self;
        if groups
            .iter()
            .flatten()
            .any(|record| record.call.is_creation())
        {
            order.sort_by_key(|place| !record_at(groups, *place).call.is_creation());
        }
    }

    /// Creations first, then by a hash, of which the first bytes almost always decide.
    fn by_hash(&mut self, key: impl Fn(&Record) -> B256) {
        let Self { groups, order } = self;
        let is_ordinary = |place: &(u32, u32)| !record_at(groups, *place).call.is_creation();
        let hash = |place: &(u32, u32)| key(record_at(groups, *place));
        let mut keyed: Vec<(u64, (u32, u32))> = order
            .iter()
            .map(|place| {
                let first = *hash(place).0.first_chunk().expect("a hash has 32 bytes");
                let first = u64::from_be_bytes(first) >> 1;
                (first | u64::from(is_ordinary(place)) << 63, *place)
            })
            .collect();
        keyed.sort_unstable_by(|(key, place), (other_key, other_place)| {
            let decides = || hash(place).cmp(&hash(other_place));
            key.cmp(other_key).then_with(decides)
        });
        order.clear();
        order.extend(keyed.into_iter().map(|(_, place)| place));
    }
}

impl Index<usize> for Records {
    type Output = Record;

    fn index(&self, position: usize) -> &Record {
        self.at(self.order[position])
    }
}

fn record_at(groups: &[Vec<Record>], (group, place): (u32, u32)) -> &Record {
    &groups[group as usize][place as usize]
}

fn seeded_key(seed: B256, id: B256) -> B256 {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(seed.as_bytes());
    preimage[32..].copy_from_slice(id.as_bytes());
    crate::keccak256(preimage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Address, U256,
        state::journal::{DeferredCall, Input},
    };

    /// Records of three to a parent, each tenth of which creates; ids are given for speed.
    fn groups(count: u32) -> Vec<Vec<Record>> {
        let record = |number: u32| Record {
            id: crate::keccak256(number.to_be_bytes()),
            parent: crate::keccak256((number / 3).to_le_bytes()),
            parent_position: number / 3,
            root: 0,
            call: DeferredCall {
                index: u64::from(number % 3),
                kind: if number.is_multiple_of(10) {
                    0xf0
                } else {
                    0xf1
                },
                is_static: false,
                sender: Address::zero(),
                target: Address::zero(),
                code_address: Address::zero(),
                value: U256::zero(),
                gas_cap: 0,
                gas: 0,
                stipend: 0,
                depth: 1,
                is_from_init_code: false,
                input: Input::default(),
            },
        };
        let numbers: Vec<u32> = (0..count).collect();
        let groups = numbers.chunks(3).rev();
        groups
            .map(|group| group.iter().map(|number| record(*number)).collect())
            .collect()
    }

    #[test]
    fn records_are_in_order_whether_or_not_they_are_gathered() {
        let seed = B256::repeat_byte(5);
        for count in [100, 70_000] {
            for order in [Order::Parent, Order::Fifo, Order::Hash, Order::Seeded] {
                let key = |record: &Record| {
                    let key = match order {
                        Order::Parent => record.parent,
                        Order::Fifo => B256::from_low_u64_be(record.parent_position.into()),
                        Order::Hash => record.id,
                        Order::Seeded => seeded_key(seed, record.id),
                    };
                    (!record.call.is_creation(), key, record.call.index)
                };
                let mut records = Records::sorted(groups(count), order, seed);
                assert_eq!(records.len(), count as usize);
                assert!(records.iter().is_sorted_by_key(key), "{count} {order:?}");
                let last = records[records.len() - 1].clone();
                assert_eq!(records.split_off(count as usize - 1), [last]);
                assert_eq!(records.iter().count(), count as usize - 1);
            }
        }
    }
}
