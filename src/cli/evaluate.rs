//! `aml-miner evaluate`: how good a bundle is on batches with known answers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::Global;
use super::batch::{columns_for, discover_batches, open_batch, open_bundle, write_file};
use super::{Fault, Verdict};
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::sot::Batch;
use crate::pipeline::config::Config;
use crate::pipeline::evaluate::{Evaluation, Report, Settings, Status, cross_validate};
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
    /// Folder of the report: evaluation.json, evaluation.html, evaluation.md (validation report) and MODEL_CARD.md
    #[arg(long, value_name = "DIR", required_unless_present = "card")]
    output: Option<PathBuf>,
    /// What the report is called
    #[arg(long, value_name = "TEXT", default_value = "Evaluation")]
    title: String,
    /// Train anew on all folds but one and judge that one, pattern instances held out, instead of the bundle's models
    #[arg(long, value_name = "K")]
    folds: Option<u32>,
    /// Compare with this bundle, the champion, on the same rows
    #[arg(long, value_name = "MODELS", conflicts_with = "folds")]
    against: Option<PathBuf>,
    /// Batches of the training period, which the judged ones are told from [default: the first half of the judged]
    #[arg(long, value_name = "DIR", conflicts_with = "folds")]
    reference: Option<PathBuf>,
    /// Judge alerts of these typologies alone
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',', conflicts_with = "folds")]
    typology: Vec<String>,
    #[command(flatten)]
    asked: Asked,
    /// Exit with 1 when a check fails
    #[arg(long)]
    strict: bool,
    /// Write the bundle's model card from these reports (evaluation.json)
    #[arg(long, value_name = "REPORT", num_args = 1.., conflicts_with = "data")]
    card: Option<Vec<PathBuf>>,
}

/// What the report is to show.
#[derive(Debug, Args)]
struct Asked {
    /// Alerts worked a day, one row of the yield table each
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    budgets: Option<Vec<usize>>,
    /// What a missed positive costs
    #[arg(long, value_name = "COST", default_value_t = Settings::default().miss_cost)]
    miss_cost: f64,
    /// What reviewing one alert costs
    #[arg(long, value_name = "COST", default_value_t = Settings::default().review_cost)]
    review_cost: f64,
    /// Flag alerts of at least this probability [default: the review's cost over the miss's]
    #[arg(long, value_name = "P")]
    threshold: Option<f64>,
    /// Resamples of every interval; 0 for no intervals
    #[arg(long, value_name = "N", default_value_t = Settings::default().resamples)]
    resamples: usize,
    /// Key of every draw
    #[arg(long, value_name = "N", default_value_t = Settings::default().seed, env = "RANDOM_SEED")]
    seed: u64,
}

impl Asked {
    fn settings(&self) -> Settings {
        let default = Settings::default();
        Settings {
            budgets: self.budgets.clone().unwrap_or(default.budgets),
            miss_cost: self.miss_cost,
            review_cost: self.review_cost,
            threshold: self.threshold,
            resamples: self.resamples,
            seed: self.seed,
            ..default
        }
    }
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
    let manifest = bundle.manifest();
    write_file(&output.join("evaluation.md"), report::validation(manifest, &report).as_bytes())?;
    write_file(&output.join("evaluation.html"), report::html(manifest, &report).as_bytes())?;
    let card = report::model_card(manifest, std::slice::from_ref(&report));
    write_file(&output.join("MODEL_CARD.md"), card.as_bytes())?;
    println!("{page}");
    Ok(if args.strict && failed(&report) { Verdict::Negative } else { Verdict::Done })
}

fn judge(args: &Evaluate, bundle: &Bundle, data: &Path, global: &Global) -> Result<Report, Fault> {
    let champion = args.against.as_deref().map(open_bundle).transpose()?;
    let columns = champion.iter().fold(columns_for(bundle), |columns, other| columns.max(columns_for(other)));
    let settings = args.asked.settings();
    let mut evaluation = Evaluation::new(bundle, &args.title).settings(settings).map_err(Fault::input)?;
    if let Some(champion) = &champion {
        evaluation = evaluation.against(champion);
    }
    for dir in args.reference.as_deref().map(discover_batches).transpose()?.unwrap_or_default() {
        evaluation.add_reference(&open_batch(&dir, columns)?);
    }
    let folders = discover_batches(data)?;
    let progress = if global.quiet { ProgressBar::hidden() } else { ProgressBar::new(folders.len() as u64) };
    progress.set_style(style());
    let mut known = BTreeSet::new();
    for dir in folders {
        let batch = open_batch(&dir, columns)?;
        known.extend(batch.alerts.iter().flatten().map(|alert| alert.typology_type.clone()));
        let batch = of_typologies(batch, &args.typology);
        progress.set_message(batch.id.name());
        evaluation.add(&batch).map_err(Fault::input)?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    if let Some(unknown) = args.typology.iter().find(|asked| !known.contains(*asked)) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Fault::Input(format!("--typology {unknown}: expected one that an alert has: {known}")));
    }
    evaluation.finish().map_err(Fault::input)
}

/// The batch with the alerts of these typologies, or all where none is named; an alert's score does not depend on the others.
fn of_typologies(mut batch: Batch, typologies: &[String]) -> Batch {
    if !typologies.is_empty() {
        if let Some(alerts) = &mut batch.alerts {
            alerts.retain(|alert| typologies.contains(&alert.typology_type));
        }
    }
    batch
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos}/{len} batches {elapsed} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn failed(report: &Report) -> bool {
    let findings = report.study.iter().flat_map(|study| &study.findings);
    findings.into_iter().any(|finding| finding.status == Status::Fail)
}

fn in_folds(args: &Evaluate, bundle: &Bundle, data: &Path, folds: u32) -> Result<Report, Fault> {
    let yaml = args.models.join("training.yaml");
    let config = if yaml.exists() { Config::open(&yaml).map_err(Fault::input)? } else { Config::default() };
    let folders = discover_batches(data)?;
    let batches =
        folders.iter().map(|dir| open_batch(dir, config.columns())).collect::<Result<Vec<_>, _>>()?;
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
