//! Judging: what a report says of small simulated batches, and what it says when there is little to judge by.
#![cfg(feature = "cli")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "all of this is test code: a panic is a failed test")]

use std::collections::BTreeSet;
use std::sync::OnceLock;

use aml_miner::aml::bundle::{Bundle, Kind};
use aml_miner::aml::derive;
use aml_miner::aml::simulate::{Simulation, simulate};
use aml_miner::aml::sot::Batch;
use aml_miner::aml::target::is_malicious;
use aml_miner::determinism::par::Pool;
use aml_miner::pipeline::config::Config;
use aml_miner::pipeline::evaluate::{Evaluation, ModelStudy, Part, Report, Settings, Status, Study};
use aml_miner::pipeline::report::{html, model_card, validation};
use aml_miner::pipeline::train::{Files, Trainer, files};
use chrono::{Days, NaiveDate};

fn date(week: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 1, 5).unwrap() + Days::new(7 * week)
}

/// An economy of its own for each seed.
fn simulated(seed: u64, week: u64) -> Batch {
    let simulation =
        Simulation { seed, from: date(week), addresses: 300, patterns: 12, ..Simulation::default() };
    derive::complete(simulate(&simulation).unwrap().next().unwrap())
}

fn judged() -> &'static [Batch] {
    static BATCHES: OnceLock<Vec<Batch>> = OnceLock::new();
    BATCHES.get_or_init(|| (0..3).map(|i| simulated(900 + i, 30 + i)).collect())
}

fn trained(rounds: u32, kinds: &[Kind]) -> Files {
    static BATCHES: OnceLock<Vec<Batch>> = OnceLock::new();
    let batches = BATCHES.get_or_init(|| (0..3).map(|i| simulated(500 + i, i)).collect());
    let text = format!(
        "alert_scorer: {{num_iterations: {rounds}, num_leaves: 7, min_data_in_leaf: 10}}
alert_ranker: {{num_iterations: {rounds}, num_leaves: 7, min_data_in_leaf: 10}}
cluster_scorer: {{num_iterations: {rounds}, num_leaves: 4, min_data_in_leaf: 5}}"
    );
    let mut trainer = Trainer::new(Config::parse(&text, "test.yaml").unwrap(), date(2));
    batches.iter().for_each(|batch| trainer.add(batch).unwrap());
    let (trained, manifest) = trainer.finish(kinds).unwrap();
    files(&trained, manifest, None)
}

fn open(files: &Files) -> Bundle {
    let parts: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let manifest = files.iter().find(|(name, _)| name == "manifest.json").unwrap();
    Bundle::from_parts(&manifest.1, &parts).unwrap()
}

fn bundle() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| open(&trained(25, &Kind::ALL)))
}

/// A bundle of two trees a model: worse.
fn weak() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| open(&trained(2, &Kind::ALL)))
}

fn settings() -> Settings {
    Settings { resamples: 60, sample_rows: 60, budgets: vec![10, 50], ..Settings::default() }
}

fn judge(bundle: &Bundle, batches: &[Batch]) -> Report {
    let mut evaluation = Evaluation::new(bundle, "test").settings(settings()).unwrap();
    batches.iter().for_each(|batch| evaluation.add(batch).unwrap());
    evaluation.finish().unwrap()
}

fn report() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| {
        let mut evaluation = Evaluation::new(bundle(), "test").settings(settings()).unwrap().against(weak());
        judged().iter().for_each(|batch| evaluation.add(batch).unwrap());
        evaluation.finish().unwrap()
    })
}

fn study() -> &'static Study {
    report().study.as_ref().unwrap()
}

fn model(study: &Study, kind: Kind) -> &ModelStudy {
    study.models.iter().find(|model| model.model == kind.name()).unwrap()
}

fn why<T: std::fmt::Debug>(part: &Part<T>) -> &str {
    match part {
        Part::Absent { absent } => absent,
        Part::Present(figures) => panic!("present: {figures:?}"),
    }
}

