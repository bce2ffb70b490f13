//! Code ready to run: padded, with its jump destinations, shared by reference count.
//!
//! Padding happens once per code, and analysis on first use, so that code which is only copied or measured
//! costs no more than a copy. No cache lives here: whoever keeps accounts keeps their `Code`.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

use super::jump_destinations;
use crate::{Address, B256, Fork, blocks::Blocks, table};

/// A contract's code, analysed at most once; clones share it. The empty one owns nothing.
#[derive(Clone, Debug, Default)]
pub struct Code(Option<Arc<Handle>>);

/// What clones are counted by; see [`Code::with_own_count`].
#[derive(Debug)]
struct Handle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The front of `padded`.
    bytes: Bytes,
    padded: Bytes,
    hash: B256,
    analysis: OnceLock<Analysis>,
    /// The code in blocks, for the fork that first needed it; `None` where that is over its limit.
    blocks: OnceLock<Option<Box<Blocks>>>,
    /// Bytes of this code that tier 0 has run. Relaxed: it decides only when the code is translated,
    /// and results are the same before and after.
    heat: AtomicU64,
}

/// Zero bytes (STOP) after the code.
///
/// Why the run loop needs no bounds check on its program counter, for code of length n padded to
/// n + 33: it starts at 0 ≤ n, and a jump leads to a JUMPDEST below n. An instruction at pc < n has
/// at most 32 immediate bytes, all below n + 32, and the next one is at pc + 1 + 32 ≤ n + 32, the
/// last byte. An instruction at pc ≥ n is a STOP, which ends the frame.
pub(crate) const PADDING: usize = 33;

/// Code is translated when tier 0 has run so many times its length in bytes, counted with every
/// repetition. A loop wins back what translating costs in about eight; real blocks take
/// 3 % less at 32 than at eight, and 40 % more at one.
const RUNS_UNTIL_HOT: u64 = 32;

/// What the run loop needs to know of code.
#[derive(Debug)]
pub(crate) struct Analysis {
    padded: Bytes,
    jump_destinations: Box<[u64]>,
    length: usize,
}

static EMPTY: Shared = Shared::new(
    Bytes::new(),
    Bytes::from_static(&[table::STOP; PADDING]),
    B256::zero(),
);

impl Shared {
    const fn new(bytes: Bytes, padded: Bytes, hash: B256) -> Self {
        Self {
            bytes,
            padded,
            hash,
            analysis: OnceLock::new(),
            blocks: OnceLock::new(),
            heat: AtomicU64::new(0),
        }
    }
}

impl Code {
    /// No code.
    pub const EMPTY: Self = Self(None);

