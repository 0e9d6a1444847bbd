//! Codes of all features, row by row, and the sums of cells by code: the inner loop of histogram building.
//!
//! Rows of a leaf lie all over memory, so a block of them is first brought together, codes and cells, with the memory of later
//! rows asked for ahead; then each tile of features is summed over the block. A tile is as wide as lets its sums stay in
//! the first-level cache. Every code is below its tile's stride, which the constructor checks once, so the loop
//! needs no check of its own.

use std::marker::PhantomData;
use std::ops::Range;

use super::cell::Cell;
use crate::determinism::par;

/// A code: the bin of a number, or the place of a category. Any bits are a code.
pub(in crate::gbdt) trait Code:
    Copy + Default + Ord + Into<usize> + Send + Sync + 'static
{
    /// The code of a number, which fits.
    fn of(number: u16) -> Self;
}

impl Code for u8 {
    #[inline(always)]
    fn of(number: u16) -> Self {
        number as u8
    }
}

impl Code for u16 {
    #[inline(always)]
    fn of(number: u16) -> Self {
        number
    }
}

/// Which rows are summed.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) enum Rows<'a> {
    /// From one up to, not including, another.
    Between(usize, usize),
    /// These.
    Listed(&'a [u32]),
}

impl<'a> Rows<'a> {
    /// How many.
    pub(in crate::gbdt) fn len(self) -> usize {
        match self {
            Rows::Between(first, end) => end - first,
            Rows::Listed(rows) => rows.len(),
        }
    }

    /// The first of them.
    pub(in crate::gbdt) fn first(self) -> Option<usize> {
        match self {
            Rows::Between(first, end) => (first < end).then_some(first),
            Rows::Listed(rows) => rows.first().map(|&row| row as usize),
        }
    }

    /// How many come before a row number; the rows ascend.
    pub(in crate::gbdt) fn below(self, end: usize) -> usize {
        match self {
            Rows::Between(first, last) => end.clamp(first, last) - first,
            Rows::Listed(rows) => rows.partition_point(|&row| (row as usize) < end),
        }
    }

    /// Those at these positions.
    pub(in crate::gbdt) fn slice(self, range: Range<usize>) -> Rows<'a> {
        match self {
            Rows::Between(first, _) => Rows::Between(first + range.start, first + range.end),
            Rows::Listed(rows) => Rows::Listed(&rows[range]),
        }
    }
}

/// Neighbouring columns of a grid, with as many places for the sums of each as the stride says.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gbdt) struct Tile {
    pub(in crate::gbdt) columns: Range<usize>,
    pub(in crate::gbdt) stride: usize,
}

impl Tile {
    /// How many cells it has.
    pub(in crate::gbdt) fn n_cells(&self) -> usize {
        self.columns.len() * self.stride
    }
}

/// Rows x columns of codes. A row is whole words, so that it is copied in few steps and lies in few lines of memory.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct Grid<K> {
    words: Vec<u64>,
    words_per_row: usize,
    tiles: Vec<Tile>,
    codes: PhantomData<K>,
}

impl<K: Code> Grid<K> {
    /// Takes columns of codes that are below the stride of their tile.
    ///
    /// # Panics
    /// When a code is not, when columns differ in length, or when tiles are not side by side.
    pub(in crate::gbdt) fn new(columns: &[&[K]], tiles: Vec<Tile>) -> Self {
        let width = tiles.iter().fold(0, |width, tile| {
            assert_eq!(tile.columns.start, width, "tiles are side by side");
            for column in &columns[tile.columns.clone()] {
                assert!(column.iter().all(|&code| code.into() < tile.stride), "codes are below the stride");
                assert_eq!(column.len(), columns[0].len(), "columns of one length");
            }
            tile.columns.end
        });
        assert_eq!(columns.len(), width, "a tile for each column");
        let words_per_row = width.div_ceil(Self::PER_WORD);
        let mut words = vec![0; columns.first().map_or(0, |column| column.len()) * words_per_row];
        par::for_each_chunk(&mut words, TRANSPOSED * words_per_row, |block, words| {
            let codes = codes_mut::<K>(words);
            for (place, column) in columns.iter().enumerate() {
                let rows = codes.chunks_exact_mut(words_per_row * Self::PER_WORD);
                rows.zip(&column[block * TRANSPOSED..]).for_each(|(row, &code)| row[place] = code);
            }
        });
        Grid { words, words_per_row, tiles, codes: PhantomData }
    }

