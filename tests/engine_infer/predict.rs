//! The predictor equals the definition bit for bit, whatever stands around a row.

use aml_miner::determinism::par::Pool;
use aml_miner::gbdt::data::{Column, FeatureMatrix, Schema};
use aml_miner::gbdt::infer::{Explainer, Predictor, SchemaMismatch};
use proptest::prelude::*;

use crate::models::{Draws, Shape, matrix, model, row};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn raw_scores_equal_the_definition(seed: u64, features in 1..9usize, trees in 0..20usize, leaves in 1..24usize) {
        let model = model(seed, Shape { features, trees, leaves });
        let predictor = Predictor::new(&model);
        let draws = &mut Draws::new(seed ^ 1);
        let rows: Vec<_> = (0..130).map(|_| row(draws, features)).collect();
        let data = matrix(&model.schema, &rows);
        let batch = predictor.raw(&data).unwrap();
        let leaves = predictor.leaves(&data).unwrap();
        for (i, row) in rows.iter().enumerate() {
            let expected = model.raw_score(row);
            prop_assert_eq!(batch[i].to_bits(), expected.to_bits(), "row {:?}", row);
            prop_assert_eq!(predictor.raw_row(row).to_bits(), expected.to_bits());
            prop_assert_eq!(predictor.score_row(row).to_bits(), model.score(expected).to_bits());
            for (t, tree) in model.trees.iter().enumerate() {
                prop_assert_eq!(leaves[i * trees + t] as usize, tree.leaf_of(row));
            }
        }
    }

    #[test]
    fn stages_are_sums_of_the_first_trees(seed: u64, trees in 1..12usize, leaves in 1..300usize, n_rows in 1..90usize) {
        let model = model(seed, Shape { features: 5, trees, leaves });
        let predictor = Predictor::new(&model);
        let draws = &mut Draws::new(seed ^ 10);
        let rows: Vec<_> = (0..n_rows).map(|_| row(draws, 5)).collect();
        let data = matrix(&model.schema, &rows);
        let stages = predictor.staged_raw(&data).unwrap();
        let mut shorter = model.clone();
        for n in (0..=trees).rev() {
            shorter.trees.truncate(n);
            let expected: Vec<f64> = rows.iter().map(|row| shorter.raw_score(row)).collect();
            prop_assert_eq!(bits(&predictor.raw_of_first(n, &data).unwrap()), bits(&expected));
            let staged: Vec<f64> = stages.iter().skip(n.wrapping_sub(1)).step_by(trees).copied().collect();
            prop_assert!(n == 0 || bits(&staged) == bits(&expected));
        }
        prop_assert_eq!(bits(&predictor.raw_of_first(usize::MAX, &data).unwrap()), bits(&predictor.raw(&data).unwrap()));
    }

    /// Any selection of rows, in any order, on any number of threads, gives each row the same bits.
    #[test]
    fn a_row_does_not_see_its_neighbours(seed: u64, picks in prop::collection::vec(0..3000usize, 0..200)) {
        let shape = Shape { features: 6, trees: 9, leaves: 12 };
        let model = model(seed, shape);
        let (predictor, explainer) = (Predictor::new(&model), Explainer::new(&model));
        let draws = &mut Draws::new(seed ^ 2);
        let rows: Vec<_> = (0..3000).map(|_| row(draws, 6)).collect();
        let data = matrix(&model.schema, &rows);
        let all = Pool::new(3).unwrap().run(|| predictor.raw(&data).unwrap());
        let picked = data.take_rows(&picks);
        let scores = Pool::new(1).unwrap().run(|| predictor.raw(&picked).unwrap());
        let contributions = explainer.explain(&picked).unwrap();
        for (i, &pick) in picks.iter().enumerate() {
            prop_assert_eq!(scores[i].to_bits(), all[pick].to_bits());
            let alone = explainer.contributions(&rows[pick]).values;
            prop_assert_eq!(bits(contributions.row(i)), bits(&alone));
        }
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn single_precision_columns_are_read_exactly() {
    let model = model(5, Shape { features: 2, trees: 30, leaves: 20 });
    let values: Vec<f32> = (0..200).map(|i| (i as f32 - 100.0) / 37.0).collect();
    let wide = |values: &[f32]| Column::F64(values.iter().map(|&x| f64::from(x)).collect());
    let narrow = vec![Column::F32(values.clone()), Column::F32(values.clone())];
    let wide = vec![wide(&values), wide(&values)];
    let predictor = Predictor::new(&model);
    let [a, b] =
        [narrow, wide].map(|c| predictor.raw(&FeatureMatrix::new(model.schema.clone(), c).unwrap()).unwrap());
    assert_eq!(bits(&a), bits(&b));
}

#[test]
fn averaged_models_average_the_score_only() {
    let mut model = model(9, Shape { features: 3, trees: 8, leaves: 9 });
    let row = [0.25, -1.0, 3.0];
    let raw = model.raw_score(&row);
    model.average = true;
    let predictor = Predictor::new(&model);
    assert_eq!(predictor.raw_row(&row).to_bits(), raw.to_bits());
    assert_eq!(predictor.score_row(&row).to_bits(), model.objective.transform(raw / 8.0).to_bits());
}

#[test]
fn another_schema_is_refused_by_name() {
    let model = model(3, Shape { features: 3, trees: 2, leaves: 4 });
    let predictor = Predictor::new(&model);
    let refuse = |names: &[&str]| {
        let schema = Schema::numerical(names.iter().copied());
        let columns = names.iter().map(|_| Column::F64(vec![1.0])).collect();
        predictor.raw(&FeatureMatrix::new(schema, columns).unwrap()).unwrap_err()
    };
    let missing = Some("f1".to_owned());
    assert_eq!(refuse(&["f0", "f2"]), SchemaMismatch::Count { expected: 3, found: 2, missing });
    let text = refuse(&["f0", "f2", "f1"]).to_string();
    assert_eq!(text, "feature 1: the model reads `f1`, the data have `f2`");
}
