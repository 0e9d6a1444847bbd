//! Sums of gradients by feature and code: rows of leaves in, one cell per feature and code out.
//!
//! All sums are integers, so how rows or features are shared among threads cannot show in the result; the choice is by size
//! alone: many rows are shared out, of few rows the features are.

use std::ops::Range;

use crate::determinism::par;
use crate::gbdt::data::codes::{Codes, of_codes};
use crate::gbdt::data::tiles::Tiles;
use crate::gbdt::kernel::cell::{Cell, Counted};
use crate::gbdt::kernel::grid::Rows;

/// A leaf's rows, and the cells of each.
#[derive(Clone, Copy)]
pub(super) struct Source<'a, C: Cell> {
    pub(super) rows: Rows<'a>,
    pub(super) cells: &'a [C::Row],
}

impl<'a, C: Cell> Source<'a, C> {
    /// Those of a range of row numbers.
    fn within(&self, numbers: Range<usize>) -> Source<'a, C> {
        let range = self.rows.below(numbers.start)..self.rows.below(numbers.end);
        Source { rows: self.rows.slice(range.clone()), cells: &self.cells[range] }
    }
}

/// Replaces the sums of some tiles by those over a leaf.
pub(super) fn fill<C: Cell>(tiles: &Tiles, range: Range<usize>, source: Source<'_, C>, sums: &mut [C]) {
    sums.fill(C::default());
    tiles.add(range, source.rows, source.cells, sums);
}

/// Replaces histograms by those of as many leaves; each thread takes a run of row numbers.
pub(super) fn fill_together<C: Cell>(
    tiles: &Tiles,
    n_rows: usize,
    sources: &[Source<'_, C>],
    sums: &mut [Vec<C>],
) {
    let run = n_rows.div_ceil(par::width()).max(1);
    let empty = || -> Vec<Vec<C>> { sources.iter().map(|_| vec![C::default(); tiles.n_cells()]).collect() };
    let mut others: Vec<Vec<Vec<C>>> = (1..n_rows.div_ceil(run)).map(|_| empty()).collect();
    let mut tasks: Vec<&mut [Vec<C>]> =
        std::iter::once(&mut *sums).chain(others.iter_mut().map(Vec::as_mut_slice)).collect();
    par::for_each(&mut tasks, |i, sums| {
        for (source, sums) in sources.iter().zip(sums.iter_mut()) {
            fill(tiles, 0..tiles.len(), source.within(i * run..(i + 1) * run), sums);
        }
    });
    let mut all: Vec<&mut Vec<C>> = sums.iter_mut().collect();
    par::for_each(&mut all, |leaf, sums| {
        for other in &others {
            sums.iter_mut().zip(&other[leaf]).for_each(|(sum, &more)| *sum = sum.plus(more));
        }
    });
}

/// Takes the sums over some of the rows away.
pub(super) fn subtract<C: Cell>(sums: &mut [C], part: &[C]) {
    sums.iter_mut().zip(part).for_each(|(sum, &less)| *sum = sum.minus(less));
}

/// The sums of one feature's codes with the rows of each.
pub(super) fn count<C: Cell>(sums: &[C], codes: &Codes, rows: Rows<'_>) -> Vec<Counted<C>> {
    let mut counted: Vec<Counted<C>> = sums.iter().map(|&sum| Counted { sum, n_rows: 0 }).collect();
    of_codes!(codes, codes => match rows {
        Rows::Between(first, end) => codes[first..end].iter().for_each(|&code| counted[usize::from(code)].n_rows += 1),
        Rows::Listed(rows) => rows.iter().for_each(|&row| counted[usize::from(codes[row as usize])].n_rows += 1),
    });
    counted
}