    const PER_WORD: usize = size_of::<u64>() / size_of::<K>();

    /// The tiles, side by side.
    pub(in crate::gbdt) fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// Asks for the memory of a word.
    #[inline(always)]
    fn fetch(&self, word: usize) {
        fetch(self.words.as_ptr().wrapping_add(word));
    }

    /// Adds each row's cell to the cell of its code in every column of some tiles.
    ///
    /// # Shape
    /// `cells`: one for each of `rows`; `sums`: the cells of these tiles.
    ///
    /// # Panics
    /// When lengths do not match, or a row is beyond the grid.
    pub(in crate::gbdt) fn add<C: Cell>(
        &self,
        tiles: Range<usize>,
        rows: Rows<'_>,
        cells: &[C::Row],
        sums: &mut [C],
    ) {
        let tiles = &self.tiles[tiles];
        let (Some(first), Some(last)) = (tiles.first(), tiles.last()) else { return };
        assert_eq!(
            sums.len(),
            tiles.iter().map(Tile::n_cells).sum::<usize>(),
            "a cell for each column and code"
        );
        assert_eq!(cells.len(), rows.len(), "a cell for each row");
        let words = first.columns.start / Self::PER_WORD..last.columns.end.div_ceil(Self::PER_WORD);
        let mut block = Block::new(words);
        let n_rows = block.cells.len();
        let mut ahead = Ahead::new(rows, n_rows, tiles.len());
        for start in (0..rows.len()).step_by(n_rows) {
            let end = rows.len().min(start + n_rows);
            let view = block.view(self, rows.slice(start..end), &cells[start..end]);
            let mut rest = &mut *sums;
            for tile in tiles {
                let (part, after) = rest.split_at_mut(tile.n_cells());
                view.add(tile, || ahead.ask(self), part);
                rest = after;
            }
        }
    }
}

/// Some rows brought together.
struct Block<C> {
    range: Range<usize>,
    words: Vec<u64>,
    cells: Vec<C>,
}

impl<C: Cell> Block<C> {
    /// Room for some of the words of some rows.
    fn new(range: Range<usize>) -> Self {
        let n_rows = (BLOCK_WORDS / range.len()).clamp(16, 512);
        Block { words: vec![0; n_rows * range.len()], cells: vec![C::default(); n_rows], range }
    }

    /// Brings rows together; those that follow each other already do, but for their cells.
    fn view<'a, K: Code>(
        &'a mut self,
        grid: &'a Grid<K>,
        rows: Rows<'_>,
        cells: &[C::Row],
    ) -> View<'a, K, C> {
        self.cells.iter_mut().zip(cells).for_each(|(cell, &row)| *cell = C::of(row));
        let (words, width, first) = match rows {
            Rows::Between(first, end) => {
                (&grid.words[first * grid.words_per_row..end * grid.words_per_row], grid.words_per_row, 0)
            }
            Rows::Listed(rows) => {
                self.gather(grid, rows);
                (&self.words[..rows.len() * self.range.len()], self.range.len(), self.range.start)
            }
        };
        let per_word = Grid::<K>::PER_WORD;
        View {
            codes: codes_of(words),
            cells: &self.cells[..rows.len()],
            width: width * per_word,
            first: first * per_word,
        }
    }

    fn gather<K: Code>(&mut self, grid: &Grid<K>, rows: &[u32]) {
        for (place, &row) in self.words.chunks_exact_mut(self.range.len()).zip(rows) {
            let source = &grid.words[row as usize * grid.words_per_row..][self.range.clone()];
            place.iter_mut().zip(source).for_each(|(place, &word)| *place = word);
        }
    }
}

