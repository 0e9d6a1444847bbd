//! `f32(x) < t` as `x <= threshold`.

use crate::determinism::math::above;

/// The largest f64 that, rounded to f32, is below `t`; `None` where no such number is, or `t` is none.
pub(super) fn largest_below(t: f32) -> Option<f64> {
    if t.is_nan() || t == f32::NEG_INFINITY {
        return None;
    }
    let before = down32(t);
    // half-way between the two, where rounding turns from one to the other; ties go to the even one
    let half = match (before, t) {
        (_, f32::INFINITY) => BEYOND,
        (f32::NEG_INFINITY, _) => -BEYOND,
        _ => (f64::from(before) + f64::from(t)) / 2.0,
    };
    Some(if before.to_bits() % 2 == 0 { half } else { -above(-half) })
}

/// Half a step above the largest f32: from here on numbers round to infinity.
const BEYOND: f64 = f32::MAX as f64 + (1u128 << 103) as f64;

fn down32(x: f32) -> f32 {
    match x {
        0.0 => -f32::from_bits(1),
        _ if x > 0.0 => f32::from_bits(x.to_bits() - 1),
        _ => f32::from_bits(x.to_bits() + 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(t: f32) {
        let Some(threshold) = largest_below(t) else {
            assert!(t.is_nan() || t == f32::NEG_INFINITY, "{t}");
            return;
        };
        assert!((threshold as f32) < t, "{t}: {threshold}");
        assert!((above(threshold) as f32) >= t, "{t}: above {threshold}");
    }

    #[test]
    fn the_edges_of_f32() {
        for t in [
            0.0,
            -0.0,
            f32::MIN_POSITIVE,
            f32::MAX,
            f32::MIN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            1.0,
            -1.0,
        ] {
            holds(t);
        }
        (0..4).for_each(|bits| [f32::from_bits(bits), -f32::from_bits(bits)].into_iter().for_each(holds));
    }

    proptest! {
        #[test]
        fn nothing_above_the_threshold_goes_left(bits: u32) {
            holds(f32::from_bits(bits));
        }
    }
}
