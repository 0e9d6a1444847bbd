//! Every level of instructions gives the same bits, for one row and for a batch, whatever stands beside a row, on both sides of each limit
//! at which one kernel hands over to the next.

use aml_miner::determinism::par::Pool;
use aml_miner::gbdt::infer::{Explainer, Predictor, Scratch};
use aml_miner::gbdt::kernel::Level;
use aml_miner::gbdt::model::Model;
use proptest::prelude::*;

use crate::models::{Draws, Shape, exact, matrix, model, row};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn levels_agree_to_the_bit(seed: u64, features in 1..30usize, leaves in 1..90usize, rows in 1..150usize) {
        agree(&model(seed, Shape { features, trees: 5, leaves }), seed, rows);
    }
}

/// Rows beside a vector's lanes, a block and a tile; leaves beside the bits of a word, the values of a table and a byte; columns
/// beside those that one permute fetches from and that fit the stack; depths beside eight points.
#[test]
fn both_sides_of_each_limit_agree() {
    let shape = |features, trees, leaves| Shape { features, trees, leaves };
    let few = exact(1, shape(6, 3, 12));
    [1, 2, 3, 7, 8, 9, 10, 11, 63, 64, 65, 66, 67, 79, 80, 81, 511, 512, 513]
        .iter()
        .for_each(|&n| agree(&few, 2, n));
    for leaves in [1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257] {
        agree(&exact(3, shape(9, 2, leaves)), 4, 70);
    }
    for features in [63, 64, 65, 127, 128, 129, 511, 512, 513] {
        agree(&exact(5, shape(features, 30, 40)), 6, 66);
    }
    for trees in [0, 1, 15, 16, 17, 32, 33] {
        agree(&exact(7, shape(5, trees, 9)), 8, 66);
    }
}

/// Chains of so many distinct features that a rule has one point less, as many, and one more than a vector has lanes.
#[test]
fn depths_on_both_sides_of_a_vector_agree() {
    for features in [1, 2, 3, 14, 15, 16, 17, 18, 31, 32, 33, 34, 63, 66] {
        agree(&crate::explain::chain(features), 9, 67);
    }
}

fn agree(model: &Model, seed: u64, n_rows: usize) {
    let draws = &mut Draws::new(seed ^ 5);
    let rows: Vec<_> = (0..n_rows).map(|_| row(draws, model.schema.len())).collect();
    let data = matrix(&model.schema, &rows);
    let expected = Explainer::at(Level::Scalar, model);
    let expected: Vec<u64> = rows.iter().flat_map(|row| bits(&expected.contributions(row).values)).collect();
    for level in Level::available() {
        let (predictor, explainer) = (Predictor::at(level, model), Explainer::at(level, model));
        let (mut scratch, mut out) = (Scratch::default(), vec![0.0; model.schema.len()]);
        for (i, row) in rows.iter().enumerate() {
            explainer.contributions_into(row, &mut scratch, &mut out);
            assert_eq!(bits(&out), expected[i * out.len()..][..out.len()], "{level}, one row, {i}");
            assert_eq!(predictor.raw_row(row).to_bits(), model.raw_score(row).to_bits(), "{level}, row {i}");
        }
        let flat = rows.concat();
        let mut out = vec![0.0; flat.len()];
        explainer.contributions_of_rows(&flat, &mut out);
        assert!(bits(&out) == expected, "{level}, {n_rows} rows in a slice");
        for threads in [1, 3] {
            let pool = Pool::new(threads).expect("threads start");
            let batch = pool.run(|| explainer.explain(&data)).expect("the model's own features");
            let raw = pool.run(|| predictor.raw(&data)).expect("the model's own features");
            assert!(bits(&batch.values) == expected, "{level}, {n_rows} rows, {threads} threads");
            let definition = rows.iter().map(|row| model.raw_score(row).to_bits());
            assert!(bits(&raw).into_iter().eq(definition), "{level}, {n_rows} rows, {threads} threads");
        }
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}
