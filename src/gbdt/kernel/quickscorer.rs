//! One row against trees of up to 64 leaves, sixteen trees at a time.
//!
//! The leaves of a tree, counted from left to right, are the bits of a word. A question answered no strikes out the leaves to
//! its left; when all are asked, in any order, the lowest bit left is the leaf. There is no walk, so nothing waits for a load
//! and nothing is mispredicted: one permutation, or a few shuffles, fetch the bytes of many questions, one comparison answers them.
//!
//! # Sources
//! Lucchese et al., QuickScorer, SIGIR 2015; the layout for byte permutes is ours.

mod avx2;
#[cfg(has_avx512)]
mod avx512;

use std::collections::BTreeSet;
use std::ops::Range;

use super::level::Level;
use super::tree::{ByteTree, Ranges};

/// Trees of up to [`QuickScorer::MOST_LEAVES`] leaves, compiled for a level above scalar.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct QuickScorer {
    level: Level,
    groups: Vec<Group>,
    narrow: Vec<Chunk<4>>,
    wide: Vec<Chunk<8>>,
    /// Leaf values from left to right, tree after tree.
    values: Vec<f64>,
    n_columns: usize,
}

/// Up to sixteen trees that read up to [`COLUMNS`] columns.
#[derive(Clone, Debug)]
struct Group {
    n_trees: usize,
    /// Where each tree's values start; 0 for places beyond the trees.
    values: [u32; LANES],
    chunks: Chunks,
    /// The columns that the group reads, where a row has more than [`COLUMNS`]; all of them otherwise.
    columns: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Chunks {
    /// Of trees with up to 32 leaves.
    Narrow(Range<usize>),
    Wide(Range<usize>),
}

/// Four questions of each of sixteen trees; a place without one is answered yes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Chunk<const LINES: usize> {
    columns: [u8; 4 * LANES],
    at_most: [u8; 4 * LANES],
    /// The leaves that stay when the answer is no: a word a question, of 4 bytes on 4 lines or of 8 bytes on 8.
    keep: [[u8; 64]; LINES],
}

impl QuickScorer {
    /// A word has a bit for each leaf.
    pub(in crate::gbdt) const MOST_LEAVES: usize = 64;

    /// Lays out the trees, if the level has the instructions and no tree is too large.
    pub(in crate::gbdt) fn new(level: Level, trees: &[ByteTree]) -> Option<Self> {
        let fits = |tree: &ByteTree| tree.leaves().len() <= Self::MOST_LEAVES;
        if level == Level::Scalar || !trees.iter().all(fits) {
            return None;
        }
        let n_columns = trees.iter().map(ByteTree::n_columns).max().unwrap_or(0);
        let mut scorer =
            QuickScorer { level, groups: vec![], narrow: vec![], wide: vec![], values: vec![], n_columns };
        let mut rest = trees;
        while !rest.is_empty() {
            let (n_trees, columns) = group(rest, n_columns);
            let (trees, later) = rest.split_at(n_trees);
            scorer.push(trees, columns);
            rest = later;
        }
        Some(scorer)
    }

    fn push(&mut self, trees: &[ByteTree], columns: Vec<u32>) {
        let ranges: Vec<Ranges> = trees.iter().map(ByteTree::ranges).collect();
        let mut values = [0; LANES];
        for ((tree, ranges), start) in trees.iter().zip(&ranges).zip(&mut values) {
            *start = u32::try_from(self.values.len()).expect("fewer than 2^32 leaves");
            self.values.extend(ranges.leaves.iter().map(|&leaf| tree.leaves()[leaf]));
        }
        let narrow = trees.iter().all(|tree| tree.leaves().len() <= u32::BITS as usize);
        let chunks = if narrow {
            Chunks::Narrow(append(&mut self.narrow, trees, &ranges, &columns))
        } else {
            Chunks::Wide(append(&mut self.wide, trees, &ranges, &columns))
        };
        self.groups.push(Group { n_trees: trees.len(), values, chunks, columns });
    }

