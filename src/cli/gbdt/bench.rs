//! `gbdt bench`: microseconds a row from raw numbers, in a batch and alone.

use std::hint::black_box;
use std::path::PathBuf;

use clap::Args;

use super::data::Data;
use super::report::{Report, To, micros};
use crate::cli::args::Global;
use crate::cli::{Fault, Verdict};
use crate::gbdt::data::FeatureMatrix;
use crate::gbdt::infer::{Explainer, Predictor, Scratch};
use crate::gbdt::model::Model;

/// Arguments of `gbdt bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Our own format, LightGBM's text, XGBoost's JSON or UBJSON, told by content
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    report: To,
}

pub(super) fn run(command: &Bench, global: &Global) -> Result<Verdict, Fault> {
    let mut report = Report::start();
    let model = super::model::read(&command.model)?;
    let data = command.data.read(&model.schema, global)?;
    report.lap("load_seconds");
    if data.n_rows() == 0 {
        return Err(Fault::Input("the table has no rows to time".to_owned()));
    }
    report.note("rows", data.n_rows());
    report.note("features", data.n_features());
    report.note("trees", model.trees.len());
    report.note("model_sha256", model.digest().to_string());
    let times = measure(&model, &data)?;
    for (name, value) in times {
        println!("{name}\t{value:.3}");
        report.note(&name, value);
    }
    command.report.write(report)?;
    Ok(Verdict::Done)
}

type Times = Vec<(String, f64)>;

fn measure(model: &Model, data: &FeatureMatrix) -> Result<Times, Fault> {
    let (predictor, explainer) = (Predictor::new(model), Explainer::new(model));
    predictor.raw(data).map_err(Fault::input)?;
    let rows = rows(data);
    let mut times = vec![];
    let batch = || drop(black_box(predictor.raw(data)));
    let single = |row: &[f64]| {
        black_box(predictor.raw_row(black_box(row)));
    };
    stages("predict", &mut times, &rows, data.n_rows(), batch, single);
    let some = data.take_rows(&(0..data.n_rows().min(EXPLAINED)).collect::<Vec<_>>());
    let mut scratch = Scratch::default();
    let mut out = vec![0.0; data.n_features()];
    let batch = || drop(black_box(explainer.explain(&some)));
    let single =
        |row: &[f64]| explainer.contributions_into(black_box(row), &mut scratch, black_box(&mut out));
    stages("explain", &mut times, &rows[..some.n_rows().min(rows.len())], some.n_rows(), batch, single);
    Ok(times)
}

/// The median over repeated batches, and median and tail over single rows, each row once after a first pass to warm up.
fn stages(
    what: &str,
    times: &mut Times,
    rows: &[Vec<f64>],
    n_batch: usize,
    mut batch: impl FnMut(),
    mut single: impl FnMut(&[f64]),
) {
    let whole: Vec<f64> = (0..REPEATS).map(|_| micros(&mut batch) / n_batch as f64).collect();
    rows.iter().take(rows.len().min(1000)).for_each(|row| single(row));
    let mut alone: Vec<f64> = rows.iter().map(|row| micros(|| single(row))).collect();
    times.push((format!("{what}_batch_us"), rank(&mut whole.clone(), 0.5)));
    times.push((format!("{what}_single_us"), rank(&mut alone, 0.5)));
    times.push((format!("{what}_single_p99_us"), rank(&mut alone, 0.99)));
    times.push((format!("{what}_single_p999_us"), rank(&mut alone, 0.999)));
}

/// The value below which a share of the others lies.
fn rank(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

fn rows(data: &FeatureMatrix) -> Vec<Vec<f64>> {
    let row = |row| {
        let mut values = vec![0.0; data.n_features()];
        data.copy_row(row, &mut values);
        values
    };
    (0..data.n_rows().min(ROWS)).map(row).collect()
}

const REPEATS: usize = 5;
/// Rows timed alone.
const ROWS: usize = 20_000;
/// Rows of an explained batch.
const EXPLAINED: usize = 5_000;
