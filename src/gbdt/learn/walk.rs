//! A tree over bins: finds the leaf of rows that took no part in growing it.

use crate::determinism::par;
use crate::gbdt::data::{BinnedMatrix, MISSING_BIN};
use crate::gbdt::model::{Child, Tree};

/// A node's question to a bin number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// Bins up to this one go left.
    pub(super) bin: u8,
    /// Whether the missing bin goes left.
    pub(super) missing_left: bool,
}

impl Question {
    #[inline]
    pub(super) fn goes_left(self, bin: u8) -> bool {
        if bin == MISSING_BIN { self.missing_left } else { bin <= self.bin }
    }
}

/// Adds each row's leaf value to its score, whatever `rows` says being the rows of the scores in order.
pub(super) fn add_all(tree: &Tree, questions: &[Question], data: &BinnedMatrix, scores: &mut [f64]) {
    par::for_each_chunk(scores, BLOCK, |block, part| {
        for (i, score) in part.iter_mut().enumerate() {
            *score += tree.leaves[leaf_of(tree, questions, data.row(block * BLOCK + i))].value;
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
    let values = par::map_blocks(rows.len(), BLOCK, |range| {
        let value = |&row: &u32| tree.leaves[leaf_of(tree, questions, data.row(row as usize))].value;
        rows[range].iter().map(value).collect::<Vec<f64>>()
    });
    values.fold(0, |at, part| {
        for (&row, value) in rows[at..].iter().zip(&part) {
            scores[row as usize] += value;
        }
        at + part.len()
    });
}

fn leaf_of(tree: &Tree, questions: &[Question], row: &[u8]) -> usize {
    let mut at = tree.root();
    loop {
        match at {
            Child::Leaf(leaf) => return leaf as usize,
            Child::Node(node) => {
                let node = node as usize;
                let bin = row[tree.nodes[node].feature as usize];
                at = if questions[node].goes_left(bin) {
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
