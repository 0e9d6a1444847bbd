//! `aml-miner evaluate`: how good a bundle is on batches with known answers.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::Global;
use super::batch::{discover_batches, open_batch, open_bundle, write_file};
use super::{Fault, Verdict};
use crate::aml::bundle::{Bundle, Kind};
use crate::pipeline::config::Config;
use crate::pipeline::evaluate::{Evaluation, Report, cross_validate};
use crate::pipeline::report;

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Folder of the bundle
    #[arg(long, value_name = "DIR", default_value = "models", env = "AML_MINER_MODELS")]
    models: PathBuf,
    /// Folder with batches that have labels or ground truth
    #[arg(long, value_name = "DIR", required_unless_present = "card")]
    data: Option<PathBuf>,
    /// Folder of the report: evaluation.json, .md and .html
    #[arg(long, value_name = "DIR", required_unless_present = "card")]
    output: Option<PathBuf>,
    /// What the report is called
    #[arg(long, value_name = "TEXT", default_value = "Evaluation")]
    title: String,
    /// Train anew on all folds but one and judge that one, pattern instances held out, instead of the bundle's models
    #[arg(long, value_name = "K")]
    folds: Option<u32>,
    /// Write the bundle's model card from these reports (evaluation.json)
    #[arg(long, value_name = "REPORT", num_args = 1.., conflicts_with = "data")]
    card: Option<Vec<PathBuf>>,
}

pub(super) fn run(args: &Evaluate, global: &Global) -> Result<Verdict, Fault> {
    let bundle = open_bundle(&args.models)?;
    if let Some(reports) = &args.card {
        return card(args, &bundle, reports);
    }
    let (Some(data), Some(output)) = (&args.data, &args.output) else {
        return Err(Fault::Input("evaluate: --data and --output are needed".to_owned()));
    };
    let report = match args.folds {
        None => judge(args, &bundle, data, global)?,
        Some(folds) => in_folds(args, &bundle, data, folds)?,
    };
    let mut json = serde_json::to_vec_pretty(&report).map_err(Fault::internal)?;
    json.push(b'\n');
    let page = report::markdown(&report);
    write_file(&output.join("evaluation.json"), &json)?;
    write_file(&output.join("evaluation.md"), page.as_bytes())?;
    write_file(&output.join("evaluation.html"), report::html(&report).as_bytes())?;
    println!("{page}");
    Ok(Verdict::Done)
}

fn judge(args: &Evaluate, bundle: &Bundle, data: &Path, global: &Global) -> Result<Report, Fault> {
    let mut evaluation = Evaluation::new(bundle, &args.title);
    for dir in discover_batches(data)? {
        let batch = open_batch(&dir)?;
        if !global.quiet {
            eprintln!("batch {}", batch.id.name());
        }
        evaluation.add(&batch).map_err(Fault::input)?;
    }
    evaluation.finish().map_err(Fault::input)
}

fn in_folds(args: &Evaluate, bundle: &Bundle, data: &Path, folds: u32) -> Result<Report, Fault> {
    let yaml = args.models.join("training.yaml");
    let config = if yaml.exists() { Config::open(&yaml).map_err(Fault::input)? } else { Config::default() };
    let folders = discover_batches(data)?;
    let batches = folders.iter().map(|dir| open_batch(dir)).collect::<Result<Vec<_>, _>>()?;
    let trees = |kind: Kind| bundle.scorer(kind).map_or(100, |scorer| scorer.predictor().n_trees());
    let mut report =
        cross_validate(&config, &batches, folds, trees(Kind::AlertScorer)).map_err(Fault::input)?;
    report.title.clone_from(&args.title);
    Ok(report)
}

fn card(args: &Evaluate, bundle: &Bundle, reports: &[PathBuf]) -> Result<Verdict, Fault> {
    let read = |path: &PathBuf| {
        let bytes = std::fs::read(path).map_err(|e| Fault::Input(format!("{}: {e}", path.display())))?;
        serde_json::from_slice::<Report>(&bytes).map_err(|e| Fault::Input(format!("{}: {e}", path.display())))
    };
    let reports = reports.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let card = report::model_card(bundle.manifest(), &reports);
    write_file(&args.models.join("MODEL_CARD.md"), card.as_bytes())?;
    Ok(Verdict::Done)
}
