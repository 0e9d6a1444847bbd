//! `aml-miner tune`: batches -> a configuration with better parameters.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use chrono::Days;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::args::Global;
use super::batch::{discover_batches, open_batch, write_file};
use super::{Fault, Verdict};
use crate::aml::bundle::Kind;
use crate::aml::sot::Batch;
use crate::pipeline::config::{Config, DEFAULT};
use crate::pipeline::optimise::{Progress, Search, search};
use crate::pipeline::train::{Material, Trainer};
use crate::pipeline::tune::{self, Goal, Grid, MedianRule, Sampler, StateFile, Tpe, TuneError, Tuner};
use crate::pipeline::validate::Facts;

/// Arguments of `tune`.
#[derive(Debug, Args)]
#[command(
    after_help = "Each finished trial is kept in the state file: a search that was interrupted, even killed, goes on \
                        where it was when the same command is given again, and ends with the same result. docs/tuning.md has more."
)]
pub(crate) struct Tune {
    /// Which model
    #[arg(value_enum)]
    which: Which,
    /// Folder with batches, at any depth
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Trials to make, those of the state file included
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    trials: u64,
    /// Write the configuration with the best parameters here, for `train --config`
    #[arg(long, value_name = "FILE", required_unless_present = "points")]
    output: Option<PathBuf>,
    /// The configuration to begin from; its section `search` says where to look [default: that of the shipped bundle]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How points are chosen
    #[arg(long, value_enum, default_value_t = Choice::Tpe)]
    sampler: Choice,
    /// Values of each numeric parameter on the grid
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    levels: u32,
    /// What is made good, as the mean over folds [default: auc; ndcg@10 for the ranker]
    #[arg(long, value_enum)]
    objective: Option<Objective>,
    /// Another seed is another search
    #[arg(long, value_name = "N", default_value_t = 42, env = "RANDOM_SEED")]
    seed: u64,
    /// Folds on which each trial is judged [default: as configured]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(2..=20))]
    folds: Option<u32>,
    /// Finish every trial, also those that are worse than the median
    #[arg(long)]
    no_pruning: bool,
    /// Begin with the sampler's own points instead of the configuration's values
    #[arg(long)]
    no_current: bool,
    /// Where finished trials are kept [default: OUTPUT.trials]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Write a page about the search
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Search nothing: read points, one JSON object a line (`-` is the standard input), and print each one's figures
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "state", "report"])]
    points: Option<PathBuf>,
}

/// The models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Probability of an alert.
    Scorer,
    /// Order of alerts.
    Ranker,
    /// Probability of a cluster.
    Clusters,
}

/// The samplers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// Tree-structured Parzen estimator
    Tpe,
    /// Uniform on each parameter's scale
    Random,
    /// The points of a lattice, in random order
    Grid,
}

/// The objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Objective {
    /// Area under the ROC curve
    Auc,
    /// Area under the precision-recall curve
    #[value(name = "average_precision")]
    AveragePrecision,
    /// Normalised discounted cumulative gain of a batch's first ten
    #[value(name = "ndcg@10")]
    Ndcg,
    /// Mean negative log likelihood (scorer and clusters)
    #[value(name = "log_loss")]
    LogLoss,
    /// What the validator would award (scorer)
    Reward,
}

pub(super) fn run(args: &Tune, global: &Global) -> Result<Verdict, Fault> {
    let yaml = match &args.config {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|e| Fault::Input(format!("{}: {e}", path.display())))?
        }
        None => DEFAULT.to_owned(),
    };
    let name = args.config.as_deref().map_or("training.yaml".into(), Path::to_string_lossy);
    let mut config = Config::parse(&yaml, &name).map_err(Fault::input)?;
    config.folds.count = args.folds.unwrap_or(config.folds.count);
    let kind = args.which.kind();
    let goal = args.objective.map_or(Goal::usual(kind), Objective::goal);
    Tuner::check(kind, goal).map_err(fault)?;
    let points = args.points.as_deref().map(open_points).transpose()?;
    let (material, facts) = gather(args, goal, config, global)?;
    let cross = material.cross(kind).map_err(Fault::input)?;
    let tuner = Tuner::new(&material.config, kind, &cross, goal, &facts).map_err(fault)?;
    match points {
        Some(lines) => answer(lines, &tuner, goal, cross.folds().len()),
        None => look(args, &yaml, &tuner, goal, cross.folds().len(), global),
    }
}

