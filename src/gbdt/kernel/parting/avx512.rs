//! Parting by the instruction that packs the marked lanes of a vector.

#![allow(clippy::incompatible_msrv, reason = "compiled only where `build.rs` found a compiler that has it")]

use std::arch::x86_64::{
    __mmask8, __mmask16, _mm512_loadu_epi32, _mm512_loadu_epi64, _mm512_mask_storeu_epi32,
    _mm512_mask_storeu_epi64, _mm512_maskz_compress_epi32, _mm512_maskz_compress_epi64, _mm512_storeu_epi32,
    _mm512_storeu_epi64,
};

use crate::gbdt::kernel::level::Seen;

/// Writes marked items to the first places of `left`, the others to those of `right`.
macro_rules! part {
    ($name:ident, $type:ty, $lanes:literal, $mask:ty, $load:ident, $compress:ident, $store:ident, $whole:ident) => {
        pub(super) fn $name(
            _: Seen,
            items: &[$type; 64],
            mark: u64,
            left: &mut [$type],
            right: &mut [$type],
        ) {
            #[target_feature(enable = "avx512f,popcnt")]
            unsafe fn compress(items: &[$type; 64], mark: u64, left: &mut [$type], right: &mut [$type]) {
                let (mut to_left, mut to_right) = (0, 0);
                let first = |n: usize| ((1u32 << n) - 1) as $mask;
                for (i, items) in items.chunks_exact($lanes).enumerate() {
                    let bits = (mark >> ($lanes * i)) as $mask;
                    let n_left = bits.count_ones() as usize;
                    // SAFETY: of each side as many lanes are written as it has items in the chunk, and the sides have
                    // at least as many places as items in all chunks together, which was checked.
                    unsafe {
                        let items = $load(items.as_ptr().cast());
                        let (marked, others) = ($compress(bits, items), $compress(!bits, items));
                        let (to, mask) = (left.as_mut_ptr().add(to_left).cast(), first(n_left));
                        if left.len() - to_left >= $lanes {
                            $whole(to, marked)
                        } else {
                            $store(to, mask, marked)
                        };
                        let (to, mask) = (right.as_mut_ptr().add(to_right).cast(), first($lanes - n_left));
                        if right.len() - to_right >= $lanes {
                            $whole(to, others)
                        } else {
                            $store(to, mask, others)
                        };
                    }
                    to_left += n_left;
                    to_right += $lanes - n_left;
                }
            }
            assert!(
                mark.count_ones() as usize <= left.len() && mark.count_zeros() as usize <= right.len(),
                "places for all"
            );
            // SAFETY: the machine was seen to have AVX-512.
            unsafe { compress(items, mark, left, right) }
        }
    };
}
part!(
    part_u32,
    u32,
    16,
    __mmask16,
    _mm512_loadu_epi32,
    _mm512_maskz_compress_epi32,
    _mm512_mask_storeu_epi32,
    _mm512_storeu_epi32
);
part!(
    part_u64,
    u64,
    8,
    __mmask8,
    _mm512_loadu_epi64,
    _mm512_maskz_compress_epi64,
    _mm512_mask_storeu_epi64,
    _mm512_storeu_epi64
);
