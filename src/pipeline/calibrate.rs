//! Raw scores of rows that no model had seen -> the map that turns them into probabilities.
//!
//! In flow the folds' out-of-fold scores with their labels; out flows the chosen map with figures before and after. Each method is
//! fitted on all folds but one and judged by log loss on that one, in turn; the least mean wins, and of equals the simpler method
//! (none, Platt, beta, isotonic). The winner is fitted anew on all rows. Rows count once each: a probability is about rows,
//! not about confidence in their labels. The result depends on scores, labels and folds alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::optimise::{Minimise, minimise};
use crate::aml::calibration::{Calibrated, Calibration, Reliability};
use crate::determinism::math;
use crate::metrics::{binary, calibration};

/// How scores become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The logistic function of the raw score.
    None,
    /// A line before the logistic function.
    Platt,
    /// Three parameters.
    Beta,
    /// Steps, smoothed.
    Isotonic,
    /// Whichever has the least log loss on folds that it was not fitted on.
    Auto,
}

/// Scores of one fold's judged rows, with their labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// Sums of trees.
    pub raw: Vec<f64>,
    /// 0 or 1.
    pub labels: Vec<f32>,
    /// How often each row counts; empty is once.
    pub weights: Vec<f32>,
}

impl Scored {
    fn append(&mut self, other: &Scored) {
        self.raw.extend(&other.raw);
        self.labels.extend(&other.labels);
        self.weights.extend(&other.weights);
    }

    /// The rows of all folds.
    pub fn pooled(folds: &[Scored]) -> Scored {
        let mut all = Scored::default();
        folds.iter().for_each(|fold| all.append(fold));
        all
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.get(row).map_or(1.0, |&weight| f64::from(weight))
    }

    fn weight_of_all(&self) -> f64 {
        (0..self.raw.len()).fold(0.0, |sum, row| sum + self.weight(row))
    }

    /// The share of positives.
    fn share(&self) -> f64 {
        let positives = self
            .labels
            .iter()
            .enumerate()
            .filter(|(_, label)| **label > 0.0)
            .map(|(row, _)| self.weight(row));
        positives.sum::<f64>() / self.weight_of_all()
    }

    /// Gives all rows together this weight.
    fn weigh(&mut self, total: f64) {
        let factor = total / self.weight_of_all();
        self.weights = (0..self.raw.len()).map(|row| (factor * self.weight(row)) as f32).collect();
    }

    /// Each row as positive and as negative, by how likely that is given its label and its probability of being positive.
    fn truly(&self, noise: f64, positive: impl Fn(f64) -> f64) -> Scored {
        let mut rows = Scored::default();
        for (row, (&raw, &label)) in self.raw.iter().zip(&self.labels).enumerate() {
            let right = if label > 0.0 { 1.0 - noise } else { noise };
            let p = positive(raw);
            let (yes, no) = (p * right, (1.0 - p) * (1.0 - right));
            rows.push_both(raw, self.weight(row), yes / (yes + no));
        }
        rows
    }

    /// A row of which it is not known what it is. All rows before have weights of their own.
    fn push_both(&mut self, raw: f64, weight: f64, positive: f64) {
        self.raw.extend([raw, raw]);
        self.labels.extend([1.0, 0.0]);
        self.weights.extend([(weight * positive) as f32, (weight * (1.0 - positive)) as f32]);
    }
}

/// Fits a method on rows; `None` where there is nothing to fit: [`Method::None`], fewer than [`LEAST`] rows, one class.
pub fn fit(method: Method, rows: &Scored) -> Option<Calibration> {
    let positives = rows.labels.iter().filter(|&&label| label > 0.0).count();
    if rows.raw.len() < LEAST || positives == 0 || positives == rows.raw.len() {
        return None;
    }
    let map = match method {
        Method::None | Method::Auto => None,
        Method::Platt => platt(rows),
        Method::Beta => beta(rows),
        Method::Isotonic => Some(isotonic(rows)),
    };
    map.filter(|map| map.check().is_ok())
}