#[test]
fn every_part_of_a_good_report_is_there() {
    assert_eq!(study().models.len(), 3);
    for model in &study().models {
        let curves = model.curves.present().unwrap();
        assert!(curves.points.len() > 2 && curves.points.len() <= 200);
        assert_eq!(curves.points.last().unwrap().recall, 1.0);
        let headlines = model.headlines.present().unwrap();
        for one in headlines {
            let (low, high) = (one.low.unwrap(), one.high.unwrap());
            assert!(low <= high && low < one.value + 0.1 && high > one.value - 0.1, "{one:?}");
        }
        assert_eq!(model.days.present().unwrap().len(), 3);
        assert!(!model.groups.present().unwrap().is_empty());
        assert_eq!(model.duels.present().unwrap().len(), 3);
        assert!(model.dependence.present().is_some());
    }
    let scorer = model(study(), Kind::AlertScorer);
    assert!(scorer.calibration.present().unwrap().ece < 0.5);
    let histogram = scorer.distribution.present().unwrap();
    let counted: u64 = histogram.positives.iter().sum();
    assert_eq!(counted as usize, scorer.positives);
    assert_eq!(study().leakage.skew.present().unwrap().different, 0, "{:?}", study().leakage.skew);
    assert!(study().leakage.adversary.present().is_some(), "{:?}", study().leakage.adversary);
}

#[test]
fn a_ranker_has_no_probabilities() {
    let ranker = model(study(), Kind::AlertRanker);
    assert!(why(&ranker.calibration).contains("not probabilities"));
    assert!(why(&ranker.thresholds).contains("budgets"));
    assert!(ranker.headlines.present().unwrap().iter().all(|one| one.metric != "brier"));
}

#[test]
fn sections_and_study_agree() {
    let section = report()
        .sections
        .iter()
        .find(|s| s.rows_of == "alerts" && s.target == "ground_truth" && s.view == "all_tables");
    let section = section.unwrap();
    let scorer = model(study(), Kind::AlertScorer);
    assert_eq!((section.rows, section.positives), (scorer.rows, scorer.positives));
    let figures = section.figures.iter().find(|f| f.scorer == "alert_scorer").unwrap();
    let auc = &scorer.headlines.present().unwrap()[0];
    assert!((auc.value - figures.auc.unwrap()).abs() < 1e-12);
    let precision = &scorer.headlines.present().unwrap()[1];
    assert!((precision.value - figures.average_precision.unwrap()).abs() < 1e-12);
    let days = scorer.days.present().unwrap();
    assert_eq!(days.iter().map(|day| day.rows).sum::<usize>(), section.rows);
}

#[test]
fn yields_stand_beside_every_baseline() {
    let scorer = model(study(), Kind::AlertScorer);
    let yields = scorer.yields.present().unwrap();
    let names: BTreeSet<&str> = yields.iter().map(|y| y.scorer.as_str()).collect();
    let expected =
        ["alert_scorer", "flat score (base rate)", "flat 0.30", "severity copy", "confidence copy"];
    assert_eq!(names, BTreeSet::from(expected));
    for one in yields.iter().filter(|y| y.scorer.starts_with("flat")) {
        // a flat score works alerts in random order: the mean over batches of each batch's base rate
        let days = scorer.days.present().unwrap();
        let hits = days.iter().map(|d| d.positives as f64 / d.rows as f64 * one.budget.min(d.rows) as f64);
        assert!((one.hits - hits.sum::<f64>() / days.len() as f64).abs() < 1e-9, "{one:?}");
    }
}

