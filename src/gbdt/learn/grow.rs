//! Grows one tree leaf by leaf: the leaf whose split gains most is split next, until no split is left or the tree is full.
//!
//! The smaller child's histogram is summed from its rows, the larger one's is the parent's minus that, exactly.
//!
//! Sources: Shi, "Best-first decision tree learning", 2007; the subtraction as in Ke et al., NeurIPS 2017.

use std::ops::Range;

use super::cells::{Cell, Cells};
use super::frontier::{Frontier, Open};
use super::histogram::Histogram;
use super::partition::Partition;
use super::split::{Judge, Split};
use super::walk::Question;
use crate::gbdt::data::BinnedMatrix;
use crate::gbdt::model::{Child, Default as Side, Leaf, Missing, Node, Rule, Tree};
use crate::gbdt::params::Growth;

/// A tree with what is needed to send rows down it by their bins.
pub(super) struct Grown {
    pub(super) tree: Tree,
    /// One per node.
    pub(super) questions: Vec<Question>,
    pub(super) partition: Partition,
    /// The rows of each leaf.
    pub(super) leaf_rows: Vec<Range<usize>>,
}

/// What does not change from tree to tree, and memory to use again.
pub(super) struct Grower<'a> {
    data: &'a BinnedMatrix,
    growth: &'a Growth,
    learning_rate: f64,
    spare: Vec<Histogram>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(data: &'a BinnedMatrix, growth: &'a Growth, learning_rate: f64) -> Self {
        Grower { data, growth, learning_rate, spare: Vec::new() }
    }

    /// Grows a tree from the rows of a bag over some features; `None` when not even the root can be split.
    pub(super) fn grow(&mut self, cells: &Cells, bag: &[u32], features: &[u32]) -> Option<Grown> {
        let judge = Judge { growth: self.growth, packing: cells.packing() };
        let mut growing = Growing {
            judge,
            cells,
            features,
            data: self.data,
            partition: Partition::new(bag, self.data.n_rows()),
            frontier: Frontier::default(),
            leaves: Vec::new(),
            nodes: Vec::new(),
            questions: Vec::new(),
            spare: std::mem::take(&mut self.spare),
        };
        growing.plant(bag.len());
        while growing.leaves.len() < self.growth.num_leaves as usize {
            let Some(open) = growing.frontier.pop() else { break };
            let full = growing.leaves.len() + 1 == self.growth.num_leaves as usize;
            growing.split(open, if full { Children::Closed } else { Children::Open });
        }
        growing.spare.extend(growing.frontier.drain());
        self.spare = std::mem::take(&mut growing.spare);
        if growing.nodes.is_empty() { None } else { Some(growing.finish(self.learning_rate)) }
    }
}

/// Whether the children of a split may be split in turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Children {
    Open,
    Closed,
}

/// A leaf under construction.
struct Bud {
    rows: Range<usize>,
    sums: Cell,
}

/// A tree under construction.
struct Growing<'a> {
    judge: Judge<'a>,
    cells: &'a Cells,
    features: &'a [u32],
    data: &'a BinnedMatrix,
    partition: Partition,
    frontier: Frontier,
    leaves: Vec<(Bud, Option<(usize, Side)>)>,
    nodes: Vec<Node>,
    questions: Vec<Question>,
    spare: Vec<Histogram>,
}

