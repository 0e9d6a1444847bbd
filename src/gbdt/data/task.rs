//! What a dataset asks to be learned: the labels, with what belongs to their kind.

use super::{CustomLoss, DataError, SharedLoss};

/// The largest relevance grade: gains of `2^grade - 1` stay exact integers of 31 bits.
pub const MAX_GRADE: u8 = 30;

/// Labels, weights and groups. The variant decides the objective, so ranking without groups cannot be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Two classes.
    Binary {
        /// 0 or 1, one per row.
        labels: Vec<f32>,
        /// Non-negative, one per row; `None` is 1 each.
        weights: Option<Vec<f32>>,
    },
    /// Order within queries.
    Lambdarank {
        /// Relevance 0, 1 ... [`MAX_GRADE`], one per row.
        grades: Vec<u8>,
        /// Rows per query; the rows of a query stand together, in this order.
        groups: Vec<u32>,
        /// Non-negative, one per row; `None` is 1 each.
        weights: Option<Vec<f32>>,
    },
    /// A loss of the caller's own, which holds the labels.
    Custom(SharedLoss),
}

impl Task {
    /// A binary task without weights.
    pub fn binary(labels: Vec<f32>) -> Self {
        Task::Binary { labels, weights: None }
    }

    /// A ranking task without weights.
    pub fn lambdarank(grades: Vec<u8>, groups: Vec<u32>) -> Self {
        Task::Lambdarank { grades, groups, weights: None }
    }

    /// A ranking task whose queries count differently: one weight per query, which all its rows get.
    pub fn lambdarank_weighted(grades: Vec<u8>, groups: Vec<u32>, query_weights: &[f32]) -> Self {
        let rows = groups.iter().zip(query_weights);
        let weights = rows.flat_map(|(&n, &weight)| std::iter::repeat_n(weight, n as usize)).collect();
        Task::Lambdarank { grades, groups, weights: Some(weights) }
    }

    /// A task of the caller's own loss.
    pub fn custom(loss: impl CustomLoss + 'static) -> Self {
        Task::Custom(SharedLoss::from(loss))
    }

    /// How many rows are labelled.
    pub fn n_rows(&self) -> usize {
        match self {
            Task::Binary { labels, .. } => labels.len(),
            Task::Lambdarank { grades, .. } => grades.len(),
            Task::Custom(loss) => loss.get().n_rows(),
        }
    }

    /// The weight of each row, if they differ.
    pub fn weights(&self) -> Option<&[f32]> {
        match self {
            Task::Binary { weights, .. } | Task::Lambdarank { weights, .. } => weights.as_deref(),
            Task::Custom(_) => None,
        }
    }

    /// The task of only these rows; of ranking, whole queries.
    ///
    /// # Shape
    /// `rows`: ascending for ranking, in any order otherwise.
    ///
    /// # Errors
    /// When a query is cut, or the loss is the caller's own.
    pub fn take_rows(&self, rows: &[usize]) -> Result<Task, DataError> {
        let taken = |weights: &Option<Vec<f32>>| {
            weights.as_ref().map(|weights| rows.iter().map(|&row| weights[row]).collect())
        };
        match self {
            Task::Binary { labels, weights } => {
                let labels = rows.iter().map(|&row| labels[row]).collect();
                Ok(Task::Binary { labels, weights: taken(weights) })
            }
            Task::Lambdarank { grades, groups, weights } => Ok(Task::Lambdarank {
                grades: rows.iter().map(|&row| grades[row]).collect(),
                groups: taken_groups(groups, rows)?,
                weights: taken(weights),
            }),
            Task::Custom(_) => Err(DataError::WholeLoss),
        }
    }

    /// Checks every label, weight and group.
    pub(super) fn check(&self, n_rows: usize) -> Result<(), DataError> {
        if self.n_rows() != n_rows {
            return Err(DataError::LabelCount { expected: n_rows, found: self.n_rows() });
        }
        self.check_labels()?;
        let Some(weights) = self.weights() else { return Ok(()) };
        if weights.len() != n_rows {
            return Err(DataError::WeightCount { expected: n_rows, found: weights.len() });
        }
        match weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            Some(row) => Err(DataError::Weight { row, found: weights[row] }),
            None => Ok(()),
        }
    }

    fn check_labels(&self) -> Result<(), DataError> {
        match self {
            Task::Binary { labels, .. } => match labels.iter().position(|&y| y != 0.0 && y != 1.0) {
                Some(row) => Err(DataError::Label { row, found: labels[row] }),
                None => Ok(()),
            },
            Task::Lambdarank { grades, groups, .. } => {
                if let Some(row) = grades.iter().position(|&g| g > MAX_GRADE) {
                    return Err(DataError::Grade { row, found: grades[row] });
                }
                let grouped = groups.iter().map(|&n| n as usize).sum::<usize>();
                if grouped != grades.len() {
                    return Err(DataError::GroupRows { expected: grades.len(), found: grouped });
                }
                Ok(())
            }
            Task::Custom(_) => Ok(()),
        }
    }
}

/// The sizes of the queries that these rows are.
fn taken_groups(groups: &[u32], rows: &[usize]) -> Result<Vec<u32>, DataError> {
    let (mut taken, mut start, mut rest) = (Vec::new(), 0, rows);
    for (query, &n) in groups.iter().enumerate() {
        let end = start + n as usize;
        let n_taken = rest.iter().take_while(|&&row| (start..end).contains(&row)).count();
        let (of_query, others) = rest.split_at(n_taken);
        if n_taken > 0 && !of_query.iter().copied().eq(start..end) {
            return Err(DataError::CutQuery { query });
        }
        if n_taken > 0 {
            taken.push(n);
        }
        (start, rest) = (end, others);
    }
    match rest.first() {
        None => Ok(taken),
        // a row after its query's turn: the rows do not ascend
        Some(&row) => {
            let mut end = 0;
            let query = groups.iter().position(|&n| {
                end += n as usize;
                row < end
            });
            let query = query.unwrap_or(groups.len());
            Err(DataError::CutQuery { query })
        }
    }
}
