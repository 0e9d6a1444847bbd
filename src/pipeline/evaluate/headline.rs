//! The figures that a model is known by, each with its interval.

use serde::{Deserialize, Serialize};

use super::part::Part;
use super::pool::Rows;
use super::resample::{Draw, Ranked, bounds, resamples};
use super::settings::Settings;

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    /// `auc`, `average_precision`, `ndcg_at_10`, `brier`.
    pub metric: String,
    /// On all rows.
    pub value: f64,
    /// The interval's lower end; absent without resamples.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

const NAMES: [&str; 4] = ["auc", "average_precision", "ndcg_at_10", "brier"];

/// AUC, average precision, NDCG@10, and the Brier score of probabilities.
pub(super) fn headlines(rows: &Rows<'_>, settings: &Settings) -> Part<Vec<Headline>> {
    if !rows.has_both() {
        return Part::absent(one_class(rows));
    }
    let ranked = Ranked::new(rows, &rows.scores);
    let errors: Vec<f64> =
        rows.labels.iter().zip(&rows.scores).map(|(&y, p)| (p - f64::from(y)) * (p - f64::from(y))).collect();
    let figures = |draw: &Draw| -> [Option<f64>; 4] {
        let brier = || {
            let (sum, count) = errors.iter().zip(&draw.rows).fold((0.0, 0.0), |(sum, count), (error, &n)| {
                (sum + f64::from(n) * error, count + f64::from(n))
            });
            (count > 0.0).then(|| sum / count)
        };
        [
            ranked.all.auc(&draw.rows),
            ranked.all.average_precision(&draw.rows),
            Some(ranked.ndcg(rows, draw, 10)),
            if rows.is_probability() { brier() } else { None },
        ]
    };
    let drawn = resamples(rows, settings, figures);
    let values = figures(&Draw::plain(rows));
    let headline = |place: usize| {
        let (low, high) = bounds(&drawn, settings, |figures| figures[place]);
        Some(Headline { metric: NAMES[place].to_owned(), value: values[place]?, low, high })
    };
    Part::Present((0..NAMES.len()).filter_map(headline).collect())
}

/// Why figures of two classes are absent.
pub(super) fn one_class(rows: &Rows<'_>) -> String {
    format!("{} of {} rows are positive: it takes both classes", rows.positives(), rows.len())
}
