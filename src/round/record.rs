//! A published deferred call: what a virtual round runs (semantics, section 5).

use bytes::Bytes;
use smallvec::SmallVec;

use crate::{
    Address, B256, U256,
    state::journal::DeferredCall,
    transaction::{Executed, Kind, Limit, Receipt, Status},
};

/// A deferred call whose emitter has succeeded, with its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// See [`record_id`].
    pub id: B256,
    /// The id of the transaction that emitted it.
    pub parent: B256,
    /// Where that one stood in its round.
    pub parent_position: u32,
    /// The position in the block of the original transaction above it.
    pub root: u32,
    /// What is to be run, and with how much gas.
    pub call: DeferredCall,
}

impl Record {
    /// Publishes a deferred call.
    pub fn new(parent: B256, parent_position: u32, root: u32, call: DeferredCall) -> Self {
        Self {
            id: record_id(parent, &call),
            parent,
            parent_position,
            root,
            call,
        }
    }

    /// What it owns.
    pub fn target(&self) -> Address {
        self.call.target
    }

    /// A receipt with nothing in it but what the record says itself.
    #[inline]
    pub fn receipt(&self, round: u32, status: Status) -> Receipt {
        Receipt {
            id: self.id,
            parent: Some(self.parent),
            root: self.root,
            round,
            index: self.call.index,
            kind: Kind::Virtual {
                opcode: self.call.kind,
                is_static: self.call.is_static,
            },
            sender: self.call.sender,
            target: self.call.target,
            status,
            gas_used: 0,
            bounced: U256::zero(),
            logs: Vec::new(),
            output: Bytes::new(),
            created: None,
            tree_gas_used: None,
        }
    }

    /// The receipt of one that has run.
    pub fn executed(&self, round: u32, executed: Executed) -> Receipt {
        Receipt {
            gas_used: executed.gas_used,
            bounced: executed.bounced,
            logs: executed.effects.logs,
            output: executed.output,
            created: executed.created,
            ..self.receipt(round, executed.status)
        }
    }

    /// The receipt of a record beyond a limit, its value returned.
    pub fn refused(&self, round: u32, limit: Limit) -> Receipt {
        Receipt {
            bounced: self.call.escrow(),
            ..self.receipt(round, Status::Refused(limit))
        }
    }
}

/// What an id commits to before the input.
const HEAD_BYTES: usize = 122;

/// keccak256(parent id ‖ emission index ‖ kind ‖ is_static ‖ target ‖ code address ‖ value ‖ gas cap ‖
/// input), big-endian, in 32, 8, 1, 1, 20, 20, 32, 8 bytes and the input's.
pub fn record_id(parent: B256, call: &DeferredCall) -> B256 {
    let mut head = [0u8; HEAD_BYTES];
    head[..32].copy_from_slice(parent.as_bytes());
    head[32..40].copy_from_slice(&call.index.to_be_bytes());
    head[40] = call.kind;
    head[41] = u8::from(call.is_static);
    head[42..62].copy_from_slice(call.target.as_bytes());
    head[62..82].copy_from_slice(call.code_address.as_bytes());
    head[82..114].copy_from_slice(&call.value.to_big_endian());
    head[114..].copy_from_slice(&call.gas_cap.to_be_bytes());
    if call.input.is_empty() {
        return crate::keccak256(head);
    }
    let mut preimage: SmallVec<[u8; 512]> = SmallVec::from_slice(&head);
    preimage.extend_from_slice(&call.input);
    crate::keccak256(preimage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::journal::Input;

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

    #[test]
    fn the_id_is_the_hash_of_the_fields_in_their_order() {
        let parent = B256::repeat_byte(9);
        let mut preimage = vec![9; 32];
        preimage.extend([0, 0, 0, 0, 0, 0, 0, 3, 0xf1, 0]);
        preimage.extend([2; 20]);
        preimage.extend([3; 20]);
        preimage.extend([0; 31]);
        preimage.push(4);
        preimage.extend([0, 0, 0, 0, 0, 0, 0, 5, 7, 8]);
        assert_eq!(record_id(parent, &call()), crate::keccak256(preimage));
    }

    #[test]
    fn two_identical_calls_of_one_transaction_have_two_ids() {
        let parent = B256::repeat_byte(9);
        let again = DeferredCall { index: 4, ..call() };
        assert_ne!(record_id(parent, &call()), record_id(parent, &again));
    }

    #[test]
    fn what_the_id_does_not_commit_to_does_not_change_it() {
        let parent = B256::repeat_byte(9);
        let other = DeferredCall {
            gas: 77,
            depth: 9,
            stipend: 0,
            ..call()
        };
        assert_eq!(record_id(parent, &call()), record_id(parent, &other));
    }
}
