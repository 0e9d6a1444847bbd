//! What is told after every round, and when to stop.

use std::ops::ControlFlow;
use std::time::Duration;

use super::Trainer;
use crate::determinism::math;
use crate::gbdt::data::{Dataset, Task};
use crate::gbdt::model::Objective;
use crate::gbdt::params::{Evaluation, Metric};
use crate::metrics::{binary, ranking};

/// One round's news.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    /// How many trees there are now.
    pub iteration: u32,
    /// How many there can be at most.
    pub num_iterations: u32,
    /// The metrics of each validation set.
    pub measurements: &'a [Measurement],
}

/// One metric of one validation set.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Which validation set, counting from 0.
    pub set: usize,
    /// Such as `auc` or `ndcg@10`.
    pub name: String,
    /// `None` where the data leave it undefined (one class).
    pub value: Option<f64>,
    /// Which way is better.
    pub better: Better,
}

/// Which way a metric improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Larger values are better.
    Higher,
    /// Smaller values are better.
    Lower,
}

/// Whoever wants to know of rounds: progress bars, time limits, logs.
pub trait Observe {
    /// Called after each round; `Break` ends training with the trees so far.
    fn round(&mut self, round: &Round<'_>) -> ControlFlow<()>;
}

/// Ends training when its time is up. The clock is the caller's, as is the promise of the same model every time, which a
/// clock cannot keep.
#[derive(Clone, Debug)]
pub struct Deadline<C> {
    clock: C,
    limit: Duration,
}

impl<C: FnMut() -> Duration> Deadline<C> {
    /// `clock` tells the time since training began; rounds end at the first that finds `limit` reached.
    pub fn new(limit: Duration, clock: C) -> Self {
        Deadline { clock, limit }
    }
}

impl<C: FnMut() -> Duration> Observe for Deadline<C> {
    fn round(&mut self, _: &Round<'_>) -> ControlFlow<()> {
        if (self.clock)() >= self.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Both are told; either ends training.
impl<A: Observe, B: Observe> Observe for (A, B) {
    fn round(&mut self, round: &Round<'_>) -> ControlFlow<()> {
        let flows = [self.0.round(round), self.1.round(round)];
        flows.into_iter().find(ControlFlow::is_break).unwrap_or(ControlFlow::Continue(()))
    }
}

/// A metric of the caller's own.
pub trait CustomMetric: Sync {
    /// What it is called in measurements.
    fn name(&self) -> &str;

    /// Which way is better.
    fn better(&self) -> Better;

    /// The metric of a set; `None` where the data leave it undefined.
    ///
    /// # Shape
    /// `raw`: the raw score of each row of the set.
    ///
    /// # Determinism
    /// Early stopping is the same everywhere when this is.
    fn measure(&self, set: &Dataset, raw: &[f64]) -> Option<f64>;
}

/// Wants to know nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observe for Silent {
    fn round(&mut self, _: &Round<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(&Round<'_>) -> ControlFlow<()>> Observe for F {
    fn round(&mut self, round: &Round<'_>) -> ControlFlow<()> {
        self(round)
    }
}

/// Measures raw scores of one set by every metric of the plan that its labels allow, and by the caller's.
pub(super) fn measure(
    asked: &Trainer<'_>,
    meaning: Objective,
    set: usize,
    data: &Dataset,
    raw: &[f64],
) -> Vec<Measurement> {
    let mut all = built_in(&asked.plan.evaluation, meaning, set, data, raw);
    all.extend(asked.metrics.iter().map(|metric| Measurement {
        set,
        name: metric.name().to_owned(),
        value: metric.measure(data, raw),
        better: metric.better(),
    }));
    all
}

fn built_in(
    evaluation: &Evaluation,
    meaning: Objective,
    set: usize,
    data: &Dataset,
    raw: &[f64],
) -> Vec<Measurement> {
    match data.task() {
        Task::Binary { labels, weights } => {
            let probabilities: Vec<f64> = raw.iter().map(|&score| chance(meaning, score)).collect();
            let weights = weights.as_deref();
            let known = |&metric: &Metric| {
                let (value, better) = match metric {
                    Metric::Auc => (binary::auc(labels, raw, weights), Better::Higher),
                    Metric::AveragePrecision => {
                        (binary::average_precision(labels, raw, weights), Better::Higher)
                    }
                    Metric::BinaryLogloss => {
                        (binary::binary_logloss(labels, &probabilities, weights), Better::Lower)
                    }
                    Metric::Brier => (binary::brier(labels, &probabilities, weights), Better::Lower),
                    Metric::Ndcg | Metric::Map | Metric::Custom => return None,
                };
                Some(Measurement { set, name: metric.name().to_owned(), value, better })
            };
            evaluation.metrics.iter().filter_map(known).collect()
        }
        Task::Lambdarank { grades, groups, weights } => {
            let weights = weights.as_deref().map(|weights| ranking::query_weights(weights, groups));
            let gain = |grade: u8| evaluation.gain(grade);
            let at = |(metric, k): (Metric, usize)| {
                let of_queries = match metric {
                    Metric::Map => ranking::map_of_queries(grades, raw, groups, k),
                    _ => ranking::ndcg_of_queries(grades, raw, groups, k, &gain),
                };
                let value = Some(ranking::mean(&of_queries, weights.as_deref()));
                Measurement { set, name: format!("{}@{k}", metric.name()), value, better: Better::Higher }
            };
            let ranks =
                evaluation.metrics.iter().filter(|metric| matches!(metric, Metric::Ndcg | Metric::Map));
            ranks.flat_map(|&metric| evaluation.eval_at.iter().map(move |&k| (metric, k))).map(at).collect()
        }
        Task::Custom(loss) => {
            if evaluation.metrics.contains(&Metric::Custom) {
                return Vec::new();
            }
            let value = loss.get().value(raw);
            vec![Measurement { set, name: "custom".to_owned(), value, better: Better::Lower }]
        }
    }
}

fn chance(meaning: Objective, raw: f64) -> f64 {
    match meaning {
        Objective::Binary { sigmoid } => 1.0 / (1.0 + math::exp_lane(-sigmoid * raw)),
        Objective::Lambdarank | Objective::Regression => raw,
    }
}

/// Watches each metric's best round.
pub(super) struct Stopping<'a> {
    evaluation: &'a Evaluation,
    best: Vec<Option<(f64, u32)>>,
    kept: Option<u32>,
}

impl<'a> Stopping<'a> {
    pub(super) fn new(evaluation: &'a Evaluation) -> Self {
        Stopping { evaluation, best: Vec::new(), kept: None }
    }

    /// Takes a round's measurements in; says whether some metric has stood still for too long.
    pub(super) fn round(&mut self, iteration: u32, measurements: &[Measurement]) -> ControlFlow<()> {
        let Some(patience) = self.evaluation.early_stopping_round else { return ControlFlow::Continue(()) };
        self.best.resize(measurements.len(), None);
        let mut flow = ControlFlow::Continue(());
        for (i, (measurement, best)) in measurements.iter().zip(&mut self.best).enumerate() {
            if improves(measurement, *best, self.evaluation.min_delta) {
                *best = measurement.value.map(|value| (value, iteration));
            }
            let best_round = best.map_or(0, |(_, round)| round);
            let counts = i == 0 || !self.evaluation.first_metric_only;
            if counts && flow.is_continue() && iteration >= best_round + patience && best_round > 0 {
                self.kept = Some(best_round);
                flow = ControlFlow::Break(());
            }
        }
        flow
    }

    /// The best round of the metric that stopped training, or of the first; `None` where rounds are not compared.
    pub(super) fn best(&self) -> Option<u32> {
        let first = self.best.first().copied().flatten().map(|(_, round)| round);
        self.kept.or(first)
    }
}

fn improves(measurement: &Measurement, best: Option<(f64, u32)>, min_delta: f64) -> bool {
    match (measurement.value, best) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(value), Some((best, _))) => match measurement.better {
            Better::Higher => value > best + min_delta,
            Better::Lower => value < best - min_delta,
        },
    }
}
