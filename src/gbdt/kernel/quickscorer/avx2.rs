//! Some shuffles fetch the bytes of 32 questions from as many columns as the row has, sixteen at a time.

use std::arch::x86_64::*;

use super::{COLUMNS, Chunk, Chunks, LANES, QuickScorer};
use crate::gbdt::kernel::level::Seen;

/// As [`QuickScorer::sum_row`].
pub(super) fn sum(_: Seen, trees: &QuickScorer, bytes: &[u8], sum: f64) -> f64 {
    // SAFETY: the machine was seen to have AVX2
    unsafe { sum_of(trees, bytes, sum) }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn sum_of(trees: &QuickScorer, bytes: &[u8], mut sum: f64) -> f64 {
    let mut own = [0; COLUMNS];
    for group in &trees.groups {
        let n_columns = if group.columns.is_empty() { trees.n_columns } else { group.columns.len() };
        let bytes = group.bytes(bytes, &mut own);
        // SAFETY: as this function
        let leaves = unsafe {
            match n_columns.div_ceil(TABLE) {
                0..=2 => leaves::<2>(trees, &group.chunks, bytes),
                3..=4 => leaves::<4>(trees, &group.chunks, bytes),
                _ => leaves::<8>(trees, &group.chunks, bytes),
            }
        };
        sum = trees.add(group, leaves, sum);
    }
    sum
}

/// The leaf that a row reaches in each tree of a group; it asks for the first `16 T` columns.
///
/// # Safety
/// The machine has AVX2.
#[inline(always)]
unsafe fn leaves<const T: usize>(
    trees: &QuickScorer,
    chunks: &Chunks,
    bytes: &[u8; COLUMNS],
) -> [u32; LANES] {
    let mut exits = [0; LANES];
    // SAFETY: as this function; arrays have as many bytes as registers
    unsafe {
        let mut tables = [_mm256_setzero_si256(); T];
        for (table, bytes) in tables.iter_mut().zip(bytes.chunks_exact(TABLE)) {
            *table = _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast()));
        }
        match chunks {
            Chunks::Narrow(range) => {
                let left: [u32; LANES] = narrow(&trees.narrow[range.clone()], &tables);
                for (exit, left) in exits.iter_mut().zip(left) {
                    *exit = left.trailing_zeros();
                }
            }
            Chunks::Wide(range) => {
                let left: [u64; LANES] = wide(&trees.wide[range.clone()], &tables);
                for (exit, left) in exits.iter_mut().zip(left) {
                    *exit = left.trailing_zeros();
                }
            }
        }
    }
    exits
}

/// The leaves left of each tree, a bit a leaf.
macro_rules! left {
    ($name:ident, $word:ty, $lines:literal, $widen:ident, $load:ident) => {
        #[inline(always)]
        unsafe fn $name<const T: usize>(chunks: &[Chunk<$lines>], tables: &[__m256i; T]) -> [$word; LANES] {
            const LANES_A_REGISTER: usize = 32 / size_of::<$word>();
            const REGISTERS: usize = LANES / LANES_A_REGISTER;
            let mut words = [0; LANES];
            // SAFETY: as the caller's
            unsafe {
                let mut left = [_mm256_set1_epi8(-1); REGISTERS];
                for chunk in chunks {
                    let yes = answered_yes(chunk, tables);
                    let keep = chunk.keep.as_flattened();
                    for place in 0..4 * REGISTERS {
                        let answers = $widen($load(yes.as_ptr().add(place * LANES_A_REGISTER).cast()));
                        let keep = _mm256_loadu_si256(keep.as_ptr().add(32 * place).cast());
                        let left = &mut left[place % REGISTERS];
                        *left = _mm256_and_si256(*left, _mm256_or_si256(answers, keep));
                    }
                }
                for (words, left) in words.chunks_exact_mut(LANES_A_REGISTER).zip(left) {
                    _mm256_storeu_si256(words.as_mut_ptr().cast(), left);
                }
            }
            words
        }
    };
}
left!(narrow, u32, 4, _mm256_cvtepi8_epi32, _mm_loadl_epi64);
left!(wide, u64, 8, _mm256_cvtepi8_epi64, load_four);

/// Four bytes in the lowest lanes.
///
/// # Safety
/// There are four bytes.
#[inline(always)]
unsafe fn load_four(bytes: *const __m128i) -> __m128i {
    // SAFETY: the caller's
    unsafe { _mm_cvtsi32_si128(bytes.cast::<i32>().read_unaligned()) }
}

/// All ones for each of a chunk's questions that is answered yes.
///
/// # Safety
/// The machine has AVX2.
#[inline(always)]
unsafe fn answered_yes<const LINES: usize, const T: usize>(
    chunk: &Chunk<LINES>,
    tables: &[__m256i; T],
) -> [u8; 4 * LANES] {
    let mut yes = [0; 4 * LANES];
    for half in [0, 32] {
        // SAFETY: as this function; both arrays have two halves of 32 bytes
        unsafe {
            let columns = _mm256_loadu_si256(chunk.columns.as_ptr().add(half).cast());
            let mut bytes = _mm256_setzero_si256();
            for (i, &table) in tables.iter().enumerate() {
                // columns of other tables get the highest bit, for which a shuffle gives 0
                let own = _mm256_sub_epi8(columns, _mm256_set1_epi8((i * TABLE) as i8));
                let own = _mm256_adds_epu8(own, _mm256_set1_epi8(0x70));
                bytes = _mm256_or_si256(bytes, _mm256_shuffle_epi8(table, own));
            }
            let at_most = _mm256_loadu_si256(chunk.at_most.as_ptr().add(half).cast());
            let small = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, at_most), bytes);
            _mm256_storeu_si256(yes.as_mut_ptr().add(half).cast(), small);
        }
    }
    yes
}

/// Columns that a shuffle fetches from.
const TABLE: usize = 16;
