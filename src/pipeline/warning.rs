//! What a training should be told of, though it went on.

use std::fmt;

/// Something that makes a bundle worth less than it may seem.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// Fewer labelled alerts than advised.
    FewAlerts {
        /// How many there are.
        found: usize,
    },
    /// Fewer queries to rank than advised.
    FewGroups {
        /// Batches with labelled alerts.
        found: usize,
    },
    /// Nearly all rows are of one class.
    Rate {
        /// Which model.
        model: &'static str,
        /// Share of positive rows.
        share: f64,
    },
    /// Labels that were not known in time.
    LateLabels {
        /// How many, over all batches.
        found: usize,
        /// The cut-off.
        cut_off: String,
    },
    /// Folds are not by time.
    OneDate {
        /// Which model.
        model: &'static str,
    },
    /// Folds were left out.
    OneClass {
        /// Which model.
        model: &'static str,
        /// Their numbers.
        folds: Vec<usize>,
    },
    /// Nothing says how good the way of training is.
    NoFolds {
        /// Which model.
        model: &'static str,
        /// Why.
        reason: String,
    },
    /// Batches of several networks make one bundle.
    Pooled {
        /// Name and alerts of each.
        networks: Vec<(String, usize)>,
    },
    /// A batch has other feature columns than the first one.
    Columns {
        /// The batch.
        batch: String,
        /// Columns that the first batch has and this one not.
        absent: Vec<String>,
        /// Columns that this batch has and the first one not.
        new: Vec<String>,
    },
    /// Batches without a partner thirty days later.
    Unpaired {
        /// How many.
        found: usize,
        /// Of how many.
        batches: usize,
    },
}

/// Labelled alerts that the template asks for.
pub const ALERTS_ADVISED: usize = 10_000;

/// Query groups that the template asks for.
pub const GROUPS_ADVISED: usize = 100;

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::FewAlerts { found } => {
                write!(f, "{found} labelled alerts; {ALERTS_ADVISED} or more are advised")
            }
            Warning::FewGroups { found } => {
                write!(f, "{found} batches to rank; {GROUPS_ADVISED} or more are advised")
            }
            Warning::Rate { model, share } => {
                write!(f, "{model}: {:.1} % of rows are positive; 5 to 95 % are advised", 100.0 * share)
            }
            Warning::LateLabels { found, cut_off } => {
                write!(f, "{found} labels are undated or were created on {cut_off} or later: not used")
            }
            Warning::OneDate { model } => {
                write!(f, "{model}: all rows are of one processing date: folds are by group, not by time")
            }
            Warning::OneClass { model, folds } => {
                let folds: Vec<String> = folds.iter().map(usize::to_string).collect();
                write!(f, "{model}: folds left out, as one side has one class only: {}", folds.join(", "))
            }
            Warning::NoFolds { model, reason } => {
                write!(f, "{model}: not judged on folds, not calibrated: {reason}")
            }
            Warning::Pooled { networks } => {
                let shares: Vec<String> = networks.iter().map(|(n, a)| format!("{n} ({a} alerts)")).collect();
                write!(f, "one bundle of several networks: {}", shares.join(", "))
            }
            Warning::Columns { batch, absent, new } => {
                write!(f, "batch {batch}: feature columns differ from the first batch's")?;
                list(f, "absent", absent)?;
                list(f, "new", new)
            }
            Warning::Unpaired { found, batches } => {
                write!(f, "{found} of {batches} batches have no batch thirty days later: not used")
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, what: &str, names: &[String]) -> fmt::Result {
    if names.is_empty() {
        return Ok(());
    }
    let more = if names.len() > 5 { ", ..." } else { "" };
    let first: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    write!(f, "; {} {what}: {}{more}", names.len(), first.join(", "))
}
