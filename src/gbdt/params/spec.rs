//! What is known of a parameter besides its value: the rows of the table, how they check, and how they print.

use super::{BoostingKind, ObjectiveKind, Params, SPEC};

/// One row of the table of parameters.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Which chapter of the documentation it stands in.
    pub group: &'static str,
    /// The name of the field.
    pub name: &'static str,
    /// Other names that set it.
    pub aliases: &'static [&'static str],
    /// What numbers it takes.
    pub range: Range,
    /// Where it has an effect.
    pub applies: Applies,
    /// What it does, in a sentence.
    pub effect: &'static str,
    /// Who defined it so.
    pub source: &'static str,
    /// Where a tuner looks for a good value; `None` where there is nothing to tune.
    pub search: Option<Search>,
    /// Whether its numbers are whole.
    pub whole: bool,
    pub(super) show: fn(&Params) -> String,
    pub(super) numbers: fn(&Params) -> Vec<f64>,
}

/// An interval of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: f64,
    low_allowed: bool,
    high: f64,
}

/// Values worth trying.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Search {
    /// Numbers of an interval, both ends included.
    Number {
        /// The least.
        low: f64,
        /// The largest.
        high: f64,
        /// How they are spread.
        scale: Scale,
    },
    /// Any of these texts.
    Choice(&'static [&'static str]),
}

/// Along what a step has the same size everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The value.
    Linear,
    /// Its logarithm.
    Log,
}

/// Where a parameter has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// Everywhere.
    Always,
    /// With these objectives only.
    With(&'static [ObjectiveKind]),
    /// With this way of boosting only.
    In(BoostingKind),
}

/// Why parameters are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// No such name.
    #[error("unknown parameter `{name}`; did you mean `{nearest}`?")]
    Unknown {
        /// As given.
        name: String,
        /// The known name or alias that is most alike.
        nearest: &'static str,
    },
    /// Text that is no value.
    #[error("{name}: expected {expected}, found `{found}`")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What would do.
        expected: &'static str,
        /// As given.
        found: String,
    },
    /// A number out of range.
    #[error("{name}: expected a number {expected}, found {found}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// The range in words.
        expected: String,
        /// As given.
        found: f64,
    },
    /// A value that would be ignored.
    #[error("{name} = {value} has no effect {reason}")]
    NoEffect {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: String,
        /// Why not.
        reason: &'static str,
    },
    /// A value that means nothing alone.
    #[error("{name} = {value} needs {needed}")]
    Needs {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: String,
        /// What else, and why.
        needed: &'static str,
    },
    /// A metric that cannot read the labels.
    #[error("metric `{metric}` measures objective = {expected}, found objective = {objective}")]
    MetricObjective {
        /// The metric.
        metric: &'static str,
        /// The objective asked for.
        objective: &'static str,
        /// The metric's.
        expected: &'static str,
    },
    /// Data of another kind.
    #[error("objective = {objective}, but the data are labelled for {found}")]
    TaskKind {
        /// The objective asked for.
        objective: &'static str,
        /// What the data hold.
        found: &'static str,
    },
    /// Not one entry for each feature.
    #[error("{name}: expected {expected} entries, one for each feature, found {found}")]
    FeatureCount {
        /// The parameter.
        name: &'static str,
        /// Features of the data.
        expected: usize,
        /// Entries.
        found: usize,
    },
    /// A feature that the data do not have.
    #[error("{name}: expected positions below {n_features}, the number of features, found {found}")]
    NoFeature {
        /// The parameter.
        name: &'static str,
        /// The position.
        found: u32,
        /// Features of the data.
        n_features: usize,
    },
    /// An order asked of categories.
    #[error("{name}: feature `{feature}` is categorical, and its values have no order; its entry must be 0")]
    Unordered {
        /// The parameter.
        name: &'static str,
        /// The feature.
        feature: String,
    },
    /// Positions that no pair is compared at.
    #[error("objective = {objective} takes no account of the positions that rows were shown at")]
    Positions {
        /// The objective asked for.
        objective: &'static str,
    },
    /// A grade without a gain.
    #[error("label_gain has {gains} entries, found the grade {grade} in the data")]
    Gain {
        /// Entries of the table.
        gains: usize,
        /// The largest grade.
        grade: usize,
    },
}

