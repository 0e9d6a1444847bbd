//! A bundle opens when everything fits, and says what does not.

use aml_miner::aml::bundle::{Bundle, BundleError, Manifest};
use aml_miner::determinism::digest::Digest;

use crate::fixture::{bundle_files, open};

/// The bundle's files with a changed manifest.
fn with_manifest(change: impl Fn(&mut Manifest)) -> Result<Bundle, BundleError> {
    let mut files = bundle_files().clone();
    let last = files.last_mut().unwrap();
    let mut manifest: Manifest = serde_json::from_slice(&last.1).unwrap();
    change(&mut manifest);
    last.1 = serde_json::to_vec(&manifest).unwrap();
    open(&files)
}

fn refused(result: Result<Bundle, BundleError>) -> String {
    result.map(|_| ()).expect_err("refused").to_string()
}

#[test]
fn it_opens_from_a_folder_and_from_memory_alike() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in bundle_files() {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let from_folder = Bundle::open(dir.path()).unwrap();
    assert_eq!(from_folder.digest(), open(bundle_files()).unwrap().digest());

    let text = dir.path().join("alert_scorer_v1.0.0.txt");
    std::fs::write(&text, "tree\n").unwrap();
    assert!(refused(Bundle::open(dir.path())).starts_with("alert_scorer_v1.0.0.txt: SHA-256"));
    std::fs::remove_file(dir.path().join("alert_ranker_v1.0.0.model")).unwrap();
    assert!(refused(Bundle::open(dir.path())).contains("alert_ranker_v1.0.0.model"));
    assert!(refused(Bundle::open(&dir.path().join("absent"))).contains("manifest.json"));
}

#[test]
fn a_changed_model_is_refused_by_its_file_name() {
    for i in 0..bundle_files().len() - 1 {
        let mut files = bundle_files().clone();
        if files[i].0.ends_with(".txt") {
            continue;
        }
        let middle = files[i].1.len() / 2;
        files[i].1[middle] ^= 1;
        let name = files[i].0.clone();
        assert!(refused(open(&files)).starts_with(&format!("{name}: SHA-256")));
    }
}

#[test]
fn features_out_of_order_are_refused() {
    // the reference trained and served in different orders
    let swap = |m: &mut Manifest| m.models.get_mut("alert_scorer").unwrap().features.swap(0, 3);
    assert!(refused(with_manifest(swap)).contains("feature 0 is `alert_confidence` in the model"));
    let unknown =
        |m: &mut Manifest| m.models.get_mut("alert_scorer").unwrap().features[2] = "label_confidence".into();
    assert!(refused(with_manifest(unknown)).contains("feature `label_confidence` is unknown to this build"));
    let print = |m: &mut Manifest| {
        m.models.get_mut("cluster_scorer").unwrap().fingerprint = Digest::of(b"").to_string()
    };
    assert!(refused(with_manifest(print)).starts_with("cluster_scorer: features have fingerprint"));
    let short = |m: &mut Manifest| drop(m.models.get_mut("alert_scorer").unwrap().features.pop());
    assert!(refused(with_manifest(short)).contains("`nothing` in the manifest"));
    // a model of alerts cannot score clusters
    let crossed = |m: &mut Manifest| {
        let alert = m.models["alert_scorer"].clone();
        m.models.insert("cluster_scorer".to_owned(), alert);
    };
    assert!(
        refused(with_manifest(crossed)).starts_with("cluster_scorer: feature `alert_confidence` is unknown")
    );
}

#[test]
fn a_manifest_that_is_none_is_refused() {
    for text in ["", "{", "[]", "{\"version\": 1}"] {
        assert!(refused(Bundle::from_parts(text.as_bytes(), &[])).starts_with("manifest.json: "), "{text}");
    }
    let file = |m: &mut Manifest| m.models.get_mut("alert_scorer").unwrap().file = "other.model".to_owned();
    assert!(refused(with_manifest(file)).contains("other.model"));
    let model = |m: &mut Manifest| {
        let entry = m.models["alert_scorer"].clone();
        m.models.insert("oracle".to_owned(), entry);
    };
    assert!(refused(with_manifest(model)).contains("unknown model `oracle`"));
}
