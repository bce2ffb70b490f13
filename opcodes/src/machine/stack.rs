//! The stack of 1024 words.
//!
//! Instructions that touch the host use the checked methods here; the run loop works on the words
//! through `Top` and puts the height back before it leaves.

use core::mem::MaybeUninit;

use crate::U256;

/// The most words a stack holds.
pub const STACK_LIMIT: usize = 1024;

/// A frame's stack. The words lie in one heap allocation that is recycled with the frame; those above
/// the height are not initialised, since filling 32 KiB costs more than most frames do.
///
/// The first word of the allocation is not part of the stack: tier 1, which keeps the top in
/// registers, spills to it what it holds of an empty stack.
pub struct Stack {
    /// Initialised up to and with the place `height`.
    words: Box<[MaybeUninit<U256>]>,
    height: usize,
}

impl Stack {
    pub(crate) fn new() -> Self {
        let mut words = Box::new_uninit_slice(1 + STACK_LIMIT);
        words[0].write(U256::zero());
        Self { words, height: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.height = 0;
    }

    /// The words in use, the top last.
    pub fn words(&self) -> &[U256] {
        let words = &self.words[1..=self.height];
        // SAFETY: 1. Every word up to the height has been written: by `push`, or through the cursor that
        // has raised it, which writes what it makes room for.
        unsafe { words.assume_init_ref() }
    }

    /// Takes the top; the dispatch has checked that there is one.
    pub(crate) fn pop(&mut self) -> U256 {
        debug_assert!(self.height > 0);
        // SAFETY: as in `words`; the word before the first is written by `new`.
        let word = unsafe { self.words[self.height].assume_init() };
        self.height -= 1;
        word
    }

    /// Takes the N topmost words, the top first; the dispatch has checked that they are there.
    pub(crate) fn pop_array<const N: usize>(&mut self) -> [U256; N] {
        core::array::from_fn(|_| self.pop())
    }

    /// Adds a word; the dispatch has checked that there is room.
    pub(crate) fn push(&mut self, word: U256) {
        self.height += 1;
        self.words[self.height].write(word);
    }

    /// A cursor for the run loop. It is good until the stack is used in any other way.
    pub(crate) fn top(&mut self) -> Top {
        // SAFETY: 1. `words` is one longer than the limit. 2. `height` is at most the limit: only
        // `push`, which indexes, and `set_top`, which checks, raise it.
        let base = unsafe { self.words.as_mut_ptr().cast::<U256>().add(1) };
        let next = unsafe { base.add(self.height) };
        Top { base, next }
    }

    /// Takes over the height that the run loop has reached.
    pub(crate) fn set_top(&mut self, top: Top) {
        let height = top.bytes() / size_of::<U256>();
        assert!(height <= STACK_LIMIT, "the cursor belongs to this stack");
        self.height = height;
    }
}

impl Clone for Stack {
    fn clone(&self) -> Self {
        let mut clone = Self::new();
        clone.words[..=self.height].copy_from_slice(&self.words[..=self.height]);
        clone.height = self.height;
        clone
    }
}

impl core::fmt::Debug for Stack {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.words()).finish()
    }
}

/// The run loop's view of a stack: raw, so that it can live in registers.
///
/// Words move as four 64-bit limbs, by volatile accesses that the compiler cannot merge: a 32-byte
/// vector load right after four 8-byte stores of the same word cannot be forwarded from the store
/// buffer and stalls, which costs a third of an interpreter's time.
#[derive(Clone, Copy)]
pub(crate) struct Top {
    base: *mut U256,
    next: *mut U256,
}

impl Top {
    /// The height in bytes, 32 to a word.
    #[inline(always)]
    pub(crate) fn bytes(self) -> usize {
        self.next as usize - self.base as usize
    }

    /// The word `depth` below the top, which is at depth 1.
    ///
    /// # Safety
    /// The stack is at least `depth` words high.
    #[inline(always)]
    pub(crate) unsafe fn get(self, depth: usize) -> U256 {
        debug_assert!(depth * size_of::<U256>() <= self.bytes());
        // SAFETY: 1. The caller has checked the height, so the word is within the allocation and
        // initialised.
        unsafe { read_limbs(self.next.sub(depth)) }
    }

