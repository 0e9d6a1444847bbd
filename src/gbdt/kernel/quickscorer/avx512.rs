//! One permutation fetches the bytes of 64 questions, one comparison answers them.

#![allow(clippy::incompatible_msrv, reason = "compiled only where `build.rs` found a compiler that has it")]

use std::arch::x86_64::*;

use super::{COLUMNS, Chunk, Chunks, LANES, QuickScorer};
use crate::gbdt::kernel::level::Seen;
use crate::gbdt::kernel::wide::{load, store};

/// As [`QuickScorer::sum_row`].
pub(super) fn sum(_: Seen, trees: &QuickScorer, bytes: &[u8], sum: f64) -> f64 {
    // SAFETY: the machine was seen to have AVX-512
    unsafe { sum_of(trees, bytes, sum) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2,lzcnt,popcnt")]
fn sum_of(trees: &QuickScorer, bytes: &[u8], mut sum: f64) -> f64 {
    let mut own = [0; COLUMNS];
    for group in &trees.groups {
        let bytes = group.bytes(bytes, &mut own);
        let leaves = match &group.chunks {
            Chunks::Narrow(range) => narrow(&trees.narrow[range.clone()], bytes),
            Chunks::Wide(range) => wide(&trees.wide[range.clone()], bytes),
        };
        sum = trees.add(group, leaves, sum);
    }
    sum
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi")]
fn narrow(chunks: &[Chunk<4>], bytes: &[u8; COLUMNS]) -> [u32; LANES] {
    // one word for each of a chunk's four questions, so that no AND waits for the one before
    let mut left = [_mm512_set1_epi32(-1); 4];
    for chunk in chunks {
        let no = chunk.answered_no(bytes);
        for (i, left) in left.iter_mut().enumerate() {
            *left = _mm512_mask_and_epi32(*left, (no >> (LANES * i)) as u16, *left, load(&chunk.keep[i]));
        }
    }
    let left = and(and(left[0], left[1]), and(left[2], left[3]));
    let lowest = and(left, _mm512_sub_epi32(_mm512_setzero_si512(), left));
    words(_mm512_sub_epi32(_mm512_set1_epi32(31), _mm512_lzcnt_epi32(lowest)))
}

/// The exits of sixteen trees of up to 64 leaves.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi")]
fn wide(chunks: &[Chunk<8>], bytes: &[u8; COLUMNS]) -> [u32; LANES] {
    let mut left = [_mm512_set1_epi64(-1); 8];
    for chunk in chunks {
        let no = chunk.answered_no(bytes);
        for (i, left) in left.iter_mut().enumerate() {
            *left = _mm512_mask_and_epi64(*left, (no >> (LANES / 2 * i)) as u8, *left, load(&chunk.keep[i]));
        }
    }
    let exits = [0, 1].map(|half| {
        let left = and(and(left[half], left[half + 2]), and(left[half + 4], left[half + 6]));
        let lowest = and(left, _mm512_sub_epi64(_mm512_setzero_si512(), left));
        _mm512_cvtepi64_epi32(_mm512_sub_epi64(_mm512_set1_epi64(63), _mm512_lzcnt_epi64(lowest)))
    });
    words(_mm512_inserti64x4(_mm512_castsi256_si512(exits[0]), exits[1], 1))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn and(a: __m512i, b: __m512i) -> __m512i {
    _mm512_and_si512(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn words(register: __m512i) -> [u32; LANES] {
    let bytes = store(register);
    std::array::from_fn(|lane| u32::from_le_bytes(bytes.as_chunks().0[lane]))
}

impl<const LINES: usize> Chunk<LINES> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn answered_no(&self, bytes: &[u8; COLUMNS]) -> u64 {
        let (low, high) = bytes.split_at(COLUMNS / 2);
        let [low, high] = [low, high].map(|half| load(half.first_chunk().expect("half of the columns")));
        let bytes = _mm512_permutex2var_epi8(low, load(&self.columns), high);
        _mm512_cmpgt_epu8_mask(bytes, load(&self.at_most))
    }
}
