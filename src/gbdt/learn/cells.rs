//! Derivatives as integers for one round: what histograms sum and what leaf values sum.
//!
//! Steps are powers of two, as fine as the bits of a row and of the sum over all rows allow: the sum of magnitudes is at most
//! 2^31 steps, so no sum over some rows can overflow, and (but for the bits of a row) at least a quarter of that, so a few
//! heavy rows cost the others little. The steps of the last round are tried first and kept while they fit; sums are exact,
//! so what fits is the same on every machine.

use super::objective::Current;
use crate::determinism::fixed::Scale;
use crate::determinism::par;
use crate::determinism::rng::Stream;
use crate::gbdt::data::Dataset;
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::cell::{Cell, HALF};
use crate::gbdt::kernel::derive::{self, BLOCK, Draws, Fine, Slopes, Steps, Totals};

/// The cells of all rows for one round.
pub(super) struct Cells<C: Cell> {
    level: Level,
    cells: Vec<C::Row>,
    fine: Vec<Fine>,
    steps: Steps,
    totals: Totals,
}

impl<C: Cell> Cells<C> {
    pub(super) fn new(level: Level, n_rows: usize) -> Self {
        let (cells, fine) = (vec![C::Row::default(); n_rows], vec![Fine::default(); n_rows]);
        // any steps would do: those that fit follow
        let steps = Steps { gradient: 1.0, hessian: 1.0, fine_gradient: 1.0, fine_hessian: 1.0 };
        Cells { level, cells, fine, steps, totals: Totals::default() }
    }

    /// Replaces the cells by those of new derivatives.
    pub(super) fn set(&mut self, current: &Current<'_>, data: &Dataset, chance: Stream) {
        loop {
            let totals = self.quantise(current, data, chance, self.steps);
            let fitting = self.fitting(totals);
            if fitting == self.steps {
                self.totals = totals;
                break;
            }
            self.steps = fitting;
        }
    }

    /// The same steps where no row is beyond its bits and the totals are neither too large nor needlessly small.
    fn fitting(&self, totals: Totals) -> Steps {
        let n_rows = self.cells.len() as u64;
        let Totals { largest_gradient, largest_hessian, .. } = totals;
        let finest =
            [per_unit(largest_gradient, C::GRADIENT_BITS), per_unit(largest_hessian, C::HESSIAN_BITS)];
        Steps {
            gradient: fit(self.steps.gradient, (totals.gradient, n_rows), finest[0], HALF),
            hessian: fit(self.steps.hessian, (totals.hessian, n_rows), finest[1], HALF),
            fine_gradient: per_unit(largest_gradient, FINE_BITS),
            fine_hessian: per_unit(largest_hessian, FINE_BITS),
        }
    }

    fn quantise(&mut self, current: &Current<'_>, data: &Dataset, chance: Stream, steps: Steps) -> Totals {
        let level = self.level;
        let parts = self.cells.chunks_mut(ROWS).zip(self.fine.chunks_mut(ROWS));
        let mut parts: Vec<_> = parts.map(|(cells, fine)| (cells, fine, Totals::default())).collect();
        par::for_each(&mut parts, |i, (cells, fine, totals)| {
            let (mut slopes, mut keys) = (Slopes::zero(), [0; BLOCK]);
            for (block, (cells, fine)) in cells.chunks_mut(BLOCK).zip(fine.chunks_mut(BLOCK)).enumerate() {
                let first = i * ROWS + block * BLOCK;
                let keys = &mut keys[..cells.len()];
                data.copy_keys(first, keys);
                current.block(level, first..first + cells.len(), &mut slopes);
                let more =
                    derive::quantise::<C>(level, &slopes, Draws { stream: chance, keys }, steps, cells, fine);
                *totals = totals.plus(more);
            }
        });
        parts.iter().fold(Totals::default(), |totals, part| totals.plus(part.2))
    }

    pub(super) fn steps(&self) -> Steps {
        self.steps
    }

    /// At least the steps of hessian of any row.
    pub(super) fn largest_hessian(&self) -> f64 {
        self.totals.largest_hessian * self.steps.hessian + 1.0
    }

    pub(super) fn cells(&self) -> &[C::Row] {
        &self.cells
    }

    /// The exact sums of the fine derivatives of some rows.
    pub(super) fn fine_sums(&self, rows: &[u32]) -> FineSums {
        rows.iter().fold(FineSums::default(), |sums, &row| {
            let Fine { gradient, hessian } = self.fine[row as usize];
            sums.plus(FineSums { gradient: gradient.into(), hessian: hessian.into() })
        })
    }
}

