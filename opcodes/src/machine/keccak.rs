//! Keccak-256 of a whole message: the sponge with the rate of 136 bytes and the padding that
//! Ethereum took before FIPS 202 changed it.
//!
//! Contracts hash 64 bytes most of the time, one permutation, so what counts is the permutation and
//! that nothing stands around it. The tests hold it to the `sha3` crate.

use crate::B256;

/// Bytes that a permutation takes in.
const RATE: usize = 136;
const LANES: usize = RATE / 8;

type State = [u64; 25];

/// Keccak-256 of a message.
pub fn keccak256(message: &[u8]) -> B256 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2") {
        // SAFETY: 1. The processor has both extensions.
        return unsafe { keccak256_bmi(message) };
    }
    sponge(message)
}

/// The same, compiled for processors with ANDN and RORX, which chi and rho are made of: a permutation
/// takes a tenth less.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2")]
fn keccak256_bmi(message: &[u8]) -> B256 {
    sponge(message)
}

#[inline(always)]
fn sponge(message: &[u8]) -> B256 {
    let mut state = [0; 25];
    let (blocks, rest) = message.as_chunks::<RATE>();
    for block in blocks {
        absorb(&mut state, block);
        state = permute(state);
    }
    let mut last = [0; RATE];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x01;
    last[RATE - 1] |= 0x80;
    absorb(&mut state, &last);
    state = permute(state);
    let mut hash = [0; 32];
    for (bytes, lane) in hash.as_chunks_mut::<8>().0.iter_mut().zip(state) {
        *bytes = lane.to_le_bytes();
    }
    B256(hash)
}

#[inline(always)]
fn absorb(state: &mut State, block: &[u8; RATE]) {
    let (lanes, _) = block.as_chunks::<8>();
    for index in 0..LANES {
        state[index] ^= u64::from_le_bytes(lanes[index]);
    }
}

/// What iota adds in each round (FIPS 202, 3.2.5).
const ROUND_CONSTANTS: [u64; 24] = round_constants();

/// By how much rho turns each lane (FIPS 202, 3.2.2).
const ROTATIONS: [u32; 25] = rotations();

/// Where pi takes each lane from (FIPS 202, 3.2.3).
const SOURCES: [usize; 25] = sources();

/// Keccak-f[1600].
#[inline(always)]
fn permute(mut state: State) -> State {
    let mut index = 0;
    while index < 24 {
        state = round(state, ROUND_CONSTANTS[index]);
        state = round(state, ROUND_CONSTANTS[index + 1]);
        index += 2;
    }
    state
}

#[inline(always)]
fn round(a: State, constant: u64) -> State {
    // Theta.
    let column = |x: usize| a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    let c = [column(0), column(1), column(2), column(3), column(4)];
    let mix = |x: usize| c[(x + 4) % 5] ^ c[(x + 1) % 5].rotate_left(1);
    let d = [mix(0), mix(1), mix(2), mix(3), mix(4)];
    // Rho and pi.
    let lane = |to: usize| {
        let from = SOURCES[to];
        (a[from] ^ d[from % 5]).rotate_left(ROTATIONS[from])
    };
    // Chi.
    let row = |y: usize| {
        let b = [lane(y), lane(y + 1), lane(y + 2), lane(y + 3), lane(y + 4)];
        [
            b[0] ^ (!b[1] & b[2]),
            b[1] ^ (!b[2] & b[3]),
            b[2] ^ (!b[3] & b[4]),
            b[3] ^ (!b[4] & b[0]),
            b[4] ^ (!b[0] & b[1]),
        ]
    };
    let (r0, r1, r2, r3, r4) = (row(0), row(5), row(10), row(15), row(20));
    // Iota.
    [
        r0[0] ^ constant,
        r0[1],
        r0[2],
        r0[3],
        r0[4],
        r1[0],
        r1[1],
        r1[2],
        r1[3],
        r1[4],
        r2[0],
        r2[1],
        r2[2],
        r2[3],
        r2[4],
        r3[0],
        r3[1],
        r3[2],
        r3[3],
        r3[4],
        r4[0],
        r4[1],
        r4[2],
        r4[3],
        r4[4],
    ]
}

/// The bits at 2ʲ − 1 come from a shift register over x⁸ + x⁶ + x⁵ + x⁴ + 1.
const fn round_constants() -> [u64; 24] {
    let mut constants = [0; 24];
    let mut register: u8 = 1;
    let mut round = 0;
    while round < 24 {
        let mut j = 0;
        while j < 7 {
            if register & 1 == 1 {
                constants[round] |= 1 << ((1u32 << j) - 1);
            }
            let carry = register >> 7;
            register = (register << 1) ^ (carry * 0x71);
            j += 1;
        }
        round += 1;
    }
    constants
}

/// Along the path (x, y) → (y, 2x + 3y) from (1, 0), by triangular numbers.
const fn rotations() -> [u32; 25] {
    let mut rotations = [0; 25];
    let (mut x, mut y) = (1, 0);
    let mut step = 0;
    while step < 24 {
        rotations[x + 5 * y] = (step + 1) * (step + 2) / 2 % 64;
        (x, y) = (y, (2 * x + 3 * y) % 5);
        step += 1;
    }
    rotations
}

const fn sources() -> [usize; 25] {
    let mut sources = [0; 25];
    let mut to = 0;
    while to < 25 {
        let (x, y) = (to % 5, to / 5);
        sources[to] = (x + 3 * y) % 5 + 5 * x;
        to += 1;
    }
    sources
}

#[cfg(test)]
mod tests {
    use sha3::{Digest, Keccak256};

    use super::*;

    #[test]
    fn every_length_up_to_three_blocks_hashes_as_the_sha3_crate_has_it() {
        let message: Vec<u8> = (0..3 * RATE + 2)
            .map(|index| (index * 31 % 251) as u8)
            .collect();
        for length in 0..=message.len() {
            let expected: [u8; 32] = Keccak256::digest(&message[..length]).into();
            assert_eq!(keccak256(&message[..length]).0, expected, "{length} bytes");
            assert_eq!(sponge(&message[..length]).0, expected, "{length} bytes");
        }
    }
}
