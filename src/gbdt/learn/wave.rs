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
use super::partition::{Cut, Partition, Span};
use super::split::{Judge, Split, Whole, leads};
use crate::determinism::par;
use crate::gbdt::data::Dataset;
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::kernel::grid::Rows;
use crate::gbdt::kernel::parting::Question;

/// What splitting the leaves of one tree reads.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a, C: Cell> {
    pub(super) judge: Judge<'a>,
    pub(super) cells: &'a Cells<C>,
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
            let n_rows = [left.len(), right.len()];
            let [left_place, right_place] = self.judge.children(&open.place, &open.split, n_rows);
            let side = |rows, place| Side { rows, place, next: None };
            let (left, right) = (side(left, left_place), side(right, right_place));
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
        let candidates = self.candidates(&mut families, &mut sums, partition);
        let mut leaves: Vec<_> = families
            .iter()
            .zip(&sums)
            .zip(candidates)
            .flat_map(|((family, sums), [small, large])| {
                let [of_small, of_large] =
                    [&family.small, &family.large].map(|child| child.leaf(&self.judge, partition));
                [(small, &sums[..], of_small, None), (large, &family.rest[..], of_large, None)]
            })
            .collect();
        par::for_each(&mut leaves, |_, (candidates, sums, leaf, found)| {
            *found = self.settle(std::mem::take(candidates), sums, *leaf);
        });
        let found: Vec<Option<Split<C>>> = leaves.into_iter().map(|(.., found)| found).collect();
        let mut found = found.into_iter();
        for (family, sums) in families.into_iter().zip(sums) {
            family.small.keep(sums, found.next().flatten(), spare);
            family.large.keep(family.rest, found.next().flatten(), spare);
        }
    }

    /// Replaces `sums` by the histograms of the smaller children and each family's `rest` by that of the larger one; returns
    /// the best split of both by each feature.
    fn candidates(
        &self,
        families: &mut [Family<'_, C>],
        sums: &mut [Vec<C>],
        partition: &Partition<C::Row>,
    ) -> Vec<[Vec<Split<C>>; 2]> {
        let tiles = self.data.tiles();
        let sources: Vec<Source<'_, C>> =
            families.iter().map(|family| self.source(&family.small.side.rows, partition)).collect();
        let n_rows: usize = sources.iter().map(|source| source.rows.len()).sum();
        let together = par::width() == 1 || n_rows >= LARGE;
        if together {
            histogram::fill_together(tiles, self.data.n_rows(), &sources, sums);
        }
        let n_families = families.len();
        let mut by_tile: Vec<Vec<_>> = (0..tiles.len()).map(|_| Vec::with_capacity(n_families)).collect();
        for ((family, sums), &source) in families.iter_mut().zip(sums).zip(&sources) {
            let leaves =
                [family.small.leaf(&self.judge, partition), family.large.leaf(&self.judge, partition)];
            let parts = self.by_tile(sums).into_iter().zip(self.by_tile(&mut family.rest));
            by_tile.iter_mut().zip(parts).for_each(|(tasks, (sums, rest))| {
                tasks.push((sums, rest, source, leaves, [vec![], vec![]]));
            });
        }
        // a tile's tasks side by side: the thread that made a part of a parent's histogram is likely to go on with it
        let mut tasks: Vec<_> = by_tile.into_iter().flatten().collect();
        par::for_each_evenly(&mut tasks, |i, (sums, rest, source, leaves, found)| {
            let tile = i / n_families;
            if !together {
                histogram::fill(tiles, tile..tile + 1, *source, sums);
            }
            histogram::subtract(rest, sums);
            *found = [self.search_tile(tile, sums, leaves[0]), self.search_tile(tile, rest, leaves[1])];
        });
        let mut all: Vec<[Vec<Split<C>>; 2]> = (0..n_families).map(|_| [vec![], vec![]]).collect();
        for (i, (.., found)) in tasks.into_iter().enumerate() {
            all[i % n_families].iter_mut().zip(found).for_each(|(all, found)| all.extend(found));
        }
        all
    }

    /// The rows of a leaf and their cells.
    pub(super) fn source<'p>(&'p self, span: &Span, partition: &'p Partition<C::Row>) -> Source<'p, C> {
        Source { rows: partition.rows(span), cells: partition.cells(span, self.cells.cells()) }
    }

    /// The best split of a leaf with these sums.
    pub(super) fn search_leaf(&self, sums: &[C], leaf: Leaf<'_, C>) -> Option<Split<C>> {
        let tiles = self.data.tiles();
        let found = par::map(tiles.len(), |tile| self.search_tile(tile, &sums[tiles.cells(tile)], leaf));
        self.settle(found.concat(), sums, leaf)
    }

    /// The best split by each feature of a tile.
    fn search_tile(&self, tile: usize, sums: &[C], leaf: Leaf<'_, C>) -> Vec<Split<C>> {
        if !leaf.may_be_split {
            return Vec::new();
        }
        let tiles = self.data.tiles();
        let first = tiles.cells(tile).start;
        let search = |&feature: &u32| {
            let place = tiles.place(feature as usize);
            let bins = &sums[place.start - first..place.end - first];
            if self.judge.needs_counts(self.data.bins().cuts(), feature) {
                self.search_counted(feature, bins, leaf)
            } else {
                self.judge.best(feature, bins, leaf.whole)
            }
        };
        let features = tiles.features(tile);
        let allowed =
            features.iter().filter(|&&feature| leaf.whole.place().allows(&self.judge.ground, feature));
        let mut found = Vec::with_capacity(features.len());
        found.extend(allowed.filter_map(search));
        found
    }

    /// The best split by a feature, with the rows of each code counted.
    fn search_counted(&self, feature: u32, bins: &[C], leaf: Leaf<'_, C>) -> Option<Split<C>> {
        let data = self.data.bins();
        let counted = histogram::count(bins, data.codes(feature as usize), leaf.rows);
        let categorical = data.cuts().is_categorical(feature as usize);
        self.judge.best_counted(feature, &counted, leaf.whole.counted(leaf.rows.len()), categorical)
    }

    /// The best of the candidates, one for each feature, whose sides have the rows. They are counted only where it matters:
    /// for the feature that leads, until one leads that has them.
    fn settle(&self, mut candidates: Vec<Split<C>>, sums: &[C], leaf: Leaf<'_, C>) -> Option<Split<C>> {
        loop {
            let best = (0..candidates.len())
                .reduce(|a, b| if leads(&candidates[b], &candidates[a]) { b } else { a })?;
            if candidates[best].counted {
                return Some(candidates.swap_remove(best));
            }
            let feature = candidates[best].feature;
            let bins = &sums[self.data.tiles().place(feature as usize)];
            match self.search_counted(feature, bins, leaf) {
                Some(split) => candidates[best] = split,
                None => drop(candidates.swap_remove(best)),
            }
        }
    }

    /// Memory for a histogram, with whatever is in it.
    pub(super) fn histogram(&self, spare: &mut Vec<Vec<C>>) -> Vec<C> {
        spare.pop().unwrap_or_else(|| vec![C::default(); self.data.tiles().n_cells()])
    }

    /// A histogram's cells tile by tile.
    fn by_tile<'s>(&self, mut sums: &'s mut [C]) -> Vec<&'s mut [C]> {
        let tiles = self.data.tiles();
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

