//! A model's questions turned into bytes: which column of bytes each node reads, and how a row's values become them.
//!
//! Thresholds of a feature are ranked once over the whole model, so that a row is binned once for all trees; category sets
//! become columns that hold the answer itself. What a value must be to go left is decided here, once, exactly as
//! [`Node::goes_left`] decides it; kernels only compare bytes.

use crate::gbdt::data::category;
use crate::gbdt::data::{Column as Values, FeatureMatrix};
use crate::gbdt::kernel::{
    Axis, BLOCK, ByteTree, Column, End, LEFT, Ladder, Level, Placed, RIGHT, SPAN, Split, Strip, row_bytes,
};
use crate::gbdt::model::{CategorySet, Child, Default, Missing, Model, Node, Rule, Tree, ZERO};

/// How a row of a model's features becomes bytes.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    axes: Vec<Placed>,
    categories: Vec<Sets>,
    n_columns: usize,
}

/// The category sets of one feature, one column each.
#[derive(Clone, Debug)]
struct Sets {
    /// Position in the schema.
    position: usize,
    /// The first column.
    first: usize,
    sets: Vec<CategorySet>,
}

impl Grid {
    /// The grid of a model, and its trees over the grid's bytes.
    pub(super) fn of(model: &Model) -> (Self, Vec<ByteTree>) {
        let mut asked = asked(model);
        let mut n_columns = 0;
        for asked in &mut asked {
            asked.first = n_columns;
            n_columns += asked.views.len() + asked.sets.len();
        }
        // a row is never without a byte, so that a tree of one leaf has something to compare
        let n_columns = n_columns.max(1);
        let trees = model.trees.iter().map(|tree| over_bytes(tree, &asked, n_columns)).collect();
        let (axes, categories): (Vec<_>, Vec<_>) =
            asked.into_iter().enumerate().map(|(position, asked)| asked.columns(position)).unzip();
        let grid = Grid {
            axes: axes.into_iter().flatten().collect(),
            categories: categories.into_iter().flatten().collect(),
            n_columns,
        };
        (grid, trees)
    }

    /// Bytes of a row.
    pub(super) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The bytes of one row of feature values in schema order.
    #[inline]
    pub(super) fn row(&self, level: Level, row: &[f64], bytes: &mut [u8]) {
        row_bytes(level, &self.axes, row, bytes);
        for Sets { position, first, sets } in &self.categories {
            let bytes = &mut bytes[*first..];
            sets.iter().zip(bytes).for_each(|(set, byte)| *byte = answer(set, row[*position]));
        }
    }

    /// The bytes of `n_rows` rows of a matrix, at most a tile, one strip a column; rows beyond are filled with anything.
    pub(super) fn tile(
        &self,
        level: Level,
        matrix: &FeatureMatrix,
        start: usize,
        n_rows: usize,
        out: &mut [Strip],
    ) {
        let blocks = || (0..n_rows).step_by(BLOCK);
        let values = |position: usize, first: usize| {
            values(matrix.column(position), start + first, BLOCK.min(n_rows - first))
        };
        for Placed { position, first: column, axis } in &self.axes {
            blocks()
                .for_each(|first| axis.block(level, &values(*position, first), first, &mut out[*column..]));
        }
        for Sets { position, first: column, sets } in &self.categories {
            for first in blocks() {
                let values = values(*position, first);
                for (set, strip) in sets.iter().zip(&mut out[*column..]) {
                    let bytes = &mut strip.0[first..first + BLOCK];
                    bytes.iter_mut().zip(&values).for_each(|(byte, &x)| *byte = answer(set, x));
                }
            }
        }
    }

    /// The same of rows of feature values in schema order.
    pub(super) fn tile_of_rows<'r>(
        &self,
        level: Level,
        rows: impl Iterator<Item = &'r [f64]>,
        out: &mut [Strip],
    ) {
        let mut bytes = vec![0; self.n_columns];
        for (at, row) in rows.enumerate() {
            self.row(level, row, &mut bytes);
            out.iter_mut().zip(&bytes).for_each(|(strip, &byte)| strip.0[at] = byte);
        }
    }

    /// Room for a tile's bytes.
    pub(super) fn strips(&self) -> Vec<Strip> {
        vec![Strip::EMPTY; self.n_columns]
    }
}

/// A block of values, exactly; zeros where there are fewer rows.
fn values(column: &Values, start: usize, n: usize) -> [f64; BLOCK] {
    let mut block = [0.0; BLOCK];
    match column {
        Values::F32(values) => {
            block.iter_mut().zip(&values[start..start + n]).for_each(|(place, &x)| *place = f64::from(x));
        }
        Values::F64(values) => block[..n].copy_from_slice(&values[start..start + n]),
    }
    block
}

/// The byte of a category: an answer, to be compared with 0.
fn answer(set: &CategorySet, x: f64) -> u8 {
    if category(x).is_some_and(|code| set.contains(code)) { LEFT } else { RIGHT }
}

