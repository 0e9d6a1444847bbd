//! `aml-miner train`: batches -> a bundle.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::Global;
use super::batch::{discover_batches, open_batch, write_file};
use super::{Fault, Verdict};
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::sot::Batch;
use crate::pipeline::config::Config;
use crate::pipeline::report;
use crate::pipeline::train::{Trainer, files};

/// Arguments of `train`.
#[derive(Debug, Args)]
pub(crate) struct Train {
    /// Which model; the others of an existing bundle stay
    #[arg(value_enum, default_value_t = Which::All)]
    which: Which,
    /// Folder with batches, at any depth
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder of the bundle
    #[arg(long, value_name = "MODELS")]
    output: PathBuf,
    /// Settings [default: those of the shipped bundle]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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
    let config =
        args.config.as_deref().map_or_else(|| Ok(Config::default()), Config::open).map_err(Fault::input)?;
    let yaml = match &args.config {
        Some(path) => std::fs::read(path).map_err(Fault::input)?,
        None => crate::pipeline::config::DEFAULT.as_bytes().to_vec(),
    };
    let kept = match args.which {
        Which::All => None,
        _ if args.output.join(crate::aml::bundle::MANIFEST).exists() => {
            Some(Bundle::open(&args.output).map_err(Fault::input)?)
        }
        _ => None,
    };
    let folders = discover_batches(&args.data)?;
    let batches = folders.iter().map(|dir| Batch::open(dir).map_err(Fault::input));
    let dates = batches.map(|batch| batch.map(|b| b.id.processing_date)).collect::<Result<Vec<_>, _>>()?;
    let latest = dates.into_iter().max().unwrap_or_default();
    let mut trainer = Trainer::new(config, latest);
    for (i, dir) in folders.iter().enumerate() {
        let batch = open_batch(dir)?;
        if !global.quiet {
            eprintln!("batch {} of {}: {}", i + 1, folders.len(), batch.id.name());
        }
        trainer.add(&batch).map_err(Fault::input)?;
    }
    let (trained, manifest) = trainer.finish(&args.which.kinds()).map_err(Fault::input)?;
    let files = files(&trained, manifest.clone(), kept.as_ref().map(Bundle::manifest));
    write_file(&args.output.join("training.yaml"), &yaml)?;
    for (name, bytes) in &files {
        write_file(&args.output.join(name), bytes)?;
    }
    let bundle = Bundle::open(&args.output).map_err(Fault::internal)?;
    let card = report::model_card(bundle.manifest(), &[]);
    write_file(&args.output.join("MODEL_CARD.md"), card.as_bytes())?;
    for one in &trained {
        let (name, trees) = (one.kind.name(), one.model.trees.len());
        println!(
            "{name}: {trees} trees on {} rows, {} positive; held out: {:?}",
            one.rows, one.positives, one.metrics
        );
    }
    println!("bundle {} in {}", bundle.digest(), args.output.display());
    Ok(Verdict::Done)
}
