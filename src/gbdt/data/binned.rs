//! A feature matrix as bin numbers, one byte each: FeatureMatrix + Cuts in, bytes out.
//!
//! Kept twice: row by row, so that one gradient serves all features of a row when histograms are built, and column by
//! column, for the partition of rows by one feature. Code [`MISSING_BIN`](super::MISSING_BIN) is NaN.

use std::sync::Arc;

use super::{Cuts, DataError, FeatureMatrix};
use crate::determinism::par;

/// Rows x features of bin numbers.
#[derive(Clone, Debug)]
pub struct BinnedMatrix {
    cuts: Arc<Cuts>,
    n_rows: usize,
    rows: Vec<u8>,
    columns: Vec<Vec<u8>>,
    has_missing: Vec<bool>,
}

impl BinnedMatrix {
    /// Looks up every value's bin.
    ///
    /// # Errors
    /// When the matrix has other features than the cuts, or too many rows.
    pub fn new(matrix: &FeatureMatrix, cuts: Arc<Cuts>) -> Result<Self, DataError> {
        check_schema(matrix, &cuts)?;
        let n_rows = matrix.n_rows();
        if n_rows >= MAX_ROWS {
            return Err(DataError::TooManyRows { found: n_rows, limit: MAX_ROWS - 1 });
        }
        let columns = par::map(matrix.n_features(), |f| cuts.bin_column(f, matrix.column(f)));
        let has_missing = par::map(columns.len(), |f| columns[f].contains(&super::MISSING_BIN));
        let rows = transpose(&columns, n_rows);
        Ok(BinnedMatrix { cuts, n_rows, rows, columns, has_missing })
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

    /// The bins of one row, feature by feature.
    pub fn row(&self, row: usize) -> &[u8] {
        &self.rows[row * self.columns.len()..][..self.columns.len()]
    }

    /// All rows end to end.
    pub(in crate::gbdt) fn rows(&self) -> &[u8] {
        &self.rows
    }

    /// The bins of one feature, row by row.
    pub fn column(&self, feature: usize) -> &[u8] {
        &self.columns[feature]
    }

    /// Whether a feature is missing somewhere.
    pub fn has_missing(&self, feature: usize) -> bool {
        self.has_missing[feature]
    }
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

fn transpose(columns: &[Vec<u8>], n_rows: usize) -> Vec<u8> {
    let width = columns.len();
    let mut rows = vec![0; n_rows * width];
    par::for_each_chunk(&mut rows, TRANSPOSE_ROWS * width, |block, part| {
        let first = block * TRANSPOSE_ROWS;
        for (f, column) in columns.iter().enumerate() {
            let source = &column[first..];
            for (row, &bin) in part.chunks_exact_mut(width).zip(source) {
                row[f] = bin;
            }
        }
    });
    rows
}

/// Rows of one block of the transposition: a block of 30 features stays in the second-level cache.
const TRANSPOSE_ROWS: usize = 2048;

/// Histogram cells pack a row count beside a hessian sum; above this the hessian would get fewer than 12 bits.
pub(super) const MAX_ROWS: usize = 1 << 26;
