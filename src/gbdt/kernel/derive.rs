//! Derivatives of the log loss, and derivatives as integers: scores in, cells out.
//!
//! Values of few bits are rounded up or down by chance, so that small ones are right on average. The chance is a function of (seed, round, row key) alone. Beside the cells, [`Fine`] keeps
//! both values at 30 bits of the largest, for the values of leaves.
//!
//! Sources: stochastic rounding and the refit of leaves as in Shi et al., "Quantized Training of GBDT", NeurIPS 2022; the steps
//! here are some hundred times finer than theirs.

use super::cell::Cell;
use super::level::stamped;
use crate::determinism::math;
use crate::determinism::rng::Stream;

/// First and second derivatives of up to [`BLOCK`] rows.
pub(in crate::gbdt) struct Slopes {
    pub(in crate::gbdt) gradients: [f64; BLOCK],
    pub(in crate::gbdt) hessians: [f64; BLOCK],
}

impl Slopes {
    pub(in crate::gbdt) fn zero() -> Self {
        Slopes { gradients: [0.0; BLOCK], hessians: [0.0; BLOCK] }
    }
}

/// What is the same for all rows of a binary task.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Logistic {
    pub(in crate::gbdt) slope: f64,
    pub(in crate::gbdt) positive_weight: f64,
}

stamped! {
    /// Gradient `-slope y / (1 + exp(slope y score))` with y = +1 or -1, and hessian `|g| (slope - |g|)`, both times the weight of
    /// positives.
    ///
    /// # Shape
    /// `scores`, `labels` (0 or 1): one per row, at most [`BLOCK`].
    pub(in crate::gbdt) fn logistic(scores: &[f64], labels: &[f32], rules: Logistic, slopes: &mut Slopes) = logistic_body
}

#[inline(always)]
fn logistic_body(scores: &[f64], labels: &[f32], rules: Logistic, slopes: &mut Slopes) {
    let Logistic { slope, positive_weight } = rules;
    let out = slopes.gradients.iter_mut().zip(&mut slopes.hessians);
    for ((gradient, hessian), (&score, &label)) in out.zip(scores.iter().zip(labels)) {
        let label = f64::from(label);
        let sign = 2.0 * label - 1.0;
        let factor = 1.0 + (positive_weight - 1.0) * label;
        let response = slope / (1.0 + math::exp_lane(sign * slope * score));
        *gradient = -sign * response * factor;
        *hessian = response * (slope - response) * factor;
    }
}

/// A row's derivatives at 30 bits of the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::gbdt) struct Fine {
    pub(in crate::gbdt) gradient: i32,
    pub(in crate::gbdt) hessian: i32,
}

/// Steps a unit: what derivatives are multiplied by, powers of two.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::gbdt) struct Steps {
    pub(in crate::gbdt) gradient: f64,
    pub(in crate::gbdt) hessian: f64,
    pub(in crate::gbdt) fine_gradient: f64,
    pub(in crate::gbdt) fine_hessian: f64,
}

/// How rows are rounded: by a stream of draws and what identifies each row in it.
#[derive(Clone, Copy)]
pub(in crate::gbdt) struct Draws<'a> {
    pub(in crate::gbdt) stream: Stream,
    pub(in crate::gbdt) keys: &'a [u64],
}

/// What rows come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::gbdt) struct Totals {
    /// Steps of the magnitudes of all gradients.
    pub(in crate::gbdt) gradient: u64,
    /// Steps of all hessians.
    pub(in crate::gbdt) hessian: u64,
    /// The largest magnitude of a gradient.
    pub(in crate::gbdt) largest_gradient: f64,
    /// The largest hessian.
    pub(in crate::gbdt) largest_hessian: f64,
}

impl Totals {
    /// Of the rows of both.
    pub(in crate::gbdt) fn plus(self, other: Self) -> Self {
        Totals {
            gradient: self.gradient + other.gradient,
            hessian: self.hessian + other.hessian,
            largest_gradient: self.largest_gradient.max(other.largest_gradient),
            largest_hessian: self.largest_hessian.max(other.largest_hessian),
        }
    }
}

