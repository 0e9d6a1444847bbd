//! Gauss-Legendre quadrature on [0, 1]: `K` points integrate every polynomial up to degree `2K - 1` exactly.
//!
//! # Sources
//! Roots of the Legendre polynomial by Newton's method from Tricomi's first approximation cos(pi (i + 3/4) / (K + 1/2));
//! Abramowitz and Stegun, Handbook of Mathematical Functions, 25.4.29 and 22.16.6.

use crate::determinism::math;

/// Points and weights.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::gbdt) struct Quadrature {
    /// Points, falling.
    pub(in crate::gbdt) t: Vec<f64>,
    /// 1 - t, without its rounding.
    pub(in crate::gbdt) u: Vec<f64>,
    /// Their weights, which add up to 1.
    pub(in crate::gbdt) weight: Vec<f64>,
}

impl Quadrature {
    /// The rule of `points` points.
    pub(in crate::gbdt) fn new(points: usize) -> Self {
        let (mut t, mut u, mut weight) = (vec![], vec![], vec![]);
        for i in 0..points {
            let (root, slope) = root(points, i);
            t.push((1.0 + root) / 2.0);
            u.push((1.0 - root) / 2.0);
            weight.push(1.0 / ((1.0 - root) * (1.0 + root) * slope * slope));
        }
        Quadrature { t, u, weight }
    }
}

/// The `i`-th root from above of the Legendre polynomial of degree `n`, and the slope there.
fn root(n: usize, i: usize) -> (f64, f64) {
    let mut x = math::cos(std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5));
    // quadratic convergence from an error near 1e-3: five steps reach the last bit, ten are safe
    for _ in 0..10 {
        let (value, slope) = legendre(n, x);
        x -= value / slope;
    }
    (x, legendre(n, x).1)
}

/// Value and slope at `x` by the three-term recurrence (k + 1) P_{k+1} = (2k + 1) x P_k - k P_{k-1}.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 1..n {
        let k = k as f64;
        let next = ((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0);
        before = value;
        value = next;
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrates_powers_exactly() {
        for points in (1..=24).chain([40, 64, 200]) {
            let rule = Quadrature::new(points);
            let mut powers = vec![1.0; points];
            for degree in 0..2 * points {
                let integral: f64 = powers.iter().zip(&rule.weight).map(|(p, w)| p * w).sum();
                let expected = 1.0 / (degree as f64 + 1.0);
                assert!((integral - expected).abs() < 2e-14, "{points} points, t^{degree}: {integral}");
                powers.iter_mut().zip(&rule.t).for_each(|(p, t)| *p *= t);
            }
        }
    }
}
