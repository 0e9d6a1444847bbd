//! Bins with their labels: all that training reads.

use std::sync::{Arc, OnceLock};

use super::binned::check_rows;
use super::tiles::Tiles;
use super::{BinnedMatrix, Binning, Cuts, FeatureMatrix, Task};

/// A binned matrix and a task of matching lengths with legal labels.
#[derive(Clone, Debug)]
pub struct Dataset {
    bins: BinnedMatrix,
    task: Task,
    keys: Option<Vec<u64>>,
    positions: Option<Vec<u32>>,
    init_scores: Option<Vec<f64>>,
    tiles: OnceLock<Arc<Tiles>>,
}

impl Dataset {
    /// Joins bins and labels; each row's key is its position.
    ///
    /// # Errors
    /// On lengths that differ, labels, grades or weights out of range, no features or no rows.
    pub fn new(bins: BinnedMatrix, task: Task) -> Result<Self, DataError> {
        if bins.n_features() == 0 {
            return Err(DataError::NoFeatures);
        }
        if bins.n_rows() == 0 {
            return Err(DataError::NoRows);
        }
        task.check(bins.n_rows())?;
        let tiles = OnceLock::new();
        Ok(Dataset { bins, task, keys: None, positions: None, init_scores: None, tiles })
    }

    /// Cuts, bins and labels in one step: a training set.
    ///
    /// # Errors
    /// As [`BinnedMatrix::new`] and [`Dataset::new`].
    pub fn fit(matrix: &FeatureMatrix, task: Task, binning: &Binning) -> Result<Self, DataError> {
        check_rows(matrix)?;
        let cuts = Arc::new(Cuts::fit(matrix, binning));
        Self::new(BinnedMatrix::new(matrix, cuts)?, task)
    }

    /// Bins and labels by this set's cuts: a validation set for it.
    ///
    /// # Errors
    /// When features or the kind of task differ, and as [`Dataset::new`].
    pub fn validation(&self, matrix: &FeatureMatrix, task: Task) -> Result<Self, DataError> {
        if std::mem::discriminant(&self.task) != std::mem::discriminant(&task) {
            return Err(DataError::TaskKind);
        }
        Self::new(BinnedMatrix::new(matrix, Arc::clone(self.bins.cuts()))?, task)
    }

    /// Gives each row the key that sampling and ties go by, so that the order of rows changes nothing.
    ///
    /// # Errors
    /// When there is not one key per row.
    pub fn with_keys(mut self, keys: Vec<u64>) -> Result<Self, DataError> {
        if keys.len() != self.n_rows() {
            return Err(DataError::KeyCount { expected: self.n_rows(), found: keys.len() });
        }
        self.keys = Some(keys);
        Ok(self)
    }

    /// Says at which position of its list each row was shown when its label came about; what the position did to
    /// the label is learned aside and left out of the model. Any numbers will do, equal ones being one position.
    ///
    /// # Errors
    /// When there is not one position per row, or the rows are not ranked.
    pub fn with_positions(mut self, positions: Vec<u32>) -> Result<Self, DataError> {
        if positions.len() != self.n_rows() {
            return Err(DataError::PositionCount { expected: self.n_rows(), found: positions.len() });
        }
        if !matches!(self.task, Task::Lambdarank { .. }) {
            return Err(DataError::Positions);
        }
        self.positions = Some(positions);
        Ok(self)
    }

    /// Where each row was shown, if that was said.
    pub fn positions(&self) -> Option<&[u32]> {
        self.positions.as_deref()
    }

    /// Gives each row a raw score that training starts from, in place of one for all (`boost_from_average`). It is no part
    /// of the model: who predicts adds it again, unless it is that of a model that is continued.
    ///
    /// # Errors
    /// When there is not one score per row, or one is not finite.
    pub fn with_init_scores(mut self, scores: Vec<f64>) -> Result<Self, DataError> {
        if scores.len() != self.n_rows() {
            return Err(DataError::InitScoreCount { expected: self.n_rows(), found: scores.len() });
        }
        if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
            return Err(DataError::InitScore { row, found: scores[row] });
        }
        self.init_scores = Some(scores);
        Ok(self)
    }

    /// Where the rows' scores start, if that was said.
    pub fn init_scores(&self) -> Option<&[f64]> {
        self.init_scores.as_deref()
    }

    /// How many rows there are; at least 1.
    pub fn n_rows(&self) -> usize {
        self.bins.n_rows()
    }

    /// The bins.
    pub fn bins(&self) -> &BinnedMatrix {
        &self.bins
    }

    /// The labels.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The bins laid out for histograms: made when first asked for, as sets that only validate never are.
    pub(in crate::gbdt) fn tiles(&self) -> &Tiles {
        self.tiles.get_or_init(|| Arc::new(Tiles::new(&self.bins)))
    }

    /// The keys of a run of rows, written to `out`, which has a place for each.
    pub(in crate::gbdt) fn copy_keys(&self, first: usize, out: &mut [u64]) {
        match &self.keys {
            Some(keys) => out.copy_from_slice(&keys[first..first + out.len()]),
            None => out.iter_mut().zip(first as u64..).for_each(|(place, row)| *place = row),
        }
    }

    /// What identifies a row: its key, or its position.
    pub fn key(&self, row: usize) -> u64 {
        self.keys.as_ref().map_or(row as u64, |keys| keys[row])
    }
}

