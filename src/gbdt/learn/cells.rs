//! Gradients as integers: f64 pairs in, fixed-point [`Cell`]s out, chosen so that no sum over all rows can overflow.
//!
//! A cell is two 64-bit words, so that one 128-bit addition updates a histogram. The first holds the gradient in up to
//! 50 bits. The second packs the hessian above a row count: with `c` bits for the count of n rows, the hessian has
//! `64 - 2c` bits a row (24 at a million rows). Steps are powers of two of the exact maximum of the round. A value is
//! rounded to the nearest step; when the hessian has fewer than 20 bits it is rounded up or down by chance, keyed
//! by (seed, round, row key), so that small hessians are right on average.
//!
//! Sums of cells are exact, so parent minus child is the other child, and no grouping of rows or threads shows.
//! Leaf values do not use the packed hessian: they sum a wider copy of it.
//!
//! Sources: Shi et al., "Quantized Training of GBDT", NeurIPS 2022, whose finding that leaf values need the unquantised
//! gradients is why the wide copy exists; the widths here are far finer than theirs.

use crate::determinism::fixed::Scale;
use crate::determinism::par;
use crate::determinism::rng::Stream;
use crate::gbdt::data::{Dataset, Derivatives};

/// A sum over rows: gradient, and hessian with count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(16))]
pub(super) struct Cell {
    gradient: i64,
    packed: u64,
}

impl Cell {
    #[inline]
    pub(super) fn add(&mut self, other: Cell) {
        self.gradient = self.gradient.wrapping_add(other.gradient);
        self.packed = self.packed.wrapping_add(other.packed);
    }

    /// `self - part`, where `part` is the sum over some of the same rows.
    #[inline]
    pub(super) fn without(self, part: Cell) -> Cell {
        Cell {
            gradient: self.gradient.wrapping_sub(part.gradient),
            packed: self.packed.wrapping_sub(part.packed),
        }
    }

    #[inline]
    pub(super) fn plus(self, other: Cell) -> Cell {
        let mut sum = self;
        sum.add(other);
        sum
    }
}

/// What a cell's words mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    gradient: Scale,
    hessian: Scale,
    wide: Scale,
    count_bits: u32,
}

impl Packing {
    /// Steps for `n_rows` rows with magnitudes up to these.
    fn new(n_rows: usize, max_gradient: f64, max_hessian: f64) -> Self {
        let count_bits = usize::BITS - n_rows.leading_zeros();
        let wide_bits = (62 - count_bits).min(WIDEST);
        Packing {
            gradient: Scale::for_max(max_gradient, wide_bits),
            hessian: Scale::for_max(max_hessian, hessian_bits(count_bits)),
            wide: Scale::for_max(max_hessian, wide_bits),
            count_bits,
        }
    }

    #[inline]
    pub(super) fn gradient(&self, cell: Cell) -> f64 {
        cell.gradient as f64 * self.gradient.step()
    }

    #[inline]
    pub(super) fn hessian(&self, cell: Cell) -> f64 {
        (cell.packed >> self.count_bits) as i64 as f64 * self.hessian.step()
    }

    #[inline]
    pub(super) fn count(&self, cell: Cell) -> u64 {
        cell.packed & ((1 << self.count_bits) - 1)
    }
}

/// One bit less than the share of a row, for the sum may reach the full width.
fn hessian_bits(count_bits: u32) -> u32 {
    (63 - 2 * count_bits.min(31)).min(WIDEST)
}

/// The cells of all rows for one round.
pub(super) struct Cells {
    cells: Vec<Cell>,
    wide_hessians: Vec<i64>,
    packing: Packing,
}

impl Cells {
    pub(super) fn new(n_rows: usize) -> Self {
        Cells {
            cells: vec![Cell::default(); n_rows],
            wide_hessians: vec![0; n_rows],
            packing: Packing::new(n_rows, 0.0, 0.0),
        }
    }