/// Chooses and fits. Where the score as it is remains the best, the map is Platt's with slope 1 and intercept 0. `None` where
/// nothing was asked for, or too little is known to say.
pub fn choose(method: Method, folds: &[Scored]) -> Option<Calibrated> {
    let methods = match method {
        Method::None => return None,
        Method::Auto => vec![Method::None, Method::Platt, Method::Beta, Method::Isotonic],
        one => vec![Method::None, one],
    };
    let all = Scored::pooled(folds);
    if all.raw.len() < LEAST {
        return None;
    }
    let nested: Vec<(Method, Vec<f64>)> =
        methods.into_iter().filter_map(|m| Some((m, out_of_fold(m, folds)?))).collect();
    let loss = |probabilities: &[f64]| binary::binary_logloss(&all.labels, probabilities, None);
    let losses: Vec<f64> = nested.iter().filter_map(|(_, scores)| loss(scores)).collect();
    if losses.len() != nested.len() {
        return None;
    }
    let asked = |i: &usize| method == Method::Auto || nested[*i].0 == method;
    let best = (0..nested.len()).filter(asked).min_by(|&a, &b| losses[a].total_cmp(&losses[b]))?;
    let map = match nested[best].0 {
        Method::None => Calibration::Platt { slope: 1.0, intercept: 0.0 },
        best => fit(best, &all)?,
    };
    let candidates = nested.iter().zip(&losses).map(|((m, _), &loss)| (name(*m).to_owned(), loss));
    Some(Calibrated {
        map,
        rows: all.raw.len(),
        candidates: candidates.collect::<BTreeMap<_, _>>(),
        label_noise: None,
        base_rates: None,
        before: reliability(&all.labels, &nested[0].1)?,
        after: reliability(&all.labels, &nested[best].1)?,
    })
}

/// A map that was fitted on labels of which a share `noise` is wrong, either way, fitted anew for what is true; and the rows it is fitted
/// on: each once as positive and once as negative, weighed by how likely that is given its label and its score. Labels that are
/// wrong by lot pull every probability towards one half, so a map fitted on them cannot say 0 or 1 (Menon, van Rooyen, Ong,
/// Williamson, "Learning from corrupted binary labels via class-probability estimation", ICML 2015, section 3). Nothing changes
/// where `noise` is 0.
pub fn to_true_labels(one: Calibrated, seen: Scored, noise: f64) -> (Calibrated, Scored) {
    if noise == 0.0 {
        return (one, seen);
    }
    let method = method_of(&one.map);
    let said = |raw: f64| one.map.probability(raw).clamp(noise, 1.0 - noise);
    let mut rows = seen.truly(noise, |raw| (said(raw) - noise) / (1.0 - 2.0 * noise));
    let mut found = fit(method, &rows);
    // expectation maximisation: the map says anew how likely each label is wrong
    for _ in 1..NOISE_ROUNDS {
        let Some(map) = &found else { return (one, seen) };
        rows = seen.truly(noise, |raw| map.probability(raw));
        found = fit(method, &rows);
    }
    match found {
        Some(map) => (Calibrated { map, label_noise: Some(noise), ..one }, rows),
        None => (one, seen),
    }
}

