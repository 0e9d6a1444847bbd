//! Rows of named features, column by column; NaN is missing.
//!
//! A column keeps the width it came in (f32 or f64); whoever compares a value reads it as f64, which is
//! exact for both.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::determinism::digest::{Digest, Hasher};

/// What the values of a feature mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeatureKind {
    /// Ordered numbers.
    Numerical,
    /// Codes without an order: non-negative whole numbers. Where the levels had names, value `i` is `levels[i]`.
    Categorical {
        /// Names of the codes 0, 1, 2 ...; empty where the codes came as numbers.
        levels: Vec<String>,
    },
}

/// A column's name and kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Unique within a schema.
    pub name: String,
    /// Numerical or categorical.
    pub kind: FeatureKind,
}

impl Feature {
    /// A numerical feature.
    pub fn numerical(name: impl Into<String>) -> Self {
        Feature { name: name.into(), kind: FeatureKind::Numerical }
    }
}

/// The features of a matrix, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// One per column.
    pub features: Vec<Feature>,
}

impl Schema {
    /// Numerical features of these names.
    pub fn numerical<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Schema { features: names.into_iter().map(Feature::numerical).collect() }
    }

    /// How many features there are.
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// Names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.features.iter().map(|f| f.name.as_str())
    }

    /// Where a name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|f| f.name == name)
    }

    /// A digest of names, kinds, levels and their order.
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new();
        for feature in &self.features {
            hasher.text(&feature.name);
            match &feature.kind {
                FeatureKind::Numerical => hasher.text("numerical"),
                FeatureKind::Categorical { levels } => {
                    hasher.text("categorical");
                    hasher.update(&(levels.len() as u64).to_le_bytes());
                    levels.iter().for_each(|level| hasher.text(level));
                }
            }
        }
        hasher.finish()
    }
}

/// The values of one feature, one per row; NaN is missing.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Single precision, kept as it came.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

impl Column {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self {
            Column::F32(values) => values.len(),
            Column::F64(values) => values.len(),
        }
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row, exactly.
    pub fn get(&self, row: usize) -> f64 {
        match self {
            Column::F32(values) => f64::from(values[row]),
            Column::F64(values) => values[row],
        }
    }

    /// The column with only these rows, in this order.
    pub fn take(&self, rows: &[usize]) -> Self {
        match self {
            Column::F32(values) => Column::F32(rows.iter().map(|&r| values[r]).collect()),
            Column::F64(values) => Column::F64(rows.iter().map(|&r| values[r]).collect()),
        }
    }
}

/// A table of numbers: rows x named features.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMatrix {
    schema: Schema,
    columns: Vec<Column>,
    n_rows: usize,
}

/// Why columns do not make a matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// Not one column per feature.
    #[error("expected {expected} columns, one for each feature, found {found}")]
    ColumnCount {
        /// Features in the schema.
        expected: usize,
        /// Columns given.
        found: usize,
    },
    /// A column is longer or shorter than the others.
    #[error("column `{name}`: expected {expected} rows, found {found}")]
    RowCount {
        /// The feature.
        name: String,
        /// Rows of the first column.
        expected: usize,
        /// Rows of this one.
        found: usize,
    },
    /// Two features share a name.
    #[error("column `{name}` appears more than once")]
    Duplicate {
        /// The feature.
        name: String,
    },
}

impl FeatureMatrix {
    /// Joins columns under a schema.
    ///
    /// # Errors
    /// When counts or lengths differ, or a name repeats.
    pub fn new(schema: Schema, columns: Vec<Column>) -> Result<Self, MatrixError> {
        if schema.len() != columns.len() {
            return Err(MatrixError::ColumnCount { expected: schema.len(), found: columns.len() });
        }
        let n_rows = columns.first().map_or(0, Column::len);
        let mut seen = std::collections::BTreeSet::new();
        for (feature, column) in schema.features.iter().zip(&columns) {
            if column.len() != n_rows {
                let name = feature.name.clone();
                return Err(MatrixError::RowCount { name, expected: n_rows, found: column.len() });
            }
            if !seen.insert(feature.name.as_str()) {
                return Err(MatrixError::Duplicate { name: feature.name.clone() });
            }
        }
        Ok(FeatureMatrix { schema, columns, n_rows })
    }

    /// Copies an array.
    ///
    /// # Shape
    /// `values`: rows x features of `schema`.
    ///
    /// # Errors
    /// When the array's width is not the schema's.
    pub fn from_array(schema: Schema, values: ArrayView2<'_, f64>) -> Result<Self, MatrixError> {
        let columns = values.columns().into_iter().map(|c| Column::F64(c.to_vec())).collect();
        Self::new(schema, columns)
    }

    /// Names, kinds and order of the features.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many features there are.
    pub fn n_features(&self) -> usize {
        self.columns.len()
    }

    /// All values of one feature.
    pub fn column(&self, feature: usize) -> &Column {
        &self.columns[feature]
    }

    /// One value.
    pub fn value(&self, row: usize, feature: usize) -> f64 {
        self.columns[feature].get(row)
    }

    /// Copies a row into `out`, which must have one place per feature.
    pub fn copy_row(&self, row: usize, out: &mut [f64]) {
        for (place, column) in out.iter_mut().zip(&self.columns) {
            *place = column.get(row);
        }
    }

    /// The matrix of only these rows, in this order.
    pub fn take_rows(&self, rows: &[usize]) -> Self {
        let columns = self.columns.iter().map(|c| c.take(rows)).collect();
        FeatureMatrix { schema: self.schema.clone(), columns, n_rows: rows.len() }
    }

    /// Puts other values in the place of a feature's.
    ///
    /// # Panics
    /// When there is not one value per row.
    pub(in crate::gbdt) fn replace(&mut self, feature: usize, column: Column) {
        assert_eq!(column.len(), self.n_rows, "one value per row");
        self.columns[feature] = column;
    }

    /// The matrix of only these features, in this order.
    pub fn select(&self, features: &[usize]) -> Self {
        let schema = Schema { features: features.iter().map(|&f| self.schema.features[f].clone()).collect() };
        let columns = features.iter().map(|&f| self.columns[f].clone()).collect();
        FeatureMatrix { schema, columns, n_rows: self.n_rows }
    }
}
