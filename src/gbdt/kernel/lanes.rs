//! Eight numbers side by side: portable arrays, two registers of AVX2, or one of AVX-512.
//!
//! A body written once over [`Lanes`] is compiled for each; every operation rounds as the operation of a single number does.
//! Bodies use loops, not closures: a closure that is not inlined (`array::from_fn` of many, say) is compiled without the
//! level's instructions, and then every operation is a call.

/// Lanes of a vector.
pub(in crate::gbdt) const LANES: usize = 8;

/// Eight numbers.
pub(super) trait Lanes: Copy {
    /// Which lanes.
    type Mask: Copy;
    /// Eight numbers for certain.
    type Eight: Lanes;

    /// The same number in each lane.
    fn splat(x: f64) -> Self;
    fn load(numbers: &[f64; LANES]) -> Self;
    fn store(self, numbers: &mut [f64; LANES]);
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// Those whose bits are set.
    fn mask(bits: u8) -> Self::Mask;
    /// All of them, or for 0 none.
    fn all(bit: bool) -> Self::Mask;
    /// By lane: `yes` where the mask has it.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// The sum over the lanes of each vector: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)).
    fn sums(vectors: [Self; LANES]) -> Self::Eight;
    /// A bit for each byte that is no larger.
    fn at_most(bytes: &[u8; 64], limit: u8) -> u64;
}

/// An array, in whatever registers the compiler finds.
#[derive(Clone, Copy)]
pub(super) struct Plain([f64; LANES]);

impl Lanes for Plain {
    type Mask = u8;
    type Eight = Self;

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
    fn mask(bits: u8) -> u8 {
        bits
    }