    /// Writes the word `depth` below the top.
    ///
    /// # Safety
    /// As for [`Top::get`].
    #[inline(always)]
    pub(crate) unsafe fn set(self, depth: usize, word: U256) {
        debug_assert!(depth * size_of::<U256>() <= self.bytes());
        // SAFETY: as in `get`; the cursor has the only access to the words while it is used.
        unsafe { write_limbs(self.next.sub(depth), word) };
    }

    /// Drops `count` words.
    ///
    /// # Safety
    /// The stack is at least `count` words high.
    #[inline(always)]
    pub(crate) unsafe fn drop(&mut self, count: usize) {
        debug_assert!(count * size_of::<U256>() <= self.bytes());
        // SAFETY: 1. `next` stays at or above `base`, by the caller's check.
        self.next = unsafe { self.next.sub(count) };
    }

    /// Reads the word below the cursor: the top, or what was spilled of an empty stack.
    ///
    /// # Safety
    /// The stack is used in no other way while the cursor is.
    #[inline(always)]
    pub(crate) unsafe fn reload(self) -> U256 {
        // SAFETY: 1. There is a word before the stack's first, so there always is one here.
        unsafe { read_limbs(self.next.sub(1)) }
    }

    /// Writes the word that [`Top::reload`] reads.
    ///
    /// # Safety
    /// As for [`Top::reload`].
    #[inline(always)]
    pub(crate) unsafe fn spill(self, word: U256) {
        // SAFETY: as in `reload`.
        unsafe { write_limbs(self.next.sub(1), word) };
    }

    /// Makes room for a word, which is to be written by [`Top::spill`].
    ///
    /// # Safety
    /// The stack is below [`STACK_LIMIT`] words high.
    #[inline(always)]
    pub(crate) unsafe fn grow(&mut self) {
        debug_assert!(self.bytes() < STACK_LIMIT * size_of::<U256>());
        // SAFETY: 1. There is room for one more word, by the caller's check.
        self.next = unsafe { self.next.add(1) };
    }

    /// Adds a word.
    ///
    /// # Safety
    /// The stack is below [`STACK_LIMIT`] words high.
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, word: U256) {
        debug_assert!(self.bytes() < STACK_LIMIT * size_of::<U256>());
        // SAFETY: 1. There is room for one more word, by the caller's check.
        unsafe {
            self.next = self.next.add(1);
            self.set(1, word);
        }
    }
}

/// Reads a word limb by limb.
///
/// # Safety
/// `word` can be read.
#[inline(always)]
unsafe fn read_limbs(word: *const U256) -> U256 {
    // SAFETY: 1. U256 is four u64 (`U256(pub [u64; 4])`), so the cast keeps bounds and alignment.
    unsafe {
        let limbs = word.cast::<u64>();
        U256([
            limbs.read_volatile(),
            limbs.add(1).read_volatile(),
            limbs.add(2).read_volatile(),
            limbs.add(3).read_volatile(),
        ])
    }
}

/// Writes a word limb by limb.
///
/// # Safety
/// `place` can be written.
#[inline(always)]
unsafe fn write_limbs(place: *mut U256, word: U256) {
    // SAFETY: as in `read_limbs`.
    unsafe {
        let limbs = place.cast::<u64>();
        limbs.write_volatile(word.0[0]);
        limbs.add(1).write_volatile(word.0[1]);
        limbs.add(2).write_volatile(word.0[2]);
        limbs.add(3).write_volatile(word.0[3]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_and_the_checked_methods_see_the_same_words() {
        let mut stack = Stack::new();
        stack.push(U256::from(7));
        let mut top = stack.top();
        // SAFETY: one word is on the stack, and there is room for more.
        unsafe {
            assert_eq!(top.get(1), U256::from(7));
            top.push(U256::MAX);
            top.set(2, U256([1, 2, 3, 4]));
        }
        stack.set_top(top);
        assert_eq!(stack.words(), [U256([1, 2, 3, 4]), U256::MAX]);
        assert_eq!(stack.pop_array(), [U256::MAX, U256([1, 2, 3, 4])]);
        assert!(stack.words().is_empty());
    }
}
