//! Which rows are in which leaf, and their cells: two lists, each leaf a range of one of them.
//!
//! A split reads a leaf's rows from one list and writes those of both children, in the order they had, to the same range of
//! the other; so a leaf's rows always ascend, and nothing is copied twice. Cells move along, so that histograms read them in a
//! run: from all over memory, a cell costs as much time as all codes of its row. Blocks of rows are marked, then parted, side
//! by side.

use std::ops::Range;

use crate::determinism::par::{self, Worth};
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

impl List {
    /// Where the children of a span stand.
    fn next(self) -> Self {
        if self == List::First { List::Second } else { List::First }
    }
}

impl Span {
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }
}

impl<T: Item + Default> Partition<T> {
    pub(super) fn new(level: Level) -> Self {
        Partition {
            level,
            lists: std::array::from_fn(|_| Lists { rows: Vec::new(), cells: Vec::new() }),
            marks: Vec::new(),
        }
    }

    /// Starts over with one leaf of all rows of the bag; `cells` has one per row of the data.
    pub(super) fn plant(&mut self, bag: &[u32], cells: &[T]) -> Span {
        for list in &mut self.lists {
            list.rows.resize(bag.len(), 0);
            list.cells.resize(bag.len(), T::default());
        }
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

    /// Splits leaves, each by one feature's codes; returns their left and right children. `cells` has one per row of the data.
    pub(super) fn split(&mut self, cuts: &[Cut<'_>], cells: &[T]) -> Vec<(Span, Span)> {
        let level = self.level;
        let mut pieces = self.pieces(cuts, cells);
        let mut marking: Vec<_> = pieces.iter_mut().flat_map(Piece::marking).collect();
        marking.iter_mut().enumerate().for_each(|(i, block)| block.index = i);
        let n_rows: usize = cuts.iter().map(|cut| cut.span.len()).sum();
        let worth = if n_rows < 2 * BLOCK { Worth::Nothing } else { Worth::Sharing };
        marking.sort_by_key(|block| block.rows.first());
        par::for_each_worth(worth, &mut marking, |_, block| block.mark(level));
        let mut counts = vec![0; marking.len()];
        marking.iter().for_each(|block| counts[block.index] = block.n_left);
        let mut counts = &counts[..];
        let (mut parting, mut children) = (Vec::new(), Vec::with_capacity(cuts.len()));
        for (piece, cut) in pieces.iter_mut().zip(cuts) {
            let (own, rest) = counts.split_at(piece.rows.len().div_ceil(BLOCK));
            counts = rest;
            let middle = cut.span.range.start + own.iter().sum::<usize>();
            let list = cut.span.list.next();
            let span = |range: Range<usize>| Span { range, list };
            children.push((span(cut.span.range.start..middle), span(middle..cut.span.range.end)));
            parting.extend(piece.parting(own));
        }
        parting.sort_by_key(|block| block.rows.first());
        par::for_each_worth(worth, &mut parting, |_, block| block.part(level));
        children
    }

    /// What each cut reads and writes.
    fn pieces<'p>(&'p mut self, cuts: &'p [Cut<'p>], cells: &'p [T]) -> Vec<Piece<'p, T>> {
        let n_words = |cut: &Cut<'_>| cut.span.len().div_ceil(64);
        self.marks.resize(self.marks.len().max(cuts.iter().map(n_words).sum()), 0);
        let mut marks = &mut self.marks[..];
        let [first, second] = &mut self.lists;
        let mut lists = [first, second].map(|list| (0, &mut list.rows[..], &mut list.cells[..]));
        let mut order: Vec<usize> = (0..cuts.len()).collect();
        order.sort_by_key(|&cut| cuts[cut].span.range.start);
        let mut pieces: Vec<(usize, Piece<'p, T>)> = Vec::with_capacity(cuts.len());
        for i in order {
            let cut = &cuts[i];
            let [first, second] = lists.each_mut().map(|list| cut_out(list, &cut.span.range));
            let (rows, cells, out) = match cut.span.list {
                List::Whole => {
                    let range = cut.span.range.clone();
                    (Rows::Between(range.start, range.end), &cells[range], first)
                }
                List::First => (Rows::Listed(first.0), &*first.1, second),
                List::Second => (Rows::Listed(second.0), &*second.1, first),
            };
            let (column, question) = (cut.column, cut.question);
            let marks = take(&mut marks, n_words(cut));
            pieces
                .push((i, Piece { rows, cells, column, question, marks, out_rows: out.0, out_cells: out.1 }));
        }
        pieces.sort_by_key(|(cut, _)| *cut);
        pieces.into_iter().map(|(_, piece)| piece).collect()
    }
}

/// A leaf to be split by the codes of a feature.
pub(super) struct Cut<'a> {
    pub(super) span: &'a Span,
    pub(super) column: &'a Codes,
    pub(super) question: &'a Question,
}

/// What splitting a leaf reads and writes.
struct Piece<'a, T> {
    rows: Rows<'a>,
    cells: &'a [T],
    column: &'a Codes,
    question: &'a Question,
    /// A bit per row: whether it goes left.
    marks: &'a mut [u64],
    /// Rows that go left, then the others.
    out_rows: &'a mut [u32],
    out_cells: &'a mut [T],
}

