//! `gbdt train`: tables and parameters in, a model file out.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::slice;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::report::{Report, To};
use crate::cli::args::Global;
use crate::cli::{Fault, Verdict};
use crate::gbdt::data::{Column, Dataset, Feature, FeatureKind, FeatureMatrix, MAX_GRADE, Schema, Task};
use crate::gbdt::infer::Predictor;
use crate::gbdt::learn::{Measurement, Observe, Round, Trainer};
use crate::gbdt::model::Model;
use crate::gbdt::params::{ObjectiveKind, Params, Plan};
use crate::table::file;
use crate::table::frame::{Frame, Roles, recode};
use crate::table::layout::Layout;
use crate::table::parts;

/// Arguments of `gbdt train`.
#[derive(Debug, Args)]
pub(crate) struct Train {
    /// Rows to learn from: .parquet, .csv, .tsv, .svm or LightGBM's bare lines of numbers, also .gz; given several times, all
    /// rows of these files
    #[arg(long, value_name = "FILE", required = true)]
    data: Vec<PathBuf>,
    /// Rows to measure each round on; the first given may be used to stop early
    #[arg(long, value_name = "FILE")]
    valid: Vec<PathBuf>,
    /// A parameter by LightGBM's name or alias, see docs/parameters.md; wins over --params
    #[arg(long, value_name = "KEY=VALUE")]
    param: Vec<String>,
    /// Parameters as YAML, `name: value` a line
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Column of the label, by position from 0 where columns have no names [default: the first, but of .parquet]
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// Column of the query, for ranking objectives [default: qid: of .svm, else the file .query beside the data]
    #[arg(long, value_name = "COL")]
    group: Option<String>,
    /// Column of the row weight [default: the file .weight beside the data]
    #[arg(long, value_name = "COL")]
    weight: Option<String>,
    /// Column that identifies a row; sampling and ties go by it [default: the row's position]
    #[arg(long, value_name = "COL")]
    key: Option<String>,
    /// Columns of whole numbers that are categories; columns of text are categories anyway
    #[arg(long, value_name = "COL,COL", value_delimiter = ',')]
    categorical: Vec<String>,
    /// A model of the same features to which trees are added; num_iterations counts the new ones
    #[arg(long, value_name = "MODEL")]
    init_model: Option<PathBuf>,
    /// Where the model goes
    #[arg(long, value_name = "MODEL")]
    output: PathBuf,
    #[command(flatten)]
    report: To,
}

pub(super) fn run(command: &Train, global: &Global) -> Result<Verdict, Fault> {
    let mut report = Report::start();
    let plan = command.plan()?;
    let before = command.init_model.as_deref().map(super::model::read).transpose()?;
    let train = command.read(&command.data, &plan)?;
    let valid = command
        .valid
        .iter()
        .map(|path| command.read(slice::from_ref(path), &plan))
        .collect::<Result<Vec<_>, _>>()?;
    report.lap("load_seconds");
    let (data, sets) = bin(train, valid, &plan, before.as_ref())?;
    report.lap("bin_seconds");
    let mut watcher = Watcher::new(&plan, global, &command.valid);
    let mut trainer = Trainer::new(&plan, &data).watching(&sets.iter().collect::<Vec<_>>());
    if let Some(model) = &before {
        trainer = trainer.continuing(model).map_err(|e| command.fault_of_init(e))?;
    }
    let model = trainer.run(&mut watcher).model;
    report.lap("train_seconds");
    let n_before = before.as_ref().map_or(0, |model| model.trees.len());
    let metrics = watcher.finish(model.trees.len() - n_before);
    // training is total: absurd steps overflow, and no reader would take the file back
    model.check().map_err(|e| Fault::Input(format!("these parameters lead to no usable model: {e}")))?;
    file::write(&command.output, &model.to_bytes()).map_err(Fault::internal)?;
    report.note("rows", data.n_rows());
    report.note("features", data.bins().n_features());
    report.note("trees", model.trees.len());
    report.note("model_sha256", model.digest().to_string());
    report.note("metrics", metrics);
    report.lap("write_seconds");
    if !global.quiet {
        println!("{}: {} trees, sha256 {}", command.output.display(), model.trees.len(), model.digest());
    }
    command.report.write(report)?;
    Ok(Verdict::Done)
}

/// A file's rows and what is to be learned of them.
struct Part {
    name: String,
    /// What is left of it besides the task.
    frame: Frame,
    layout: Layout,
    task: Task,
}

impl Part {
    fn fault(&self, error: impl std::fmt::Display) -> Fault {
        Fault::Input(format!("{}: {error}", self.name))
    }

