//! The codes of all rows once more, row by row, cut into tiles of features for histogram building.
//!
//! A row stands together, so one gradient serves all its features; a tile is narrow enough for its part of a histogram to
//! stay in the first-level cache. Features with like numbers of codes share a tile, for the places of its histogram
//! are as many for each as the largest needs. Tiles are the unit of work of a thread too.

use std::ops::Range;

use super::BinnedMatrix;
use super::codes::Codes;
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::kernel::grid::{Grid, Rows, Tile};

/// All features that can tell rows apart.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct Tiles {
    bytes: Option<Grid<u8>>,
    /// One column each.
    words: Vec<Grid<u16>>,
    /// The features of each tile, those of bytes first.
    features: Vec<Vec<u32>>,
    /// The cells of each tile in a histogram, side by side.
    cells: Vec<Range<usize>>,
    /// The cells of each feature in a histogram.
    places: Vec<Range<usize>>,
}

impl Tiles {
    /// Tiles whose sums stay in the first-level cache.
    pub(super) fn new(bins: &BinnedMatrix) -> Self {
        let n_codes = |feature: u32| bins.cuts().n_codes(feature as usize);
        let (bytes, words): (Vec<u32>, Vec<u32>) = (0..bins.n_features() as u32)
            .filter(|&feature| bins.tells_apart(feature as usize))
            .partition(|&feature| bins.codes(feature as usize).bytes().is_some());
        let groups = groups(bytes, TILE_CELLS, n_codes);
        let words_of = |&feature: &u32| match bins.codes(feature as usize) {
            Codes::Words(codes) => {
                Some(Grid::new(&[codes.as_slice()], vec![Tile { columns: 0..1, stride: n_codes(feature) }]))
            }
            Codes::Bytes(_) => None,
        };
        let mut tiles = Tiles {
            bytes: bytes_of(bins, &groups),
            words: words.iter().filter_map(words_of).collect(),
            features: groups.into_iter().chain(words.into_iter().map(|feature| vec![feature])).collect(),
            cells: Vec::new(),
            places: vec![0..0; bins.n_features()],
        };
        tiles.lay_out(n_codes);
        tiles
    }

    /// Gives each tile and feature its cells.
    fn lay_out(&mut self, n_codes: impl Fn(u32) -> usize) {
        let mut end = 0;
        for features in &self.features {
            let stride = stride(features, &n_codes);
            for (slot, &feature) in features.iter().enumerate() {
                let first = end + slot * stride;
                self.places[feature as usize] = first..first + n_codes(feature);
            }
            self.cells.push(end..end + features.len() * stride);
            end += features.len() * stride;
        }
    }

    /// How many tiles there are.
    pub(in crate::gbdt) fn len(&self) -> usize {
        self.features.len()
    }

    /// How many cells a histogram has.
    pub(in crate::gbdt) fn n_cells(&self) -> usize {
        self.cells.last().map_or(0, |cells| cells.end)
    }

    /// The features of a tile.
    pub(in crate::gbdt) fn features(&self, tile: usize) -> &[u32] {
        &self.features[tile]
    }

    /// The cells of a tile in a histogram.
    pub(in crate::gbdt) fn cells(&self, tile: usize) -> Range<usize> {
        self.cells[tile].clone()
    }

    /// The cells of a feature in a histogram; none for one that cannot tell rows apart.
    pub(in crate::gbdt) fn place(&self, feature: usize) -> Range<usize> {
        self.places[feature].clone()
    }

    /// Adds each row's cell to the place of its code in every feature of some tiles.
    ///
    /// # Shape
    /// `cells`: one for each of `rows`; `sums`: the cells of these tiles.
    pub(in crate::gbdt) fn add<C: Cell>(
        &self,
        tiles: Range<usize>,
        rows: Rows<'_>,
        cells: &[C::Row],
        sums: &mut [C],
    ) {
        let n_bytes = self.n_bytes();
        let of_bytes = tiles.start.min(n_bytes)..tiles.end.min(n_bytes);
        let n_cells = of_bytes.clone().map(|tile| self.cells[tile].len()).sum();
        let (sums, rest) = sums.split_at_mut(n_cells);
        if let Some(grid) = &self.bytes {
            grid.add(of_bytes, rows, cells, sums);
        }
        self.add_words(tiles.start.max(n_bytes)..tiles.end.max(n_bytes), rows, cells, rest);
    }

    fn add_words<C: Cell>(&self, tiles: Range<usize>, rows: Rows<'_>, cells: &[C::Row], mut sums: &mut [C]) {
        for tile in tiles {
            let (part, after) = sums.split_at_mut(self.cells[tile].len());
            self.words[tile - self.n_bytes()].add(0..1, rows, cells, part);
            sums = after;
        }
    }

    fn n_bytes(&self) -> usize {
        self.bytes.as_ref().map_or(0, |grid| grid.tiles().len())
    }
}

/// Which features share a tile: those with like numbers of codes.
fn groups(mut features: Vec<u32>, tile_cells: usize, n_codes: impl Fn(u32) -> usize) -> Vec<Vec<u32>> {
    features.sort_by_key(|&feature| (n_codes(feature), feature));
    let n_cells: usize = features.iter().map(|&feature| n_codes(feature)).sum();
    // an even number, so that two threads keep to the same tiles from leaf to leaf
    let n_tiles = match n_cells.div_ceil(tile_cells) {
        0 | 1 if features.len() < WORTH_SHARING => 1,
        enough => enough.next_multiple_of(2),
    };
    let work = |&feature: &u32| n_codes(feature) + CELLS_OF_A_FEATURE;
    let share = features.iter().map(work).sum::<usize>().div_ceil(n_tiles).max(1);
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut done = 0;
    for feature in features {
        if done >= share * groups.len() {
            groups.push(Vec::new());
        }
        done += work(&feature);
        groups.last_mut().into_iter().for_each(|group| group.push(feature));
    }
    groups
}

fn stride(features: &[u32], n_codes: impl Fn(u32) -> usize) -> usize {
    features.iter().map(|&feature| n_codes(feature)).max().unwrap_or(1)
}

fn bytes_of(bins: &BinnedMatrix, groups: &[Vec<u32>]) -> Option<Grid<u8>> {
    let mut tiles: Vec<Tile> = Vec::new();
    for features in groups {
        let start = tiles.last().map_or(0, |tile| tile.columns.end);
        let stride = stride(features, |feature| bins.cuts().n_codes(feature as usize));
        tiles.push(Tile { columns: start..start + features.len(), stride });
    }
    let columns: Vec<&[u8]> =
        groups.iter().flatten().filter_map(|&feature| bins.codes(feature as usize).bytes()).collect();
    (!columns.is_empty()).then(|| Grid::new(&columns, tiles))
}

/// Sums of a tile, each a word: most of a first-level cache of 32 KiB.
const TILE_CELLS: usize = (28 << 10) / size_of::<u64>();
/// How many cells take as long as the rest of what a feature takes.
const CELLS_OF_A_FEATURE: usize = 64;
/// From how many features on two threads should find a tile each.
const WORTH_SHARING: usize = 8;
