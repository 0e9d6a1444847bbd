//! The running raw score of every row of one dataset: always the sum of the trees so far in tree order, bit for bit what the
//! finished model will say.

use super::grow::Grown;
use super::walk;
use crate::gbdt::data::BinnedMatrix;

/// One raw score per row.
pub(super) struct Scores(pub(super) Vec<f64>);

impl Scores {
    /// The same for all rows.
    pub(super) fn constant(n_rows: usize, start: f64) -> Self {
        Scores(vec![start; n_rows])
    }

    /// Adds a tree to the rows it was grown from, and to the rest by their bins.
    pub(super) fn add_grown(&mut self, grown: &Grown, data: &BinnedMatrix, rest: &[u32]) {
        for (leaf, rows) in grown.tree.leaves.iter().zip(&grown.leaf_rows) {
            for &row in grown.partition.rows(rows) {
                self.0[row as usize] += leaf.value;
            }
        }
        walk::add_some(&grown.tree, &grown.questions, data, rest, &mut self.0);
    }

    /// Adds a tree to rows that it was not grown from.
    pub(super) fn add_other(&mut self, grown: &Grown, data: &BinnedMatrix) {
        walk::add_all(&grown.tree, &grown.questions, data, &mut self.0);
    }
}
