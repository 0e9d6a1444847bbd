//! Parting by a permutation that packs the marked lanes of a vector, looked up by the lanes' bits.
//!
//! Whole vectors are written, so lanes behind the packed ones spill into places that later items take; where a side has no
//! such places any more the portable code finishes.

use std::arch::x86_64::{
    __m256i, _mm_loadl_epi64, _mm256_cvtepu8_epi32, _mm256_loadu_si256, _mm256_permutevar8x32_epi32,
    _mm256_storeu_si256,
};

use crate::gbdt::kernel::level::Seen;

/// Whether 64 items can be parted with whole vectors.
#[inline(always)]
pub(super) fn has_room<T>(mark: u64, left: &[T], right: &[T]) -> bool {
    let vector = VECTOR / size_of::<T>();
    mark.count_ones() as usize + vector <= left.len() && mark.count_zeros() as usize + vector <= right.len()
}

/// Writes marked items to the first places of `left`, the others to those of `right`.
macro_rules! part {
    ($name:ident, $type:ty, $lanes:literal, $order:ident) => {
        pub(super) fn $name(
            _: Seen,
            items: &[$type; 64],
            mark: u64,
            left: &mut [$type],
            right: &mut [$type],
        ) {
            #[target_feature(enable = "avx2,popcnt")]
            unsafe fn pack(items: &[$type; 64], mark: u64, left: &mut [$type], right: &mut [$type]) {
                let (mut to_left, mut to_right) = (0, 0);
                for (i, items) in items.chunks_exact($lanes).enumerate() {
                    let bits = (mark >> ($lanes * i)) as usize & ((1 << $lanes) - 1);
                    let others = bits ^ ((1 << $lanes) - 1);
                    // SAFETY: a whole vector is written behind as many items as went to that side before, and the sides
                    // have places for all items of theirs and a vector, which was checked.
                    unsafe {
                        let items = _mm256_loadu_si256(items.as_ptr().cast());
                        let marked = _mm256_permutevar8x32_epi32(items, order(&$order[bits]));
                        _mm256_storeu_si256(left.as_mut_ptr().add(to_left).cast(), marked);
                        let rest = _mm256_permutevar8x32_epi32(items, order(&$order[others]));
                        _mm256_storeu_si256(right.as_mut_ptr().add(to_right).cast(), rest);
                    }
                    let n_left = bits.count_ones() as usize;
                    to_left += n_left;
                    to_right += $lanes - n_left;
                }
            }
            assert!(has_room(mark, left, right), "places for all, and for a vector");
            // SAFETY: the machine was seen to have AVX2.
            unsafe { pack(items, mark, left, right) }
        }
    };
}
part!(part_u32, u32, 8, ORDER_OF_EIGHT);
part!(part_u64, u64, 4, ORDER_OF_FOUR);

/// A byte a word.
///
/// # Safety
/// The machine has AVX2.
#[inline(always)]
unsafe fn order(places: &[u8; 8]) -> __m256i {
    // SAFETY: the reference is to eight bytes
    unsafe { _mm256_cvtepu8_epi32(_mm_loadl_epi64(places.as_ptr().cast())) }
}

/// By the bits of eight lanes: the marked ones, in order; then lane 0.
static ORDER_OF_EIGHT: [[u8; 8]; 256] = orders::<256>(1);
/// By the bits of four lanes of two words each.
static ORDER_OF_FOUR: [[u8; 8]; 16] = orders::<16>(2);

/// For each set of lanes the words that they consist of.
const fn orders<const N: usize>(words_a_lane: usize) -> [[u8; 8]; N] {
    let mut orders = [[0; 8]; N];
    let mut bits = 0;
    while bits < N {
        let (mut word, mut place) = (0, 0);
        while word < 8 {
            if bits >> (word / words_a_lane) & 1 == 1 {
                orders[bits][place] = word as u8;
                place += 1;
            }
            word += 1;
        }
        bits += 1;
    }
    orders
}

/// Bytes of a vector.
const VECTOR: usize = 32;
