//! Raw score of a model -> probability, as fitted after training on rows that the models had not seen.
//!
//! In: the sum of trees (log-odds). Out: a probability in (0, 1). Invariant: the map never reverses an order: of two raw scores
//! the larger has the larger probability, or the same one where they differ beyond a double's precision. An isotonic map is flat
//! in places by nature; here a millionth part of the logistic function is mixed in, so that it keeps the order all the same.
//! Numbers stand in the manifest in the shortest decimal form that reads back exactly; the bundle's digest covers them.
//!
//! # Sources
//! Platt, "Probabilistic outputs for support vector machines" (1999); Kull, Silva Filho, Flach, AISTATS 2017 (beta
//! calibration); Zadrozny and Elkan, KDD 2002 (isotonic).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::determinism::math;

/// A monotone map from raw scores to probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Calibration {
    /// `sigmoid(slope * raw + intercept)`.
    Platt {
        /// Above 0.
        slope: f64,
        /// Any.
        intercept: f64,
    },
    /// `sigmoid(a ln p - b ln(1 - p) + c)`, p the logistic function of the raw score.
    Beta {
        /// At least 0.
        a: f64,
        /// At least 0; a and b are not both 0.
        b: f64,
        /// Any.
        c: f64,
    },
    /// Straight lines between knots, level beyond the first and the last.
    Isotonic {
        /// Raw score and probability, both ascending.
        knots: Vec<(f64, f64)>,
    },
}

/// How a map was chosen and what it did: a section of the manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// The map.
    #[serde(flatten)]
    pub map: Calibration,
    /// Rows that it was fitted on, all scored by models that had not seen them.
    pub rows: usize,
    /// Mean log loss of each method on folds that it was not fitted on; `none` is the score as it was.
    pub candidates: BTreeMap<String, f64>,
    /// The share of wrong labels that was seen through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_noise: Option<f64>,
    /// Share of positives among labelled rows, and as estimated for all rows, to which the map was moved; the figures below are
    /// of labelled rows, before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_rates: Option<(f64, f64)>,
    /// Figures of those rows as they were.
    pub before: Reliability,
    /// Figures of those rows, each mapped as fitted on the other folds.
    pub after: Reliability,
}

/// How far probabilities are from what is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Expected calibration error over 10 bins of equal width.
    pub ece: f64,
    /// Mean squared error.
    pub brier: f64,
    /// Mean negative log-likelihood.
    pub log_loss: f64,
}

/// Parameters that are no monotone map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("calibration `{method}`: expected {expected}")]
pub struct CalibrationError {
    /// Which method.
    pub method: &'static str,
    /// What its parameters must be.
    pub expected: &'static str,
}

impl Calibration {
    /// As in the manifest.
    pub fn name(&self) -> &'static str {
        match self {
            Calibration::Platt { .. } => "platt",
            Calibration::Beta { .. } => "beta",
            Calibration::Isotonic { .. } => "isotonic",
        }
    }

    /// The probability of a raw score.
    pub fn probability(&self, raw: f64) -> f64 {
        match self {
            Calibration::Platt { slope, intercept } => math::sigmoid(slope * raw + intercept),
            // ln p = -ln(1 + e^-raw), ln(1 - p) = -ln(1 + e^raw)
            Calibration::Beta { a, b, c } => math::sigmoid(b * softplus(raw) - a * softplus(-raw) + c),
            Calibration::Isotonic { knots } => (1.0 - TILT) * between(knots, raw) + TILT * math::sigmoid(raw),
        }
    }

    /// Whether the parameters are a monotone map onto probabilities.
    ///
    /// # Errors
    /// When they are not.
    pub fn check(&self) -> Result<(), CalibrationError> {
        let (fits, expected) = match self {
            Calibration::Platt { slope, intercept } => {
                (slope.is_finite() && *slope > 0.0 && intercept.is_finite(), "a finite slope above 0")
            }
            Calibration::Beta { a, b, c } => {
                let finite = a.is_finite() && b.is_finite() && c.is_finite();
                (finite && *a >= 0.0 && *b >= 0.0 && a + b > 0.0, "finite a and b of at least 0, not both 0")
            }
            Calibration::Isotonic { knots } => {
                let ascend = |w: &[(f64, f64)]| w[0].0 < w[1].0 && w[0].1 <= w[1].1;
                let legal = |&(raw, p): &(f64, f64)| raw.is_finite() && p > 0.0 && p < 1.0;
                let fits = !knots.is_empty() && knots.iter().all(legal) && knots.windows(2).all(ascend);
                (fits, "knots of ascending raw scores and probabilities between 0 and 1")
            }
        };
        if fits { Ok(()) } else { Err(CalibrationError { method: self.name(), expected }) }
    }
}

