//! Eight numbers side by side: portable arrays, or one register of AVX-512.
//!
//! A body written once over [`Lanes`] is compiled for each; every operation rounds as the operation of a single number does.

/// Lanes of a vector.
pub(in crate::gbdt) const LANES: usize = 8;

/// Eight numbers.
pub(super) trait Lanes: Copy {
    /// The same number in each lane.
    fn splat(x: f64) -> Self;
    fn load(numbers: &[f64; LANES]) -> Self;
    fn store(self, numbers: &mut [f64; LANES]);
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// By lane: `yes` where the bit is set.
    fn select(mask: u8, yes: Self, no: Self) -> Self;
    /// The sum over the lanes of each vector: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)).
    fn sums(vectors: [Self; LANES]) -> Self;
    /// A bit for each byte that is no larger.
    fn at_most(bytes: &[u8; 64], limit: u8) -> u64;
}

/// An array, in whatever registers the compiler finds.
#[derive(Clone, Copy)]
pub(super) struct Plain([f64; LANES]);

impl Lanes for Plain {
    #[inline(always)]
    fn splat(x: f64) -> Self {
        Plain([x; LANES])
    }

    #[inline(always)]
    fn load(numbers: &[f64; LANES]) -> Self {
        Plain(*numbers)
    }

    #[inline(always)]
    fn store(self, numbers: &mut [f64; LANES]) {
        *numbers = self.0;
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Plain(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Plain(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Plain(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        Plain(std::array::from_fn(|i| if mask >> i & 1 == 1 { yes.0[i] } else { no.0[i] }))
    }

    #[inline(always)]
    fn sums(vectors: [Self; LANES]) -> Self {
        Plain(vectors.map(|Plain([a, b, c, d, e, f, g, h])| ((a + b) + (c + d)) + ((e + f) + (g + h))))
    }

    #[inline(always)]
    fn at_most(bytes: &[u8; 64], limit: u8) -> u64 {
        let mut small = [0u8; 64];
        for (small, &byte) in small.iter_mut().zip(bytes) {
            *small = u8::from(byte <= limit);
        }
        let mut bits = 0;
        for (i, eight) in small.chunks_exact(8).enumerate() {
            // moves the bit of byte i to bit 56 + i
            let eight = u64::from_le_bytes(*eight.first_chunk().expect("eight bytes"));
            let gathered = eight.wrapping_mul(0x0102_0408_1020_4080) >> 56;
            bits |= gathered << (8 * i);
        }
        bits
    }
}

#[cfg(has_avx512)]
pub(super) use wide::Wide;

#[cfg(has_avx512)]
mod wide {
    #![allow(
        clippy::incompatible_msrv,
        reason = "compiled only where `build.rs` found a compiler that has it"
    )]

    use std::arch::x86_64::*;

    use super::{LANES, Lanes};

    /// One register; only functions compiled for AVX-512 may use it.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Wide(__m512d);

    // SAFETY, for every block below: a `Wide` is made and used by bodies that are inlined into functions compiled for
    // AVX-512, which are called only where a level proves the instructions; arrays have as many bytes as a register.
    impl Lanes for Wide {
        #[inline(always)]
        fn splat(x: f64) -> Self {
            Wide(unsafe { _mm512_set1_pd(x) })
        }

        #[inline(always)]
        fn load(numbers: &[f64; LANES]) -> Self {
            Wide(unsafe { _mm512_loadu_pd(numbers.as_ptr()) })
        }

        #[inline(always)]
        fn store(self, numbers: &mut [f64; LANES]) {
            unsafe { _mm512_storeu_pd(numbers.as_mut_ptr(), self.0) }
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            Wide(unsafe { _mm512_add_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn minus(self, other: Self) -> Self {
            Wide(unsafe { _mm512_sub_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn times(self, other: Self) -> Self {
            Wide(unsafe { _mm512_mul_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn select(mask: u8, yes: Self, no: Self) -> Self {
            Wide(unsafe { _mm512_mask_blend_pd(mask, no.0, yes.0) })
        }

        #[inline(always)]
        fn sums([a, b, c, d, e, f, g, h]: [Self; LANES]) -> Self {
            let pairs = |a: Self, b: Self| unsafe {
                _mm512_add_pd(_mm512_unpacklo_pd(a.0, b.0), _mm512_unpackhi_pd(a.0, b.0))
            };
            let quarters = |a, b| unsafe {
                _mm512_add_pd(
                    _mm512_shuffle_f64x2::<0b10_00_10_00>(a, b),
                    _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b),
                )
            };
            let (left, right) = (quarters(pairs(a, b), pairs(c, d)), quarters(pairs(e, f), pairs(g, h)));
            Wide(quarters(left, right))
        }

        #[inline(always)]
        fn at_most(bytes: &[u8; 64], limit: u8) -> u64 {
            unsafe {
                _mm512_cmple_epu8_mask(
                    _mm512_loadu_si512(bytes.as_ptr().cast()),
                    _mm512_set1_epi8(limit as i8),
                )
            }
        }
    }
}
