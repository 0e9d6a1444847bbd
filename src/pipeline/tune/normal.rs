//! The standard normal distribution, the same bits on every platform.

use crate::determinism::math;

/// P(X <= x).
pub(super) fn cdf(x: f64) -> f64 {
    0.5 * math::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// P(a < X <= b) for a <= b, accurate in both tails.
pub(super) fn mass(a: f64, b: f64) -> f64 {
    if a > 0.0 { cdf(-a) - cdf(-b) } else { cdf(b) - cdf(a) }
}

/// ln of the density.
pub(super) fn ln_density(x: f64) -> f64 {
    -0.5 * x * x - LN_SQRT_TAU
}

/// The x with P(X <= x) = p, for 0 < p < 1.
///
/// # Sources
/// Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988), PPND16:
/// relative error about 1e-16.
pub(super) fn quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * series(&CENTRE_TOP, r) / series(&CENTRE_BOTTOM, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-math::ln(tail.max(f64::MIN_POSITIVE))).sqrt();
    let x = if r <= 5.0 {
        series(&MIDDLE_TOP, r - 1.6) / series(&MIDDLE_BOTTOM, r - 1.6)
    } else {
        series(&FAR_TOP, r - 5.0) / series(&FAR_BOTTOM, r - 5.0)
    };
    if q < 0.0 { -x } else { x }
}

/// A polynomial, highest power first.
fn series(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

/// ln sqrt(2 pi).
const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

const CENTRE_TOP: [f64; 8] = [
    2509.0809287301227,
    33430.57558358813,
    67265.7709270087,
    45921.95393154987,
    13731.69376550946,
    1971.5909503065513,
    133.14166789178438,
    3.3871328727963665,
];
const CENTRE_BOTTOM: [f64; 8] = [
    5226.495278852854,
    28729.085735721943,
    39307.89580009271,
    21213.794301586597,
    5394.196021424751,
    687.1870074920579,
    42.31333070160091,
    1.0,
];
const MIDDLE_TOP: [f64; 8] = [
    0.0007745450142783414,
    0.022723844989269184,
    0.2417807251774506,
    1.2704582524523684,
    3.6478483247632045,
    5.769497221460691,
    4.630337846156546,
    1.4234371107496835,
];
const MIDDLE_BOTTOM: [f64; 8] = [
    1.0507500716444169e-09,
    0.0005475938084995345,
    0.015198666563616457,
    0.14810397642748008,
    0.6897673349851,
    1.6763848301838038,
    2.053191626637759,
    1.0,
];
const FAR_TOP: [f64; 8] = [
    2.0103343992922881e-07,
    2.7115555687434876e-05,
    0.0012426609473880784,
    0.026532189526576124,
    0.29656057182850487,
    1.7848265399172913,
    5.463784911164114,
    6.657904643501103,
];
const FAR_BOTTOM: [f64; 8] = [
    2.0442631033899397e-15,
    1.421511758316446e-07,
    1.8463183175100548e-05,
    0.0007868691311456133,
    0.014875361290850615,
    0.1369298809227358,
    0.599832206555888,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of scipy 1.18.1: norm.ppf and norm.sf.
    #[test]
    fn known_points() {
        for (p, x) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.01, -2.326_347_874_040_840_8),
            (1e-12, -7.034_483_825_301_131),
            (0.3, -0.524_400_512_708_041),
        ] {
            assert!((quantile(p) - x).abs() < 1e-12, "{p}: {}", quantile(p));
            assert!((cdf(x) - p).abs() < 1e-15 + 1e-12 * p, "{x}: {}", cdf(x));
        }
        assert!((mass(8.0, 9.0) / 6.219_831_985_865_787e-16 - 1.0).abs() < 1e-10, "{:e}", mass(8.0, 9.0));
        assert!((ln_density(1.0) + 1.418_938_533_204_672_7).abs() < 1e-15);
    }

    #[test]
    fn quantile_inverts_the_distribution() {
        for i in 1..10_000 {
            let p = f64::from(i) / 10_000.0;
            assert!((cdf(quantile(p)) - p).abs() < 1e-14, "{p}");
        }
    }
}