stamped! {
    /// Makes cells of derivatives.
    ///
    /// # Shape
    /// Keys of `draws`, `cells` and `fine`: one per row, at most [`BLOCK`]. What chance rounds up beyond
    /// the bits of a row stays within them.
    pub(in crate::gbdt) fn quantise<C: Cell>(slopes: &Slopes, draws: Draws<'_>, steps: Steps, cells: &mut [C::Row], fine: &mut [Fine])
        -> Totals = quantise_body
}

#[inline(always)]
fn quantise_body<C: Cell>(
    slopes: &Slopes,
    draws: Draws<'_>,
    steps: Steps,
    cells: &mut [C::Row],
    fine: &mut [Fine],
) -> Totals {
    let (mut gradient_sum, mut hessian_sum, mut largest_gradient, mut largest_hessian) = (0, 0, 0, 0);
    let slopes = slopes.gradients.iter().zip(&slopes.hessians);
    for (((&gradient, &hessian), &key), (cell, fine)) in
        slopes.zip(draws.keys).zip(cells.iter_mut().zip(fine))
    {
        let bits = draws.stream.bits(key);
        // where a row has the bits for it, the nearest step is near enough
        let draw = if C::GRADIENT_BITS < NEAREST_FROM { unit(bits) - 0.5 } else { 0.0 };
        let g = nearest(gradient * steps.gradient + draw);
        let g = g.clamp(-(1 << C::GRADIENT_BITS) + 1, (1 << C::GRADIENT_BITS) - 1);
        let h =
            nearest(hessian * steps.hessian + (unit(bits << 32) - 0.5)).clamp(1, (1 << C::HESSIAN_BITS) - 1);
        largest_gradient = positive_bits(gradient.abs()).max(largest_gradient);
        largest_hessian = positive_bits(hessian).max(largest_hessian);
        gradient_sum += g.unsigned_abs();
        hessian_sum += h as u64;
        *cell = C::row(g, h);
        *fine = Fine {
            gradient: nearest(gradient * steps.fine_gradient) as i32,
            hessian: nearest(hessian * steps.fine_hessian) as i32,
        };
    }
    Totals {
        gradient: gradient_sum,
        hessian: hessian_sum,
        largest_gradient: f64::from_bits(largest_gradient),
        largest_hessian: f64::from_bits(largest_hessian),
    }
}

/// The bits of a positive number, which are ordered as the numbers are; of anything else 0. The largest of integers can be
/// found in lanes, whichever order they are asked in.
#[inline(always)]
fn positive_bits(x: f64) -> u64 {
    if x > 0.0 { x.to_bits() } else { 0 }
}

/// Uniform in [0, 1) by the upper 52 bits.
#[inline(always)]
fn unit(bits: u64) -> f64 {
    f64::from_bits(1023 << 52 | bits >> 12) - 1.0
}

/// `x` rounded to the nearest integer, ties to even, for |x| <= 2^50: adding 1.5 * 2^52 leaves it in the low bits.
#[inline(always)]
pub(in crate::gbdt) fn nearest(x: f64) -> i64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    ((x + SHIFT).to_bits() as i64).wrapping_sub(SHIFT.to_bits() as i64)
}

/// From how many bits of a row on rounding by chance changes nothing that shows.
const NEAREST_FROM: u32 = 32;
/// Rows whose derivatives are held at once: they stay in the first-level cache.
pub(in crate::gbdt) const BLOCK: usize = 512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Level;
    use super::super::cell::{Close, Narrow, Sum};
    use super::*;

    #[test]
    fn nearest_rounds() {
        for (x, expected) in [(0.0, 0), (-0.6, -1), (0.5, 0), (1.5, 2), (-1e15, -1_000_000_000_000_000)] {
            assert_eq!(nearest(x), expected, "{x}");
        }
        assert_eq!(nearest((1u64 << 50) as f64), 1 << 50);
        assert_eq!(nearest(-((1u64 << 50) as f64)), -(1 << 50));
    }

    /// Cells, fine values and totals of all rows.
    fn made<C: Cell>(
        level: Level,
        slopes: &Slopes,
        steps: Steps,
        n: usize,
    ) -> (Vec<C::Row>, Vec<Fine>, Totals) {
        let (mut cells, mut fine) = (vec![C::Row::default(); n], vec![Fine::default(); n]);
        let keys: Vec<u64> = (0..n as u64).map(|i| i * 3 + 1).collect();
        let draws = Draws { stream: Stream::new(7, "rounding"), keys: &keys };
        let totals = quantise::<C>(level, slopes, draws, steps, &mut cells, &mut fine);
        (cells, fine, totals)
    }

    proptest! {
        #[test]
        fn every_level_gives_the_same_bits(
            rows in prop::collection::vec((-800.0f64..800.0, any::<bool>()), 1..BLOCK),
            slope in 0.1f64..4.0,
            positive_weight in 0.1f64..9.0,
        ) {
            let scores: Vec<f64> = rows.iter().map(|row| row.0).collect();
            let labels: Vec<f32> = rows.iter().map(|row| f32::from(u8::from(row.1))).collect();
            let rules = Logistic { slope, positive_weight };
            let steps = Steps { gradient: 1024.0, hessian: 512.0, fine_gradient: 65536.0, fine_hessian: 65536.0 };
            let of_level = |level| {
                let mut slopes = Slopes::zero();
                logistic(level, &scores, &labels, rules, &mut slopes);
                let narrow = made::<Narrow>(level, &slopes, steps, rows.len());
                (slopes.gradients.map(f64::to_bits), slopes.hessians.map(f64::to_bits), narrow, made::<Close>(level, &slopes, steps, rows.len()))
            };
            let scalar = of_level(Level::Scalar);
            for level in Level::available() {
                prop_assert!(of_level(level) == scalar, "{level}");
            }
        }
    }

    #[test]
    fn rounding_by_chance_is_right_on_average() {
        let mut slopes = Slopes::zero();
        slopes.gradients.fill(-0.3);
        slopes.hessians.fill(1.7);
        let steps = Steps { gradient: 1.0, hessian: 1.0, fine_gradient: 1024.0, fine_hessian: 1024.0 };
        let (cells, fine, totals) = made::<Narrow>(Level::detect(), &slopes, steps, BLOCK);
        let all = cells.iter().fold(Narrow::default(), |sum, &row| sum.plus(Narrow::of(row)));
        assert_eq!((-all.gradient(), all.hessian()), (totals.gradient as f64, totals.hessian as f64));
        assert!((all.gradient() / BLOCK as f64 + 0.3).abs() < 0.08, "{}", all.gradient());
        assert!((all.hessian() / BLOCK as f64 - 1.7).abs() < 0.08, "{}", all.hessian());
        assert_eq!(fine[0], Fine { gradient: -307, hessian: 1741 });
    }
}