impl<T: Item> Piece<'_, T> {
    /// Its blocks, to be marked.
    fn marking(&mut self) -> impl Iterator<Item = Marking<'_>> {
        let Piece { rows, column, question, .. } = *self;
        let blocks = self.marks.chunks_mut(BLOCK / 64).enumerate();
        blocks.map(move |(i, marks)| Marking {
            rows: rows.slice(block(i, rows.len())),
            column,
            question,
            marks,
            index: 0,
            n_left: 0,
        })
    }

    /// Its blocks, to be parted; `counts` has the marked rows of each.
    fn parting(&mut self, counts: &[usize]) -> Vec<Parting<'_, T>> {
        let n_left = counts.iter().sum();
        let (mut left_rows, mut right_rows) = self.out_rows.split_at_mut(n_left);
        let (mut left_cells, mut right_cells) = self.out_cells.split_at_mut(n_left);
        let mut blocks = Vec::with_capacity(counts.len());
        for (i, &n_left) in counts.iter().enumerate() {
            let range = block(i, self.rows.len());
            let n_right = range.len() - n_left;
            blocks.push(Parting {
                rows: self.rows.slice(range.clone()),
                marks: &self.marks[range.start / 64..range.end.div_ceil(64)],
                cells: &self.cells[range],
                to_rows: (take(&mut left_rows, n_left), take(&mut right_rows, n_right)),
                to_cells: (take(&mut left_cells, n_left), take(&mut right_cells, n_right)),
            });
        }
        blocks
    }
}

struct Marking<'a> {
    rows: Rows<'a>,
    column: &'a Codes,
    question: &'a Question,
    marks: &'a mut [u64],
    /// Its position among the blocks of all pieces.
    index: usize,
    n_left: usize,
}

impl Marking<'_> {
    fn mark(&mut self, level: Level) {
        let Marking { rows, question, .. } = *self;
        self.n_left =
            of_codes!(self.column, codes => parting::mark(level, codes, rows, question, self.marks));
    }
}

struct Parting<'a, T> {
    rows: Rows<'a>,
    marks: &'a [u64],
    cells: &'a [T],
    to_rows: (&'a mut [u32], &'a mut [u32]),
    to_cells: (&'a mut [T], &'a mut [T]),
}

impl<T: Item> Parting<'_, T> {
    fn part(&mut self, level: Level) {
        let (left, right) = (&mut *self.to_rows.0, &mut *self.to_rows.1);
        match self.rows {
            Rows::Between(first, _) => parting::part_numbers(level, first as u32, self.marks, left, right),
            Rows::Listed(rows) => parting::part(level, rows, self.marks, left, right),
        }
        parting::part(level, self.cells, self.marks, self.to_cells.0, self.to_cells.1);
    }
}

/// The positions of a block.
fn block(i: usize, n_rows: usize) -> Range<usize> {
    i * BLOCK..((i + 1) * BLOCK).min(n_rows)
}

/// The rest of both parts of a list, from a position on.
type Rest<'a, T> = (usize, &'a mut [u32], &'a mut [T]);

/// What a list has at a range; nothing before its end can be had again.
fn cut_out<'a, T>(
    (start, rows, cells): &mut Rest<'a, T>,
    range: &Range<usize>,
) -> (&'a mut [u32], &'a mut [T]) {
    let skipped = range.start - *start;
    take(rows, skipped);
    take(cells, skipped);
    *start = range.end;
    (take(rows, range.len()), take(cells, range.len()))
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
                let cut = |span, question| Cut { span, column: &column, question };
                let (left, right) = partition.split(&[cut(&root, &first)], &cells).remove(0);
                let second = Question::AnyOf([set].into());
                let children = partition.split(&[cut(&right, &first), cut(&left, &second)], &cells);
                let [(_, right_right), (left_left, left_right)] = [children[0].clone(), children[1].clone()];
                let of = |question: &Question, rows: &[u32], side: bool| -> Vec<u32> {
                    let goes = |row: &&u32| question.goes_left(usize::from(codes[**row as usize])) == side;
                    rows.iter().filter(goes).copied().collect()
                };
                prop_assert_eq!(listed(&partition, &right), of(&first, &bag, false), "{}", level);
                prop_assert_eq!(listed(&partition, &right_right), of(&first, &bag, false), "{}", level);
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