/// Sums of fine derivatives in their steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct FineSums {
    pub(super) gradient: i64,
    pub(super) hessian: i64,
}

impl FineSums {
    /// The sums over the rows of both.
    pub(super) fn plus(self, other: Self) -> Self {
        FineSums { gradient: self.gradient + other.gradient, hessian: self.hessian + other.hessian }
    }

    /// Gradient and hessian.
    pub(super) fn values(self, steps: Steps) -> (f64, f64) {
        (self.gradient as f64 / steps.fine_gradient, self.hessian as f64 / steps.fine_hessian)
    }
}

/// Steps a unit by which the total of so many rows is at most `most`, and at least a quarter of that unless they are
/// the `finest`.
fn fit(steps: f64, (total, n_rows): (u64, u64), finest: f64, most: u64) -> f64 {
    if steps > finest {
        finest
    } else if total > most {
        // a row may have been rounded by one step, and may be again
        let halvings = (0..63).find(|&bits| (total + n_rows) >> bits <= most / 2 - n_rows);
        steps / (1u64 << halvings.unwrap_or(63)) as f64
    } else if total < most / 4 && steps < finest {
        let doublings =
            (0..20).rev().find(|&bits| u128::from(total + n_rows) << bits <= u128::from(most / 2 - n_rows));
        (steps * (1u64 << doublings.unwrap_or(0)) as f64).min(finest)
    } else {
        steps
    }
}

/// The most steps a unit, a power of two, by which the largest value stays within `bits`.
fn per_unit(largest: f64, bits: u32) -> f64 {
    1.0 / Scale::for_max(largest, bits).step()
}

/// Bits of a row's fine value, its sign apart.
const FINE_BITS: u32 = 30;
/// Rows of a unit of work; no result depends on it.
const ROWS: usize = 16 * BLOCK;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gbdt::data::{Binning, Column, Derivatives, FeatureMatrix, Schema, Task};
    use crate::gbdt::kernel::cell::{Close, Narrow};

    fn set<C: Cell>(pairs: &[Derivatives]) -> Cells<C> {
        let column = Column::F64(vec![0.0; pairs.len()]);
        let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![column]).expect("one column");
        let data = Dataset::fit(&matrix, Task::binary(vec![0.0; pairs.len()]), &Binning::default());
        let mut cells = Cells::new(Level::detect(), pairs.len());
        cells.set(&Current::Whole(pairs), &data.expect("legal"), Stream::new(1, "rounding"));
        cells
    }

    /// Whatever the spread of the values, their sum fits and is close to the sum of the numbers.
    fn sums_fit<C: Cell>(value: impl Fn(usize) -> f64, n_rows: usize) {
        let pair =
            |i| Derivatives { gradient: value(i) * if i % 3 == 0 { -1.0 } else { 1.0 }, hessian: value(i) };
        let pairs: Vec<Derivatives> = (0..n_rows).map(pair).collect();
        let cells = set::<C>(&pairs);
        let all = cells.cells().iter().fold(C::default(), |sum, &row| sum.plus(C::of(row)));
        let exact: (f64, f64) =
            pairs.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.gradient, sum.1 + p.hessian));
        let steps = cells.steps();
        assert!(
            (all.gradient() / steps.gradient - exact.0).abs() <= 1e-3 * exact.1,
            "{} {}",
            all.gradient(),
            exact.0
        );
        // every row has a step of hessian
        let least = n_rows as f64 / steps.hessian;
        let apart = (all.hessian() / steps.hessian - exact.1).abs();
        assert!(apart <= 1e-3 * exact.1 + least, "{} {}", all.hessian(), exact.1);
        let rows: Vec<u32> = (0..n_rows as u32).collect();
        let (gradient, hessian) = cells.fine_sums(&rows).values(steps);
        assert!((gradient - exact.0).abs() <= 1e-6 * exact.1 && (hessian - exact.1).abs() <= 1e-6 * exact.1);
    }

    #[test]
    fn steps_follow_the_sum() {
        for n_rows in [1, 2, 700, 20_000] {
            for value in [
                |_| 0.25,
                |i| 1.0 / (1.0 + i as f64),
                |i| if i == 0 { 1e6 } else { 1.0 },
                |i| 1e-200 * i as f64,
            ] {
                sums_fit::<Narrow>(value, n_rows);
                sums_fit::<Close>(value, n_rows);
            }
        }
    }

    #[test]
    fn nothing_to_sum_is_no_endless_search() {
        sums_fit::<Narrow>(|_| 0.0, 1000);
        sums_fit::<Close>(|_| 0.0, 1000);
    }
}