/// Why data cannot be trained on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Not the features that the cuts were made of.
    #[error("expected {expected} features, those of the training data, found {found}")]
    FeatureCount {
        /// In the training data.
        expected: usize,
        /// In these.
        found: usize,
    },
    /// A feature out of place.
    #[error("feature {position}: expected `{expected}`, as in the training data, found `{found}`")]
    Feature {
        /// Counting from 0.
        position: usize,
        /// In the training data.
        expected: String,
        /// In these.
        found: String,
    },
    /// A validation set for another objective.
    #[error("the validation set has another kind of task than the training set")]
    TaskKind,
    /// Nothing to learn by.
    #[error("the data has no features: every column has another part to play")]
    NoFeatures,
    /// Nothing to learn from.
    #[error("the data has no rows")]
    NoRows,
    /// More than histogram cells can count.
    #[error("expected at most {limit} rows, found {found}")]
    TooManyRows {
        /// The most there can be.
        limit: usize,
        /// Rows given.
        found: usize,
    },
    /// Not one label per row.
    #[error("expected {expected} labels, one for each row, found {found}")]
    LabelCount {
        /// Rows.
        expected: usize,
        /// Labels.
        found: usize,
    },
    /// Not one weight per row.
    #[error("expected {expected} weights, one for each row, found {found}")]
    WeightCount {
        /// Rows.
        expected: usize,
        /// Weights.
        found: usize,
    },
    /// Not one key per row.
    #[error("expected {expected} keys, one for each row, found {found}")]
    KeyCount {
        /// Rows.
        expected: usize,
        /// Keys.
        found: usize,
    },
    /// Not one position per row.
    #[error("expected {expected} positions, one for each row, found {found}")]
    PositionCount {
        /// Rows.
        expected: usize,
        /// Positions.
        found: usize,
    },
    /// Positions of rows that no list shows.
    #[error("positions belong to rows that are ranked")]
    Positions,
    /// Not one score to start from per row.
    #[error("expected {expected} scores to start from, one for each row, found {found}")]
    InitScoreCount {
        /// Rows.
        expected: usize,
        /// Scores.
        found: usize,
    },
    /// A score that no step can move.
    #[error("row {row}: expected a finite score to start from, found {found}")]
    InitScore {
        /// Counting from 0.
        row: usize,
        /// The score.
        found: f64,
    },
    /// A label that is no class.
    #[error("row {row}: expected label 0 or 1, found {found}")]
    Label {
        /// Counting from 0.
        row: usize,
        /// The label.
        found: f32,
    },
    /// A grade beyond the gain table.
    #[error("row {row}: expected a relevance grade of 0 to 30, found {found}")]
    Grade {
        /// Counting from 0.
        row: usize,
        /// The grade.
        found: u8,
    },
    /// A weight that cannot weigh.
    #[error("row {row}: expected a finite weight of at least 0, found {found}")]
    Weight {
        /// Counting from 0.
        row: usize,
        /// The weight.
        found: f32,
    },
    /// Some rows of a query without the others.
    #[error("query {query}: expected all of its rows, in their order, or none")]
    CutQuery {
        /// Counting from 0.
        query: usize,
    },
    /// Rows of a loss of the caller's own, which alone knows its labels.
    #[error("rows of a loss of one's own cannot be taken apart")]
    WholeLoss,
    /// Queries that do not cover the rows.
    #[error("expected query sizes that add up to {expected} rows, found {found}")]
    GroupRows {
        /// Rows.
        expected: usize,
        /// Sum of the sizes.
        found: usize,
    },
}