/// Rows that are brought together later: their memory is asked for while others are summed, so that it is there in time.
struct Ahead<'a> {
    rows: std::slice::Iter<'a, u32>,
    /// How many at a time.
    each: usize,
}

impl<'a> Ahead<'a> {
    /// Of the rows from a position on, asked for while as many are added to `n_tiles` tiles.
    fn new(rows: Rows<'a>, from: usize, n_tiles: usize) -> Self {
        let rows = match rows {
            Rows::Listed(rows) => rows[from.min(rows.len())..].iter(),
            // the machine sees that it reads a run
            Rows::Between(..) => [].iter(),
        };
        Ahead { rows, each: SIDE_BY_SIDE.div_ceil(n_tiles) }
    }

    #[inline(always)]
    fn ask<K: Code>(&mut self, grid: &Grid<K>) {
        for &row in self.rows.by_ref().take(self.each) {
            grid.fetch(row as usize * grid.words_per_row);
            grid.fetch((row as usize + 1) * grid.words_per_row - 1);
        }
    }
}

/// Rows that follow each other in memory: a grid's own, or copies.
struct View<'a, K, C> {
    codes: &'a [K],
    cells: &'a [C],
    /// Codes a row.
    width: usize,
    /// The grid's column that stands first.
    first: usize,
}

impl<K: Code, C: Cell> View<'_, K, C> {
    /// Adds each row to the sums of a tile, some rows at a time, as updates of one place wait for each other.
    fn add(&self, tile: &Tile, mut ask: impl FnMut(), sums: &mut [C]) {
        assert!(
            sums.len() == tile.n_cells() && self.codes.len() == self.cells.len() * self.width,
            "a place for each"
        );
        let columns = tile.columns.start - self.first..tile.columns.end - self.first;
        assert!(columns.end <= self.width, "columns of the view");
        let mut add = |code: usize, first: usize, cell: C| {
            // SAFETY: `sums` has `stride` places for each column of the tile, and the grid's constructor checked that
            // every code of these columns is below it.
            let sum = unsafe { sums.get_unchecked_mut(first + code) };
            *sum = sum.plus(cell);
        };
        let together =
            self.codes.chunks_exact(SIDE_BY_SIDE * self.width).zip(self.cells.chunks_exact(SIDE_BY_SIDE));
        for (codes, cells) in together {
            ask();
            for (place, column) in columns.clone().enumerate() {
                for (row, &cell) in cells.iter().enumerate() {
                    // SAFETY: a column is below the width, and there are as many rows as cells.
                    let code = unsafe { *codes.get_unchecked(row * self.width + column) };
                    add(code.into(), place * tile.stride, cell);
                }
            }
        }
        let done = self.cells.len() / SIDE_BY_SIDE * SIDE_BY_SIDE;
        for (codes, &cell) in
            self.codes[done * self.width..].chunks_exact(self.width).zip(&self.cells[done..])
        {
            for (place, &code) in codes[columns.clone()].iter().enumerate() {
                add(code.into(), place * tile.stride, cell);
            }
        }
    }
}

/// Words as the codes they are made of.
fn codes_of<K: Code>(words: &[u64]) -> &[K] {
    // SAFETY: bytes and 16-bit words fit in 64 bits without rest, need no wider alignment, and may have any bits.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() * Grid::<K>::PER_WORD) }
}

