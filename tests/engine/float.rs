//! A learner without integers: sums of f64, every question of every leaf tried anew, nothing subtracted, nothing in parallel. What
//! quantised training loses shows beside it.

use aml_miner::determinism::math;
use aml_miner::gbdt::data::{Dataset, Derivatives, FeatureMatrix, Task};
use aml_miner::gbdt::learn::derivatives;
use aml_miner::gbdt::params::Plan;
use aml_miner::metrics::{binary, ranking};

use crate::made;

const NUM_LEAVES: usize = 15;
const MIN_DATA: f64 = 20.0;
const MIN_HESSIAN: f64 = 1e-3;
const L2: f64 = 1.0;
const LEARNING_RATE: f64 = 0.1;
const ROUNDS: u32 = 40;

const SETTINGS: [(&str, &str); 5] = [
    ("num_leaves", "15"),
    ("min_data_in_leaf", "20"),
    ("lambda_l2", "1"),
    ("learning_rate", "0.1"),
    ("num_iterations", "40"),
];

/// Gradient, hessian and number of rows.
type Sums = [f64; 3];

#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    feature: usize,
    last: usize,
    missing_left: bool,
}

/// A leaf with its rows, those of the test set too.
struct Leaf {
    rows: Vec<usize>,
    test: Vec<usize>,
    split: Option<Split>,
}

fn plus(a: Sums, b: Sums) -> Sums {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn total(rows: &[usize], slopes: &[Derivatives]) -> Sums {
    rows.iter().fold([0.0; 3], |sum, &row| plus(sum, [slopes[row].gradient, slopes[row].hessian, 1.0]))
}

fn goes_left(data: &Dataset, row: usize, split: Split) -> bool {
    let code = data.bins().code(row, split.feature);
    let missing = code == data.bins().cuts().missing_code(split.feature);
    if missing { split.missing_left } else { code <= split.last }
}

/// The split that takes most loss away.
fn best(data: &Dataset, rows: &[usize], slopes: &[Derivatives]) -> Option<Split> {
    let score = |sums: Sums| sums[0] * sums[0] / (sums[1] + L2);
    let whole = total(rows, slopes);
    let mut best: Option<Split> = None;
    for feature in 0..data.bins().n_features() {
        let missing = data.bins().cuts().missing_code(feature);
        let mut by_code = vec![[0.0; 3]; missing + 1];
        for &row in rows {
            let place = &mut by_code[data.bins().code(row, feature)];
            *place = plus(*place, [slopes[row].gradient, slopes[row].hessian, 1.0]);
        }
        let mut below = [0.0; 3];
        for last in 0..missing {
            below = plus(below, by_code[last]);
            for with_missing in [false, true] {
                let left = if with_missing { plus(below, by_code[missing]) } else { below };
                let right = [whole[0] - left[0], whole[1] - left[1], whole[2] - left[2]];
                let allowed = left[2].min(right[2]) >= MIN_DATA && left[1].min(right[1]) >= MIN_HESSIAN;
                let gain = score(left) + score(right) - score(whole);
                if allowed && gain > best.map_or(1e-9, |best| best.gain) {
                    // where none is missing, a missing value goes where more is
                    let missing_left =
                        if by_code[missing][2] > 0.0 { with_missing } else { left[1] >= right[1] };
                    best = Some(Split { gain, feature, last, missing_left });
                }
            }
        }
    }
    best
}

/// One tree, added to the scores of both sets.
fn tree(data: &Dataset, test: &Dataset, slopes: &[Derivatives], scores: &mut [Vec<f64>; 2]) {
    let grow = |rows: Vec<usize>, test| Leaf { split: best(data, &rows, slopes), rows, test };
    let mut leaves = vec![grow((0..data.n_rows()).collect(), (0..test.n_rows()).collect())];
    while leaves.len() < NUM_LEAVES {
        let gain = |leaf: &Leaf| leaf.split.map_or(0.0, |split| split.gain);
        let Some(next) = (0..leaves.len()).max_by(|&a, &b| gain(&leaves[a]).total_cmp(&gain(&leaves[b])))
        else {
            break;
        };
        let Some(split) = leaves[next].split else { break };
        let Leaf { rows, test: others, .. } = leaves.swap_remove(next);
        let (left, right) = rows.into_iter().partition(|&row| goes_left(data, row, split));
        let (test_left, test_right) = others.into_iter().partition(|&row| goes_left(test, row, split));
        leaves.push(grow(left, test_left));
        leaves.push(grow(right, test_right));
    }
    for leaf in leaves {
        let [gradient, hessian, _] = total(&leaf.rows, slopes);
        let value = -gradient / (hessian + L2) * LEARNING_RATE;
        leaf.rows.iter().for_each(|&row| scores[0][row] += value);
        leaf.test.iter().for_each(|&row| scores[1][row] += value);
    }
}

/// The raw scores of the test set: by the learner without integers, and by ours.
fn both(
    plan: &Plan,
    (matrix, task): (&FeatureMatrix, Task),
    (other, other_task): (&FeatureMatrix, Task),
) -> [Vec<f64>; 2] {
    let data = Dataset::fit(matrix, task.clone(), plan.binning()).expect("legal");
    let test = data.validation(other, other_task).expect("legal");
    let start = match data.task() {
        Task::Binary { labels, .. } => {
            let share = labels.iter().map(|&y| f64::from(y)).sum::<f64>() / labels.len() as f64;
            math::ln(share / (1.0 - share))
        }
        _ => 0.0,
    };
    let mut scores = [vec![start; data.n_rows()], vec![start; test.n_rows()]];
    for round in 0..ROUNDS {
        let slopes = derivatives(plan, &data, &scores[0], round);
        tree(&data, &test, &slopes, &mut scores);
    }
    let [_, float] = scores;
    [float, made::raw_scores(&made::fit(plan, matrix, task), other)]
}

/// The mean of some differences, and its standard error.
fn mean(differences: &[f64]) -> (f64, f64) {
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let squares: f64 = differences.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, (squares / (n - 1.0) / n).sqrt())
}

