//! Tier 3A: do the scores agree with the labels of addresses?

use serde::Serialize;

use super::Reading;
use super::facts::AlertFacts;
use super::parts::{self, Parts};

/// Agreement with labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Truth {
    /// The area under the ROC curve, which is the tier's score.
    pub auc: f64,
    /// Reported only.
    pub brier: f64,
    /// Labelled rows by submitted alerts; beyond 1 as coded where addresses have several labels.
    pub coverage: f64,
    /// Labelled rows.
    pub rows: usize,
    /// Those of high or critical risk.
    pub positives: usize,
}

/// What came of the labels.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Judged {
    /// The tier, and each alert's part in its AUC.
    Score(Truth, Parts),
    /// Nothing is labelled; as specified also when all labels are of one class.
    Nothing,
    /// As coded: one class only raises an error.
    Raises,
}

/// Judges the scores of distinct alerts.
///
/// # Shape
/// `scores`: one finite number per row.
pub(super) fn judge(rows: &[&AlertFacts], scores: &[f64], reading: Reading) -> Judged {
    let mut labelled: Vec<(f64, bool)> = vec![];
    let mut owner = vec![];
    for (i, row) in rows.iter().enumerate() {
        let labels: &[bool] = match reading {
            Reading::Specified => row.label.as_slice(),
            Reading::Coded => &row.label_rows,
        };
        labelled.extend(labels.iter().map(|&label| (scores[i], label)));
        owner.extend(labels.iter().map(|_| i));
    }
    let Some(brier) = parts::brier(&labelled) else { return Judged::Nothing };
    let Some(auc) = parts::auc(&labelled) else {
        return if reading == Reading::Coded { Judged::Raises } else { Judged::Nothing };
    };
    let mut of = vec![0.0; rows.len()];
    owner.iter().zip(&auc.of).for_each(|(&i, part)| of[i] += part);
    let truth = Truth {
        auc: auc.value,
        brier,
        coverage: labelled.len() as f64 / rows.len() as f64,
        rows: labelled.len(),
        positives: labelled.iter().filter(|row| row.1).count(),
    };
    Judged::Score(truth, Parts { value: auc.value, of })
}