    /// The sum with the leaf values of one row added in the order of the trees.
    ///
    /// # Panics
    /// When the row has not a byte for each column, and [`COLUMNS`] bytes.
    pub(in crate::gbdt) fn sum_row(&self, bytes: &[u8], sum: f64) -> f64 {
        assert!(bytes.len() >= self.n_columns.max(COLUMNS), "a row has a byte for each column");
        match self.level {
            #[cfg(has_avx512)]
            Level::Avx512(seen) => avx512::sum(seen, self, bytes, sum),
            Level::Avx2(seen) => avx2::sum(seen, self, bytes, sum),
            _ => unreachable!("`QuickScorer::new` made nothing of this"),
        }
    }

    /// Adds the value of one leaf of each tree of a group to a sum.
    #[inline(always)]
    fn add(&self, group: &Group, leaves: [u32; LANES], mut sum: f64) -> f64 {
        let mut places = group.values;
        for (place, leaf) in places.iter_mut().zip(leaves) {
            *place += leaf;
        }
        // a whole group, as nearly all are, makes a loop of known length
        match group.n_trees {
            LANES => places.iter().for_each(|&place| sum += self.values[place as usize]),
            n => places[..n].iter().for_each(|&place| sum += self.values[place as usize]),
        }
        sum
    }
}

impl Group {
    /// A row's bytes in the columns of the group.
    #[inline(always)]
    fn bytes<'a>(&self, bytes: &'a [u8], own: &'a mut [u8; COLUMNS]) -> &'a [u8; COLUMNS] {
        if self.columns.is_empty() {
            return bytes.first_chunk().expect("asserted by the caller");
        }
        for (own, &column) in own.iter_mut().zip(&self.columns) {
            *own = bytes[column as usize];
        }
        own
    }
}

impl<const LINES: usize> Chunk<LINES> {
    const EMPTY: Self =
        Chunk { columns: [0; 4 * LANES], at_most: [u8::MAX; 4 * LANES], keep: [[u8::MAX; 64]; LINES] };

    fn set(&mut self, place: usize, column: u8, at_most: u8, keep: u64) {
        (self.columns[place], self.at_most[place]) = (column, at_most);
        let word = keep.to_le_bytes();
        self.keep.as_flattened_mut()[place * LINES..][..LINES].copy_from_slice(&word[..LINES]);
    }
}

// ------------------------------------------------------------------ layout

/// How many of the first trees make a group, and the columns it reads where rows have more than a group may.
fn group(trees: &[ByteTree], n_columns: usize) -> (usize, Vec<u32>) {
    if n_columns <= COLUMNS {
        return (trees.len().min(LANES), vec![]);
    }
    let mut columns = BTreeSet::new();
    let mut n_trees = 0;
    for tree in trees.iter().take(LANES) {
        let mut more = columns.clone();
        more.extend(tree.splits().iter().map(|split| split.column));
        if more.len() > COLUMNS {
            break;
        }
        (columns, n_trees) = (more, n_trees + 1);
    }
    (n_trees, columns.into_iter().collect())
}

/// The chunks of a group, behind those of the groups before.
fn append<const LINES: usize>(
    all: &mut Vec<Chunk<LINES>>,
    trees: &[ByteTree],
    ranges: &[Ranges],
    columns: &[u32],
) -> Range<usize> {
    let start = all.len();
    let most = trees.iter().map(|tree| tree.splits().len()).max().unwrap_or(0);
    all.resize(start + most.div_ceil(4), Chunk::EMPTY);
    for (lane, (tree, ranges)) in trees.iter().zip(ranges).enumerate() {
        for (i, (split, left)) in tree.splits().iter().zip(&ranges.left).enumerate() {
            let column = match columns {
                [] => split.column as usize,
                own => own.binary_search(&split.column).expect("the group collected its columns"),
            };
            let struck = (u64::MAX >> (64 - left.len())) << left.start;
            all[start + i / 4].set(i % 4 * LANES + lane, column as u8, split.at_most, !struck);
        }
    }
    start..all.len()
}

/// Trees of a group.
const LANES: usize = 16;
/// Columns that one permute can fetch from.
const COLUMNS: usize = 128;
