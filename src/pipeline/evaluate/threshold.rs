//! Lines through the scores: what flagging from a threshold costs, and the alerts next to the line.

use serde::{Deserialize, Serialize};

use super::headline::one_class;
use super::part::Part;
use super::pool::Rows;
use super::settings::Settings;
use crate::determinism::rng::Stream;
use crate::metrics::curve::{CurvePoint, curve};

/// Thresholds and what they cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// The line of this report: the one given, else the review's cost over the miss's.
    pub chosen: f64,
    /// The line of least cost on these very rows; chosen in hindsight, so not to be expected again.
    pub cheapest: f64,
    /// What flagging nothing costs.
    pub cost_of_none: f64,
    /// What reviewing everything costs.
    pub cost_of_all: f64,
    /// By rising threshold.
    pub rows: Vec<ThresholdRow>,
}

/// One line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThresholdRow {
    /// Rows of at least this score are flagged.
    pub threshold: f64,
    /// How many they are.
    pub flagged: u64,
    /// Share of all rows.
    pub flag_rate: f64,
    /// Positives among them over all flagged; absent when nothing is.
    pub precision: Option<f64>,
    /// Over all positives.
    pub recall: f64,
    /// Negatives among them over all negatives.
    pub false_positive_rate: f64,
    /// Reviews and misses.
    pub cost: f64,
}

/// Alerts next to the line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// The line.
    pub threshold: f64,
    /// Share of positives among the nearest rows above it.
    pub positives_above: Option<f64>,
    /// The same below it.
    pub positives_below: Option<f64>,
    /// Rows that each share is of, at most.
    pub band: usize,
    /// Drawn from the nearest rows above, the highest first.
    pub above: Vec<LineRow>,
    /// Drawn from the nearest rows below.
    pub below: Vec<LineRow>,
}

/// One alert for review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineRow {
    /// Its batch.
    pub batch: String,
    /// Its id.
    pub id: String,
    /// Its score.
    pub score: f64,
    /// Its target.
    pub positive: bool,
    /// What raised it.
    pub kind: String,
}

/// The table of costs.
pub(super) fn thresholds(rows: &Rows<'_>, settings: &Settings) -> Part<Thresholds> {
    if !rows.is_probability() {
        return Part::absent(ORDER);
    }
    if !rows.has_both() {
        return Part::absent(one_class(rows));
    }
    let points = curve(&rows.labels, &rows.scores);
    let chosen = settings.cut();
    let at = |threshold: f64| row(rows, settings, threshold, at_least(&points, threshold));
    let none = row(rows, settings, f64::INFINITY, None).cost;
    let cheapest = points.iter().map(|point| row(rows, settings, point.threshold, Some(*point)));
    let cheapest =
        cheapest.min_by(|a, b| a.cost.total_cmp(&b.cost).then(b.threshold.total_cmp(&a.threshold)));
    let cheapest = cheapest.map_or(chosen, |row| row.threshold);
    let mut shown: Vec<f64> = GRID.iter().copied().chain([chosen, cheapest]).collect();
    shown.sort_by(f64::total_cmp);
    shown.dedup();
    Part::Present(Thresholds {
        chosen,
        cheapest,
        cost_of_none: none,
        cost_of_all: settings.review_cost * rows.len() as f64,
        rows: shown.into_iter().map(at).collect(),
    })
}

/// Alerts just above and just below the line.
pub(super) fn lines(rows: &Rows<'_>, settings: &Settings) -> Part<Lines> {
    if !rows.is_probability() {
        return Part::absent(ORDER);
    }
    let threshold = settings.cut();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| rows.scores[b].total_cmp(&rows.scores[a]).then(rows.keys[a].cmp(&rows.keys[b])));
    let cut = order.partition_point(|&row| rows.scores[row] >= threshold);
    let band = settings.line_samples * BAND;
    let above = &order[cut.saturating_sub(band)..cut];
    let below = &order[cut..(cut + band).min(order.len())];
    let share = |band: &[usize]| {
        let positives = band.iter().filter(|&&row| rows.labels[row] > 0.0).count();
        (!band.is_empty()).then(|| positives as f64 / band.len() as f64)
    };
    Part::Present(Lines {
        threshold,
        positives_above: share(above),
        positives_below: share(below),
        band,
        above: drawn(rows, settings, above),
        below: drawn(rows, settings, below),
    })
}

/// What is flagged in each group: probabilities from the line up, or the first of each batch for an order.
pub(super) fn flagged(rows: &Rows<'_>, settings: &Settings) -> Vec<bool> {
    if rows.is_probability() {
        return rows.scores.iter().map(|&score| score >= settings.cut()).collect();
    }
    let mut flagged = vec![false; rows.len()];
    for range in rows.ranges() {
        let mut order: Vec<usize> = range.collect();
        order.sort_by(|&a, &b| rows.scores[b].total_cmp(&rows.scores[a]).then(a.cmp(&b)));
        order.into_iter().take(settings.main_budget()).for_each(|row| flagged[row] = true);
    }
    flagged
}

/// A fixed draw from a band, in the band's order.
fn drawn(rows: &Rows<'_>, settings: &Settings, band: &[usize]) -> Vec<LineRow> {
    let stream = Stream::new(settings.seed, "line");
    let mut places: Vec<usize> = (0..band.len()).collect();
    places.sort_by_key(|&place| (stream.bits(rows.keys[band[place]]), place));
    places.truncate(settings.line_samples);
    places.sort_unstable();
    let one = |place: usize| {
        let row = band[place];
        let kind = ["typology", "cluster type"].iter().find_map(|name| rows.attributes.get(name));
        LineRow {
            batch: rows.batches[rows.batch[row] as usize].clone(),
            id: rows.ids[row].clone(),
            score: rows.scores[row],
            positive: rows.labels[row] > 0.0,
            kind: kind.map_or_else(String::new, |all| all[row].clone()),
        }
    };
    places.into_iter().map(one).collect()
}

/// The last point that flags only scores from the threshold up.
fn at_least(points: &[CurvePoint], threshold: f64) -> Option<CurvePoint> {
    let above = points.partition_point(|point| point.threshold >= threshold);
    above.checked_sub(1).map(|last| points[last])
}

fn row(rows: &Rows<'_>, settings: &Settings, threshold: f64, point: Option<CurvePoint>) -> ThresholdRow {
    let (hits, alarms) = point.map_or((0, 0), |p| (p.true_positives, p.false_positives));
    let flagged = hits + alarms;
    let positives = rows.positives() as u64;
    let negatives = rows.len() as u64 - positives;
    ThresholdRow {
        threshold,
        flagged,
        flag_rate: flagged as f64 / rows.len() as f64,
        precision: (flagged > 0).then(|| hits as f64 / flagged as f64),
        recall: hits as f64 / positives as f64,
        false_positive_rate: alarms as f64 / negatives as f64,
        cost: settings.review_cost * flagged as f64 + settings.miss_cost * (positives - hits) as f64,
    }
}

const ORDER: &str = "a ranker's scores are an order, not probabilities: use budgets";
const GRID: [f64; 13] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
/// Rows of a band for each row drawn from it.
const BAND: usize = 5;
