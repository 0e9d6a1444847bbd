//! What one row of a query asks of the rows below it, and they of it: scores, grades and weights of pairs in, lambdas out.
//!
//! The formulas stand in [`lambdarank`](crate::gbdt::learn), which also adds the terms of each row in the order of pairs; here
//! is nothing but independent pairs, side by side.

use super::level::stamped;
use crate::determinism::math;

/// What is the same for all pairs of a row.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Upper {
    pub(in crate::gbdt) score: f64,
    pub(in crate::gbdt) grade: f64,
    /// The slope of the sigmoid.
    pub(in crate::gbdt) slope: f64,
    /// Whether a pair weighs the less the further apart its scores are.
    pub(in crate::gbdt) by_distance: bool,
}

/// The rows below, by position, and room for what their pairs come to. Behind the last come as many that do not matter as make
/// whole vectors.
pub(in crate::gbdt) struct Below<'a> {
    pub(in crate::gbdt) scores: &'a [f64],
    pub(in crate::gbdt) grades: &'a [f64],
    /// What exchanging each with the upper row changes; replaced by the gradient of the upper row, which is the
    /// opposite of the lower row's, and 0 where grades are equal.
    pub(in crate::gbdt) gradients: &'a mut [f64],
    /// Replaced by the hessian of either row.
    pub(in crate::gbdt) hessians: &'a mut [f64],
}

stamped! {
    /// The gradient and hessian of every pair of a row with one below it.
    ///
    /// # Shape
    /// All of `below`: one per row. Of a multiple of [`LANES`](super::LANES) rows none is worked on alone.
    pub(in crate::gbdt) fn pairs(upper: Upper, below: Below<'_>) = pairs_body
}

#[inline(always)]
fn pairs_body(upper: Upper, below: Below<'_>) {
    let Upper { score, grade, slope, by_distance } = upper;
    let n_rows = below.scores.len();
    let rows = below.scores.iter().zip(below.grades);
    for ((gradient, hessian), (&other, &other_grade)) in
        below.gradients[..n_rows].iter_mut().zip(&mut below.hessians[..n_rows]).zip(rows)
    {
        let (is_better, differs) = (grade > other_grade, grade != other_grade);
        let difference = if is_better { score - other } else { other - score };
        let distance = if by_distance { 0.01 + difference.abs() } else { 1.0 };
        let weight = *gradient / distance;
        let p = 1.0 / (1.0 + math::exp_lane(slope * difference));
        let lambda = slope * weight * p;
        let signed = if is_better { -lambda } else { lambda };
        *gradient = if differs { signed } else { 0.0 };
        *hessian = if differs { 2.0 * slope * slope * weight * p * (1.0 - p) } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Level;
    use super::*;

    proptest! {
        #[test]
        fn every_level_gives_the_same_bits(
            rows in prop::collection::vec((-40.0f64..40.0, 0u8..4, 0.0f64..3.0), 0..70),
            score in -40.0f64..40.0,
            slope in 0.1f64..4.0,
            by_distance: bool,
        ) {
            let upper = Upper { score, grade: 2.0, slope, by_distance };
            let (scores, grades): (Vec<f64>, Vec<f64>) = rows.iter().map(|row| (row.0, f64::from(row.1))).unzip();
            let of_level = |level| {
                let mut gradients: Vec<f64> = rows.iter().map(|row| row.2).collect();
                let mut hessians = vec![0.0; rows.len()];
                pairs(level, upper, Below { scores: &scores, grades: &grades, gradients: &mut gradients, hessians: &mut hessians });
                let bits = |numbers: Vec<f64>| numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>();
                (bits(gradients), bits(hessians))
            };
            let scalar = of_level(Level::Scalar);
            for level in Level::available() {
                prop_assert!(of_level(level) == scalar, "{level}");
            }
        }
    }
}
