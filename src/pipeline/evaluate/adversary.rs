//! Adversarial validation: can a small model tell the earlier rows from the later ones by their features?
//!
//! An AUC near 0.5 says that both periods look alike; near 1, that the model is asked about rows unlike those before. Half of
//! the units (pattern instances, addresses) train, the other half judges, so that nobody is recognised by being himself.

use serde::{Deserialize, Serialize};

use super::part::Part;
use super::pool::Rows;
use crate::determinism::rng::Stream;
use crate::gbdt::data::{Column, Dataset, FeatureMatrix, Task};
use crate::gbdt::infer::Predictor;
use crate::gbdt::learn::{self, Silent};
use crate::gbdt::model::describe;
use crate::gbdt::params::Params;
use crate::metrics::binary;

/// How well two periods are told apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Adversary {
    /// What was told from what.
    pub periods: String,
    /// Rows judged.
    pub rows: usize,
    /// Area under the ROC curve on units that it did not learn from.
    pub auc: f64,
    /// The features that tell most, with their share of the loss reduction.
    pub features: Vec<(String, f64)>,
}

/// Rows of a period by themselves, for one model.
#[derive(Clone, Debug, Default)]
pub(super) struct Period {
    /// By feature.
    pub(super) columns: Vec<Vec<f64>>,
    /// A hash of each row's unit.
    pub(super) units: Vec<u64>,
}

/// Judged rows against those of a reference period, or the later half of the judged batches against the earlier.
pub(super) fn adversary(rows: &Rows<'_>, reference: Option<&Period>) -> Part<Adversary> {
    let later = rows.batches.len() / 2;
    let periods = match reference {
        Some(_) => "judged rows from those of the reference batches".to_owned(),
        None if later == 0 => return Part::absent("one batch, and no reference batches to tell it from"),
        None => format!("the last {} batches from the first {later}", rows.batches.len() - later),
    };
    let unit = |row: usize| rows.unit_keys[row];
    let mut examples: Vec<(u64, bool)> = match reference {
        Some(_) => (0..rows.len()).map(|row| (unit(row), true)).collect(),
        None => (0..rows.len()).map(|row| (unit(row), rows.batch[row] as usize >= later)).collect(),
    };
    let mut columns: Vec<Vec<f64>> = (0..rows.matrix.n_features())
        .map(|f| (0..rows.len()).map(|row| rows.matrix.value(row, f)).collect())
        .collect();
    if let Some(period) = reference {
        examples.extend(period.units.iter().map(|&unit| (unit, false)));
        columns.iter_mut().zip(&period.columns).for_each(|(all, next)| all.extend(next));
    }
    let columns = columns.into_iter().map(Column::F64).collect();
    let matrix =
        FeatureMatrix::new(rows.matrix.schema().clone(), columns).expect("rows of the same features");
    tell(&matrix, &examples, periods)
}

fn tell(matrix: &FeatureMatrix, examples: &[(u64, bool)], periods: String) -> Part<Adversary> {
    let side = |learned: bool| {
        let mut rows: Vec<usize> =
            (0..examples.len()).filter(|&row| (examples[row].0 >> 63 == 0) == learned).collect();
        let stream = Stream::new(1, "adversary");
        rows.sort_by_key(|&row| (stream.bits(row as u64), row));
        rows.truncate(MOST_ROWS);
        rows.sort_unstable();
        rows
    };
    let labels = |rows: &[usize]| -> Vec<f32> {
        rows.iter().map(|&row| f32::from(u8::from(examples[row].1))).collect()
    };
    let (learned, judged) = (side(true), side(false));
    let task = Task::Binary { labels: labels(&learned), weights: None };
    let mut params = Params::default();
    for (name, value) in PARAMETERS {
        params.set(name, value).expect("a parameter of the table");
    }
    let plan = params.plan().expect("values inside their ranges");
    let data = match Dataset::fit(&matrix.take_rows(&learned), task, plan.binning()) {
        Ok(data) => data,
        Err(reason) => return Part::absent(format!("no model could be trained: {reason}")),
    };
    let model = learn::train(&plan, &data, None, &mut Silent);
    let scores = Predictor::new(&model).scores(&matrix.take_rows(&judged)).expect("the same features");
    let Some(auc) = binary::auc(&labels(&judged), &scores, None) else {
        return Part::absent("too few addresses to judge on");
    };
    let mut importances = describe::importances(&model);
    importances.sort_by(|a, b| b.gain.total_cmp(&a.gain).then_with(|| a.name.cmp(&b.name)));
    let gain: f64 = importances.iter().map(|one| one.gain).sum();
    let telling = importances.into_iter().filter(|one| one.gain > 0.0).take(5);
    let features = telling.map(|one| (one.name, one.gain / gain)).collect();
    Part::Present(Adversary { periods, rows: judged.len(), auc, features })
}

/// A small model: it is asked whether the periods differ plainly, not by how little.
const PARAMETERS: [(&str, &str); 4] =
    [("objective", "binary"), ("num_iterations", "30"), ("num_leaves", "7"), ("min_data_in_leaf", "20")];
const MOST_ROWS: usize = 10_000;
