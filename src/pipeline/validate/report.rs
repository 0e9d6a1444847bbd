//! All that was found about one submission, for machines (JSON) and for people (Markdown).

use std::fmt::Write as _;

use serde::Serialize;

use super::api::Check;
use super::backtest::{Expected, PastBatch};
use super::reward::Reward;
use crate::aml::evolution::Class;

/// What `validate` found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The batch's name.
    pub batch: String,
    /// Its alerts.
    pub alerts: usize,
    /// Where the scores come from.
    pub scores: String,
    /// The batch thirty days later, where it is at hand.
    pub later: Option<String>,
    /// The earlier day that steadiness was judged against.
    pub previous: Option<String>,
    /// Other submitters' files.
    pub others: usize,
    /// Whether the submission would be taken: tier 1 perfect as specified, and every check of the server passed.
    pub passed: bool,
    /// Checks of the server; empty where scores came from elsewhere.
    pub checks: Vec<Check>,
    /// Under each reading asked for.
    pub rewards: Vec<Reward>,
    /// What answers without a model are worth here, where evolution is known.
    pub baselines: Vec<Baseline>,
    /// What to expect while evolution is not known.
    pub expected: Option<Expected>,
    /// Past pairs of batches.
    pub backtest: Vec<PastBatch>,
}

/// An answer without a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// Which.
    pub name: &'static str,
    /// [`super::Reading::name`].
    pub reading: &'static str,
    /// What it is worth; null where the reference gets no number.
    pub r#final: Option<f64>,
    /// Its tier 3B, if known.
    pub tier3b: Option<f64>,
}

/// The report as Markdown that reads well on a terminal.
pub fn markdown(report: &Report) -> String {
    let mut page = String::new();
    let verdict = if report.passed { "PASS" } else { "FAIL" };
    line(&mut page, &format!("# {verdict}: {} alerts of {}", report.alerts, report.batch));
    line(&mut page, "");
    line(&mut page, &format!("Scores: {}.", report.scores));
    let later = report.later.as_deref().unwrap_or("not at hand, so tier 3B is unknown");
    line(&mut page, &format!("Batch thirty days later: {later}."));
    let previous = report.previous.as_deref().unwrap_or("none");
    line(&mut page, &format!("Earlier day: {previous}. Other submitters: {}.", report.others));
    checks(&mut page, &report.checks);
    rewards(&mut page, report);
    weakest(&mut page, report);
    if let Some(expected) = &report.expected {
        expectation(&mut page, expected);
    }
    backtest(&mut page, &report.backtest);
    page
}

fn checks(page: &mut String, checks: &[Check]) {
    if checks.is_empty() {
        return;
    }
    heading(page, "Server");
    line(page, "| check | | found |\n|---|---|---|");
    for check in checks {
        let passed = if check.passed { "ok" } else { "**no**" };
        line(page, &format!("| {} | {passed} | {} |", check.name, check.found));
    }
}

