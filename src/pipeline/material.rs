//! All labelled rows: how good a way of training is on them, and the models they make.
//!
//! In flow rows, features and groups (address, pattern instance); out flow folds to judge on ([`Material::cross`]) and models
//! ([`Material::train`]). A model's training: features that repeat others or that folds do not lean on are left out, where
//! configured; folds score rows that their models had not seen, and the scorers' calibration is fitted on these; the latest dates,
//! without a group in common with the rows learned from, choose the number of rounds; then the model learns all rows for
//! that many rounds. The result depends on rows, their order and the configuration alone.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::calibrate::{self, Method, Scored};
use super::config::{CalibrationRows, Config};
use super::cross::{Cross, FoldScores, measure, places};
use super::examples::Examples;
use super::folds::Folds;
use super::learner::{Learner, Overrides, has_both};
use super::time_folds::Basis;
use super::train::{TrainError, Trained};
use super::warning::Warning;
use crate::aml::bundle::{Dropped, Kind, Manifest};
use crate::aml::calibration::Calibrated;
use crate::aml::features::{FeatureSet, Rows};
use crate::aml::target;
use crate::gbdt::infer::Predictor;
use crate::gbdt::model::Model;

/// All labelled rows, ready to learn from.
#[derive(Debug)]
pub struct Material {
    /// The settings.
    pub config: Config,
    pub(super) alerts: Table,
    pub(super) clusters: Table,
    pub(super) groups: Folds,
    pub(super) manifest: Manifest,
    pub(super) warnings: Vec<Warning>,
}

/// Rows of one kind and what they consist of.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) features: FeatureSet,
    pub(super) rows: Examples,
}