/// What the search for a split reads of a leaf.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'a, C> {
    pub(super) whole: Whole<'a, C>,
    pub(super) rows: Rows<'a>,
    pub(super) may_be_split: bool,
}

impl<'a, C: Cell> Family<'a, C> {
    fn of(open: &'a mut Open<C>, judge: &Judge<'_>) -> Option<Self> {
        let Open { split, divided, histogram, .. } = open;
        let Divided { left, right, .. } = divided.as_mut()?;
        let child = |side: &'a mut Side<C>, total: C| {
            let may_be_split = judge.divisible(side.rows.len(), side.place.depth);
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
    fn leaf<'s>(&'s self, judge: &Judge<'_>, partition: &'s Partition<C::Row>) -> Leaf<'s, C> {
        let Side { rows, place, .. } = &*self.side;
        let whole = judge.whole(self.total, place);
        Leaf { whole, rows: partition.rows(rows), may_be_split: self.may_be_split }
    }

    /// Keeps a histogram and a split where the child can be split by it.
    fn keep(self, sums: Vec<C>, found: Option<Split<C>>, spare: &mut Vec<Vec<C>>) {
        match found {
            Some(split) => self.side.next = Some((sums, split)),
            None => spare.push(sums),
        }
    }
}

/// From how many rows on a histogram for each thread costs little beside the sums; no result depends on it.
const LARGE: usize = 8192;
