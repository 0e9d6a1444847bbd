//! The leaves that may still be split, the most gainful first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::histogram::Histogram;
use super::split::Split;

/// A leaf with the best split it can have.
pub(super) struct Open {
    /// Position among the tree's leaves.
    pub(super) leaf: u32,
    pub(super) depth: u32,
    pub(super) rows: Range<usize>,
    pub(super) histogram: Histogram,
    pub(super) split: Split,
}

impl Open {
    /// By gain, ties by the lower leaf.
    fn order(&self, other: &Self) -> Ordering {
        self.split.gain.total_cmp(&other.split.gain).then(other.leaf.cmp(&self.leaf))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.order(other).is_eq()
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(other)
    }
}

/// Open leaves, taken by [`Frontier::pop`] in the order of their gain.
#[derive(Default)]
pub(super) struct Frontier(BinaryHeap<Open>);

impl Frontier {
    pub(super) fn push(&mut self, open: Open) {
        self.0.push(open);
    }

    pub(super) fn pop(&mut self) -> Option<Open> {
        self.0.pop()
    }

    /// The histograms of the leaves that stay as they are, for reuse.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Histogram> {
        self.0.drain().map(|open| open.histogram)
    }
}
