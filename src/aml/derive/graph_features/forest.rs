//! Isolation forest: how few random cuts it takes to set a row apart from the others.
//!
//! Every tree sees a seeded sample of rows; every node cuts a seeded column of its rows at a seeded place between that
//! column's least and largest value. Sources: Liu, Ting and Zhou 2008.

use std::ops::Range;

use crate::determinism::rng::Stream;
use crate::determinism::{math, par};

const TREES: usize = 100;
const SAMPLE: usize = 256;
const DEPTH: usize = 8;
const SEED: u64 = 20_251_120;

/// A tree of cuts. A node that ends leads to itself, so that all rows take the same number of steps.
#[derive(Default)]
struct Tree {
    nodes: Vec<Node>,
    /// What a row's path measures that ends at each node.
    lengths: Vec<f64>,
}

/// A cut; small, for a tree has to stay in the nearest cache.
struct Node {
    at: f64,
    column: u16,
    /// Where rows below the cut go, and where all others do.
    next: [u16; 2],
}

/// A column, of which some rows at a time are there, and how its values are scaled before they are cut.
pub(super) struct Scaled<'a> {
    pub(super) values: Rows<'a>,
    pub(super) scale: fn(f64) -> f64,
}

/// The values of some rows.
type Rows<'a> = Box<dyn Fn(Range<usize>) -> Vec<f64> + Sync + 'a>;

impl Scaled<'_> {
    fn of(&self, rows: Range<usize>) -> Vec<f64> {
        (self.values)(rows).into_iter().map(self.scale).collect()
    }
}

