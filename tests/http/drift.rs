//! How far scores have moved from those of training, as `/metrics` tells.

use std::fs;
use std::path::Path;

use aml_miner::aml::bundle::Bundle;
use aml_miner::server::Settings;
use serde_json::{Value, json};

use super::{batch, get, json_of, post, rows, service_with};

/// The shipped bundle, of whose alert scorer these scores are expected.
fn expecting(quantiles: &Value) -> Bundle {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut manifest: Value =
        serde_json::from_slice(&fs::read(dir.join("manifest.json")).expect("readable")).expect("JSON");
    manifest["models"]["alert_scorer"]["score_quantiles"] = quantiles.clone();
    let names = manifest["models"].as_object().expect("models").values();
    let names: Vec<String> = names.map(|model| model["file"].as_str().expect("a name").to_owned()).collect();
    let bytes: Vec<Vec<u8>> = names.iter().map(|name| fs::read(dir.join(name)).expect("readable")).collect();
    let parts: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(bytes.iter().map(Vec::as_slice)).collect();
    Bundle::from_parts(manifest.to_string().as_bytes(), &parts).expect("opens")
}

#[tokio::test]
async fn scores_that_are_those_of_training_have_not_moved_and_others_have() {
    let plain = super::service();
    let answer = json_of(&post(&plain, "/score/alerts?explain=false", batch()).await);
    let mut scores: Vec<f64> =
        rows(&answer).iter().map(|row| row["score"].as_f64().expect("a number")).collect();
    scores.sort_by(f64::total_cmp);
    let last = scores.len() - 1;
    let same: Vec<f64> = (0..=100).map(|percent| scores[last * percent / 100]).collect();
    let other: Vec<f64> = (0..=100).map(|percent| scores[last] + f64::from(percent)).collect();
    let psi = async |quantiles: Value| {
        let service = service_with(Settings::default(), Some(expecting(&quantiles))).1;
        assert_eq!(post(&service, "/score/alerts?explain=false", batch()).await.status(), 200);
        let text = String::from_utf8(get(&service, "/metrics").await.into_body()).expect("text");
        let line =
            text.lines().find(|line| line.starts_with("aml_miner_score_drift_psi{model=\"alert_scorer\"}"));
        line.map(|line| line.rsplit(' ').next().and_then(|psi| psi.parse::<f64>().ok()).expect("a number"))
    };
    let (same, other) = (psi(json!(same)).await, psi(json!(other)).await);
    assert!(same.is_some_and(|psi| psi < 0.1), "{same:?}");
    assert!(other.is_some_and(|psi| psi > 0.25), "{other:?}");
    assert_eq!(psi(json!([])).await, None, "a bundle from before they were written down");
}