    #[inline(always)]
    fn all(bit: bool) -> u8 {
        0u8.wrapping_sub(bit.into())
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

#[cfg(target_arch = "x86_64")]
pub(super) use pair::{Low, Pair};
#[cfg(has_avx512)]
pub(super) use wide::Wide;

#[cfg(target_arch = "x86_64")]
mod pair {
    use std::arch::x86_64::*;

    use super::{LANES, Lanes};

    /// The first four and the last four; only functions compiled for AVX2 may use it.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Pair(__m256d, __m256d);

    // SAFETY, for every block below: a `Pair` is made and used by bodies that are inlined into functions compiled for
    // AVX2, which are called only where a level proves the instructions; arrays have as many bytes as two registers.
    impl Lanes for Pair {
        /// By the signs of numbers.
        type Mask = [__m256d; 2];
        type Eight = Self;

        #[inline(always)]
        fn splat(x: f64) -> Self {
            let four = unsafe { _mm256_set1_pd(x) };
            Pair(four, four)
        }

        #[inline(always)]
        fn load(numbers: &[f64; LANES]) -> Self {
            let at = numbers.as_ptr();
            unsafe { Pair(_mm256_loadu_pd(at), _mm256_loadu_pd(at.add(4))) }
        }

        #[inline(always)]
        fn store(self, numbers: &mut [f64; LANES]) {
            let at = numbers.as_mut_ptr();
            unsafe {
                _mm256_storeu_pd(at, self.0);
                _mm256_storeu_pd(at.add(4), self.1);
            }
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            unsafe { Pair(_mm256_add_pd(self.0, other.0), _mm256_add_pd(self.1, other.1)) }
        }

        #[inline(always)]
        fn minus(self, other: Self) -> Self {
            unsafe { Pair(_mm256_sub_pd(self.0, other.0), _mm256_sub_pd(self.1, other.1)) }
        }

        #[inline(always)]
        fn times(self, other: Self) -> Self {
            unsafe { Pair(_mm256_mul_pd(self.0, other.0), _mm256_mul_pd(self.1, other.1)) }
        }

        #[inline(always)]
        fn mask(bits: u8) -> Self::Mask {
            // the bit of each lane moves to its sign
            unsafe {
                let bits = _mm256_set1_epi64x(i64::from(bits));
                let first = _mm256_sllv_epi64(bits, _mm256_setr_epi64x(63, 62, 61, 60));
                let last = _mm256_sllv_epi64(bits, _mm256_setr_epi64x(59, 58, 57, 56));
                [_mm256_castsi256_pd(first), _mm256_castsi256_pd(last)]
            }
        }

        #[inline(always)]
        fn all(bit: bool) -> Self::Mask {
            let four = unsafe { _mm256_castsi256_pd(_mm256_set1_epi64x(-i64::from(bit))) };
            [four, four]
        }

        #[inline(always)]
        fn select([first, last]: Self::Mask, yes: Self, no: Self) -> Self {
            unsafe { Pair(_mm256_blendv_pd(no.0, yes.0, first), _mm256_blendv_pd(no.1, yes.1, last)) }
        }

        #[inline(always)]
        fn sums([a, b, c, d, e, f, g, h]: [Self; LANES]) -> Self {
            let lower = Pair(four(a.0, b.0, c.0, d.0), four(e.0, f.0, g.0, h.0));
            lower.plus(Pair(four(a.1, b.1, c.1, d.1), four(e.1, f.1, g.1, h.1)))
        }

        #[inline(always)]
        fn at_most(bytes: &[u8; 64], limit: u8) -> u64 {
            let [low, high] = [0, 32].map(|at| bytes[at..].first_chunk().expect("two halves"));
            u64::from(at_most(low, limit)) | u64::from(at_most(high, limit)) << 32
        }
    }

    /// The first four, where the last four are zeros that are neither kept nor needed.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Low(__m256d);

    // SAFETY: as for `Pair`.
    impl Lanes for Low {
        type Mask = __m256d;
        type Eight = Pair;

        #[inline(always)]
        fn splat(x: f64) -> Self {
            unsafe { Low(_mm256_set1_pd(x)) }
        }

        #[inline(always)]
        fn load(numbers: &[f64; LANES]) -> Self {
            unsafe { Low(_mm256_loadu_pd(numbers.as_ptr())) }
        }

        #[inline(always)]
        fn store(self, numbers: &mut [f64; LANES]) {
            unsafe { _mm256_storeu_pd(numbers.as_mut_ptr(), self.0) }
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            unsafe { Low(_mm256_add_pd(self.0, other.0)) }
        }

        #[inline(always)]
        fn minus(self, other: Self) -> Self {
            unsafe { Low(_mm256_sub_pd(self.0, other.0)) }
        }

        #[inline(always)]
        fn times(self, other: Self) -> Self {
            unsafe { Low(_mm256_mul_pd(self.0, other.0)) }
        }

        #[inline(always)]
        fn mask(bits: u8) -> Self::Mask {
            Pair::mask(bits)[0]
        }

        #[inline(always)]
        fn all(bit: bool) -> Self::Mask {
            Pair::all(bit)[0]
        }

        #[inline(always)]
        fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
            unsafe { Low(_mm256_blendv_pd(no.0, yes.0, mask)) }
        }

        #[inline(always)]
        fn sums([a, b, c, d, e, f, g, h]: [Self; LANES]) -> Pair {
            Pair(four(a.0, b.0, c.0, d.0), four(e.0, f.0, g.0, h.0))
        }

        #[inline(always)]
        fn at_most(bytes: &[u8; 64], limit: u8) -> u64 {
            Pair::at_most(bytes, limit)
        }
    }

    /// The sum over the lanes of each: (0 + 1) + (2 + 3).
    #[inline(always)]
    fn four(a: __m256d, b: __m256d, c: __m256d, d: __m256d) -> __m256d {
        unsafe {
            let (ab, cd) = (_mm256_hadd_pd(a, b), _mm256_hadd_pd(c, d));
            let low = _mm256_permute2f128_pd::<0x20>(ab, cd);
            let high = _mm256_permute2f128_pd::<0x31>(ab, cd);
            // a0 + a1, b0 + b1, c0 + c1, d0 + d1, and the same of lanes 2 and 3
            _mm256_add_pd(low, high)
        }
    }

    /// A bit for each byte.
    #[inline(always)]
    fn at_most(bytes: &[u8; 32], limit: u8) -> u32 {
        unsafe {
            let bytes = _mm256_loadu_si256(bytes.as_ptr().cast());
            let small = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(limit as i8)), bytes);
            _mm256_movemask_epi8(small) as u32
        }
    }
}

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
        type Mask = u8;
        type Eight = Self;

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
        fn mask(bits: u8) -> u8 {
            bits
        }

        #[inline(always)]
        fn all(bit: bool) -> u8 {
            0u8.wrapping_sub(bit.into())
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