    /// Where its rows' scores start, if not at one score for all.
    fn starts(&mut self, before: Option<&Predictor>) -> Result<Option<Vec<f64>>, Fault> {
        match before {
            Some(model) => model.raw(&self.frame.features).map(Some).map_err(|e| self.fault(e)),
            None => Ok(self.frame.init_score.take()),
        }
    }

    /// Checks that a model to continue does not lack a feature.
    fn has_no_more(&self, schema: &Schema) -> Result<(), Fault> {
        let mut own = self.frame.features.schema().names();
        match own.find(|name| schema.position(name).is_none()) {
            Some(name) => Err(self.fault(format!("column `{name}`, which {MODEL} does not have"))),
            None => Ok(()),
        }
    }

    /// Gives its features the order of others, and categories that have names the codes of those.
    fn conform(&mut self, schema: &Schema, whose: &str) -> Result<(), Fault> {
        if self.layout == Layout::Sparse {
            self.frame.widen(schema);
        }
        let columns = schema
            .features
            .iter()
            .map(|feature| self.column(feature, whose))
            .collect::<Result<Vec<_>, _>>()?;
        self.frame.features = FeatureMatrix::new(schema.clone(), columns).map_err(|e| self.fault(e))?;
        Ok(())
    }

    /// The column of a feature of others.
    fn column(&self, feature: &Feature, whose: &str) -> Result<Column, Fault> {
        let own = self.frame.features.schema();
        let at = own.position(&feature.name);
        let at = at.ok_or_else(|| self.fault(format!("no column `{}`, which {whose} has", feature.name)))?;
        let other = |expected, found| {
            self.fault(format!(
                "column `{}`: expected {expected}, as in {whose}, found {found}",
                feature.name
            ))
        };
        match (&own.features[at].kind, &feature.kind) {
            (FeatureKind::Categorical { levels: from }, FeatureKind::Categorical { levels: to }) => {
                Ok(recode(self.frame.features.column(at), from, to))
            }
            (found, expected) if found == expected => Ok(self.frame.features.column(at).clone()),
            (FeatureKind::Categorical { .. }, _) => Err(other("numbers", "text")),
            _ => Err(other("text", "numbers")),
        }
    }
}

impl Train {
    fn plan(&self) -> Result<Plan, Fault> {
        let mut params = match &self.params {
            None => Params::default(),
            Some(path) => {
                let bytes = file::read(path, MAX_PARAMS_BYTES).map_err(Fault::input)?;
                serde_norway::from_slice(&bytes)
                    .map_err(|e| Fault::Input(format!("{}: {e}", path.display())))?
            }
        };
        for pair in &self.param {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| Fault::Input(format!("--param: expected KEY=VALUE, found `{pair}`")))?;
            params.set(key, value).map_err(Fault::input)?;
        }
        params.plan().map_err(Fault::input)
    }

    fn fault_of_init(&self, error: impl std::fmt::Display) -> Fault {
        let path = self.init_model.as_deref().unwrap_or(Path::new("--init-model"));
        Fault::Input(format!("{}: {error}", path.display()))
    }

    fn read(&self, paths: &[PathBuf], plan: &Plan) -> Result<Part, Fault> {
        let roles = Roles {
            label: self.label.clone(),
            group: self.group.clone(),
            weight: self.weight.clone(),
            key: self.key.clone(),
            categorical: self.categorical.clone(),
        };
        let (mut frame, layout) = Frame::read(paths, &roles).map_err(Fault::input)?;
        let name = parts::name(paths);
        let fault = |text: &str| Fault::Input(format!("{name}: {text}"));
        if layout == Layout::Sparse && self.group.is_none() && plan.objective() == ObjectiveKind::Binary {
            // the lines have queries whether one asks for them or not
            frame.group = None;
        }
        if frame.init_score.is_some() && self.init_model.is_some() {
            return Err(fault(
                "initial scores (.init) beside it and --init-model; training starts from one of them",
            ));
        }
        let label = frame.label.take().ok_or_else(|| fault("no label; name its column with --label"))?;
        let weights = frame.weight.take().map(|weights| weights.iter().map(|&w| w as f32).collect());
        let task = match (plan.objective(), frame.group.take()) {
            (ObjectiveKind::Binary, None) => Task::Binary { labels: classes(&name, &label)?, weights },
            (ObjectiveKind::Binary, Some(_)) => {
                return Err(fault(
                    "queries have no effect with objective = binary; use lambdarank or no --group",
                ));
            }
            (ranking, None) => {
                let name = ranking.name();
                return Err(fault(&format!(
                    "objective = {name} needs queries; name their column with --group"
                )));
            }
            (_, Some(groups)) => Task::Lambdarank {
                grades: grades(&name, &label)?,
                groups: groups.iter().map(|&n| n as u32).collect(),
                weights,
            },
        };
        Ok(Part { name, frame, layout, task })
    }
}

