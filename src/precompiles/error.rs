//! Why a precompile refused a call, for reports; frames see only the [`Halt`] that each reason maps to.
//! Owns no gas formula and no bound: those stand in the precompile's own file.

use deferevm_opcodes::Halt;

/// Why a precompile did not answer; either way the whole gas limit of the call is consumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecompileError {
    /// The gas limit of the call does not pay for the work.
    #[error("out of gas: the call has {limit} gas, and {}", .required.map_or("no 64-bit amount would pay".to_owned(), |gas| format!("the work costs {gas}")))]
    OutOfGas {
        /// The cost, in gas; `None` where it does not fit in 64 bits.
        required: Option<u64>,
        /// The gas limit of the call.
        limit: u64,
    },
    /// The input is too long or too short.
    #[error("input of {found} bytes; expected {expected}")]
    InputLength {
        /// The length of the input, in bytes.
        found: usize,
        /// The lengths that the precompile takes.
        expected: &'static str,
    },
    /// A length that the input declares is above the bound of the fork (EIP-7823).
    #[error("the {operand} is longer than {bound} bytes")]
    OperandLength {
        /// The operand whose length was declared.
        operand: &'static str,
        /// The largest length allowed, in bytes.
        bound: u64,
    },
    /// A byte that must be 0 or 1 is something else (EIP-152).
    #[error("final block flag {0}; expected 0 or 1")]
    FinalBlockFlag(u8),
    /// A number is not below the modulus of its field, or its padding is not zero.
    #[error("the number at byte {offset} of the input is not a canonical field element")]
    FieldElement {
        /// Where the number starts in the input, in bytes.
        offset: usize,
    },
    /// A pair of coordinates, or a compressed point, is no point of the curve.
    #[error("the point at byte {offset} of the input is not on the curve")]
    NotOnCurve {
        /// Where the point starts in the input, in bytes.
        offset: usize,
    },
    /// A point of the curve lies outside the subgroup of prime order.
    #[error("the point at byte {offset} of the input is not in the subgroup")]
    NotInSubgroup {
        /// Where the point starts in the input, in bytes.
        offset: usize,
    },
    /// The versioned hash is not the hash of the commitment (EIP-4844).
    #[error("the versioned hash does not belong to the commitment")]
    VersionedHash,
    /// The commitment does not open to the claimed value (EIP-4844).
    #[error("the KZG proof does not verify")]
    Proof,
    /// An embedder's own precompile refused the call.
    #[error("{0}")]
    Other(String),
}

impl From<PrecompileError> for Halt {
    fn from(error: PrecompileError) -> Halt {
        match error {
            PrecompileError::OutOfGas { .. } => Halt::OutOfGas,
            _ => Halt::PrecompileFailed,
        }
    }
}
