//! Arrays in and out of 64-byte registers.

#![allow(clippy::incompatible_msrv, reason = "compiled only where `build.rs` found a compiler that has it")]

use std::arch::x86_64::{
    __m512d, __m512i, _mm512_loadu_pd, _mm512_loadu_si512, _mm512_storeu_pd, _mm512_storeu_si512,
};

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the reference is to 64 bytes
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store(register: __m512i) -> [u8; 64] {
    let mut bytes = [0; 64];
    // SAFETY: the array has 64 bytes
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), register) };
    bytes
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_pd(numbers: &[f64; 8]) -> __m512d {
    // SAFETY: the reference is to eight numbers
    unsafe { _mm512_loadu_pd(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_pd(register: __m512d, numbers: &mut [f64; 8]) {
    // SAFETY: the reference is to eight numbers
    unsafe { _mm512_storeu_pd(numbers.as_mut_ptr(), register) };
}