/// A map that was fitted on labelled rows, fitted anew for all rows. Who is labelled depends on what was found: cases are labelled
/// more often than harmless rows, so labelled rows overstate the share of positives. The share among the others is estimated from
/// their raw scores alone (expectation maximisation, Saerens et al. 2002), assuming that within a class the labelled are like the
/// others; each of them then counts as positive by its probability at that share, and as negative by the rest. `labelled` is how many
/// rows have labels, of which `seen` are the ones scored out of fold. Where there are no other rows nothing changes.
pub fn to_all_rows(one: Calibrated, mut seen: Scored, labelled: usize, others: &[f64]) -> Calibrated {
    let known = seen.share();
    if others.is_empty() || !(known > 0.0 && known < 1.0) {
        return one;
    }
    let scores: Vec<f64> = others.iter().map(|&raw| one.map.probability(raw)).collect();
    let share = base_rate(known, &scores);
    seen.weigh(labelled as f64);
    let (up, down) = (share / known, (1.0 - share) / (1.0 - known));
    for (&raw, p) in others.iter().zip(&scores) {
        seen.push_both(raw, 1.0, p * up / (p * up + (1.0 - p) * down));
    }
    let Some(map) = fit(method_of(&one.map), &seen) else { return one };
    let all = (known * labelled as f64 + share * others.len() as f64) / (labelled + others.len()) as f64;
    Calibrated { map, base_rates: Some((known, all)), ..one }
}

/// The share of positives among rows whose scores are probabilities at another share, `known`.
fn base_rate(known: f64, scores: &[f64]) -> f64 {
    let mut share = known;
    for _ in 0..1_000 {
        let (up, down) = (share / known, (1.0 - share) / (1.0 - known));
        let expected = scores.iter().fold(0.0, |sum, p| sum + p * up / (p * up + (1.0 - p) * down));
        let next = (expected / scores.len() as f64).clamp(1e-6, 1.0 - 1e-6);
        let moved = (next - share).abs();
        share = next;
        if moved < 1e-12 {
            break;
        }
    }
    share
}

/// Figures of probabilities; `None` without rows.
pub fn reliability(labels: &[f32], probabilities: &[f64]) -> Option<Reliability> {
    Some(Reliability {
        ece: calibration::ece(labels, probabilities, BINS)?,
        brier: binary::brier(labels, probabilities, None)?,
        log_loss: binary::binary_logloss(labels, probabilities, None)?,
    })
}

/// Every fold's probabilities as fitted on the other folds; `None` where one of these fits fails.
fn out_of_fold(method: Method, folds: &[Scored]) -> Option<Vec<f64>> {
    let mut probabilities = vec![];
    for (held, fold) in folds.iter().enumerate() {
        if method == Method::None {
            probabilities.extend(fold.raw.iter().map(|&raw| math::sigmoid(raw)));
            continue;
        }
        let mut others = Scored::default();
        folds.iter().enumerate().filter(|(i, _)| *i != held).for_each(|(_, fold)| others.append(fold));
        let map = fit(method, &others)?;
        probabilities.extend(fold.raw.iter().map(|&raw| map.probability(raw)));
    }
    Some(probabilities)
}

fn platt(rows: &Scored) -> Option<Calibration> {
    let map = |at: &[f64]| Calibration::Platt { slope: at[0] * at[0], intercept: at[1] };
    let found = minimise(|at| cost(&map(at), rows), &[1.0, 0.0], Minimise::default()).ok()?;
    Some(map(&found.at))
}

/// Squares keep `a` and `b` from going below 0.
fn beta(rows: &Scored) -> Option<Calibration> {
    let map = |at: &[f64]| Calibration::Beta { a: at[0] * at[0], b: at[1] * at[1], c: at[2] };
    let found = minimise(|at| cost(&map(at), rows), &[1.0, 1.0, 0.0], Minimise::default()).ok()?;
    Some(map(&found.at))
}

fn cost(map: &Calibration, rows: &Scored) -> f64 {
    let probabilities: Vec<f64> = rows.raw.iter().map(|&raw| map.probability(raw)).collect();
    let weights = Some(rows.weights.as_slice()).filter(|weights| !weights.is_empty());
    binary::binary_logloss(&rows.labels, &probabilities, weights).unwrap_or(f64::INFINITY)
}