/// Searches, then writes what was found.
fn look(
    args: &Tune,
    yaml: &str,
    tuner: &Tuner<'_>,
    goal: Goal,
    folds: usize,
    global: &Global,
) -> Result<Verdict, Fault> {
    let Some(output) = &args.output else { return Err(Fault::Input("tune: --output is needed".to_owned())) };
    let first: Vec<_> = tuner.current().filter(|_| !args.no_current).into_iter().collect();
    let rule = if args.no_pruning { MedianRule::NEVER } else { MedianRule::default() };
    let sampler = args.sampler();
    let header = tuner.header(&sampler, rule, &first);
    let state = StateFile::open(&args.state_file(output), &header).map_err(|e| fault(e.into()))?;
    if !state.trials().is_empty() && !global.quiet {
        eprintln!("{} trials found in {}", state.trials().len(), args.state_file(output).display());
    }
    let start = Search { space: tuner.space().clone(), sampler, first, rule, history: vec![] };
    let bar = progress(args.trials, global);
    bar.set_position(state.trials().len() as u64);
    let news = tell(goal, bar.clone(), global);
    let trials = search(tuner, start, args.trials, state, news).map_err(|e| fault(e.into()))?;
    bar.finish_and_clear();
    let best = tune::best(&trials).ok_or(fault(TuneError::NothingComplete))?;
    let found = tuner.configured(yaml, &best.point).map_err(fault)?;
    if let Some(path) = &args.report {
        write_file(path, tune::html(&header, goal, folds, &trials).as_bytes())?;
    }
    write_file(output, found.as_bytes())?;
    let stopped = trials.iter().filter(|trial| !trial.is_complete()).count();
    println!("{} trials on {folds} folds, {stopped} stopped early", trials.len());
    println!("best {}: {} (trial {})", goal.name(), goal.cost(best.cost()), best.number);
    for (name, value) in tuner.space().texts(&best.point) {
        println!("  {name}: {value}");
    }
    println!("configuration in {}", output.display());
    Ok(Verdict::Done)
}

/// Lines to read.
type Lines = Box<dyn std::io::BufRead>;

fn open_points(path: &Path) -> Result<Lines, Fault> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = std::fs::File::open(path).map_err(|e| Fault::Input(format!("{}: {e}", path.display())))?;
    Ok(Box::new(std::io::BufReader::new(file)))
}

/// Answers each point with its figures, so that another optimiser can use the same trainer, rows and folds.
fn answer(lines: Lines, tuner: &Tuner<'_>, goal: Goal, folds: usize) -> Result<Verdict, Fault> {
    let current = tuner.current().map(|point| tuner.space().texts(&point));
    let mut out = std::io::stdout().lock();
    let mut put = |value: Value| writeln!(out, "{value}").and_then(|()| out.flush()).map_err(Fault::internal);
    put(json!({
        "objective": goal.name(), "better": goal.better(), "folds": folds,
        "current": current, "space": tuner.space(),
    }))?;
    for (at, line) in lines.lines().enumerate() {
        let line = line.map_err(Fault::input)?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |text: String| Fault::Input(format!("line {}: {text}", at + 1));
        let texts = values(&line).map_err(wrong)?;
        let point = tuner.space().read_point(&texts).map_err(|e| wrong(e.to_string()))?;
        let figures = tuner.figures(&point).map_err(fault)?;
        let mean = figures.iter().sum::<f64>() / figures.len() as f64;
        put(json!({ "mean": mean, "folds": figures }))?;
    }
    Ok(Verdict::Done)
}

