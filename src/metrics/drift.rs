//! How far values have moved from those of training: the population stability index (PSI).
//!
//! Training values are known by quantiles alone. Cuts at the deciles make bins; the share that training had in each is read
//! off the same quantiles, so that a column of few distinct values is compared fairly. Missing values are left out: quantiles do
//! not say how many training had.
//!
//! Sources: Siddiqi, Credit Risk Scorecards (2006), chapter 10; the usual reading is below 0.1 stable, above 0.25 moved.

use crate::determinism::math;

/// Sum over bins of (found - expected) ln(found / expected); an empty share counts as half a row of its side, so that
/// the index stays finite.
///
/// # Shape
/// Counts of the same bins. `None` when either side has no rows.
pub fn psi(expected: &[f64], found: &[f64]) -> Option<f64> {
    let (all_expected, all_found) = (expected.iter().sum::<f64>(), found.iter().sum::<f64>());
    if all_expected <= 0.0 || all_found <= 0.0 {
        return None;
    }
    let share = |count: f64, all: f64| (if count > 0.0 { count } else { 0.5f64.min(all / 2.0) }) / all;
    let terms = expected.iter().zip(found).filter(|(e, f)| **e > 0.0 || **f > 0.0).map(|(&e, &f)| {
        let (e, f) = (share(e, all_expected), share(f, all_found));
        (f - e) * math::ln(f / e)
    });
    Some(terms.sum())
}

/// [`psi`] of values against a distribution known by its quantiles at 0 %, 1 % ... 100 % (any number of equal steps).
///
/// # Shape
/// `None` without quantiles or without values that are not missing.
pub fn psi_of_quantiles(quantiles: &[f64], values: impl Iterator<Item = f64>) -> Option<f64> {
    let cuts = cuts(quantiles)?;
    let bin = |value: f64| cuts.partition_point(|cut| *cut < value);
    let mut expected = vec![0.0; cuts.len() + 1];
    let known = quantiles.iter().filter(|q| !q.is_nan());
    known.for_each(|&quantile| expected[bin(quantile)] += 1.0);
    let mut found = vec![0.0; cuts.len() + 1];
    values.filter(|value| !value.is_nan()).for_each(|value| found[bin(value)] += 1.0);
    psi(&expected, &found)
}

/// [`psi`] of two samples, cut at the deciles of the first.
///
/// # Shape
/// `None` when either has no values that are not missing.
pub fn psi_of_samples(expected: &[f64], found: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = expected.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    psi_of_quantiles(&sorted, found.iter().copied())
}

/// The distinct deciles but the largest value: bins are (below, cut].
fn cuts(quantiles: &[f64]) -> Option<Vec<f64>> {
    let known: Vec<f64> = quantiles.iter().copied().filter(|q| !q.is_nan()).collect();
    let last = known.len().checked_sub(1)?;
    let mut cuts: Vec<f64> = (1..BINS).map(|i| known[last * i / BINS]).collect();
    cuts.dedup();
    Some(cuts)
}

const BINS: usize = 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_case_by_hand() {
        // shares .5/.5 against .25/.75: -.25 ln(.5) + .25 ln(1.5)
        let expected = 0.25 * std::f64::consts::LN_2 + 0.25 * 1.5f64.ln_by_series();
        let found = psi(&[10.0, 10.0], &[1.0, 3.0]).expect("rows on both sides");
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        assert_eq!(psi(&[0.0], &[1.0]), None);
        assert_eq!(psi_of_quantiles(&[], [1.0].into_iter()), None);
        assert_eq!(psi_of_quantiles(&[1.0, 2.0], [f64::NAN].into_iter()), None);
    }

    trait LnBySeries {
        fn ln_by_series(self) -> f64;
    }

    impl LnBySeries for f64 {
        /// 2 artanh((x - 1) / (x + 1)), another way than the crate's.
        fn ln_by_series(self) -> f64 {
            let ratio = (self - 1.0) / (self + 1.0);
            let (mut power, mut sum) = (ratio, 0.0);
            for odd in (1..80).step_by(2) {
                sum += power / f64::from(odd);
                power *= ratio * ratio;
            }
            2.0 * sum
        }
    }

    proptest! {
        #[test]
        fn never_negative_and_zero_for_itself(values in prop::collection::vec(-50..50i32, 1..200), others in prop::collection::vec(-50..50i32, 1..200)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let others: Vec<f64> = others.into_iter().map(f64::from).collect();
            let itself = psi_of_samples(&values, &values).expect("values");
            prop_assert!(itself.abs() < 1e-12);
            prop_assert!(psi_of_samples(&values, &others).expect("values") >= 0.0);
        }
    }

    #[test]
    fn a_shift_shows() {
        let before: Vec<f64> = (0..1000).map(f64::from).collect();
        let after: Vec<f64> = (0..1000).map(|i| f64::from(i) + 500.0).collect();
        assert!(psi_of_samples(&before, &after).expect("values") > 0.25);
        let twice: Vec<f64> = before.iter().chain(&before).copied().collect();
        assert!(psi_of_samples(&before, &twice).expect("values") < 1e-12);
    }
}
