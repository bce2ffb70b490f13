//! A deferred call while its emitter still runs.

use smallvec::SmallVec;

use crate::{Address, U256};

/// The input of a deferred call. Most calls carry a selector and at most three words, which need no
/// allocation.
pub type Input = SmallVec<[u8; 104]>;

/// What a CALL- or CREATE-family instruction left instead of entering its callee. It becomes a
/// record, with an id, when the emitting transaction has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeferredCall {
    /// Counts the emissions of the transaction from 0, those dropped since included.
    pub index: u64,
    /// The opcode that emitted it.
    pub kind: u8,
    /// Whether it runs static.
    pub is_static: bool,
    /// CALLER while it runs.
    pub sender: Address,
    /// ADDRESS while it runs: what it owns.
    pub target: Address,
    /// Whose code runs; the target for creations.
    pub code_address: Address,
    /// CALLVALUE while it runs, in wei.
    pub value: U256,
    /// The gas asked for, clipped to 2⁶⁴−1, without the stipend.
    pub gas_cap: u64,
    /// Gas set aside for it, the stipend not included: under `lock` what left the emitting frame, under
    /// `split` nothing until the emitting transaction has ended, and then its share.
    pub gas: u64,
    /// Gas it gets on top: 2300 for CALL and CALLCODE with a value, else 0.
    pub stipend: u64,
    /// The frame depth that it runs at: the emitter's and one.
    pub depth: u16,
    /// Emitted by init code that was still running, on behalf of the account being created.
    pub is_from_init_code: bool,
    /// Call data, or init code.
    pub input: Input,
}

impl DeferredCall {
    /// Whether it creates a contract.
    pub fn is_creation(&self) -> bool {
        matches!(self.kind, 0xf0 | 0xf5)
    }

    /// Wei that left the emitter's balance and is in escrow: the value of CALL and of creations.
    pub fn escrow(&self) -> U256 {
        match self.kind {
            0xf0 | 0xf1 | 0xf5 => self.value,
            _ => U256::zero(),
        }
    }
}
