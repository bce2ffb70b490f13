//! A published deferred call: what a virtual round runs (semantics, section 5).

use bytes::Bytes;

use crate::{
    Address, B256, U256, in_place,
    state::journal::DeferredCall,
    transaction::{Executed, Kind, Limit, Receipt, Status},
};

/// A deferred call whose emitter has succeeded, with its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// keccak256 over parent, emission index and call (semantics, section 5).
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

    /// The receipt of one that has run, which is left without its logs and output.
    #[inline]
    pub fn executed(&self, round: u32, executed: &mut Executed) -> Receipt {
        let status = executed.take_status();
        Receipt {
            gas_used: executed.gas_used,
            bounced: executed.bounced,
            logs: in_place::take_list(&mut executed.effects.logs),
            output: in_place::take_bytes(&mut executed.output),
            created: executed.created.is_some().then_some(self.call.target),
            ..self.receipt(round, status)
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
