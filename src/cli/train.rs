//! `aml-miner train`: batches -> a bundle, or whether a bundle comes out of them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::args::Global;
use super::batch::{discover_batches, open_batch, write_file};
use super::{Fault, Verdict};
use crate::aml::bundle::{Bundle, Kind, MANIFEST, Manifest};
use crate::aml::evolution::successor;
use crate::aml::sot::{Batch, BatchId};
use crate::aml::target::CustomLabels;
use crate::determinism::digest::Digest;
use crate::pipeline::config::{Config, DEFAULT, TargetTable};
use crate::pipeline::oof;
use crate::pipeline::publish::publish;
use crate::pipeline::report;
use crate::pipeline::train::{Files, Material, Trained, Trainer, files};
use crate::pipeline::warning::Warning;

/// Arguments of `train`.
#[derive(Debug, Args)]
#[command(
    after_help = "The bundle's folder is replaced whole or not at all; other files in it stay. Keys of the configuration: \
                        docs/training_guide.md."
)]
pub(crate) struct Train {
    /// Which model; the others of an existing bundle stay
    #[arg(value_enum, default_value_t = Which::All)]
    which: Which,
    /// Folder with batches, at any depth
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder of the bundle
    #[arg(long, value_name = "MODELS", required_unless_present = "verify")]
    output: Option<PathBuf>,
    /// Settings [default: those of the shipped bundle]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Labels of one's own: CSV with address, risk_level, confidence, source, date
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Only batches of this network
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// Write scores of rows by models that had not seen them: .csv
    #[arg(long, value_name = "FILE", conflicts_with = "verify")]
    oof: Option<PathBuf>,
    /// Train again as the bundle in this folder says, write nothing, and tell whether the same bytes come out: exit code 0, else 1
    #[arg(long, value_name = "MODELS", conflicts_with_all = ["output", "config"])]
    verify: Option<PathBuf>,
}

/// The models that can be trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// Probability of an alert.
    Scorer,
    /// Order of alerts.
    Ranker,
    /// Probability of a cluster.
    Clusters,
    /// All three.
    All,
}

impl Which {
    fn kinds(self) -> Vec<Kind> {
        match self {
            Which::Scorer => vec![Kind::AlertScorer],
            Which::Ranker => vec![Kind::AlertRanker],
            Which::Clusters => vec![Kind::ClusterScorer],
            Which::All => Kind::ALL.to_vec(),
        }
    }
}

pub(super) fn run(args: &Train, global: &Global) -> Result<Verdict, Fault> {
    match (&args.verify, &args.output) {
        (Some(models), _) => verify(args, models, global),
        (None, Some(output)) => train(args, output, global),
        (None, None) => Err(Fault::Input("train: --output is needed".to_owned())),
    }
}

fn train(args: &Train, output: &Path, global: &Global) -> Result<Verdict, Fault> {
    let (config, yaml) = settings(args.config.as_deref())?;
    let kept = match args.which {
        Which::All => None,
        _ if output.join(MANIFEST).exists() => Some(Bundle::open(output).map_err(Fault::input)?),
        _ => None,
    };
    let material = gather(args, config, global)?;
    let trained = models(&material, &args.which.kinds(), global)?;
    if let Some(path) = &args.oof {
        let rows = oof::csv(&material, &trained).map_err(Fault::input)?;
        write_file(path, rows.as_bytes())?;
    }
    let mut files = bundle_files(&material, &trained, &yaml, kept.as_ref().map(Bundle::manifest));
    let manifest: Manifest = serde_json::from_slice(&files[files.len() - 1].1).map_err(Fault::internal)?;
    files.push(("MODEL_CARD.md".to_owned(), report::model_card(&manifest, &[]).into_bytes()));
    files.push(("training.yaml".to_owned(), yaml));
    publish(output, &files).map_err(Fault::internal)?;
    let bundle = Bundle::open(output).map_err(Fault::internal)?;
    trained.iter().for_each(print);
    println!("bundle {} in {}", bundle.digest(), output.display());
    Ok(Verdict::Done)
}

/// Trains anew and compares every file that the manifest names, and the manifest.
fn verify(args: &Train, models: &Path, global: &Global) -> Result<Verdict, Fault> {
    let bundle = Bundle::open(models).map_err(Fault::input)?;
    let (config, yaml) = settings(Some(&models.join("training.yaml")))?;
    let manifest = bundle.manifest();
    let kinds: Vec<Kind> =
        Kind::ALL.into_iter().filter(|kind| manifest.models.contains_key(kind.name())).collect();
    let material = gather(args, config, global)?;
    if let Some(why) = other_data(manifest, material.manifest()) {
        println!("not verified: {why}");
        return Ok(Verdict::Negative);
    }
    let trained = models_quietly(&material, &kinds)?;
    for (name, bytes) in bundle_files(&material, &trained, &yaml, None) {
        let found = std::fs::read(models.join(&name)).map_err(Fault::input)?;
        if found != bytes {
            let (expected, found) = (Digest::of(&found), Digest::of(&bytes));
            println!("not verified: {name}: the bundle has SHA-256 {expected}, training gives {found}");
            if manifest.engine_version != env!("CARGO_PKG_VERSION") {
                println!("the bundle was made by version {}", manifest.engine_version);
            }
            return Ok(Verdict::Negative);
        }
    }
    println!("verified: training gives the same bytes; bundle {}", bundle.digest());
    Ok(Verdict::Done)
}

