//! The leaves that may still be split, the most gainful first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::split::Split;

/// A leaf with the best split it can have.
pub(super) struct Open<C> {
    /// Position among the tree's leaves.
    pub(super) leaf: u32,
    pub(super) depth: u32,
    /// Its histogram.
    pub(super) sums: Vec<C>,
    pub(super) split: Split<C>,
}

impl<C> Open<C> {
    /// By gain, ties by the lower leaf.
    fn order(&self, other: &Self) -> Ordering {
        self.split.gain.total_cmp(&other.split.gain).then(other.leaf.cmp(&self.leaf))
    }
}

impl<C> PartialEq for Open<C> {
    fn eq(&self, other: &Self) -> bool {
        self.order(other).is_eq()
    }
}

impl<C> Eq for Open<C> {}

impl<C> PartialOrd for Open<C> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<C> Ord for Open<C> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(other)
    }
}

/// Open leaves, taken by [`Frontier::pop`] in the order of their gain.
pub(super) struct Frontier<C>(BinaryHeap<Open<C>>);

impl<C> Default for Frontier<C> {
    fn default() -> Self {
        Frontier(BinaryHeap::new())
    }
}

impl<C> Frontier<C> {
    pub(super) fn push(&mut self, open: Open<C>) {
        self.0.push(open);
    }

    pub(super) fn pop(&mut self) -> Option<Open<C>> {
        self.0.pop()
    }

    /// The histograms of the leaves that stay as they are, for reuse.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Vec<C>> {
        self.0.drain().map(|open| open.sums)
    }
}
