//! How much of the difference between trials each parameter explains, alone.
//!
//! The completed trials are cut into up to four equal groups along a parameter; the share of the variance of their ranks (by
//! cost) that lies between the groups is what the parameter explains: the correlation ratio of Pearson, with Kelley's
//! correction (epsilon squared), which takes off what groups of that number explain by chance. Ranks, so that one hopeless trial
//! does not decide everything. Effects of parameters together are not seen, and a search that looks mostly where it is good
//! shows less than there is.
//!
//! Sources: Pearson, "On the general theory of skew correlation", 1905; Kelley, PNAS 21 (1935), "An unbiased correlation ratio
//! measure".

use super::space::{Domain, Space};
use super::trial::Trial;
use crate::metrics::ranking::tied_ranks;

/// The explained share by parameter, in the order of the space; `None` with fewer than [`FEWEST`] completed trials, or
/// where all have the same cost or the parameter one value.
pub fn importance(space: &Space, trials: &[Trial]) -> Vec<Option<f64>> {
    let complete: Vec<&Trial> = trials.iter().filter(|trial| trial.is_complete()).collect();
    let ranks = tied_ranks(&complete.iter().map(|trial| trial.cost()).collect::<Vec<_>>());
    let share = |(d, dimension): (usize, &super::space::Dimension)| {
        let values: Vec<f64> = complete.iter().map(|trial| trial.point[d]).collect();
        let groups = match dimension.domain {
            Domain::Choice(_) => values.iter().map(|&value| value as usize).collect(),
            Domain::Float { .. } | Domain::Int { .. } => quarters(&values),
        };
        explained(&ranks, &groups)
    };
    if complete.len() < FEWEST {
        return vec![None; space.len()];
    }
    space.dimensions().iter().enumerate().map(share).collect()
}

/// The fewest completed trials that tell anything.
pub const FEWEST: usize = 10;

/// Epsilon squared of values in groups.
fn explained(values: &[f64], groups: &[usize]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let total: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let mut sums: std::collections::BTreeMap<usize, (f64, f64)> = std::collections::BTreeMap::new();
    for (value, group) in values.iter().zip(groups) {
        let (count, sum) = sums.entry(*group).or_default();
        *count += 1.0;
        *sum += value;
    }
    let k = sums.len() as f64;
    if k < 2.0 || n <= k || total <= 0.0 {
        return None;
    }
    let between: f64 =
        sums.values().map(|(count, sum)| count * (sum / count - mean) * (sum / count - mean)).sum();
    Some((1.0 - (total - between) / total * (n - 1.0) / (n - k)).max(0.0))
}

/// Four groups of equal size by value; equal values stand in one group, that of the first of them.
fn quarters(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut groups = vec![0; values.len()];
    for (place, &i) in order.iter().enumerate() {
        groups[i] = match place.checked_sub(1).map(|before| order[before]) {
            Some(before) if values[before] == values[i] => groups[before],
            _ => 4 * place / values.len(),
        };
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::space::Dimension;
    use super::super::trial::End;
    use super::*;
    use crate::determinism::rng::Stream;
    use crate::gbdt::params::Scale;

    #[test]
    fn by_hand() {
        // groups 1 2 3 and 7 8 9 around 5: total 58, within 4; 1 - 4/58 * 5/4
        let found = explained(&[1.0, 2.0, 3.0, 7.0, 8.0, 9.0], &[0, 0, 0, 1, 1, 1]).expect("two groups");
        assert!((found - (1.0 - 4.0 / 58.0 * 1.25)).abs() < 1e-15, "{found}");
        assert_eq!(explained(&[1.0, 2.0], &[0, 0]), None);
        assert_eq!(explained(&[2.0, 2.0, 2.0], &[0, 1, 0]), None);
        assert_eq!(quarters(&[3.0, 1.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0]), [1, 0, 0, 1, 2, 2, 3, 3]);
        assert_eq!(tied_ranks(&[2.0, 1.0, 2.0, 9.0]), [1.5, 0.0, 1.5, 3.0]);
    }

    #[test]
    fn what_matters_is_told_from_what_does_not() {
        let float = |name: &str| Dimension {
            name: name.to_owned(),
            domain: Domain::Float { low: 0.0, high: 1.0, scale: Scale::Linear },
        };
        let space = Space::new(vec![float("hill"), float("nothing")]).expect("legal");
        let draw = Stream::new(1, "test");
        let trial = |i: u64| {
            let point = vec![draw.unit(2 * i), draw.unit(2 * i + 1)];
            let cost = (point[0] - 0.5) * (point[0] - 0.5);
            Trial { number: i, point, costs: vec![cost], end: End::Complete }
        };
        let trials: Vec<Trial> = (0..200).map(trial).collect();
        let found = importance(&space, &trials);
        assert!(found[0] > Some(0.6) && found[1] < Some(0.1), "{found:?}");
        assert_eq!(importance(&space, &trials[..9]), [None, None]);
    }
}