/// 2^(-mean path / expected path): near 1 for rows that stand alone, below 0.5 for those among many.
pub(super) fn isolation(columns: &[Scaled<'_>], samples: &Samples) -> Vec<f64> {
    isolation_by(TOGETHER, columns, samples)
}

fn isolation_by(together: usize, columns: &[Scaled<'_>], samples: &Samples) -> Vec<f64> {
    let trees = forest(columns, samples);
    let mut scores = Vec::with_capacity(samples.n);
    for first in (0..samples.n).step_by(together) {
        let rows = first..samples.n.min(first + together);
        scores.extend(scores_of(&trees, columns, rows, samples.n));
    }
    scores
}

/// Rows whose columns are there together.
const TOGETHER: usize = 1 << 17;

/// Trees over what they see of the columns, all of which would take as much memory as everything else of a large batch.
fn forest(columns: &[Scaled<'_>], samples: &Samples) -> Vec<Tree> {
    let mut seen = samples.of_tree.concat();
    seen.sort_unstable();
    seen.dedup();
    let known = par::map(columns.len(), |at| {
        let all = (columns[at].values)(0..samples.n);
        seen.iter().map(|&row| (columns[at].scale)(all[row as usize])).collect::<Vec<f64>>()
    });
    par::map(TREES, |tree| {
        let place = |row: &u32| seen.binary_search(row).expect("every sampled row was seen") as u32;
        grow(&known, samples.of_tree[tree].iter().map(place).collect(), tree as u64)
    })
}

fn scores_of(trees: &[Tree], columns: &[Scaled<'_>], rows: Range<usize>, n: usize) -> Vec<f64> {
    let sample = SAMPLE.min(n);
    let known = par::map(columns.len(), |at| columns[at].of(rows.clone()));
    let expected = expected_path(sample as f64);
    let score = |total: f64| {
        if expected > 0.0 { math::powf(2.0, -total / TREES as f64 / expected) } else { 0.5 }
    };
    // all rows of a block through one tree, then the next tree: both stay in the cache
    let blocks = par::map_blocks(rows.len(), ROWS, |rows| {
        let width = known.len();
        let mut values = vec![0.0; rows.len() * width];
        for (at, column) in known.iter().enumerate() {
            rows.clone().enumerate().for_each(|(place, row)| values[place * width + at] = column[row]);
        }
        let mut total = vec![0.0; rows.len()];
        for tree in trees {
            let together = total.chunks_mut(ABREAST).zip(values.chunks(ABREAST * width.max(1)));
            together.for_each(|(total, values)| add_paths(tree, values, total));
        }
        total.into_iter().map(score).collect::<Vec<f64>>()
    });
    blocks.concat()
}

/// Rows that one thread takes at a time.
const ROWS: usize = 256;

/// The rows that each tree sees: the same ones for all forests of a batch.
pub(super) struct Samples {
    n: usize,
    of_tree: Vec<Vec<u32>>,
}

impl Samples {
    /// Of `n` rows.
    pub(super) fn of(n: usize) -> Self {
        Samples { n, of_tree: par::map(TREES, |tree| sample(n, tree as u64)) }
    }
}

/// The rows with the smallest seeded numbers, by these numbers.
fn sample(n: usize, tree: u64) -> Vec<u32> {
    let rng = Stream::new(SEED, "isolation").round(tree);
    let mut keyed: Vec<(u64, u32)> = Vec::with_capacity(2 * SAMPLE);
    let mut bound = u64::MAX;
    for row in 0..n as u32 {
        let number = rng.bits(u64::from(row));
        if number <= bound {
            keyed.push((number, row));
        }
        if keyed.len() == 2 * SAMPLE {
            bound = keyed.select_nth_unstable(SAMPLE).1.0;
            keyed.truncate(SAMPLE);
        }
    }
    keyed.sort_unstable();
    keyed.truncate(SAMPLE);
    keyed.into_iter().map(|x| x.1).collect()
}

fn grow(columns: &[Vec<f64>], rows: Vec<u32>, tree: u64) -> Tree {
    let draws = Stream::new(SEED, "isolation cuts").round(tree);
    let mut tree = Tree::default();
    split(columns, rows, 0, draws, &mut tree);
    tree
}

/// Adds the tree over `rows` and returns its place.
fn split(columns: &[Vec<f64>], rows: Vec<u32>, depth: usize, draws: Stream, tree: &mut Tree) -> u16 {
    let place = tree.nodes.len();
    tree.nodes.push(Node { at: f64::NAN, column: 0, next: [place as u16; 2] });
    tree.lengths.push(depth as f64 + expected_path(rows.len() as f64));
    if depth == DEPTH || rows.len() < 2 {
        return place as u16;
    }
    let column = draws.below(2 * place as u64, columns.len() as u64) as usize;
    let values = || rows.iter().map(|&row| columns[column][row as usize]);
    let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    // a column that says nothing here costs a level, as it does in the paper's bounded trees
    let at = least + draws.unit(2 * place as u64 + 1) * (most - least);
    let (below, above): (Vec<u32>, Vec<u32>) =
        rows.into_iter().partition(|&row| columns[column][row as usize] < at);
    let next = [below, above].map(|rows| split(columns, rows, depth + 1, draws, tree));
    tree.nodes[place] = Node { at, column: column as u16, next };
    place as u16
}

/// Rows that go down a tree step by step beside each other: while one waits for its next node, the others go on.
const ABREAST: usize = 16;

/// Adds the length of each row's path to its total; at most [`ABREAST`] rows, `values` those of all columns row by row.
fn add_paths(tree: &Tree, values: &[f64], total: &mut [f64]) {
    let width = values.len() / total.len();
    let mut places = [0_u16; ABREAST];
    for _ in 0..DEPTH {
        for (place, row) in places.iter_mut().zip(values.chunks_exact(width)) {
            let node = &tree.nodes[usize::from(*place)];
            let is_below = row[usize::from(node.column)] < node.at;
            *place = node.next[usize::from(!is_below)];
        }
    }
    let lengths = places.iter().map(|&place| tree.lengths[usize::from(place)]);
    total.iter_mut().zip(lengths).for_each(|(total, length)| *total += length);
}

/// Mean depth at which a search tree of `n` random rows ends without finding.
fn expected_path(n: f64) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    if n <= 1.0 {
        0.0
    } else if n <= 2.0 {
        1.0
    } else {
        2.0 * (math::ln(n - 1.0) + EULER) - 2.0 * (n - 1.0) / n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path as the paper has it, one row alone until its end.
    fn length(tree: &Tree, row: &[f64]) -> f64 {
        let mut place = 0;
        loop {
            let Node { at, column, next } = &tree.nodes[place];
            if next[0] == next[1] {
                return tree.lengths[place];
            }
            place = usize::from(if row[usize::from(*column)] < *at { next[0] } else { next[1] });
        }
    }

    #[test]
    fn rows_beside_each_other_go_where_single_ones_do() {
        let mut columns: Vec<Vec<f64>> =
            (1..=3).map(|k| (0..300).map(|i| f64::from(i * k * 7919 % 101)).collect()).collect();
        columns[2][5] = f64::NAN;
        let rows: Vec<f64> = (0..300).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
        for rows_of_tree in [0..256, 0..1, 3..40] {
            let tree = grow(&columns, rows_of_tree.collect(), 7);
            for (at, some) in rows.chunks(3 * ABREAST).enumerate() {
                let mut total = vec![0.5; some.len() / 3];
                add_paths(&tree, some, &mut total);
                let expected: Vec<f64> = some.chunks(3).map(|row| 0.5 + length(&tree, row)).collect();
                assert_eq!(total, expected, "rows from {}", at * ABREAST);
            }
        }
    }

    fn whole(column: &[f64]) -> Scaled<'_> {
        Scaled { values: Box::new(|rows| column[rows].to_vec()), scale: |x| x }
    }

    #[test]
    fn rows_some_at_a_time_get_the_scores_of_all_together() {
        let columns: Vec<Vec<f64>> =
            (1..=4).map(|k| (0..700).map(|i| f64::from(i * k * 7919 % 503)).collect()).collect();
        let columns: Vec<Scaled<'_>> = columns.iter().map(|column| whole(column)).collect();
        let samples = Samples::of(700);
        let all = isolation_by(700, &columns, &samples);
        assert_eq!(all.len(), 700);
        for together in [1, 64, 257, 699] {
            assert_eq!(isolation_by(together, &columns, &samples), all, "{together} at a time");
        }
    }

    #[test]
    fn one_far_away_stands_alone() {
        let mut column: Vec<f64> = (0..500).map(|i| f64::from(i % 10)).collect();
        column[77] = 1e6;
        let score = isolation(&[whole(&column), whole(&column)], &Samples::of(500));
        let others = (0..500).filter(|&i| i != 77).map(|i| score[i]).fold(0.0, f64::max);
        // half of the trees have seen it: a path of 1; the others take it for one of the 25 nines that no cut parts, 8 + 5.6.
        // That is 2^(-(0.51 + 0.49 * 13.6) / 10.2) = 0.61
        assert!(score[77] > 0.58 && score[77] > others + 0.2, "{} against {others}", score[77]);
    }
}