/// Trees of integers are as good as trees of f64 on rows that neither saw: the loss is higher by no more than two standard
/// errors over the seeds.
#[test]
fn integers_cost_nothing_in_log_loss() {
    let plan = made::plan(&SETTINGS);
    let difference = |seed: u64| {
        let (matrix, labels) = made::binary(2500, 5, 100 + seed);
        let (other, other_labels) = made::binary(4000, 5, 200 + seed);
        let scores =
            both(&plan, (&matrix, Task::binary(labels)), (&other, Task::binary(other_labels.clone())));
        let [float, ours] = scores.map(|raw| {
            let chances: Vec<f64> = raw.iter().map(|&score| math::sigmoid(score)).collect();
            binary::binary_logloss(&other_labels, &chances, None).expect("rows")
        });
        // both have learned
        assert!(float < 0.5, "{float}");
        ours - float
    };
    let differences: Vec<f64> = (0..8).map(difference).collect();
    let (mean, error) = mean(&differences);
    assert!(mean <= 2.0 * error && mean.abs() < 2e-3, "{mean} {error} {differences:?}");
}

/// The same of ranking, whose derivatives have heavy tails.
#[test]
fn integers_cost_nothing_in_ndcg() {
    let plan = made::plan(&[&SETTINGS[..], &[("objective", "lambdarank")]].concat());
    let difference = |seed: u64| {
        let (matrix, grades, groups) = made::queries(120, 300 + seed);
        let (other, other_grades, other_groups) = made::queries(300, 400 + seed);
        let other_task = Task::lambdarank(other_grades.clone(), other_groups.clone());
        let scores = both(&plan, (&matrix, Task::lambdarank(grades, groups)), (&other, other_task));
        let [float, ours] = scores.map(|raw| ranking::ndcg_at(&other_grades, &raw, &other_groups, 10));
        assert!(float > 0.85, "{float}");
        float - ours
    };
    let differences: Vec<f64> = (0..8).map(difference).collect();
    let (mean, error) = mean(&differences);
    assert!(mean <= 2.0 * error && mean.abs() < 5e-3, "{mean} {error} {differences:?}");
}
