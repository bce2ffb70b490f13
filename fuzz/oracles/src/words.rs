//! Every operation on words against a big-integer library.

use deferevm::{U256, machine::word};
use num_bigint::{BigInt, BigUint, Sign};

use crate::{choices::ByteChoices, machine::program};

/// Takes three words from bytes and compares all operations on them.
///
/// # Panics
/// With the operation that differs.
pub fn check(bytes: &[u8]) {
    let mut choices = ByteChoices::new(bytes);
    let mut next = || match bytes.len() {
        96.. => None,
        _ => Some(program::word(&mut choices, &[Default::default()])),
    };
    let [a, b, c] =
        [0, 32, 64].map(|at| next().unwrap_or_else(|| U256::from_big_endian(&bytes[at..at + 32])));
    pairs(a, b);
    triples(a, b, c);
    singles(a);
}

fn big(x: U256) -> BigUint {
    BigUint::from_bytes_be(&x.to_big_endian())
}

/// Two's complement.
fn signed(x: U256) -> BigInt {
    let number = BigInt::from(big(x));
    match x.bit(255) {
        true => number - (BigInt::from(1) << 256),
        false => number,
    }
}

/// Modulo 2²⁵⁶.
fn wrapped(x: impl Into<BigInt>) -> U256 {
    let modulus = BigInt::from(1) << 256;
    let x: BigInt = ((x.into() % &modulus) + &modulus) % &modulus;
    let (sign, bytes) = x.to_bytes_be();
    assert_ne!(sign, Sign::Minus);
    U256::from_big_endian(&bytes)
}

fn same(name: &str, found: U256, expected: U256, operands: &[U256]) {
    assert_eq!(found, expected, "{name} of {operands:x?}");
}

fn pairs(a: U256, b: U256) {
    let (x, y) = (big(a), big(b));
    let (i, j) = (signed(a), signed(b));
    let zero = BigUint::from(0u8);
    let operands = [a, b];
    let check = |name, found, expected| same(name, found, expected, &operands);
    check("add", word::add(a, b), wrapped(&x + &y));
    check(
        "sub",
        word::sub(a, b),
        wrapped(BigInt::from(x.clone()) - BigInt::from(y.clone())),
    );
    check("mul", word::mul(a, b), wrapped(&x * &y));
    if y == zero {
        for (name, found) in [
            ("div", word::div(a, b)),
            ("rem", word::rem(a, b)),
            ("sdiv", word::sdiv(a, b)),
            ("smod", word::smod(a, b)),
        ] {
            check(name, found, U256::zero());
        }
    } else {
        check("div", word::div(a, b), wrapped(&x / &y));
        check("rem", word::rem(a, b), wrapped(&x % &y));
        check("sdiv", word::sdiv(a, b), wrapped(&i / &j));
        check("smod", word::smod(a, b), wrapped(&i % &j));
        let (quotient, remainder) = word::div_rem(a, b);
        check("quotient", quotient, wrapped(&x / &y));
        check("remainder", remainder, wrapped(&x % &y));
    }
    let modulus = BigUint::from(1u8) << 256;
    check("exp", word::exp(a, b), wrapped(x.modpow(&y, &modulus)));
    check("and", word::and(a, b), wrapped(&x & &y));
    check("or", word::or(a, b), wrapped(&x | &y));
    check("xor", word::xor(a, b), wrapped(&x ^ &y));
    assert_eq!(word::lt(a, b), x < y, "lt of {operands:x?}");
    assert_eq!(word::gt(a, b), x > y, "gt of {operands:x?}");
    assert_eq!(word::slt(a, b), i < j, "slt of {operands:x?}");
    assert_eq!(word::sgt(a, b), i > j, "sgt of {operands:x?}");
    assert_eq!(word::eq(a, b), x == y, "eq of {operands:x?}");
    // Also by a shift that does something.
    for shift in [a, U256::from(a.low_u32() % 300)] {
        by_a_small_number(shift, b, &y, &j);
    }
}

/// What takes its first operand for a number of bits or bytes.
fn by_a_small_number(n: U256, x: U256, unsigned: &BigUint, number: &BigInt) {
    let operands = [n, x];
    let check = |name, found, expected| same(name, found, expected, &operands);
    let bits = match n < 256.into() {
        true => Some(n.low_u32()),
        false => None,
    };
    let fill = match x.bit(255) {
        true => U256::MAX,
        false => U256::zero(),
    };
    check(
        "shl",
        word::shl(n, x),
        bits.map_or(U256::zero(), |bits| wrapped(unsigned << bits)),
    );
    check(
        "shr",
        word::shr(n, x),
        bits.map_or(U256::zero(), |bits| wrapped(unsigned >> bits)),
    );
    check(
        "sar",
        word::sar(n, x),
        bits.map_or(fill, |bits| wrapped(number >> bits)),
    );
    let index = bits.filter(|index| *index < 32);
    let byte = index.map_or(U256::zero(), |index| {
        wrapped((unsigned >> (8 * (31 - index))) & BigUint::from(0xffu8))
    });
    check("byte", word::byte(n, x), byte);
    let extended = index.filter(|index| *index < 31).map_or(x, |index| {
        let width = 8 * (index + 1);
        let low = BigInt::from(unsigned % (BigUint::from(1u8) << width));
        match unsigned.bit(u64::from(width) - 1) {
            true => wrapped(low - (BigInt::from(1) << width)),
            false => wrapped(low),
        }
    });
    check("signextend", word::signextend(n, x), extended);
}

fn triples(a: U256, b: U256, n: U256) {
    let (x, y, m) = (big(a), big(b), big(n));
    let operands = [a, b, n];
    let (sum, product) = match n.is_zero() {
        true => (U256::zero(), U256::zero()),
        false => (wrapped((&x + &y) % &m), wrapped((&x * &y) % &m)),
    };
    same("addmod", word::addmod(a, b, n), sum, &operands);
    same("mulmod", word::mulmod(a, b, n), product, &operands);
    let prepared = word::PreparedModulus::new(n);
    same("prepared mulmod", prepared.mulmod(a, b), product, &operands);
}

fn singles(a: U256) {
    let x = big(a);
    let all = (BigInt::from(1) << 256) - 1;
    same(
        "not",
        word::not(a),
        wrapped(all - BigInt::from(x.clone())),
        &[a],
    );
    same("neg", word::neg(a), wrapped(-BigInt::from(x.clone())), &[a]);
    same("clz", word::clz(a), U256::from(256 - x.bits()), &[a]);
    assert_eq!(word::is_zero(a), a.is_zero());
    assert_eq!(word::from_be_bytes(&word::to_be_bytes(a)), a);
}
