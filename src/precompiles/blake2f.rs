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
    for _ in 0..rounds / 10 {
        round::<0>(&mut v, message);
        round::<1>(&mut v, message);
        round::<2>(&mut v, message);
        round::<3>(&mut v, message);
        round::<4>(&mut v, message);
        round::<5>(&mut v, message);
        round::<6>(&mut v, message);
        round::<7>(&mut v, message);
        round::<8>(&mut v, message);
        round::<9>(&mut v, message);
    }
    let first_nine = [
        round::<0>, round::<1>, round::<2>, round::<3>, round::<4>, round::<5>, round::<6>,
        round::<7>, round::<8>,
    ];
    for round in first_nine.iter().take(rounds as usize % 10) {
        round(&mut v, message);
    }
    for (index, word) in state.iter_mut().enumerate() {
        *word ^= v[index] ^ v[index + 8];
    }
}

/// One round: G down the four columns, then down the four diagonals. The places of the state are
/// constants, so that it stays in registers: looked up in a table they make a round five times slower.
/// Those of the message are, too: looked up, they make it a third slower.
#[inline(always)]
fn round<const ROW: usize>(v: &mut [u64; 16], message: &[u64; 16]) {
    let word = |index: usize| message[const { SIGMA[ROW] }[index]];
    mix::<0, 4, 8, 12>(v, word(0), word(1));
    mix::<1, 5, 9, 13>(v, word(2), word(3));
    mix::<2, 6, 10, 14>(v, word(4), word(5));
    mix::<3, 7, 11, 15>(v, word(6), word(7));
    mix::<0, 5, 10, 15>(v, word(8), word(9));
    mix::<1, 6, 11, 12>(v, word(10), word(11));
    mix::<2, 7, 8, 13>(v, word(12), word(13));
    mix::<3, 4, 9, 14>(v, word(14), word(15));
}

/// G of RFC 7693, section 3.1, on four places of the state.
#[inline(always)]
fn mix<const A: usize, const B: usize, const C: usize, const D: usize>(
    v: &mut [u64; 16],
    x: u64,
    y: u64,
) {
    v[A] = v[A].wrapping_add(v[B]).wrapping_add(x);
    v[D] = (v[D] ^ v[A]).rotate_right(32);
    v[C] = v[C].wrapping_add(v[D]);
    v[B] = (v[B] ^ v[C]).rotate_right(24);
    v[A] = v[A].wrapping_add(v[B]).wrapping_add(y);
    v[D] = (v[D] ^ v[A]).rotate_right(16);
    v[C] = v[C].wrapping_add(v[D]);
    v[B] = (v[B] ^ v[C]).rotate_right(63);
}

fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    std::array::from_fn(|index| u64::from_le_bytes(padded(bytes, index * 8)))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use bytes::Bytes;

    use super::*;

    /// Test vector 5 of EIP-152: BLAKE2b of "abc", 12 rounds, final.
    const VECTOR_5: [u8; INPUT_BYTES] = {
        let mut input = [0; INPUT_BYTES];
        let head = hex!(
            "0000000c48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5"
            "d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b616263"
        );
        let mut index = 0;
        while index < head.len() {
            input[index] = head[index];
            index += 1;
        }
        input[196] = 3;
        input[212] = 1;
        input
    };

    fn output(rounds: u32, flag: u8) -> Bytes {
        let mut input = VECTOR_5;
        input[..4].copy_from_slice(&rounds.to_be_bytes());
        input[212] = flag;
        let output = run(&input, u64::from(rounds), Fork::Istanbul).unwrap();
        assert_eq!(output.gas_used, u64::from(rounds));
        output.bytes
    }

    #[test]
    fn compresses_the_vectors_of_eip_152() {
        let vectors = [
            (
                0,
                1,
                hex!(
                    "08c9bcf367e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5"
                    "d282e6ad7f520e511f6c3e2b8c68059b9442be0454267ce079217e1319cde05b"
                ),
            ),
            (
                12,
                1,
                hex!(
                    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
                    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
                ),
            ),
            (
                12,
                0,
                hex!(
                    "75ab69d3190a562c51aef8d88f1c2775876944407270c42c9844252c26d28752"
                    "98743e7f6d5ea2f2d3e8d226039cd31b4e426ac4f2d3d666a610c2116fde4735"
                ),
            ),
            (
                1,
                1,
                hex!(
                    "b63a380cb2897d521994a85234ee2c181b5f844d2c624c002677e9703449d2fb"
                    "a551b3a8333bcdf5f2f7e08993d53923de3d64fcc68c034e717b9293fed7a421"
                ),
            ),
        ];
        for (rounds, flag, expected) in vectors {
            assert_eq!(output(rounds, flag)[..], expected, "{rounds} rounds");
        }
    }

    #[test]
    fn refuses_other_lengths_and_flags() {
        assert!(run(&[], 100, Fork::Istanbul).is_err());
        assert!(run(&VECTOR_5[1..], 100, Fork::Istanbul).is_err());
        assert!(run(&[&VECTOR_5[..], &[0]].concat(), 100, Fork::Istanbul).is_err());
        let mut input = VECTOR_5;
        input[212] = 2;
        let error = run(&input, 100, Fork::Istanbul).unwrap_err();
        assert_eq!(error, PrecompileError::FinalBlockFlag(2));
    }

    #[test]
    fn the_largest_number_of_rounds_is_refused_before_any_is_run() {
        let mut input = VECTOR_5;
        input[..4].fill(0xff);
        let error = run(&input, u64::from(u32::MAX) - 1, Fork::Istanbul).unwrap_err();
        let expected = PrecompileError::OutOfGas {
            required: Some(0xffff_ffff),
            limit: 0xffff_fffe,
        };
        assert_eq!(error, expected);
    }

    /// F with its places looked up in the tables of RFC 7693, sections 2.7 and 3.2.
    fn compress_by_table(
        rounds: u32,
        state: &mut [u64; 8],
        message: &[u64; 16],
        counter: [u64; 2],
        is_final: bool,
    ) {
        const PLACES: [[usize; 4]; 8] = [
            [0, 4, 8, 12],
            [1, 5, 9, 13],
            [2, 6, 10, 14],
            [3, 7, 11, 15],
            [0, 5, 10, 15],
            [1, 6, 11, 12],
            [2, 7, 8, 13],
            [3, 4, 9, 14],
        ];
        let mut v = [&state[..], &IV].concat();
        v[12] ^= counter[0];
        v[13] ^= counter[1];
        v[14] ^= if is_final { u64::MAX } else { 0 };
        for round in 0..rounds as usize {
            for (place, [a, b, c, d]) in PLACES.into_iter().enumerate() {
                let mut four = [v[a], v[b], v[c], v[d]];
                let [x, y] = [0, 1].map(|half| message[SIGMA[round % 10][2 * place + half]]);
                for (word, by_d, by_b) in [(x, 32, 24), (y, 16, 63)] {
                    four[0] = four[0].wrapping_add(four[1]).wrapping_add(word);
                    four[3] = (four[3] ^ four[0]).rotate_right(by_d);
                    four[2] = four[2].wrapping_add(four[3]);
                    four[1] = (four[1] ^ four[2]).rotate_right(by_b);
                }
                [v[a], v[b], v[c], v[d]] = four;
            }
        }
        for (index, word) in state.iter_mut().enumerate() {
            *word ^= v[index] ^ v[index + 8];
        }
    }

    #[test]
    fn every_count_of_rounds_follows_the_schedule() {
        let message = std::array::from_fn(|index| u64::MAX / (index as u64 + 3));
        for rounds in 0..=41 {
            let (mut unrolled, mut by_table) = (IV, IV);
            let is_final = rounds % 2 == 0;
            compress(rounds, &mut unrolled, &message, [7, 9], is_final);
            compress_by_table(rounds, &mut by_table, &message, [7, 9], is_final);
            assert_eq!(unrolled, by_table, "{rounds} rounds");
        }
    }
}
