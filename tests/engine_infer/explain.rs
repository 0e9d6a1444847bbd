//! Contributions against Shapley values over all subsets, computed from the definition of the game.

use aml_miner::gbdt::data::Schema;
use aml_miner::gbdt::infer::Explainer;
use aml_miner::gbdt::model::{Child, Default, Leaf, Missing, Model, Node, Objective, Rule, Tree};
use proptest::prelude::*;

use crate::models::{Draws, Shape, matrix, model, row};

/// The expected value of a tree when only the features of `known` (a bit set) are known: other questions are answered both
/// ways, by the share of training rows.
pub(crate) fn expectation(tree: &Tree, at: Child, row: &[f64], known: u32) -> f64 {
    match at {
        Child::Leaf(leaf) => tree.leaves[leaf as usize].value,
        Child::Node(node) => {
            let n = &tree.nodes[node as usize];
            if known >> n.feature & 1 == 1 {
                let next = if n.goes_left(row[n.feature as usize]) { n.left } else { n.right };
                return expectation(tree, next, row, known);
            }
            let [left, right] = [n.left, n.right].map(|child| cover(tree, child));
            let share = if left + right > 0.0 { left / (left + right) } else { 0.5 };
            share * expectation(tree, n.left, row, known)
                + (1.0 - share) * expectation(tree, n.right, row, known)
        }
    }
}

fn cover(tree: &Tree, at: Child) -> f64 {
    match at {
        Child::Leaf(leaf) => tree.leaves[leaf as usize].count as f64,
        Child::Node(node) => {
            let n = &tree.nodes[node as usize];
            cover(tree, n.left) + cover(tree, n.right)
        }
    }
}

fn shapley(model: &Model, row: &[f64]) -> Vec<f64> {
    let value = |known| model.trees.iter().map(|t| expectation(t, t.root(), row, known)).sum::<f64>();
    by_subsets(model.schema.len(), value)
}

/// Shapley's formula for `n` features, subset by subset, each a bit set.
pub(crate) fn by_subsets(n: usize, value: impl Fn(u32) -> f64) -> Vec<f64> {
    let values: Vec<f64> = (0..1u32 << n).map(value).collect();
    let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
    (0..n)
        .map(|i| {
            let without = (0..1u32 << n).filter(|set| set >> i & 1 == 0);
            without
                .map(|set| {
                    let size = set.count_ones() as usize;
                    let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                    weight * (values[(set | 1 << i) as usize] - values[set as usize])
                })
                .sum()
        })
        .collect()
}

/// The same for models of many features, leaf by leaf: a leaf's game is won by those who satisfy their questions, while each other
/// feature multiplies its value by its share of training rows, so Shapley's sum over subsets of one size is a coefficient of a product.
fn shapley_by_leaves(model: &Model, row: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; model.schema.len()];
    for tree in &model.trees {
        by_leaves(tree, tree.root(), row, &[], &mut out);
    }
    out
}

/// `path` has each feature down to a place with its share of rows and whether the row satisfies its questions.
fn by_leaves(tree: &Tree, at: Child, row: &[f64], path: &[(u32, f64, bool)], out: &mut [f64]) {
    let node = match at {
        Child::Leaf(leaf) => return leaf_shares(tree.leaves[leaf as usize].value, path, out),
        Child::Node(node) => &tree.nodes[node as usize],
    };
    let [left, right] = [node.left, node.right].map(|child| cover(tree, child));
    let share = if left + right > 0.0 { left / (left + right) } else { 0.5 };
    let goes_left = node.goes_left(row[node.feature as usize]);
    for (child, share, goes) in [(node.left, share, goes_left), (node.right, 1.0 - share, !goes_left)] {
        let mut below = path.to_vec();
        match below.iter_mut().find(|(feature, ..)| *feature == node.feature) {
            Some((_, q, s)) => (*q, *s) = (*q * share, *s && goes),
            None => below.push((node.feature, share, goes)),
        }
        by_leaves(tree, child, row, &below, out);
    }
}

fn leaf_shares(value: f64, path: &[(u32, f64, bool)], out: &mut [f64]) {
    let n = path.len();
    for (i, &(feature, q, s)) in path.iter().enumerate() {
        // by size of a coalition of the others: the sum over those coalitions
        let mut sums = vec![1.0];
        for (_, (_, q, s)) in path.iter().enumerate().filter(|(j, _)| *j != i) {
            sums.push(0.0);
            for k in (0..sums.len()).rev() {
                let joined = if *s && k > 0 { sums[k - 1] } else { 0.0 };
                sums[k] = sums[k] * q + joined;
            }
        }
        // k! (n - 1 - k)! / n!
        let mut weight = 1.0 / n as f64;
        let mut sum = 0.0;
        for (k, coefficient) in sums.iter().enumerate() {
            sum += weight * coefficient;
            weight *= (k + 1) as f64 / (n - 1 - k).max(1) as f64;
        }
        out[feature as usize] += value * (f64::from(u8::from(s)) - q) * sum;
    }
}

