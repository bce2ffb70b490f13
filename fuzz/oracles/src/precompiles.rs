//! Calls to precompiles with inputs near their edges, as code.

use deferevm::{Address, U256, bytecode::Bytecode, opcode as op};

use crate::machine::program::{Choices, word};

/// Numbers at which curves and fields change what they do, in hex: the field and the order of bn254,
/// of secp256k1 and of P-256, and coordinates of points on them.
const EDGES: [&str; 13] = [
    "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47",
    "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001",
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed",
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2",
    // The upper half of BLS12-381's field.
    "000000000000000000000000000000001a0111ea397fe69a4b1ba7b6434bacd7",
];

/// Addresses of all precompiles there are, and of what comes just after them.
const ADDRESSES: [u64; 20] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0x10, 0x11, 0x12, 0x100, 0x101,
];

/// Sizes of input: those that precompiles take, and their neighbours.
const SIZES: [u64; 16] = [
    0, 1, 31, 32, 64, 96, 127, 128, 129, 160, 192, 193, 213, 256, 288, 384,
];

/// Code that fills memory, calls a precompile with it, and stores what came back.
pub fn call<C: Choices>(choices: &mut C) -> Bytecode {
    let mut code = Bytecode::new();
    let words = choices.below(13);
    for place in 0..words {
        code = code.push(operand(choices)).push(place * 32).op(op::MSTORE);
    }
    if choices.one_in(6) {
        // The number of rounds of BLAKE2's function, or the high bytes of a length.
        let byte = choices.below(256);
        let place = choices.below(4);
        code = code.push(byte).push(place).op(op::MSTORE8);
    }
    let size = choices.pick(&SIZES);
    let precompile = Address::from_low_u64_be(choices.pick(&ADDRESSES));
    let gas = choices.pick(&[30_000, 3_000, 200_000, 1_000_000, 100, 0]);
    code.push(64)
        .push(0x400)
        .push(size)
        .push(0)
        .push(choices.below(2))
        .push(precompile)
        .push(gas)
        .op(op::CALL)
        .push(0x400)
        .op(op::MLOAD)
        .op(op::ADD)
        .push(0x420)
        .op(op::MLOAD)
        .op(op::XOR)
        .op(op::RETURNDATASIZE)
        .op(op::ADD)
        .push(choices.below(4))
        .op(op::SSTORE)
}

fn operand<C: Choices>(choices: &mut C) -> U256 {
    let edge = choices.below(40) as usize;
    match (EDGES.get(edge), edge) {
        (Some(edge), _) => {
            let number = U256::from_str_radix(edge, 16).expect("the table is hex");
            let delta = choices.below(3);
            (number - 1).overflowing_add(delta.into()).0
        }
        (None, 13..24) => choices.below(4).into(),
        (None, 24..30) => choices.pick(&[27, 28, 32, 64, 33, 0x1_0000]).into(),
        _ => word(choices, &[Address::zero()]),
    }
}
