//! Grows one tree leaf by leaf: the leaf whose split gains most is split next, until no split is left or the tree is full.
//!
//! What a split takes is worked out by [`wave`](super::wave) for several leaves at a time; here they are chosen, one after
//! another.
//!
//! Sources: Shi, "Best-first decision tree learning", 2007; the subtraction of histograms as in Ke et al., NeurIPS 2017.

use std::ops::Range;

use super::cells::{Cells, FineSums};
use super::frontier::{Divided, Frontier, Open};
use super::histogram;
use super::partition::{Partition, Span};
use super::place::{Ground, Place};
use super::scores;
use super::split::{Judge, Rule as Asked, Split};
use super::wave::{self, Children, Scene};
use crate::determinism::par;
use crate::gbdt::data::Dataset;
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::kernel::parting::Question;
use crate::gbdt::model::{Child, Default as Side, Leaf, Missing, Node, Rule, Tree};

/// A tree with what is needed to send rows down it by their codes.
pub(super) struct Grown {
    pub(super) tree: Tree,
    /// One per node.
    pub(super) questions: Vec<Question>,
    /// The rows of each leaf, in the grower's partition.
    pub(super) spans: Vec<Span>,
}

/// What does not change from tree to tree, and memory to use again.
pub(super) struct Grower<'a, C: Cell> {
    level: Level,
    data: &'a Dataset,
    learning_rate: f64,
    partition: Partition<C::Row>,
    spare: Vec<Vec<C>>,
}

impl<'a, C: Cell> Grower<'a, C> {
    pub(super) fn new(level: Level, data: &'a Dataset, learning_rate: f64) -> Self {
        Grower { level, data, learning_rate, partition: Partition::new(level), spare: Vec::new() }
    }

    /// Grows a tree from the rows of a bag; `None` when not even the root can be split.
    pub(super) fn grow(&mut self, cells: &Cells<C>, bag: &[u32], ground: Ground<'_>) -> Option<Grown> {
        let root = self.partition.plant(bag, cells.cells());
        let judge = Judge::new(self.level, ground, cells);
        let mut growing = Growing {
            scene: Scene { judge, cells, data: self.data },
            partition: &mut self.partition,
            frontier: Frontier::default(),
            leaves: Vec::new(),
            nodes: Vec::new(),
            questions: Vec::new(),
            spare: &mut self.spare,
        };
        growing.plant(root);
        let num_leaves = ground.growth.num_leaves as usize;
        while growing.leaves.len() < num_leaves {
            let Some(open) = growing.frontier.pop() else { break };
            growing.split(open, num_leaves - growing.leaves.len());
        }
        growing.spare.extend(growing.frontier.drain());
        if growing.nodes.is_empty() { None } else { Some(growing.finish(self.learning_rate)) }
    }

    /// The rows of the leaves of the last tree.
    pub(super) fn partition(&self) -> &Partition<C::Row> {
        &self.partition
    }
}

/// A leaf under construction.
struct Bud<C> {
    rows: Span,
    place: Place,
    sums: C,
    parent: Option<(usize, Side)>,
}

/// A tree under construction.
struct Growing<'a, C: Cell> {
    scene: Scene<'a, C>,
    partition: &'a mut Partition<C::Row>,
    frontier: Frontier<C>,
    leaves: Vec<Bud<C>>,
    nodes: Vec<Node>,
    questions: Vec<Question>,
    spare: &'a mut Vec<Vec<C>>,
}

