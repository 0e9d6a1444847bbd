//! The validation report: the order in which a model validator reads, after the guidance on model risk.
//!
//! Source: Board of Governors of the Federal Reserve System, SR letter 11-7, Supervisory Guidance on Model Risk Management (2011):
//! purpose, data, design, performance, limits, monitoring, change log, and who signs.

use super::document::{Block, Cell, Table, rounded};
use super::{audit, performance};
use crate::aml::bundle::Manifest;
use crate::aml::calibration::Calibrated;
use crate::pipeline::evaluate::{Finding, Report, Status, Study};

/// The whole report, charts included.
pub(super) fn blocks(manifest: &Manifest, report: &Report) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(1, format!("Validation report: {}", report.title))];
    blocks.push(Block::Text(identity(manifest, report)));
    let Some(study) = &report.study else {
        blocks.extend(performance::short_tables(report));
        return blocks;
    };
    blocks.extend(summary(study));
    blocks.extend(purpose());
    blocks.extend(data(manifest, report, study));
    blocks.extend(design(manifest, study));
    blocks.push(heading("Performance"));
    blocks.push(text(READING));
    blocks.extend(performance::short_tables(report));
    study.models.iter().for_each(|model| blocks.extend(performance::of_model(model, &study.settings)));
    for (model, why) in &study.absent {
        blocks.push(Block::Text(format!("{model} could not be judged: {why}.")));
    }
    blocks.push(heading("Leakage audit"));
    blocks.extend(audit::leakage(&study.leakage));
    blocks.push(heading("Groups"));
    blocks.push(text(GROUPS));
    study.models.iter().for_each(|model| blocks.extend(audit::groups(model)));
    blocks.push(heading("Champion and challenger"));
    blocks.extend(performance::duels(study));
    blocks.extend(limits(study));
    blocks.extend(monitoring());
    blocks.extend(change_log(manifest, report, study));
    blocks.extend(sign_off());
    blocks
}

fn heading(text: &str) -> Block {
    Block::Heading(2, text.to_owned())
}

fn text(text: &str) -> Block {
    Block::Text(text.to_owned())
}

fn list(points: &[&str]) -> Block {
    Block::List(points.iter().map(|point| (*point).to_owned()).collect())
}

fn identity(manifest: &Manifest, report: &Report) -> String {
    let digest =
        if report.bundle_sha256.is_empty() { "models trained in folds" } else { &report.bundle_sha256 };
    format!(
        "Bundle {} of network {}, SHA-256 of its manifest {digest}; engine {}; {} judged.",
        manifest.version,
        manifest.network,
        manifest.engine_version,
        super::counted(report)
    )
}

fn summary(study: &Study) -> Vec<Block> {
    let count = |status: Status| study.findings.iter().filter(|f| f.status == status).count();
    let verdict = match (count(Status::Fail), count(Status::Watch)) {
        (0, 0) => "No check failed.".to_owned(),
        (0, watch) => format!("No check failed; to be looked at by a person: {watch}."),
        (fail, watch) => format!(
            "{fail} checks failed and {watch} are to be looked at: see below before relying on the models."
        ),
    };
    let row = |finding: &Finding| {
        vec![Cell::text(&finding.check), Cell::Status(finding.status), Cell::text(&finding.detail)]
    };
    let rows = study.findings.iter().map(row).collect();
    let models = study.models.iter().flat_map(|model| {
        model.headlines.present().into_iter().flatten().map(move |one| {
            let value = Cell::share(one.value);
            vec![
                Cell::text(&model.model),
                Cell::text(super::metric(&one.metric)),
                value,
                Cell::interval(one.low, one.high),
            ]
        })
    });
    vec![
        heading("Summary"),
        Block::Text(format!(
            "{verdict} {} checks could not be made for want of data.",
            count(Status::Unknown)
        )),
        Block::Table(Table::new(
            format!(
                "Figures with {:.0} % intervals, on the target that most batches have",
                study.settings.level * 100.0
            ),
            &["model", "figure", "value", "interval"],
            models.collect(),
        )),
        Block::Table(Table::new("Checks", &["check", "result", "figures"], rows)),
    ]
}

