//! Scores: a model's trees as one array of small nodes, walked eight at a time.
//!
//! A leaf is a node that leads to itself and whose threshold is its value, so eight walks advance in step without asking
//! each whether it has arrived, and the processor overlaps their loads: eight rows of one tree in a batch, eight trees
//! of one row otherwise. Trees that ask only `x <= threshold` with missing values that are NaN take that path; trees with
//! category sets or zeros as missing are walked one by one.
//!
//! # Determinism
//! The leaf values of a row are added in tree order, in f64, on every path: all equal [`Model::raw_score`] bit for bit.

use super::schema::{SchemaMismatch, compare};
use crate::determinism::par;
use crate::gbdt::data::{Column, FeatureMatrix, Schema};
use crate::gbdt::model::{Child, Default, Missing, Model, Node, Objective, Rule, Tree, ZERO, category};

/// A model compiled for scoring.
#[derive(Clone, Debug)]
pub struct Predictor {
    schema: Schema,
    objective: Objective,
    divisor: f64,
    nodes: Vec<Compact>,
    trees: Vec<Compiled>,
    sets: Vec<Vec<u32>>,
}

/// A node or a leaf of 24 bytes.
#[derive(Clone, Copy, Debug)]
struct Compact {
    /// The largest value that goes left; a leaf's value; the number of a category set.
    threshold: f64,
    feature: u32,
    question: Question,
    /// Whether a missing value goes left.
    default_left: bool,
    /// Where no and yes lead, from the start of all nodes.
    children: [u32; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// `x <= threshold`, NaN by default.
    Threshold,
    /// The same, and zeros by default too.
    ThresholdOrZero,
    Categories,
}

#[derive(Clone, Copy, Debug)]
struct Compiled {
    root: u32,
    first_leaf: u32,
    /// Whether every question is [`Question::Threshold`].
    plain: bool,
}

impl Predictor {
    /// Compiles a model.
    ///
    /// # Panics
    /// When the model does not pass [`Model::check`], or has 2^32 nodes and leaves; a model that was trained or read is sound.
    pub fn new(model: &Model) -> Self {
        let mut predictor = Predictor {
            schema: model.schema.clone(),
            objective: model.objective,
            divisor: if model.average { model.trees.len().max(1) as f64 } else { 1.0 },
            nodes: vec![],
            trees: vec![],
            sets: vec![],
        };
        model.trees.iter().for_each(|tree| predictor.compile(tree));
        predictor
    }

    /// The features that a row holds, in order.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many trees there are.
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// The raw score of one row of feature values in schema order.
    ///
    /// # Panics
    /// When the row is shorter than the schema.
    pub fn raw_row(&self, row: &[f64]) -> f64 {
        assert!(row.len() >= self.schema.len(), "a row has a value for each feature");
        let mut sum = 0.0;
        for trees in self.trees.chunks(LANES) {
            let leaves = self.leaves_of_row(trees, row);
            leaves[..trees.len()].iter().for_each(|&leaf| sum += self.nodes[leaf as usize].threshold);
        }
        sum
    }

    /// The score of one row: a probability for binary models, the raw score otherwise.
    ///
    /// # Panics
    /// When the row is shorter than the schema.
    pub fn score_row(&self, row: &[f64]) -> f64 {
        self.score(self.raw_row(row))
    }

    /// The score that a user sees for a raw score.
    pub fn score(&self, raw: f64) -> f64 {
        self.objective.transform(raw / self.divisor)
    }

    /// Raw scores, one per row.
    ///
    /// # Errors
    /// When the matrix does not have the model's features.
    pub fn raw(&self, matrix: &FeatureMatrix) -> Result<Vec<f64>, SchemaMismatch> {
        compare(&self.schema, matrix.schema())?;
        let mut out = vec![0.0; matrix.n_rows()];
        par::for_each_chunk(&mut out, TASK, |task, out| {
            let mut block = Block::new(self.schema.len());
            for (i, out) in out.chunks_mut(BLOCK).enumerate() {
                block.fill(matrix, task * TASK + i * BLOCK, out.len());
                self.add_block(&block, out);
            }
        });
        Ok(out)
    }

