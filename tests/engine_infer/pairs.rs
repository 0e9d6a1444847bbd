//! Contributions of pairs against the sum over all subsets, and sums over contributions.

use aml_miner::gbdt::infer::{Explainer, PairExplainer};
use aml_miner::gbdt::kernel::Level;
use aml_miner::gbdt::model::Model;
use proptest::prelude::*;

use crate::explain::{chain, expectation, total};
use crate::models::{Draws, Shape, matrix, model, row};

/// What two features do together, averaged over coalitions of the others: the definition, halved for the two sides of the diagonal.
fn pair(model: &Model, row: &[f64], i: usize, j: usize) -> f64 {
    let n = model.schema.len();
    let value = |known: u32| model.trees.iter().map(|t| expectation(t, t.root(), row, known)).sum::<f64>();
    let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
    let (a, b) = (1 << i, 1 << j);
    let without = (0..1u32 << n).filter(|set| set & (a | b) == 0);
    let shares = without.map(|set| {
        let size = set.count_ones() as usize;
        let weight = factorial(size) * factorial(n - size - 2) / (2.0 * factorial(n - 1));
        weight * (value(set | a | b) - value(set | a) - value(set | b) + value(set))
    });
    shares.sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn pairs_are_shapley_interactions(seed: u64, features in 1..6usize, leaves in 1..20usize) {
        let mut model = model(seed, Shape { features, trees: 2, leaves });
        // a tree whose counts are all 0 takes another cover than the oracle's
        model.trees.iter_mut().for_each(|t| t.leaves[0].count += 1);
        let explainer = PairExplainer::new(&model);
        let draws = &mut Draws::new(seed ^ 7);
        for _ in 0..3 {
            let row = row(draws, features);
            let table = explainer.pairs(&row);
            for i in 0..features {
                for j in (0..features).filter(|&j| j != i) {
                    let (got, expected) = (table[i * features + j], pair(&model, &row, i, j));
                    prop_assert!((got - expected).abs() <= 1e-12 * total(&model), "{} is not {}", got, expected);
                }
            }
        }
    }

    #[test]
    fn rows_of_a_table_are_contributions(seed: u64, features in 1..30usize, leaves in 1..60usize) {
        let model = model(seed, Shape { features, trees: 3, leaves });
        let explainer = PairExplainer::new(&model);
        let draws = &mut Draws::new(seed ^ 8);
        // more than a vector has lanes
        let rows: Vec<_> = (0..11).map(|_| row(draws, features)).collect();
        let data = matrix(&model.schema, &rows);
        let tables = explainer.explain(&data).unwrap();
        for level in Level::available() {
            let same = PairExplainer::at(level, &model).explain(&data).unwrap();
            prop_assert!(same.iter().map(|x| x.to_bits()).eq(tables.iter().map(|x| x.to_bits())), "{}", level);
        }
        let read: Vec<u32> = model.trees.iter().flat_map(|t| &t.nodes).map(|n| n.feature).collect();
        for (row, table) in rows.iter().zip(tables.chunks(features * features)) {
            prop_assert_eq!(table, explainer.pairs(row));
            let own = Explainer::new(&model).contributions(row);
            for i in 0..features {
                let sum: f64 = table[i * features..(i + 1) * features].iter().sum();
                prop_assert!((sum - own.values[i]).abs() <= 1e-12 * total(&model));
                for j in 0..features {
                    prop_assert_eq!(table[i * features + j].to_bits(), table[j * features + i].to_bits());
                    let both = read.contains(&(i as u32)) && read.contains(&(j as u32));
                    prop_assert!(both || table[i * features + j] == 0.0);
                }
            }
        }
    }
}

/// Where forms that divide have lost their digits.
#[test]
fn deep_tables_add_up() {
    for n in [1, 2, 3, 16, 17, 40] {
        let model = chain(n);
        let row: Vec<f64> = (0..n).map(|i| if i % 7 == 3 { 1.0 } else { 0.0 }).collect();
        let explainer = PairExplainer::new(&model);
        let sum = explainer.base_value() + explainer.pairs(&row).iter().sum::<f64>();
        assert!((sum - model.raw_score(&row)).abs() <= 1e-12 * total(&model), "{n}: {sum}");
    }
}
