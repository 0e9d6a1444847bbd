//! The raw scores of all rows, moved by one tree after another.

use super::grow::Grown;
use super::partition::Partition;
use super::walk;
use crate::determinism::par;
use crate::gbdt::data::{BinnedMatrix, Dataset};
use crate::gbdt::kernel::parting::Item;

/// One raw score per row.
pub(super) struct Scores(pub(super) Vec<f64>);

impl Scores {
    /// The same score for every row.
    pub(super) fn constant(n_rows: usize, score: f64) -> Self {
        Scores(vec![score; n_rows])
    }

    /// The scores that the rows of a set start from; `otherwise` where it has none of its own.
    pub(super) fn of(set: &Dataset, otherwise: f64) -> Self {
        let given = set.init_scores().map(<[f64]>::to_vec);
        given.map_or_else(|| Scores::constant(set.n_rows(), otherwise), Scores)
    }

    /// Adds a tree to the rows it was grown from, which it knows by leaf, and to the others of its data.
    pub(super) fn add_grown<T: Item + Default>(
        &mut self,
        grown: &Grown,
        partition: &Partition<T>,
        data: &BinnedMatrix,
        rest: &[u32],
    ) {
        let mut parts: Vec<&mut [f64]> = self.0.chunks_mut(BLOCK).collect();
        par::for_each_evenly(&mut parts, |block, part| {
            let rows = block * BLOCK..block * BLOCK + part.len();
            for (leaf, span) in grown.tree.leaves.iter().zip(&grown.spans) {
                for &row in partition.within(span, &rows) {
                    part[row as usize - rows.start] += leaf.value;
                }
            }
        });
        if !rest.is_empty() {
            walk::add_some(&grown.tree, &grown.questions, data, rest, &mut self.0);
        }
    }

    /// Adds a tree to rows that it was not grown from.
    pub(super) fn add_other(&mut self, grown: &Grown, data: &BinnedMatrix) {
        walk::add_all(&grown.tree, &grown.questions, data, &mut self.0);
    }
}

/// Rows of a block, whose scores stay in the second-level cache; no result depends on it.
pub(super) const BLOCK: usize = 1 << 16;
