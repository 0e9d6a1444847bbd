//! The resamples of a study: which batch and which unit counts how often, the same draws for whatever is compared.
//!
//! A unit is a pattern instance, or the address of a row that is in none. A row counts as often as its batch and its unit
//! were drawn, multiplied.

use std::ops::Range;

use super::pool::Rows;
use super::settings::Settings;
use crate::determinism::par;
use crate::determinism::rng::Stream;
use crate::metrics::resample::{Sorted, draws, interval};

/// One resample.
#[derive(Debug)]
pub(super) struct Draw {
    /// How often each batch counts.
    pub(super) batches: Vec<u32>,
    /// How often each row counts within its batch.
    pub(super) within: Vec<u32>,
    /// How often each row counts in all.
    pub(super) rows: Vec<u32>,
}

/// One score in falling order: over all rows, and over each batch's.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) all: Sorted,
    pub(super) batches: Vec<Sorted>,
}

impl Ranked {
    pub(super) fn new(rows: &Rows<'_>, scores: &[f64]) -> Self {
        let batch = |range: Range<usize>| Sorted::new(&rows.labels[range.clone()], &scores[range]);
        Ranked {
            all: Sorted::new(&rows.labels, scores),
            batches: rows.ranges().into_iter().map(batch).collect(),
        }
    }

    /// Mean over batches, each as often as it was drawn.
    pub(super) fn mean(
        &self,
        rows: &Rows<'_>,
        draw: &Draw,
        of: impl Fn(&Sorted, Range<usize>) -> f64,
    ) -> f64 {
        let (mut sum, mut drawn) = (0.0, 0.0);
        for ((sorted, range), &count) in self.batches.iter().zip(rows.ranges()).zip(&draw.batches) {
            if count > 0 {
                sum += f64::from(count) * of(sorted, range);
                drawn += f64::from(count);
            }
        }
        sum / f64::max(drawn, 1.0)
    }

    /// Mean NDCG of the first `k` of a batch.
    pub(super) fn ndcg(&self, rows: &Rows<'_>, draw: &Draw, k: usize) -> f64 {
        let ndcg = |sorted: &Sorted, range: Range<usize>| {
            sorted.ndcg(&rows.grades[range.clone()], &draw.within[range], k)
        };
        self.mean(rows, draw, ndcg)
    }

    /// Mean positives among the first `budget` of a batch.
    pub(super) fn hits(&self, rows: &Rows<'_>, draw: &Draw, budget: usize) -> f64 {
        self.mean(rows, draw, |sorted, range| sorted.hits(&draw.within[range], budget as u64))
    }
}

impl Draw {
    /// Every row once: the sample itself.
    pub(super) fn plain(rows: &Rows<'_>) -> Self {
        Draw { batches: vec![1; rows.batches.len()], within: vec![1; rows.len()], rows: vec![1; rows.len()] }
    }

    fn new(rows: &Rows<'_>, stream: Stream) -> Self {
        let batches = draws(stream.round(0), rows.batches.len());
        let units = draws(stream.round(1), rows.n_units);
        let within: Vec<u32> = rows.units.iter().map(|&unit| units[unit as usize]).collect();
        let both = within.iter().zip(&rows.batch).map(|(&count, &batch)| count * batches[batch as usize]);
        Draw { rows: both.collect(), batches, within }
    }
}

/// `of` for every resample, in order. The draws depend on the seed and the rows alone.
pub(super) fn resamples<T: Send>(
    rows: &Rows<'_>,
    settings: &Settings,
    of: impl Fn(&Draw) -> T + Sync + Send,
) -> Vec<T> {
    let stream = Stream::new(settings.seed, "bootstrap");
    par::map(settings.resamples, |round| of(&Draw::new(rows, stream.round(round as u64))))
}

/// The interval of one figure of each resample, those without a value left out.
pub(super) fn bounds<T>(
    drawn: &[T],
    settings: &Settings,
    of: impl Fn(&T) -> Option<f64>,
) -> (Option<f64>, Option<f64>) {
    let mut values: Vec<f64> = drawn.iter().filter_map(of).collect();
    interval(&mut values, settings.level).unzip()
}
