//! A frame's call data: bytes of its own, or a range of the memory that its caller lends it while it
//! waits, so that no call copies its input.

use core::{mem, ops::Range};

use super::memory::Memory;

/// Bytes that a recycled frame keeps allocated.
const CAPACITY_KEPT: usize = 1 << 14;

/// Call data. While the caller's memory is lent, this holds it whole, and the caller holds this
/// buffer in its stead.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    buffer: Vec<u8>,
    range: Range<usize>,
    is_lent: bool,
}

impl Input {
    /// No input, on the buffer that there is.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(CAPACITY_KEPT);
        self.range = 0..0;
        self.is_lent = false;
    }

    /// The call data.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }

    /// What is held: the call data, or all of the memory that is lent for it.
    pub(crate) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Copies the call data.
    pub(crate) fn copy_from(&mut self, bytes: &[u8]) {
        debug_assert!(!self.is_lent, "the lender's memory is given back first");
        self.buffer.clear();
        self.buffer.extend_from_slice(bytes);
        self.range = 0..bytes.len();
    }

    /// Takes a range of a memory, and the memory with it until [`Input::give_back`].
    pub(crate) fn borrow(&mut self, memory: &mut Memory, range: Range<usize>) {
        debug_assert!(!self.is_lent, "the lender's memory is given back first");
        if range.is_empty() {
            return;
        }
        memory.swap_bytes(&mut self.buffer);
        self.range = range;
        self.is_lent = true;
    }

    /// Gives the memory back if it was lent. There is no call data from then on.
    pub(crate) fn give_back(&mut self, memory: &mut Memory) {
        if mem::take(&mut self.is_lent) {
            memory.swap_bytes(&mut self.buffer);
            self.range = 0..0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{U256, machine::gas::Gas};

    fn memory_of(bytes: u64) -> Memory {
        let mut memory = Memory::default();
        let mut gas = Gas {
            remaining: 1000,
            refund: 0,
        };
        let size = U256::from(bytes);
        memory.expand(U256::zero(), size, &mut gas).unwrap();
        memory
    }

    #[test]
    fn a_lent_memory_comes_back_as_it_was() {
        let mut memory = memory_of(64);
        memory.region_mut(30..34).copy_from_slice(&[1, 2, 3, 4]);
        let before = memory.bytes().to_vec();

        let mut input = Input::default();
        input.borrow(&mut memory, 31..33);
        assert_eq!(input.bytes(), [2, 3]);
        assert_eq!(memory.size(), 0);
        input.give_back(&mut memory);
        assert_eq!(memory.bytes(), before);
        assert!(input.bytes().is_empty());
        // A second time there is nothing to give.
        input.give_back(&mut memory);
        assert_eq!(memory.bytes(), before);
    }

    #[test]
    fn an_empty_range_leaves_the_memory_where_it_is() {
        let mut memory = memory_of(32);
        let mut input = Input::default();
        input.borrow(&mut memory, 0..0);
        assert!(input.bytes().is_empty());
        assert_eq!(memory.size(), 32);
    }
}
