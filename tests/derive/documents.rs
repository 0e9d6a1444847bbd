//! Pages about derivation name what the registries hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aml_miner::aml::derive::{
    self, DETECTORS, FURTHER_DETECTORS, PROXIMITY_DEFINITION, PROXIMITY_RISK, TYPOLOGIES,
    address_columns_page,
};
use aml_miner::aml::features::GRAPH_COLUMNS;

fn page(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

#[test]
fn the_page_of_address_columns_is_current() {
    let path = page("features_address.md");
    if std::env::var_os("AML_MINER_BLESS").is_some() {
        std::fs::write(&path, address_columns_page()).expect("writable");
    }
    let written = std::fs::read_to_string(&path).expect("docs/features_address.md");
    assert!(written == address_columns_page(), "stale: AML_MINER_BLESS=1 cargo test --test derive");
}

#[test]
fn the_page_of_typologies_holds_every_rule_and_definition() {
    let written = std::fs::read_to_string(page("typologies.md")).expect("docs/typologies.md");
    let flat = written.split_whitespace().collect::<Vec<_>>().join(" ");
    for typology in TYPOLOGIES {
        assert!(flat.contains(&format!("`{}`", typology.name)), "{} is missing", typology.name);
        assert!(flat.contains(typology.description), "the description of {} differs", typology.name);
    }
    assert!(flat.contains(&format!("`{PROXIMITY_RISK}`")) && flat.contains(PROXIMITY_DEFINITION));
    for detector in DETECTORS.iter().chain(FURTHER_DETECTORS) {
        assert!(
            flat.contains(&format!("`{}`", detector.pattern_type)),
            "{} is missing",
            detector.pattern_type
        );
        for text in [detector.definition, detector.bound] {
            assert!(flat.contains(text), "the text about {} differs: {text}", detector.pattern_type);
        }
    }
}

/// What models read of the graph's columns is described where models are as where the columns are.
#[test]
fn graph_features_of_models_are_columns_of_the_registry() {
    let registry: BTreeMap<String, String> =
        derive::features().into_iter().map(|feature| (feature.name, feature.formula)).collect();
    for (name, _, formula) in GRAPH_COLUMNS {
        assert_eq!(registry.get(*name).map(String::as_str), Some(*formula), "{name}");
    }
}