/// As [`codes_of`].
fn codes_mut<K: Code>(words: &mut [u64]) -> &mut [K] {
    // SAFETY: as in `codes_of`; the borrow is as exclusive as that of the words.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * Grid::<K>::PER_WORD) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn fetch<T>(place: *const T) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    // SAFETY: any address may be prefetched, and SSE is part of x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(place.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn fetch<T>(_: *const T) {}

/// Rows added at a time.
const SIDE_BY_SIDE: usize = 2;
/// Words of a block: a quarter of the first-level cache; those of the next come to the second-level cache.
const BLOCK_WORDS: usize = 1 << 10;
/// Rows transposed at a time: a block of 30 features stays in the second-level cache.
const TRANSPOSED: usize = 2048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cell::{Close, Narrow};
    use super::*;

    /// The same sums, one column after another.
    fn naive<C: Cell>(columns: &[Vec<u8>], tiles: &[Tile], rows: &[u32], cells: &[C::Row]) -> Vec<C> {
        let mut all = Vec::new();
        for tile in tiles {
            for column in tile.columns.clone() {
                let mut sums = vec![C::default(); tile.stride];
                for (&row, &cell) in rows.iter().zip(cells) {
                    let sum = &mut sums[usize::from(columns[column][row as usize])];
                    *sum = sum.plus(C::of(cell));
                }
                all.extend(sums);
            }
        }
        all
    }

    fn agrees<C: Cell>(columns: &[Vec<u8>], grid: &Grid<u8>, rows: &[u32], values: &[(i16, u16)]) {
        let cells: Vec<C::Row> =
            values.iter().map(|&(g, h)| C::row(g.max(-32767).into(), i64::from(h.max(1)))).collect();
        let all: Vec<u32> = (0..cells.len() as u32).collect();
        for tiles in [0..grid.tiles.len(), 0..1, grid.tiles.len() - 1..grid.tiles.len()] {
            let sum = |rows, cells: &[C::Row]| {
                let mut sums = vec![C::default(); grid.tiles[tiles.clone()].iter().map(Tile::n_cells).sum()];
                grid.add(tiles.clone(), rows, cells, &mut sums);
                sums
            };
            let listed: Vec<C::Row> = rows.iter().map(|&row| cells[row as usize]).collect();
            let tiles = &grid.tiles[tiles.clone()];
            assert_eq!(sum(Rows::Listed(rows), &listed), naive(columns, tiles, rows, &listed));
            assert_eq!(sum(Rows::Between(0, cells.len()), &cells), naive(columns, tiles, &all, &cells));
        }
    }

    proptest! {
        #[test]
        fn sums_equal_the_naive_twin(
            values in prop::collection::vec(any::<(i16, u16)>(), 1..1500),
            widths in prop::collection::vec((1usize..9, 1usize..=256), 1..4),
            seed: u64,
        ) {
            let mut tiles: Vec<Tile> = Vec::new();
            for (width, stride) in widths {
                let start = tiles.last().map_or(0, |tile| tile.columns.end);
                tiles.push(Tile { columns: start..start + width, stride });
            }
            let chance = |i: usize| (seed.wrapping_mul(2 * i as u64 + 1) >> 40) as usize;
            let strides: Vec<usize> = tiles.iter().flat_map(|tile| tile.columns.clone().map(|_| tile.stride)).collect();
            let code = |row: usize, column: usize| (chance(row * strides.len() + column) % strides[column]) as u8;
            let columns: Vec<Vec<u8>> = (0..strides.len())
                .map(|column| (0..values.len()).map(|row| code(row, column)).collect())
                .collect();
            let grid = Grid::new(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), tiles);
            let rows: Vec<u32> = (0..values.len()).filter(|&i| chance(i) % 3 > 0).map(|i| i as u32).collect();
            agrees::<Narrow>(&columns, &grid, &rows, &values);
            agrees::<Close>(&columns, &grid, &rows, &values);
        }
    }

    #[test]
    #[should_panic(expected = "codes are below the stride")]
    fn a_code_beyond_the_stride_is_no_grid() {
        Grid::new(&[&[3u8], &[9]], vec![Tile { columns: 0..2, stride: 9 }]);
    }
}
