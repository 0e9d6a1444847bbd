//! What training leaves in a bundle, and what scoring makes of it.

use std::sync::OnceLock;

use aml_miner::aml::bundle::{Bundle, BundleError, Kind, Manifest};
use aml_miner::aml::score::{Explain, score_alerts, score_clusters};
use aml_miner::determinism::math;
use aml_miner::determinism::par::Pool;
use aml_miner::pipeline::train::{Files, Material, files};

use crate::fixture::{batches, config, gather};

const JUDGED: &str = "folds: {count: 3, embargo_days: 0}\nlabel_delay_days: 60\n";

fn material() -> &'static Material {
    static MATERIAL: OnceLock<Material> = OnceLock::new();
    MATERIAL.get_or_init(|| gather(config(&format!("{JUDGED}calibration: isotonic\n")), batches()))
}

fn bundle_files(material: &Material) -> Files {
    let kinds = [Kind::AlertScorer, Kind::ClusterScorer];
    let trained: Vec<_> = kinds.iter().map(|&kind| material.train(kind).unwrap()).collect();
    files(&trained, material.manifest().clone(), None)
}

fn calibrated() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| bundle_files(material()))
}

fn open(files: &Files) -> Result<Bundle, BundleError> {
    let parts: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    Bundle::from_parts(parts.last().unwrap().1, &parts)
}

#[test]
fn the_same_rows_give_the_same_calibrated_bundle_for_any_number_of_threads() {
    let three = Pool::new(3).unwrap().run(|| bundle_files(material()));
    assert!(three == *calibrated());
}

