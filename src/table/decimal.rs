//! Decimals as whole units of a power of ten, and their one way to `f64`: correctly rounded.

/// `units * 10^-scale`, rounded to the nearest double, ties to even.
pub fn to_f64(units: i128, scale: u32) -> f64 {
    // Both operands exact and one rounded division (Clinger's fast path).
    if let Some(power) = EXACT_POWERS.get(scale as usize) {
        if units.unsigned_abs() <= 1 << 53 {
            return units as f64 / power;
        }
    }
    format!("{units}e-{scale}").parse().expect("an integer with an exponent is a number")
}

/// The decimal in plain digits, all `scale` of them after the point.
pub fn to_text(units: i128, scale: u32) -> String {
    let scale = scale as usize;
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Powers of ten that doubles hold exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_every_digit() {
        assert_eq!(to_text(-5, 3), "-0.005");
        assert_eq!(to_text(12345, 2), "123.45");
        assert_eq!(to_text(7, 0), "7");
    }

    proptest::proptest! {
        #[test]
        fn rounds_as_parsing_its_digits_does(units: i128, small in -1i128 << 54..1 << 54, scale in 0u32..38) {
            for units in [units, small] {
                let slow: f64 = to_text(units, scale).parse().expect("digits");
                assert_eq!(to_f64(units, scale).to_bits(), (slow + 0.0).to_bits(), "{units} {scale}");
            }
        }
    }
}
