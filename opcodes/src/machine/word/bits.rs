//! Words as bits: logic, shifts, sign extension and counts.
//! Arithmetic lives in the parent; bytes in memory live in `bytes`.

use super::{U256, ZERO, fits_limb};

/// The same word, its limbs in four general registers.
///
/// A word that was written limb by limb and is read back as a vector stalls the load until the
/// writes have retired, so words are copied through this where compilers like to use vectors.
#[inline(always)]
pub fn scalars(x: U256) -> U256 {
    let x = x.0;
    U256([scalar(x[0]), scalar(x[1]), scalar(x[2]), scalar(x[3])])
}

/// The same limb, in a general register.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn scalar(mut limb: u64) -> u64 {
    // SAFETY: 1. The template is empty but for a comment, so nothing runs. 2. The register goes in
    // and comes out with the same value. 3. So memory, stack and flags are untouched, as declared.
    unsafe {
        std::arch::asm!(
            "/* {0} */",
            inout(reg) limb,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    limb
}

/// The same limb; elsewhere it is left to the compiler where that lies.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
fn scalar(limb: u64) -> u64 {
    limb
}

/// Bitwise `a & b` (AND).
#[inline]
pub fn and(a: U256, b: U256) -> U256 {
    let (a, b) = (a.0, b.0);
    scalars(U256([a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3]]))
}

/// Bitwise `a | b` (OR).
#[inline]
pub fn or(a: U256, b: U256) -> U256 {
    let (a, b) = (a.0, b.0);
    scalars(U256([a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3]]))
}

/// Bitwise `a ^ b` (XOR).
#[inline]
pub fn xor(a: U256, b: U256) -> U256 {
    let (a, b) = (a.0, b.0);
    scalars(U256([a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]]))
}

/// Bitwise complement (NOT).
#[inline]
pub fn not(x: U256) -> U256 {
    let x = x.0;
    scalars(U256([!x[0], !x[1], !x[2], !x[3]]))
}

/// The byte of `x` at `index`, counted from the most significant; zero from 32 on (BYTE).
#[inline]
pub fn byte(index: U256, x: U256) -> U256 {
    if !fits_limb(index) || index.0[0] >= 32 {
        return ZERO;
    }
    let position = 31 - index.0[0];
    let limb = x.0[(position >> 3) as usize & 3];
    U256([limb >> (8 * (position & 7)) & 0xff, 0, 0, 0])
}

/// `x` shifted up by `shift` bits; zero from 256 on (SHL, EIP-145).
#[inline]
pub fn shl(shift: U256, x: U256) -> U256 {
    if !fits_limb(shift) || shift.0[0] >= 256 {
        return ZERO;
    }
    let bits = shift.0[0] & 63;
    let x = x.0;
    // Two steps, as a shift by 64 - 0 would be out of range.
    let spill = |limb: u64| limb >> 1 >> (63 - bits);
    let r0 = x[0] << bits;
    match shift.0[0] >> 6 {
        0 => U256([
            r0,
            x[1] << bits | spill(x[0]),
            x[2] << bits | spill(x[1]),
            x[3] << bits | spill(x[2]),
        ]),
        1 => U256([
            0,
            r0,
            x[1] << bits | spill(x[0]),
            x[2] << bits | spill(x[1]),
        ]),
        2 => U256([0, 0, r0, x[1] << bits | spill(x[0])]),
        _ => U256([0, 0, 0, r0]),
    }
}

/// `x` shifted down by `shift` bits, zeros coming in; zero from 256 on (SHR, EIP-145).
#[inline]
pub fn shr(shift: U256, x: U256) -> U256 {
    if !fits_limb(shift) || shift.0[0] >= 256 {
        return ZERO;
    }
    shift_down(shift.0[0], x, 0)
}

/// `x` shifted down by `shift` bits, copies of its sign coming in (SAR, EIP-145).
///
/// From 256 on, all bits are the sign.
#[inline]
pub fn sar(shift: U256, x: U256) -> U256 {
    let sign = sign_limb(x.0[3]);
    if !fits_limb(shift) || shift.0[0] >= 256 {
        return U256([sign; 4]);
    }
    #[cfg(fuzz_canary)]
    let shift = shift ^ U256::from(u8::from(canary_sings()));
    shift_down(shift.0[0], x, sign)
}

/// Whether SAR is to be wrong, for the fuzzers to find: in their builds only, and there only where the
/// environment asks for it.
#[cfg(fuzz_canary)]
fn canary_sings() -> bool {
    use std::{env, sync::LazyLock};
    static SINGS: LazyLock<bool> = LazyLock::new(|| env::var_os("DEFEREVM_CANARY").is_some());
    *SINGS
}

/// All ones if the top bit of `limb` is set, else zero.
#[inline]
fn sign_limb(limb: u64) -> u64 {
    0u64.wrapping_sub(limb >> 63)
}

/// `x` above which all bits are those of `fill`, shifted down by `shift < 256` bits.
#[inline]
fn shift_down(shift: u64, x: U256, fill: u64) -> U256 {
    let bits = shift & 63;
    let x = x.0;
    let spill = |limb: u64| limb << 1 << (63 - bits);
    let top = x[3] >> bits | spill(fill);
    match shift >> 6 {
        0 => U256([
            x[0] >> bits | spill(x[1]),
            x[1] >> bits | spill(x[2]),
            x[2] >> bits | spill(x[3]),
            top,
        ]),
        1 => U256([
            x[1] >> bits | spill(x[2]),
            x[2] >> bits | spill(x[3]),
            top,
            fill,
        ]),
        2 => U256([x[2] >> bits | spill(x[3]), top, fill, fill]),
        _ => U256([top, fill, fill, fill]),
    }
}

/// `x` with the sign of its low `byte_index + 1` bytes carried to the top (SIGNEXTEND).
///
/// From index 31 on, `x` itself.
#[inline]
pub fn signextend(byte_index: U256, x: U256) -> U256 {
    if !fits_limb(byte_index) || byte_index.0[0] >= 31 {
        return x;
    }
    let index = byte_index.0[0];
    let shift = 56 - 8 * (index & 7);
    let x = x.0;
    let extend = |limb: u64| {
        let sign = sign_limb(limb << shift);
        let kept = u64::MAX >> shift;
        (limb & kept | sign & !kept, sign)
    };
    match index >> 3 {
        0 => {
            let (limb, sign) = extend(x[0]);
            U256([limb, sign, sign, sign])
        }
        1 => {
            let (limb, sign) = extend(x[1]);
            U256([x[0], limb, sign, sign])
        }
        2 => {
            let (limb, sign) = extend(x[2]);
            U256([x[0], x[1], limb, sign])
        }
        _ => U256([x[0], x[1], x[2], extend(x[3]).0]),
    }
}

/// The number of zero bits above the highest set bit, 256 for zero (CLZ, EIP-7939).
#[inline]
pub fn clz(x: U256) -> U256 {
    U256([u64::from(leading_zeros(x)), 0, 0, 0])
}

/// The bytes that `x` needs without leading zeros: 0 for zero, at most 32.
#[inline]
pub fn byte_len(x: U256) -> u32 {
    (256 - leading_zeros(x)).div_ceil(8)
}

/// The number of zero bits above the highest set bit, 256 for zero.
#[inline]
pub(super) fn leading_zeros(x: U256) -> u32 {
    let x = x.0;
    if x[3] != 0 {
        x[3].leading_zeros()
    } else if x[2] != 0 {
        64 + x[2].leading_zeros()
    } else if x[1] != 0 {
        128 + x[1].leading_zeros()
    } else {
        192 + x[0].leading_zeros()
    }
}
