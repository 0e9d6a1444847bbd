//! Statistics of a handful of values.

pub(super) use crate::aml::derive::address::stats::{argmax, central_moment, mean, median, ratio};

/// Values in ascending order.
pub(super) fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Gini coefficient of ascending values: 0 when all are equal, near 1 when one has all; 0 for none.
pub(super) fn gini(sorted: &[f64]) -> f64 {
    let (n, total) = (sorted.len() as f64, sorted.iter().sum::<f64>());
    if total <= 0.0 {
        return 0.0;
    }
    let ranked: f64 = (1_u32..).zip(sorted).map(|(rank, x)| f64::from(rank) * x).sum();
    (2.0 * ranked / (n * total) - (n + 1.0) / n).max(0.0)
}

/// Population standard deviation over the mean; 0 where the mean is not positive.
pub(super) fn cv(values: &[f64]) -> f64 {
    ratio(central_moment(values, 2).sqrt(), mean(values), 0.0)
}

/// Most values that are the same; 0 for none.
pub(super) fn largest_tie(sorted: &[f64]) -> usize {
    sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(<[f64]>::len).max().unwrap_or(0)
}

/// How many different values there are.
pub(super) fn distinct(sorted: &[f64]) -> usize {
    sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).count()
}

/// How many values have another within `share` of the larger of the two.
pub(super) fn near_another(sorted: &[f64], share: f64) -> usize {
    let near = |a: f64, b: f64| b - a <= share * b;
    let at = |i: usize| {
        (i > 0 && near(sorted[i - 1], sorted[i])) || sorted.get(i + 1).is_some_and(|&b| near(sorted[i], b))
    };
    (0..sorted.len()).filter(|&i| at(i)).count()
}

/// Significant decimal digits of a number in its shortest exact form; 0 for 0.
pub(super) fn significant_digits(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return 0.0;
    }
    let text = format!("{x:e}");
    let mantissa = text.split('e').next().unwrap_or_default();
    mantissa.chars().filter(char::is_ascii_digit).count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gini_of_one_and_three_is_a_quarter() {
        assert!((gini(&[1.0, 3.0]) - 0.25).abs() < 1e-15);
        assert!(gini(&[2.0, 2.0, 2.0]).abs() < 1e-15);
    }

    #[test]
    fn digits_are_those_somebody_typed() {
        assert_eq!([1500.0, 0.1, 123.45, 1e18, 0.0].map(significant_digits), [2.0, 1.0, 5.0, 1.0, 0.0]);
    }

    #[test]
    fn near_values_are_counted_at_both_ends() {
        assert_eq!(near_another(&[1.0, 1.005, 3.0, 3.1, 100.0], 0.01), 2);
        assert_eq!((largest_tie(&[1.0, 2.0, 2.0]), distinct(&[1.0, 2.0, 2.0])), (2, 2));
    }
}
