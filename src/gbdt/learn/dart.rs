//! Dropout over trees: a round takes some trees out of the scores, grows one in their stead, and puts them back smaller.
//!
//! With k trees dropped, the new tree weighs 1 / (k + 1) of what it would, and each dropped one k / (k + 1) of what it did;
//! in XGBoost's way 1 / (k + learning_rate) and k / (k + learning_rate). With `skip_drop` as chance nothing is dropped. Trees
//! are dropped by draws of (seed, round, tree), those of more weight more often unless `uniform_drop`. The trees of a model that
//! is continued are never dropped.
//!
//! Sources: Vinayak, Gilad-Bachrach, "DART", AISTATS 2015; chances and weights as in LightGBM.

use super::grow::Grown;
use super::scores::Scores;
use super::walk;
use crate::determinism::rng::Stream;
use crate::gbdt::data::{BinnedMatrix, Dataset};
use crate::gbdt::kernel::parting::Question;
use crate::gbdt::model::Tree;
use crate::gbdt::params::{Boosting, Dropout};

/// Which trees are dropped, and what each weighs.
pub(super) struct Dart<'a> {
    rules: &'a Dropout,
    learning_rate: f64,
    /// Trees before the first that may be dropped.
    n_before: usize,
    /// By tree that may be dropped.
    weights: Vec<f64>,
    questions: Vec<Vec<Question>>,
    /// Which are dropped in this round.
    dropped: Vec<usize>,
}

impl<'a> Dart<'a> {
    pub(super) fn new(rules: &'a Dropout, boosting: &Boosting, n_before: usize) -> Self {
        Dart {
            rules,
            learning_rate: boosting.learning_rate,
            n_before,
            weights: Vec::new(),
            questions: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// Chooses trees and takes them out of the scores of the training set.
    pub(super) fn drop_trees(
        &mut self,
        round: u32,
        trees: &[Tree],
        data: &BinnedMatrix,
        scores: &mut Scores,
    ) {
        self.dropped = self.choose(Stream::new(self.rules.seed, "drop").round(u64::from(round)));
        for &i in &self.dropped {
            walk::add_times(-1.0, &trees[self.n_before + i], &self.questions[i], data, &mut scores.0);
        }
    }

    fn choose(&self, chance: Stream) -> Vec<usize> {
        let Dropout { drop_rate, max_drop, skip_drop, uniform, .. } = *self.rules;
        let n = self.weights.len();
        if n == 0 || chance.round(0).unit(0) < skip_drop {
            return Vec::new();
        }
        let total = self.weights.iter().fold(0.0, |sum, weight| sum + weight);
        // how likely a tree of mean weight is to be dropped, and how much likelier one is by its weight
        let most = max_drop.map_or(f64::INFINITY, |most| most as f64);
        let rate = drop_rate.min(most / n as f64);
        let share = |i: usize| if uniform { 1.0 } else { self.weights[i] * n as f64 / total };
        let draws = chance.round(1);
        let drawn = (0..n).filter(|&i| draws.unit(i as u64) < rate * share(i));
        drawn.take(max_drop.unwrap_or(usize::MAX)).collect()
    }

    /// Gives a new tree its weight.
    pub(super) fn shrink(&mut self, grown: &mut Grown) {
        let k = self.dropped.len() as f64;
        let factor = match (self.rules.xgboost, self.dropped.is_empty()) {
            (_, true) => 1.0,
            (false, false) => 1.0 / (k + 1.0),
            (true, false) => 1.0 / (k + self.learning_rate),
        };
        scale(&mut grown.tree, factor);
        self.weights.push(self.learning_rate * factor);
    }

    /// Puts the dropped trees back with their new weights.
    pub(super) fn restore(
        &mut self,
        trees: &mut [Tree],
        data: &BinnedMatrix,
        scores: &mut Scores,
        validation: &mut [(&Dataset, Scores)],
    ) {
        let k = self.dropped.len() as f64;
        let factor = if self.rules.xgboost { k / (k + self.learning_rate) } else { k / (k + 1.0) };
        for &i in &self.dropped {
            let (tree, questions) = (&mut trees[self.n_before + i], &self.questions[i]);
            for (set, scores) in validation.iter_mut() {
                walk::add_times(factor - 1.0, tree, questions, set.bins(), &mut scores.0);
            }
            scale(tree, factor);
            walk::add_times(1.0, tree, questions, data, &mut scores.0);
            self.weights[i] *= factor;
        }
    }

    /// Remembers a new tree's questions, to find its rows again.
    pub(super) fn keep(&mut self, grown: &Grown) {
        self.questions.push(grown.questions.clone());
    }
}

fn scale(tree: &mut Tree, factor: f64) {
    tree.leaves.iter_mut().for_each(|leaf| leaf.value *= factor);
    tree.nodes.iter_mut().for_each(|node| node.value *= factor);
    tree.shrinkage *= factor;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Dropout {
        Dropout {
            drop_rate: 0.2,
            max_drop: Some(50),
            skip_drop: 0.25,
            uniform: false,
            xgboost: false,
            seed: 5,
        }
    }

    fn dart<'a>(rules: &'a Dropout, weights: &[f64]) -> Dart<'a> {
        let boosting = Boosting {
            num_iterations: 1,
            learning_rate: 0.1,
            mode: crate::gbdt::params::Mode::Dart,
            dart: None,
        };
        Dart { weights: weights.to_vec(), ..Dart::new(rules, &boosting, 0) }
    }

    /// How often each tree is dropped, over many rounds.
    fn shares(dart: &Dart<'_>) -> Vec<f64> {
        let mut counts = vec![0.0; dart.weights.len()];
        let stream = Stream::new(5, "drop");
        for round in 0..20_000 {
            dart.choose(stream.round(round)).iter().for_each(|&i| counts[i] += 1.0);
        }
        counts.iter().map(|count| count / 20_000.0).collect()
    }

    #[test]
    fn heavier_trees_are_dropped_more_often() {
        let own = rules();
        let found = shares(&dart(&own, &[1.0, 2.0, 3.0]));
        for (found, weight) in found.iter().zip([1.0, 2.0, 3.0]) {
            let expected = 0.75 * 0.2 * weight / 2.0;
            assert!((found - expected).abs() < 0.01, "{found} {expected}");
        }
        let uniform = Dropout { uniform: true, ..own };
        assert!(shares(&dart(&uniform, &[1.0, 2.0, 3.0])).iter().all(|share| (share - 0.15).abs() < 0.01));
    }

    #[test]
    fn no_more_are_dropped_than_allowed() {
        let rules = Dropout { drop_rate: 1.0, max_drop: Some(3), skip_drop: 0.0, ..rules() };
        let dart = dart(&rules, &[1.0; 12]);
        let stream = Stream::new(5, "drop");
        let counts: Vec<usize> = (0..500).map(|round| dart.choose(stream.round(round)).len()).collect();
        assert!(counts.iter().all(|&n| n <= 3) && counts.contains(&3));
    }
}
