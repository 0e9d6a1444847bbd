//! Models of a configuration judged where they were not trained: folds that hold whole pattern instances out.

use super::figures::{CONFIDENCE, Judged, SEVERITY};
use super::marks::{confidence_score, severity_score};
use super::{ALERTS, EvaluateError, Report, View};
use crate::aml::bundle::Kind;
use crate::aml::features::FeatureSet;
use crate::aml::sot::Batch;
use crate::aml::target::Source;
use crate::gbdt::infer::Predictor;
use crate::pipeline::config::Config;
use crate::pipeline::examples::Examples;
use crate::pipeline::folds::Folds;
use crate::pipeline::train;

/// Trains on all folds but one and judges that one, for each in turn: how good models of this kind are on these batches, where
/// whole pattern instances are unknown. The target is the ground truth.
///
/// `rounds` is the number of trees, as stopping early by the judged fold would flatter.
///
/// # Errors
/// When folds cannot be made or trained.
pub fn cross_validate(
    config: &Config,
    batches: &[Batch],
    folds: u32,
    rounds: usize,
) -> Result<Report, EvaluateError> {
    let mut report = Report { title: format!("{folds} folds, instances held out"), ..Report::default() };
    report.batches = batches.iter().map(|batch| batch.id.name()).collect();
    for view in [View::AllTables, View::OfficialColumns] {
        let seen: Vec<Batch> = batches.iter().map(|batch| view.of(batch)).collect();
        let judged = out_of_fold(config, &seen, folds, rounds)?;
        report.sections.push(judged.section(ALERTS, "ground_truth", view.name()));
    }
    Ok(report)
}

/// Scores of every row by a model that saw neither it nor any address of its instance.
fn out_of_fold(
    config: &Config,
    batches: &[Batch],
    folds: u32,
    rounds: usize,
) -> Result<Judged, EvaluateError> {
    let set = config.read_of(FeatureSet::alerts());
    let (mut parts, mut severity, mut confidence) = (vec![], vec![], vec![]);
    for batch in batches {
        let next = Examples::of(batch, &set, Source::GroundTruth)?;
        let alerts = batch.alerts.as_deref().unwrap_or_default();
        severity.extend(next.subjects.iter().map(|s| severity_score(&alerts[s.row].severity)));
        confidence
            .extend(next.subjects.iter().map(|s| confidence_score(alerts[s.row].alert_confidence_score)));
        parts.push(next);
    }
    let examples = Examples::concat(parts).ok_or(EvaluateError::NoTarget)?;
    let truth = batches.iter().flat_map(|batch| batch.ground_truth.iter().flatten());
    let members: Vec<(&str, &str)> =
        truth.map(|t| (t.address.as_str(), t.pattern_instance_id.as_str())).collect();
    let mut scores = vec![0.0; examples.len()];
    let mut raw = vec![0.0; examples.len()];
    for partition in 0..PARTITIONS {
        let cut = Folds::new(folds, partition, members.iter().copied())?;
        for fold in 0..folds {
            let side = |held: bool| {
                let all = 0..examples.len();
                all.filter(|&row| (cut.fold(&examples.subjects[row].address) == fold) == held)
                    .collect::<Vec<_>>()
            };
            let (learned, held) = (examples.take(&side(false)), side(true));
            for (kind, out) in [(Kind::AlertScorer, &mut scores), (Kind::AlertRanker, &mut raw)] {
                let model = train::fit(config, kind, &learned, Some(rounds))?;
                let predicted = Predictor::new(&model);
                let predicted =
                    predicted.scores(&examples.matrix.take_rows(&held)).expect("features of the same set");
                held.iter().zip(predicted).for_each(|(&row, score)| out[row] += score / PARTITIONS as f64);
            }
        }
    }
    let mut judged = Judged::default();
    judged.begin(examples.labels(), examples.grades(), examples.groups());
    judged.score("alert_scorer", scores.into_iter());
    judged.score("alert_ranker", raw.into_iter());
    judged.score(SEVERITY, severity.into_iter());
    judged.score(CONFIDENCE, confidence.into_iter());
    Ok(judged)
}

/// Cuts into folds that out-of-fold scores are averaged over, so that no single cut decides.
const PARTITIONS: u64 = 3;
