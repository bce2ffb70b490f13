//! LT to CLZ: operand order and boundary values.

mod common;

use common::result_of;
use deferevm_opcodes::{U256, opcode as op};

const SIGN: U256 = U256([0, 0, 0, 1 << 63]);

fn check(opcode: u8, cases: &[(&[U256], U256)]) {
    for (operands, expected) in cases {
        let name = op::name(opcode).unwrap();
        assert_eq!(
            result_of(opcode, operands),
            *expected,
            "{name} {operands:x?}"
        );
    }
}

#[test]
fn comparisons_take_the_left_operand_from_the_top() {
    let (no, yes) = (U256::zero(), U256::one());
    let max = U256::MAX;
    check(
        op::LT,
        &[
            (&[no, yes], yes),
            (&[yes, no], no),
            (&[yes, yes], no),
            (&[yes, SIGN], yes),
            (&[max, SIGN], no),
        ],
    );
    check(
        op::GT,
        &[
            (&[no, yes], no),
            (&[yes, no], yes),
            (&[yes, yes], no),
            (&[max, SIGN], yes),
        ],
    );
    check(
        op::SLT,
        &[
            (&[max, no], yes),
            (&[SIGN, max], yes),
            (&[SIGN - 1, SIGN], no),
            (&[max, max], no),
        ],
    );
    check(
        op::SGT,
        &[
            (&[no, max], yes),
            (&[max, SIGN], yes),
            (&[SIGN, SIGN - 1], no),
            (&[SIGN, SIGN], no),
        ],
    );
    check(
        op::EQ,
        &[
            (&[max, max], yes),
            (&[SIGN, SIGN], yes),
            (&[SIGN, SIGN - 1], no),
            (&[no, SIGN], no),
        ],
    );
    check(
        op::ISZERO,
        &[(&[no], yes), (&[yes], no), (&[SIGN], no), (&[max], no)],
    );
}

#[test]
fn logic_works_on_all_four_limbs() {
    let a = U256([0xff00, 0xf0f0, 1, SIGN.0[3]]);
    let b = U256([0x0ff0, 0x00ff, 3, 1]);
    check(op::AND, &[(&[a, b], U256([0x0f00, 0x00f0, 1, 0]))]);
    check(
        op::OR,
        &[(&[a, b], U256([0xfff0, 0xf0ff, 3, SIGN.0[3] | 1]))],
    );
    check(
        op::XOR,
        &[(&[a, b], U256([0xf0f0, 0xf00f, 2, SIGN.0[3] | 1]))],
    );
    check(
        op::NOT,
        &[
            (&[U256::zero()], U256::MAX),
            (&[SIGN], SIGN - 1),
            (&[U256::MAX], U256::zero()),
        ],
    );
}

#[test]
fn byte_counts_from_the_most_significant() {
    let x = U256::from_big_endian(&core::array::from_fn::<u8, 32, _>(|index| index as u8 + 1));
    for index in 0..32u64 {
        check(op::BYTE, &[(&[index.into(), x], U256::from(index + 1))]);
    }
    check(
        op::BYTE,
        &[
            (&[32.into(), x], U256::zero()),
            (&[SIGN, x], U256::zero()),
            (&[U256::MAX, x], U256::zero()),
        ],
    );
}

#[test]
fn shifts_take_the_distance_from_the_top_and_saturate_at_256() {
    let (zero, one, max) = (U256::zero(), U256::one(), U256::MAX);
    check(
        op::SHL,
        &[
            (&[zero, max], max),
            (&[one, one], 2.into()),
            (&[255.into(), one], SIGN),
            (&[256.into(), max], zero),
            (&[max, max], zero),
        ],
    );
    check(
        op::SHR,
        &[
            (&[zero, max], max),
            (&[one, SIGN], SIGN >> 1),
            (&[255.into(), SIGN], one),
            (&[256.into(), max], zero),
            (&[SIGN, max], zero),
        ],
    );
    check(
        op::SAR,
        &[
            (&[one, SIGN], SIGN | (SIGN >> 1)),
            (&[255.into(), SIGN], max),
            (&[256.into(), SIGN], max),
            (&[max, SIGN], max),
            (&[max, SIGN - 1], zero),
            (&[one, 2.into()], one),
        ],
    );
}

#[test]
fn clz_of_zero_is_256() {
    check(
        op::CLZ,
        &[
            (&[U256::zero()], 256.into()),
            (&[U256::one()], 255.into()),
            (&[SIGN], U256::zero()),
            (&[U256::MAX], U256::zero()),
            (&[U256([0, 1, 0, 0])], 191.into()),
        ],
    );
}