// ------------------------------------------------------------------ questions

/// What a model asks of one feature.
struct Asked {
    ladder: Ladder,
    /// What the thresholds are compared with, and in which window of [`SPAN`] thresholds; sorted.
    views: Vec<(View, usize)>,
    /// Sorted by their words.
    sets: Vec<CategorySet>,
    /// The column of the first view; sets follow the views.
    first: usize,
}

/// What is missing, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum View {
    /// Nothing; NaN stands for 0.
    None,
    /// NaN.
    Nan(Side),
    /// NaN, and what counts as zero.
    Zero(Side),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Left,
    Right,
}

/// The questions of all trees, by feature.
fn asked(model: &Model) -> Vec<Asked> {
    let mut thresholds = vec![vec![]; model.schema.len()];
    let mut sets = vec![vec![]; model.schema.len()];
    let nodes = || model.trees.iter().flat_map(|tree| &tree.nodes);
    for node in nodes() {
        match &node.rule {
            // -0 is 0 to a comparison
            Rule::Numerical { threshold } => thresholds[node.feature as usize].push(threshold + 0.0),
            Rule::Categorical { left } => sets[node.feature as usize].push(left.clone()),
        }
    }
    let one = |(mut thresholds, mut sets): (Vec<f64>, Vec<CategorySet>)| {
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
        sets.sort_by(|a, b| a.words.cmp(&b.words));
        sets.dedup();
        Asked { ladder: Ladder::new(thresholds), views: vec![], sets, first: 0 }
    };
    let mut asked: Vec<Asked> = thresholds.into_iter().zip(sets).map(one).collect();
    for node in nodes() {
        let asked = &mut asked[node.feature as usize];
        if let Rule::Numerical { threshold } = node.rule {
            asked.views.push((View::of(node), asked.ladder.rank(threshold) / SPAN));
        }
    }
    for asked in &mut asked {
        asked.views.sort_unstable();
        asked.views.dedup();
    }
    asked
}

fn over_bytes(tree: &Tree, asked: &[Asked], n_columns: usize) -> ByteTree {
    let end = |child| match child {
        Child::Node(node) => End::Split(node as usize),
        Child::Leaf(leaf) => End::Leaf(leaf as usize),
    };
    let split = |node: &Node| {
        let (column, at_most) = asked[node.feature as usize].question(node);
        Split { column: column as u32, at_most, ends: [end(node.left), end(node.right)] }
    };
    let leaves = tree.leaves.iter().map(|leaf| leaf.value).collect();
    ByteTree::new(tree.nodes.iter().map(split).collect(), leaves, n_columns)
}

impl Asked {
    /// The column that a node reads, and the greatest byte that goes left.
    fn question(&self, node: &Node) -> (usize, u8) {
        match &node.rule {
            Rule::Numerical { threshold } => {
                // the rank of a threshold is its position
                let rank = self.ladder.rank(*threshold);
                let view = self.views.binary_search(&(View::of(node), rank / SPAN));
                (self.first + view.expect("the views of all nodes were collected"), (rank % SPAN) as u8)
            }
            Rule::Categorical { left } => {
                let set = self.sets.binary_search_by(|set| set.words.cmp(&left.words));
                (self.first + self.views.len() + set.expect("the sets of all nodes were collected"), LEFT)
            }
        }
    }

    /// What its thresholds and its sets make of a value, where there are any.
    fn columns(self, position: usize) -> (Option<Placed>, Option<Sets>) {
        let Asked { ladder, views, sets, first } = self;
        let column = |&(view, window): &(View, usize)| view.column(&ladder, window);
        let columns: Vec<Column> = views.iter().map(column).collect();
        let axis =
            (!columns.is_empty()).then(|| Placed { position, first, axis: Axis::new(ladder, columns) });
        let first = first + views.len();
        (axis, (!sets.is_empty()).then_some(Sets { position, first, sets }))
    }
}

impl View {
    fn of(node: &Node) -> Self {
        let side = match node.default {
            Default::Left => Side::Left,
            Default::Right => Side::Right,
        };
        match node.missing {
            Missing::None => View::None,
            Missing::Nan => View::Nan(side),
            Missing::Zero => View::Zero(side),
        }
    }

    /// How ranks become the bytes of a window.
    fn column(self, ladder: &Ladder, window: usize) -> Column {
        let from = (window * SPAN) as u32;
        let byte = |side| match side {
            Side::Left => LEFT,
            Side::Right => RIGHT,
        };
        match self {
            View::None => {
                Column { from, zero: NO_ZERO, missing: Column::window(ladder.rank(0.0) as u32, from) }
            }
            View::Nan(side) => Column { from, zero: NO_ZERO, missing: byte(side) },
            View::Zero(side) => Column { from, zero: ZERO, missing: byte(side) },
        }
    }
}

/// No magnitude is as small.
const NO_ZERO: f64 = -1.0;