/// Pools adjacent violators over bins of rows in order of raw score. A pool's knot is `(positives + 1/2) / (rows + 1)`, so that none
/// says never or always, but never below the knot before it.
fn isotonic(rows: &Scored) -> Calibration {
    let mut order: Vec<usize> = (0..rows.raw.len()).collect();
    order.sort_by(|&a, &b| rows.raw[a].total_cmp(&rows.raw[b]).then(a.cmp(&b)));
    let total = rows.weight_of_all();
    let size = (total / KNOTS as f64).floor().max((LEAST / 2) as f64);
    let mut pools: Vec<Pool> = vec![];
    let mut bin = Pool::default();
    for (i, &row) in order.iter().enumerate() {
        bin.add(rows.raw[row], rows.labels[row], rows.weight(row));
        // rows of equal score share a bin
        let last = order.get(i + 1).is_none_or(|&next| rows.raw[next] != rows.raw[row]);
        if last && bin.rows >= size {
            push(&mut pools, std::mem::take(&mut bin));
        }
    }
    if bin.rows > 0.0 {
        push(&mut pools, bin);
    }
    let mut least = 0.0_f64;
    let knot = |pool: &Pool| {
        least = least.max((pool.positives + 0.5) / (pool.rows + 1.0));
        (pool.sum / pool.rows, least)
    };
    Calibration::Isotonic { knots: pools.iter().map(knot).collect() }
}

/// Rows of neighbouring raw scores.
#[derive(Clone, Copy, Debug, Default)]
struct Pool {
    rows: f64,
    positives: f64,
    sum: f64,
}

impl Pool {
    fn add(&mut self, raw: f64, label: f32, weight: f64) {
        self.rows += weight;
        self.positives += weight * f64::from(label);
        self.sum += weight * raw;
    }
}

fn push(pools: &mut Vec<Pool>, mut next: Pool) {
    while let Some(before) = pools.last() {
        if before.positives * next.rows < next.positives * before.rows {
            break;
        }
        next.rows += before.rows;
        next.positives += before.positives;
        next.sum += before.sum;
        pools.pop();
    }
    pools.push(next);
}

fn method_of(map: &Calibration) -> Method {
    match map {
        Calibration::Platt { .. } => Method::Platt,
        Calibration::Beta { .. } => Method::Beta,
        Calibration::Isotonic { .. } => Method::Isotonic,
    }
}

fn name(method: Method) -> &'static str {
    match method {
        Method::None => "none",
        Method::Platt => "platt",
        Method::Beta => "beta",
        Method::Isotonic => "isotonic",
        Method::Auto => "auto",
    }
}

/// Fewer rows say nothing of probabilities.
pub const LEAST: usize = 100;

/// Rounds of seeing through noise: each takes away most of what the one before left.
const NOISE_ROUNDS: usize = 5;

/// Knots of an isotonic map, at most about so many.
const KNOTS: usize = 100;

