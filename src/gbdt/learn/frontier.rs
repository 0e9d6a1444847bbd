//! The leaves that may still be split, the most gainful first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::partition::Span;
use super::place::Place;
use super::split::Split;
use crate::gbdt::kernel::parting::Question;

/// A leaf with the best split it can have.
pub(super) struct Open<C> {
    /// Position among the tree's leaves.
    pub(super) leaf: u32,
    pub(super) place: Place,
    pub(super) rows: Span,
    /// Its histogram; given to the larger child when the children are made.
    pub(super) histogram: Vec<C>,
    pub(super) split: Split<C>,
    /// What the split makes of it, where that was already worked out.
    pub(super) divided: Option<Divided<C>>,
}

/// A leaf's split carried out.
pub(super) struct Divided<C> {
    pub(super) question: Question,
    pub(super) left: Side<C>,
    pub(super) right: Side<C>,
}

/// A child: its rows and place, and where it may be split in turn, its histogram and best split.
pub(super) struct Side<C> {
    pub(super) rows: Span,
    pub(super) place: Place,
    pub(super) next: Option<(Vec<C>, Split<C>)>,
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

    /// Takes out the undivided ones among the `n` most gainful.
    pub(super) fn take_undivided(&mut self, n: usize) -> Vec<Open<C>> {
        let best: Vec<Open<C>> = (0..n).map_while(|_| self.0.pop()).collect();
        let (divided, undivided): (Vec<_>, Vec<_>) =
            best.into_iter().partition(|open| open.divided.is_some());
        self.0.extend(divided);
        undivided
    }

    /// The histograms of the leaves that stay as they are, for reuse.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Vec<C>> {
        let children =
            |divided: Divided<C>| [divided.left, divided.right].map(|side| side.next.map(|next| next.0));
        self.0.drain().flat_map(move |open| {
            let made = open.divided.map(children).into_iter().flatten().flatten();
            std::iter::once(open.histogram).chain(made).filter(|histogram| !histogram.is_empty())
        })
    }
}
