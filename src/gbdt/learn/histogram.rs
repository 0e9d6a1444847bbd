//! Sums of gradients by feature and code: rows in, one cell per feature and code out.
//!
//! All sums are integers, so how rows or features are shared among threads cannot show in the result; the choice is by
//! size alone: many rows are shared out, of few rows the tiles are.

use std::ops::Range;

use crate::determinism::par;
use crate::gbdt::data::tiles::Tiles;
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::kernel::grid::Rows;

/// Replaces the sums of some tiles by those over `rows`.
pub(super) fn fill<C: Cell>(
    tiles: &Tiles,
    range: Range<usize>,
    rows: Rows<'_>,
    cells: &[C::Row],
    sums: &mut [C],
) {
    sums.fill(C::default());
    tiles.add(range, rows, cells, sums);
}

/// Replaces the sums of all tiles by those over `rows`; each thread takes a run of the rows.
pub(super) fn fill_shared<C: Cell>(tiles: &Tiles, rows: Rows<'_>, cells: &[C::Row], sums: &mut [C]) {
    let block = rows.len().div_ceil(par::width()).max(1);
    let part = |i: usize| i * block..((i + 1) * block).min(rows.len());
    let mut others = vec![vec![C::default(); sums.len()]; rows.len().div_ceil(block).saturating_sub(1)];
    let mut tasks: Vec<&mut [C]> =
        std::iter::once(&mut *sums).chain(others.iter_mut().map(Vec::as_mut_slice)).collect();
    par::for_each(&mut tasks, |i, sums| {
        fill(tiles, 0..tiles.len(), rows.slice(part(i)), &cells[part(i)], sums);
    });
    for other in &others {
        sums.iter_mut().zip(other).for_each(|(sum, &more)| *sum = sum.plus(more));
    }
}

/// Takes the sums over some of the rows away.
pub(super) fn subtract<C: Cell>(sums: &mut [C], part: &[C]) {
    sums.iter_mut().zip(part).for_each(|(sum, &less)| *sum = sum.minus(less));
}

/// Whether rows are better shared out among threads than tiles are.
pub(super) fn is_large(n_rows: usize) -> bool {
    par::width() > 1 && n_rows >= LARGE
}

/// From how many rows on a histogram for each thread costs little beside the sums; no result depends on it.
const LARGE: usize = 8192;