#[test]
fn costs_add_up() {
    let scorer = model(study(), Kind::AlertScorer);
    let table = scorer.thresholds.present().unwrap();
    assert_eq!(table.chosen, 0.05);
    assert_eq!(table.cost_of_none, 20.0 * scorer.positives as f64);
    assert_eq!(table.cost_of_all, scorer.rows as f64);
    let least = table.rows.iter().map(|row| row.cost).fold(f64::INFINITY, f64::min);
    let cheapest = table.rows.iter().find(|row| row.threshold == table.cheapest).unwrap();
    assert_eq!(cheapest.cost, least);
    assert!(table.rows.windows(2).all(|pair| pair[0].flagged >= pair[1].flagged));
    let lines = scorer.lines.present().unwrap();
    assert!(lines.above.iter().all(|row| row.score >= lines.threshold));
    assert!(lines.below.iter().all(|row| row.score < lines.threshold));
    assert!(lines.above.len() <= 10 && !lines.above.is_empty());
}

#[test]
fn a_champion_with_more_trees_is_seen_to_be_better() {
    let mut evaluation = Evaluation::new(weak(), "weak").settings(settings()).unwrap().against(bundle());
    judged().iter().for_each(|batch| evaluation.add(batch).unwrap());
    let other = evaluation.finish().unwrap();
    let here = model(study(), Kind::AlertScorer).duels.present().unwrap();
    let there = model(other.study.as_ref().unwrap(), Kind::AlertScorer).duels.present().unwrap();
    for (a, b) in here.iter().zip(there) {
        assert!((a.difference + b.difference).abs() < 1e-12);
        assert!((a.superiority.unwrap() + b.superiority.unwrap() - 1.0).abs() < 1e-12);
    }
    assert!(here[0].difference > 0.0 && here[0].superiority.unwrap() > 0.9, "{here:?}");
    // against itself nothing differs
    let mut evaluation = Evaluation::new(bundle(), "self").settings(settings()).unwrap().against(bundle());
    judged().iter().for_each(|batch| evaluation.add(batch).unwrap());
    let same = evaluation.finish().unwrap();
    let same = model(same.study.as_ref().unwrap(), Kind::AlertRanker).duels.present().unwrap();
    assert!(same.iter().all(|duel| duel.difference == 0.0 && duel.superiority == Some(0.5)));
}

#[test]
fn the_same_report_for_any_number_of_threads_and_through_json() {
    let text = serde_json::to_string(report()).unwrap();
    assert_eq!(&serde_json::from_str::<Report>(&text).unwrap(), report());
    let one = Pool::new(1).unwrap().run(|| judge(bundle(), judged()));
    let three = Pool::new(3).unwrap().run(|| judge(bundle(), judged()));
    assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&three).unwrap());
}

#[test]
fn earlier_reports_still_parse() {
    let text = r#"{"title":"t","models":{},"bundle_sha256":"","batches":["b"],"sections":[{"rows_of":"alerts",
        "target":"labels","view":"all_tables","rows":2,"positives":1,"base_rate":0.5,"figures":[]}]}"#;
    let report: Report = serde_json::from_str(text).unwrap();
    assert_eq!(report.study, None);
}

#[test]
fn one_class_has_no_invented_figures() {
    let mut batch = judged()[0].clone();
    batch.ground_truth = None;
    batch.labels.as_mut().unwrap().iter_mut().for_each(|label| label.risk_level = "low".to_owned());
    let report = judge(bundle(), &[batch]);
    let study = report.study.unwrap();
    let scorer = model(&study, Kind::AlertScorer);
    assert_eq!(scorer.positives, 0);
    assert!(why(&scorer.headlines).contains("it takes both classes"));
    assert!(why(&scorer.curves).contains("it takes both classes"));
    assert!(why(&scorer.yields).contains("nothing to find"));
    assert!(why(&scorer.ablation).contains("it takes both classes"));
    assert!(scorer.features.present().is_some(), "drift and importance need no target");
    let unknown = study.findings.iter().filter(|f| f.status == Status::Unknown).count();
    assert!(unknown > 3, "{:?}", study.findings);
}

