//! Words to and from big-endian bytes, addresses, flags and machine integers.
//! Limbs are read and written whole: bytes stored one by one would stall the next wide load.

use super::{U256, fits_limb};
use crate::Address;

/// The word that `bytes` spell in big-endian order.
#[inline]
pub fn from_be_bytes(bytes: &[u8; 32]) -> U256 {
    let ([b3, b2, b1, b0], []) = bytes.as_chunks::<8>() else {
        unreachable!("32 bytes are four limbs")
    };
    U256([
        u64::from_be_bytes(*b0),
        u64::from_be_bytes(*b1),
        u64::from_be_bytes(*b2),
        u64::from_be_bytes(*b3),
    ])
}

/// The word that up to 32 big-endian bytes spell, as if zeros stood before them.
///
/// Of more than 32 bytes the last 32 count.
#[inline]
pub fn from_be_slice(bytes: &[u8]) -> U256 {
    let Some((rest, low)) = bytes.split_last_chunk::<8>() else {
        return U256([short_limb(bytes), 0, 0, 0]);
    };
    let r0 = u64::from_be_bytes(*low);
    let (r1, rest) = take_limb(bytes, rest);
    let (r2, rest) = take_limb(bytes, rest);
    let (r3, _) = take_limb(bytes, rest);
    U256([r0, r1, r2, r3])
}

/// The limb that the last 8 or fewer bytes of `rest` spell, and the bytes before them.
///
/// `rest` is a prefix of `whole`, which has at least 8 bytes, so that a short limb is a whole one
/// with what follows it shifted out.
#[inline]
fn take_limb<'a>(whole: &[u8], rest: &'a [u8]) -> (u64, &'a [u8]) {
    if let Some((before, limb)) = rest.split_last_chunk::<8>() {
        return (u64::from_be_bytes(*limb), before);
    }
    match whole.first_chunk::<8>() {
        Some(first) if !rest.is_empty() => {
            (u64::from_be_bytes(*first) >> (64 - 8 * rest.len()), &[])
        }
        _ => (0, &[]),
    }
}

/// The limb that fewer than 8 bytes spell, from two reads that may overlap.
#[inline]
fn short_limb(bytes: &[u8]) -> u64 {
    if let (Some(high), Some(low)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let high = u64::from(u32::from_be_bytes(*high)) << (8 * (bytes.len() - 4));
        return high | u64::from(u32::from_be_bytes(*low));
    }
    if let (Some(high), Some(low)) = (bytes.first_chunk::<2>(), bytes.last_chunk::<2>()) {
        let high = u64::from(u16::from_be_bytes(*high)) << (8 * (bytes.len() - 2));
        return high | u64::from(u16::from_be_bytes(*low));
    }
    bytes.first().copied().map_or(0, u64::from)
}

/// The 32 big-endian bytes of `x`.
#[inline]
pub fn to_be_bytes(x: U256) -> [u8; 32] {
    let mut bytes = [0; 32];
    write_be(x, &mut bytes);
    bytes
}

/// Writes `x` to `bytes` in big-endian order.
#[inline]
pub fn write_be(x: U256, bytes: &mut [u8; 32]) {
    let ([b3, b2, b1, b0], []) = bytes.as_chunks_mut::<8>() else {
        unreachable!("32 bytes are four limbs")
    };
    *b0 = x.0[0].to_be_bytes();
    *b1 = x.0[1].to_be_bytes();
    *b2 = x.0[2].to_be_bytes();
    *b3 = x.0[3].to_be_bytes();
}

/// The address in the low 20 bytes of `x`; the upper 12 are dropped.
#[inline]
pub fn address_of(x: U256) -> Address {
    let mut address = [0; 20];
    let (high, low) = address.split_at_mut(4);
    // The lower half of the limb is what the address has of it.
    high.copy_from_slice(&(x.0[2] as u32).to_be_bytes());
    low[..8].copy_from_slice(&x.0[1].to_be_bytes());
    low[8..].copy_from_slice(&x.0[0].to_be_bytes());
    Address::from(address)
}

/// The word whose low 20 bytes are `address`.
#[inline]
pub fn from_address(address: Address) -> U256 {
    // In the pieces that `address_of` writes: other ones would wait for its writes to retire.
    let (rest, low) = address.0.split_last_chunk().expect("8 is at most 20");
    let (high, middle) = rest.split_first_chunk().expect("4 is at most 12");
    let middle = middle.first_chunk().expect("8 of 8");
    U256([
        u64::from_be_bytes(*low),
        u64::from_be_bytes(*middle),
        u64::from(u32::from_be_bytes(*high)),
        0,
    ])
}

/// One for true, zero for false.
#[inline]
pub fn from_bool(flag: bool) -> U256 {
    U256([u64::from(flag), 0, 0, 0])
}

/// `x`, or `None` from 2⁶⁴ on.
#[inline]
pub fn as_u64(x: U256) -> Option<u64> {
    fits_limb(x).then_some(x.0[0])
}

/// `x`, or `u64::MAX` if that is smaller.
#[inline]
pub fn to_u64_saturating(x: U256) -> u64 {
    if fits_limb(x) { x.0[0] } else { u64::MAX }
}

/// `x`, or `usize::MAX` if that is smaller.
#[inline]
pub fn to_usize_saturating(x: U256) -> usize {
    usize::try_from(to_u64_saturating(x)).unwrap_or(usize::MAX)
}
