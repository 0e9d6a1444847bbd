//! The rows of a query in the order of their scores, column by column. The memory serves one query after another.

use crate::gbdt::kernel::LANES;

/// A query's rows by position: descending score, ties by key.
#[derive(Default)]
pub(super) struct Ranks {
    order: Vec<(f64, u64, usize)>,
    /// Where each row stands among those of the query as the data have them.
    pub(super) at: Vec<usize>,
    pub(super) keys: Vec<u64>,
    /// One per row, and [`LANES`] more that do not matter, as for `grades`.
    pub(super) scores: Vec<f64>,
    /// What is compared.
    pub(super) grades: Vec<f64>,
    /// One per row.
    pub(super) gains: Vec<f64>,
}

impl Ranks {
    /// Replaces the rows by those of these scores and keys; `grade` has grade and gain of each.
    pub(super) fn set(
        &mut self,
        rows: impl Iterator<Item = (f64, u64)>,
        grade: impl Fn(usize) -> (f64, f64),
    ) {
        // no zero is less than another
        let row = |(at, (score, key)): (usize, (f64, u64))| (score + 0.0, key, at);
        replace(&mut self.order, rows.enumerate().map(row));
        self.order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        replace(&mut self.at, self.order.iter().map(|row| row.2));
        replace(&mut self.keys, self.order.iter().map(|row| row.1));
        replace(&mut self.scores, self.order.iter().map(|row| row.0));
        replace(&mut self.grades, self.at.iter().map(|&at| grade(at).0));
        replace(&mut self.gains, self.at.iter().map(|&at| grade(at).1));
        self.scores.extend([0.0; LANES]);
        self.grades.extend([0.0; LANES]);
    }

    pub(super) fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether all scores are one.
    pub(super) fn is_flat(&self) -> bool {
        self.len() == 0 || self.scores[0] == self.scores[self.len() - 1]
    }
}

fn replace<T>(column: &mut Vec<T>, values: impl Iterator<Item = T>) {
    column.clear();
    column.extend(values);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_descend_by_score_then_ascend_by_key() {
        let mut ranks = Ranks::default();
        for _ in 0..2 {
            let rows = [(0.5, 9), (-0.0, 4), (2.0, 7), (0.0, 3), (0.5, 9)];
            ranks.set(rows.into_iter(), |at| (at as f64, 10.0 * at as f64));
            assert_eq!(ranks.at, [2, 0, 4, 3, 1]);
            assert_eq!(ranks.keys, [7, 9, 9, 3, 4]);
            assert_eq!(ranks.scores[..5], [2.0, 0.5, 0.5, 0.0, 0.0]);
            assert_eq!(ranks.grades[..5], [2.0, 0.0, 4.0, 3.0, 1.0]);
            assert_eq!(ranks.gains, [20.0, 0.0, 40.0, 30.0, 10.0]);
            assert!(!ranks.is_flat() && ranks.len() == 5);
        }
        ranks.set([(1.0, 1), (1.0, 0)].into_iter(), |_| (0.0, 0.0));
        assert!(ranks.is_flat() && ranks.at == [1, 0]);
    }
}