#[test]
fn what_a_bundle_or_a_batch_lacks_is_said() {
    let ranker = open(&trained(3, &[Kind::AlertRanker]));
    let mut batch = judged()[0].clone();
    batch.clusters = None;
    let report = judge(&ranker, &[batch]);
    let study = report.study.unwrap();
    assert_eq!(study.models.len(), 1);
    assert_eq!(study.absent["alert_scorer"], "the bundle holds no such model");
    assert_eq!(study.absent["cluster_scorer"], "the bundle holds no such model");
    assert_eq!(study.batches[0].without, ["clusters"]);
    assert!(why(&study.leakage.adversary).contains("one batch"));
    assert!(why(&study.models[0].duels).contains("no other bundle"));
}

#[test]
fn without_labels_drift_is_still_told() {
    let mut batch = judged()[0].clone();
    (batch.ground_truth, batch.labels) = (None, None);
    let report = judge(bundle(), &[batch]);
    assert!(report.sections.is_empty());
    let study = report.study.as_ref().unwrap();
    assert_eq!(study.models.len(), 3);
    for model in &study.models {
        assert_eq!((why(&model.headlines), why(&model.days)), ("no row has a target", "no row has a target"));
        assert!(model.features.present().unwrap().iter().any(|feature| feature.psi.is_some()));
    }
    assert!(study.findings.iter().all(|f| f.status != Status::Unknown || !f.detail.is_empty()));
    assert_eq!(unbalanced(&html(bundle().manifest(), &report)), None);
}

#[test]
fn nothing_to_judge_is_an_error() {
    let mut batch = judged()[0].clone();
    (batch.alerts, batch.clusters) = (None, None);
    let mut evaluation = Evaluation::new(bundle(), "test").settings(settings()).unwrap();
    evaluation.add(&batch).unwrap();
    let error = evaluation.finish().expect_err("no rows").to_string();
    assert!(error.starts_with("nothing to judge: no batch has alerts"), "{error}");
    let refused = Evaluation::new(bundle(), "test").settings(Settings { budgets: vec![0], ..settings() });
    assert!(refused.expect_err("a budget of nothing").to_string().starts_with("budgets: expected"));
}

#[test]
fn leaks_are_found() {
    // judged on what it was trained on
    let own = judge(bundle(), &[simulated(500, 0)]);
    let fails = |report: &Report, word: &str| {
        let study = report.study.as_ref().unwrap();
        study.findings.iter().any(|f| f.status == Status::Fail && f.check.contains(word))
    };
    assert!(fails(&own, "not trained on"), "{:?}", own.study.unwrap().findings);
    assert!(!fails(report(), "not trained on"));

    // a confidence that copies the answer
    let mut telling = judged()[0].clone();
    let truth = telling.ground_truth.iter().flatten().filter(|t| is_malicious(&t.role));
    let guilty: BTreeSet<String> = truth.map(|t| t.address.clone()).collect();
    for alert in telling.alerts.iter_mut().flatten() {
        alert.alert_confidence_score = if guilty.contains(&alert.address) { 0.9 } else { 0.1 };
    }
    assert!(fails(&judge(bundle(), &[telling]), "no single feature"));
}

/// Tags of a page in order, without comments; a page of ours has no comment.
fn unbalanced(page: &str) -> Option<String> {
    let mut open: Vec<String> = vec![];
    for tag in page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name: String = tag.trim_start_matches('/').chars().take_while(|c| c.is_alphanumeric()).collect();
        if tag.starts_with('!') || tag.ends_with('/') || ["meta", "br"].contains(&name.as_str()) {
            continue;
        }
        if !tag.starts_with('/') {
            open.push(name);
        } else if open.pop().as_ref() != Some(&name) {
            return Some(format!("</{name}> closes {:?}", open.last()));
        }
    }
    (!open.is_empty()).then(|| format!("never closed: {open:?}"))
}

