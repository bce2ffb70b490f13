//! What transactions have emitted, on its way to the round's queue: there it is named, many at a time.

use crossbeam::queue::SegQueue;

use super::Record;
use crate::{B256, keccak256_each, state::journal::DeferredCall};

/// Names a worker's deferred calls and publishes them (semantics, section 5).
#[derive(Default)]
pub(super) struct Publisher {
    waiting: Vec<Emission>,
    /// The ids of what waits, in its order: those that have been found, and what the others are hashes of.
    ids: Vec<B256>,
    preimages: Preimages,
}

/// What one transaction has emitted.
struct Emission {
    parent: B256,
    parent_position: u32,
    root: u32,
    calls: Vec<DeferredCall>,
}

/// What is hashed for so many bytes of calls lies in a core's own cache.
const BYTES_TOGETHER: usize = 1 << 14;

/// What an id commits to before the input, in bytes.
const HEAD_BYTES: usize = 122;

impl Publisher {
    /// Takes what a transaction has emitted, in that order. It is published at once or later, at the latest by
    /// [`Publisher::finish`].
    pub fn add(
        &mut self,
        queue: &SegQueue<Vec<Record>>,
        (parent, parent_position, root): (B256, u32, u32),
        calls: Vec<DeferredCall>,
    ) {
        if calls.is_empty() {
            return;
        }
        let mut is_full = false;
        for call in &calls {
            self.preimages.push(parent, call);
            if self.preimages.bytes.len() >= BYTES_TOGETHER {
                self.preimages.hash_into(&mut self.ids);
                is_full = true;
            }
        }
        self.waiting.push(Emission {
            parent,
            parent_position,
            root,
            calls,
        });
        if is_full {
            self.finish(queue);
        }
    }

    /// Publishes what waits, in one push.
    pub fn finish(&mut self, queue: &SegQueue<Vec<Record>>) {
        if self.waiting.is_empty() {
            return;
        }
        self.preimages.hash_into(&mut self.ids);
        let mut records = Vec::with_capacity(self.ids.len());
        let mut ids = self.ids.drain(..);
        for emission in self.waiting.drain(..) {
            let calls = emission.calls.into_iter().zip(&mut ids);
            records.extend(calls.map(|(call, id)| Record {
                id,
                parent: emission.parent,
                parent_position: emission.parent_position,
                root: emission.root,
                call,
            }));
        }
        queue.push(records);
    }
}

/// What is about to be hashed: each behind the one before.
#[derive(Default)]
struct Preimages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Preimages {
    /// parent id ‖ emission index ‖ kind ‖ is_static ‖ target ‖ code address ‖ value ‖ gas cap ‖ input,
    /// big-endian, in 32, 8, 1, 1, 20, 20, 32, 8 bytes and the input's.
    fn push(&mut self, parent: B256, call: &DeferredCall) {
        let mut head = [0u8; HEAD_BYTES];
        head[..32].copy_from_slice(parent.as_bytes());
        head[32..40].copy_from_slice(&call.index.to_be_bytes());
        head[40] = call.kind;
        head[41] = u8::from(call.is_static);
        head[42..62].copy_from_slice(call.target.as_bytes());
        head[62..82].copy_from_slice(call.code_address.as_bytes());
        head[82..114].copy_from_slice(&call.value.to_big_endian());
        head[114..].copy_from_slice(&call.gas_cap.to_be_bytes());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(&call.input);
        self.ends.push(self.bytes.len());
    }

    /// Adds the hashes, in order, and forgets what was hashed.
    fn hash_into(&mut self, ids: &mut Vec<B256>) {
        keccak256_each(&self.bytes, &self.ends, ids);
        self.bytes.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, U256, state::journal::Input};

    fn call() -> DeferredCall {
        DeferredCall {
            index: 3,
            kind: 0xf1,
            is_static: false,
            sender: Address::repeat_byte(1),
            target: Address::repeat_byte(2),
            code_address: Address::repeat_byte(3),
            value: U256::from(4),
            gas_cap: 5,
            gas: 0,
            stipend: 2300,
            depth: 1,
            is_from_init_code: false,
            input: Input::from(&[7, 8][..]),
        }
    }

    /// The records of transactions that have emitted these, by transaction.
    fn published(emissions: &[Vec<DeferredCall>]) -> Vec<Vec<Record>> {
        let (mut publisher, queue) = (Publisher::default(), SegQueue::new());
        for (position, calls) in (0u32..).zip(emissions) {
            let parent = B256::repeat_byte(9);
            publisher.add(&queue, (parent, position, position), calls.clone());
        }
        publisher.finish(&queue);
        let records: Vec<_> = std::iter::from_fn(|| queue.pop()).flatten().collect();
        let siblings = records.chunk_by(|one, other| one.parent_position == other.parent_position);
        siblings.map(<[Record]>::to_vec).collect()
    }

    fn id_of(call: DeferredCall) -> B256 {
        published(&[vec![call]])[0][0].id
    }

    #[test]
    fn the_id_is_the_hash_of_the_fields_in_their_order() {
        let mut preimage = vec![9; 32];
        preimage.extend([0, 0, 0, 0, 0, 0, 0, 3, 0xf1, 0]);
        preimage.extend([2; 20]);
        preimage.extend([3; 20]);
        preimage.extend([0; 31]);
        preimage.push(4);
        preimage.extend([0, 0, 0, 0, 0, 0, 0, 5, 7, 8]);
        assert_eq!(id_of(call()), crate::keccak256(preimage));
    }

    #[test]
    fn two_identical_calls_of_one_transaction_have_two_ids() {
        let again = DeferredCall { index: 4, ..call() };
        assert_ne!(id_of(call()), id_of(again));
    }

    #[test]
    fn what_the_id_does_not_commit_to_does_not_change_it() {
        let other = DeferredCall {
            gas: 77,
            depth: 9,
            stipend: 0,
            ..call()
        };
        assert_eq!(id_of(call()), id_of(other));
    }

    #[test]
    fn names_are_the_same_however_many_are_found_together() {
        let call_with = |index: u64, input: usize| DeferredCall {
            index,
            input: Input::from(&vec![index as u8; input][..]),
            ..call()
        };
        let emissions: Vec<Vec<_>> = (0..40)
            .map(|position| {
                let indices = 0..position % 5 * 7;
                let calls = indices.map(|index| call_with(index, (position * index * 11) as usize));
                calls.collect()
            })
            .collect();
        let with_calls = emissions.iter().filter(|calls| !calls.is_empty());
        let groups = published(&emissions);
        assert_eq!(groups.len(), with_calls.clone().count());
        for (group, calls) in groups.iter().zip(with_calls) {
            assert_eq!(group.len(), calls.len());
            for (record, call) in group.iter().zip(calls) {
                assert_eq!(&record.call, call);
                assert_eq!(record.id, id_of(call.clone()));
            }
        }
    }
}
