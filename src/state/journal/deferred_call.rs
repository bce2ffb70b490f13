//! A deferred call while its emitter still runs, and where its input lies.

use std::{fmt, ops::Deref, sync::Arc};

use crate::{Address, U256};

/// The input of a deferred call: a part of the bytes that its emitting transaction has left, which all
/// its deferred calls share.
#[derive(Clone, Default)]
pub struct Input {
    /// Set when the transaction has ended.
    buffer: Option<Arc<[u8]>>,
    start: u32,
    length: u32,
}

/// The input of a transaction's deferred calls while it runs, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Inputs(Vec<u8>);

/// The allocation that is kept for the next transaction, in bytes.
const KEPT: usize = 1 << 20;

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
    /// Call data, or init code; empty until the transaction has ended.
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

impl Inputs {
    /// Adds the input of the next call. One that equals the last call's lies where that does.
    pub fn push(&mut self, input: &[u8], last: Option<&DeferredCall>) -> Input {
        if !input.is_empty()
            && let Some(last) = last.map(|call| &call.input)
            && last.length as usize == input.len()
            && self.0[last.range()] == *input
        {
            return last.clone();
        }
        let position = |place: usize| {
            u32::try_from(place).expect("what a transaction may queue is below 4 GiB")
        };
        let start = position(self.0.len());
        self.0.extend_from_slice(input);
        Input {
            buffer: None,
            start,
            length: position(self.0.len()) - start,
        }
    }

    /// Drops what lies behind the input of the last call that is left.
    pub fn truncate(&mut self, last: Option<&DeferredCall>) {
        self.0
            .truncate(last.map_or(0, |call| call.input.range().end));
    }

    /// Gives each call its input for good, and empties this.
    pub fn hand_out(&mut self, calls: &mut [DeferredCall]) {
        if !calls.is_empty() && !self.0.is_empty() {
            let buffer: Arc<[u8]> = Arc::from(&self.0[..]);
            for call in calls {
                if call.input.length != 0 {
                    call.input.buffer = Some(Arc::clone(&buffer));
                }
            }
        }
        self.clear();
    }

    pub fn clear(&mut self) {
        self.0.clear();
        self.0.shrink_to(KEPT);
    }
}

impl Input {
    fn range(&self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.length as usize
    }

    /// How many bytes it has, known before it is handed out.
    pub fn length(&self) -> u64 {
        self.length.into()
    }
}

impl Deref for Input {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.buffer {
            Some(buffer) => &buffer[self.range()],
            None => &[],
        }
    }
}

impl From<&[u8]> for Input {
    fn from(bytes: &[u8]) -> Self {
        Self {
            buffer: Some(Arc::from(bytes)),
            start: 0,
            length: u32::try_from(bytes.len()).expect("an input is below 4 GiB"),
        }
    }
}

impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Input {}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}