#[test]
fn the_page_stands_alone() {
    let page = html(bundle().manifest(), report());
    assert_eq!(unbalanced(&page), None);
    for needed in
        ["<title>", "Summary", "Purpose and use", "Leakage audit", "Sign-off", "role=\"img\"", "<caption>"]
    {
        assert!(page.contains(needed), "{needed}");
    }
    for forbidden in ["<script", "<link", "<img", "@import", "url(", "NaN", "inf "] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let addresses = page.matches("http").count();
    assert_eq!(addresses, page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    assert!(page.matches("<svg").count() > 20, "{}", page.matches("<svg").count());
    assert_eq!(page, html(bundle().manifest(), report()));
}

#[test]
fn hostile_names_stay_text() {
    let mut batch = judged()[0].clone();
    let name = "<script>alert(1)</script>|`x`";
    batch.alerts.iter_mut().flatten().for_each(|alert| alert.typology_type = name.to_owned());
    let report = judge(bundle(), &[batch]);
    let page = html(bundle().manifest(), &report);
    assert_eq!(unbalanced(&page), None);
    assert!(!page.contains("<script") && page.contains("&lt;script"));
    let text = validation(bundle().manifest(), &report);
    assert!(!text.contains("<script") && text.contains("&lt;script"));
}

#[test]
fn a_validator_can_sign_the_markdown() {
    let text = validation(bundle().manifest(), report());
    let chapters: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let expected = [
        "Summary",
        "Purpose and use",
        "Data",
        "Design",
        "Performance",
        "Leakage audit",
        "Groups",
        "Champion and challenger",
        "Limits and open points",
        "Monitoring",
        "Change log",
        "Sign-off",
    ];
    assert_eq!(chapters, expected);
    assert!(text.contains(&bundle().digest().to_string()) && text.contains("Independent validator"));
    // every table row has as many cells as its head
    let mut columns = None;
    for line in text.lines() {
        let cells = line.replace("\\|", "").matches('|').count();
        match (line.starts_with('|'), columns) {
            (true, None) => columns = Some(cells),
            (true, Some(columns)) => assert_eq!(cells, columns, "{line}"),
            (false, _) => columns = None,
        }
    }
    let card = model_card(bundle().manifest(), std::slice::from_ref(report()));
    assert!(card.contains("expected calibration error") && card.contains("Checks: "));
}

#[test]
fn reports_without_a_study_have_pages_too() {
    let folds = Report { study: None, ..report().clone() };
    let page = html(bundle().manifest(), &folds);
    assert_eq!(unbalanced(&page), None);
    assert!(page.contains("<table>") && !page.contains("<svg"));
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aml-miner"));
    let done = command.current_dir(root).arg("evaluate").args(arguments).output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn the_command_refuses_nonsense_and_writes_four_files() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("report");
    let output = output.to_str().unwrap();
    let on = ["--data", "fixtures/demo", "--output", output];
    let (code, text) = run(&[&on[..], &["--budgets", "0"]].concat());
    assert_eq!((code, text.contains("budgets: expected")), (Some(2), true), "{text}");
    let (code, text) = run(&[&on[..], &["--against", "no/such/models"]].concat());
    assert_eq!((code, text.contains("no/such/models")), (Some(2), true), "{text}");
    assert!(!std::path::Path::new(output).exists(), "nothing half-written");
    let (code, text) = run(&[&on[..], &["--quiet", "--resamples", "20", "--budgets", "10,20"]].concat());
    assert_eq!(code, Some(0), "{text}");
    let files = std::fs::read_dir(output).unwrap().map(|entry| entry.unwrap().file_name());
    let files: BTreeSet<String> = files.map(|name| name.into_string().unwrap()).collect();
    let expected = ["MODEL_CARD.md", "evaluation.html", "evaluation.json", "evaluation.md"];
    assert_eq!(files, expected.map(str::to_owned).into());
}
