//! A tree over codes: finds the leaf of rows that took no part in growing it.

use crate::determinism::par;
use crate::gbdt::data::BinnedMatrix;
use crate::gbdt::kernel::parting::Question;
use crate::gbdt::model::{Child, Tree};

/// Adds each row's leaf value to its score; scores are in the order of the rows.
pub(super) fn add_all(tree: &Tree, questions: &[Question], data: &BinnedMatrix, scores: &mut [f64]) {
    // one times a number is that number, to the bit
    add_times(1.0, tree, questions, data, scores);
}

/// [`add_all`] of so many times the leaf values.
pub(super) fn add_times(
    times: f64,
    tree: &Tree,
    questions: &[Question],
    data: &BinnedMatrix,
    scores: &mut [f64],
) {
    par::for_each_chunk(scores, BLOCK, |block, part| {
        for (i, score) in part.iter_mut().enumerate() {
            *score += times * tree.leaves[leaf_of(tree, questions, data, block * BLOCK + i)].value;
        }
    });
}

/// Adds the leaf values of only these rows to their scores.
pub(super) fn add_some(
    tree: &Tree,
    questions: &[Question],
    data: &BinnedMatrix,
    rows: &[u32],
    scores: &mut [f64],
) {
    par::for_each_chunk(scores, BLOCK, |block, part| {
        let first = block * BLOCK;
        let below = |end: usize| rows.partition_point(|&row| (row as usize) < end);
        for &row in &rows[below(first)..below(first + part.len())] {
            let row = row as usize;
            part[row - first] += tree.leaves[leaf_of(tree, questions, data, row)].value;
        }
    });
}

fn leaf_of(tree: &Tree, questions: &[Question], data: &BinnedMatrix, row: usize) -> usize {
    let mut at = tree.root();
    loop {
        match at {
            Child::Leaf(leaf) => return leaf as usize,
            Child::Node(node) => {
                let node = node as usize;
                let code = data.code(row, tree.nodes[node].feature as usize);
                at = if questions[node].goes_left(code) {
                    tree.nodes[node].left
                } else {
                    tree.nodes[node].right
                };
            }
        }
    }
}

/// Rows of a block; no result depends on it.
const BLOCK: usize = 4096;
