//! Gas that a frame holds, and the one way to take it.

use super::exit::Halt;

/// What a frame has left and what it has earned back. A struct, so that another dimension of gas is
/// another field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gas {
    /// Gas left.
    pub remaining: u64,
    /// The refund counter of this frame and of the frames it has absorbed. It can be negative in a
    /// frame (EIP-1283, EIP-2200) and never is over a whole transaction.
    pub refund: i64,
}

impl Gas {
    /// Takes gas.
    ///
    /// # Errors
    /// [`Halt::OutOfGas`] if less is left; then nothing is taken.
    #[inline(always)]
    pub fn charge(&mut self, amount: u64) -> Result<(), Halt> {
        self.remaining = self.remaining.checked_sub(amount).ok_or(Halt::OutOfGas)?;
        Ok(())
    }
}