fn rewards(page: &mut String, report: &Report) {
    heading(page, "Reward");
    let names: Vec<&str> = report.rewards.iter().map(|reward| reward.reading).collect();
    line(page, &format!("| | {} |", names.join(" | ")));
    line(page, &format!("|---|{}", "---|".repeat(names.len())));
    let mut row = |name: &str, cell: &dyn Fn(&Reward) -> String| {
        let cells: Vec<String> = report.rewards.iter().map(cell).collect();
        line(page, &format!("| {name} | {} |", cells.join(" | ")));
    };
    row("status", &|r| status(r));
    row("**final**", &|r| format!("**{}**", figure(r.r#final)));
    row("1 integrity", &|r| {
        format!("{:.4}{}", r.tier1.score, if r.tier1.passed { "" } else { " (gate shut)" })
    });
    row("2 behaviour", &|r| figure(r.tier2.as_ref().map(|t| t.score)));
    row("  entropy", &|r| figure(r.tier2.as_ref().map(|t| t.entropy)));
    row("  agreement", &|r| figure(r.tier2.as_ref().map(|t| t.agreement)));
    row("  steadiness", &|r| figure(r.tier2.as_ref().map(|t| t.steadiness)));
    row("  addresses", &|r| figure(r.tier2.as_ref().map(|t| t.addresses)));
    row("3A labels: AUC", &|r| figure(r.tier3a.as_ref().map(|t| t.auc)));
    row("  coverage", &|r| figure(r.tier3a.as_ref().map(|t| t.coverage)));
    row("3B evolution", &|r| figure(r.tier3b.as_ref().map(|t| t.score)));
    row("  AUC", &|r| figure(r.tier3b.as_ref().map(|t| t.auc)));
    row("  Brier", &|r| figure(r.tier3b.as_ref().map(|t| t.brier)));
    row("  in range", &|r| figure(r.tier3b.as_ref().map(|t| t.pattern_accuracy)));
    row("  coverage", &|r| figure(r.tier3b.as_ref().map(|t| t.coverage)));
    for baseline in report.baselines.chunk_by(|a, b| a.name == b.name) {
        let cells: Vec<String> = baseline.iter().map(|b| figure(b.r#final)).collect();
        line(page, &format!("| instead: {} | {} |", baseline[0].name, cells.join(" | ")));
    }
    for fault in report.rewards.first().map(|r| r.tier1.faults.as_slice()).unwrap_or_default() {
        line(page, &format!("\n- {fault}"));
    }
}

/// The alerts that cost most: out of the range of what became of their address.
fn weakest(page: &mut String, report: &Report) {
    let Some(reward) = report.rewards.first() else { return };
    let mut missed: Vec<_> = reward.alerts.iter().filter(|alert| alert.in_range == Some(false)).collect();
    if missed.is_empty() {
        return;
    }
    missed.sort_by(|a, b| a.total.total_cmp(&b.total).then_with(|| a.alert_id.cmp(&b.alert_id)));
    heading(
        page,
        &format!("Alerts that earned least ({} of {} are out of range)", missed.len(), report.alerts),
    );
    line(page, "| alert | score | became | part of the reward |\n|---|---|---|---|");
    for alert in missed.iter().take(SHOWN) {
        let class = alert.class.unwrap_or_default();
        line(page, &format!("| {} | {:.4} | {class} | {:.6} |", alert.alert_id, alert.score, alert.total));
    }
}

fn expectation(page: &mut String, expected: &Expected) {
    heading(page, "Expected reward");
    let shares = Class::ALL
        .iter()
        .zip(expected.shares)
        .map(|(class, share)| format!("{:.1} % {class}", 100.0 * share));
    let shares: Vec<String> = shares.collect();
    line(
        page,
        &format!("If the scores knew nothing of the future: {} ({}).", shares.join(", "), expected.source),
    );
    for (reading, reward) in &expected.rewards {
        line(page, &format!("\n- {reading}: {reward:.4}"));
    }
}

fn backtest(page: &mut String, batches: &[PastBatch]) {
    if batches.is_empty() {
        return;
    }
    heading(page, "Back-test over pairs thirty days apart");
    line(
        page,
        "| batch | alerts | grown | as specified | flat 0.30 | hindsight | as coded | flat 0.30 | hindsight |",
    );
    line(page, "|---|---|---|---|---|---|---|---|---|");
    for batch in batches {
        let [specified, coded] = ["as_specified", "as_coded"].map(|name| &batch.rewards[name]);
        let cells =
            [specified, coded].map(|r| format!("{:.4} | {:.4} | {:.4}", r.scores, r.flat, r.hindsight));
        line(
            page,
            &format!("| {} | {} | {} | {} |", batch.batch, batch.alerts, batch.grown, cells.join(" | ")),
        );
    }
}

fn heading(page: &mut String, text: &str) {
    line(page, &format!("\n## {text}\n"));
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a string does not fail");
}

fn status(reward: &Reward) -> String {
    let value = serde_json::to_value(reward.status).unwrap_or_default();
    let status = value.as_str().unwrap_or_default();
    reward.error.map_or_else(|| status.to_owned(), |error| format!("{status}: {error}"))
}

fn figure(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() => format!("{value:.4}"),
        Some(_) => "no number".to_owned(),
        None => "-".to_owned(),
    }
}

const SHOWN: usize = 10;
