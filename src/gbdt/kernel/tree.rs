//! Trees over bytes: what the kernels that score are compiled from.
//!
//! Every question a model can ask of a row, however odd its missing values and categories, is turned into `bytes[column] <=
//! at_most` before it comes here ([`Axis`](super::Axis)), so that a kernel has one kind of question to answer.

use std::ops::Range;

/// Where an answer leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gbdt) enum End {
    /// To another split, by position; always greater than the one it comes from.
    Split(usize),
    /// To a leaf, by position.
    Leaf(usize),
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Split {
    /// The byte it reads.
    pub(in crate::gbdt) column: u32,
    /// The greatest byte that goes left.
    pub(in crate::gbdt) at_most: u8,
    /// Left and right.
    pub(in crate::gbdt) ends: [End; 2],
}

/// A decision tree over bytes whose shape has been checked: kernels index by it without asking again.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct ByteTree {
    splits: Vec<Split>,
    leaves: Vec<f64>,
    n_columns: usize,
}

impl ByteTree {
    /// Checks the shape of a tree; `leaves` are its values.
    ///
    /// # Panics
    /// When an end leads nowhere or backwards, or a column is not below `n_columns`.
    pub(in crate::gbdt) fn new(splits: Vec<Split>, leaves: Vec<f64>, n_columns: usize) -> Self {
        assert_eq!(leaves.len(), splits.len() + 1, "a tree has one leaf more than splits");
        for (i, split) in splits.iter().enumerate() {
            assert!((split.column as usize) < n_columns, "a split reads a column that exists");
            for end in split.ends {
                let sound = match end {
                    End::Split(to) => to > i && to < splits.len(),
                    End::Leaf(to) => to < leaves.len(),
                };
                assert!(sound, "an end leads to a later split or to a leaf");
            }
        }
        ByteTree { splits, leaves, n_columns }
    }

    /// The questions, parents before children; the first is the root.
    pub(in crate::gbdt) fn splits(&self) -> &[Split] {
        &self.splits
    }

    /// The values of the leaves.
    pub(in crate::gbdt) fn leaves(&self) -> &[f64] {
        &self.leaves
    }

    /// Bytes of a row.
    pub(super) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Where evaluation starts.
    pub(super) fn root(&self) -> End {
        if self.splits.is_empty() { End::Leaf(0) } else { End::Split(0) }
    }

    /// The leaves counted from left to right, which makes those below a split one range.
    pub(super) fn ranges(&self) -> Ranges {
        let mut counts = vec![0; self.splits.len()];
        for (i, split) in self.splits.iter().enumerate().rev() {
            counts[i] = split.ends.iter().map(|&end| count(&counts, end)).sum();
        }
        let mut ranges = Ranges { left: vec![0..0; self.splits.len()], leaves: vec![0; self.leaves.len()] };
        let mut first = vec![0; self.splits.len()];
        for (i, split) in self.splits.iter().enumerate() {
            let middle = first[i] + count(&counts, split.ends[0]);
            ranges.left[i] = first[i]..middle;
            for (end, start) in split.ends.into_iter().zip([first[i], middle]) {
                match end {
                    End::Split(to) => first[to] = start,
                    End::Leaf(leaf) => ranges.leaves[start] = leaf,
                }
            }
        }
        ranges
    }
}

/// The leaves of a tree counted from left to right.
pub(super) struct Ranges {
    /// By split: those to its left.
    pub(super) left: Vec<Range<usize>>,
    /// By place from the left: the leaf.
    pub(super) leaves: Vec<usize>,
}

fn count(counts: &[usize], end: End) -> usize {
    match end {
        End::Split(split) => counts[split],
        End::Leaf(_) => 1,
    }
}
