//! Features depend on the alert's own rows and on nothing else; the registry is documented.

use std::collections::BTreeMap;

use aml_miner::aml::features::{FeatureSet, document};
use aml_miner::aml::sot::Batch;

use crate::fixture::{batch, shuffled};

/// Row id -> bits of its features.
fn rows(set: &FeatureSet, batch: &Batch) -> BTreeMap<String, Vec<u64>> {
    let matrix = set.matrix(batch);
    let ids: Vec<&String> = match set.rows() {
        aml_miner::aml::features::Rows::Alerts => {
            batch.alerts.iter().flatten().map(|a| &a.alert_id).collect()
        }
        aml_miner::aml::features::Rows::Clusters => {
            batch.clusters.iter().flatten().map(|c| &c.cluster_id).collect()
        }
    };
    let row = |i: usize| (0..matrix.n_features()).map(|f| matrix.value(i, f).to_bits()).collect();
    ids.into_iter().enumerate().map(|(i, id)| (id.clone(), row(i))).collect()
}

#[test]
fn features_ignore_the_order_of_rows_and_columns() {
    for set in [FeatureSet::alerts(), FeatureSet::clusters()] {
        let expected = rows(&set, batch());
        assert!(!expected.is_empty());
        for seed in 0..3 {
            assert!(expected == rows(&set, &shuffled(batch(), seed)), "order of rows changed a feature");
        }
    }
}

#[test]
fn an_alert_alone_has_the_features_it_has_in_the_batch() {
    let set = FeatureSet::alerts();
    let expected = rows(&set, batch());
    for alert in batch().alerts.as_ref().unwrap().iter().step_by(7) {
        let mut alone = batch().clone();
        alone.alerts = Some(vec![alert.clone()]);
        // nothing but what is keyed to the alert
        let flows = alone.money_flows.as_mut().unwrap();
        flows.retain(|f| f.from_address == alert.address || f.to_address == alert.address);
        let clusters = alone.clusters.as_mut().unwrap();
        clusters.retain(|c| c.related_alert_ids.contains(&alert.alert_id));
        alone.transfers = None;
        alone.labels = None;
        alone.ground_truth = None;
        alone.patterns = None;
        assert_eq!(rows(&set, &alone)[&alert.alert_id], expected[&alert.alert_id]);
    }
}

#[test]
fn labels_and_truth_never_enter() {
    let mut blind = batch().clone();
    blind.labels = None;
    blind.ground_truth = None;
    for set in [FeatureSet::alerts(), FeatureSet::clusters()] {
        assert!(rows(&set, batch()) == rows(&set, &blind));
    }
}

#[test]
fn absent_is_missing_and_never_zero() {
    let mut bare = batch().clone();
    bare.features = None;
    bare.money_flows = None;
    bare.clusters = None;
    let set = FeatureSet::alerts();
    let matrix = set.matrix(&bare);
    for (f, feature) in set.features().iter().enumerate() {
        let own =
            feature.family == aml_miner::aml::features::Family::Alert || feature.name == "processing_weekday";
        if !own {
            assert!((0..matrix.n_rows()).all(|row| matrix.value(row, f).is_nan()), "{}", feature.name);
        }
    }
}

#[test]
fn most_features_say_something() {
    for set in [FeatureSet::alerts(), FeatureSet::clusters()] {
        let matrix = set.matrix(batch());
        let silent: Vec<&str> = set
            .features()
            .iter()
            .enumerate()
            .filter(|(f, _)| (0..matrix.n_rows()).all(|row| matrix.value(row, *f).is_nan()))
            .map(|(_, feature)| feature.name.as_ref())
            .collect();
        assert!(silent.len() * 5 < set.features().len(), "always absent: {silent:?}");
    }
}

#[test]
fn the_page_of_features_is_the_registry() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/features.md");
    if std::env::var_os("AML_MINER_BLESS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == document(), "docs/features.md differs from the registry: run with AML_MINER_BLESS=1");
}
