//! Choices read off a string of bytes, so that a property test and a fuzzer can drive one generator.

/// Bytes to choose by. Past the end every choice is the first.
pub struct Source<'a> {
    bytes: &'a [u8],
}

impl<'a> Source<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether there is nothing left to choose by.
    pub fn is_exhausted(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((byte, rest)) => {
                self.bytes = rest;
                *byte
            }
            None => 0,
        }
    }

    /// A number below `end`, which is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// Whether a chance of so many in 256 comes true.
    pub fn chance(&mut self, in_256: u8) -> bool {
        // The last values, so that an exhausted source takes none.
        self.byte() > 255 - in_256
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
