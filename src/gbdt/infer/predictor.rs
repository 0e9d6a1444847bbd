//! Scores: a model compiled into bytes and the kernels that compare them.
//!
//! A row's values become bytes once ([`Grid`]), then every tree is asked. One row goes to a [`QuickScorer`], sixteen trees at a
//! time, or is walked; a batch is cut into tiles, and [`Reach`] asks a tree of all rows of a tile. What a kernel cannot hold
//! goes to the next by rule: trees above its number of leaves, levels without its instructions, few rows that do not fill a
//! block.
//!
//! # Determinism
//! The leaf values of a row are added in tree order, in f64, on every path: all equal [`Model::raw_score`] bit for bit.

use std::cell::RefCell;
use std::ops::Range;

use super::grid::Grid;
use super::schema::{SchemaMismatch, compare};
use crate::determinism::par;
use crate::gbdt::data::{FeatureMatrix, Schema};
use crate::gbdt::kernel::{ByteTree, Level, Masks, QuickScorer, Reach, TILE, Walk};
use crate::gbdt::model::{Model, Objective};

/// A model compiled for scoring: built once, read-only, to be shared between threads.
#[derive(Clone, Debug)]
pub struct Predictor {
    schema: Schema,
    objective: Objective,
    divisor: f64,
    level: Level,
    grid: Grid,
    walk: Walk,
    /// By tree; none for a tree that is too large.
    reach: Vec<Option<Reach>>,
    /// How one row is scored: the trees from first to last.
    runs: Vec<Run>,
}

/// Trees that one kernel scores for one row.
#[derive(Clone, Debug)]
enum Run {
    QuickScorer(QuickScorer),
    Walk(Range<usize>),
}

impl Predictor {
    /// Compiles a model for this machine.
    ///
    /// # Panics
    /// When the model does not pass [`Model::check`]; a model that was trained or read is sound.
    pub fn new(model: &Model) -> Self {
        Self::at(Level::detect(), model)
    }

    /// Compiles a model for a level of instructions; every level gives the same bits.
    ///
    /// # Panics
    /// As [`Predictor::new`].
    pub fn at(level: Level, model: &Model) -> Self {
        let (grid, trees) = Grid::of(model);
        Predictor {
            schema: model.schema.clone(),
            objective: model.objective,
            divisor: if model.average { model.trees.len().max(1) as f64 } else { 1.0 },
            level,
            grid,
            walk: Walk::new(&trees),
            reach: trees.iter().map(Reach::new).collect(),
            runs: runs(level, &trees),
        }
    }

    /// The features that a row holds, in order.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many trees there are.
    pub fn n_trees(&self) -> usize {
        self.reach.len()
    }

    /// The raw score of one row of feature values in schema order.
    ///
    /// # Panics
    /// When the row is shorter than the schema.
    pub fn raw_row(&self, row: &[f64]) -> f64 {
        assert!(row.len() >= self.schema.len(), "a row has a value for each feature");
        let n_bytes = self.grid.n_columns().max(FEWEST);
        if n_bytes <= ON_STACK {
            let mut bytes = [0; ON_STACK];
            self.raw_row_in(row, &mut bytes)
        } else {
            BYTES.with_borrow_mut(|bytes| {
                bytes.resize(bytes.len().max(n_bytes), 0);
                self.raw_row_in(row, bytes)
            })
        }
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
        par::for_each_chunk(&mut out, TILE, |tile, out| self.add_tile(matrix, tile * TILE, out));
        Ok(out)
    }

    /// Raw scores after the first tree, the first two, and so on to all.
    ///
    /// # Shape
    /// Rows x trees, row by row. The last of a row is its raw score to the bit.
    ///
    /// # Errors
    /// When the matrix does not have the model's features.
    pub fn staged_raw(&self, matrix: &FeatureMatrix) -> Result<Vec<f64>, SchemaMismatch> {
        compare(&self.schema, matrix.schema())?;
        let n_trees = self.n_trees();
        let mut out = vec![0.0; matrix.n_rows() * n_trees];
        par::for_each_chunk(&mut out, TILE * n_trees.max(1), |tile, out| {
            let mut sums = [0.0; TILE];
            let sums = &mut sums[..out.len() / n_trees];
            self.add_trees(n_trees, matrix, tile * TILE, sums, |tree, sums| {
                out.iter_mut().skip(tree).step_by(n_trees).zip(sums).for_each(|(out, sum)| *out = *sum);
            });
        });
        Ok(out)
    }

