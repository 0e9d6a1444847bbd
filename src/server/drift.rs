//! How far the rows that are scored, and their scores, have moved from those of training: shares of missing values and PSI of every
//! feature, PSI of the scores, over the last rows that were scored.
//!
//! Of every request some rows are kept, evenly spread, up to [`SAMPLED`](crate::aml::score::text::SAMPLED). Training is known by the quantiles that the
//! models carry, its scores by those of the manifest, which older bundles lack.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::aml::bundle::{Bundle, Kind};
use crate::aml::score::text::SAMPLED;
use crate::determinism::digest::Digest;
use crate::metrics::drift::psi_of_quantiles;

/// Rows of each model that the figures are about.
const WINDOW: usize = 5000;

/// The last rows of each model.
#[derive(Default)]
pub(super) struct Drift(Mutex<BTreeMap<&'static str, Window>>);

struct Window {
    /// The bundle whose features they are.
    bundle: Digest,
    rows: VecDeque<Row>,
}

struct Row {
    features: Box<[f64]>,
    score: f64,
}

/// What is known of a feature.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) model: &'static str,
    pub(super) feature: String,
    /// Share of rows without a value.
    pub(super) missing: f64,
    /// `None` where training or the rows have no values.
    pub(super) psi: Option<f64>,
}

impl Drift {
    /// Takes note of a request: all of its scores, and the features of those rows that are kept, one row after the other.
    pub(super) fn add(&self, bundle: &Bundle, kind: Kind, values: &[f64], scores: &[f64]) {
        let width = bundle.scorer(kind).map_or(0, |scorer| scorer.features().features().len());
        if width == 0 {
            return;
        }
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Window { bundle: bundle.digest(), rows: VecDeque::new() };
        let window = windows.entry(kind.name()).or_insert_with(fresh);
        if window.bundle != bundle.digest() {
            *window = fresh();
        }
        // as the rows were chosen
        let step = scores.len().div_ceil(SAMPLED).max(1);
        for (features, &score) in values.chunks_exact(width).zip(scores.iter().step_by(step)) {
            if window.rows.len() == WINDOW {
                window.rows.pop_front();
            }
            window.rows.push_back(Row { features: features.into(), score });
        }
    }

    /// How many rows there are of each model.
    pub(super) fn rows(&self) -> Vec<(&'static str, usize)> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        windows.iter().map(|(model, window)| (*model, window.rows.len())).collect()
    }

    /// PSI of the scores of each model that scored rows, as far as its training is known.
    pub(super) fn scores(&self, bundle: &Bundle) -> Vec<(&'static str, f64)> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let psi = |kind: Kind| {
            let window = windows.get(kind.name()).filter(|window| window.bundle == bundle.digest())?;
            let expected = bundle.scorer(kind)?.score_quantiles();
            Some((kind.name(), psi_of_quantiles(expected, window.rows.iter().map(|row| row.score))?))
        };
        Kind::ALL.into_iter().filter_map(psi).collect()
    }

    /// What is known of every feature of models that scored rows.
    pub(super) fn figures(&self, bundle: &Bundle) -> Vec<Figure> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut figures = vec![];
        for kind in Kind::ALL {
            let (Some(scorer), Some(window)) = (bundle.scorer(kind), windows.get(kind.name())) else {
                continue;
            };
            if window.bundle != bundle.digest() || window.rows.is_empty() {
                continue;
            }
            for (at, feature) in scorer.features().features().iter().enumerate() {
                let values = || window.rows.iter().map(|row| row.features[at]);
                let missing =
                    values().filter(|value| value.is_nan()).count() as f64 / window.rows.len() as f64;
                let psi = psi_of_quantiles(scorer.quantiles(at), values());
                figures.push(Figure { model: kind.name(), feature: feature.name.to_string(), missing, psi });
            }
        }
        figures
    }
}
