//! What is known of a search so far: trials, their order, and when a trial is not worth finishing.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::space::Point;

/// One point and what it cost on each fold that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Counting from 0.
    pub number: u64,
    /// The values.
    pub point: Point,
    /// Cost by fold, lower is better; fewer than all when the trial was stopped.
    pub costs: Vec<f64>,
    /// How it ended.
    pub end: End,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// All folds were tried.
    Complete,
    /// It was worse than the median and was stopped.
    Pruned,
}

/// When to stop a trial before its last fold: when its running mean is worse than the median of the running means of the
/// completed trials after the same fold.
///
/// # Sources
/// Golovin et al., "Google Vizier", KDD 2017, section 3.2.2, which compares the best value so far instead of the
/// mean: folds are samples of one figure, not steps of a learning curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MedianRule {
    /// Trials that must be complete before any is stopped.
    pub after_trials: usize,
    /// Folds that every trial gets.
    pub after_folds: usize,
}

impl Trial {
    /// Mean cost of the folds that were tried; without one, worse than anything.
    pub fn cost(&self) -> f64 {
        mean(&self.costs)
    }

    /// Whether all folds were tried.
    pub fn is_complete(&self) -> bool {
        self.end == End::Complete
    }

    /// From best to worst: complete trials by cost; then stopped ones, those that lasted longer first; then by number.
    pub fn compare(&self, other: &Self) -> Ordering {
        let rank = |trial: &Self| (!trial.is_complete(), std::cmp::Reverse(trial.costs.len()));
        let by_rank = if self.is_complete() && other.is_complete() {
            Ordering::Equal
        } else {
            rank(self).cmp(&rank(other))
        };
        by_rank.then(self.cost().total_cmp(&other.cost())).then(self.number.cmp(&other.number))
    }
}

impl MedianRule {
    /// Stops nothing.
    pub const NEVER: MedianRule = MedianRule { after_trials: usize::MAX, after_folds: usize::MAX };

    /// Whether a trial with these costs so far is to be stopped.
    pub fn stops(&self, history: &[Trial], costs: &[f64]) -> bool {
        let complete = || history.iter().filter(|trial| trial.is_complete());
        if costs.len() < self.after_folds.max(1) || complete().count() < self.after_trials.max(1) {
            return false;
        }
        let mut means: Vec<f64> =
            complete().filter_map(|trial| trial.costs.get(..costs.len())).map(mean).collect();
        means.sort_by(f64::total_cmp);
        median(&means).is_some_and(|median| mean(costs).total_cmp(&median) == Ordering::Greater)
    }
}

impl Default for MedianRule {
    fn default() -> Self {
        MedianRule { after_trials: 5, after_folds: 1 }
    }
}

/// Mean in the given order; infinite without values, and not a number counts as infinite.
fn mean(costs: &[f64]) -> f64 {
    let mean = costs.iter().sum::<f64>() / costs.len() as f64;
    if mean.is_nan() { f64::INFINITY } else { mean }
}

/// The middle of sorted values, or the mean of the two middle ones.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    match sorted.len() % 2 {
        1 => Some(*upper),
        _ => Some(0.5 * (sorted[sorted.len() / 2 - 1] + upper)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trial(number: u64, costs: &[f64], end: End) -> Trial {
        Trial { number, point: vec![], costs: costs.to_vec(), end }
    }

    #[test]
    fn order_of_trials() {
        let mut trials = [
            trial(0, &[0.1], End::Pruned),
            trial(1, &[0.5, 0.7], End::Complete),
            trial(2, &[0.9, 0.9], End::Pruned),
            trial(3, &[0.2, 0.4], End::Complete),
            trial(4, &[0.4, 0.2], End::Complete),
            trial(5, &[f64::NAN, 0.2], End::Complete),
        ];
        trials.sort_by(Trial::compare);
        assert_eq!(trials.map(|t| t.number), [3, 4, 1, 5, 2, 0]);
    }

    #[test]
    fn the_rule_by_hand() {
        let history: Vec<Trial> = [[0.1, 0.9], [0.2, 0.2], [0.3, 0.1], [0.4, 0.6]]
            .iter()
            .enumerate()
            .map(|(i, costs)| trial(i as u64, costs, End::Complete))
            .collect();
        let rule = MedianRule { after_trials: 4, after_folds: 1 };
        // medians: 0.25 after the first fold; means 0.5, 0.2, 0.2, 0.5 after the second, median 0.35
        assert!(!rule.stops(&history, &[0.25]));
        assert!(rule.stops(&history, &[0.2501]));
        assert!(!rule.stops(&history, &[0.25, 0.45]));
        assert!(rule.stops(&history, &[0.25, 0.46]));
        assert!(rule.stops(&history, &[f64::NAN]));
        assert!(!MedianRule { after_trials: 5, ..rule }.stops(&history, &[0.9]));
        assert!(!MedianRule { after_folds: 2, ..rule }.stops(&history, &[0.9]));
        assert!(!MedianRule::NEVER.stops(&history, &[0.9, 0.9]));
        assert!(!rule.stops(&[], &[0.9]));
        let stopped = vec![trial(0, &[0.1], End::Pruned); 9];
        assert!(!rule.stops(&stopped, &[0.9]), "stopped trials are no yardstick");
    }

    proptest! {
        /// What is better on every fold than every completed trial is never stopped.
        #[test]
        fn the_best_is_never_stopped(
            table in proptest::collection::vec(proptest::collection::vec(0.0..1.0_f64, 3), 1..20),
            gains in proptest::collection::vec(0.0..1.0_f64, 1..3),
        ) {
            let history: Vec<Trial> =
                table.iter().enumerate().map(|(i, costs)| trial(i as u64, costs, End::Complete)).collect();
            let costs: Vec<f64> = gains.iter().map(|gain| -gain).collect();
            let rule = MedianRule { after_trials: 1, after_folds: 1 };
            prop_assert!(!rule.stops(&history, &costs));
        }
    }
}