impl<C: Cell> Growing<'_, C> {
    /// The root as the only leaf.
    fn plant(&mut self, rows: Span) {
        let tiles = self.scene.data.tiles();
        let mut histogram = self.scene.histogram(self.spare);
        let source = self.scene.source(&rows, self.partition);
        let n_rows = self.scene.data.n_rows();
        histogram::fill_together(tiles, n_rows, &[source], std::slice::from_mut(&mut histogram));
        // every row has exactly one code of any feature
        let any = if tiles.len() > 0 { tiles.place(tiles.features(0)[0] as usize) } else { 0..0 };
        let total = histogram[any].iter().fold(C::default(), |total, &cell| total.plus(cell));
        let place = self.scene.judge.root(total);
        let may_be_split = self.scene.judge.divisible(rows.len(), 0);
        let leaf =
            wave::Leaf { whole: self.scene.judge.whole(total, &place), rows: source.rows, may_be_split };
        let split = self.scene.search_leaf(&histogram, leaf);
        self.leaves.push(Bud { rows: rows.clone(), place: place.clone(), sums: total, parent: None });
        match split {
            Some(split) => self.frontier.push(Open { leaf: 0, place, rows, histogram, split, divided: None }),
            None => self.spare.push(histogram),
        }
    }

    /// Makes a node of a leaf: its place goes to the left child, the right child is a new leaf. There is room for
    /// `n_splits`, this one among them.
    fn split(&mut self, open: Open<C>, n_splits: usize) {
        let Open { leaf, split, histogram, divided, .. } = self.divided(open, n_splits);
        let Divided { question, left, right } = divided.expect("the leaf was divided");
        self.spare.extend(Some(histogram).filter(|histogram| !histogram.is_empty()));
        let new = self.leaves.len() as u32;
        let node = self.nodes.len();
        self.add_node(leaf as usize, new, &split, &question);
        self.questions.push(question);
        let bud = |from: &super::frontier::Side<C>, sums, side| Bud {
            rows: from.rows.clone(),
            place: from.place.clone(),
            sums,
            parent: Some((node, side)),
        };
        self.leaves[leaf as usize] = bud(&left, split.left, Side::Left);
        self.leaves.push(bud(&right, split.right, Side::Right));
        for (leaf, side) in [(leaf, left), (new, right)] {
            if let Some((histogram, split)) = side.next {
                let (rows, place) = (side.rows, side.place);
                self.frontier.push(Open { leaf, place, rows, histogram, split, divided: None });
            }
        }
    }

    /// The leaf with its split carried out; others that are likely to be next are divided with it.
    fn divided(&mut self, open: Open<C>, n_splits: usize) -> Open<C> {
        if open.divided.is_some() {
            return open;
        }
        let mut wave = vec![open];
        wave.extend(self.frontier.take_undivided((n_splits / 2).saturating_sub(1)));
        let children = if n_splits == 1 { Children::Closed } else { Children::Open };
        self.scene.divide(&mut wave, children, self.partition, self.spare);
        let mut wave = wave.into_iter();
        let open = wave.next().expect("the leaf itself");
        wave.for_each(|open| self.frontier.push(open));
        open
    }

    fn add_node(&mut self, leaf: usize, new: u32, split: &Split<C>, question: &Question) {
        let node = self.nodes.len() as u32;
        let Bud { rows, place, sums, parent } = &self.leaves[leaf];
        if let Some((parent, side)) = *parent {
            let parent = &mut self.nodes[parent];
            match side {
                Side::Left => parent.left = Child::Node(node),
                Side::Right => parent.right = Child::Node(node),
            }
        }
        let (_, weight) = self.scene.judge.slope(*sums);
        self.nodes.push(Node {
            feature: split.feature,
            rule: self.rule(split, question),
            missing: Missing::Nan,
            default: split.default,
            left: Child::Leaf(leaf as u32),
            right: Child::Leaf(new),
            gain: split.gain,
            value: place.value,
            weight,
            count: rows.len() as u64,
        });
    }

    /// The question of a split as raw values are asked it.
    fn rule(&self, split: &Split<C>, question: &Question) -> Rule {
        let (cuts, feature) = (self.scene.data.bins().cuts(), split.feature as usize);
        match &split.rule {
            Asked::UpTo(bin) => Rule::Numerical { threshold: cuts.threshold(feature, *bin) },
            Asked::AnyOf(_) => {
                let codes = (0..cuts.n_bins(feature)).filter(|&code| question.goes_left(code));
                Rule::Categorical { left: codes.map(|code| cuts.category(feature, code)).collect() }
            }
        }
    }

    fn finish(self, learning_rate: f64) -> Grown {
        let leaf = |(bud, sums): (&Bud<C>, FineSums)| {
            let (gradient, hessian) = sums.values(self.scene.cells.steps());
            let value =
                self.scene.judge.value(&bud.place, (gradient, hessian), bud.rows.len()) * learning_rate;
            Leaf { value, weight: hessian, count: bud.rows.len() as u64 }
        };
        let leaves = self.leaves.iter().zip(self.leaf_sums()).map(leaf).collect();
        let mut nodes = self.nodes;
        nodes.iter_mut().for_each(|node| node.value *= learning_rate);
        Grown {
            tree: Tree { nodes, leaves, shrinkage: learning_rate },
            questions: self.questions,
            spans: self.leaves.into_iter().map(|leaf| leaf.rows).collect(),
        }
    }

    /// The exact derivatives of each leaf, summed block of rows by block of rows.
    fn leaf_sums(&self) -> Vec<FineSums> {
        let n_rows = self.scene.data.n_rows();
        let blocks = (0..n_rows).step_by(scores::BLOCK).map(|start| start..n_rows.min(start + scores::BLOCK));
        let mut parts: Vec<(Range<usize>, Vec<FineSums>)> = blocks.map(|rows| (rows, Vec::new())).collect();
        par::for_each_evenly(&mut parts, |_, (rows, sums)| {
            let of_leaf = |bud: &Bud<C>| self.scene.cells.fine_sums(self.partition.within(&bud.rows, rows));
            *sums = self.leaves.iter().map(of_leaf).collect();
        });
        parts.into_iter().fold(vec![FineSums::default(); self.leaves.len()], |mut all, (_, part)| {
            all.iter_mut().zip(part).for_each(|(sum, more)| *sum = sum.plus(more));
            all
        })
    }
}