pub(crate) fn total(model: &Model) -> f64 {
    model.trees.iter().flat_map(|t| &t.leaves).map(|l| l.value.abs()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Few features, many leaves: paths ask the same feature again and again.
    #[test]
    fn contributions_are_shapley_values(seed: u64, features in 1..7usize, leaves in 1..24usize) {
        let mut model = model(seed, Shape { features, trees: 3, leaves });
        // a tree whose counts are all 0 takes another cover than the oracle's
        model.trees.iter_mut().for_each(|t| t.leaves[0].count += 1);
        let explainer = Explainer::new(&model);
        let draws = &mut Draws::new(seed ^ 3);
        for _ in 0..8 {
            let row = row(draws, features);
            let got = explainer.contributions(&row);
            for (got, expected) in got.values.iter().zip(shapley(&model, &row)) {
                prop_assert!((got - expected).abs() <= 1e-12 * total(&model), "{} is not {}", got, expected);
            }
            let nothing_known: f64 = model.trees.iter().map(|t| expectation(t, t.root(), &row, 0)).sum();
            prop_assert!((got.base_value - nothing_known).abs() <= 1e-12 * total(&model));
        }
    }

    /// Deep paths, of many features and of few that come back; the second oracle is held against the first.
    #[test]
    fn deep_and_wide_trees_match_the_oracle(seed: u64, features in 1..50usize, leaves in 1..200usize) {
        let mut model = model(seed, Shape { features, trees: 2, leaves });
        model.trees.iter_mut().for_each(|t| t.leaves[0].count += 1);
        let explainer = Explainer::new(&model);
        let draws = &mut Draws::new(seed ^ 6);
        let rows: Vec<_> = (0..5).map(|_| row(draws, features)).collect();
        let batch = explainer.explain(&matrix(&model.schema, &rows)).unwrap();
        for (i, row) in rows.iter().enumerate() {
            let oracle = shapley_by_leaves(&model, row);
            for (got, expected) in batch.row(i).iter().zip(&oracle) {
                prop_assert!((got - expected).abs() <= 1e-12 * total(&model), "{} is not {}", got, expected);
            }
            if features < 7 {
                let close = |(a, b): (&f64, f64)| (a - b).abs() <= 1e-12 * total(&model);
                prop_assert!(oracle.iter().zip(shapley(&model, row)).all(close));
            }
        }
    }

    #[test]
    fn contributions_add_up_to_the_raw_score(seed: u64, features in 1..40usize, leaves in 1..80usize) {
        let model = model(seed, Shape { features, trees: 5, leaves });
        let explainer = Explainer::new(&model);
        let draws = &mut Draws::new(seed ^ 4);
        let read: Vec<u32> = model.trees.iter().flat_map(|t| &t.nodes).map(|n| n.feature).collect();
        for _ in 0..10 {
            let row = row(draws, features);
            assert_additive(&model, &explainer, &row);
            let got = explainer.contributions(&row);
            for (feature, value) in got.values.iter().enumerate() {
                prop_assert!(read.contains(&(feature as u32)) || value.to_bits() == 0);
            }
        }
    }
}

fn assert_additive(model: &Model, explainer: &Explainer, row: &[f64]) {
    let got = explainer.contributions(row);
    let sum = got.base_value + got.values.iter().sum::<f64>();
    let scale: f64 = got.values.iter().map(|x| x.abs()).sum::<f64>() + got.base_value.abs();
    let raw = model.raw_score(row);
    assert!((sum - raw).abs() <= 1e-11 * scale.max(1e-3), "{sum} is not {raw}");
}

/// `n` questions, each of a feature of its own, one below the other; every side branch is a leaf.
pub(crate) fn chain(n: usize) -> Model {
    let draws = &mut Draws::new(n as u64);
    let nodes = (0..n).map(|i| Node {
        feature: i as u32,
        rule: Rule::Numerical { threshold: 0.5 },
        missing: Missing::Nan,
        default: Default::Left,
        left: if i + 1 < n { Child::Node(i as u32 + 1) } else { Child::Leaf(n as u32) },
        right: Child::Leaf(i as u32),
        gain: 1.0,
        value: 0.0,
        weight: 1.0,
        count: 0,
    });
    let nodes = nodes.collect();
    let leaves = (0..=n).map(|i| Leaf {
        value: draws.unit() - 0.5,
        weight: 1.0,
        count: if i < n { 1 + draws.below(40) as u64 } else { 1000 },
    });
    let tree = Tree { nodes, leaves: leaves.collect(), shrinkage: 1.0 };
    Model {
        schema: Schema::numerical((0..n).map(|i| format!("f{i}"))),
        objective: Objective::Regression,
        trees: vec![tree],
        average: false,
        quantiles: vec![],
        parameters: vec![],
    }
}

/// Where forms with a Vandermonde matrix have long lost every digit.
#[test]
fn deep_paths_of_distinct_features_stay_exact() {
    for n in [1, 2, 3, 15, 16, 17, 40, 130] {
        let model = chain(n);
        let explainer = Explainer::new(&model);
        let draws = &mut Draws::new(7);
        assert_additive(&model, &explainer, &vec![0.0; n]);
        for _ in 0..50 {
            let row: Vec<f64> = (0..n).map(|_| if draws.below(20) == 0 { 1.0 } else { 0.0 }).collect();
            assert_additive(&model, &explainer, &row);
        }
    }
}

/// Swapping two features that play the same part swaps their contributions: the last two of a chain do not, the same
/// feature under two names does.
#[test]
fn equal_parts_get_equal_shares() {
    let leaf = |value, count| Leaf { value, weight: 0.0, count };
    let node = |feature, left, right| Node {
        feature,
        rule: Rule::Numerical { threshold: 0.0 },
        missing: Missing::None,
        default: Default::Right,
        left,
        right,
        gain: 0.0,
        value: 0.0,
        weight: 0.0,
        count: 0,
    };
    let tree = |first, second| Tree {
        nodes: vec![
            node(first, Child::Node(1), Child::Leaf(2)),
            node(second, Child::Leaf(0), Child::Leaf(1)),
        ],
        leaves: vec![leaf(8.0, 5), leaf(1.0, 5), leaf(-2.0, 10)],
        shrinkage: 1.0,
    };
    let mut model = chain(2);
    model.trees = vec![tree(0, 1), tree(1, 0)];
    let got = Explainer::new(&model).contributions(&[-1.0, -1.0]);
    assert!((got.values[0] - got.values[1]).abs() < 1e-14, "{got:?}");
    // by hand: each tree expects 8/4 + 1/4 - 2/2 = 1.25; both known give 8
    assert!((got.base_value - 2.5).abs() < 1e-14 && (got.values[0] - 6.75).abs() < 1e-14, "{got:?}");
}

#[test]
fn trees_without_counts_fall_back_on_weights() {
    let mut counted = chain(6);
    for leaf in &mut counted.trees[0].leaves {
        leaf.weight = leaf.count as f64 / 4.0;
    }
    let mut weighed = counted.clone();
    weighed.trees[0].leaves.iter_mut().for_each(|leaf| leaf.count = 0);
    let row = [0.0, 1.0, 0.0, 0.0, 1.0, 0.0];
    let [a, b] = [counted, weighed].map(|model| Explainer::new(&model).contributions(&row));
    assert_eq!(a, b);
    let mut bare = chain(1);
    bare.trees[0].leaves =
        vec![Leaf { value: 1.0, weight: 0.0, count: 0 }, Leaf { value: 3.0, weight: 0.0, count: 0 }];
    assert_eq!(Explainer::new(&bare).base_value(), 2.0);
}

#[test]
fn summaries_add_up_contributions() {
    let model = model(11, Shape { features: 5, trees: 4, leaves: 12 });
    let draws = &mut Draws::new(12);
    let rows: Vec<_> = (0..9).map(|_| row(draws, 5)).collect();
    let all = Explainer::new(&model).explain(&matrix(&model.schema, &rows)).unwrap();
    for (feature, mean) in all.mean_abs().into_iter().enumerate() {
        let expected = (0..9).map(|i| all.row(i)[feature].abs()).sum::<f64>() / 9.0;
        assert_eq!(mean, expected);
    }
    let families = all.grouped(&[1, 0, 1, 3, 0]);
    assert_eq!((families.n_features, families.base_value), (4, all.base_value));
    for i in 0..9 {
        let [a, b, c, d, e] = *all.row(i).first_chunk().unwrap();
        assert_eq!(families.row(i), [b + e, a + c, 0.0, d]);
    }
}
