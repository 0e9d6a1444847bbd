//! Isolation forest: how few random cuts it takes to set a row apart from the others.
//!
//! Every tree sees a seeded sample of rows; every node cuts a seeded column of its rows at a seeded place between that
//! column's least and largest value. Sources: Liu, Ting and Zhou 2008.

use crate::determinism::rng::Stream;
use crate::determinism::{math, par};

const TREES: usize = 100;
const SAMPLE: usize = 256;
const DEPTH: usize = 8;
const SEED: u64 = 20_251_120;

/// A node of a tree: a cut, or the end with the rows that came there.
enum Node {
    Cut { column: u32, at: f64, below: u32, above: u32 },
    End { length: f64 },
}

/// A column, and how its values are scaled before they are cut.
#[derive(Clone, Copy)]
pub(super) struct Scaled<'a> {
    pub(super) values: &'a [f64],
    pub(super) scale: fn(f64) -> f64,
}

impl Scaled<'_> {
    fn at(&self, row: usize) -> f64 {
        (self.scale)(self.values[row])
    }
}

/// 2^(-mean path / expected path): near 1 for rows that stand alone, below 0.5 for those among many.
pub(super) fn isolation(columns: &[Scaled<'_>], samples: &Samples) -> Vec<f64> {
    let (n, sample) = (samples.n, SAMPLE.min(samples.n));
    let trees = par::map(TREES, |tree| grow(columns, samples.of_tree[tree].clone(), tree as u64));
    let expected = expected_path(sample as f64);
    let score = |total: f64| {
        if expected > 0.0 { math::powf(2.0, -total / TREES as f64 / expected) } else { 0.5 }
    };
    // all rows of a block through one tree, then the next tree: both stay in the cache
    let blocks = par::map_blocks(n, ROWS, |rows| {
        let width = columns.len();
        let mut values = vec![0.0; rows.len() * width];
        for (at, column) in columns.iter().enumerate() {
            rows.clone().enumerate().for_each(|(place, row)| values[place * width + at] = column.at(row));
        }
        let mut total = vec![0.0; rows.len()];
        for tree in &trees {
            let of_row = total.iter_mut().zip(values.chunks_exact(width.max(1)));
            of_row.for_each(|(total, values)| *total += path(tree, values));
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

fn grow(columns: &[Scaled<'_>], rows: Vec<u32>, tree: u64) -> Vec<Node> {
    let draws = Stream::new(SEED, "isolation cuts").round(tree);
    let mut nodes = Vec::new();
    split(columns, rows, 0, draws, &mut nodes);
    nodes
}

/// Adds the tree over `rows` and returns its place.
fn split(
    columns: &[Scaled<'_>],
    rows: Vec<u32>,
    depth: usize,
    draws: Stream,
    nodes: &mut Vec<Node>,
) -> usize {
    let place = nodes.len();
    nodes.push(Node::End { length: depth as f64 + expected_path(rows.len() as f64) });
    if depth == DEPTH || rows.len() < 2 {
        return place;
    }
    let column = draws.below(2 * place as u64, columns.len() as u64) as usize;
    let values = || rows.iter().map(|&row| columns[column].at(row as usize));
    let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    // a column that says nothing here costs a level, as it does in the paper's bounded trees
    let at = least + draws.unit(2 * place as u64 + 1) * (most - least);
    let (below, above): (Vec<u32>, Vec<u32>) =
        rows.into_iter().partition(|&row| columns[column].at(row as usize) < at);
    let below = split(columns, below, depth + 1, draws, nodes);
    let above = split(columns, above, depth + 1, draws, nodes);
    nodes[place] = Node::Cut { column: column as u32, at, below: below as u32, above: above as u32 };
    place
}

fn path(tree: &[Node], row: &[f64]) -> f64 {
    let mut place = 0;
    loop {
        match tree[place] {
            Node::End { length } => return length,
            Node::Cut { column, at, below, above } => {
                place = if row[column as usize] < at { below } else { above } as usize;
            }
        }
    }
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

    #[test]
    fn one_far_away_stands_alone() {
        let mut column: Vec<f64> = (0..500).map(|i| f64::from(i % 10)).collect();
        column[77] = 1e6;
        let column = Scaled { values: &column, scale: |x| x };
        let score = isolation(&[column, column], &Samples::of(500));
        let others = (0..500).filter(|&i| i != 77).map(|i| score[i]).fold(0.0, f64::max);
        // half of the trees have seen it: a path of 1; the others take it for one of the 25 nines that no cut parts, 8 + 5.6.
        // That is 2^(-(0.51 + 0.49 * 13.6) / 10.2) = 0.61
        assert!(score[77] > 0.58 && score[77] > others + 0.2, "{} against {others}", score[77]);
    }
}
