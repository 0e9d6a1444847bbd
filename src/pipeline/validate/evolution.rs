//! Tier 3B: did the scores foresee what became of the addresses in thirty days?

use serde::Serialize;

use super::Reading;
use super::facts::AlertFacts;
use super::parts::{self, Parts};
use crate::aml::evolution::Class;

/// Foresight.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evolution {
    /// 0.40 AUC + 0.30 (1 - Brier) + 0.30 pattern accuracy.
    pub score: f64,
    /// One half on one class.
    pub auc: f64,
    /// Mean squared error.
    pub brier: f64,
    /// Share of scores in the range of their class.
    pub pattern_accuracy: f64,
    /// The reference's milder form, 1 - 2 x distance from the range; stored there, never rewarded.
    pub soft_accuracy: f64,
    /// Alerts whose address is in both snapshots, by submitted alerts.
    pub coverage: f64,
    /// Alerts by class: expanding, benign, dormant, ambiguous.
    pub classes: [usize; 4],
}

/// Judges the scores of distinct alerts; `None` where no address is in both snapshots.
///
/// # Shape
/// `scores`: one finite number per row.
pub(super) fn judge(rows: &[&AlertFacts], scores: &[f64], reading: Reading) -> Option<(Evolution, Parts)> {
    let known: Vec<(usize, Class)> =
        rows.iter().enumerate().filter_map(|(i, row)| row.class.map(|class| (i, class))).collect();
    if known.is_empty() {
        return None;
    }
    let n = known.len() as f64;
    let judged: Vec<(usize, f64, bool)> = known
        .iter()
        .filter_map(|&(i, class)| Some((i, scores[i], outcome(class, scores[i], reading)?)))
        .collect();
    let pairs: Vec<(f64, bool)> = judged.iter().map(|&(_, score, label)| (score, label)).collect();
    let mut of = vec![0.0; rows.len()];
    let auc = parts::auc(&pairs);
    match &auc {
        Some(auc) => judged.iter().zip(&auc.of).for_each(|(row, part)| of[row.0] += 0.40 * part),
        None => known.iter().for_each(|&(i, _)| of[i] += 0.40 * 0.5 / n),
    }
    let brier = parts::brier(&pairs);
    match brier {
        Some(_) => judged.iter().for_each(|&(i, score, label)| {
            let error = score - f64::from(u8::from(label));
            of[i] += 0.30 * (1.0 - error * error) / pairs.len() as f64;
        }),
        None => known.iter().for_each(|&(i, _)| of[i] += 0.30 * (1.0 - UNKNOWING_BRIER) / n),
    }
    let hits = known.iter().filter(|&&(i, class)| class.expects(scores[i]));
    hits.clone().for_each(|&(i, _)| of[i] += 0.30 / n);
    let (auc, brier) = (auc.map_or(0.5, |auc| auc.value), brier.unwrap_or(UNKNOWING_BRIER));
    let pattern_accuracy = hits.count() as f64 / n;
    let score = 0.40 * auc + 0.30 * (1.0 - brier) + 0.30 * pattern_accuracy;
    let evolution = Evolution {
        score,
        auc,
        brier,
        pattern_accuracy,
        soft_accuracy: known.iter().map(|&(i, class)| nearness(class, scores[i])).sum::<f64>() / n,
        coverage: n / rows.len() as f64,
        classes: Class::ALL.map(|class| known.iter().filter(|row| row.1 == class).count()),
    };
    Some((evolution, Parts { value: score, of }))
}

/// Whether the class counts as illicit. What is neither is labelled by the score itself as coded, and left out as specified.
fn outcome(class: Class, score: f64, reading: Reading) -> Option<bool> {
    match (class, reading) {
        (Class::Expanding, _) => Some(true),
        (Class::Benign, _) => Some(false),
        (_, Reading::Coded) => Some(score >= 0.5),
        (_, Reading::Specified) => None,
    }
}

fn nearness(class: Class, score: f64) -> f64 {
    let (low, high) = class.range();
    let distance = (low - score).max(score - high).max(0.0);
    (1.0 - 2.0 * distance).max(0.0)
}

/// As specified, with nothing expanding or benign, AUC is one half and Brier that of always answering one half.
const UNKNOWING_BRIER: f64 = 0.25;
