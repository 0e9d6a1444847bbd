//! `gbdt predict`: a model and a table in, one line a row out.

use std::fmt::{Debug, Write as _};
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
    let answers = match &background {
        Some(background) => against(background, &model, &data)?,
        None => answers(command.kind, &model, &data)?,
    };
    report.lap("predict_seconds");
    let text = answers.text(data.n_rows());
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

fn against(background: &FeatureMatrix, model: &Model, data: &FeatureMatrix) -> Result<Answers, Fault> {
    let explainer = InterventionalExplainer::new(model, background).map_err(Fault::input)?;
    let all = explainer.explain(data).map_err(Fault::input)?;
    Ok(Answers::Numbers(all.values, Some(all.base_value)))
}

fn answers(kind: Kind, model: &Model, data: &FeatureMatrix) -> Result<Answers, Fault> {
    match kind {
        Kind::Score => Predictor::new(model).scores(data).map(|all| Answers::Numbers(all, None)),
        Kind::Raw => Predictor::new(model).raw(data).map(|all| Answers::Numbers(all, None)),
        Kind::Leaf => Predictor::new(model).leaves(data).map(Answers::Leaves),
        Kind::Contrib => {
            let all = Explainer::new(model).explain(data);
            all.map(|all| Answers::Numbers(all.values, Some(all.base_value)))
        }
        Kind::Interaction => {
            let explainer = PairExplainer::new(model);
            explainer.explain(data).map(|all| Answers::Numbers(all, Some(explainer.base_value())))
        }
    }
    .map_err(Fault::input)
}

/// What is said of all rows, row by row.
enum Answers {
    /// And a number that is the same for all of them.
    Numbers(Vec<f64>, Option<f64>),
    Leaves(Vec<u32>),
}

impl Answers {
    fn text(&self, n_rows: usize) -> String {
        match self {
            Answers::Numbers(values, same) => table(n_rows, values, same.as_slice()),
            Answers::Leaves(values) => table(n_rows, values, &[]),
        }
    }
}

/// One line a row: its values, then what is the same for all.
fn table<T: Debug + Sync>(n_rows: usize, values: &[T], same: &[f64]) -> String {
    let width = values.len() / n_rows.max(1);
    let block = |rows: std::ops::Range<usize>| {
        let mut text = String::new();
        for row in rows {
            values[row * width..(row + 1) * width].iter().for_each(|value| push(&mut text, value));
            same.iter().for_each(|value| push(&mut text, value));
            // a line ends where another word would begin
            text.pop();
            text.push('\n');
        }
        text
    };
    par::map_blocks(n_rows, 1024, block).fold(String::new(), |all, part| all + &part)
}

/// Adds the shortest form that reads back exactly, and a tab.
fn push<T: Debug>(text: &mut String, value: &T) {
    // a string takes whatever is written
    let _ = write!(text, "{value:?}");
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    text.push('\t');
}
