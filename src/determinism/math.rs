//! Transcendental functions with one answer on every platform, from the pure-Rust crate `libm`.
//!
//! `std` forwards these to the operating system's C library, whose last bit differs between systems.
//! `sqrt` is exact by IEEE 754 and may be used from `std`.

/// e^x.
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// e^x - 1, accurate near 0.
pub fn exp_m1(x: f64) -> f64 {
    libm::expm1(x)
}

/// Natural logarithm.
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// ln(1 + x), accurate near 0.
pub fn ln_1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// Logarithm to base 2.
pub fn log2(x: f64) -> f64 {
    libm::log2(x)
}

/// x^y.
pub fn powf(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// Sine, in radians.
pub fn sin(x: f64) -> f64 {
    libm::sin(x)
}

/// Cosine, in radians.
pub fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// The complementary error function 1 - erf(x), accurate far out.
pub fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// The logistic function 1 / (1 + e^-x).
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// The next number above a finite one; that below is the opposite of the one above its opposite.
pub fn above(x: f64) -> f64 {
    let bits = x.to_bits();
    match x {
        0.0 => f64::from_bits(1),
        _ if x > 0.0 => f64::from_bits(bits + 1),
        _ => f64::from_bits(bits - 1),
    }
}

/// e^x from additions and multiplications only, so that a compiler may compute several at once and every platform gets the
/// same bits; within 2 units in the last place of [`exp`]. Beyond |x| = 708 it stays at the value there.
///
/// # Sources
/// Range reduction by ln 2 in two parts as in Tang, ACM TOMS 15 (1989); the polynomial is Taylor's to degree 13.
#[inline]
pub fn exp_lane(x: f64) -> f64 {
    // 1.5 * 2^52: adding it rounds to an integer, which is then in the low bits
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = if x > 708.0 { 708.0 } else { x };
    let x = if x < -708.0 { -708.0 } else { x };
    let shifted = x * std::f64::consts::LOG2_E + SHIFT;
    let whole = shifted - SHIFT;
    let rest = (x - whole * LN2_HIGH) - whole * LN2_LOW;
    let series = EXP_SERIES.iter().fold(EXP_FIRST, |sum, c| sum * rest + c);
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    series * power
}

/// 1/13!, and 1/12! down to 1/0!.
const EXP_FIRST: f64 = 1.0 / 6_227_020_800.0;
const EXP_SERIES: [f64; 13] = [
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lane_exponential_is_within_two_ulps() {
        for i in -7000..=7000 {
            let x = f64::from(i) * 0.1 + 0.012_345;
            let (found, expected) = (exp_lane(x), exp(x));
            assert!(found.to_bits().abs_diff(expected.to_bits()) <= 2, "{x}: {found} {expected}");
        }
        assert_eq!(exp_lane(0.0), 1.0);
        assert_eq!(exp_lane(1e300), exp_lane(708.0));
        assert!(exp_lane(f64::NAN).is_nan());
    }

    #[test]
    fn the_number_above_is_the_next() {
        let tiny = f64::from_bits(1);
        for (x, next) in [
            (0.0, tiny),
            (-0.0, tiny),
            (-tiny, -0.0),
            (1.0, 1.0 + f64::EPSILON),
            (-1.0, -1.0 + f64::EPSILON / 2.0),
        ] {
            assert_eq!(above(x), next, "{x:e}");
        }
        assert_eq!(above(f64::MAX), f64::INFINITY);
    }
}
