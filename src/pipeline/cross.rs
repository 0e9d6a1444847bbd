//! How good a way of training is: the same settings trained and judged on each fold.
//!
//! In flow the labelled rows of one kind of model and its settings; out flow, per fold, the scores of rows that the fold's model
//! knew nothing of (out of fold), and figures on them. Each fold's model learns what was known on its first judged day: rows
//! of earlier dates whose label had been written by then, of other groups. It is stopped by the latest of these, not by the judged
//! rows. Whoever compares settings gets a word after each fold and may stop.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use chrono::NaiveDate;

use super::config::Config;
use super::examples::Examples;
use super::folds::Folds;
use super::learner::{Learner, Overrides, has_both};
use super::time_folds::{Basis, Fold, Place};
use super::train::TrainError;
use crate::aml::bundle::Kind;
use crate::aml::features::FeatureSet;
use crate::gbdt::infer::Predictor;
use crate::gbdt::model::{Model, describe};
use crate::metrics::{binary, ranking};

/// Rows of one kind of model, cut into folds once; settings are tried on it as often as needed.
#[derive(Debug)]
pub struct Cross<'a> {
    config: &'a Config,
    kind: Kind,
    rows: &'a Examples,
    masked: Examples,
    groups: &'a Folds,
    folds: Vec<Fold>,
    basis: Basis,
    /// Folds left out because one side has one class only.
    one_class: Vec<usize>,
}

/// What a fold's model said of the fold's judged rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldScore {
    /// The fold's number.
    pub number: usize,
    /// The first judged date.
    pub cut: NaiveDate,
    /// Positions of the judged rows in the examples.
    pub rows: Vec<usize>,
    /// How many rows were learned from or stopped the training.
    pub learned: usize,
    /// Boosting rounds.
    pub rounds: usize,
    /// Raw scores of the judged rows.
    pub raw: Vec<f64>,
    /// Their scores: probabilities, but for the ranker.
    pub scores: Vec<f64>,
    /// `auc`, `average_precision`, `ndcg@10`; but for the ranker also `binary_logloss` and `brier`.
    pub metrics: BTreeMap<String, f64>,
    /// Each feature's share of the model's total gain, in the order of features.
    pub gains: Vec<f64>,
}

/// The folds that were tried, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoldScores {
    /// One per fold; fewer than the [`Cross`] has when it was stopped.
    pub folds: Vec<FoldScore>,
}

impl FoldScores {
    /// Mean of a figure over the folds that have it.
    pub fn mean(&self, metric: &str) -> Option<f64> {
        let values: Vec<f64> = self.folds.iter().filter_map(|f| f.metrics.get(metric).copied()).collect();
        let sum = values.iter().fold(0.0, |sum, value| sum + value);
        (!values.is_empty()).then(|| sum / values.len() as f64)
    }
}

impl FoldScores {
    /// Means of all figures.
    pub fn means(&self) -> BTreeMap<String, f64> {
        let names: BTreeSet<&String> = self.folds.iter().flat_map(|fold| fold.metrics.keys()).collect();
        names.into_iter().filter_map(|name| Some((name.clone(), self.mean(name)?))).collect()
    }
}

impl<'a> Cross<'a> {
    /// Cuts the rows. `groups` tells which addresses must stand together.
    ///
    /// # Errors
    /// When no fold has rows of both classes on both sides.
    pub fn new(
        config: &'a Config,
        kind: Kind,
        features: &FeatureSet,
        rows: &'a Examples,
        groups: &'a Folds,
    ) -> Result<Self, TrainError> {
        let places = places(rows, groups);
        let (basis, mut folds) = config.folds.cut(&places, groups)?;
        if basis == Basis::Time {
            for fold in &mut folds {
                let day = fold.cut.signed_duration_since(NaiveDate::default()).num_milliseconds();
                fold.learn.retain(|&row| rows.targets[row].known_ms < day);
            }
        }
        let usable = |fold: &Fold| {
            let both = |rows: &Examples, own: &[usize]| {
                let positives = own.iter().filter(|&&row| rows.targets[row].positive).count();
                (1..own.len()).contains(&positives)
            };
            both(rows, &fold.learn) && both(rows, &fold.test)
        };
        let one_class = folds.iter().filter(|fold| !usable(fold)).map(|fold| fold.number).collect();
        folds.retain(usable);
        if folds.is_empty() {
            return Err(TrainError::OneClassFolds { model: kind.name() });
        }
        let nothing = Overrides::new();
        let masked = Learner { config, kind, overrides: &nothing }.masked(features, rows);
        Ok(Cross { config, kind, rows, masked, groups, folds, basis, one_class })
    }