impl Spec {
    /// The parameter of a name or alias.
    ///
    /// # Errors
    /// When there is none; the error names the nearest.
    pub fn find(key: &str) -> Result<&'static Spec, ParamError> {
        let known = SPEC.iter().find(|spec| spec.name == key || spec.aliases.contains(&key));
        known.ok_or_else(|| ParamError::Unknown { name: key.to_owned(), nearest: nearest(key) })
    }

    /// Its value as text that reads back.
    pub fn show(&self, params: &Params) -> String {
        (self.show)(params)
    }

    /// Its default as text that reads back.
    pub fn default(&self) -> String {
        self.show(&Params::default())
    }

    pub(super) fn check(&self, params: &Params) -> Result<(), ParamError> {
        for found in (self.numbers)(params) {
            if !self.range.holds(found) {
                return Err(ParamError::OutOfRange { name: self.name, expected: self.range.words(), found });
            }
        }
        let reason = match self.applies {
            Applies::In(kind) if kind != params.boosting => match params.boosting {
                BoostingKind::Gbdt => "with boosting = gbdt",
                BoostingKind::Goss => "with boosting = goss",
                BoostingKind::Dart => "with boosting = dart",
                BoostingKind::Rf => "with boosting = rf",
            },
            applies if applies.to(params.objective) => return Ok(()),
            _ => match params.objective {
                ObjectiveKind::Binary => "with objective = binary",
                ObjectiveKind::Lambdarank => "with objective = lambdarank",
                ObjectiveKind::RankXendcg => "with objective = rank_xendcg",
                ObjectiveKind::RankMap => "with objective = rank_map",
                ObjectiveKind::RankPairwise => "with objective = rank_pairwise",
            },
        };
        self.check_unset(params, reason)
    }

    /// Checks that a parameter without effect has its default.
    pub(super) fn check_unset(&self, params: &Params, reason: &'static str) -> Result<(), ParamError> {
        let value = self.show(params);
        if value == self.default() {
            Ok(())
        } else {
            Err(ParamError::NoEffect { name: self.name, value, reason })
        }
    }
}

impl Applies {
    /// Whether it has an effect with an objective.
    pub fn to(self, objective: ObjectiveKind) -> bool {
        match self {
            Applies::Always | Applies::In(_) => true,
            Applies::With(kinds) => kinds.contains(&objective),
        }
    }
}

impl Range {
    /// No numbers to check, or any number will do.
    pub(super) const ANY: Range = Range { low: f64::NEG_INFINITY, low_allowed: true, high: f64::INFINITY };

    /// `low <= x`.
    pub(super) const fn at_least(low: f64) -> Self {
        Range { low, low_allowed: true, high: f64::MAX }
    }

    /// `low < x`.
    pub(super) const fn above(low: f64) -> Self {
        Range { low, low_allowed: false, high: f64::MAX }
    }

    /// `low <= x <= high`.
    pub(super) const fn between(low: f64, high: f64) -> Self {
        Range { low, low_allowed: true, high }
    }

    /// `low < x <= high`.
    pub(super) const fn above_to(low: f64, high: f64) -> Self {
        Range { low, low_allowed: false, high }
    }

    /// Whether a number lies in it.
    pub fn holds(&self, x: f64) -> bool {
        (self.low < x || (self.low_allowed && self.low == x)) && x <= self.high
    }

    /// In words, such as "above 0".
    pub fn words(&self) -> String {
        let Range { low, low_allowed, high } = *self;
        match (low == f64::NEG_INFINITY, low_allowed, high >= f64::MAX) {
            (true, _, _) => "of any size".to_owned(),
            (_, true, true) => format!("of at least {low}"),
            (_, false, true) => format!("above {low}"),
            (_, true, false) => format!("from {low} to {high}"),
            (_, false, false) => format!("above {low}, up to {high}"),
        }
    }
}

impl Search {
    /// Numbers whose logarithms are equally likely.
    pub(super) const fn log(low: f64, high: f64) -> Self {
        Search::Number { low, high, scale: Scale::Log }
    }

    /// Numbers that are equally likely.
    pub(super) const fn linear(low: f64, high: f64) -> Self {
        Search::Number { low, high, scale: Scale::Linear }
    }

    /// In words, such as "0.01 to 0.3 by its logarithm".
    pub fn words(&self) -> String {
        match self {
            Search::Number { low, high, scale: Scale::Linear } => format!("{low} to {high}"),
            Search::Number { low, high, scale: Scale::Log } => format!("{low} to {high} by its logarithm"),
            Search::Choice(texts) => texts.join(" or "),
        }
    }
}

fn nearest(key: &str) -> &'static str {
    let names = SPEC.iter().flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases));
    names.min_by_key(|name| (distance(key, name), **name)).copied().unwrap_or("")
}

/// Levenshtein's edit distance of two short ASCII names.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// `docs/parameters.md`: the table as a document.
pub fn markdown() -> String {
    let mut text = String::from(HEADER);
    let mut group = "";
    for spec in SPEC {
        if spec.group != group {
            group = spec.group;
            text += &format!(
                "\n## {group}\n\n| name | default | range | tuned | effect | other names | source |\n|---|---|---|---|---|---|---|\n"
            );
        }
        let range = if spec.range == Range::ANY { String::new() } else { spec.range.words() };
        let tuned = spec.search.map_or_else(String::new, |search| search.words());
        let default = spec.default();
        let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
        let only = match spec.applies {
            Applies::Always => String::new(),
            Applies::In(kind) => format!(" Only with `boosting={}`.", kind.name()),
            Applies::With(kinds) => {
                let names: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.name())).collect();
                format!(" Only with the objective {}.", names.join(", "))
            }
        };
        let aliases = spec.aliases.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        text += &format!(
            "| `{}` | {default} | {range} | {tuned} | {}{only} | {aliases} | {} |\n",
            spec.name, spec.effect, spec.source
        );
    }
    text
}

const HEADER: &str = "\
# Parameters of training

Generated from the table in `src/gbdt/params/table.rs`; a test compares the two. On the command line:
`aml-miner gbdt train --param name=value`, or a YAML file of `name: value` with `--params`. An unknown name, a value out
of range and a value without effect are errors. `tuned` is where `aml-miner tune` looks unless told otherwise (`docs/tuning.md`).
";
