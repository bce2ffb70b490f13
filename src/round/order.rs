//! The order of a virtual round (semantics, section 5): creations first, then by a key.

use std::ops::Index;

use super::{Record, threads::Threads};
use crate::{B256, call::Order};

/// A round's records in their order. They stay in the groups in which they were published: to move each once
/// more takes as long as to sort it.
#[derive(Debug, Default)]
pub struct Records {
    groups: Vec<Vec<Record>>,
    order: Vec<Place>,
    /// Bytes of input of all of them.
    input: u64,
    has_static: bool,
}

/// Group, and place in it.
type Place = (u32, u32);

/// What is sorted, a record or all those of one parent: a number that almost always decides, and where it or the
/// first of them lies.
type Key = (u64, Place);

/// What is known of a part of the groups.
struct Keyed {
    keys: Vec<Key>,
    input: u64,
    has_static: bool,
    has_creation: bool,
}

/// What records are sorted by. `seed` is the word that opcode 0x44 returns in the block.
#[derive(Clone, Copy)]
struct Sorting {
    order: Order,
    seed: B256,
}

impl Records {
    /// Puts records in order. They come in groups, in no order; in each the records of one parent lie behind
    /// each other in the order of their emission.
    ///
    /// The keys of one round are distinct, so any sorting gives the same order.
    pub fn sorted(
        groups: Vec<Vec<Record>>,
        order: Order,
        seed: B256,
        threads: Threads<'_>,
    ) -> Self {
        let sorting = Sorting { order, seed };
        let count: usize = groups.iter().map(Vec::len).sum();
        if count == 0 {
            return Self::default();
        }
        let threads = threads.for_pieces(count);
        let length = groups.len().div_ceil(threads.count());
        let mut chunks: Vec<_> = groups
            .chunks(length)
            .zip((0u32..).step_by(length))
            .collect();
        let mut keyed = threads.each(&mut chunks, |(groups, first)| sorting.keys(groups, *first));
        let mut order = Vec::with_capacity(count);
        if let [keyed] = &mut keyed[..] {
            sorting.sort(&groups, &mut keyed.keys);
            sorting.list(&groups, &keyed.keys, &mut order);
        } else {
            let mut ranges: Vec<usize> = (0..keyed.len()).collect();
            let sorted = threads.each(&mut ranges, |range| {
                let is_own = |key: &&Key| range_of(key.0, keyed.len()) == *range;
                let keys = keyed.iter().flat_map(|keyed| &keyed.keys);
                let mut keys: Vec<Key> = keys.filter(is_own).copied().collect();
                sorting.sort(&groups, &mut keys);
                keys
            });
            for keys in sorted {
                sorting.list(&groups, &keys, &mut order);
            }
        }
        if sorting.is_by_parent() && keyed.iter().any(|keyed| keyed.has_creation) {
            // It keeps the order of those that are alike.
            order.sort_by_key(|place| !record_at(&groups, *place).call.is_creation());
        }
        Self {
            groups,
            order,
            input: keyed.iter().map(|keyed| keyed.input).sum(),
            has_static: keyed.iter().any(|keyed| keyed.has_static),
        }
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
        self.order
            .iter()
            .map(|place| record_at(&self.groups, *place))
    }

    /// The bytes of input of all of them, those that were taken away included.
    pub fn input(&self) -> u64 {
        self.input
    }

    /// Whether one of them, those that were taken away included, is static.
    pub fn has_static(&self) -> bool {
        self.has_static
    }

    /// Takes away all but so many, the first of them.
    pub fn split_off(&mut self, length: usize) -> Vec<Record> {
        let others = self.order.split_off(length);
        let others = others.iter().map(|place| record_at(&self.groups, *place));
        others.cloned().collect()
    }
}

impl Sorting {
    /// Whether all records of one parent lie behind each other, creations apart.
    fn is_by_parent(self) -> bool {
        matches!(self.order, Order::Parent | Order::Fifo)
    }

    /// The keys of the records of groups, of which this is the number of the first.
    fn keys(self, groups: &[Vec<Record>], first: u32) -> Keyed {
        let mut keyed = Keyed {
            keys: Vec::new(),
            input: 0,
            has_static: false,
            has_creation: false,
        };
        if !self.is_by_parent() {
            keyed.keys.reserve(groups.iter().map(Vec::len).sum());
        }
        for (group, records) in (first..).zip(groups) {
            let mut parent = None;
            for (place, record) in (0u32..).zip(records) {
                let is_first =
                    parent.replace(record.parent_position) != Some(record.parent_position);
                if is_first || !self.is_by_parent() {
                    keyed.keys.push((self.first(record), (group, place)));
                }
                keyed.input += record.call.input.length();
                keyed.has_static |= record.call.is_static;
                keyed.has_creation |= record.call.is_creation();
            }
        }
        keyed
    }

