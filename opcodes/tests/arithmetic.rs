//! ADD to SIGNEXTEND: operand order, boundary values against big integers, EXP's gas by fork.

mod common;

use common::{World, result_of, run_on};
use deferevm_opcodes::{Fork, U256, bytecode::Bytecode, opcode as op};
use num_bigint::{BigInt, BigUint, Sign};

fn boundaries() -> [U256; 7] {
    let sign = U256::one() << 255;
    [
        U256::zero(),
        U256::one(),
        U256::from(2),
        sign - 1,
        sign,
        U256::MAX - 1,
        U256::MAX,
    ]
}

fn unsigned(word: U256) -> BigUint {
    BigUint::from_bytes_be(&word.to_big_endian())
}

fn signed(word: U256) -> BigInt {
    BigInt::from_signed_bytes_be(&word.to_big_endian())
}

/// A big integer modulo 2²⁵⁶.
fn word(number: &BigInt) -> U256 {
    let modulus = BigInt::from(1) << 256;
    let positive: BigInt = ((number % &modulus) + &modulus) % &modulus;
    U256::from_big_endian(&positive.to_bytes_be().1)
}

fn natural(number: BigUint) -> U256 {
    word(&BigInt::from_biguint(Sign::Plus, number))
}

#[test]
fn two_operands_give_what_big_integers_give() {
    for a in boundaries() {
        for b in boundaries() {
            let (x, y) = (unsigned(a), unsigned(b));
            let (i, j) = (signed(a), signed(b));
            let is_zero = b.is_zero();
            let or_zero = |number: &dyn Fn() -> U256| if is_zero { U256::zero() } else { number() };
            let expected = [
                (op::ADD, natural(&x + &y)),
                (op::MUL, natural(&x * &y)),
                (
                    op::SUB,
                    word(&(BigInt::from(x.clone()) - BigInt::from(y.clone()))),
                ),
                (op::DIV, or_zero(&|| natural(&x / &y))),
                (op::MOD, or_zero(&|| natural(&x % &y))),
                (op::SDIV, or_zero(&|| word(&(&i / &j)))),
                (op::SMOD, or_zero(&|| word(&(&i % &j)))),
                (op::EXP, natural(x.modpow(&y, &(BigUint::from(1u8) << 256)))),
            ];
            for (opcode, expected) in expected {
                let name = op::name(opcode).unwrap();
                assert_eq!(result_of(opcode, &[a, b]), expected, "{name} {a:#x} {b:#x}");
            }
        }
    }
}

#[test]
fn modular_operations_do_not_wrap_in_between() {
    for a in boundaries() {
        for b in boundaries() {
            for n in boundaries() {
                let (x, y, m) = (unsigned(a), unsigned(b), unsigned(n));
                let is_zero = n.is_zero();
                let (sum, product) = match is_zero {
                    true => (U256::zero(), U256::zero()),
                    false => (natural((&x + &y) % &m), natural((&x * &y) % &m)),
                };
                assert_eq!(
                    result_of(op::ADDMOD, &[a, b, n]),
                    sum,
                    "{a:#x} {b:#x} {n:#x}"
                );
                assert_eq!(
                    result_of(op::MULMOD, &[a, b, n]),
                    product,
                    "{a:#x} {b:#x} {n:#x}"
                );
            }
        }
    }
}

#[test]
fn signextend_takes_the_index_from_the_top_and_ignores_31_and_more() {
    let extend = |index: U256, x: U256| result_of(op::SIGNEXTEND, &[index, x]);
    assert_eq!(extend(0.into(), 0xff.into()), U256::MAX);
    assert_eq!(extend(0.into(), 0x17f.into()), 0x7f.into());
    assert_eq!(extend(1.into(), 0x8000.into()), U256::MAX - 0x7fff);
    let sign = U256::one() << 255;
    for index in [U256::from(31), 32.into(), sign, U256::MAX] {
        assert_eq!(extend(index, sign), sign);
    }
}

#[test]
fn exp_costs_10_and_from_spurious_dragon_50_for_each_byte_of_the_exponent() {
    let spent = |fork, exponent: U256| {
        let code = Bytecode::new().call(op::EXP, [U256::from(2), exponent]);
        run_on(&mut World::default(), fork, &code).spent - 6 - 10
    };
    for (exponent, bytes) in [
        (U256::zero(), 0),
        (1.into(), 1),
        (255.into(), 1),
        (256.into(), 2),
        (U256::MAX, 32),
    ] {
        assert_eq!(spent(Fork::Frontier, exponent), 10 * bytes);
        assert_eq!(spent(Fork::TangerineWhistle, exponent), 10 * bytes);
        assert_eq!(spent(Fork::SpuriousDragon, exponent), 50 * bytes);
        assert_eq!(spent(Fork::Osaka, exponent), 50 * bytes);
    }
}
