//! Grows one tree leaf by leaf: the leaf whose split gains most is split next, until no split is left or the tree is full.
//!
//! The smaller child's histogram is summed from its rows, the larger one's is the parent's minus that, exactly. A tile of
//! features is one unit of work: its sums, the difference, and the search of both children.
//!
//! Sources: Shi, "Best-first decision tree learning", 2007; the subtraction as in Ke et al., NeurIPS 2017.

use super::cells::{Cells, FineSums};
use super::frontier::{Frontier, Open};
use super::histogram;
use super::partition::{Partition, Span};
use super::scores;
use super::split::{Judge, Split, better};
use crate::determinism::par;
use crate::gbdt::data::Dataset;
use crate::gbdt::data::tiles::Tiles;
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::kernel::parting::Question;
use crate::gbdt::model::{Child, Default as Side, Leaf, Missing, Node, Rule, Tree};
use crate::gbdt::params::Growth;

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
    growth: &'a Growth,
    learning_rate: f64,
    partition: Partition<C::Row>,
    spare: Vec<Vec<C>>,
}

impl<'a, C: Cell> Grower<'a, C> {
    pub(super) fn new(level: Level, data: &'a Dataset, growth: &'a Growth, learning_rate: f64) -> Self {
        Grower { level, data, growth, learning_rate, partition: Partition::new(level), spare: Vec::new() }
    }

    /// Grows a tree from the rows of a bag over some features; `None` when not even the root can be split.
    ///
    /// # Shape
    /// `usable`: one per feature.
    pub(super) fn grow(&mut self, cells: &Cells<C>, bag: &[u32], usable: &[bool]) -> Option<Grown> {
        let root = self.partition.plant(bag, cells.cells());
        let mut growing = Growing {
            judge: Judge::new::<C>(self.level, self.growth, cells.steps()),
            cells,
            usable,
            data: self.data,
            partition: &mut self.partition,
            frontier: Frontier::default(),
            leaves: Vec::new(),
            nodes: Vec::new(),
            questions: Vec::new(),
            spare: std::mem::take(&mut self.spare),
        };
        growing.plant(root);
        while growing.leaves.len() < self.growth.num_leaves as usize {
            let Some(open) = growing.frontier.pop() else { break };
            let full = growing.leaves.len() + 1 == self.growth.num_leaves as usize;
            growing.split(open, if full { Children::Closed } else { Children::Open });
        }
        growing.spare.extend(growing.frontier.drain());
        self.spare = std::mem::take(&mut growing.spare);
        if growing.nodes.is_empty() { None } else { Some(growing.finish(self.learning_rate)) }
    }

    /// The rows of the leaves of the last tree.
    pub(super) fn partition(&self) -> &Partition<C::Row> {
        &self.partition
    }
}

/// Whether the children of a split may be split in turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Children {
    Open,
    Closed,
}

/// A leaf under construction.
struct Bud<C> {
    rows: Span,
    sums: C,
    parent: Option<(usize, Side)>,
}

/// A tree under construction.
struct Growing<'a, C: Cell> {
    judge: Judge<'a>,
    cells: &'a Cells<C>,
    usable: &'a [bool],
    data: &'a Dataset,
    partition: &'a mut Partition<C::Row>,
    frontier: Frontier<C>,
    leaves: Vec<Bud<C>>,
    nodes: Vec<Node>,
    questions: Vec<Question>,
    spare: Vec<Vec<C>>,
}

