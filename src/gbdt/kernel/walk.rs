//! Trees walked from root to leaf, several in step: the scalar definition of an exit, and the kernel of last resort.
//!
//! A leaf is a step that leads to itself, so that walks advance together without asking each whether it has arrived, and the
//! processor overlaps their loads. Siblings stand side by side: an answer is added to the place of the left one.

use std::ops::Range;

use super::tile::{Strip, TILE};
use super::tree::{ByteTree, End};

/// Walks in step; more than ten gained nothing on the machines tried.
const LANES: usize = 10;

/// Trees of any size.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct Walk {
    steps: Vec<Step>,
    /// By step: the leaf it is, counted over all trees; of a split, nothing.
    leaf: Vec<u32>,
    values: Vec<f64>,
    trees: Vec<Tree>,
    n_columns: usize,
}

#[derive(Clone, Copy, Debug)]
struct Tree {
    root: u32,
    first_leaf: u32,
}

/// Eight bytes.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// `column << 8 | at_most`.
    question: u32,
    /// Where yes leads; no leads to the next place.
    left: u32,
}

impl Walk {
    /// Lays out trees that read rows of one width.
    ///
    /// # Panics
    /// Above 2^24 columns or 2^32 steps.
    pub(in crate::gbdt) fn new(trees: &[ByteTree]) -> Self {
        // a leaf compares the first byte, which leads it to itself whatever it is
        let n_columns = trees.iter().map(ByteTree::n_columns).max().unwrap_or(0).max(1);
        assert!(n_columns <= 1 << 24, "a step has 24 bits for its column");
        let mut walk = Walk { steps: vec![], leaf: vec![], values: vec![], trees: vec![], n_columns };
        trees.iter().for_each(|tree| walk.push(tree));
        walk
    }

    fn push(&mut self, tree: &ByteTree) {
        let first_leaf = self.values.len() as u32;
        self.values.extend_from_slice(tree.leaves());
        let root = self.steps.len();
        let size = tree.splits().len() + tree.leaves().len();
        self.steps.resize(root + size, Step { question: 0, left: 0 });
        self.leaf.resize(root + size, 0);
        u32::try_from(self.steps.len()).expect("fewer than 2^32 steps");
        self.trees.push(Tree { root: root as u32, first_leaf });
        // breadth first, so that the steps every row takes share cache lines
        let (mut queue, mut next) = (std::collections::VecDeque::from([(tree.root(), root)]), root + 1);
        while let Some((end, at)) = queue.pop_front() {
            match end {
                End::Leaf(leaf) => {
                    self.steps[at] = Step { question: u32::from(u8::MAX), left: at as u32 };
                    self.leaf[at] = first_leaf + leaf as u32;
                }
                End::Split(split) => {
                    let split = tree.splits()[split];
                    let question = split.column << 8 | u32::from(split.at_most);
                    self.steps[at] = Step { question, left: next as u32 };
                    queue.extend(split.ends.into_iter().zip(next..));
                    next += 2;
                }
            }
        }
    }

    /// The sum with the leaf values of one row added in the order of the trees.
    pub(in crate::gbdt) fn sum_row(&self, trees: Range<usize>, bytes: &[u8], mut sum: f64) -> f64 {
        assert!(bytes.len() >= self.n_columns, "a row has a byte for each column");
        // SAFETY: `ByteTree::new` checked the columns, the line above the bytes
        let byte = |_, column: usize| unsafe { *bytes.get_unchecked(column) };
        for trees in self.trees[trees].chunks(LANES) {
            let roots = std::array::from_fn(|lane| trees.get(lane).unwrap_or(&trees[0]).root);
            let ends = self.walk(roots, byte);
            ends[..trees.len()].iter().for_each(|&end| sum += self.values[self.leaf[end as usize] as usize]);
        }
        sum
    }

    /// Adds the leaf values of one tree over a tile's rows.
    pub(in crate::gbdt) fn add(&self, tree: usize, tile: &[Strip], out: &mut [f64]) {
        self.each_exit(tree, tile, out.len(), |row, leaf| out[row] += self.values[leaf as usize]);
    }

    /// Calls with each row of a tile and the leaf it falls into, counted over all trees.
    pub(in crate::gbdt) fn each_exit(
        &self,
        tree: usize,
        tile: &[Strip],
        n_rows: usize,
        mut call: impl FnMut(usize, u32),
    ) {
        assert!(tile.len() >= self.n_columns && n_rows <= TILE, "a tile has a strip for each column");
        let root = self.trees[tree].root;
        for first in (0..n_rows).step_by(LANES) {
            let last = n_rows - 1;
            // SAFETY: `ByteTree::new` checked the columns, the line above the strips; no row is beyond the last
            let byte = |lane: usize, column: usize| unsafe {
                *tile.get_unchecked(column).0.get_unchecked(last.min(first + lane))
            };
            let ends = self.walk([root; LANES], byte);
            (first..n_rows).zip(ends).for_each(|(row, end)| call(row, self.leaf[end as usize]));
        }
    }

    /// The number of a tree's first leaf, counted over all trees.
    pub(in crate::gbdt) fn first_leaf(&self, tree: usize) -> u32 {
        self.trees[tree].first_leaf
    }

    /// Where walks that start at `at` end; `byte` is asked for a lane and a column below `n_columns`.
    #[inline(always)]
    fn walk(&self, mut at: [u32; LANES], byte: impl Fn(usize, usize) -> u8) -> [u32; LANES] {
        loop {
            let mut moved = 0;
            for (lane, at) in at.iter_mut().enumerate() {
                // SAFETY: `Walk::push` laid every step's children out
                let step = unsafe { *self.steps.get_unchecked(*at as usize) };
                let no = byte(lane, (step.question >> 8) as usize) > step.question as u8;
                let next = step.left + u32::from(no);
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                return at;
            }
        }
    }
}