/// The values of a JSON object as texts.
fn values(line: &str) -> Result<BTreeMap<String, String>, String> {
    let object: BTreeMap<String, Value> = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
        _ => Err(format!("{name}: expected a number, a word or true or false")),
    };
    object.into_iter().map(text).collect()
}

/// All labelled rows, and what the validator knows where the objective asks for it.
fn gather(args: &Tune, goal: Goal, config: Config, global: &Global) -> Result<(Material, Vec<Facts>), Fault> {
    let folders = discover_batches(&args.data)?;
    let ids = folders.iter().map(|dir| Batch::open(dir).map(|batch| batch.id).map_err(Fault::input));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let latest = ids.iter().map(|id| id.processing_date).max().unwrap_or_default();
    let columns = config.columns();
    let mut trainer = Trainer::new(config, latest);
    let mut facts = vec![];
    for (i, dir) in folders.iter().enumerate() {
        let batch = open_batch(dir, columns)?;
        if !global.quiet {
            eprintln!("batch {} of {}: {}", i + 1, folders.len(), batch.id.name());
        }
        trainer.add(&batch).map_err(Fault::input)?;
        if goal == Goal::Reward {
            let due = ids[i].processing_date.checked_add_days(Days::new(30));
            let same =
                |j: &usize| ids[*j].network == ids[i].network && ids[*j].window_days == ids[i].window_days;
            let later = (0..ids.len()).filter(same).find(|&j| Some(ids[j].processing_date) == due);
            let later = later.map(|j| open_batch(&folders[j], columns)).transpose()?;
            facts.push(Facts::of(&batch, later.as_ref()).map_err(Fault::input)?);
        }
    }
    Ok((trainer.gather().map_err(Fault::input)?, facts))
}

fn tell(goal: Goal, bar: ProgressBar, global: &Global) -> impl FnMut(&Progress) + 'static {
    let quiet = global.quiet;
    move |news: &Progress| {
        let best = news.best.map_or("none yet".to_owned(), |best| format!("{:.5}", goal.cost(best)));
        if !bar.is_hidden() {
            bar.set_message(format!("best {} {best}", goal.name()));
            bar.set_position(news.done);
        } else if !quiet {
            let end = if news.pruned { " (stopped early)" } else { "" };
            let value = goal.cost(news.cost);
            eprintln!("trial {} of {}: {} {value:.5}{end}, best {best}", news.done, news.trials, goal.name());
        }
    }
}

fn progress(trials: u64, global: &Global) -> ProgressBar {
    if global.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} trials, {eta} left, {msg}");
    let bar = ProgressBar::new(trials);
    style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
}

fn fault(error: TuneError) -> Fault {
    match error {
        TuneError::State(tune::StateError::Write { .. }) | TuneError::Executor(_) => Fault::internal(error),
        other => Fault::input(other),
    }
}

impl Tune {
    fn sampler(&self) -> Sampler {
        match self.sampler {
            Choice::Tpe => Sampler::Tpe(Tpe::new(self.seed)),
            Choice::Random => Sampler::Random { seed: self.seed },
            Choice::Grid => Sampler::Grid(Grid { seed: self.seed, levels: self.levels }),
        }
    }

    fn state_file(&self, output: &Path) -> PathBuf {
        let beside = || {
            let mut name = output.file_name().unwrap_or_default().to_owned();
            name.push(".trials");
            output.with_file_name(name)
        };
        self.state.clone().unwrap_or_else(beside)
    }
}

impl Which {
    fn kind(self) -> Kind {
        match self {
            Which::Scorer => Kind::AlertScorer,
            Which::Ranker => Kind::AlertRanker,
            Which::Clusters => Kind::ClusterScorer,
        }
    }
}

impl Objective {
    fn goal(self) -> Goal {
        match self {
            Objective::Auc => Goal::Auc,
            Objective::AveragePrecision => Goal::AveragePrecision,
            Objective::Ndcg => Goal::Ndcg,
            Objective::LogLoss => Goal::LogLoss,
            Objective::Reward => Goal::Reward,
        }
    }
}
