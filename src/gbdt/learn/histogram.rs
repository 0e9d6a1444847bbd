//! Sums of gradients by feature and code: rows of leaves in, one cell per feature and code out.
//!
//! All sums are integers, so how rows or features are shared among threads, and in what order memory is read, cannot show in
//! the result; the choice is by size alone. Where the leaves hold much of the data, all of them are summed block by block of
//! row numbers: each block is read from memory in one run, ahead of time, whichever leaves its rows are in.

use std::ops::Range;

use crate::determinism::par;
use crate::gbdt::data::tiles::Tiles;
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::kernel::grid::Rows;

/// A leaf's rows, and the cells of each.
#[derive(Clone, Copy)]
pub(super) struct Source<'a, C: Cell> {
    pub(super) rows: Rows<'a>,
    pub(super) cells: &'a [C::Row],
}

impl<'a, C: Cell> Source<'a, C> {
    /// Cuts off the rows below a row number.
    fn below(&mut self, end: usize) -> Source<'a, C> {
        let n = self.rows.below(end);
        let first = Source { rows: self.rows.slice(0..n), cells: &self.cells[..n] };
        *self = Source { rows: self.rows.slice(n..self.rows.len()), cells: &self.cells[n..] };
        first
    }
}

/// Replaces the sums of some tiles by those over a leaf.
pub(super) fn fill<C: Cell>(tiles: &Tiles, range: Range<usize>, source: Source<'_, C>, sums: &mut [C]) {
    sums.fill(C::default());
    tiles.add(range, source.rows, source.cells, sums);
}

/// Replaces histograms by those of as many leaves; each thread takes a run of row numbers.
pub(super) fn fill_together<C: Cell>(tiles: &Tiles, n_rows: usize, sources: &[Source<'_, C>], sums: &mut [Vec<C>]) {
    let run = n_rows.div_ceil(par::width()).max(1);
    let empty = || -> Vec<Vec<C>> { sources.iter().map(|_| vec![C::default(); tiles.n_cells()]).collect() };
    let mut others: Vec<Vec<Vec<C>>> = (1..n_rows.div_ceil(run)).map(|_| empty()).collect();
    let mut tasks: Vec<&mut [Vec<C>]> =
        std::iter::once(&mut *sums).chain(others.iter_mut().map(Vec::as_mut_slice)).collect();
    par::for_each(&mut tasks, |i, sums| {
        let mut within = sources.to_vec();
        for source in &mut within {
            let _before = source.below(i * run);
        }
        let end = n_rows.min((i + 1) * run);
        let within: Vec<Source<'_, C>> = within.iter_mut().map(|source| source.below(end)).collect();
        sums.iter_mut().for_each(|sums| sums.fill(C::default()));
        add_run(tiles, i * run..end, within, sums);
    });
    let mut all: Vec<&mut Vec<C>> = sums.iter_mut().collect();
    par::for_each(&mut all, |leaf, sums| {
        for other in &others {
            sums.iter_mut().zip(&other[leaf]).for_each(|(sum, &more)| *sum = sum.plus(more));
        }
    });
}

/// Adds leaves' rows, which are all of a run of row numbers, to their sums.
fn add_run<C: Cell>(tiles: &Tiles, run: Range<usize>, mut sources: Vec<Source<'_, C>>, sums: &mut [Vec<C>]) {
    let n_rows: usize = sources.iter().map(|source| source.rows.len()).sum();
    if n_rows * DENSE < run.len() || sources.len() == 1 {
        for (source, sums) in sources.iter().zip(sums) {
            tiles.add(0..tiles.len(), source.rows, source.cells, sums);
        }
        return;
    }
    let block = tiles.rows_of(BLOCK_WORDS);
    for start in run.clone().step_by(block) {
        let end = run.end.min(start + block);
        let parts: Vec<Source<'_, C>> = sources.iter_mut().map(|source| source.below(end)).collect();
        let n_rows = parts.iter().map(|part| part.rows.len()).sum();
        let mut ahead = tiles.stream(end..run.end.min(end + block), n_rows);
        for (part, sums) in parts.iter().zip(sums.iter_mut()) {
            tiles.add_before(&mut ahead, part.rows, part.cells, sums);
        }
    }
}

/// Takes the sums over some of the rows away.
pub(super) fn subtract<C: Cell>(sums: &mut [C], part: &[C]) {
    sums.iter_mut().zip(part).for_each(|(sum, &less)| *sum = sum.minus(less));
}

/// Leaves with more than one in so many rows are read in a run with the rows between them.
const DENSE: usize = 8;
/// Words of codes in a block: it and the next stay in the second-level cache.
const BLOCK_WORDS: usize = 1 << 15;
