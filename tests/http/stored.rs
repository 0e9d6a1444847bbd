//! Stored results: what `score --store` writes is what the server reads.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::{Server, get, header, json_of, program, rows, service_with};
use aml_miner::server::{ResultStore, Settings};

fn store(folder: &Path, more: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = program();
    command.args(["score", "--quiet", "--models"]).arg(root.join("models")).arg(root.join("fixtures/demo"));
    command.arg("--store").arg(folder).args(more).output().expect("the program runs")
}

#[tokio::test]
async fn a_stored_day_is_read_by_its_date_and_as_the_latest() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = store(folder.path(), &[]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let again = store(folder.path(), &[]);
    assert!(
        again.status.success() && String::from_utf8_lossy(&again.stdout).contains("already"),
        "the same again"
    );
    let other = store(folder.path(), &["--top", "1"]);
    assert_eq!(other.status.code(), Some(2), "a stored day is never changed");

    let settings = || Settings { results: Some(ResultStore::new(folder.path())), ..Settings::default() };
    let service = service_with(settings(), Some(super::bundle())).1;
    let dates = json_of(&get(&service, "/dates/available").await);
    let date = dates["dates"][0].as_str().expect("a date").to_owned();
    assert_eq!(json_of(&get(&service, "/dates/latest").await)["date"], date);
    assert_eq!(json_of(&get(&service, "/networks").await)["networks"][0], "torus");
    let metadata = json_of(&get(&service, "/metadata/latest").await);
    assert_eq!(json_of(&get(&service, "/metadata/history").await)[0], metadata);
    assert_eq!(metadata["model_digest"], super::bundle().digest().to_string());
    for (path, call, list, id) in [
        ("/scores/alerts", "/score/alerts", "scores", "alert_id"),
        ("/rankings/alerts", "/rank/alerts", "rankings", "alert_id"),
        ("/scores/clusters", "/score/clusters", "scores", "cluster_id"),
    ] {
        let reply = get(&service, &format!("{path}/{date}")).await;
        let latest = get(&service, &format!("{path}/latest")).await;
        assert_eq!((reply.status().as_u16(), reply.body()), (200, latest.body()), "{path}");
        let live = super::post(&service, call, super::batch()).await;
        assert_eq!(header(&reply, "x-score-digest"), header(&live, "x-score-digest"), "{path}");
        let (stored, live): (Value, Value) = (json_of(&reply), json_of(&live));
        assert_eq!(rows(&stored[list]).len(), rows(&live).len());
        for (stored, live) in rows(&stored[list]).iter().zip(rows(&live)) {
            for field in [id, "score", "explain_json", "rank", "model_version"] {
                assert_eq!(stored[field], live[field], "{path}");
            }
        }
        assert_eq!(get(&service, &format!("{path}/1999-01-01")).await.status(), 404);
        assert_eq!(get(&service, &format!("{path}/{date}?network=other")).await.status(), 404);
        for bad in ["tomorrow", "2025-1-1", "..", "2025-01-01.json"] {
            assert_eq!(get(&service, &format!("{path}/{bad}")).await.status(), 422, "{bad}");
        }
        assert_eq!(get(&service, &format!("{path}/latest?network=..")).await.status(), 422);
    }
    let without = service_with(Settings::default(), Some(super::bundle())).1;
    assert_eq!(get(&without, "/scores/alerts/latest").await.status(), 404);
}

#[test]
#[cfg(target_os = "linux")]
fn a_store_that_cannot_be_written_is_said_and_leaves_nothing() {
    let output = store(Path::new("/proc/no-such-place"), &[]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/proc/no-such-place"));
    let folder = tempfile::tempdir().expect("a folder");
    assert!(store(folder.path(), &[]).status.success());
    let server = Server::start(&["--results", folder.path().to_str().expect("UTF-8")]);
    let (head, _) =
        server.exchange(b"GET /scores/alerts/latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("http/1.1 200"), "{head}");
}
