//! Sums of gradients by feature and bin: rows in, one [`Cell`] per feature and bin out.
//!
//! A row adds its cell to one bin of every feature. All sums are integers, so how rows or features are shared among
//! threads cannot show in the result; the choice is by size alone.

use std::ops::Range;

use super::cells::Cell;
use crate::determinism::par;
use crate::gbdt::data::BinnedMatrix;

/// All bins of one feature; a bin number indexes it without a check.
pub(super) type Bins = [Cell; 256];

/// One [`Bins`] per feature.
pub(super) struct Histogram {
    features: Vec<Bins>,
}

/// Some rows of a dataset.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// The first so many.
    First(usize),
    /// These.
    Listed(&'a [u32]),
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Rows::First(n) => *n,
            Rows::Listed(rows) => rows.len(),
        }
    }
}

impl Histogram {
    /// All zero.
    pub(super) fn new(n_features: usize) -> Self {
        Histogram { features: vec![[Cell::default(); 256]; n_features] }
    }

    /// The bins of a feature.
    pub(super) fn feature(&self, feature: usize) -> &Bins {
        &self.features[feature]
    }

    /// Replaces all sums by those over `rows`.
    pub(super) fn fill(&mut self, data: &BinnedMatrix, cells: &[Cell], rows: Rows<'_>) {
        self.features.fill([Cell::default(); 256]);
        let source = Source { data, cells, rows };
        let n_rows = rows.len();
        let threads = par::width();
        if threads == 1 || n_rows * data.n_features() < SERIAL {
            source.add(0..n_rows, 0, &mut self.features);
        } else if n_rows / threads >= BY_ROWS {
            self.fill_by_rows(&source, n_rows.div_ceil(threads));
        } else {
            let block = data.n_features().div_ceil(threads);
            par::for_each_chunk(&mut self.features, block, |i, part| source.add(0..n_rows, i * block, part));
        }
    }

    fn fill_by_rows(&mut self, source: &Source<'_>, block: usize) {
        let parts = par::map_blocks(source.rows.len(), block, |range| {
            let mut part = Histogram::new(self.features.len());
            source.add(range, 0, &mut part.features);
            part
        });
        parts.fold((), |(), part| {
            for (bins, more) in self.features.iter_mut().zip(&part.features) {
                bins.iter_mut().zip(more).for_each(|(cell, &more)| cell.add(more));
            }
        });
    }

    /// Takes the sums over some of the rows away.
    pub(super) fn subtract(&mut self, part: &Histogram) {
        for (bins, less) in self.features.iter_mut().zip(&part.features) {
            bins.iter_mut().zip(less).for_each(|(cell, &less)| *cell = cell.without(less));
        }
    }
}

/// What histograms are sums of.
struct Source<'a> {
    data: &'a BinnedMatrix,
    cells: &'a [Cell],
    rows: Rows<'a>,
}

impl Source<'_> {
    /// Adds the rows at positions `range` to the features from `first` on.
    fn add(&self, range: Range<usize>, first: usize, features: &mut [Bins]) {
        match self.rows {
            Rows::First(_) => self.add_each(range, first, features),
            Rows::Listed(rows) => {
                self.add_each(rows[range].iter().map(|&row| row as usize), first, features);
            }
        }
    }

    #[inline]
    fn add_each(&self, rows: impl Iterator<Item = usize>, first: usize, features: &mut [Bins]) {
        let (bytes, width) = (self.data.rows(), self.data.n_features());
        for row in rows {
            let add = self.cells[row];
            let bins = &bytes[row * width + first..][..features.len()];
            for (cells, &bin) in features.iter_mut().zip(bins) {
                cells[usize::from(bin)].add(add);
            }
        }
    }
}

/// Fewer updates than this are not worth waking a thread for.
const SERIAL: usize = 1 << 15;
/// A thread's own histogram pays when it takes this many rows; else threads share out the features.
const BY_ROWS: usize = 2048;
