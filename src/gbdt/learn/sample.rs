//! Which rows and which features a tree sees: pure functions of (seed, round, row key) and (seed, round, feature).

use crate::determinism::par;
use crate::determinism::rng::Stream;
use crate::gbdt::data::Dataset;
use crate::gbdt::params::Sampling;

/// The rows of the current bag, and the others.
pub(super) struct Bag {
    /// In the bag, ascending.
    pub(super) rows: Vec<u32>,
    /// Out of the bag, ascending.
    pub(super) rest: Vec<u32>,
}

impl Bag {
    /// All rows.
    pub(super) fn all(n_rows: usize) -> Self {
        Bag { rows: (0..n_rows as u32).collect(), rest: Vec::new() }
    }

    /// Draws a new bag when the round asks for one. A bag that came out empty takes all rows.
    pub(super) fn renew(&mut self, sampling: &Sampling, round: u32, data: &Dataset) {
        let Sampling { seed, bagging_fraction, bagging_freq, .. } = *sampling;
        if bagging_freq == 0 || bagging_fraction >= 1.0 || round % bagging_freq != 0 {
            return;
        }
        let stream = Stream::new(seed, "bagging").round(u64::from(round / bagging_freq));
        let parts = par::map_blocks(data.n_rows(), BLOCK, |range| {
            let rows = range.map(|row| row as u32);
            rows.partition::<Vec<u32>, _>(|&row| stream.unit(data.key(row as usize)) < bagging_fraction)
        });
        (self.rows, self.rest) = parts.fold((Vec::new(), Vec::new()), |mut all, part| {
            all.0.extend(part.0);
            all.1.extend(part.1);
            all
        });
        if self.rows.is_empty() {
            *self = Bag::all(data.n_rows());
        }
    }
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
