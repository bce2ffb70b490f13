//! MODEXP, 0x05: `base ^ exponent % modulus` of any length (EIP-198, repriced by EIP-2565 and EIP-7883,
//! bounded by EIP-7823). Owns prices and bounds; the arithmetic is the crate `aurora-engine-modexp`.

use bytes::Bytes;
use deferevm_opcodes::{Fork, U256};

use super::{PrecompileError, PrecompileOutput, PrecompileResult, charge, padded};

/// The length of the three lengths that the input starts with, in bytes.
const HEAD_BYTES: usize = 96;

/// The longest operand from Osaka on, in bytes (EIP-7823).
const BOUND_OSAKA: u64 = 1024;

/// The longest operand ever computed with, in bytes; beyond it the call is out of gas. Byzantium asks
/// 0.4 gas for a byte of exponent, so that an embedder's unlimited gas would buy more memory than there
/// is. An operand of this length costs at least 10⁸ gas, more than any block has.
const LENGTH_MAX: u64 = 1 << 28;

/// Computes on `base length ++ exponent length ++ modulus length (32 each) ++ base ++ exponent ++
/// modulus`, padded with zeros without end. The output is as long as the modulus.
pub(super) fn run(input: &[u8], gas_limit: u64, fork: Fork) -> PrecompileResult {
    let lengths = Lengths::read(input, fork)?;
    let body = input.get(HEAD_BYTES..).unwrap_or_default();
    let gas_used = charge(lengths.gas(body, fork), gas_limit)?;
    // The modulus comes first: without one nothing is computed, whatever the other lengths say, and
    // with one the gas bounds them.
    let modulus_bytes = lengths.bounded(lengths.modulus, gas_limit)?;
    if modulus_bytes == 0 {
        let bytes = Bytes::new();
        return Ok(PrecompileOutput { gas_used, bytes });
    }
    let base_bytes = lengths.bounded(lengths.base, gas_limit)?;
    let exponent_bytes = lengths.bounded(lengths.exponent, gas_limit)?;
    let base = operand(body, 0, base_bytes);
    let exponent = operand(body, base_bytes, exponent_bytes);
    let modulus = operand(body, base_bytes + exponent_bytes, modulus_bytes);
    let bytes = power(&base, &exponent, &modulus).into();
    Ok(PrecompileOutput { gas_used, bytes })
}

/// The declared lengths, in bytes; `None` is a length beyond 64 bits.
struct Lengths {
    base: Option<u64>,
    exponent: Option<u64>,
    modulus: Option<u64>,
}

impl Lengths {
    fn read(input: &[u8], fork: Fork) -> Result<Lengths, PrecompileError> {
        let length = |operand, offset| {
            let length = u64::try_from(U256::from_big_endian(&padded::<32>(input, offset))).ok();
            if fork >= Fork::Osaka && length.is_none_or(|length| length > BOUND_OSAKA) {
                let bound = BOUND_OSAKA;
                return Err(PrecompileError::OperandLength { operand, bound });
            }
            Ok(length)
        };
        Ok(Lengths {
            base: length("base", 0)?,
            exponent: length("exponent", 32)?,
            modulus: length("modulus", 64)?,
        })
    }

    /// The price in `fork`; `None` if it does not fit in 64 bits. `body` is the input behind the
    /// lengths, in which only the first 32 bytes of the exponent matter.
    fn gas(&self, body: &[u8], fork: Fork) -> Option<u64> {
        if self.base == Some(0) && self.modulus == Some(0) {
            return Some(price_min(fork));
        }
        let longest = u128::from(self.base?.max(self.modulus?));
        let exponent = self.exponent?;
        price(fork, longest, exponent, self.exponent_head(body, exponent))
    }

    /// The first 32 bytes of the exponent, or all of them if there are fewer.
    fn exponent_head(&self, body: &[u8], exponent: u64) -> U256 {
        let offset = self.base.and_then(|base| usize::try_from(base).ok());
        let head: [u8; 32] = offset.map_or([0; 32], |offset| padded(body, offset));
        let length = usize::try_from(exponent).map_or(32, |length| length.min(32));
        U256::from_big_endian(&head[..length])
    }

    /// A length that gas has been paid for, if memory can be had for it.
    fn bounded(&self, length: Option<u64>, limit: u64) -> Result<usize, PrecompileError> {
        length
            .filter(|length| *length <= LENGTH_MAX)
            .and_then(|length| usize::try_from(length).ok())
            .ok_or(PrecompileError::OutOfGas {
                required: None,
                limit,
            })
    }
}

/// The price where nothing is multiplied.
fn price_min(fork: Fork) -> u64 {
    match fork {
        fork if fork >= Fork::Osaka => 500,
        fork if fork >= Fork::Berlin => 200,
        _ => 0,
    }
}

/// The price for operands of at most `longest` bytes and an exponent of `exponent` bytes, of which
/// `head` is the first 32 bytes.
fn price(fork: Fork, longest: u128, exponent: u64, head: U256) -> Option<u64> {
    let words_squared = || longest.div_ceil(8).checked_pow(2);
    let gas = if fork >= Fork::Osaka {
        let complexity = if longest <= 32 {
            16
        } else {
            words_squared()?.checked_mul(2)?
        };
        complexity.checked_mul(iterations(exponent, head, 16))?
    } else if fork >= Fork::Berlin {
        words_squared()?.checked_mul(iterations(exponent, head, 8))? / 3
    } else {
        complexity_byzantium(longest)?.checked_mul(iterations(exponent, head, 8))? / 20
    };
    Some(u64::try_from(gas).ok()?.max(price_min(fork)))
}

/// How often the square-and-multiply loop is taken to run: the bits of the head below its highest,
/// and `per_byte` for each byte of the exponent behind the head.
fn iterations(exponent: u64, head: U256, per_byte: u128) -> u128 {
    let below_highest = head.bits().saturating_sub(1) as u128;
    let behind = u128::from(exponent.saturating_sub(32));
    (behind * per_byte + below_highest).max(1)
}

/// The price of one multiplication in Byzantium (EIP-198), before the division by 20.
fn complexity_byzantium(longest: u128) -> Option<u128> {
    let square = longest.checked_pow(2)?;
    match longest {
        0..=64 => Some(square),
        65..=1024 => Some(square / 4 + 96 * longest - 3072),
        _ => (square / 16).checked_add(480 * longest - 199_680),
    }
}

/// `length` bytes of `body` from `offset` on, zeros where it has ended.
fn operand(body: &[u8], offset: usize, length: usize) -> Vec<u8> {
    let rest = body.get(offset..).unwrap_or_default();
    let mut bytes = rest[..rest.len().min(length)].to_vec();
    bytes.resize(length, 0);
    bytes
}

/// The power, as long as the modulus; zero where the modulus is.
fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let significant = without_leading_zeros(modulus);
    let mut result = vec![0; modulus.len()];
    if significant.is_empty() || significant == [1] {
        return result;
    }
    let (base, exponent) = (without_leading_zeros(base), without_leading_zeros(exponent));
    let power = match (base, exponent) {
        (_, []) => vec![1],
        ([], _) => vec![],
        _ => aurora_engine_modexp::modexp(base, exponent, significant),
    };
    let power = without_leading_zeros(&power);
    let start = result.len() - power.len();
    result[start..].copy_from_slice(power);
    result
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}