/// Checked before it is narrowed: 1e-50 is no 0.
fn classes(name: &str, label: &[f64]) -> Result<Vec<f32>, Fault> {
    let class = |(row, &y): (usize, &f64)| {
        let fault = || Fault::Input(format!("{name}: row {row}: expected label 0 or 1, found {y}"));
        (y == 0.0 || y == 1.0).then_some(y as f32).ok_or_else(fault)
    };
    label.iter().enumerate().map(class).collect()
}

fn grades(name: &str, label: &[f64]) -> Result<Vec<u8>, Fault> {
    let whole = |&y: &f64| (y.fract() == 0.0 && (0.0..=f64::from(MAX_GRADE)).contains(&y)).then_some(y as u8);
    let grade = |(row, y): (usize, &f64)| {
        whole(y).ok_or_else(|| {
            Fault::Input(format!(
                "{name}: row {row}: expected a relevance grade of 0 to {MAX_GRADE}, found {y}"
            ))
        })
    };
    label.iter().enumerate().map(grade).collect()
}

/// Bins all sets by the cuts of the first; raw values are dropped on the way. Sets start from the scores of a model to continue,
/// or from those given beside them.
fn bin(
    mut train: Part,
    valid: Vec<Part>,
    plan: &Plan,
    before: Option<&Model>,
) -> Result<(Dataset, Vec<Dataset>), Fault> {
    let before = before.map(Predictor::new);
    if let Some(model) = &before {
        train.has_no_more(model.schema())?;
        train.conform(model.schema(), MODEL)?;
    }
    let starts = train.starts(before.as_ref())?;
    let Part { name, frame, task, .. } = train;
    let fault = |error: &dyn std::fmt::Display| Fault::Input(format!("{name}: {error}"));
    let mut data = Dataset::fit(&frame.features, task, plan.binning()).map_err(|e| fault(&e))?;
    if let Some(keys) = frame.key {
        data = data.with_keys(keys).map_err(|e| fault(&e))?;
    }
    if let Some(positions) = frame.position {
        data = data.with_positions(positions).map_err(|e| fault(&e))?;
    }
    if let Some(scores) = starts {
        data = data.with_init_scores(scores).map_err(|e| fault(&e))?;
    }
    let schema = frame.features.schema().clone();
    drop(frame.features);
    let mut sets = Vec::new();
    for mut part in valid {
        part.conform(&schema, TRAINING)?;
        let mut set = data.validation(&part.frame.features, part.task.clone()).map_err(|e| part.fault(e))?;
        if let Some(scores) = part.starts(before.as_ref())? {
            set = set.with_init_scores(scores).map_err(|e| part.fault(e))?;
        }
        sets.push(set);
    }
    plan.check(&data, sets.first()).map_err(|e| fault(&e))?;
    Ok((data, sets))
}

/// Shows progress on a terminal, tells metrics line by line, and remembers them.
struct Watcher {
    bar: Option<ProgressBar>,
    names: Vec<String>,
    tell: bool,
    rounds: Vec<Vec<Measurement>>,
}

impl Watcher {
    fn new(plan: &Plan, global: &Global, valid: &[PathBuf]) -> Self {
        let bar = (!global.quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(u64::from(plan.num_iterations()));
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} trees  {elapsed} (left {eta})");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let names = valid.iter().map(|path| file::name(path)).collect();
        Watcher { bar, names, tell: !global.quiet, rounds: Vec::new() }
    }

    fn tell(&self, round: &Round<'_>) {
        let word = |m: &Measurement| match m.value {
            Some(value) => format!("{} {} {value:.6}", self.names[m.set], m.name),
            None => format!("{} {} undefined", self.names[m.set], m.name),
        };
        let words: Vec<String> = round.measurements.iter().map(word).collect();
        let line = format!("[{}] {}", round.iteration, words.join("  "));
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// The metrics of the round that was kept, by validation file.
    fn finish(self, n_trees: usize) -> Value {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let mut sets: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for m in self.rounds.get(n_trees.wrapping_sub(1)).into_iter().flatten() {
            sets.entry(self.names[m.set].clone()).or_default().insert(m.name.clone(), json!(m.value));
        }
        json!(sets)
    }
}

impl Observe for Watcher {
    fn round(&mut self, round: &Round<'_>) -> ControlFlow<()> {
        if let Some(bar) = &self.bar {
            bar.set_position(u64::from(round.iteration));
        }
        if self.tell && !round.measurements.is_empty() {
            self.tell(round);
        }
        self.rounds.push(round.measurements.to_vec());
        ControlFlow::Continue(())
    }
}

/// Whose features others must have.
const TRAINING: &str = "the training data";
const MODEL: &str = "the model to continue";
const MAX_PARAMS_BYTES: u64 = 1 << 20;
