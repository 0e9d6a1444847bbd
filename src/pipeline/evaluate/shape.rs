//! Shapes of one score: its curves, its calibration, its distribution by class.

use serde::{Deserialize, Serialize};

use super::headline::one_class;
use super::part::Part;
use super::pool::Rows;
use crate::metrics::{binary, calibration, curve};

/// ROC and precision-recall curve on the same thresholds, a fixed choice of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// By falling threshold.
    pub points: Vec<RatePoint>,
}

/// What one threshold gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// The lowest score that is flagged.
    pub threshold: f64,
    /// Share of negatives flagged.
    pub false_positive_rate: f64,
    /// Share of positives flagged.
    pub recall: f64,
    /// Share of flagged rows that are positive.
    pub precision: f64,
}

/// Whether probabilities mean what they say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Expected calibration error, ten bins of equal width.
    pub ece: f64,
    /// Mean squared error.
    pub brier: f64,
    /// Of the base rate for all.
    pub brier_of_base_rate: f64,
    /// Mean probability.
    pub mean_predicted: f64,
    /// The bins that hold rows.
    pub bins: Vec<CalibrationBin>,
}

/// Rows of similar probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// The least probability of the bin.
    pub low: f64,
    /// The most.
    pub high: f64,
    /// Rows in it.
    pub rows: u64,
    /// Mean probability.
    pub predicted: f64,
    /// Share of positives.
    pub found: f64,
}

/// How scores spread in each class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Edges of the bins: one more than there are bins.
    pub edges: Vec<f64>,
    /// Negative rows of each bin.
    pub negatives: Vec<u64>,
    /// Positive rows of each bin.
    pub positives: Vec<u64>,
}

/// Both curves.
pub(super) fn curves(rows: &Rows<'_>) -> Part<Curves> {
    if !rows.has_both() {
        return Part::absent(one_class(rows));
    }
    let (positives, negatives) = (rows.positives() as f64, (rows.len() - rows.positives()) as f64);
    let rate = |point: &curve::CurvePoint| RatePoint {
        threshold: point.threshold,
        false_positive_rate: point.false_positives as f64 / negatives,
        recall: point.true_positives as f64 / positives,
        precision: point.true_positives as f64 / (point.true_positives + point.false_positives) as f64,
    };
    let all = curve::curve(&rows.labels, &rows.scores);
    Part::Present(Curves { points: curve::thin(&all, CURVE_POINTS).iter().map(rate).collect() })
}

/// Bins, ECE and Brier score.
pub(super) fn reliability(rows: &Rows<'_>) -> Part<Calibration> {
    if !rows.is_probability() {
        return Part::absent("a ranker's scores are an order, not probabilities");
    }
    let bins = calibration::reliability(&rows.labels, &rows.scores, CALIBRATION_BINS);
    let bin = |bin: calibration::ReliabilityBin| CalibrationBin {
        low: bin.low,
        high: bin.high,
        rows: bin.rows,
        predicted: bin.predicted,
        found: bin.found(),
    };
    let base_rate = rows.positives() as f64 / rows.len().max(1) as f64;
    let figures = calibration::ece(&rows.labels, &rows.scores, CALIBRATION_BINS).zip(binary::brier(
        &rows.labels,
        &rows.scores,
        None,
    ));
    let Some((ece, brier)) = figures else { return Part::absent("no rows") };
    Part::Present(Calibration {
        ece,
        brier,
        brier_of_base_rate: base_rate * (1.0 - base_rate),
        mean_predicted: rows.scores.iter().sum::<f64>() / rows.len() as f64,
        bins: bins.into_iter().map(bin).collect(),
    })
}

/// A histogram of each class over the range of the scores: [0, 1] for probabilities.
pub(super) fn distribution(rows: &Rows<'_>) -> Part<Distribution> {
    let known = || rows.scores.iter().copied();
    let (low, high) = match rows.is_probability() {
        true => (0.0, 1.0),
        false => (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max)),
    };
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Part::absent("all scores are equal");
    }
    let width = (high - low) / HISTOGRAM_BINS as f64;
    let edges = (0..=HISTOGRAM_BINS).map(|edge| low + edge as f64 * width).collect();
    let mut counts = [vec![0; HISTOGRAM_BINS], vec![0; HISTOGRAM_BINS]];
    for (&label, score) in rows.labels.iter().zip(known()) {
        let bin = (((score - low) / width) as usize).min(HISTOGRAM_BINS - 1);
        counts[usize::from(label > 0.0)][bin] += 1;
    }
    let [negatives, positives] = counts;
    Part::Present(Distribution { edges, negatives, positives })
}

const CURVE_POINTS: usize = 200;
const CALIBRATION_BINS: usize = 10;
const HISTOGRAM_BINS: usize = 25;
