//! Gas that a frame holds.

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
