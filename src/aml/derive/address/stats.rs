//! Small statistics of unordered positive amounts, with the conventions of the reference's columns.

use crate::determinism::math;

/// Arithmetic mean; 0 for none.
pub(in crate::aml::derive) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Middle value, or the mean of the two middle ones; 0 for none.
pub(in crate::aml::derive) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    match n {
        0 => 0.0,
        _ if n % 2 == 1 => sorted[n / 2],
        _ => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Mean of the `power`-th powers of the deviations from the mean.
pub(in crate::aml::derive) fn central_moment(values: &[f64], power: u32) -> f64 {
    let centre = mean(values);
    let raised = |x: f64| (0..power).fold(1.0, |product, _| product * (x - centre));
    mean(&values.iter().map(|&x| raised(x)).collect::<Vec<_>>())
}

/// Sample variance from the sum and the sum of squares, as the reference computes it; never below 0.
pub(super) fn variance_of_sums(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    if values.len() < 2 {
        return 0.0;
    }
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|x| x * x).sum();
    ((squares - sum * sum / n) / (n - 1.0)).max(0.0)
}

/// Entropy in bits of the shares of non-negative weights; 0 for none.
pub(super) fn entropy(weights: &[f64]) -> f64 {
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        return 0.0;
    }
    let term = |&w: &f64| w / total * math::log2(w / total);
    // subtracting from 0 keeps an entropy of nothing at +0
    0.0 - weights.iter().filter(|&&w| w > 0.0).map(term).sum::<f64>()
}

/// What the reference calls a Gini coefficient: 1 - Gini over the positive values, so 1 when all are equal; 0 for
/// fewer than two.
pub(super) fn equality(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|&x| x > 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.len() < 2 {
        return 0.0;
    }
    let n = sorted.len() as f64;
    let ranked: f64 = (1_u32..).zip(&sorted).map(|(rank, x)| f64::from(rank) * x).sum();
    1.0 - 2.0 * ranked / (n * sorted.iter().sum::<f64>()) + (n + 1.0) / n
}

/// Index of the largest value, the lowest among equals.
pub(in crate::aml::derive) fn argmax(values: &[f64]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// `a / b`, or `otherwise` where `b` is not positive.
pub(in crate::aml::derive) fn ratio(a: f64, b: f64, otherwise: f64) -> f64 {
    if b > 0.0 { a / b } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_one_less_gini() {
        assert!((equality(&[3.0, 3.0, 3.0, 0.0]) - 1.0).abs() < 1e-15);
        // Gini of {1, 3} is the mean absolute difference 1 over twice the mean 2: 1/4
        assert!((equality(&[1.0, 3.0]) - 0.75).abs() < 1e-15);
        assert!(equality(&[5.0]).abs() < 1e-15);
    }

    #[test]
    fn entropies_are_in_bits_and_never_minus_zero() {
        assert!((entropy(&[1.0, 1.0, 1.0, 1.0]) - 2.0).abs() < 1e-15);
        assert_eq!(entropy(&[7.0]).to_bits(), 0.0_f64.to_bits());
        assert_eq!(entropy(&[]).to_bits(), 0.0_f64.to_bits());
    }
}