    /// Scores, one per row: probabilities for binary models, raw scores otherwise.
    ///
    /// # Errors
    /// When the matrix does not have the model's features.
    pub fn scores(&self, matrix: &FeatureMatrix) -> Result<Vec<f64>, SchemaMismatch> {
        let mut scores = self.raw(matrix)?;
        scores.iter_mut().for_each(|score| *score = self.score(*score));
        Ok(scores)
    }

    /// The leaf that each row falls into, in each tree.
    ///
    /// # Shape
    /// Rows x trees, row by row.
    ///
    /// # Errors
    /// When the matrix does not have the model's features.
    pub fn leaves(&self, matrix: &FeatureMatrix) -> Result<Vec<u32>, SchemaMismatch> {
        compare(&self.schema, matrix.schema())?;
        let n_trees = self.trees.len();
        let mut out = vec![0; matrix.n_rows() * n_trees];
        par::for_each_chunk(&mut out, BLOCK * n_trees.max(1), |i, out| {
            let mut block = Block::new(self.schema.len());
            block.fill(matrix, i * BLOCK, out.len() / n_trees);
            for (out, row) in out.chunks_mut(n_trees).zip(block.rows()) {
                for (out, trees) in out.chunks_mut(LANES).zip(self.trees.chunks(LANES)) {
                    let leaves = self.leaves_of_row(trees, row);
                    for ((out, leaf), tree) in out.iter_mut().zip(leaves).zip(trees) {
                        *out = leaf - tree.first_leaf;
                    }
                }
            }
        });
        Ok(out)
    }

    fn compile(&mut self, tree: &Tree) {
        let start = u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes");
        let first_leaf = start + tree.nodes.len() as u32;
        let place = |child| match child {
            Child::Node(node) => start + node,
            Child::Leaf(leaf) => first_leaf + leaf,
        };
        let mut plain = true;
        for node in &tree.nodes {
            let compact = compact(node, [place(node.right), place(node.left)], &mut self.sets);
            plain &= compact.question == Question::Threshold;
            self.nodes.push(compact);
        }
        for (place, leaf) in (first_leaf..).zip(&tree.leaves) {
            self.nodes.push(Compact {
                threshold: leaf.value,
                feature: 0,
                question: Question::Threshold,
                default_left: false,
                children: [place; 2],
            });
        }
        self.trees.push(Compiled { root: place(tree.root()), first_leaf, plain });
    }

    /// Up to eight trees over one row; lanes beyond the trees repeat the first.
    fn leaves_of_row(&self, trees: &[Compiled], row: &[f64]) -> [u32; LANES] {
        if trees.iter().all(|tree| tree.plain) && !row.is_empty() {
            let at = std::array::from_fn(|lane| trees.get(lane).unwrap_or(&trees[0]).root);
            self.walk_plain(at, [row; LANES])
        } else {
            std::array::from_fn(|lane| trees.get(lane).map_or(0, |tree| self.walk(tree.root, row)))
        }
    }

    fn add_block(&self, block: &Block, out: &mut [f64]) {
        for tree in &self.trees {
            if tree.plain && block.width > 0 {
                self.add_plain(tree, block, out);
            } else {
                for (out, row) in out.iter_mut().zip(block.rows()) {
                    *out += self.nodes[self.walk(tree.root, row) as usize].threshold;
                }
            }
        }
    }

    /// One tree over a block, eight rows at a time; lanes beyond the rows repeat the last.
    fn add_plain(&self, tree: &Compiled, block: &Block, out: &mut [f64]) {
        for (i, out) in out.chunks_mut(LANES).enumerate() {
            let last = i * LANES + out.len() - 1;
            let rows = std::array::from_fn(|lane| block.row((i * LANES + lane).min(last)));
            let leaves = self.walk_plain([tree.root; LANES], rows);
            for (out, leaf) in out.iter_mut().zip(leaves) {
                *out += self.nodes[leaf as usize].threshold;
            }
        }
    }

