//! Plain 256-bit arithmetic, until the fast words land.
use crate::U256;
use primitive_types::U512;
fn neg(x: U256) -> bool {
    x.bit(255)
}
fn minus(x: U256) -> U256 {
    (!x).overflowing_add(U256::one()).0
}
fn abs(x: U256) -> U256 {
    if neg(x) { minus(x) } else { x }
}
pub fn add(a: U256, b: U256) -> U256 {
    a.overflowing_add(b).0
}
pub fn mul(a: U256, b: U256) -> U256 {
    a.overflowing_mul(b).0
}
pub fn sub(a: U256, b: U256) -> U256 {
    a.overflowing_sub(b).0
}
pub fn div(a: U256, b: U256) -> U256 {
    a.checked_div(b).unwrap_or_default()
}
pub fn rem(a: U256, b: U256) -> U256 {
    a.checked_rem(b).unwrap_or_default()
}
pub fn sdiv(a: U256, b: U256) -> U256 {
    let q = div(abs(a), abs(b));
    if neg(a) != neg(b) { minus(q) } else { q }
}
pub fn smod(a: U256, b: U256) -> U256 {
    let q = rem(abs(a), abs(b));
    if neg(a) { minus(q) } else { q }
}
fn low(x: U512) -> U256 {
    U256([x.0[0], x.0[1], x.0[2], x.0[3]])
}
fn wide(x: U256) -> U512 {
    U512([x.0[0], x.0[1], x.0[2], x.0[3], 0, 0, 0, 0])
}
pub fn addmod(a: U256, b: U256, n: U256) -> U256 {
    if n.is_zero() {
        n
    } else {
        low((wide(a) + wide(b)) % wide(n))
    }
}
pub fn mulmod(a: U256, b: U256, n: U256) -> U256 {
    if n.is_zero() {
        n
    } else {
        low(a.full_mul(b) % wide(n))
    }
}
pub fn exp(base: U256, exponent: U256) -> U256 {
    base.overflowing_pow(exponent).0
}
pub fn signextend(byte_index: U256, x: U256) -> U256 {
    if byte_index >= U256::from(31) {
        return x;
    }
    let bit = byte_index.low_u64() as usize * 8 + 7;
    let mask = (U256::one() << (bit + 1)) - 1;
    if x.bit(bit) { x | !mask } else { x & mask }
}
pub fn lt(a: U256, b: U256) -> bool {
    a < b
}
pub fn gt(a: U256, b: U256) -> bool {
    a > b
}
pub fn slt(a: U256, b: U256) -> bool {
    match (neg(a), neg(b)) {
        (true, false) => true,
        (false, true) => false,
        _ => a < b,
    }
}
pub fn sgt(a: U256, b: U256) -> bool {
    slt(b, a)
}
pub fn eq(a: U256, b: U256) -> bool {
    a == b
}
pub fn byte(index: U256, x: U256) -> U256 {
    if index >= U256::from(32) {
        U256::zero()
    } else {
        U256::from(x.byte(31 - index.low_u64() as usize))
    }
}
pub fn shl(shift: U256, x: U256) -> U256 {
    if shift >= U256::from(256) {
        U256::zero()
    } else {
        x << shift.low_u64() as usize
    }
}
pub fn shr(shift: U256, x: U256) -> U256 {
    if shift >= U256::from(256) {
        U256::zero()
    } else {
        x >> shift.low_u64() as usize
    }
}
pub fn sar(shift: U256, x: U256) -> U256 {
    if !neg(x) {
        return shr(shift, x);
    }
    if shift >= U256::from(256) {
        U256::MAX
    } else {
        !(!x >> shift.low_u64() as usize)
    }
}
pub fn clz(x: U256) -> U256 {
    U256::from(x.leading_zeros())
}
pub fn byte_len(x: U256) -> usize {
    x.bits().div_ceil(8)
}