    /// Replaces the cells by those of new pairs, one per row of `data`.
    pub(super) fn set(&mut self, pairs: &[Derivatives], data: &Dataset, chance: Stream) {
        let (max_gradient, max_hessian) = maxima(pairs);
        let packing = Packing::new(pairs.len(), max_gradient, max_hessian);
        let by_chance = hessian_bits(packing.count_bits) < NEAREST_FROM;
        self.packing = packing;
        let mut rows: Vec<_> =
            self.cells.chunks_mut(BLOCK).zip(self.wide_hessians.chunks_mut(BLOCK)).collect();
        par::for_each(&mut rows, |block, (cells, wide_hessians)| {
            let first = block * BLOCK;
            let pairs = &pairs[first..first + cells.len()];
            quantise(pairs, packing, cells, wide_hessians);
            if by_chance {
                for (i, (cell, pair)) in cells.iter_mut().zip(pairs).enumerate() {
                    let steps = packing.hessian.scaled(pair.hessian) + chance.unit(data.key(first + i));
                    cell.packed = ((steps as u64) << packing.count_bits) + 1;
                }
            }
        });
    }

    pub(super) fn packing(&self) -> &Packing {
        &self.packing
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The sum of the hessians of some rows, from the wide copy.
    pub(super) fn hessian_of(&self, rows: &[u32]) -> f64 {
        let sum: i64 = rows.iter().map(|&row| self.wide_hessians[row as usize]).sum();
        self.packing.wide.value(i128::from(sum))
    }
}

fn maxima(pairs: &[Derivatives]) -> (f64, f64) {
    let blocks = par::map_blocks(pairs.len(), BLOCK, |range| {
        pairs[range].iter().fold((0.0, 0.0), |max, pair| larger(max, (pair.gradient.abs(), pair.hessian)))
    });
    blocks.fold((0.0, 0.0), larger)
}

fn larger(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (if b.0 > a.0 { b.0 } else { a.0 }, if b.1 > a.1 { b.1 } else { a.1 })
}

fn quantise(pairs: &[Derivatives], packing: Packing, cells: &mut [Cell], wide_hessians: &mut [i64]) {
    for ((pair, cell), wide) in pairs.iter().zip(cells).zip(wide_hessians) {
        cell.gradient = nearest(packing.gradient.scaled(pair.gradient));
        cell.packed = ((nearest(packing.hessian.scaled(pair.hessian)) as u64) << packing.count_bits) + 1;
        *wide = nearest(packing.wide.scaled(pair.hessian));
    }
}

/// `x` rounded to the nearest integer, ties to even, for |x| <= 2^50: adding 1.5 * 2^52 leaves it in the low bits.
#[inline]
fn nearest(x: f64) -> i64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    ((x + SHIFT).to_bits() as i64).wrapping_sub(SHIFT.to_bits() as i64)
}

/// The most bits of a row's value, within reach of [`nearest`].
const WIDEST: u32 = 50;
/// From how many bits of a hessian on rounding to nearest does no harm.
const NEAREST_FROM: u32 = 20;
/// Rows of a block; no result depends on it.
const BLOCK: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rounds() {
        for (x, expected) in [(0.0, 0), (-0.6, -1), (0.5, 0), (1.5, 2), (-1e15, -1_000_000_000_000_000)] {
            assert_eq!(nearest(x), expected, "{x}");
        }
        assert_eq!(nearest((1u64 << 50) as f64), 1 << 50);
        assert_eq!(nearest(-((1u64 << 50) as f64)), -(1 << 50));
    }

    #[test]
    fn sums_of_the_largest_values_fit() {
        for n_rows in [1usize, 2, 1000, 1 << 20, (1 << 26) - 1] {
            let packing = Packing::new(n_rows, 3.0, 0.25);
            let steps = nearest(packing.hessian.scaled(0.25)) as u64;
            let row = (steps << packing.count_bits) + 1;
            let sum = u128::from(row) * n_rows as u128;
            let all = Cell { gradient: 0, packed: u64::try_from(sum).expect("fits in 64 bits") };
            assert_eq!(packing.count(all), n_rows as u64);
            assert_eq!(packing.hessian(all), 0.25 * n_rows as f64);
            let gradient = i128::from(nearest(packing.gradient.scaled(-3.0))) * n_rows as i128;
            let all = Cell { gradient: i64::try_from(gradient).expect("fits in 64 bits"), packed: 0 };
            assert_eq!(packing.gradient(all), -3.0 * n_rows as f64);
        }
    }
}
