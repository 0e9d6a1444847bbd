//! `gbdt predict`: a model and a table in, one line a row out.

use std::fmt::Debug;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::data::Data;
use super::report::{Report, To};
use crate::cli::args::Global;
use crate::cli::{Fault, Verdict};
use crate::determinism::par;
use crate::gbdt::data::FeatureMatrix;
use crate::gbdt::infer::{Explainer, InterventionalExplainer, PairExplainer, Predictor};
use crate::gbdt::model::Model;
use crate::table::file;

/// Arguments of `gbdt predict`.
#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// Our own format, LightGBM's text, XGBoost's JSON or UBJSON, told by content
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: Data,
    /// What to write of each row
    #[arg(long, value_enum, default_value_t = Kind::Score)]
    kind: Kind,
    /// With --kind contrib: contributions against these rows, the interventional game, instead of against the rows of training
    #[arg(long, value_name = "FILE")]
    background: Option<PathBuf>,
    /// Tab-separated lines [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    report: To,
}

/// What to write of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A probability for binary models, the raw score otherwise
    Score,
    /// The sum of the trees
    Raw,
    /// The leaf of each tree
    Leaf,
    /// Each feature's contribution to the raw score, then the base value
    Contrib,
    /// Contributions of pairs of features: a row of the table after another, then the base value
    Interaction,
}

pub(super) fn run(command: &Predict, global: &Global) -> Result<Verdict, Fault> {
    let mut report = Report::start();
    let model = super::model::read(&command.model)?;
    let data = command.data.read(&model.schema, global)?;
    let background = background(command, &model, global)?;
    report.lap("load_seconds");
    let text = match &background {
        Some(background) => against(background, &model, &data)?,
        None => lines(command.kind, &model, &data)?,
    };
    report.lap("predict_seconds");
    match &command.output {
        Some(path) => file::write(path, text.as_bytes()).map_err(Fault::internal)?,
        None => print!("{text}"),
    }
    report.lap("write_seconds");
    report.note("rows", data.n_rows());
    report.note("features", data.n_features());
    report.note("trees", model.trees.len());
    report.note("model_sha256", model.digest().to_string());
    command.report.write(report)?;
    Ok(Verdict::Done)
}

fn background(command: &Predict, model: &Model, global: &Global) -> Result<Option<FeatureMatrix>, Fault> {
    let Some(path) = &command.background else { return Ok(None) };
    if command.kind != Kind::Contrib {
        return Err(Fault::Input("--background: only --kind contrib asks for one".to_owned()));
    }
    command.data.of(path).read(&model.schema, global).map(Some)
}

fn against(background: &FeatureMatrix, model: &Model, data: &FeatureMatrix) -> Result<String, Fault> {
    let explainer = InterventionalExplainer::new(model, background).map_err(Fault::input)?;
    let all = explainer.explain(data).map_err(Fault::input)?;
    Ok(table(data.n_rows(), &all.values, &[all.base_value]))
}

fn lines(kind: Kind, model: &Model, data: &FeatureMatrix) -> Result<String, Fault> {
    let n_rows = data.n_rows();
    match kind {
        Kind::Score => Ok(table(n_rows, &Predictor::new(model).scores(data).map_err(Fault::input)?, &[])),
        Kind::Raw => Ok(table(n_rows, &Predictor::new(model).raw(data).map_err(Fault::input)?, &[])),
        Kind::Leaf => Ok(table(n_rows, &Predictor::new(model).leaves(data).map_err(Fault::input)?, &[])),
        Kind::Contrib => {
            let all = Explainer::new(model).explain(data).map_err(Fault::input)?;
            Ok(table(n_rows, &all.values, &[all.base_value]))
        }
        Kind::Interaction => {
            let explainer = PairExplainer::new(model);
            let tables = explainer.explain(data).map_err(Fault::input)?;
            Ok(table(n_rows, &tables, &[explainer.base_value()]))
        }
    }
}

/// One line a row: its values, then what is the same for all.
fn table<T: Debug + Sync>(n_rows: usize, values: &[T], same: &[f64]) -> String {
    let width = values.len() / n_rows.max(1);
    let block = |rows: std::ops::Range<usize>| {
        let mut text = String::new();
        for row in rows {
            let words = values[row * width..(row + 1) * width].iter().map(word);
            let words: Vec<String> = words.chain(same.iter().map(word)).collect();
            text.push_str(&words.join("\t"));
            text.push('\n');
        }
        text
    };
    par::map_blocks(n_rows, 1024, block).fold(String::new(), |all, part| all + &part)
}

/// The shortest form that reads back exactly.
fn word<T: Debug>(value: &T) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
