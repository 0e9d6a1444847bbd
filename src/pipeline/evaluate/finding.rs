//! What the figures say, check by check: the summary that a reader sees first.

use serde::{Deserialize, Serialize};

use super::budget::beaten_at;
use super::study::{ModelStudy, Study};
use crate::metrics::binary;

/// One check and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What was checked.
    pub check: String,
    /// How it went.
    pub status: Status,
    /// The figures behind it.
    pub detail: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Pass,
    /// To be looked at by a person.
    Watch,
    /// Not as it should be: the models must not be relied on before it is explained.
    Fail,
    /// The data cannot say.
    Unknown,
}

impl Status {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Status::Pass => "pass",
            Status::Watch => "watch",
            Status::Fail => "fail",
            Status::Unknown => "unknown",
        }
    }
}

/// All checks, in the order of the report.
pub(super) fn findings(study: &Study) -> Vec<Finding> {
    let mut all = vec![unseen(study), networks(study), label_times(study), skew(study), adversary(study)];
    for model in &study.models {
        all.push(single_features(study, model));
        all.push(discriminates(model));
        all.push(beats_baselines(model));
        all.extend(calibrated(model));
        all.push(stable(model));
        all.push(drift(model));
        all.push(fair(model));
        all.extend(duel(model));
    }
    all
}

fn finding(check: impl Into<String>, status: Status, detail: impl Into<String>) -> Finding {
    Finding { check: check.into(), status, detail: detail.into() }
}

fn unseen(study: &Study) -> Finding {
    let overlap = &study.leakage.overlap;
    let check = "Judged batches were not trained on";
    if !overlap.trained_on.is_empty() {
        let detail = format!("trained on {} of them: {}", overlap.trained_on.len(), few(&overlap.trained_on));
        return finding(check, Status::Fail, detail);
    }
    if !overlap.sharing_days.is_empty() {
        let (count, to) = (overlap.sharing_days.len(), &overlap.trained_to);
        let detail = format!(
            "{count} begin before {to}, the last training date: their windows share days with training"
        );
        return finding(check, Status::Watch, detail);
    }
    finding(
        check,
        Status::Pass,
        format!(
            "all begin at or after {}, the last training date, or are of another network",
            overlap.trained_to
        ),
    )
}

fn networks(study: &Study) -> Finding {
    let unknown: Vec<String> = study.leakage.overlap.unknown_networks.iter().cloned().collect();
    let check = "Judged networks are those of training";
    match unknown.is_empty() {
        true => finding(check, Status::Pass, "all are"),
        false => finding(check, Status::Watch, format!("training held no batch of {}", few(&unknown))),
    }
}

fn label_times(study: &Study) -> Finding {
    let sum =
        |of: fn(&super::leakage::LabelAges) -> usize| study.leakage.labels.iter().map(of).sum::<usize>();
    let (labels, undated, newer) = (sum(|l| l.labels), sum(|l| l.undated), sum(|l| l.newer_than_data));
    let check = "Times of labels are known";
    if labels == 0 {
        return finding(check, Status::Unknown, "no batch has labels");
    }
    let status = if undated > 0 { Status::Watch } else { Status::Pass };
    finding(
        check,
        status,
        format!(
            "{labels} labels, {undated} undated, {newer} newer than their batch (targets only: no feature reads labels)"
        ),
    )
}

fn skew(study: &Study) -> Finding {
    let check = "Features of a request equal those of the batch on disk";
    match study.leakage.skew.present() {
        None => finding(check, Status::Unknown, reason(&study.leakage.skew)),
        Some(skew) => {
            let status = if skew.different == 0 { Status::Pass } else { Status::Fail };
            let (different, cells, batch) = (skew.different, skew.cells, &skew.batch);
            finding(check, status, format!("{different} of {cells} values differ ({batch})"))
        }
    }
}