impl Material {
    /// The labelled rows of one kind of model, cut into folds, with all features.
    ///
    /// # Errors
    /// When targets are of one class or none, a feature tells them, or no fold has both classes on both sides.
    pub fn cross(&self, kind: Kind) -> Result<Cross<'_>, TrainError> {
        let Table { features, rows } = self.table(kind);
        self.check(kind)?;
        Cross::new(&self.config, kind, features, rows, &self.groups)
    }

    /// What a model of this kind is learned from.
    pub fn examples(&self, kind: Kind) -> &Examples {
        &self.table(kind).rows
    }

    /// What the manifest says of the data; no models yet.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What should be told of the data.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Trains one model.
    ///
    /// # Errors
    /// When targets are of one class or none, a feature tells them, or parameters do not fit.
    pub fn train(&self, kind: Kind) -> Result<Trained, TrainError> {
        self.check(kind)?;
        let mut warnings = vec![];
        let share = self.examples(kind).positives() as f64 / self.examples(kind).len() as f64;
        if !(0.05..=0.95).contains(&share) {
            warnings.push(Warning::Rate { model: kind.name(), share });
        }
        let (table, dropped) = self.select(kind, &mut warnings)?;
        let calibrated = kind != Kind::AlertRanker && self.config.calibration != Method::None;
        let out_of_fold = if calibrated { self.try_folds(kind, &table, &mut warnings)? } else { None };
        let (model, metrics) = self.learn(kind, &table)?;
        let calibration = out_of_fold.as_ref().and_then(|folds| self.calibrate(&table, folds, &model));
        let nothing = Overrides::new();
        let plan = Learner { config: &self.config, kind, overrides: &nothing }.plan(None)?;
        Ok(Trained {
            kind,
            model,
            rows: table.rows.len(),
            positives: table.rows.positives(),
            metrics,
            parameters: plan.record().iter().cloned().collect(),
            dropped,
            out_of_fold,
            calibration,
            warnings,
        })
    }

    /// Scores of all folds' judged rows by models that had not seen them.
    ///
    /// # Errors
    /// As [`Material::cross`].
    pub fn out_of_fold(&self, kind: Kind) -> Result<FoldScores, TrainError> {
        self.cross(kind)?.score(&Overrides::new(), &mut |_| ControlFlow::Continue(()))
    }

    /// The rows with the features that the selection keeps, and the others.
    fn select(&self, kind: Kind, warnings: &mut Vec<Warning>) -> Result<(Table, Vec<Dropped>), TrainError> {
        let selection = self.config.selection;
        let mut dropped = selection.repeated(self.examples(kind));
        let mut table = self.table(kind).without(&dropped);
        if selection.needs_folds() {
            if let Some(folds) = self.try_folds(kind, &table, warnings)? {
                let idle = selection.idle(&table.rows, &folds);
                table = table.without(&idle);
                dropped.extend(idle);
            }
        }
        if table.features.features().is_empty() {
            return Err(TrainError::NoFeature { model: kind.name() });
        }
        Ok((table, dropped))
    }

    /// Fold scores, or a warning why there are none.
    fn try_folds(
        &self,
        kind: Kind,
        table: &Table,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<FoldScores>, TrainError> {
        let model = kind.name();
        let cross = match Cross::new(&self.config, kind, &table.features, &table.rows, &self.groups) {
            Ok(cross) => cross,
            Err(error @ (TrainError::Folds(_) | TrainError::OneClassFolds { .. })) => {
                warnings.push(Warning::NoFolds { model, reason: error.to_string() });
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut tell = |warning: Warning| {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        };
        if cross.basis() == Basis::Groups {
            tell(Warning::OneDate { model });
        }
        if !cross.one_class().is_empty() {
            tell(Warning::OneClass { model, folds: cross.one_class().to_vec() });
        }
        cross.score(&Overrides::new(), &mut |_| ControlFlow::Continue(())).map(Some)
    }

    /// The map of the folds' scores, moved to what is true and to the base rate of all rows where configured.
    fn calibrate(&self, table: &Table, folds: &FoldScores, model: &Model) -> Option<Calibrated> {
        let label = |&row: &usize| f32::from(u8::from(table.rows.targets[row].positive));
        let scored = folds.folds.iter().map(|fold| Scored {
            raw: fold.raw.clone(),
            labels: fold.rows.iter().map(label).collect(),
            weights: vec![],
        });
        let scored: Vec<Scored> = scored.collect();
        let chosen = calibrate::choose(self.config.calibration, &scored)?;
        let (one, seen) =
            calibrate::to_true_labels(chosen, Scored::pooled(&scored), self.config.noise_of_targets());
        if self.config.calibration_rows == CalibrationRows::Labelled {
            return Some(one);
        }
        let predictor = Predictor::new(model);
        let others = predictor.raw(&table.rows.others).expect("the features of the same set");
        Some(calibrate::to_all_rows(one, seen, table.rows.len(), &others))
    }

    /// The model of all rows, and figures on the dates that chose the number of rounds.
    fn learn(&self, kind: Kind, table: &Table) -> Result<(Model, BTreeMap<String, f64>), TrainError> {
        let Table { features, rows } = table;
        let nothing = Overrides::new();
        let learner = Learner { config: &self.config, kind, overrides: &nothing };
        let masked = learner.masked(features, rows);
        let all: Vec<usize> = (0..rows.len()).collect();
        let (learn, stop) = learner.hold_out(&places(rows, &self.groups), &all, &self.groups, 0);
        let (learned, held) = (masked.take(&learn), rows.take(&stop));
        let (rounds, metrics) = match has_both(&learned) && has_both(&held) {
            true => {
                let model = learner.fit_stopping(&learned, &held)?;
                (model.trees.len(), held_out(kind, &model, &held))
            }
            false => (learner.plan(None)?.num_iterations() as usize, BTreeMap::new()),
        };
        Ok((learner.fit(&masked, rounds)?, metrics))
    }

    fn check(&self, kind: Kind) -> Result<(), TrainError> {
        let refuse = |reason| TrainError::Target { model: kind.name(), reason };
        let rows = &self.table(kind).rows;
        target::check(&rows.matrix, &rows.targets, rows.dropped_labels).map_err(refuse)
    }

    fn table(&self, kind: Kind) -> &Table {
        match kind.rows() {
            Rows::Alerts => &self.alerts,
            Rows::Clusters => &self.clusters,
        }
    }
}

impl Table {
    /// Without these features.
    fn without(&self, dropped: &[Dropped]) -> Table {
        let names: BTreeSet<&str> = dropped.iter().map(|one| one.feature.as_str()).collect();
        let schema = self.rows.matrix.schema();
        let kept: Vec<usize> = schema
            .names()
            .enumerate()
            .filter(|(_, name)| !names.contains(name))
            .map(|(feature, _)| feature)
            .collect();
        let features = self.features.clone().without(|feature| names.contains(&*feature.name));
        let (matrix, others) = (self.rows.matrix.select(&kept), self.rows.others.select(&kept));
        let rows = Examples { matrix, others, ..self.rows.clone() };
        Table { features, rows }
    }
}

/// Trains a model on examples, for a fixed number of rounds where one is given.
///
/// # Errors
/// When the engine refuses parameters or data.
pub fn fit(
    config: &Config,
    kind: Kind,
    examples: &Examples,
    rounds: Option<usize>,
) -> Result<Model, TrainError> {
    let nothing = Overrides::new();
    let learner = Learner { config, kind, overrides: &nothing };
    let rounds = rounds.map_or_else(|| learner.plan(None).map(|p| p.num_iterations() as usize), Ok)?;
    learner.fit(examples, rounds)
}

fn held_out(kind: Kind, model: &Model, held: &Examples) -> BTreeMap<String, f64> {
    let predictor = Predictor::new(model);
    let raw = predictor.raw(&held.matrix).expect("the model was trained on these features");
    let scores: Vec<f64> = raw.iter().map(|&raw| predictor.score(raw)).collect();
    let mut metrics = measure(kind, held, &raw, &scores);
    metrics.insert("held_out_rows".to_owned(), held.len() as f64);
    metrics.insert("held_out_base_rate".to_owned(), held.positives() as f64 / held.len() as f64);
    metrics
}
