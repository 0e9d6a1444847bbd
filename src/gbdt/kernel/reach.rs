//! Blocks of rows against one tree of up to 256 leaves: which rows reach a split, as a mask, handed down to its children.
//!
//! Leaves are counted from left to right. A row that goes right at a split skips the leaves to its left, so the sum of what it
//! skips on its way is the number of its leaf, and no leaf has to be visited. The tree's splits are read once for a tile
//! of rows; every row is touched by every split, which costs less than one step of a walk for each.
//!
//! # Sources
//! Masks over documents instead of over leaves: Ye et al., RapidScorer, KDD 2018, turned around.

#[cfg(has_avx512)]
mod avx512;

use super::level::{Level, stamped};
use super::tile::{Strip, TILE};
use super::tree::{ByteTree, End};

/// Rows of a block.
const ROWS: usize = 64;

/// A tree of up to [`Reach::MOST_LEAVES`] leaves.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct Reach {
    splits: Vec<Split>,
    /// Leaf values from left to right; zeros follow where a whole table of registers holds them all.
    values: Vec<f64>,
    n_columns: usize,
}

#[derive(Clone, Copy, Debug)]
struct Split {
    column: u32,
    /// The splits that the masks go to; 0, which is the root, for a leaf.
    children: [u16; 2],
    at_most: u8,
    /// Leaves to its left.
    skipped: u8,
}

/// Masks of the splits of one tree, kept from one call to the next.
#[derive(Clone, Debug, Default)]
pub(in crate::gbdt) struct Masks(Vec<Mask>);

/// A byte for each row of a block, or a bit for each row of a tile.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Mask([u8; ROWS]);

#[cfg(has_avx512)]
impl Mask {
    fn word(&self, block: usize) -> u64 {
        let bytes = self.0[8 * block..].first_chunk().expect("a tile has eight blocks");
        u64::from_le_bytes(*bytes)
    }

    fn set_word(&mut self, block: usize, word: u64) {
        self.0[8 * block..][..8].copy_from_slice(&word.to_le_bytes());
    }
}

impl Reach {
    /// A byte counts the leaves.
    pub(in crate::gbdt) const MOST_LEAVES: usize = 256;

    /// The tree, if it is not too large.
    pub(in crate::gbdt) fn new(tree: &ByteTree) -> Option<Self> {
        if tree.leaves().len() > Self::MOST_LEAVES {
            return None;
        }
        let ranges = tree.ranges();
        let splits = tree.splits().iter().zip(&ranges.left).map(|(split, left)| Split {
            column: split.column,
            children: split.ends.map(|end| if let End::Split(to) = end { to as u16 } else { 0 }),
            at_most: split.at_most,
            skipped: left.len() as u8,
        });
        let mut values: Vec<f64> = ranges.leaves.iter().map(|&leaf| tree.leaves()[leaf]).collect();
        if values.len() <= TABLE {
            values.resize(TABLE, 0.0);
        }
        Some(Reach { splits: splits.collect(), values, n_columns: tree.n_columns() })
    }

    /// Adds the leaf values of a tile's rows, one place of `out` a row.
    ///
    /// # Panics
    /// When the tile has not a strip for each column, or `out` more rows than a tile.
    pub(in crate::gbdt) fn add(&self, level: Level, tile: &[Strip], masks: &mut Masks, out: &mut [f64]) {
        assert!(tile.len() >= self.n_columns && out.len() <= TILE, "a tile has a strip for each column");
        let n_masks = self.splits.len().max(1);
        if masks.0.len() < n_masks {
            masks.0.resize(n_masks, Mask([0; ROWS]));
        }
        match level {
            #[cfg(has_avx512)]
            Level::Avx512(_) => avx512::add(level, self, tile, &mut masks.0, out),
            _ => blocks(level, self, tile, &mut masks.0, out),
        }
    }
}

stamped! {
    /// Block by block, a byte a row.
    fn blocks(tree: &Reach, tile: &[Strip], masks: &mut [Mask], out: &mut [f64]) = blocks_body
}

#[inline(always)]
fn blocks_body(tree: &Reach, tile: &[Strip], masks: &mut [Mask], out: &mut [f64]) {
    for (first, out) in (0..TILE).step_by(ROWS).zip(out.chunks_mut(ROWS)) {
        let mut leaf = [0u8; ROWS];
        masks[0] = Mask([u8::MAX; ROWS]);
        for (i, split) in tree.splits.iter().enumerate() {
            let reach = masks[i].0;
            let bytes: &[u8; ROWS] =
                tile[split.column as usize].0[first..].first_chunk().expect("a block lies within its tile");
            let mut right = [0; ROWS];
            for r in 0..ROWS {
                right[r] = if bytes[r] > split.at_most { reach[r] } else { 0 };
                leaf[r] = leaf[r].wrapping_add(right[r] & split.skipped);
            }
            let [to_left, to_right] = split.children.map(usize::from);
            if to_left > 0 {
                masks[to_left] = Mask(std::array::from_fn(|r| reach[r] & !right[r]));
            }
            if to_right > 0 {
                masks[to_right] = Mask(right);
            }
        }
        for (out, leaf) in out.iter_mut().zip(leaf) {
            *out += tree.values[usize::from(leaf)];
        }
    }
}

/// Leaf values that AVX-512 holds in four registers.
const TABLE: usize = 32;
