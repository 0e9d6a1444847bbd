//! Bundles come and go under requests: reload, rollback, challenger.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Service, batch, bundle, get, header, json_of, send, service_with};
use aml_miner::server::{KeyFile, Registry, Scope, Settings, State};

/// A folder of two versions of the shipped bundle: `b` differs in a word of its manifest alone.
fn registry() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for version in ["a", "b"] {
        let dir = folder.path().join(version);
        fs::create_dir(&dir).expect("made");
        for entry in fs::read_dir(&models).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                continue;
            }
            let name = path.file_name().expect("a name").to_owned();
            let mut bytes = fs::read(&path).expect("readable");
            if version == "b" && name == "manifest.json" {
                bytes.push(b'\n');
            }
            fs::write(dir.join(name), bytes).expect("written");
        }
    }
    fs::write(folder.path().join("current"), "a\n").expect("written");
    let path = folder.path().to_owned();
    (folder, path)
}

struct Desk {
    state: Arc<State>,
    service: Service,
    key: String,
}

impl Desk {
    fn open(dir: &Path) -> Self {
        let (state, service) = service_with(Settings::default(), None);
        let mut file = KeyFile::default();
        let key = file.add("ops", &Scope::ALL, None, [3; 32]).expect("a key");
        state.set_keys(Some(file.keys().expect("sound")));
        state.set_registry(Registry::folder(dir));
        state.swap(Registry::folder(dir).load(None).expect("version a"));
        Desk { state, service, key }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let key = [("x-api-key", self.key.as_str())];
        let reply = send(&self.service, method, path, &key, body.to_string().as_bytes()).await;
        (reply.status().as_u16(), json_of(&reply))
    }

    async fn answering(&self) -> String {
        let key = [("x-api-key", self.key.as_str())];
        let reply = send(&self.service, "POST", "/rank/alerts", &key, batch().to_string().as_bytes()).await;
        header(&reply, "x-model-digest").to_owned()
    }
}

#[tokio::test]
async fn versions_are_loaded_by_name_and_digest_and_rolled_back() {
    let (_folder, dir) = registry();
    let desk = Desk::open(&dir);
    let (a, b) = (
        bundle().digest().to_string(),
        Registry::folder(&dir).load(Some("b")).expect("b").digest().to_string(),
    );
    let (status, bundles) = desk.call("GET", "/admin/models", json!(null)).await;
    assert_eq!(
        (status, &bundles["versions"], &bundles["active"]["digest"]),
        (200, &json!(["a", "b"]), &json!(a))
    );
    assert_eq!(desk.call("POST", "/admin/rollback", json!({})).await.0, 409, "there is none before");
    let wrong = json!({"version": "b", "sha256": a});
    assert_eq!(desk.call("POST", "/admin/reload", wrong).await.0, 409);
    assert_eq!(desk.answering().await, a);
    let (status, bundles) = desk.call("POST", "/admin/reload", json!({"version": "b", "sha256": b})).await;
    assert_eq!((status, &bundles["previous"]["digest"]), (200, &json!(a)));
    assert_eq!(desk.answering().await, b);
    assert_eq!(desk.call("POST", "/admin/rollback", json!({})).await.0, 200);
    assert_eq!(desk.answering().await, a);
    assert_eq!(desk.call("POST", "/admin/rollback", json!({})).await.0, 200, "and forward again");
    assert_eq!(desk.answering().await, b);
    for (bad, status) in [
        (json!({"version": "c"}), 409),
        (json!({"version": "../a"}), 409),
        (json!({"version": 7}), 422),
        (json!({"sha256": "x"}), 422),
        (json!({"more": 1}), 422),
    ] {
        assert_eq!(desk.call("POST", "/admin/reload", bad.clone()).await.0, status, "{bad}");
    }
    // a model file turned to garbage
    let model = fs::read_dir(dir.join("a")).expect("readable").map(|e| e.expect("readable").path());
    let model =
        model.into_iter().find(|path| path.extension().is_some_and(|e| e == "model")).expect("a model");
    fs::write(model, b"garbage").expect("written");
    assert_eq!(desk.call("POST", "/admin/reload", json!({"version": "a"})).await.0, 409);
    assert_eq!(desk.answering().await, b, "the old one stays");
}

#[tokio::test]
async fn admin_calls_need_an_admins_key() {
    let (state, service) = service_with(Settings::default(), Some(bundle()));
    for path in ["/admin/reload", "/admin/rollback", "/admin/challenger"] {
        assert_eq!(send(&service, "POST", path, &[], b"{}").await.status(), 403, "no keys, no admin");
    }
    let mut file = KeyFile::default();
    let key = file.add("desk", &[Scope::Score, Scope::Read], None, [3; 32]).expect("a key");
    state.set_keys(Some(file.keys().expect("sound")));
    assert_eq!(get(&service, "/admin/models").await.status(), 401);
    assert_eq!(send(&service, "GET", "/admin/models", &[("x-api-key", &key)], b"").await.status(), 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenger_answers_nobody_and_its_differences_are_counted() {
    let (_folder, dir) = registry();
    let desk = Desk::open(&dir);
    let before = desk.answering().await;
    assert_eq!(desk.call("POST", "/admin/challenger", json!({"version": "b"})).await.0, 200);
    assert_eq!(desk.answering().await, before);
    let alerts = super::rows(&batch()["alerts"]).len();
    let wanted = format!("aml_miner_shadow_score_difference_count{{model=\"alert_ranker\"}} {alerts}");
    let mut text = String::new();
    for _ in 0..200 {
        let key = [("x-api-key", desk.key.as_str())];
        text = String::from_utf8(send(&desk.service, "GET", "/metrics", &key, b"").await.into_body())
            .expect("text");
        if text.contains(&wanted) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(text.contains(&wanted), "{text}");
    assert!(
        text.contains("aml_miner_shadow_score_difference_sum{model=\"alert_ranker\"} 0"),
        "the same models agree"
    );
    let (_, bundles) = desk.call("POST", "/admin/challenger", json!({"version": null})).await;
    assert_eq!(bundles["challenger"], Value::Null);
    assert!(desk.state.bundle().is_some());
}