    /// Whether there are no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none() || self.bytes().is_empty()
    }

    /// Code whose Keccak-256 hash is computed here.
    pub fn new(bytes: Bytes) -> Self {
        let hash = crate::keccak256(&bytes);
        Self::with_hash(&bytes, hash)
    }

    /// Code whose Keccak-256 hash is known.
    pub fn with_hash(bytes: impl AsRef<[u8]>, hash: B256) -> Self {
        let bytes = bytes.as_ref();
        let mut padded = Vec::with_capacity(bytes.len() + PADDING);
        padded.extend_from_slice(bytes);
        padded.resize(bytes.len() + PADDING, table::STOP);
        let padded = Bytes::from(padded);
        let bytes = padded.slice(..bytes.len());
        Self::counting(Arc::new(Shared::new(bytes, padded, hash)))
    }

    /// The same code, analysis included, whose clones are counted apart from this one's: threads that run
    /// it need not wait for each other to count.
    #[must_use]
    pub fn with_own_count(&self) -> Self {
        match &self.0 {
            Some(handle) => Self::counting(Arc::clone(&handle.0)),
            None => Self::default(),
        }
    }

    fn counting(shared: Arc<Shared>) -> Self {
        Self(Some(Arc::new(Handle(shared))))
    }

    #[inline]
    fn shared(&self) -> &Shared {
        match &self.0 {
            Some(handle) => &handle.0,
            None => &EMPTY,
        }
    }

    /// The code's bytes, unpadded.
    pub fn bytes(&self) -> &Bytes {
        &self.shared().bytes
    }

    /// Keccak-256 of the bytes.
    pub fn hash(&self) -> B256 {
        self.shared().hash
    }

    /// Where the code delegates to, if it is an EIP-7702 designator (0xef0100 and an address).
    pub fn delegate(&self) -> Option<Address> {
        match self.shared().bytes.strip_prefix(&[0xef, 0x01, 0x00]) {
            Some(address) if address.len() == 20 => Some(Address::from_slice(address)),
            _ => None,
        }
    }

    /// Whether a jump may lead to this position: a JUMPDEST that is no immediate byte.
    pub fn is_jump_destination(&self, position: usize) -> bool {
        self.analysis().is_jump_destination(position)
    }

    /// The analysis, made on first use.
    pub(crate) fn analysis(&self) -> &Analysis {
        let shared = self.shared();
        shared.analysis.get_or_init(|| Analysis::new(shared))
    }

    /// The code in blocks, if it has been translated, and for this fork.
    #[inline]
    pub(crate) fn blocks(&self, fork: Fork) -> Option<&Blocks> {
        let blocks = self.shared().blocks.get()?.as_deref()?;
        (blocks.fork() == fork).then_some(blocks)
    }

    /// Translates the code into blocks, if that has not been done.
    pub(crate) fn translate(&self, fork: Fork) {
        self.shared()
            .blocks
            .get_or_init(|| Blocks::new(self.analysis(), fork).map(Box::new));
    }

    /// How many bytes tier 0 may run of this code before it is translated; `None` if it never is.
    pub(crate) fn bytes_until_hot(&self) -> Option<u64> {
        let shared = self.shared();
        if shared.hash.is_zero() || shared.blocks.get().is_some() {
            return None;
        }
        let threshold = shared.bytes.len() as u64 * RUNS_UNTIL_HOT;
        Some(threshold.saturating_sub(shared.heat.load(Ordering::Relaxed)))
    }

    /// Counts bytes that tier 0 has run.
    pub(crate) fn add_heat(&self, bytes: u64) {
        self.shared().heat.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Analysis {
    fn new(code: &Shared) -> Self {
        Self {
            jump_destinations: jump_destinations::find(&code.bytes),
            padded: code.padded.clone(),
            length: code.bytes.len(),
        }
    }

    /// The code and [`PADDING`] zero bytes after it.
    pub(crate) fn padded(&self) -> &[u8] {
        &self.padded
    }

    /// See [`Code::is_jump_destination`].
    #[inline(always)]
    pub(crate) fn is_jump_destination(&self, position: usize) -> bool {
        // `length` bounds the answer too: the last word's unused bits are zero.
        match self.jump_destinations.get(position / 64) {
            Some(bits) => bits >> (position % 64) & 1 == 1,
            None => false,
        }
    }

    /// The length of the code, unpadded.
    #[inline(always)]
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jumpdest_within_an_immediate_is_no_destination() {
        let code = Code::new(Bytes::from_static(&[0x60, 0x5b, 0x5b, 0x61, 0x5b]));
        let found: Vec<_> = (0..200).filter(|p| code.is_jump_destination(*p)).collect();
        assert_eq!(found, [2]);
    }

    #[test]
    fn every_push_at_the_end_of_the_code_stays_within_the_padding() {
        for push in table::PUSH1..=table::PUSH32 {
            let code = Code::new(vec![push].into());
            let next = 1 + usize::from(push - table::PUSH0);
            assert_eq!(code.analysis().padded()[next], table::STOP);
        }
    }

    #[test]
    fn codes_with_counts_of_their_own_share_all_else() {
        let code = Code::new(Bytes::from_static(&[0x5b; 100]));
        let other = code.with_own_count();
        other.translate(Fork::Osaka);
        assert!(code.blocks(Fork::Osaka).is_some());
        let [counted, counted_apart] =
            [&code, &other].map(|code| Arc::strong_count(code.0.as_ref().unwrap()));
        assert_eq!((counted, counted_apart), (1, 1));
        assert_eq!(Code::default().with_own_count().bytes().len(), 0);
    }

    #[test]
    fn a_designator_is_23_bytes() {
        let mut bytes = vec![0xef, 0x01, 0x00];
        bytes.extend_from_slice(&[7; 20]);
        assert_eq!(
            Code::new(bytes.clone().into()).delegate(),
            Some(Address::repeat_byte(7))
        );
        bytes.push(0);
        assert_eq!(Code::new(bytes.into()).delegate(), None);
    }
}