    fn sort(self, groups: &[Vec<Record>], keys: &mut [Key]) {
        keys.sort_unstable_by(|(key, place), (other_key, other_place)| {
            let full = |place: &Place| self.full(record_at(groups, *place));
            key.cmp(other_key)
                .then_with(|| full(place).cmp(&full(other_place)))
        });
    }

    /// Lists what is sorted, record by record.
    fn list(self, groups: &[Vec<Record>], keys: &[Key], order: &mut Vec<Place>) {
        if !self.is_by_parent() {
            order.extend(keys.iter().map(|(_, place)| *place));
            return;
        }
        for (_, (group, first)) in keys {
            let records = &groups[*group as usize][*first as usize..];
            let is_sibling =
                |record: &&Record| record.parent_position == records[0].parent_position;
            let siblings = records.iter().take_while(is_sibling);
            order.extend((*first..).zip(siblings).map(|(place, _)| (*group, place)));
        }
    }

    /// The first bits of the full key; of records that are sorted by themselves creations come first.
    fn first(self, record: &Record) -> u64 {
        let is_late = self.is_by_parent() || !record.call.is_creation();
        let full = self.full(record);
        let first = *full.0.first_chunk().expect("a hash has 32 bytes");
        u64::from_be_bytes(first) >> 1 | u64::from(is_late) << 63
    }

    /// What records, or all those of one parent, are sorted by: no two have the same.
    fn full(self, record: &Record) -> B256 {
        match self.order {
            Order::Hash => record.id,
            Order::Seeded => seeded_key(self.seed, record.id),
            Order::Parent => record.parent,
            Order::Fifo => {
                let mut key = B256::zero();
                key.0[..4].copy_from_slice(&record.parent_position.to_be_bytes());
                key
            }
        }
    }
}

/// Which of so many ranges a key lies in, all creations in the first. Where keys are hashes, the ranges are
/// about equal.
fn range_of(key: u64, ranges: usize) -> usize {
    let scaled = (u128::from(key << 1) * ranges as u128) >> 64;
    if key >> 63 == 0 { 0 } else { scaled as usize }
}

impl Index<usize> for Records {
    type Output = Record;

    fn index(&self, position: usize) -> &Record {
        record_at(&self.groups, self.order[position])
    }
}

fn record_at(groups: &[Vec<Record>], (group, place): Place) -> &Record {
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
    use crate::round::threads::Pool;
    use crate::{
        Address, U256,
        state::journal::{DeferredCall, Input},
    };

    /// Records of three to a parent, each tenth of which creates, in groups of two parents; ids are given
    /// for speed.
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
                is_static: number == 7,
                sender: Address::zero(),
                target: Address::zero(),
                code_address: Address::zero(),
                value: U256::zero(),
                gas_cap: 0,
                gas: 0,
                stipend: 0,
                depth: 1,
                is_from_init_code: false,
                input: match number % 2 {
                    0 => Input::from(&[1, 2, 3, 4, 5][..]),
                    _ => Input::default(),
                },
            },
        };
        let numbers: Vec<u32> = (0..count).collect();
        let groups = numbers.chunks(6).rev();
        groups
            .map(|group| group.iter().map(|number| record(*number)).collect())
            .collect()
    }

    #[test]
    fn records_are_in_order_whoever_sorts_them() {
        let seed = B256::repeat_byte(5);
        let pool = Pool::default();
        for (count, threads) in [
            (100, Threads::ALONE),
            (9_000, Threads::ALONE),
            (9_000, pool.threads(3)),
        ] {
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
                let mut records = Records::sorted(groups(count), order, seed, threads);
                assert_eq!(records.len(), count as usize);
                assert!(records.iter().is_sorted_by_key(key), "{count} {order:?}");
                assert_eq!(records.input(), u64::from(count.div_ceil(2)) * 5);
                assert!(records.has_static());
                let last = records[records.len() - 1].clone();
                assert_eq!(records.split_off(count as usize - 1), [last]);
                assert_eq!(records.iter().count(), count as usize - 1);
            }
        }
    }
}
