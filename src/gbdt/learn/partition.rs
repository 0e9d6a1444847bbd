//! Which rows are in which leaf, and their cells: two lists, each leaf a range of one of them.
//!
//! A split reads a leaf's rows from one list and writes those of both children, in the order they had, to the same range of
//! the other; so a leaf's rows always ascend, and nothing is copied twice. Cells move along, so that histograms read them in a
//! run: from all over memory, a cell costs as much time as all codes of its row. Blocks of rows are marked, then parted, side
//! by side.

use std::ops::Range;

use crate::determinism::par;
use crate::gbdt::data::codes::{Codes, of_codes};
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::grid::Rows;
use crate::gbdt::kernel::parting::{self, Item, Question};

/// The rows of a tree's bag, grouped by leaf. Its memory serves tree after tree.
pub(super) struct Partition<T> {
    level: Level,
    lists: [Lists<T>; 2],
    marks: Vec<u64>,
}

/// Rows and their cells.
struct Lists<T> {
    rows: Vec<u32>,
    cells: Vec<T>,
}

/// A leaf's rows.
#[derive(Clone, Debug)]
pub(super) struct Span {
    range: Range<usize>,
    list: List,
}

/// Where a span's rows stand.
#[derive(Clone, Copy, Debug, PartialEq)]
enum List {
    /// Nowhere: they are the rows of these numbers.
    Whole,
    First,
    Second,
}

impl Span {
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }
}

impl<T: Item + Default> Partition<T> {
    pub(super) fn new(level: Level) -> Self {
        Partition { level, lists: std::array::from_fn(|_| Lists { rows: Vec::new(), cells: Vec::new() }), marks: Vec::new() }
    }

    /// Starts over with one leaf of all rows of the bag; `cells` has one per row of the data.
    pub(super) fn plant(&mut self, bag: &[u32], cells: &[T]) -> Span {
        for list in &mut self.lists {
            list.rows.resize(bag.len(), 0);
            list.cells.resize(bag.len(), T::default());
        }
        self.marks.resize(bag.len().div_ceil(64), 0);
        if bag.len() == cells.len() {
            return Span { range: 0..bag.len(), list: List::Whole };
        }
        let first = &mut self.lists[0];
        first.rows.copy_from_slice(bag);
        par::for_each_chunk(&mut first.cells, BLOCK, |block, part| {
            part.iter_mut().zip(&bag[block * BLOCK..]).for_each(|(cell, &row)| *cell = cells[row as usize]);
        });
        Span { range: 0..bag.len(), list: List::First }
    }

    /// The rows of a leaf.
    pub(super) fn rows(&self, span: &Span) -> Rows<'_> {
        match span.list {
            List::Whole => Rows::Between(span.range.start, span.range.end),
            List::First => Rows::Listed(&self.lists[0].rows[span.range.clone()]),
            List::Second => Rows::Listed(&self.lists[1].rows[span.range.clone()]),
        }
    }

    /// The cells of a leaf's rows; `cells` has one per row of the data.
    pub(super) fn cells<'a>(&'a self, span: &Span, cells: &'a [T]) -> &'a [T] {
        match span.list {
            List::Whole => &cells[span.range.clone()],
            List::First => &self.lists[0].cells[span.range.clone()],
            List::Second => &self.lists[1].cells[span.range.clone()],
        }
    }

    /// The rows of a leaf of a split tree that lie within a range of row numbers.
    pub(super) fn within(&self, span: &Span, range: &Range<usize>) -> &[u32] {
        let Rows::Listed(rows) = self.rows(span) else { return &[] };
        let below = |end: usize| rows.partition_point(|&row| (row as usize) < end);
        &rows[below(range.start)..below(range.end)]
    }

    /// Splits a leaf by one feature's codes; returns the left and the right child. `cells` has one per row of the data.
    pub(super) fn split(&mut self, span: &Span, cells: &[T], column: &Codes, question: &Question) -> (Span, Span) {
        let Partition { level, lists: [first, second], marks } = self;
        let range = span.range.clone();
        let (rows, cells, out, list) = match span.list {
            List::Whole => (Rows::Between(range.start, range.end), &cells[range.clone()], first, List::First),
            List::First => {
                (Rows::Listed(&first.rows[range.clone()]), &first.cells[range.clone()], second, List::Second)
            }
            List::Second => {
                (Rows::Listed(&second.rows[range.clone()]), &second.cells[range.clone()], first, List::First)
            }
        };
        let marks = &mut marks[..range.len().div_ceil(64)];
        let counts = mark(*level, rows, column, question, marks);
        let n_left: usize = counts.iter().sum();
        let out = (&mut out.rows[range.clone()], &mut out.cells[range.clone()]);
        part(*level, (rows, cells), marks, &counts, out);
        let middle = range.start + n_left;
        (Span { range: range.start..middle, list }, Span { range: middle..range.end, list })
    }
}

