//! What a family of features is worth to the model as it is: its figures when the family is missing for every row.
//!
//! Nothing is trained anew: a model trained without the family would make up for a part of the fall by others.

use serde::{Deserialize, Serialize};

use super::headline::one_class;
use super::part::Part;
use super::pool::Rows;
use crate::aml::features::Family;
use crate::gbdt::data::{Column, FeatureMatrix};
use crate::metrics::{binary, ranking};

/// Figures without one family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ablation {
    /// The family that is missing.
    pub family: String,
    /// Its features in the model.
    pub features: usize,
    /// Area under the ROC curve without it.
    pub auc: Option<f64>,
    /// How much it falls.
    pub auc_fall: Option<f64>,
    /// Average precision without it.
    pub average_precision: Option<f64>,
    /// How much it falls.
    pub average_precision_fall: Option<f64>,
    /// NDCG@10 without it.
    pub ndcg_at_10: f64,
    /// How much it falls.
    pub ndcg_at_10_fall: f64,
}

/// Each family of the model in turn.
pub(super) fn ablations(rows: &Rows<'_>) -> Part<Vec<Ablation>> {
    if !rows.has_both() {
        return Part::absent(one_class(rows));
    }
    let figures = |scores: &[f64]| {
        let auc = binary::auc(&rows.labels, scores, None);
        let precision = binary::average_precision(&rows.labels, scores, None);
        (auc, precision, ranking::ndcg_at(&rows.grades, scores, &rows.groups, 10))
    };
    let whole = figures(&rows.scores);
    let set = rows.scorer.features().features();
    let size = |family: Family| set.iter().filter(|feature| feature.family == family).count();
    let one = |family: Family| {
        let (auc, average_precision, ndcg_at_10) = figures(&rows.rescore(&without(rows, family)));
        Ablation {
            family: family.name().to_owned(),
            features: size(family),
            auc,
            auc_fall: whole.0.zip(auc).map(|(whole, without)| whole - without),
            average_precision,
            average_precision_fall: whole.1.zip(average_precision).map(|(whole, without)| whole - without),
            ndcg_at_10,
            ndcg_at_10_fall: whole.2 - ndcg_at_10,
        }
    };
    Part::Present(Family::ALL.into_iter().filter(|&family| size(family) > 0).map(one).collect())
}

fn without(rows: &Rows<'_>, family: Family) -> FeatureMatrix {
    let columns = rows.scorer.features().features().iter().enumerate().map(|(f, feature)| {
        if feature.family == family {
            Column::F64(vec![f64::NAN; rows.len()])
        } else {
            rows.matrix.column(f).clone()
        }
    });
    FeatureMatrix::new(rows.matrix.schema().clone(), columns.collect()).expect("the same columns, some NaN")
}
