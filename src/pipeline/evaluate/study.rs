//! The long part of a report: everything about each model on one target, with all tables at hand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ablation::{Ablation, ablations};
use super::adversary::{Period, adversary};
use super::budget::{Yield, yields};
use super::day::{Day, days};
use super::duel::{Duel, duels};
use super::feature::{Dependence, FeatureRow, dependence, features};
use super::finding::{Finding, baseline_auc, findings};
use super::group::{Group, groups};
use super::headline::{Headline, headlines};
use super::leakage::{Leakage, single_features};
use super::part::Part;
use super::pool::{Pool, Rows};
use super::settings::Settings;
use super::shape::{Calibration, Curves, Distribution, curves, distribution, reliability};
use super::threshold::{Lines, Thresholds, lines, thresholds};
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::features::Rows as RowsOf;

/// Everything about the models of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// What was asked for.
    pub settings: Settings,
    /// SHA-256 of the other bundle's manifest; empty where none was given.
    #[serde(default)]
    pub against_sha256: String,
    /// The batches.
    pub batches: Vec<BatchNote>,
    /// Check by check.
    pub findings: Vec<Finding>,
    /// One per model that could be judged.
    pub models: Vec<ModelStudy>,
    /// Models that could not be judged, and why.
    pub absent: BTreeMap<String, String>,
    /// The audit.
    pub leakage: Leakage,
}

/// What a batch held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchNote {
    /// Its name.
    pub batch: String,
    /// Its alerts.
    pub alerts: usize,
    /// Its clusters.
    pub clusters: usize,
    /// Tables that it lacks.
    pub without: Vec<String>,
}

/// Everything about one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelStudy {
    /// Which.
    pub model: String,
    /// `alerts` or `clusters`.
    pub rows_of: String,
    /// `labels` or `ground_truth`.
    pub target: String,
    /// Rows with a target.
    pub rows: usize,
    /// Positive ones.
    pub positives: usize,
    /// Pattern instances and addresses that rows belong to: what is resampled beside batches.
    pub units: usize,
    /// The figures that it is known by.
    pub headlines: Part<Vec<Headline>>,
    /// Area under the ROC curve of what needs no model.
    pub baseline_auc: Vec<(String, f64)>,
    /// ROC and precision-recall.
    pub curves: Part<Curves>,
    /// Whether probabilities mean what they say.
    pub calibration: Part<Calibration>,
    /// Scores by class.
    pub distribution: Part<Distribution>,
    /// Hits by review budget.
    pub yields: Part<Vec<Yield>>,
    /// Thresholds and costs.
    pub thresholds: Part<Thresholds>,
    /// Alerts next to the line.
    pub lines: Part<Lines>,
    /// Batch by batch.
    pub days: Part<Vec<Day>>,
    /// Drift and importance.
    pub features: Part<Vec<FeatureRow>>,
    /// Partial dependence.
    pub dependence: Part<Vec<Dependence>>,
    /// Without each family.
    pub ablation: Part<Vec<Ablation>>,
    /// By group.
    pub groups: Part<Vec<Group>>,
    /// Against the other bundle.
    pub duels: Part<Vec<Duel>>,
}

/// What a study is made of.
#[derive(Debug)]
pub(super) struct Material<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) settings: &'a Settings,
    pub(super) alerts: &'a Pool,
    pub(super) clusters: &'a Pool,
    /// Rows of a reference period, for the alert scorer.
    pub(super) reference: Option<&'a Period>,
}

impl Study {
    /// Judges every model of the bundle; `self` holds what was noted while batches came in.
    pub(super) fn fill(&mut self, material: &Material<'_>) {
        self.settings = material.settings.clone();
        self.leakage.single_feature_limit = material.settings.single_feature_limit;
        self.leakage.adversary = Part::absent("no model of alerts could be judged");
        for kind in Kind::ALL {
            let pool = if kind.rows() == RowsOf::Alerts { material.alerts } else { material.clusters };
            let name = kind.name().to_owned();
            if material.bundle.scorer(kind).is_none() {
                self.absent.insert(name, "the bundle holds no such model".to_owned());
                continue;
            }
            let target = primary_target(pool);
            let Some(rows) = pool.rows(material.bundle, kind, target) else {
                self.absent.insert(name, "no batch has rows for it".to_owned());
                continue;
            };
            let limit = material.settings.single_feature_limit;
            let single = target.map_or_else(|| Part::absent(UNLABELLED), |_| single_features(&rows, limit));
            self.leakage.single_features.insert(name, single);
            if self.leakage.adversary.present().is_none() && kind.rows() == RowsOf::Alerts {
                let reference = material.reference.filter(|_| kind == Kind::AlertScorer);
                self.leakage.adversary = adversary(&rows, reference);
            }
            self.models.push(match target {
                Some(target) => ModelStudy::of(&rows, target, material.settings),
                None => ModelStudy::unlabelled(&rows, material.settings),
            });
        }
        self.findings = findings(self);
    }
}

impl ModelStudy {
    /// What needs no target: drift, importance, dependence.
    fn unlabelled(rows: &Rows<'_>, settings: &Settings) -> Self {
        let labelled = ModelStudy::of(rows, "none", &Settings { resamples: 0, ..settings.clone() });
        ModelStudy {
            positives: 0,
            headlines: Part::absent(UNLABELLED),
            baseline_auc: vec![],
            curves: Part::absent(UNLABELLED),
            calibration: Part::absent(UNLABELLED),
            distribution: Part::absent(UNLABELLED),
            yields: Part::absent(UNLABELLED),
            thresholds: Part::absent(UNLABELLED),
            lines: Part::absent(UNLABELLED),
            days: Part::absent(UNLABELLED),
            ablation: Part::absent(UNLABELLED),
            groups: Part::absent(UNLABELLED),
            duels: Part::absent(UNLABELLED),
            ..labelled
        }
    }

    fn of(rows: &Rows<'_>, target: &str, settings: &Settings) -> Self {
        let features = features(rows, settings);
        let dependence = match features.present() {
            Some(features) => dependence(rows, settings, features),
            None => Part::absent("the model reads no feature"),
        };
        ModelStudy {
            model: rows.kind.name().to_owned(),
            rows_of: if rows.kind.rows() == RowsOf::Alerts { "alerts" } else { "clusters" }.to_owned(),
            target: target.to_owned(),
            rows: rows.len(),
            positives: rows.positives(),
            units: rows.n_units,
            headlines: headlines(rows, settings),
            baseline_auc: baseline_auc(&rows.labels, &rows.baselines),
            curves: curves(rows),
            calibration: reliability(rows),
            distribution: distribution(rows),
            yields: yields(rows, settings),
            thresholds: thresholds(rows, settings),
            lines: lines(rows, settings),
            days: days(rows, settings),
            features,
            dependence,
            ablation: ablations(rows),
            groups: groups(rows, settings),
            duels: duels(rows, settings),
        }
    }
}

/// Why parts are absent that need a target.
const UNLABELLED: &str = "no row has a target";

/// The target of most batches; of two with as many, the ground truth, which is complete.
fn primary_target(pool: &Pool) -> Option<&'static str> {
    let known = pool.targets().filter(|target| pool.batches_with(target) > 0);
    known.max_by_key(|target| (pool.batches_with(target), *target == super::GROUND_TRUTH))
}