/// The positions of a block.
fn block(i: usize, n_rows: usize) -> Range<usize> {
    i * BLOCK..((i + 1) * BLOCK).min(n_rows)
}

/// Marks the rows that go left; returns their number in each block.
fn mark(level: Level, rows: Rows<'_>, column: &Codes, question: &Question, marks: &mut [u64]) -> Vec<usize> {
    let mut marked: Vec<(&mut [u64], usize)> = marks.chunks_mut(BLOCK / 64).map(|marks| (marks, 0)).collect();
    par::for_each(&mut marked, |i, (marks, n_left)| {
        let rows = rows.slice(block(i, rows.len()));
        *n_left = of_codes!(column, codes => parting::mark(level, codes, rows, question, marks));
    });
    marked.into_iter().map(|(_, n_left)| n_left).collect()
}

/// Writes marked rows and cells, then the others, to `out`; `counts` has the marked ones of each block.
fn part<T: Item>(
    level: Level,
    (rows, cells): (Rows<'_>, &[T]),
    marks: &[u64],
    counts: &[usize],
    out: (&mut [u32], &mut [T]),
) {
    let n_left: usize = counts.iter().sum();
    let (mut left_rows, mut right_rows) = out.0.split_at_mut(n_left);
    let (mut left_cells, mut right_cells) = out.1.split_at_mut(n_left);
    let mut parts = Vec::with_capacity(counts.len());
    for (i, &n_left) in counts.iter().enumerate() {
        let n_right = block(i, rows.len()).len() - n_left;
        parts.push((
            (take(&mut left_rows, n_left), take(&mut right_rows, n_right)),
            (take(&mut left_cells, n_left), take(&mut right_cells, n_right)),
        ));
    }
    par::for_each(&mut parts, |i, (to_rows, to_cells)| {
        let range = block(i, rows.len());
        let marks = &marks[range.start / 64..range.end.div_ceil(64)];
        match rows.slice(range.clone()) {
            Rows::Between(first, _) => parting::part_numbers(level, first as u32, marks, to_rows.0, to_rows.1),
            Rows::Listed(rows) => parting::part(level, rows, marks, to_rows.0, to_rows.1),
        }
        parting::part(level, &cells[range], marks, to_cells.0, to_cells.1);
    });
}

/// The first places, which are no longer free.
fn take<'a, T>(free: &mut &'a mut [T], n: usize) -> &'a mut [T] {
    let (first, rest) = std::mem::take(free).split_at_mut(n);
    *free = rest;
    first
}

/// Rows of a block, whole words of marks; no result depends on it.
const BLOCK: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::determinism::rng::Stream;

    fn listed(partition: &Partition<u32>, span: &Span) -> Vec<u32> {
        match partition.rows(span) {
            Rows::Between(first, end) => (first as u32..end as u32).collect(),
            Rows::Listed(rows) => rows.to_vec(),
        }
    }

    proptest! {
        #[test]
        fn splits_are_stable_partitions(
            n in 1usize..50_000,
            seed: u64,
            last in 0u16..6,
            also in 0u16..8,
            set: u64,
            whole: bool,
        ) {
            let stream = Stream::new(seed, "partition");
            let codes: Vec<u8> = (0..n as u64).map(|i| stream.below(i, 8) as u8).collect();
            let column = Codes::Bytes(codes.clone());
            let kept = |row: &u32| whole || stream.below(u64::from(*row) + 1_000_000, 4) > 0;
            let bag: Vec<u32> = (0..n as u32).filter(kept).collect();
            let cells: Vec<u32> = (0..n as u32).map(|row| row * 3 + 1).collect();
            for level in Level::available() {
                let mut partition = Partition::new(level);
                let root = partition.plant(&bag, &cells);
                let first = Question::UpTo { last, also };
                let (left, right) = partition.split(&root, &cells, &column, &first);
                let second = Question::AnyOf([set].into());
                let (left_left, left_right) = partition.split(&left, &cells, &column, &second);
                let of = |question: &Question, rows: &[u32], side: bool| -> Vec<u32> {
                    let goes = |row: &&u32| question.goes_left(usize::from(codes[**row as usize])) == side;
                    rows.iter().filter(goes).copied().collect()
                };
                prop_assert_eq!(listed(&partition, &right), of(&first, &bag, false), "{}", level);
                let rows = of(&first, &bag, true);
                prop_assert_eq!(listed(&partition, &left_left), of(&second, &rows, true), "{}", level);
                prop_assert_eq!(listed(&partition, &left_right), of(&second, &rows, false), "{}", level);
                let moved = partition.cells(&left_right, &cells).iter().map(|cell| cell / 3).collect::<Vec<u32>>();
                prop_assert_eq!(moved, of(&second, &rows, false), "{}", level);
                let some = n / 3..n / 2;
                let expected: Vec<u32> =
                    of(&first, &bag, false).into_iter().filter(|&row| some.contains(&(row as usize))).collect();
                prop_assert_eq!(partition.within(&right, &some), &expected[..]);
            }
        }
    }
}
