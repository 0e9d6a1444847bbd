//! Reports as pages: the validation report in HTML and Markdown, and the model card.

mod audit;
pub mod chart;
mod document;
mod html;
mod markdown;
mod performance;
mod validation;

use std::fmt::Write as _;

use super::evaluate::{Figures, Report, Section, Status, Study};
use crate::aml::bundle::Manifest;
use document::rounded;

/// The figures of a report in a few tables of Markdown.
pub fn markdown(report: &Report) -> String {
    let mut page = format!("### {}\n\n", report.title);
    let _ = writeln!(page, "{}: {}\n", counted(report), list(&report.batches));
    for section in &report.sections {
        let _ = writeln!(page, "{}\n\n{}", heading(section), HEAD);
        for figures in &section.figures {
            let cells: Vec<String> = cells(figures).into_iter().map(cell).collect();
            let _ = writeln!(page, "| {} | {} |", figures.scorer, cells.join(" | "));
        }
        page.push('\n');
    }
    if let Some(study) = &report.study {
        page.push_str(&headlines(study));
    }
    page
}

/// The validation report as a page of its own, with charts.
pub fn html(manifest: &Manifest, report: &Report) -> String {
    html::page(&validation::blocks(manifest, report))
}

/// The validation report as Markdown, without charts.
pub fn validation(manifest: &Manifest, report: &Report) -> String {
    markdown::page(&validation::blocks(manifest, report))
}

/// `MODEL_CARD.md`: what the models are for, what they were made from, how good they are and where they fail.
pub fn model_card(manifest: &Manifest, reports: &[Report]) -> String {
    let training = &manifest.training;
    let mut page = format!("# Model card: aml-miner models {}\n\n{PURPOSE}\n## Models\n\n", manifest.version);
    page.push_str("| model | features | training rows | positive | trees | held-out figures |\n|---|---|---|---|---|---|\n");
    for (name, entry) in &manifest.models {
        let metrics: Vec<String> =
            entry.metrics.iter().map(|(k, v)| format!("{k} {}", rounded(*v))).collect();
        let (features, metrics) = (entry.features.len(), metrics.join(", "));
        let _ = writeln!(
            page,
            "| `{name}` | {features} | {} | {} | {} | {metrics} |",
            entry.rows, entry.positives, entry.trees
        );
    }
    let _ = write!(
        page,
        "\n## Training data\n\n{} batches of network {}, windows of {:?} days, {} to {}; targets from {}, known by {}. \
         Digests of all batches stand in `manifest.json`, parameters in `training.yaml`, features in `docs/features.md`. The held-out \
         figures above are of the latest processing dates, on which the number of trees was chosen.\n\n## Quality\n\n{FIGURES}\n",
        training.batches.len(),
        manifest.network,
        training.window_days,
        training.from,
        training.to,
        training.target,
        training.cut_off,
    );
    reports.iter().for_each(|report| page.push_str(&markdown(report)));
    page.push_str(LIMITS);
    page
}

fn heading(section: &Section) -> String {
    format!(
        "{}, target {}, {}: {} rows, {} positive, base rate {}",
        section.rows_of,
        section.target.replace('_', " "),
        section.view.replace('_', " "),
        section.rows,
        section.positives,
        rounded(section.base_rate)
    )
}

/// A figure's name as people write it.
fn metric(name: &str) -> String {
    match name {
        "auc" => "AUC".to_owned(),
        "ndcg_at_10" => "NDCG@10".to_owned(),
        "brier" => "Brier score".to_owned(),
        other => other.replace('_', " "),
    }
}

/// How many batches, in words.
fn counted(report: &Report) -> String {
    let word = if report.batches.len() == 1 { "batch" } else { "batches" };
    format!("{} {word}", report.batches.len())
}

/// The figures with intervals, calibration, and how many checks went how.
fn headlines(study: &Study) -> String {
    let level = study.settings.level * 100.0;
    let mut page = format!(
        "With {level:.0} % intervals over resampled batches and pattern instances\n\n| model | figure | value | interval |\n|---|---|---|---|\n"
    );
    for model in &study.models {
        for one in model.headlines.present().into_iter().flatten() {
            let interval =
                one.low.zip(one.high).map(|(low, high)| format!("{} to {}", rounded(low), rounded(high)));
            let (metric, interval) = (metric(&one.metric), interval.unwrap_or_else(|| "-".to_owned()));
            let _ = writeln!(page, "| {} | {metric} | {} | {interval} |", model.model, rounded(one.value));
        }
        if let Some(calibration) = model.calibration.present() {
            let _ = writeln!(
                page,
                "| {} | expected calibration error | {} | - |",
                model.model,
                rounded(calibration.ece)
            );
        }
    }
    let count = |status: Status| study.findings.iter().filter(|finding| finding.status == status).count();
    let counts = [Status::Pass, Status::Watch, Status::Fail, Status::Unknown]
        .map(|s| format!("{} {}", count(s), s.name()));
    let _ = writeln!(page, "\nChecks: {}.", counts.join(", "));
    let open = study.findings.iter().filter(|f| matches!(f.status, Status::Watch | Status::Fail));
    open.for_each(|f| {
        let _ = writeln!(page, "* {}: {}: {}", f.status.name(), f.check, f.detail);
    });
    page.push('\n');
    page
}

/// The first and the last of many.
fn list(names: &[String]) -> String {
    match names {
        [first, .., last] if names.len() > 4 => format!("`{first}` to `{last}`"),
        few => few.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

fn cells(figures: &Figures) -> [Option<f64>; 8] {
    [
        figures.auc,
        figures.average_precision,
        figures.precision_at_10,
        figures.precision_at_50,
        figures.precision_at_100,
        figures.ndcg_at_10,
        figures.brier,
        figures.ece,
    ]
}

fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), rounded)
}

const HEAD: &str =
    "| score | AUC | average precision | precision at 10 | at 50 | at 100 | NDCG@10 | Brier | ECE |
|---|---|---|---|---|---|---|---|---|";

const PURPOSE: &str = "Three gradient-boosted tree ensembles that put anti-money-laundering alerts over blockchain transactions in order of how likely \
their addresses take part in laundering: `alert_scorer` (a probability), `alert_ranker` (an order within a batch) and `cluster_scorer` (a \
probability for groups of alerts). They support an analyst's choice of what to look at first. They prove nothing about a person, and \
must not be the sole ground for freezing funds or filing a report.
";

const FIGURES: &str = "Each figure stands beside a flat score, a copy of the alert's severity and a copy of its confidence on the same rows. Budgets \
are alerts per batch. `official columns` is what a caller gets who sends alerts and the official address columns, but no flows \
and no clusters. A batch in which nothing is relevant counts 1 in NDCG, as in LightGBM. ECE is the expected calibration error in ten bins. Labels cover launderers more than others, so a probability that \
is right among labelled alerts is too high among all. Ties are broken by position in the batch.
";

const LIMITS: &str = "## Limits

* Trained on simulated batches: planted schemes are cleaner than life, and their mix is the simulator's. Figures on simulated batches say that the \
path works, not how good the models are on a real network; the real sample above is the better witness, and a small one.
* Without retraining the models may not carry over to another network: compare the zero-shot figures on the real sample, where given, with those of models \
trained on it, and retrain on labelled batches of the network in question (`aml-miner train`) before relying on the order.
* Labels of the training batches are incomplete and partly wrong, as in life; ground truth is used for judging alone.
* Only addresses on which some rule raised an alert are scored: what no rule sees, no model ranks.
* Address features of a caller who computes them otherwise than the official pipeline shift scores without notice.
";