/// The first difference between the data of a manifest and those at hand.
fn other_data(recorded: &Manifest, found: &Manifest) -> Option<String> {
    let (recorded, found) = (&recorded.training, &found.training);
    if recorded.labels_sha256 != found.labels_sha256 {
        return Some("the file of custom labels is another one, or missing (--labels)".to_owned());
    }
    // which batches there are comes before what is in them: the latest date decides which labels were known
    for batch in &recorded.batches {
        if found.batches.iter().all(|own| own.batch != batch.batch) {
            return Some(format!("batch {} is missing from the data", batch.batch));
        }
    }
    for (own, batch) in found.batches.iter().zip(&recorded.batches) {
        if own.batch != batch.batch {
            return Some(format!("batch {} stands where {} is recorded", own.batch, batch.batch));
        }
    }
    let more = found.batches.get(recorded.batches.len());
    if let Some(batch) = more {
        return Some(format!("batch {} was not trained on", batch.batch));
    }
    let changed = found.batches.iter().zip(&recorded.batches).find(|(own, batch)| own.sha256 != batch.sha256);
    changed.map(|(own, _)| format!("batch {} has other features or targets than recorded", own.batch))
}

fn settings(path: Option<&Path>) -> Result<(Config, Vec<u8>), Fault> {
    let Some(path) = path else { return Ok((Config::default(), DEFAULT.as_bytes().to_vec())) };
    let config = Config::open(path).map_err(Fault::input)?;
    let yaml = std::fs::read(path).map_err(|e| Fault::Input(format!("{}: {e}", path.display())))?;
    Ok((config, yaml))
}

/// The labelled rows of all batches asked for.
fn gather(args: &Train, config: Config, global: &Global) -> Result<Material, Fault> {
    let mut folders: BTreeMap<PathBuf, BatchId> = BTreeMap::new();
    for dir in discover_batches(&args.data)? {
        let id = Batch::open(&dir).map_err(Fault::input)?.id;
        if args.network.as_ref().is_none_or(|network| *network == id.network) {
            folders.insert(dir, id);
        }
    }
    if let (Some(network), true) = (&args.network, folders.is_empty()) {
        return Err(Fault::Input(format!("{}: no batch of network {network}", args.data.display())));
    }
    let evolution = config.target == TargetTable::Evolution;
    let latest = folders.values().map(|id| id.processing_date).max().unwrap_or_default();
    let columns = config.columns();
    let mut trainer = Trainer::new(config, latest);
    if let Some(path) = &args.labels {
        trainer = trainer.with_labels(labels(path)?);
    }
    let mut alone = 0;
    for (i, (dir, id)) in folders.iter().enumerate() {
        if !global.quiet {
            eprintln!("batch {} of {}: {}", i + 1, folders.len(), id.name());
        }
        if !evolution {
            trainer.add(&open_batch(dir, columns)?).map_err(Fault::input)?;
            continue;
        }
        let next = successor(id);
        match folders.iter().find(|(_, other)| **other == next) {
            Some((later, _)) => {
                trainer
                    .add_pair(&open_batch(dir, columns)?, &open_batch(later, columns)?)
                    .map_err(Fault::input)?;
            }
            None => alone += 1,
        }
    }
    if alone > 0 {
        warn(&Warning::Unpaired { found: alone, batches: folders.len() });
    }
    let material = trainer.gather().map_err(Fault::input)?;
    material.warnings().iter().for_each(warn);
    Ok(material)
}

fn labels(path: &Path) -> Result<CustomLabels, Fault> {
    let text = std::fs::read(path).map_err(|e| Fault::Input(format!("{}: {e}", path.display())))?;
    CustomLabels::parse(&text, &path.display().to_string()).map_err(Fault::input)
}

fn models(material: &Material, kinds: &[Kind], global: &Global) -> Result<Vec<Trained>, Fault> {
    let mut trained = vec![];
    for &kind in kinds {
        if !global.quiet {
            eprintln!("training {}: {} rows", kind.name(), material.examples(kind).len());
        }
        let one = material.train(kind).map_err(Fault::input)?;
        one.warnings.iter().for_each(warn);
        trained.push(one);
    }
    Ok(trained)
}

fn models_quietly(material: &Material, kinds: &[Kind]) -> Result<Vec<Trained>, Fault> {
    kinds.iter().map(|&kind| material.train(kind).map_err(Fault::input)).collect()
}

fn bundle_files(material: &Material, trained: &[Trained], yaml: &[u8], kept: Option<&Manifest>) -> Files {
    let mut manifest = material.manifest().clone();
    manifest.files.insert("training.yaml".to_owned(), Digest::of(yaml).to_string());
    files(trained, manifest, kept)
}

fn warn(warning: &Warning) {
    tracing::warn!("{warning}");
}

fn print(one: &Trained) {
    let (name, trees) = (one.kind.name(), one.model.trees.len());
    println!(
        "{name}: {trees} trees on {} rows, {} positive; held out: {:?}",
        one.rows, one.positives, one.metrics
    );
    if let Some(folds) = &one.out_of_fold {
        println!("{name}: {} folds, mean {:?}", folds.folds.len(), folds.means());
    }
    if let Some(calibration) = &one.calibration {
        let (before, after) = (calibration.before, calibration.after);
        println!(
            "{name}: calibrated by {}: calibration error {:.4} -> {:.4}, Brier {:.4} -> {:.4}, log loss {:.4} -> {:.4}",
            calibration.map.name(),
            before.ece,
            after.ece,
            before.brier,
            after.brier,
            before.log_loss,
            after.log_loss
        );
    }
    for dropped in &one.dropped {
        println!("{name}: without {}: {}", dropped.feature, dropped.reason);
    }
}
