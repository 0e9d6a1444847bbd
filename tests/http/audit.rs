//! What was answered can be shown: the audit log of a running service, its verification, and its answers computed again.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::json;

use super::{Server, batch, program, raw_post};

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().expect("the program runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
#[cfg(unix)]
fn every_answer_is_noted_and_can_be_computed_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, requests, key) =
        (folder.path().join("log"), folder.path().join("requests"), folder.path().join("key"));
    let (log, requests, key) = (text(&log), text(&requests), text(&key));
    assert!(run(&["keygen", "--output", key]).status.success());
    let public = format!("{key}.pub");
    let mut server = Server::start(&["--audit", log, "--audit-key", key, "--keep-requests", requests]);
    let infer = json!({"inputs": [{"name": "batch", "datatype": "BYTES", "shape": [1], "data": [batch().to_string()]}]});
    for (path, body) in [
        ("/score/alerts?top=2", batch()),
        ("/rank/alerts", batch()),
        ("/score/clusters?explain=false", batch()),
        ("/v2/models/alert_scorer/infer", &infer),
    ] {
        let (head, _) = server.exchange(&raw_post(path, body.to_string().as_bytes()));
        assert!(head.starts_with("http/1.1 200"), "{head}");
    }
    let verify = |more: &[&str]| run(&[&["audit", "verify", log, "--key", &public], more].concat());
    assert_eq!(verify(&[]).status.code(), Some(1), "it runs: no last checkpoint");
    assert_eq!(verify(&["--running"]).status.code(), Some(0));
    server.terminate();
    assert_eq!(server.child.wait().expect("ends").code(), Some(0));
    let sound = verify(&[]);
    assert_eq!(sound.status.code(), Some(0), "{}", String::from_utf8_lossy(&sound.stdout));
    assert_eq!(verify(&["--at-least", "1000"]).status.code(), Some(1));

    let file = Path::new(log).join("audit-000001.jsonl");
    let lines = fs::read_to_string(&file).expect("readable");
    let address = batch()["alerts"][0]["address"].as_str().expect("an address");
    assert!(!lines.contains(address), "no address in the log");
    let replay = |more: &[&str]| run(&[&["replay", "--log", log, "--requests", requests], more].concat());
    let again = replay(&[]);
    let words = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!((again.status.code(), words.matches("the same answer").count()), (Some(0), 4), "{words}");
    // an answer that was another
    let at = lines.find("\"answer_sha256\":\"").expect("a digest") + 17;
    let digit = if lines.as_bytes()[at] == b'0' { "1" } else { "0" };
    fs::write(&file, format!("{}{digit}{}", &lines[..at], &lines[at + 1..])).expect("written");
    assert_eq!(verify(&[]).status.code(), Some(1));
    assert_eq!(replay(&[]).status.code(), Some(1));
}

#[test]
#[cfg(target_os = "linux")]
fn a_log_that_cannot_be_written_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    assert!(run(&["keygen", "--output", text(&key)]).status.success());
    let output = run(&["serve", "--port", "0", "--audit", "/proc/no-such-place", "--audit-key", text(&key)]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}