#[test]
fn scores_are_calibrated_and_explanations_are_of_the_raw_score() {
    let bundle = open(calibrated()).unwrap();
    let entry = &bundle.manifest().models["alert_scorer"];
    let section = entry.calibration.as_ref().expect("a calibration in the manifest");
    assert!(section.rows > 100 && section.candidates.len() == 2, "{section:?}");
    let expected = bundle.scorer(Kind::AlertScorer).unwrap().score_quantiles();
    assert!(expected.len() == 101 && expected.is_sorted() && expected[0] < expected[100], "{expected:?}");
    assert!(expected[0] >= 0.0 && expected[100] <= 1.0);
    let scores = score_alerts(&bundle, &batches()[7], Explain::Top(3)).unwrap();
    for score in &scores {
        assert_eq!(score.score, section.map.probability(score.raw_score));
        assert_ne!(score.score, math::sigmoid(score.raw_score));
        let explained = score.explanation.as_ref().unwrap();
        let sum = explained.contributions.iter().fold(explained.base_value, |sum, (_, c)| sum + c);
        assert!((sum - score.raw_score).abs() < 1e-9, "{sum} {}", score.raw_score);
    }
    let order = |key: &dyn Fn(usize) -> f64| {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| {
            key(b).total_cmp(&key(a)).then(scores[b].raw_score.total_cmp(&scores[a].raw_score))
        });
        order.into_iter().map(|i| scores[i].raw_score.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(order(&|i| scores[i].score), order(&|i| scores[i].raw_score), "the map keeps the order");
    assert!(!score_clusters(&bundle, &batches()[7], Explain::No).unwrap().is_empty());
}

#[test]
fn a_calibration_that_reverses_order_does_not_open_and_old_manifests_do() {
    let mut turned = calibrated().clone();
    let last = turned.len() - 1;
    let mut manifest: Manifest = serde_json::from_slice(&turned[last].1).unwrap();
    let entry = manifest.models.get_mut("alert_scorer").unwrap();
    let map = aml_miner::aml::calibration::Calibration::Platt { slope: -1.0, intercept: 0.0 };
    entry.calibration.as_mut().unwrap().map = map;
    turned[last].1 = serde_json::to_vec(&manifest).unwrap();
    let error = open(&turned).unwrap_err().to_string();
    assert!(error.contains("alert_scorer: calibration `platt`: expected"), "{error}");
    let entry = manifest.models.get_mut("alert_scorer").unwrap();
    entry.calibration = None;
    entry.score_quantiles.reverse();
    turned[last].1 = serde_json::to_vec(&manifest).unwrap();
    let error = open(&turned).unwrap_err().to_string();
    assert!(error.contains("alert_scorer: score_quantiles: expected"), "{error}");
    // a manifest from before calibration
    let mut json: serde_json::Value = serde_json::from_slice(&calibrated()[last].1).unwrap();
    for model in json["models"].as_object_mut().unwrap().values_mut() {
        for key in ["calibration", "folds", "parameters", "dropped", "score_quantiles"] {
            model.as_object_mut().unwrap().remove(key);
        }
    }
    json["training"].as_object_mut().unwrap().remove("seed");
    turned[last].1 = serde_json::to_vec(&json).unwrap();
    let old = open(&turned).unwrap();
    let scores = score_alerts(&old, &batches()[7], Explain::No).unwrap();
    assert!(scores.iter().all(|s| s.score == math::sigmoid(s.raw_score)));
    assert!(old.knows("torus") && !old.knows("bittensor"));
}

#[test]
fn dropped_features_are_named_and_not_read() {
    let more =
        "calibration: none\nselection: {max_correlation: 0.98, min_importance: 0.002, min_stability: 0.5}\n";
    let material = gather(config(&format!("{JUDGED}{more}")), batches());
    let trained = material.train(Kind::AlertScorer).unwrap();
    let offered = material.examples(Kind::AlertScorer).matrix.n_features();
    assert!(trained.dropped.len() > 20, "{}", trained.dropped.len());
    assert_eq!(trained.model.schema.len() + trained.dropped.len(), offered);
    for reason in ["correlation", "mean share of gain"] {
        assert!(trained.dropped.iter().any(|d| d.reason.starts_with(reason)), "{reason}");
    }
    let names: Vec<&str> = trained.model.schema.names().collect();
    assert!(trained.dropped.iter().all(|d| !names.contains(&d.feature.as_str())));
    let files = files(&[trained], material.manifest().clone(), None);
    let bundle = open(&files).unwrap();
    let entry = &bundle.manifest().models["alert_scorer"];
    assert_eq!(entry.features, names_of(&bundle));
    assert!(!entry.dropped.is_empty() && entry.parameters["num_leaves"] == "7");
    assert!(score_alerts(&bundle, &batches()[0], Explain::Top(2)).is_ok());
    let none = gather(config(&format!("{JUDGED}selection: {{min_importance: 1.0}}\n")), batches());
    let error = none.train(Kind::AlertScorer).unwrap_err().to_string();
    assert!(error.contains("drops every feature"), "{error}");
}

fn names_of(bundle: &Bundle) -> Vec<String> {
    let features = bundle.scorer(Kind::AlertScorer).unwrap().features();
    features.features().iter().map(|f| f.name.to_string()).collect()
}

#[test]
fn weights_change_the_model_and_the_calibration_undoes_them() {
    let plain = gather(config(&format!("{JUDGED}calibration: none\n")), batches());
    let weighted = gather(config(&format!("{JUDGED}calibration: platt\nclass_weight: 20.0\n")), batches());
    let balanced = gather(config(&format!("{JUDGED}calibration: none\nclass_weight: balanced\n")), batches());
    let unsure =
        gather(config(&format!("{JUDGED}calibration: none\nconfidence_weights: false\n")), batches());
    let train = |material: &Material| material.train(Kind::AlertScorer).unwrap();
    let (plain, weighted) = (train(&plain), train(&weighted));
    for other in [&weighted, &train(&balanced), &train(&unsure)] {
        assert_ne!(plain.model.to_bytes(), other.model.to_bytes());
    }
    let calibration = weighted.calibration.expect("asked for");
    assert!(calibration.before.ece > 2.0 * calibration.after.ece, "{calibration:?}");
}
