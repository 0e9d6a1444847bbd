//! Several leaves split at a time: their rows parted, their children's histograms made and searched.
//!
//! Which leaves a tree splits is decided one by one, by gain; but what splitting a leaf takes does not depend on when it is
//! done. So the most gainful leaves are worked on together: their rows are read in one run through memory, and there is enough
//! work for all threads. A leaf that is not chosen in the end has cost some time and changes nothing.
//!
//! The smaller child's histogram is summed from its rows, the larger one's is the parent's minus that, exactly.

use super::cells::Cells;
use super::frontier::{Divided, Open, Side};
use super::histogram::{self, Source};
use super::partition::{Cut, Partition};
use super::split::{Judge, Split, better};
use crate::determinism::par;
use crate::gbdt::data::Dataset;
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::kernel::parting::Question;

/// What splitting the leaves of one tree reads.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a, C: Cell> {
    pub(super) judge: Judge<'a>,
    pub(super) cells: &'a Cells<C>,
    /// One per feature: whether the tree may use it.
    pub(super) usable: &'a [bool],
    pub(super) data: &'a Dataset,
}

/// Whether children may be split in turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Children {
    Open,
    Closed,
}

impl<C: Cell> Scene<'_, C> {
    /// Carries out the best split of each leaf; `spare` is memory of histograms.
    pub(super) fn divide(
        &self,
        wave: &mut [Open<C>],
        children: Children,
        partition: &mut Partition<C::Row>,
        spare: &mut Vec<Vec<C>>,
    ) {
        let bins = self.data.bins();
        let questions: Vec<Question> = wave.iter().map(|open| open.split.question(bins.cuts())).collect();
        let cut = |(i, question)| {
            let open: &Open<C> = &wave[i];
            Cut { span: &open.rows, column: bins.codes(open.split.feature as usize), question }
        };
        let cuts: Vec<Cut<'_>> = questions.iter().enumerate().map(cut).collect();
        let spans = partition.split(&cuts, self.cells.cells());
        for ((open, question), (left, right)) in wave.iter_mut().zip(questions).zip(spans) {
            let [left, right] = [left, right].map(|rows| Side { rows, next: None });
            open.divided = Some(Divided { question, left, right });
        }
        if children == Children::Open {
            self.search(wave, partition, spare);
        }
    }

    /// Makes histograms of children that may be split, and finds their best splits.
    fn search(&self, wave: &mut [Open<C>], partition: &Partition<C::Row>, spare: &mut Vec<Vec<C>>) {
        let mut families: Vec<Family<'_, C>> =
            wave.iter_mut().filter_map(|open| Family::of(open, &self.judge)).collect();
        let mut sums: Vec<Vec<C>> = families.iter().map(|_| self.histogram(spare)).collect();
        let source = |family: &Family<'_, C>| {
            let span = &family.small.side.rows;
            Source { rows: partition.rows(span), cells: partition.cells(span, self.cells.cells()) }
        };
        let sources: Vec<Source<'_, C>> = families.iter().map(source).collect();
        let n_rows: usize = sources.iter().map(|source| source.rows.len()).sum();
        let together = par::width() == 1 || n_rows >= LARGE;
        if together {
            histogram::fill_together(self.data.tiles::<C>(), self.data.n_rows(), &sources, &mut sums);
        }
        let mut tasks = Vec::new();
        for ((family, sums), &source) in families.iter_mut().zip(&mut sums).zip(&sources) {
            let totals = [family.small.total, family.large.total];
            let parts = self.by_tile(sums).into_iter().zip(self.by_tile(&mut family.rest));
            tasks.push(parts.map(|(sums, rest)| (sums, rest, source, totals, [None; 2])).collect::<Vec<_>>());
        }
        let n_tiles = self.data.tiles::<C>().len();
        let mut tasks: Vec<_> = tasks.into_iter().flatten().collect();
        par::for_each(&mut tasks, |i, (sums, rest, source, totals, found)| {
            let tile = i % n_tiles;
            if !together {
                histogram::fill(self.data.tiles::<C>(), tile..tile + 1, *source, sums);
            }
            histogram::subtract(rest, sums);
            *found = [self.search_tile(tile, sums, totals[0]), self.search_tile(tile, rest, totals[1])];
        });
        let found: Vec<[Option<Split<C>>; 2]> = tasks.iter().map(|task| task.4).collect();
        for ((family, sums), found) in families.into_iter().zip(sums).zip(found.chunks(n_tiles)) {
            let best = |side: usize| found.iter().filter_map(|found| found[side]).reduce(better);
            family.small.keep(sums, best(0), spare);
            family.large.keep(family.rest, best(1), spare);
        }
    }

    /// The best split of a leaf with these sums.
    pub(super) fn search_leaf(&self, sums: &[C], total: C) -> Option<Split<C>> {
        let tiles = self.data.tiles::<C>();
        let found = par::map(tiles.len(), |tile| self.search_tile(tile, &sums[tiles.cells(tile)], total));
        found.into_iter().flatten().reduce(better)
    }

    fn search_tile(&self, tile: usize, sums: &[C], total: C) -> Option<Split<C>> {
        self.judge.best(self.data.tiles::<C>(), tile, sums, total, self.usable)
    }

    /// Memory for a histogram, with whatever is in it.
    pub(super) fn histogram(&self, spare: &mut Vec<Vec<C>>) -> Vec<C> {
        spare.pop().unwrap_or_else(|| vec![C::default(); self.data.tiles::<C>().n_cells()])
    }

    /// A histogram's cells tile by tile.
    fn by_tile<'s>(&self, mut sums: &'s mut [C]) -> Vec<&'s mut [C]> {
        let tiles = self.data.tiles::<C>();
        let part = |tile: usize| {
            let (part, rest) = std::mem::take(&mut sums).split_at_mut(tiles.cells(tile).len());
            sums = rest;
            part
        };
        (0..tiles.len()).map(part).collect()
    }
}

/// The children of a leaf, of which one at least may be split.
struct Family<'a, C> {
    small: Child<'a, C>,
    large: Child<'a, C>,
    /// The histogram of their parent, then of the larger one.
    rest: Vec<C>,
}

struct Child<'a, C> {
    side: &'a mut Side<C>,
    total: C,
    may_be_split: bool,
}

impl<'a, C: Cell> Family<'a, C> {
    fn of(open: &'a mut Open<C>, judge: &Judge<'_>) -> Option<Self> {
        let Open { depth, split, divided, histogram, .. } = open;
        let Divided { left, right, .. } = divided.as_mut()?;
        let child = |side: &'a mut Side<C>, total: C| {
            let may_be_split = judge.divisible(side.rows.len(), *depth + 1);
            Child { side, total, may_be_split }
        };
        let [left, right] = [child(left, split.left), child(right, split.right)];
        if !(left.may_be_split || right.may_be_split) {
            return None;
        }
        let rest = std::mem::take(histogram);
        let left_is_small = left.side.rows.len() <= right.side.rows.len();
        let (small, large) = if left_is_small { (left, right) } else { (right, left) };
        Some(Family { small, large, rest })
    }
}

impl<C: Cell> Child<'_, C> {
    /// Keeps a histogram and a split where the child can be split by it.
    fn keep(self, sums: Vec<C>, found: Option<Split<C>>, spare: &mut Vec<Vec<C>>) {
        match found.filter(|_| self.may_be_split) {
            Some(split) => self.side.next = Some((sums, split)),
            None => spare.push(sums),
        }
    }
}

/// From how many rows on a histogram for each thread costs little beside the sums; no result depends on it.
const LARGE: usize = 8192;
