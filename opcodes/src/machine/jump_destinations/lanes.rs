//! With AVX-512: a chunk of 64 bytes takes the same time whatever it holds.
//!
//! Each byte has a lane, whose number leads to the next instruction's, were there an instruction at that byte.
//! Looking up such numbers by themselves doubles the instructions that they lead across; six times leads out of
//! any chunk. The first instruction's lane thereby says where the next chunk's is. And since every
//! instruction has but one next, the one at `start` comes to the byte `i` exactly if it is there after as many
//! instructions as lie between what both have left before the chunk's end: all lanes try that at once.

use std::{
    arch::x86_64::{
        __m512i, _mm_cvtsi128_si32, _mm512_add_epi8, _mm512_castsi512_si128,
        _mm512_cmpeq_epi8_mask, _mm512_cmple_epu8_mask, _mm512_cmplt_epu8_mask, _mm512_loadu_si512,
        _mm512_mask_add_epi8, _mm512_mask_permutexvar_epi8, _mm512_permutexvar_epi8,
        _mm512_set1_epi8, _mm512_sub_epi8, _mm512_test_epi8_mask,
    },
    array,
};

use super::CHUNK;
use crate::table;

/// Doublings until every instruction of a chunk has led out of it.
const DOUBLINGS: usize = CHUNK.ilog2() as usize;

/// Whether the processor has what this module is for.
pub(super) fn are_available() -> bool {
    is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi")
}

/// Adds the jump destinations of chunks of code, the first `carried` bytes of which are immediate.
///
/// # Panics
/// On a processor that [`are_available`] does not approve of.
pub(super) fn find(chunks: &[[u8; CHUNK]], carried: &mut u32, found: &mut Vec<u64>) {
    assert!(are_available(), "this needs AVX-512");
    // SAFETY: the processor has AVX-512 with what is enabled.
    unsafe { find_here(chunks, carried, found) };
}

#[target_feature(enable = "avx512bw,avx512vbmi")]
fn find_here(chunks: &[[u8; CHUNK]], carried: &mut u32, found: &mut Vec<u64>) {
    let jumpdest = every(table::JUMPDEST);
    for chunk in chunks {
        let bytes = load(chunk);
        let (instructions, end) = instructions(bytes, *carried);
        *carried = end - CHUNK as u32;
        found.push(instructions & _mm512_cmpeq_epi8_mask(bytes, jumpdest));
    }
}

/// Where a chunk has instructions if the first is at `start`, and where the first behind the chunk is.
#[target_feature(enable = "avx512bw,avx512vbmi")]
fn instructions(bytes: __m512i, start: u32) -> (u64, u32) {
    let lanes = load(&array::from_fn(|lane| lane as u8));
    // After 2^k instructions, or all that the chunk has: where, and after how many.
    let mut leads_to = [lanes; DOUBLINGS];
    let mut next = next(bytes, lanes);
    let mut taken = every(1);
    for leads_to in &mut leads_to {
        *leads_to = next;
        let stays = _mm512_cmplt_epu8_mask(next, every(CHUNK as u8));
        let more = _mm512_permutexvar_epi8(next, taken);
        taken = _mm512_mask_add_epi8(taken, stays, taken, more);
        next = _mm512_mask_permutexvar_epi8(next, stays, next, next);
    }

    let start = every(start as u8);
    let end = first(_mm512_permutexvar_epi8(start, next));
    let left = _mm512_permutexvar_epi8(start, taken);
    let between = _mm512_sub_epi8(left, taken);
    let mut reached = start;
    for (doubling, leads_to) in leads_to.into_iter().enumerate() {
        let steps = _mm512_test_epi8_mask(between, every(1 << doubling));
        reached = _mm512_mask_permutexvar_epi8(reached, steps, reached, leads_to);
    }
    // Whoever has more left than `start` comes before it.
    let is_behind = _mm512_cmple_epu8_mask(taken, left);
    (is_behind & _mm512_cmpeq_epi8_mask(reached, lanes), end)
}

/// Where the next instruction is, for each byte as if it were one: up to 32 behind the chunk.
#[target_feature(enable = "avx512bw,avx512vbmi")]
fn next(bytes: __m512i, lanes: __m512i) -> __m512i {
    let immediate = _mm512_sub_epi8(bytes, every(table::PUSH0));
    let behind = _mm512_add_epi8(lanes, every(1));
    // PUSH0 has 0 immediate bytes; what is no PUSH comes to more than 32, as a number without sign.
    let is_push = _mm512_cmple_epu8_mask(immediate, every(table::PUSH32 - table::PUSH0));
    _mm512_mask_add_epi8(behind, is_push, behind, immediate)
}

/// The same byte in every lane.
#[target_feature(enable = "avx512bw,avx512vbmi")]
fn every(byte: u8) -> __m512i {
    _mm512_set1_epi8(byte.cast_signed())
}

/// The first lane.
#[target_feature(enable = "avx512bw,avx512vbmi")]
fn first(lanes: __m512i) -> u32 {
    _mm_cvtsi128_si32(_mm512_castsi512_si128(lanes)).cast_unsigned() & 0xff
}

#[target_feature(enable = "avx512bw,avx512vbmi")]
fn load(chunk: &[u8; CHUNK]) -> __m512i {
    // SAFETY: the chunk has the 64 bytes that are read, which may lie anywhere.
    unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) }
}
