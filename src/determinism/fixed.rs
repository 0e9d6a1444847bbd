//! Sums of floats that no order can change.
//!
//! A [`Scale`] is a power of two chosen from the exact maximum of the numbers to be added; each number
//! becomes an integer multiple of it and integers are added, so any grouping of the additions gives the
//! same total. [`Scale::value`] is the one bridge back to `f64`.

/// A power-of-two step for fixed-point numbers: `x` is represented by `round(x * 2^shift)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    shift: i32,
}

impl Scale {
    /// The finest step at which a number of magnitude up to `max_abs` fits in `bits` bits, sign apart.
    ///
    /// `max_abs` of zero, or not finite, gives the step 1.
    pub fn for_max(max_abs: f64, bits: u32) -> Self {
        if max_abs <= 0.0 || !max_abs.is_finite() {
            return Scale { shift: 0 };
        }
        // max_abs < 2^(exponent + 1), so max_abs * 2^(bits - exponent - 1) < 2^bits
        let shift = bits as i32 - exponent(max_abs) - 1;
        Scale { shift: shift.clamp(-1000, 1000) }
    }

    /// `x` in steps, rounded to nearest, ties to even.
    pub fn steps(self, x: f64) -> i64 {
        (x * pow2(self.shift)).round_ties_even() as i64
    }

    /// `x` in steps before rounding, for stochastic rounding.
    pub fn scaled(self, x: f64) -> f64 {
        x * pow2(self.shift)
    }

    /// The number that a total of steps stands for, correctly rounded to `f64`.
    pub fn value(self, steps: i128) -> f64 {
        steps as f64 * pow2(-self.shift)
    }

    /// The step itself.
    pub fn step(self) -> f64 {
        pow2(-self.shift)
    }
}

/// The exact total of a slice at a resolution of 2^-61 of its largest magnitude.
///
/// # Determinism
/// Independent of the order and grouping of `values`.
pub fn sum(values: &[f64]) -> f64 {
    let scale = Scale::for_max(max_abs(values.iter().copied()), 62);
    scale.value(values.iter().map(|&x| i128::from(scale.steps(x))).sum())
}

/// The largest magnitude, NaN ignored; 0 for none.
pub fn max_abs(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |max, x| f64::max(max, x.abs()))
}

fn exponent(x: f64) -> i32 {
    let biased = ((x.to_bits() >> 52) & 0x7ff) as i32;
    biased.max(1) - 1023
}

/// 2^e, exact for -1022 <= e <= 1023.
fn pow2(e: i32) -> f64 {
    f64::from_bits(((e + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_ignore_order() {
        let mut values: Vec<f64> = (0..1000).map(|i| (f64::from(i) - 333.3) / 7.0).collect();
        let forward = sum(&values);
        values.reverse();
        assert_eq!(forward.to_bits(), sum(&values).to_bits());
    }

    #[test]
    fn the_largest_value_fits() {
        for max in [1e-300, 1e-10, 0.5, 1.0, 1.5, 3e17, 1e300] {
            for bits in [7, 15, 31, 62] {
                let steps = Scale::for_max(max, bits).steps(max);
                assert!(steps.unsigned_abs() <= 1 << bits, "{max} in {bits} bits is {steps}");
            }
        }
    }
}
