//! BLAKE2F, 0x09: the compression function of BLAKE2b with the number of rounds as input (EIP-152).
//! Written here from RFC 7693, because no kept crate lets the caller choose the rounds.

use deferevm_opcodes::Fork;

use super::{PrecompileError, PrecompileOutput, PrecompileResult, charge, padded};

const INPUT_BYTES: usize = 213;

/// The initialisation vector of BLAKE2b (RFC 7693, section 2.6).
const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The message word schedule (RFC 7693, section 2.7); round `i` uses row `i % 10`.
const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// Compresses `rounds (4, big-endian) ++ h (64) ++ m (128) ++ t (16) ++ f (1)`, words little-endian,
/// to the new 64 bytes of `h`, for one gas a round.
pub(super) fn run(input: &[u8], gas_limit: u64, _fork: Fork) -> PrecompileResult {
    let input: &[u8; INPUT_BYTES] = input.try_into().map_err(|_| PrecompileError::InputLength {
        found: input.len(),
        expected: "213 bytes",
    })?;
    let rounds = u32::from_be_bytes(padded(input, 0));
    let gas_used = charge(Some(u64::from(rounds)), gas_limit)?;
    let is_final = match input[212] {
        0 => false,
        1 => true,
        flag => return Err(PrecompileError::FinalBlockFlag(flag)),
    };
    let mut state = words::<8>(&input[4..68]);
    let message = words::<16>(&input[68..196]);
    let counter = words::<2>(&input[196..212]);
    compress(rounds, &mut state, &message, counter, is_final);
    let mut output = Vec::with_capacity(64);
    for word in state {
        output.extend_from_slice(&word.to_le_bytes());
    }
    Ok(PrecompileOutput {
        gas_used,
        bytes: output.into(),
    })
}

/// F of RFC 7693, section 3.2, with any number of rounds.
fn compress(
    rounds: u32,
    state: &mut [u64; 8],
    message: &[u64; 16],
    counter: [u64; 2],
    is_final: bool,
) {
    let mut v = [0; 16];
    v[..8].copy_from_slice(state);
    v[8..].copy_from_slice(&IV);
    v[12] ^= counter[0];
    v[13] ^= counter[1];
    if is_final {
        v[14] = !v[14];
    }
    for (_, schedule) in (0..rounds).zip(SIGMA.iter().cycle()) {
        round(&mut v, message, schedule);
    }
    for (index, word) in state.iter_mut().enumerate() {
        *word ^= v[index] ^ v[index + 8];
    }
}

/// One round: G down the four columns, then down the four diagonals.
fn round(v: &mut [u64; 16], message: &[u64; 16], schedule: &[usize; 16]) {
    const LANES: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [1, 5, 9, 13],
        [2, 6, 10, 14],
        [3, 7, 11, 15],
        [0, 5, 10, 15],
        [1, 6, 11, 12],
        [2, 7, 8, 13],
        [3, 4, 9, 14],
    ];
    for (lane, pair) in LANES.iter().zip(schedule.chunks_exact(2)) {
        mix(v, *lane, message[pair[0] & 15], message[pair[1] & 15]);
    }
}

/// G of RFC 7693, section 3.1.
#[inline(always)]
fn mix(v: &mut [u64; 16], [a, b, c, d]: [usize; 4], x: u64, y: u64) {
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
    v[d] = (v[d] ^ v[a]).rotate_right(32);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(24);
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(y);
    v[d] = (v[d] ^ v[a]).rotate_right(16);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(63);
}

fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    std::array::from_fn(|index| u64::from_le_bytes(padded(bytes, index * 8)))
}