fn purpose() -> Vec<Block> {
    vec![
        heading("Purpose and use"),
        Block::Text(super::PURPOSE.trim().replace('`', "")),
        list(&[
            "Intended: to order and filter alerts that rules have raised, with reasons, for review by trained analysts.",
            "Not intended: decisions without review, addresses that no rule flagged, networks and typologies that training did not hold.",
            "Who is harmed by errors: a missed scheme goes on; a benign address that ranks high costs review time and may delay a customer.",
        ]),
    ]
}

fn data(manifest: &Manifest, report: &Report, study: &Study) -> Vec<Block> {
    let training = &manifest.training;
    let windows: Vec<String> = training.window_days.iter().map(u32::to_string).collect();
    let batches = study.batches.iter().map(|note| {
        let without = if note.without.is_empty() { "-".to_owned() } else { note.without.join(", ") };
        vec![
            Cell::text(&note.batch),
            Cell::count(note.alerts as u64),
            Cell::count(note.clusters as u64),
            Cell::text(without),
        ]
    });
    let sections = report.sections.iter().filter(|section| section.view == "all_tables").map(|section| {
        vec![
            Cell::text(&section.rows_of),
            Cell::text(section.target.replace('_', " ")),
            Cell::count(section.rows as u64),
            Cell::count(section.positives as u64),
            Cell::share(section.base_rate),
        ]
    });
    vec![
        heading("Data"),
        Block::Text(format!(
            "Trained on {} batches, windows of {} days, {} to {}, targets from {} known before {}. The manifest holds a digest of each.",
            training.batches.len(),
            windows.join(" and "),
            training.from,
            training.to,
            training.target.replace('_', " "),
            training.cut_off
        )),
        Block::Table(Table::new(
            "Judged batches",
            &["batch", "alerts", "clusters", "tables it lacks"],
            batches.collect(),
        )),
        Block::Table(Table::new(
            "Rows with a target",
            &["rows", "target", "count", "positive", "base rate"],
            sections.collect(),
        )),
        text(TARGETS),
    ]
}

fn design(manifest: &Manifest, study: &Study) -> Vec<Block> {
    let models = manifest.models.iter().map(|(name, entry)| {
        vec![
            Cell::text(name),
            Cell::text(&entry.version),
            Cell::count(entry.features.len() as u64),
            Cell::count(entry.trees as u64),
            Cell::count(entry.rows as u64),
            Cell::count(entry.positives as u64),
            Cell::text(entry.calibration.as_ref().map_or_else(|| "none".to_owned(), calibration)),
            Cell::text(entry.sha256.get(..16).unwrap_or(&entry.sha256)),
        ]
    });
    let settings = &study.settings;
    vec![
        heading("Design"),
        text(DESIGN),
        Block::Table(Table::new(
            "Models of the bundle",
            &[
                "model",
                "version",
                "features",
                "trees",
                "training rows",
                "positive",
                "calibration",
                "SHA-256 begins",
            ],
            models.collect(),
        )),
        Block::Text(format!(
            "This report: {} resamples, seed {}, a miss costs {}, a review {}; alerts of probability {} and above are flagged.",
            settings.resamples,
            settings.seed,
            settings.miss_cost,
            settings.review_cost,
            rounded(settings.cut())
        )),
    ]
}

/// The map and what it did out of fold.
fn calibration(calibrated: &Calibrated) -> String {
    let (before, after) = (calibrated.before.ece, calibrated.after.ece);
    format!("{}, ECE {before:.4} to {after:.4} on {} rows", calibrated.map.name(), calibrated.rows)
}

fn limits(study: &Study) -> Vec<Block> {
    let mut points: Vec<String> = LIMITS.iter().map(|point| (*point).to_owned()).collect();
    if study.batches.len() == 1 {
        points.push("One batch was judged: intervals rest on its pattern instances alone and say nothing of other days.".to_owned());
    }
    let open = study.findings.iter().filter(|finding| finding.status != Status::Pass);
    points.extend(
        open.map(|finding| format!("{}: {} ({}).", finding.status.name(), finding.check, finding.detail)),
    );
    vec![heading("Limits and open points"), Block::List(points)]
}

