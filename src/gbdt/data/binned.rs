//! A feature matrix as codes, column by column: FeatureMatrix + Cuts in, small integers out.
//!
//! A known value's code is its bin; the code of a missing one is the number of bins
//! ([`Cuts::missing_code`]), so "up to bin b" leaves it out by itself.

use std::sync::Arc;

use super::codes::Codes;
use super::{Cuts, DataError, FeatureMatrix};
use crate::determinism::par;

/// Rows x features of codes.
#[derive(Clone, Debug)]
pub struct BinnedMatrix {
    cuts: Arc<Cuts>,
    n_rows: usize,
    columns: Vec<Codes>,
    has_missing: Vec<bool>,
}

impl BinnedMatrix {
    /// Looks up every value's code.
    ///
    /// # Errors
    /// When the matrix has other features than the cuts, or too many rows.
    pub fn new(matrix: &FeatureMatrix, cuts: Arc<Cuts>) -> Result<Self, DataError> {
        check_schema(matrix, &cuts)?;
        check_rows(matrix)?;
        let n_rows = matrix.n_rows();
        let columns = par::map(matrix.n_features(), |f| cuts.encode(f, matrix.column(f)));
        let has_missing = par::map(columns.len(), |f| columns[f].contains(cuts.missing_code(f)));
        Ok(BinnedMatrix { cuts, n_rows, columns, has_missing })
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many features there are.
    pub fn n_features(&self) -> usize {
        self.columns.len()
    }

    /// The cut points that made it.
    pub fn cuts(&self) -> &Arc<Cuts> {
        &self.cuts
    }

    /// The code of one value.
    ///
    /// # Panics
    /// When there is no such row or feature.
    pub fn code(&self, row: usize, feature: usize) -> usize {
        self.columns[feature].get(row)
    }

    /// The codes of one feature, row by row.
    pub(in crate::gbdt) fn codes(&self, feature: usize) -> &Codes {
        &self.columns[feature]
    }

    /// Whether a feature is missing somewhere.
    pub fn has_missing(&self, feature: usize) -> bool {
        self.has_missing[feature]
    }

    /// Whether a feature can tell rows apart: by two bins, or one and missing values.
    pub fn tells_apart(&self, feature: usize) -> bool {
        self.cuts.n_bins(feature) > 1 || self.has_missing[feature]
    }
}

/// Row numbers stay far below 2^32, and cells of histograms can count all rows.
pub(super) fn check_rows(matrix: &FeatureMatrix) -> Result<(), DataError> {
    let found = matrix.n_rows();
    if found >= MAX_ROWS { Err(DataError::TooManyRows { found, limit: MAX_ROWS - 1 }) } else { Ok(()) }
}

fn check_schema(matrix: &FeatureMatrix, cuts: &Cuts) -> Result<(), DataError> {
    let (expected, found) = (cuts.schema(), matrix.schema());
    if expected.len() != found.len() {
        return Err(DataError::FeatureCount { expected: expected.len(), found: found.len() });
    }
    match expected.features.iter().zip(&found.features).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(at) => Err(DataError::Feature {
            position: at,
            expected: expected.features[at].name.clone(),
            found: found.features[at].name.clone(),
        }),
    }
}

/// Rows are numbered by 32 bits, and half a histogram cell holds a step for each.
pub(super) const MAX_ROWS: usize = 1 << 28;
