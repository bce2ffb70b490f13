//! MODEXP, 0x05: `base ^ exponent % modulus` of any length (EIP-198, repriced by EIP-2565 and EIP-7883,
//! bounded by EIP-7823). Owns prices and bounds; the arithmetic is in `power`.

mod power;

use bytes::Bytes;
use deferevm_opcodes::{Fork, U256};

use self::power::power;
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
        if self.base == Some(0) && self.modulus == Some(0) && fork < Fork::Osaka {
            // Nothing times any number of rounds, even one beyond 64 bits. Osaka asks for the rounds
            // of 32 bytes at least.
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

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use num_bigint::BigUint;

    use super::*;

    fn input(lengths: [U256; 3], body: &[u8]) -> Vec<u8> {
        let head = lengths.iter().flat_map(U256::to_big_endian);
        head.chain(body.iter().copied()).collect()
    }

    fn lengths(lengths: [usize; 3]) -> [U256; 3] {
        lengths.map(U256::from)
    }

    fn gas(lengths: [usize; 3], body: &[u8], fork: Fork) -> Option<u64> {
        let input = input(lengths.map(U256::from), body);
        Lengths::read(&input, fork).unwrap().gas(body, fork)
    }

    /// `p - 1` and `p` of secp256k1, as EIP-198 uses them.
    const FERMAT: [u8; 65] = hex!(
        "03"
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e"
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"
    );

    #[test]
    fn computes_the_examples_of_eip_198() {
        let output = run(
            &input(lengths([1, 32, 32]), &FERMAT),
            13_056,
            Fork::Byzantium,
        )
        .unwrap();
        assert_eq!(output.gas_used, 13_056);
        assert_eq!(output.bytes[..], super::super::TRUE);
        let zero_base = input(lengths([0, 32, 32]), &FERMAT[1..]);
        let output = run(&zero_base, 13_056, Fork::Byzantium).unwrap();
        assert_eq!(output.bytes[..], [0; 32]);
        let expected =
            BigUint::from(3_u8).modpow(&65_535_u32.into(), &(BigUint::from(1_u8) << 255));
        for body in [&hex!("03ffff80")[..], &{
            let mut body = [0; 36];
            body[..4].copy_from_slice(&hex!("03ffff80"));
            body[35] = 7;
            body
        }] {
            let output = run(&input(lengths([1, 2, 32]), body), 10_000, Fork::Byzantium).unwrap();
            assert_eq!(output.bytes[..], expected.to_bytes_be());
        }
    }

    #[test]
    fn hostile_lengths_cost_more_than_any_gas() {
        let huge = [
            U256::MAX,
            U256::from(u64::MAX),
            U256::one() << 64,
            U256::one() << 255,
        ];
        for fork in [Fork::Byzantium, Fork::Berlin, Fork::Osaka] {
            for length in huge {
                for place in 0..3 {
                    let mut all = [U256::one(); 3];
                    all[place] = length;
                    assert!(
                        run(&input(all, &[]), u64::MAX, fork).is_err(),
                        "{place}, {fork}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_paid_length_beyond_memory_is_out_of_gas() {
        let all = [U256::one(), U256::from(LENGTH_MAX + 1), U256::one()];
        let error = run(&input(all, &[]), u64::MAX, Fork::Byzantium).unwrap_err();
        assert!(matches!(error, PrecompileError::OutOfGas { .. }));
    }

    #[test]
    fn without_base_and_modulus_an_endless_exponent_costs_the_minimum() {
        let all = [U256::zero(), U256::MAX, U256::zero()];
        for (fork, gas) in [(Fork::Byzantium, 0), (Fork::Berlin, 200)] {
            let output = run(&input(all, &[]), gas, fork).unwrap();
            assert_eq!((output.gas_used, output.bytes.len()), (gas, 0));
        }
        assert!(run(&input(all, &[]), u64::MAX, Fork::Osaka).is_err());
        assert_eq!(run(&[], 500, Fork::Osaka).unwrap().gas_used, 500);
        assert_eq!(gas([0, 34, 0], &[], Fork::Osaka), Some(16 * 2 * 16));
    }

    #[test]
    fn osaka_bounds_each_length_to_1024() {
        for place in 0..3 {
            let mut all = [1, 1, 1];
            all[place] = 1024;
            assert!(run(&input(lengths(all), &[1]), u64::MAX, Fork::Osaka).is_ok());
            all[place] = 1025;
            let error = run(&input(lengths(all), &[1]), u64::MAX, Fork::Osaka).unwrap_err();
            assert!(matches!(
                error,
                PrecompileError::OperandLength { bound: 1024, .. }
            ));
            assert!(run(&input(lengths(all), &[1]), u64::MAX, Fork::Prague).is_ok());
        }
    }

    #[test]
    fn each_fork_has_its_price() {
        // nagydani-1-pow0x10001 and nagydani-5-qube of EIP-2565 and EIP-7883.
        let body = |base: usize, exponent: &[u8]| [&vec![1; base], exponent].concat();
        let [pow, qube] = [body(64, &[1, 0, 1]), body(1024, &[3])];
        for (fork, pow_gas, qube_gas) in [
            (Fork::Byzantium, 3276, 17_868),
            (Fork::Berlin, 341, 5461),
            (Fork::Prague, 341, 5461),
            (Fork::Osaka, 2048, 32_768),
        ] {
            assert_eq!(gas([64, 3, 64], &pow, fork), Some(pow_gas), "{fork}");
            assert_eq!(gas([1024, 1, 1024], &qube, fork), Some(qube_gas), "{fork}");
        }
    }

    #[test]
    fn an_exponent_of_zero_counts_as_one_round_and_only_its_head_has_bits() {
        let tail = [&[1][..], &[0; 32], &[0xff; 4]].concat();
        assert_eq!(
            gas([1, 36, 32], &tail, Fork::Byzantium),
            Some(1024 * 32 / 20)
        );
        assert_eq!(gas([1, 36, 32], &tail, Fork::Osaka), Some(16 * 64));
        assert_eq!(gas([1, 32, 32], &[0; 33], Fork::Byzantium), Some(1024 / 20));
    }
}
