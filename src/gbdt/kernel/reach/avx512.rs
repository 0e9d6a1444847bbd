//! A bit a row: eight blocks at once, so that the masks of a tile fill one cache line a split.

#![allow(clippy::incompatible_msrv, reason = "compiled only where `build.rs` found a compiler that has it")]

use std::arch::x86_64::*;

use super::{Mask, ROWS, Reach, TABLE};
use crate::gbdt::kernel::level::Level;
use crate::gbdt::kernel::tile::{Strip, TILE};
use crate::gbdt::kernel::wide::{load, load_pd, store, store_pd};

pub(super) fn add(level: Level, tree: &Reach, tile: &[Strip], masks: &mut [Mask], out: &mut [f64]) {
    assert!(matches!(level, Level::Avx512(_)), "the level has these instructions");
    // SAFETY: the level proves that the machine has the instructions
    unsafe { tile_of(tree, tile, masks, out) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2")]
fn tile_of(tree: &Reach, tile: &[Strip], masks: &mut [Mask], out: &mut [f64]) {
    let (whole, rest) = out.split_at_mut(out.len() / TILE * TILE);
    if !whole.is_empty() {
        let leaves = leaves::<8>(tree, tile, 0, masks);
        whole.chunks_exact_mut(ROWS).zip(leaves).for_each(|(out, leaves)| look_up(tree, leaves, out));
    }
    for (block, out) in rest.chunks_mut(ROWS).enumerate() {
        let [leaves] = leaves::<1>(tree, tile, block * ROWS, masks);
        look_up(tree, leaves, out);
    }
}

/// The leaf of each row of `B` blocks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2")]
fn leaves<const B: usize>(tree: &Reach, tile: &[Strip], first: usize, masks: &mut [Mask]) -> [__m512i; B] {
    let mut leaves = [_mm512_setzero_si512(); B];
    masks[0] = Mask([u8::MAX; ROWS]);
    for (i, split) in tree.splits.iter().enumerate() {
        let reach = masks[i];
        let strip = &tile[split.column as usize].0;
        let at_most = _mm512_set1_epi8(split.at_most as i8);
        let skipped = _mm512_set1_epi8(split.skipped as i8);
        let mut right = [0; B];
        for b in 0..B {
            let bytes = load(strip[first + b * ROWS..].first_chunk().expect("a block lies within its tile"));
            right[b] = _mm512_mask_cmpgt_epu8_mask(reach.word(b), bytes, at_most);
            leaves[b] = _mm512_mask_add_epi8(leaves[b], right[b], leaves[b], skipped);
        }
        let [to_left, to_right] = split.children.map(usize::from);
        if to_left > 0 {
            (0..B).for_each(|b| masks[to_left].set_word(b, reach.word(b) ^ right[b]));
        }
        if to_right > 0 {
            (0..B).for_each(|b| masks[to_right].set_word(b, right[b]));
        }
    }
    leaves
}

/// Adds the values of a block's leaves: from registers where these hold them all.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,bmi1,bmi2")]
fn look_up(tree: &Reach, leaves: __m512i, out: &mut [f64]) {
    let leaf = store(leaves);
    let (Ok(values), Ok(out)) =
        (<&[f64; TABLE]>::try_from(&*tree.values), <&mut [f64; ROWS]>::try_from(&mut *out))
    else {
        return out.iter_mut().zip(leaf).for_each(|(out, leaf)| *out += tree.values[usize::from(leaf)]);
    };
    let [a, b, c, d] = std::array::from_fn(|i| load_pd(&values.as_chunks().0[i]));
    let upper = _mm512_cmpge_epu8_mask(leaves, _mm512_set1_epi8(TABLE as i8 / 2));
    for (i, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
        let leaf = _mm_cvtsi64_si128(i64::from_le_bytes(leaf.as_chunks().0[i]));
        let index = _mm512_cvtepu8_epi64(leaf);
        let (low, high) = (_mm512_permutex2var_pd(a, index, b), _mm512_permutex2var_pd(c, index, d));
        let value = _mm512_mask_blend_pd((upper >> (8 * i)) as u8, low, high);
        store_pd(_mm512_add_pd(load_pd(out), value), out);
    }
}