    /// The folds.
    pub fn folds(&self) -> &[Fold] {
        &self.folds
    }

    /// What separates their sides.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// The rows that folds point into.
    pub fn examples(&self) -> &Examples {
        self.rows
    }

    /// Numbers of the folds that could not be used, as one side has one class only.
    pub fn one_class(&self) -> &[usize] {
        &self.one_class
    }

    /// Trains and judges on each fold in turn, until `after` says stop.
    ///
    /// # Errors
    /// When the engine refuses the parameters.
    pub fn score(
        &self,
        overrides: &Overrides,
        after: &mut dyn FnMut(&FoldScore) -> ControlFlow<()>,
    ) -> Result<FoldScores, TrainError> {
        let mut scores = FoldScores::default();
        for fold in &self.folds {
            let next = self.judge(fold, overrides)?;
            let asked = after(&next);
            scores.folds.push(next);
            if asked.is_break() {
                break;
            }
        }
        Ok(scores)
    }

    fn judge(&self, fold: &Fold, overrides: &Overrides) -> Result<FoldScore, TrainError> {
        let learner = Learner { config: self.config, kind: self.kind, overrides };
        let model = self.learn(fold, learner)?;
        let held = self.rows.take(&fold.test);
        let predictor = Predictor::new(&model);
        let raw = predictor.raw(&held.matrix).expect("the model was trained on these features");
        let scores: Vec<f64> = raw.iter().map(|&raw| predictor.score(raw)).collect();
        Ok(FoldScore {
            number: fold.number,
            cut: fold.cut,
            rows: fold.test.clone(),
            learned: fold.learn.len(),
            rounds: model.trees.len(),
            metrics: measure(self.kind, &held, &raw, &scores),
            gains: shares(&model),
            raw,
            scores,
        })
    }

    fn learn(&self, fold: &Fold, learner: Learner<'_>) -> Result<Model, TrainError> {
        let places = places(self.rows, self.groups);
        let part = (fold.number as u32 + 1) % self.groups.count();
        let (learn, stop) = learner.hold_out(&places, &fold.learn, self.groups, part);
        let (learned, stop) = (self.masked.take(&learn), self.rows.take(&stop));
        if has_both(&learned) && has_both(&stop) {
            return learner.fit_stopping(&learned, &stop);
        }
        let rounds = learner.plan(None)?.num_iterations() as usize;
        learner.fit(&self.masked.take(&fold.learn), rounds)
    }
}

/// Date and group of each row.
pub fn places<'a>(rows: &'a Examples, groups: &'a Folds) -> Vec<Place<'a>> {
    rows.subjects.iter().map(|s| Place { date: s.date, group: groups.group(&s.address) }).collect()
}

/// Figures of scores on rows with targets.
pub fn measure(kind: Kind, held: &Examples, raw: &[f64], scores: &[f64]) -> BTreeMap<String, f64> {
    let labels = held.labels();
    let mut metrics = BTreeMap::new();
    let mut put = |name: &str, value: Option<f64>| value.map(|v| metrics.insert(name.to_owned(), v));
    put("auc", binary::auc(&labels, raw, None));
    put("average_precision", binary::average_precision(&labels, raw, None));
    put("ndcg@10", Some(ranking::ndcg_at(&held.grades(), raw, &held.groups(), 10)));
    if kind != Kind::AlertRanker {
        put("binary_logloss", binary::binary_logloss(&labels, scores, None));
        put("brier", binary::brier(&labels, scores, None));
    }
    metrics
}

/// Each feature's gain over the sum of all; zeros where no tree splits.
fn shares(model: &Model) -> Vec<f64> {
    let gains: Vec<f64> = describe::importances(model).iter().map(|one| one.gain).collect();
    let sum = gains.iter().fold(0.0, |sum, gain| sum + gain);
    gains.iter().map(|gain| if sum > 0.0 { gain / sum } else { 0.0 }).collect()
}
