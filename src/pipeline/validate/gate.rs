//! Tier 1: is this a submission at all? A gate: anything less than perfect is worth nothing.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Reading;
use super::facts::Facts;
use super::submission::{Submission, SubmittedRow};

/// The four checks, each 0 to 1, 1 being perfect.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Integrity {
    /// Share of the batch's alerts that have a score.
    pub completeness: f64,
    /// Share of rows with a score from 0 to 1.
    pub range: f64,
    /// Distinct alerts by rows.
    pub duplicates: f64,
    /// Share of rows that name their model and its code.
    pub metadata: f64,
    /// The mean of the four.
    pub score: f64,
    /// Whether all four are perfect.
    pub passed: bool,
    /// What is wrong, with the first of each kind by name.
    pub faults: Vec<String>,
}

impl Integrity {
    /// Checks a submission against the batch it is for.
    pub(super) fn check(facts: &Facts, submission: &Submission, reading: Reading) -> Integrity {
        let rows = &submission.rows;
        let expected: BTreeSet<&str> = facts.alerts.iter().map(|a| a.alert_id.as_str()).collect();
        let distinct: BTreeSet<&str> = rows.iter().map(|r| r.alert_id.as_str()).collect();
        let known = distinct.intersection(&expected).count();
        let counted = if reading == Reading::Coded { distinct.len() } else { known };
        let share_of = |good: usize, all: usize| if all == 0 { 0.0 } else { good as f64 / all as f64 };
        let sound = |fits: &dyn Fn(&SubmittedRow) -> bool| rows.iter().filter(|row| fits(row)).count();
        let in_range = |row: &SubmittedRow| match reading {
            Reading::Specified => (0.0..=1.0).contains(&row.score),
            // a comparison with NaN is never true
            Reading::Coded => !(row.score < 0.0 || row.score > 1.0),
        };
        let named = |row: &SubmittedRow| !row.model_version.is_empty() && !row.model_github_url.is_empty();
        let completeness = share_of(counted, expected.len()).min(1.0);
        let range = share_of(sound(&in_range), rows.len());
        let duplicates = share_of(distinct.len(), rows.len());
        let metadata = share_of(sound(&named), rows.len());
        Integrity {
            completeness,
            range,
            duplicates,
            metadata,
            score: 0.25 * completeness + 0.25 * range + 0.25 * duplicates + 0.25 * metadata,
            passed: [completeness, range, duplicates, metadata].iter().all(|&check| check == 1.0),
            faults: faults(&expected, rows),
        }
    }
}

/// One line a kind of fault; the same under both readings, as they are worth mending under either.
fn faults(expected: &BTreeSet<&str>, rows: &[SubmittedRow]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let again: Vec<&str> = rows.iter().map(|r| r.alert_id.as_str()).filter(|id| !seen.insert(*id)).collect();
    let named = |fits: &dyn Fn(&SubmittedRow) -> bool| -> Vec<&str> {
        rows.iter().filter(|row| fits(row)).map(|row| row.alert_id.as_str()).collect()
    };
    let missing: Vec<&str> = expected.difference(&seen).copied().collect();
    let strangers: Vec<&str> = seen.difference(expected).copied().collect();
    let kinds = [
        (missing, "alerts of the batch have no score"),
        (strangers, "rows are of alerts that the batch does not have"),
        (again, "rows repeat an alert"),
        (named(&|r| r.score.is_nan()), "scores are no number"),
        (named(&|r| r.score < 0.0 || r.score > 1.0), "scores are outside 0 to 1"),
        (named(&|r| r.model_version.is_empty()), "rows name no model_version"),
        (named(&|r| r.model_github_url.is_empty()), "rows name no model_github_url (give --github-url)"),
    ];
    let say =
        |(ids, what): &(Vec<&str>, &str)| ids.first().map(|id| format!("{} {what}, first {id}", ids.len()));
    kinds.iter().filter_map(say).collect()
}
