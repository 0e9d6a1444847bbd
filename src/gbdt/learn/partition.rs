//! Which rows are in which leaf: one list of rows, each leaf a range of it.
//!
//! A split moves the rows that go left to the front of its range and keeps both sides in their old order, so a
//! leaf's rows always ascend: blocks are parted on their own, then put together in block order.

use std::ops::Range;

use super::histogram::Rows;
use super::walk::Question;
use crate::determinism::par;

/// The rows of a tree's bag, grouped by leaf.
pub(super) struct Partition {
    rows: Vec<u32>,
    scratch: Vec<u32>,
    whole: bool,
}

impl Partition {
    /// One leaf with all rows of the bag; `whole` when these are all rows there are.
    pub(super) fn new(rows: &[u32], n_rows: usize) -> Self {
        Partition { rows: rows.to_vec(), scratch: vec![0; rows.len()], whole: rows.len() == n_rows }
    }

    /// The rows of a leaf.
    pub(super) fn rows(&self, leaf: &Range<usize>) -> &[u32] {
        &self.rows[leaf.clone()]
    }

    /// The rows of a leaf as histograms take them.
    pub(super) fn source(&self, leaf: &Range<usize>) -> Rows<'_> {
        if self.whole && leaf.len() == self.rows.len() {
            Rows::First(leaf.len())
        } else {
            Rows::Listed(self.rows(leaf))
        }
    }

    /// Splits a leaf by one feature's bins; returns the ranges of the left and the right child.
    pub(super) fn split(
        &mut self,
        leaf: Range<usize>,
        column: &[u8],
        question: Question,
    ) -> (Range<usize>, Range<usize>) {
        let rows = &mut self.rows[leaf.clone()];
        let scratch = &mut self.scratch[leaf.clone()];
        let mut blocks: Vec<Block<'_>> = rows
            .chunks(BLOCK)
            .zip(scratch.chunks_mut(BLOCK))
            .map(|(rows, parted)| Block { rows, parted, n_left: 0 })
            .collect();
        if blocks.len() == 1 {
            blocks[0].part(column, question);
        } else {
            par::for_each(&mut blocks, |_, block| block.part(column, question));
        }
        let counts: Vec<usize> = blocks.iter().map(|block| block.n_left).collect();
        let n_left: usize = counts.iter().sum();
        join(rows, scratch, &counts, n_left);
        (leaf.start..leaf.start + n_left, leaf.start + n_left..leaf.end)
    }
}

/// A stretch of rows, and its parted copy: left rows from the front, right rows from the back, reversed.
struct Block<'a> {
    rows: &'a [u32],
    parted: &'a mut [u32],
    n_left: usize,
}

impl Block<'_> {
    /// Writes every row to both ends and advances one: no branch to mispredict.
    fn part(&mut self, column: &[u8], question: Question) {
        let (mut left, mut right) = (0, self.rows.len());
        for &row in self.rows {
            let goes_left = usize::from(question.goes_left(column[row as usize]));
            self.parted[left] = row;
            self.parted[right - 1] = row;
            left += goes_left;
            right -= 1 - goes_left;
        }
        self.n_left = left;
    }
}

fn join(rows: &mut [u32], scratch: &[u32], counts: &[usize], n_left: usize) {
    let (mut left, mut right) = rows.split_at_mut(n_left);
    for (parted, &n_left) in scratch.chunks(BLOCK).zip(counts) {
        let (to_left, rest) = left.split_at_mut(n_left);
        to_left.copy_from_slice(&parted[..n_left]);
        left = rest;
        let (to_right, rest) = right.split_at_mut(parted.len() - n_left);
        to_right.iter_mut().zip(parted[n_left..].iter().rev()).for_each(|(to, &from)| *to = from);
        right = rest;
    }
}

/// Rows of a block; no result depends on it.
const BLOCK: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::determinism::rng::Stream;

    proptest! {
        #[test]
        fn a_split_is_a_stable_partition(n in 1usize..50_000, seed: u64, bin in 0u8..6, missing_left: bool) {
            let stream = Stream::new(seed, "partition");
            let column: Vec<u8> = (0..n as u64).map(|i| [0, 1, 2, 3, 4, 5, 255][stream.below(i, 7) as usize]).collect();
            let bag: Vec<u32> = (0..n as u32).filter(|&row| stream.below(u64::from(row) + 1_000_000, 4) > 0).collect();
            let question = Question { bin, missing_left };
            let mut partition = Partition::new(&bag, n);
            let (left, right) = partition.split(0..bag.len(), &column, question);
            let go = |row: &&u32| question.goes_left(column[**row as usize]);
            let expected: Vec<u32> = bag.iter().filter(go).copied().collect();
            prop_assert_eq!(partition.rows(&left), &expected[..]);
            let expected: Vec<u32> = bag.iter().filter(|row| !go(row)).copied().collect();
            prop_assert_eq!(partition.rows(&right), &expected[..]);
        }
    }
}