fn monitoring() -> Vec<Block> {
    let row = |cells: &[&str; 4]| cells.iter().map(|cell| Cell::text(*cell)).collect();
    vec![
        heading("Monitoring"),
        text(
            "Repeat this report on each new set of labelled batches; the figures below are what to follow and when to act.",
        ),
        Block::Table(Table::new(
            "What to follow",
            &["figure", "where", "look", "act"],
            MONITOR.iter().map(row).collect(),
        )),
    ]
}

fn change_log(manifest: &Manifest, report: &Report, study: &Study) -> Vec<Block> {
    let mut rows = vec![vec![
        Cell::text(&manifest.version),
        Cell::text(&report.bundle_sha256),
        Cell::text(format!("under judgement; trained to {}", manifest.training.to)),
    ]];
    if !study.against_sha256.is_empty() {
        rows.push(vec![
            Cell::text("compared with"),
            Cell::text(&study.against_sha256),
            Cell::text("champion"),
        ]);
    }
    vec![
        heading("Change log"),
        Block::Table(Table::new(
            "Bundles of this report",
            &["version", "SHA-256 of the manifest", "note"],
            rows,
        )),
    ]
}

fn sign_off() -> Vec<Block> {
    let line =
        |who: &str| vec![Cell::text(who), Cell::text(""), Cell::text(""), Cell::text(""), Cell::text("")];
    let rows = ["Developer", "Independent validator", "Model owner", "Compliance"].map(line).to_vec();
    vec![
        heading("Sign-off"),
        text(
            "A signature covers the bundle and the batches whose digests stand in this report and its JSON, and no other.",
        ),
        Block::Table(Table::new(
            "Signatures",
            &["role", "name", "decision (approve, with conditions, reject)", "date", "signature"],
            rows,
        )),
    ]
}

const READING: &str = "Each figure stands beside scores that need no model, on the same rows. Budgets are alerts worked per batch. Intervals resample whole \
batches and whole pattern instances (an address outside any instance is one of its own), because rows of either resemble each other. Official \
columns is what a caller gets who sends alerts and the official address columns, but no flows and no clusters.";

const TARGETS: &str = "Labels are what was known of an address, in part wrong and incomplete; ground truth exists for simulated and test batches alone. An address \
without a label is left out of the figures on labels, so those hold for labelled addresses.";

const DESIGN: &str = "Gradient-boosted trees on features that one alert may read: its own row, its address's row and flows, the clusters that name it. No \
statistic over the request, no label, nothing from other alerts: a score does not depend on what else is in the batch. Training and scoring give \
the same bits on any machine. Explanations are exact Shapley values of the trees. Parameters stand in training.yaml, features with formulas and \
leakage notes in docs/features.md.";

const GROUPS: &str = "Networks, kinds of address and typologies are no protected classes, but a group that is flagged oftener without being guiltier bears the cost \
of errors. A group marked small has too few rows of one class for its figures to mean much.";

const LIMITS: [&str; 4] = [
    "Only addresses on which some rule raised an alert are scored: what no rule sees, no model ranks, and no figure here counts it as missed.",
    "Figures on simulated batches say that the path works; planted schemes are cleaner than life.",
    "Ablation and partial dependence ask the model as it is: they show what it leans on, not what causes crime.",
    "The least-cost threshold is chosen on the judged rows themselves and will do worse on others.",
];

const MONITOR: [[&str; 4]; 6] = [
    [
        "population stability index of features in use",
        "features",
        "above 0.1",
        "above 0.25: find the cause; retrain if it stays",
    ],
    [
        "population stability index of scores",
        "batch by batch",
        "above 0.1",
        "above 0.25: stop automatic filtering",
    ],
    [
        "AUC and precision on labels that have come in",
        "summary",
        "below the interval of this report",
        "two periods in a row: retrain",
    ],
    [
        "expected calibration error",
        "calibration",
        "above 0.02",
        "above 0.05: recalibrate before using thresholds",
    ],
    [
        "share of positives below the line",
        "alerts next to the line",
        "above the review's cost over the miss's",
        "lower the threshold",
    ],
    [
        "values that differ between batch and request",
        "leakage audit",
        "any",
        "any: stop serving until explained",
    ],
];
