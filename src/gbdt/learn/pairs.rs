//! Pairs drawn by chance: for every row of a query, partners among the rows of other grades.
//!
//! Rows are taken grade by grade from the best down, those of a grade by position; each gets as many partners as asked for, all
//! rows of other grades being equally likely and a partner possibly drawn twice. A draw is a function of (seed, round, row
//! key, how many before it), so neither threads nor the order of rows change it.
//!
//! Sources: XGBoost's `lambdarank_pair_method = mean`, which draws from a generator with state.

use crate::determinism::rng::Stream;

/// A row at its position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) key: u64,
    pub(super) grade: f64,
}

/// Calls `pair(position, position of the partner)` for `per_row` partners of each of the rows, which stand in the order of
/// positions.
pub(super) fn draw(rows: &[Row], per_row: u32, chance: Stream, mut pair: impl FnMut(usize, usize)) {
    let mut by_grade: Vec<usize> = (0..rows.len()).collect();
    by_grade.sort_by(|&a, &b| rows[b].grade.total_cmp(&rows[a].grade).then(a.cmp(&b)));
    let mut first = 0;
    for same in by_grade.chunk_by(|&a, &b| rows[a].grade == rows[b].grade) {
        let others = rows.len() - same.len();
        for time in (0..per_row).filter(|_| others > 0) {
            for &position in same {
                let drawn = chance.round(u64::from(time)).below(rows[position].key, others as u64) as usize;
                let partner = if drawn < first { drawn } else { drawn + same.len() };
                pair(position, by_grade[partner]);
            }
        }
        first += same.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_are_of_other_grades_and_equally_likely() {
        let rows: Vec<Row> =
            [1.0, 0.0, 2.0, 1.0].iter().zip(7..).map(|(&grade, key)| Row { key, grade }).collect();
        let mut counts = [[0u32; 4]; 4];
        draw(&rows, 6000, Stream::new(3, "pairs"), |i, j| counts[i][j] += 1);
        for (i, row) in counts.iter().enumerate() {
            assert_eq!(row.iter().sum::<u32>(), 6000);
            let others = rows.iter().filter(|other| other.grade != rows[i].grade).count() as u32;
            for (j, &n) in row.iter().enumerate() {
                let expected = if rows[i].grade == rows[j].grade { 0 } else { 6000 / others };
                assert!(n.abs_diff(expected) <= expected / 10, "{i} with {j}: {n}, expected {expected}");
            }
        }
    }

    #[test]
    fn rows_of_one_grade_have_no_partners() {
        let rows = [Row { key: 0, grade: 2.0 }, Row { key: 1, grade: 2.0 }];
        draw(&rows, 3, Stream::new(3, "pairs"), |_, _| panic!("no pair"));
    }
}