/// Bins of the calibration error.
const BINS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::determinism::rng::Stream;

    /// Rows whose true probability is a known map of the raw score.
    fn made(truth: &dyn Fn(f64) -> f64, rows: u64, seed: u64) -> Scored {
        let (place, chance) = (Stream::new(seed, "place"), Stream::new(seed, "chance"));
        let raw: Vec<f64> = (0..rows).map(|i| 8.0 * place.unit(i) - 4.0).collect();
        let label = |(i, &raw): (usize, &f64)| f32::from(u8::from(chance.unit(i as u64) < truth(raw)));
        let labels = raw.iter().enumerate().map(label).collect();
        Scored { raw, labels, weights: vec![] }
    }

    fn folds(truth: &dyn Fn(f64) -> f64) -> Vec<Scored> {
        (0..4).map(|seed| made(truth, 2_000, seed)).collect()
    }

    #[test]
    fn planted_parameters_are_recovered() {
        let rows = made(&|raw| math::sigmoid(0.6 * raw - 0.8), 40_000, 9);
        let Some(Calibration::Platt { slope, intercept }) = fit(Method::Platt, &rows) else {
            panic!("platt")
        };
        assert!((slope - 0.6).abs() < 0.02 && (intercept + 0.8).abs() < 0.04, "{slope} {intercept}");
        let truth = Calibration::Beta { a: 1.4, b: 0.5, c: 0.3 };
        let rows = made(&|raw| truth.probability(raw), 40_000, 10);
        let Some(Calibration::Beta { a, b, c }) = fit(Method::Beta, &rows) else { panic!("beta") };
        assert!((a - 1.4).abs() < 0.1 && (b - 0.5).abs() < 0.1 && (c - 0.3).abs() < 0.1, "{a} {b} {c}");
    }

    #[test]
    fn the_right_method_is_chosen_and_the_error_falls() {
        let stairs = |raw: f64| {
            if raw < -1.0 {
                0.05
            } else if raw < 2.0 {
                0.4
            } else {
                0.95
            }
        };
        let chosen = choose(Method::Auto, &folds(&stairs)).expect("calibrated");
        assert_eq!(chosen.map.name(), "isotonic", "{:?}", chosen.candidates);
        assert!(chosen.after.ece < 0.02 && chosen.before.ece > 0.05, "{chosen:?}");
        let line = |raw: f64| math::sigmoid(0.5 * raw - 1.0);
        let chosen = choose(Method::Auto, &folds(&line)).expect("calibrated");
        assert!(["platt", "beta"].contains(&chosen.map.name()), "{:?}", chosen.candidates);
        assert!(chosen.after.ece < 0.02 && chosen.after.log_loss < chosen.before.log_loss, "{chosen:?}");
        assert_eq!(choose(Method::Auto, &folds(&line)), Some(chosen));
        assert_eq!(choose(Method::Isotonic, &folds(&line)).expect("asked for").map.name(), "isotonic");
        assert_eq!(choose(Method::None, &folds(&line)), None);
    }

    #[test]
    fn the_share_of_rows_without_labels_is_found_from_their_scores() {
        // cases are labelled nine times in ten, others one time in three
        let truth = |raw: f64| math::sigmoid(1.5 * raw - 1.0);
        let all = made(&truth, 60_000, 3);
        let lot = Stream::new(8, "labelled");
        let labelled = |&i: &usize| lot.unit(i as u64) < if all.labels[i] > 0.0 { 0.9 } else { 0.33 };
        let (seen, unseen): (Vec<usize>, Vec<usize>) = (0..all.raw.len()).partition(labelled);
        let part = |rows: &[usize]| Scored {
            raw: rows.iter().map(|&i| all.raw[i]).collect(),
            labels: rows.iter().map(|&i| all.labels[i]).collect(),
            weights: vec![],
        };
        let (seen, unseen) = (part(&seen), part(&unseen));
        let folds: Vec<Scored> = (0..4)
            .map(|k| {
                let own: Vec<usize> = (0..seen.raw.len()).filter(|i| i % 4 == k).collect();
                let raw = own.iter().map(|&i| seen.raw[i]).collect();
                Scored { raw, labels: own.iter().map(|&i| seen.labels[i]).collect(), weights: vec![] }
            })
            .collect();
        let error = |map: &Calibration| {
            let scores: Vec<f64> = all.raw.iter().map(|&raw| map.probability(raw)).collect();
            reliability(&all.labels, &scores).expect("rows").ece
        };
        for method in [Method::Platt, Method::Beta, Method::Isotonic, Method::Auto] {
            let one = choose(method, &folds).expect("a map");
            let before = error(&one.map);
            let moved = to_all_rows(one, Scored::pooled(&folds), seen.raw.len(), &unseen.raw);
            assert!(before > 0.05 && error(&moved.map) < 0.015, "{before} {}", error(&moved.map));
            assert!(moved.map.check().is_ok());
        }
    }

    #[test]
    fn labels_that_are_wrong_by_lot_are_seen_through() {
        let truth = |raw: f64| math::sigmoid(2.5 * raw - 0.5);
        let (noise, lot) = (0.06, Stream::new(5, "wrong"));
        let true_folds = folds(&truth);
        let flip = |(i, label): (usize, &f32)| if lot.unit(i as u64) < noise { 1.0 - label } else { *label };
        let said = |fold: &Scored| Scored {
            labels: fold.labels.iter().enumerate().map(flip).collect(),
            ..fold.clone()
        };
        let noisy: Vec<Scored> = true_folds.iter().map(said).collect();
        let all = Scored::pooled(&true_folds);
        let error = |map: &Calibration| {
            let scores: Vec<f64> = all.raw.iter().map(|&raw| map.probability(raw)).collect();
            reliability(&all.labels, &scores).expect("rows").ece
        };
        for method in [Method::Beta, Method::Isotonic, Method::Auto] {
            let one = choose(method, &noisy).expect("a map");
            let before = error(&one.map);
            let (moved, rows) = to_true_labels(one.clone(), Scored::pooled(&noisy), noise);
            assert!(before > 0.04 && error(&moved.map) < 0.015, "{method:?}: {before} {}", error(&moved.map));
            assert!(
                (rows.weight_of_all() - all.raw.len() as f64).abs() < 0.01,
                "no row counts more than once"
            );
            assert!((rows.share() - all.share()).abs() < 0.01, "{} {}", rows.share(), all.share());
            assert_eq!(moved.label_noise, Some(noise));
            let same = to_true_labels(one.clone(), Scored::pooled(&noisy), 0.0);
            assert_eq!(same, (one, Scored::pooled(&noisy)));
        }
    }

    #[test]
    fn too_little_is_left_as_it_is() {
        let few: Vec<Scored> = (0..2).map(|seed| made(&math::sigmoid, 20, seed)).collect();
        assert_eq!(choose(Method::Auto, &few), None);
        let one_class = Scored { raw: vec![0.5; 500], labels: vec![1.0; 500], weights: vec![] };
        assert!(
            [Method::Platt, Method::Beta, Method::Isotonic].iter().all(|&m| fit(m, &one_class).is_none())
        );
        assert_eq!(choose(Method::Auto, &[]), None);
    }

    /// The slow twin: the least squares over all non-decreasing step functions, by the min-max formula.
    #[test]
    fn pools_are_the_least_squares_of_the_bins() {
        let rows = made(&|raw| 0.5 + 0.1 * math::sin(2.0 * raw), 3_000, 4);
        let Calibration::Isotonic { knots } = isotonic(&rows) else { panic!("isotonic") };
        let mut order: Vec<usize> = (0..rows.raw.len()).collect();
        order.sort_by(|&a, &b| rows.raw[a].total_cmp(&rows.raw[b]));
        let labels: Vec<f64> = order.iter().map(|&row| f64::from(rows.labels[row])).collect();
        let bins: Vec<f64> = labels.chunks(50).map(|bin| bin.iter().sum::<f64>()).collect();
        let share = |a: usize, b: usize| bins[a..=b].iter().sum::<f64>() / (50.0 * (b - a + 1) as f64);
        let least = |at: usize| {
            let worst = |a: usize| (at..bins.len()).map(|b| share(a, b)).fold(f64::INFINITY, f64::min);
            (0..=at).map(worst).fold(f64::NEG_INFINITY, f64::max)
        };
        let mut expected: Vec<f64> = (0..bins.len()).map(least).collect();
        expected.dedup_by(|a, b| (*a - *b).abs() < 1e-12);
        assert_eq!(knots.len(), expected.len());
        for (knot, expected) in knots.iter().zip(expected) {
            // a half row more of each class in a pool of 50 or more
            assert!((knot.1 - expected).abs() < 1e-2, "{} {expected}", knot.1);
        }
    }
}