fn adversary(study: &Study) -> Finding {
    let check = "Periods look alike to a small model";
    match study.leakage.adversary.present() {
        None => finding(check, Status::Unknown, reason(&study.leakage.adversary)),
        Some(adversary) => {
            let status = if adversary.auc < PERIODS_APART { Status::Pass } else { Status::Watch };
            let told: Vec<String> = adversary.features.iter().map(|(name, _)| name.clone()).collect();
            let detail =
                format!("AUC {:.3} telling {}; most by {}", adversary.auc, adversary.periods, few(&told));
            finding(check, status, detail)
        }
    }
}

fn single_features(study: &Study, model: &ModelStudy) -> Finding {
    let check = format!("{}: no single feature tells the target", model.model);
    let part = study.leakage.single_features.get(&model.model);
    match part.and_then(super::Part::present) {
        None => finding(check, Status::Unknown, part.map_or_else(String::new, reason)),
        Some(features) => {
            let suspects: Vec<String> =
                features.iter().filter(|f| f.suspect).map(|f| f.feature.clone()).collect();
            let best = features
                .first()
                .map_or_else(String::new, |f| format!("best alone: {} with AUC {:.3}", f.feature, f.auc));
            match suspects.is_empty() {
                true => finding(check, Status::Pass, best),
                false => {
                    finding(check, Status::Fail, format!("{best}; at or above the limit: {}", few(&suspects)))
                }
            }
        }
    }
}

fn discriminates(model: &ModelStudy) -> Finding {
    let check = format!("{}: orders rows better than any baseline", model.model);
    let Some(headlines) = model.headlines.present() else {
        return finding(check, Status::Unknown, reason(&model.headlines));
    };
    let best = model.baseline_auc.iter().map(|(name, auc)| (auc.max(1.0 - auc), name));
    let best = best.max_by(|a, b| a.0.total_cmp(&b.0));
    let Some(auc) = headlines.iter().find(|one| one.metric == "auc") else {
        return finding(check, Status::Unknown, "no AUC");
    };
    let low = auc.low.unwrap_or(auc.value);
    let (rival, name) = best.map_or((0.5, "chance"), |(auc, name)| (auc, name.as_str()));
    let status = if low > rival {
        Status::Pass
    } else if auc.value > rival {
        Status::Watch
    } else {
        Status::Fail
    };
    let high = auc.high.unwrap_or(auc.value);
    finding(
        check,
        status,
        format!(
            "AUC {:.3} ({low:.3} to {high:.3}), best baseline, in its better direction, {name} {rival:.3}",
            auc.value
        ),
    )
}

fn beats_baselines(model: &ModelStudy) -> Finding {
    let check = format!("{}: finds at least as many as every baseline at every budget", model.model);
    let Some(yields) = model.yields.present() else {
        return finding(check, Status::Unknown, reason(&model.yields));
    };
    let beaten: Vec<String> =
        beaten_at(yields, &model.model).into_iter().map(|(budget, by)| format!("{budget} ({by})")).collect();
    match beaten.is_empty() {
        true => finding(check, Status::Pass, "at all budgets"),
        false => finding(check, Status::Fail, format!("beaten at {}", few(&beaten))),
    }
}

fn calibrated(model: &ModelStudy) -> Option<Finding> {
    let calibration = model.calibration.present()?;
    let check = format!("{}: probabilities mean what they say", model.model);
    let status = match calibration.ece {
        ece if ece < ECE_PASS => Status::Pass,
        ece if ece < ECE_WATCH => Status::Watch,
        _ => Status::Fail,
    };
    let detail = format!(
        "expected calibration error {:.4}, Brier {:.4} ({:.4} for the base rate)",
        calibration.ece, calibration.brier, calibration.brier_of_base_rate
    );
    Some(finding(check, status, detail))
}

fn stable(model: &ModelStudy) -> Finding {
    let check = format!("{}: holds from batch to batch", model.model);
    let Some(days) = model.days.present() else {
        return finding(check, Status::Unknown, reason(&model.days));
    };
    let aucs: Vec<f64> = days.iter().filter_map(|day| day.auc).collect();
    if aucs.len() < 2 {
        return finding(check, Status::Unknown, "fewer than two batches with both classes");
    }
    let worst = aucs.iter().copied().fold(f64::INFINITY, f64::min);
    let best = aucs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let status = if best - worst < AUC_SPREAD { Status::Pass } else { Status::Watch };
    finding(check, status, format!("AUC from {worst:.3} to {best:.3} over {} batches", aucs.len()))
}