    /// Raw scores by the first trees alone, one per row: what training had reached after so many rounds. All trees where there
    /// are no more.
    ///
    /// # Errors
    /// When the matrix does not have the model's features.
    pub fn raw_of_first(&self, n_trees: usize, matrix: &FeatureMatrix) -> Result<Vec<f64>, SchemaMismatch> {
        compare(&self.schema, matrix.schema())?;
        let n_trees = self.n_trees().min(n_trees);
        let mut out = vec![0.0; matrix.n_rows()];
        par::for_each_chunk(&mut out, TILE, |tile, out| {
            self.add_trees(n_trees, matrix, tile * TILE, out, |_, _| {});
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
        let n_trees = self.n_trees();
        let mut out = vec![0; matrix.n_rows() * n_trees];
        par::for_each_chunk(&mut out, TILE * n_trees.max(1), |tile, out| {
            let n_rows = out.len() / n_trees;
            let mut strips = self.grid.strips();
            self.grid.tile(self.level, matrix, tile * TILE, n_rows, &mut strips);
            for tree in 0..n_trees {
                let first = self.walk.first_leaf(tree);
                self.walk
                    .each_exit(tree, &strips, n_rows, |row, leaf| out[row * n_trees + tree] = leaf - first);
            }
        });
        Ok(out)
    }

    fn raw_row_in(&self, row: &[f64], bytes: &mut [u8]) -> f64 {
        self.grid.row(self.level, row, bytes);
        self.runs.iter().fold(0.0, |sum, run| match run {
            Run::QuickScorer(trees) => trees.sum_row(bytes, sum),
            Run::Walk(trees) => self.walk.sum_row(trees.clone(), bytes, sum),
        })
    }

    /// Adds every tree to the scores of up to a tile's rows.
    fn add_tile(&self, matrix: &FeatureMatrix, start: usize, out: &mut [f64]) {
        let rest = out.len() % ROWS_OF_A_BLOCK;
        let in_blocks = if rest <= FEW_ROWS { out.len() - rest } else { out.len() };
        let (blocks, few) = out.split_at_mut(in_blocks);
        if !blocks.is_empty() {
            self.add_trees(self.n_trees(), matrix, start, blocks, |_, _| {});
        }
        let mut row = vec![0.0; if few.is_empty() { 0 } else { self.schema.len() }];
        for (i, out) in few.iter_mut().enumerate() {
            matrix.copy_row(start + in_blocks + i, &mut row);
            *out = self.raw_row(&row);
        }
    }

    /// Adds the first trees to the scores of up to a tile's rows, and calls after each with its position and the sums.
    fn add_trees(
        &self,
        n_trees: usize,
        matrix: &FeatureMatrix,
        start: usize,
        out: &mut [f64],
        mut after: impl FnMut(usize, &[f64]),
    ) {
        let (mut strips, mut masks) = (self.grid.strips(), Masks::default());
        self.grid.tile(self.level, matrix, start, out.len(), &mut strips);
        for (tree, reach) in self.reach[..n_trees].iter().enumerate() {
            match reach {
                Some(reach) => reach.add(self.level, &strips, &mut masks, out),
                None => self.walk.add(tree, &strips, out),
            }
            after(tree, out);
        }
    }
}

/// Sixteen trees after sixteen go to a [`QuickScorer`] where it takes them, and are walked where it does not.
fn runs(level: Level, trees: &[ByteTree]) -> Vec<Run> {
    let fits = |trees: &[ByteTree]| trees.iter().all(|tree| tree.leaves().len() <= QuickScorer::MOST_LEAVES);
    let mut runs = vec![];
    let mut start = 0;
    while start < trees.len() {
        let groups = trees[start..].chunks(GROUP);
        let kind = fits(&trees[start..trees.len().min(start + GROUP)]);
        let n: usize = groups.take_while(|group| fits(group) == kind).map(<[_]>::len).sum();
        let scorer = if kind { QuickScorer::new(level, &trees[start..start + n]) } else { None };
        runs.push(scorer.map_or(Run::Walk(start..start + n), Run::QuickScorer));
        start += n;
    }
    runs
}

thread_local! {
    /// The bytes of rows too wide for the stack, kept so that no row allocates after the first.
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(vec![]) };
}

/// Bytes of a row that are kept on the stack.
const ON_STACK: usize = 512;
/// A [`QuickScorer`] fetches whole registers.
const FEWEST: usize = 128;
/// Trees that are given to a kernel together.
const GROUP: usize = 16;
/// A batch is scored in blocks of so many rows,
const ROWS_OF_A_BLOCK: usize = 64;
/// but what is left over row by row where it is no more than this.
const FEW_ROWS: usize = 16;