    #[inline]
    fn walk_plain(&self, mut at: [u32; LANES], rows: [&[f64]; LANES]) -> [u32; LANES] {
        loop {
            let mut moved = 0;
            for (at, row) in at.iter_mut().zip(rows) {
                let node = &self.nodes[*at as usize];
                let x = row[node.feature as usize];
                let yes = (x <= node.threshold) | (x.is_nan() & node.default_left);
                let next = node.children[usize::from(yes)];
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                return at;
            }
        }
    }

    fn walk(&self, mut at: u32, row: &[f64]) -> u32 {
        loop {
            let node = &self.nodes[at as usize];
            if node.children[0] == at {
                return at;
            }
            at = node.children[usize::from(self.yes(node, row))];
        }
    }

    /// The answer of the node at a place, counting nodes, then leaves, tree by tree.
    #[inline]
    pub(super) fn goes_left(&self, place: usize, row: &[f64]) -> bool {
        self.yes(&self.nodes[place], row)
    }

    #[inline]
    fn yes(&self, node: &Compact, row: &[f64]) -> bool {
        let x = row[node.feature as usize];
        match node.question {
            Question::Categories => self.in_set(node.threshold, x),
            Question::ThresholdOrZero if x.abs() <= ZERO => node.default_left,
            _ => (x <= node.threshold) | (x.is_nan() & node.default_left),
        }
    }

    fn in_set(&self, set: f64, x: f64) -> bool {
        let words = &self.sets[set as usize];
        category(x).is_some_and(|code| {
            words.get(code as usize / 32).is_some_and(|word| word >> (code % 32) & 1 == 1)
        })
    }
}

/// A NaN is read as 0 where it does not count as missing, so its direction is fixed by the node alone.
fn compact(node: &Node, children: [u32; 2], sets: &mut Vec<Vec<u32>>) -> Compact {
    let default_left = node.default == Default::Left;
    let (threshold, question, default_left) = match (&node.rule, node.missing) {
        (Rule::Numerical { threshold }, Missing::None) => {
            (*threshold, Question::Threshold, 0.0 <= *threshold)
        }
        (Rule::Numerical { threshold }, Missing::Nan) => (*threshold, Question::Threshold, default_left),
        (Rule::Numerical { threshold }, Missing::Zero) => {
            (*threshold, Question::ThresholdOrZero, default_left)
        }
        (Rule::Categorical { left }, _) => {
            sets.push(left.words.clone());
            ((sets.len() - 1) as f64, Question::Categories, false)
        }
    };
    Compact { threshold, feature: node.feature, question, default_left, children }
}

/// Rows of a matrix, copied side by side so that a walk stays within a few cache lines.
pub(super) struct Block {
    width: usize,
    values: Vec<f64>,
    n_rows: usize,
}

impl Block {
    pub(super) fn new(width: usize) -> Self {
        Block { width, values: vec![0.0; BLOCK * width], n_rows: 0 }
    }

    /// Copies the rows `start..start + n_rows`, at most [`BLOCK`].
    pub(super) fn fill(&mut self, matrix: &FeatureMatrix, start: usize, n_rows: usize) {
        self.n_rows = n_rows;
        for feature in 0..self.width {
            let places = self.values[feature..].iter_mut().step_by(self.width);
            match matrix.column(feature) {
                Column::F32(values) => {
                    places.zip(&values[start..start + n_rows]).for_each(|(place, &x)| *place = f64::from(x));
                }
                Column::F64(values) => {
                    places.zip(&values[start..start + n_rows]).for_each(|(place, &x)| *place = x);
                }
            }
        }
    }

    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.n_rows).map(|row| self.row(row))
    }
}

/// Walks in step.
const LANES: usize = 8;
/// Rows copied side by side.
pub(super) const BLOCK: usize = 64;
/// Rows of one parallel task.
const TASK: usize = 16 * BLOCK;