fn drift(model: &ModelStudy) -> Finding {
    let check = format!("{}: features are distributed as in training", model.model);
    let features = model.features.present().map_or(&[][..], Vec::as_slice);
    if features.iter().all(|feature| feature.psi.is_none()) {
        return finding(check, Status::Unknown, "the bundle holds no training quantiles");
    }
    let moved: Vec<String> = features
        .iter()
        .filter(|f| f.mean_abs_shap > 0.0 && f.psi.is_some_and(|psi| psi > PSI_MOVED))
        .map(|f| f.feature.clone())
        .collect();
    let status = if moved.is_empty() { Status::Pass } else { Status::Watch };
    let detail = match moved.is_empty() {
        true => format!("no feature in use above {PSI_MOVED}"),
        false => format!("{} features in use above {PSI_MOVED}: {}", moved.len(), few(&moved)),
    };
    finding(check, status, detail)
}

fn fair(model: &ModelStudy) -> Finding {
    let check = format!("{}: groups fare alike", model.model);
    let Some(groups) = model.groups.present() else {
        return finding(check, Status::Unknown, reason(&model.groups));
    };
    let (mut compared, mut apart) = (0, vec![]);
    for attribute in ["network", "address type"] {
        let large = groups.iter().filter(|group| group.attribute == attribute && !group.small);
        let rates: Vec<f64> = large.filter_map(|group| group.false_positive_rate).collect();
        if rates.len() < 2 {
            continue;
        }
        compared += rates.len();
        let low = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let high = rates.iter().copied().fold(0.0, f64::max);
        if high > RATE_RATIO * low && high - low > RATE_GAP {
            apart.push(format!("{attribute} (false positive rates {low:.3} to {high:.3})"));
        }
    }
    match (compared, apart.is_empty()) {
        (0, _) => {
            finding(check, Status::Unknown, "no two networks or kinds of address are large enough to compare")
        }
        (_, true) => finding(check, Status::Pass, format!("{compared} groups large enough to compare")),
        (_, false) => finding(check, Status::Watch, few(&apart)),
    }
}

fn duel(model: &ModelStudy) -> Option<Finding> {
    let duels = model.duels.present()?;
    let check = format!("{}: not worse than the other bundle", model.model);
    let worse: Vec<String> =
        duels.iter().filter(|d| d.high.unwrap_or(d.difference) < 0.0).map(|d| d.metric.clone()).collect();
    let shown: Vec<String> = duels.iter().map(|d| format!("{} {:+.4}", d.metric, d.difference)).collect();
    let status = if worse.is_empty() { Status::Pass } else { Status::Fail };
    Some(finding(check, status, shown.join(", ")))
}

/// Why a part is absent.
fn reason<T>(part: &super::Part<T>) -> String {
    match part {
        super::Part::Absent { absent } => absent.clone(),
        super::Part::Present(_) => String::new(),
    }
}

/// The first of many.
fn few(names: &[String]) -> String {
    let rest = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len() - rest].join(", ");
    if rest == 0 { shown } else { format!("{shown} and {rest} more") }
}

/// AUC of each baseline, flat ones aside.
pub(super) fn baseline_auc(labels: &[f32], baselines: &[(String, Vec<f64>)]) -> Vec<(String, f64)> {
    baselines
        .iter()
        .filter_map(|(name, scores)| Some((name.clone(), binary::auc(labels, scores, None)?)))
        .collect()
}

const PERIODS_APART: f64 = 0.75;
const ECE_PASS: f64 = 0.02;
const ECE_WATCH: f64 = 0.05;
const AUC_SPREAD: f64 = 0.1;
/// The usual reading of a population stability index.
const PSI_MOVED: f64 = 0.25;
const RATE_RATIO: f64 = 1.25;
const RATE_GAP: f64 = 0.02;
const SHOWN: usize = 5;