impl<C: Cell> Growing<'_, C> {
    /// The root as the only leaf.
    fn plant(&mut self, rows: Span) {
        let (mut sums, tiles) = (self.histogram(), self.data.tiles());
        let cells = self.partition.cells(&rows, self.cells.cells());
        histogram::fill_shared(tiles, self.partition.rows(&rows), cells, &mut sums);
        // every row has exactly one code of any feature
        let any = (tiles.len() > 0).then(|| tiles.place(tiles.features(0)[0] as usize)).unwrap_or_default();
        let total = sums[any].iter().fold(C::default(), |total, &cell| total.plus(cell));
        self.leaves.push(Bud { rows, sums: total, parent: None });
        let split = self.judge.divisible(self.leaves[0].rows.len(), 0).then(|| self.search(&sums, total)).flatten();
        self.offer(0, 0, sums, split);
    }

    fn histogram(&mut self) -> Vec<C> {
        self.spare.pop().unwrap_or_else(|| vec![C::default(); self.data.tiles().n_cells()])
    }

    /// The best split of a leaf with these sums.
    fn search(&self, sums: &[C], total: C) -> Option<Split<C>> {
        let tiles = self.data.tiles();
        let found = par::map(tiles.len(), |tile| self.search_tile(tile, &sums[tiles.cells(tile)], total));
        found.into_iter().flatten().reduce(better)
    }

    fn search_tile(&self, tile: usize, sums: &[C], total: C) -> Option<Split<C>> {
        self.judge.best(self.data.tiles(), tile, sums, total, self.usable)
    }

    /// Puts a leaf on the frontier if it can be split.
    fn offer(&mut self, leaf: usize, depth: u32, sums: Vec<C>, split: Option<Split<C>>) {
        match split {
            Some(split) => self.frontier.push(Open { leaf: leaf as u32, depth, sums, split }),
            None => self.spare.push(sums),
        }
    }

    /// Makes a node of a leaf: its place goes to the left child, the right child is a new leaf.
    fn split(&mut self, open: Open<C>, children: Children) {
        let Open { leaf, depth, sums, split } = open;
        let (leaf, new, feature) = (leaf as usize, self.leaves.len(), split.feature as usize);
        let last = split.bin as u16;
        let missing = self.data.bins().cuts().missing_code(feature) as u16;
        let also = if split.default == Side::Left { missing } else { last };
        let question = Question::UpTo { last, also };
        let (cells, column) = (self.cells.cells(), self.data.bins().codes(feature));
        let (left, right) = self.partition.split(&self.leaves[leaf].rows, cells, column, &question);
        self.add_node(leaf, new, &split);
        self.questions.push(question);
        let node = self.nodes.len() - 1;
        self.leaves[leaf] = Bud { rows: left, sums: split.left, parent: Some((node, Side::Left)) };
        self.leaves.push(Bud { rows: right, sums: split.right, parent: Some((node, Side::Right)) });
        let open = [leaf, new].map(|leaf| self.judge.divisible(self.leaves[leaf].rows.len(), depth + 1));
        if children == Children::Closed || open == [false; 2] {
            self.spare.push(sums);
            return;
        }
        self.open_children([leaf, new], open, depth + 1, sums);
    }

    fn open_children(&mut self, leaves: [usize; 2], open: [bool; 2], depth: u32, parent: Vec<C>) {
        let smaller = usize::from(self.leaves[leaves[1]].rows.len() < self.leaves[leaves[0]].rows.len());
        let [small, large] = [smaller, 1 - smaller].map(|side| (leaves[side], open[side]));
        let (mut sums, mut rest) = (self.histogram(), parent);
        let [in_small, in_large] = self.search_children([small, large], &mut sums, &mut rest);
        self.offer(small.0, depth, sums, in_small);
        self.offer(large.0, depth, rest, in_large);
    }

    /// Fills the histogram of the smaller child, makes that of the larger one of their parent's, and searches both.
    fn search_children(
        &self,
        [(small, small_open), (large, large_open)]: [(usize, bool); 2],
        sums: &mut [C],
        rest: &mut [C],
    ) -> [Option<Split<C>>; 2] {
        let tiles = self.data.tiles();
        let [small, large] = [small, large].map(|leaf| &self.leaves[leaf]);
        let rows = self.partition.rows(&small.rows);
        let cells = self.partition.cells(&small.rows, self.cells.cells());
        let is_large = histogram::is_large(rows.len());
        if is_large {
            histogram::fill_shared(tiles, rows, cells, sums);
        }
        let tasks = by_tile(tiles, sums).into_iter().zip(by_tile(tiles, rest));
        let mut tasks: Vec<_> = tasks.map(|(sums, rest)| (sums, rest, [None; 2])).collect();
        par::for_each(&mut tasks, |tile, (sums, rest, found)| {
            if !is_large {
                histogram::fill(tiles, tile..tile + 1, rows, cells, sums);
            }
            histogram::subtract(rest, sums);
            let search = |open: bool, sums: &[C], total| open.then(|| self.search_tile(tile, sums, total)).flatten();
            *found = [search(small_open, sums, small.sums), search(large_open, rest, large.sums)];
        });
        let best = |side: usize| tasks.iter().filter_map(|task| task.2[side]).reduce(better);
        [best(0), best(1)]
    }

    fn add_node(&mut self, leaf: usize, new: usize, split: &Split<C>) {
        let node = self.nodes.len() as u32;
        let Bud { rows, sums, parent } = &self.leaves[leaf];
        if let Some((parent, side)) = *parent {
            let parent = &mut self.nodes[parent];
            match side {
                Side::Left => parent.left = Child::Node(node),
                Side::Right => parent.right = Child::Node(node),
            }
        }
        let gradient = sums.gradient() * self.judge.terms.gradient_step;
        let weight = sums.hessian() * self.judge.terms.hessian_step;
        let threshold = self.data.bins().cuts().threshold(split.feature as usize, split.bin);
        self.nodes.push(Node {
            feature: split.feature,
            rule: Rule::Numerical { threshold },
            missing: Missing::Nan,
            default: split.default,
            left: Child::Leaf(leaf as u32),
            right: Child::Leaf(new as u32),
            gain: split.gain,
            value: self.judge.value(gradient, weight),
            weight,
            count: rows.len() as u64,
        });
    }

    fn finish(self, learning_rate: f64) -> Grown {
        let leaf = |(bud, sums): (&Bud<C>, FineSums)| {
            let (gradient, hessian) = sums.values(self.cells.steps());
            let value = self.judge.value(gradient, hessian) * learning_rate;
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
        let parts = par::map_blocks(self.data.n_rows(), scores::BLOCK, |rows| {
            let sums = |bud: &Bud<C>| self.cells.fine_sums(self.partition.within(&bud.rows, &rows));
            self.leaves.iter().map(sums).collect::<Vec<FineSums>>()
        });
        parts.fold(vec![FineSums::default(); self.leaves.len()], |mut all, part| {
            all.iter_mut().zip(part).for_each(|(sum, more)| *sum = sum.plus(more));
            all
        })
    }
}

/// A histogram's cells tile by tile.
fn by_tile<'s, C>(tiles: &Tiles, mut sums: &'s mut [C]) -> Vec<&'s mut [C]> {
    let part = |tile: usize| {
        let (part, rest) = std::mem::take(&mut sums).split_at_mut(tiles.cells(tile).len());
        sums = rest;
        part
    };
    (0..tiles.len()).map(part).collect()
}