/// ln(1 + e^x) without overflow.
fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + math::ln_1p(math::exp(-x)) } else { math::ln_1p(math::exp(x)) }
}

fn between(knots: &[(f64, f64)], raw: f64) -> f64 {
    let after = knots.partition_point(|knot| knot.0 <= raw);
    match (after.checked_sub(1).map(|i| knots[i]), knots.get(after)) {
        (Some((x0, y0)), Some(&(x1, y1))) => (y0 + (y1 - y0) * ((raw - x0) / (x1 - x0))).clamp(y0, y1),
        (Some((_, last)), None) => last,
        (None, Some(&(_, first))) => first,
        (None, None) => 0.5,
    }
}

/// The share of the logistic function in an isotonic map.
const TILT: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn maps() -> [Calibration; 3] {
        [
            Calibration::Platt { slope: 0.7, intercept: -0.3 },
            Calibration::Beta { a: 0.9, b: 0.2, c: 0.1 },
            Calibration::Isotonic { knots: vec![(-3.0, 0.01), (-1.0, 0.2), (0.0, 0.2), (2.0, 0.9)] },
        ]
    }

    proptest! {
        #[test]
        fn order_is_kept(raws in prop::collection::vec(-30.0..30.0_f64, 2..60)) {
            for map in maps() {
                let mut raws = raws.clone();
                raws.sort_by(f64::total_cmp);
                let scores: Vec<f64> = raws.iter().map(|&raw| map.probability(raw)).collect();
                prop_assert!(scores.windows(2).all(|w| w[0] <= w[1]), "{} {:?}", map.name(), scores);
                prop_assert!(scores.iter().all(|p| (0.0..=1.0).contains(p)));
                for (r, s) in raws.windows(2).zip(scores.windows(2)) {
                    prop_assert!(r[1] - r[0] < 1e-3 || r[1].abs().max(r[0].abs()) > 12.0 || s[0] < s[1]);
                }
            }
        }
    }

    #[test]
    fn cases_by_hand() {
        assert_eq!(Calibration::Platt { slope: 1.0, intercept: 0.0 }.probability(0.0), 0.5);
        let identity = Calibration::Beta { a: 1.0, b: 1.0, c: 0.0 };
        for raw in [-700.0, -5.0, 0.0, 0.3, 8.0, 700.0] {
            assert!((identity.probability(raw) - math::sigmoid(raw)).abs() < 1e-12, "{raw}");
        }
        let [_, _, steps] = maps();
        assert!((steps.probability(-2.0) - 0.105).abs() < 1e-5);
        assert!(steps.probability(-0.5) < steps.probability(-0.4), "level parts keep the order");
        assert!((steps.probability(99.0) - 0.9).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_monotone_map_is_refused() {
        assert!(maps().iter().all(|map| map.check().is_ok()));
        let wrong = [
            Calibration::Platt { slope: -1.0, intercept: 0.0 },
            Calibration::Platt { slope: 1.0, intercept: f64::NAN },
            Calibration::Beta { a: -1e-9, b: 1.0, c: 0.0 },
            Calibration::Beta { a: 0.0, b: 0.0, c: 0.0 },
            Calibration::Isotonic { knots: vec![] },
            Calibration::Isotonic { knots: vec![(0.0, 0.5), (1.0, 0.4)] },
            Calibration::Isotonic { knots: vec![(1.0, 0.1), (1.0, 0.4)] },
            Calibration::Isotonic { knots: vec![(1.0, 1.0)] },
        ];
        for map in wrong {
            let said = map.check().expect_err("refused").to_string();
            assert!(said.starts_with(&format!("calibration `{}`: expected", map.name())), "{said}");
        }
    }

    #[test]
    fn numbers_read_back_exactly() {
        for map in maps() {
            let text = serde_json::to_string(&map).expect("numbers");
            assert!(text.starts_with(&format!("{{\"method\":\"{}\"", map.name())), "{text}");
            assert_eq!(serde_json::from_str::<Calibration>(&text).expect("reads back"), map);
        }
    }
}
