//! Cross-validation: a model for each fold, grown side by side, and what they say of rows that they never saw.
//!
//! All folds do a round, then their metrics are averaged; so early stopping goes by the mean over the folds, and no fold chooses
//! the round that suits its own judged rows. Each fold has bins of its own learned rows. Apart from where it stops, a fold's
//! model is the one that [`train`](super::train) makes of its rows.

use std::ops::ControlFlow;

use super::fold::Fold;
use super::observe::{Measurement, Observe};
use super::trainer::Trainer;
use super::{Course, Ending, Finish, History, Rounds, boost};
use crate::gbdt::data::{DataError, Dataset, FeatureMatrix, Task};
use crate::gbdt::model::Model;
use crate::gbdt::params::Plan;

/// What cross-validation found.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossValidated {
    /// One for each fold; by early stopping, up to the best round.
    pub models: Vec<Model>,
    /// The score of each row by the model of the fold that judged it, as a user sees it (a probability for the binary objective);
    /// `None` for rows that no fold judged.
    pub scores: Vec<Option<f64>>,
    /// The mean of every metric over the folds, round by round.
    pub mean: History,
    /// The metrics of each fold.
    pub folds: Vec<History>,
    /// Why there are no more rounds.
    pub ending: Ending,
    /// Where early stopping was asked for: the round of the best mean, counting from 1.
    pub best_iteration: Option<u32>,
}

/// Why rows cannot be cross-validated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CrossError {
    /// No fold, so no mean.
    #[error("folds: expected at least 1, found none")]
    NoFolds,
    /// A row that is not there.
    #[error("fold {fold}: row {row} is none of the {n_rows} rows")]
    Row {
        /// Counting from 0.
        fold: usize,
        /// Counting from 0.
        row: usize,
        /// Rows of the data.
        n_rows: usize,
    },
    /// Rows of a fold that cannot be trained on or measured.
    #[error("fold {fold}: {reason}")]
    Data {
        /// Counting from 0.
        fold: usize,
        /// Why not.
        reason: DataError,
    },
}

/// Trains a model for each fold on its learned rows, and measures it on its judged rows after every round. Whoever observes is
/// told the means over the folds.
///
/// # Errors
/// When a fold names rows that are not there, has none on a side, cuts a query, or the data are illegal.
pub fn cross_validate(
    plan: &Plan,
    matrix: &FeatureMatrix,
    task: &Task,
    folds: &[Fold],
    observer: &mut dyn Observe,
) -> Result<CrossValidated, CrossError> {
    if folds.is_empty() {
        return Err(CrossError::NoFolds);
    }
    let sides = |(number, fold): (usize, &Fold)| {
        let n_rows = matrix.n_rows();
        if let Some(&row) = fold.learn.iter().chain(&fold.test).find(|&&row| row >= n_rows) {
            return Err(CrossError::Row { fold: number, row, n_rows });
        }
        sides(plan, matrix, task, fold).map_err(|reason| CrossError::Data { fold: number, reason })
    };
    let sides = folds.iter().enumerate().map(sides).collect::<Result<Vec<_>, _>>()?;
    let trainers: Vec<Trainer<'_>> =
        sides.iter().map(|[learn, test]| Trainer::new(plan, learn).watching(&[test])).collect();
    let mut crossing = Crossing {
        open: trainers.iter().map(|trainer| (trainer.begin(), true)).collect(),
        histories: vec![History::default(); folds.len()],
    };
    let Course { history: mean, ending, best_iteration } = boost(plan, &mut crossing, observer);
    let Crossing { open, histories } = crossing;
    let models: Vec<Model> = open.into_iter().map(|(training, _)| training.finish(best_iteration)).collect();
    let mut scores = vec![None; matrix.n_rows()];
    for (model, fold) in models.iter().zip(folds) {
        let raw = model.raw_scores(&matrix.take_rows(&fold.test));
        fold.test.iter().zip(raw).for_each(|(&row, raw)| scores[row] = Some(model.score(raw)));
    }
    Ok(CrossValidated { models, scores, mean, folds: histories, ending, best_iteration })
}

/// The sets of a fold; rows keep their places as keys.
fn sides(plan: &Plan, matrix: &FeatureMatrix, task: &Task, fold: &Fold) -> Result<[Dataset; 2], DataError> {
    let keys = |rows: &[usize]| rows.iter().map(|&row| row as u64).collect();
    let learn = Dataset::fit(&matrix.take_rows(&fold.learn), task.take_rows(&fold.learn)?, plan.binning())?;
    let test = learn.validation(&matrix.take_rows(&fold.test), task.take_rows(&fold.test)?)?;
    Ok([learn.with_keys(keys(&fold.learn))?, test.with_keys(keys(&fold.test))?])
}

/// The folds under way.
struct Crossing<'a> {
    /// Each fold's training, and whether it still finds splits.
    open: Vec<(Box<dyn Finish + 'a>, bool)>,
    histories: Vec<History>,
}

impl Rounds for Crossing<'_> {
    /// One tree more for each fold that finds a split; breaks when none does.
    fn round(&mut self) -> ControlFlow<()> {
        for (training, finds) in &mut self.open {
            *finds = *finds && training.round().is_continue();
        }
        if self.open.iter().any(|(_, finds)| *finds) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    /// The means over the folds where a metric is defined.
    fn measure(&mut self) -> Vec<Measurement> {
        for ((training, _), history) in self.open.iter_mut().zip(&mut self.histories) {
            history.rounds.push(training.measure());
        }
        let last: Vec<&[Measurement]> =
            self.histories.iter().filter_map(|history| history.rounds.last().map(Vec::as_slice)).collect();
        let mean = |(i, one): (usize, &Measurement)| {
            let values: Vec<f64> = last.iter().filter_map(|fold| fold[i].value).collect();
            let sum = values.iter().fold(0.0, |sum, value| sum + value);
            let value = (!values.is_empty()).then(|| sum / values.len() as f64);
            Measurement { value, ..one.clone() }
        };
        last[0].iter().enumerate().map(mean).collect()
    }
}
