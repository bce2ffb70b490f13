//! A frame's memory: bytes that grow by words, and what growing costs.

use core::ops::Range;

use super::{exit::Halt, gas::Gas, word};
use crate::U256;

/// No frame's memory grows beyond this many bytes: 4 GiB would cost 3.5 · 10¹³ gas, more than a
/// hundred thousand blocks hold, so it is out of gas whatever the gas limit says.
pub const MEMORY_LIMIT: u64 = 1 << 32;

const WORD_BYTES: usize = 32;
const WORD_GAS: u64 = 3;
const QUADRATIC_DIVISOR: u64 = 512;

/// A recycled frame keeps an allocation of this many bytes at most, so that a thousand frames that
/// once had a large memory do not hold it for ever.
const CAPACITY_KEPT: usize = 1 << 16;

/// The least that is allocated, in bytes.
const CAPACITY_FIRST: usize = 1 << 10;

/// A frame's memory. Its length is a multiple of 32; the allocation is recycled with the frame.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    bytes: Vec<u8>,
}

impl Memory {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > CAPACITY_KEPT {
            self.bytes.shrink_to(CAPACITY_KEPT);
        }
    }

    /// The bytes in use.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The size in bytes: MSIZE.
    #[inline(always)]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Charges for a region, grows to hold it, and gives it as a range; an empty region costs
    /// nothing wherever it lies and is `0..0`.
    ///
    /// # Errors
    /// [`Halt::OutOfGas`]; then memory has not grown.
    pub(crate) fn expand(
        &mut self,
        offset: U256,
        size: U256,
        gas: &mut Gas,
    ) -> Result<Range<usize>, Halt> {
        let region = region(offset, size)?;
        self.expand_to(region.end, gas)?;
        Ok(region)
    }

    /// Charges for two regions at once, as a call's input and output are.
    ///
    /// # Errors
    /// As [`Memory::expand`].
    pub(crate) fn expand_pair(
        &mut self,
        first: (U256, U256),
        second: (U256, U256),
        gas: &mut Gas,
    ) -> Result<(Range<usize>, Range<usize>), Halt> {
        let first = region(first.0, first.1)?;
        let second = region(second.0, second.1)?;
        self.expand_to(first.end.max(second.end), gas)?;
        Ok((first, second))
    }

    fn expand_to(&mut self, end: usize, gas: &mut Gas) -> Result<(), Halt> {
        if end > self.bytes.len() {
            let words = end.div_ceil(WORD_BYTES);
            let held = self.bytes.len() / WORD_BYTES;
            gas.charge(cost(words as u64) - cost(held as u64))?;
            if self.bytes.capacity() < words * WORD_BYTES {
                // From nothing at once to what most frames need, which saves several moves.
                self.bytes
                    .reserve((words * WORD_BYTES).max(CAPACITY_FIRST) - self.bytes.len());
            }
            if words == held + 1 {
                // Growing word by word is so common that a call to fill it is felt.
                self.bytes.extend_from_slice(&[0; WORD_BYTES]);
            } else {
                self.bytes.resize(words * WORD_BYTES, 0);
            }
        }
        Ok(())
    }

    /// The word at `offset`, big-endian, if memory reaches that far already.
    #[inline(always)]
    pub(crate) fn word(&self, offset: usize) -> Option<U256> {
        let end = offset.checked_add(WORD_BYTES)?;
        let bytes: &[u8; WORD_BYTES] = self.bytes.get(offset..end)?.try_into().ok()?;
        Some(word::from_be_bytes(bytes))
    }

    /// Where the word at `offset` is written, if memory reaches that far already.
    #[inline(always)]
    pub(crate) fn word_mut(&mut self, offset: usize) -> Option<&mut [u8; WORD_BYTES]> {
        let end = offset.checked_add(WORD_BYTES)?;
        self.bytes.get_mut(offset..end)?.try_into().ok()
    }

    /// A region that is held already.
    pub(crate) fn region(&self, region: Range<usize>) -> &[u8] {
        &self.bytes[region]
    }

    /// A region that is held already.
    pub(crate) fn region_mut(&mut self, region: Range<usize>) -> &mut [u8] {
        &mut self.bytes[region]
    }

    /// Exchanges the memory for other bytes.
    pub(crate) fn swap_bytes(&mut self, bytes: &mut Vec<u8>) {
        core::mem::swap(&mut self.bytes, bytes);
    }

    /// Copies within memory, as if through a buffer (EIP-5656).
    pub(crate) fn copy_within(&mut self, from: Range<usize>, to: usize) {
        self.bytes.copy_within(from, to);
    }

    /// Fills a region from `source` at `offset`, zeros beyond its end.
    pub(crate) fn copy_padded(&mut self, region: Range<usize>, source: &[u8], offset: U256) {
        let target = self.region_mut(region);
        let start = word::to_usize_saturating(offset).min(source.len());
        let rest = &source[start..];
        let copied = rest.len().min(target.len());
        target[..copied].copy_from_slice(&rest[..copied]);
        target[copied..].fill(0);
    }
}

/// The words that `bytes` bytes fill, the last one perhaps in part.
#[inline(always)]
pub(crate) fn words(bytes: usize) -> u64 {
    bytes.div_ceil(WORD_BYTES) as u64
}

/// What a memory of so many words costs altogether (Yellow Paper, appendix H): 3 w + w² / 512.
/// `words` is at most [`MEMORY_LIMIT`] / 32, so nothing overflows.
fn cost(words: u64) -> u64 {
    WORD_GAS * words + words * words / QUADRATIC_DIVISOR
}

fn region(offset: U256, size: U256) -> Result<Range<usize>, Halt> {
    if size.is_zero() {
        return Ok(0..0);
    }
    let end = word::to_u64_saturating(offset).saturating_add(word::to_u64_saturating(size));
    if end > MEMORY_LIMIT {
        return Err(Halt::OutOfGas);
    }
    let end = usize::try_from(end).map_err(|_| Halt::OutOfGas)?;
    Ok(word::to_usize_saturating(offset)..end)
}