impl Growing<'_> {
    /// The root as the only leaf.
    fn plant(&mut self, n_rows: usize) {
        let mut histogram = self.histogram();
        histogram.fill(self.data, self.cells.cells(), self.partition.source(&(0..n_rows)));
        // every row is in exactly one bin of the first feature
        let mut sums = Cell::default();
        if self.data.n_features() > 0 {
            histogram.feature(0).iter().for_each(|&cell| sums.add(cell));
        }
        self.leaves.push((Bud { rows: 0..n_rows, sums }, None));
        self.offer(0, 0, histogram);
    }

    fn histogram(&mut self) -> Histogram {
        self.spare.pop().unwrap_or_else(|| Histogram::new(self.data.n_features()))
    }

    /// Puts a leaf on the frontier if it can be split.
    fn offer(&mut self, leaf: usize, depth: u32, histogram: Histogram) {
        let Bud { rows, sums } = &self.leaves[leaf].0;
        let split = if self.judge.divisible(*sums, depth) {
            self.judge.best(self.data, &histogram, *sums, self.features)
        } else {
            None
        };
        match split {
            Some(split) => {
                let rows = rows.clone();
                self.frontier.push(Open { leaf: leaf as u32, depth, rows, histogram, split });
            }
            None => self.spare.push(histogram),
        }
    }

    /// Makes a node of a leaf: its place goes to the left child, the right child is a new leaf.
    fn split(&mut self, open: Open, children: Children) {
        let Open { leaf, depth, rows, histogram, split } = open;
        let question = Question { bin: split.bin, missing_left: split.default == Side::Left };
        let column = self.data.column(split.feature as usize);
        let (left, right) = self.partition.split(rows, column, question);
        let (leaf, new) = (leaf as usize, self.leaves.len());
        self.add_node(leaf, new, &split);
        self.questions.push(question);
        let node = self.nodes.len() - 1;
        self.leaves[leaf] = (Bud { rows: left, sums: split.left }, Some((node, Side::Left)));
        self.leaves.push((Bud { rows: right, sums: split.right }, Some((node, Side::Right))));
        let divisible = |sums| self.judge.divisible(sums, depth + 1);
        if children == Children::Closed || !(divisible(split.left) || divisible(split.right)) {
            self.spare.push(histogram);
            return;
        }
        self.open_children(leaf, new, depth + 1, histogram);
    }

    fn open_children(&mut self, left: usize, right: usize, depth: u32, parent: Histogram) {
        let fewer = self.leaves[left].0.rows.len() <= self.leaves[right].0.rows.len();
        let (small, large) = if fewer { (left, right) } else { (right, left) };
        let mut histogram = self.histogram();
        let rows = self.partition.source(&self.leaves[small].0.rows);
        histogram.fill(self.data, self.cells.cells(), rows);
        let mut rest = parent;
        rest.subtract(&histogram);
        self.offer(small, depth, histogram);
        self.offer(large, depth, rest);
    }

    fn add_node(&mut self, leaf: usize, new: usize, split: &Split) {
        let node = self.nodes.len() as u32;
        if let Some((parent, side)) = self.leaves[leaf].1 {
            let parent = &mut self.nodes[parent];
            match side {
                Side::Left => parent.left = Child::Node(node),
                Side::Right => parent.right = Child::Node(node),
            }
        }
        let sums = self.leaves[leaf].0.sums;
        let weight = self.judge.packing.hessian(sums);
        let threshold = self.data.cuts().threshold(split.feature as usize, usize::from(split.bin));
        self.nodes.push(Node {
            feature: split.feature,
            rule: Rule::Numerical { threshold },
            missing: Missing::Nan,
            default: split.default,
            left: Child::Leaf(leaf as u32),
            right: Child::Leaf(new as u32),
            gain: split.gain,
            value: self.judge.value(sums, weight),
            weight,
            count: self.judge.packing.count(sums),
        });
    }

    fn finish(self, learning_rate: f64) -> Grown {
        let leaves = crate::determinism::par::map(self.leaves.len(), |i| {
            let Bud { rows, sums } = &self.leaves[i].0;
            let hessian = self.cells.hessian_of(self.partition.rows(rows));
            let value = self.judge.value(*sums, hessian) * learning_rate;
            Leaf { value, weight: hessian, count: self.judge.packing.count(*sums) }
        });
        let mut nodes = self.nodes;
        nodes.iter_mut().for_each(|node| node.value *= learning_rate);
        Grown {
            tree: Tree { nodes, leaves, shrinkage: learning_rate },
            questions: self.questions,
            partition: self.partition,
            leaf_rows: self.leaves.into_iter().map(|(leaf, _)| leaf.rows).collect(),
        }
    }
}
