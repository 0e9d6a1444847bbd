//! Which rows and which features a tree sees: pure functions of (seed, round, row key) and (seed, round, feature).

use std::ops::Range;

use super::queries;
use crate::determinism::par;
use crate::determinism::rng::Stream;
use crate::gbdt::data::{Dataset, Task};
use crate::gbdt::params::Sampling;

/// The rows of the current bag, and the others.
pub(super) struct Bag {
    /// In the bag, ascending.
    pub(super) rows: Vec<u32>,
    /// Out of the bag, ascending.
    pub(super) rest: Vec<u32>,
    /// Which of the draws it is, if it was drawn.
    drawn: Option<u32>,
}

impl Bag {
    /// All rows.
    pub(super) fn all(n_rows: usize) -> Self {
        Bag { rows: (0..n_rows as u32).collect(), rest: Vec::new(), drawn: None }
    }

    /// Draws a new bag when the round asks for one. A bag that came out empty takes all rows.
    pub(super) fn renew(&mut self, sampling: &Sampling, round: u32, data: &Dataset) {
        let &Sampling { seed, bagging_fraction, bagging_freq, bagging_by_query, .. } = sampling;
        let draw = round.checked_div(bagging_freq).filter(|_| bagging_fraction < 1.0);
        let Some(draw) = draw.filter(|_| draw != self.drawn) else { return };
        let stream = Stream::new(seed, "bagging").round(u64::from(draw));
        let queries = if bagging_by_query { keys_of_queries(data) } else { Vec::new() };
        let key = |row: usize| queries.get(row).copied().unwrap_or_else(|| data.key(row));
        *self = Bag::choose(data.n_rows(), |row| stream.unit(key(row)) < bagging_fraction);
        if self.rows.is_empty() {
            *self = Bag::all(data.n_rows());
        }
        self.drawn = Some(draw);
    }

    /// The rows that are wanted.
    pub(super) fn choose(n_rows: usize, wanted: impl Fn(usize) -> bool + Sync) -> Self {
        let parts = par::map_blocks(n_rows, BLOCK, |range| {
            range.map(|row| row as u32).partition::<Vec<u32>, _>(|&row| wanted(row as usize))
        });
        let (rows, rest) = parts.fold((Vec::new(), Vec::new()), |mut all, part| {
            all.0.extend(part.0);
            all.1.extend(part.1);
            all
        });
        Bag { rows, rest, drawn: None }
    }
}

/// For each row the smallest key of its query, which no order of rows changes; nothing where rows are not ranked.
fn keys_of_queries(data: &Dataset) -> Vec<u64> {
    let Task::Lambdarank { groups, .. } = data.task() else { return Vec::new() };
    let of_query = |rows: Range<usize>| {
        let smallest = rows.clone().map(|row| data.key(row)).min();
        std::iter::repeat_n(smallest.unwrap_or(0), rows.len())
    };
    queries::ranges(groups).into_iter().flat_map(of_query).collect()
}

/// Whether a tree of this round may use each feature: those with the smallest draws among the `candidates`.
pub(super) fn features(sampling: &Sampling, round: u32, candidates: &[u32], n_features: usize) -> Vec<bool> {
    let chance = Stream::new(sampling.seed, "feature").round(u64::from(round));
    drawn(candidates.to_vec(), sampling.feature_fraction, chance, n_features)
}

/// One per feature: whether it is among the share of the `candidates` with the smallest draws, at least one of them.
pub(super) fn drawn(mut candidates: Vec<u32>, fraction: f64, chance: Stream, n_features: usize) -> Vec<bool> {
    if fraction < 1.0 {
        let n = (candidates.len() as f64 * fraction).round().max(1.0) as usize;
        candidates.sort_by_key(|&feature| (chance.bits(u64::from(feature)), feature));
        candidates.truncate(n);
    }
    let mut usable = vec![false; n_features];
    candidates.iter().for_each(|&feature| usable[feature as usize] = true);
    usable
}

/// Features that can tell rows apart.
pub(super) fn candidates(data: &Dataset) -> Vec<u32> {
    let bins = data.bins();
    (0..bins.n_features()).filter(|&f| bins.tells_apart(f)).map(|f| f as u32).collect()
}

/// Rows of a block; no result depends on it.
const BLOCK: usize = 1 << 15;
