//! The way of a newcomer, by the program itself: simulate, train, score, validate, submit, verify; and what goes wrong on it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::Server;

fn program(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aml-miner"));
    for name in
        ["LOG_LEVEL", "API_PORT", "API_HOST", "AML_MINER_MODELS", "AML_MINER_THREADS", "AML_MINER_GITHUB_URL"]
    {
        command.env_remove(name);
    }
    command.args(words).current_dir(folder).output().expect("the program runs")
}

/// Runs a line of words; its exit code and what it printed.
fn run(folder: &Path, line: &str) -> (i32, String) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = program(folder, &words);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("it ended by itself"), String::from_utf8(text).expect("text"))
}

#[track_caller]
pub(crate) fn expect(folder: &Path, code: i32, line: &str) -> String {
    let (found, text) = run(folder, line);
    assert_eq!(found, code, "{line}\n{text}");
    text
}

pub(crate) const BATCH: &str = "data/snapshots/torus/2025-11-03/30";
pub(crate) const URL: &str = "https://github.com/me/model";

/// A folder with a month of a small economy, a bundle trained on its first day, scores of that day, and keys.
pub(crate) fn scene() -> &'static Path {
    static SCENE: OnceLock<TempDir> = OnceLock::new();
    let folder = SCENE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path();
        expect(here, 0, "simulate --quiet --days 31 --addresses 120 --patterns 8 --output all");
        // the first two days, and the thirtieth day after the first
        for date in ["2025-11-03", "2025-11-04", "2025-12-03"] {
            let place = here.join("data/snapshots/torus").join(date);
            fs::create_dir_all(&place).expect("a folder");
            fs::rename(here.join("all/snapshots/torus").join(date).join("30"), place.join("30"))
                .expect("moved");
        }
        fs::remove_dir_all(here.join("all")).expect("removed");
        let small = "{num_iterations: 5, num_leaves: 4, min_data_in_leaf: 5}";
        let settings = format!("alert_scorer: {small}\nalert_ranker: {small}\ncluster_scorer: {small}\n");
        fs::write(here.join("training.yaml"), settings).expect("written");
        expect(here, 0, &format!("train all --quiet --data {BATCH} --output models --config training.yaml"));
        expect(here, 0, &format!("score {BATCH} --models models --output scores.json"));
        expect(here, 0, "keygen --output keys/miner");
        folder
    });
    folder.path()
}

/// A folder of one's own that sees the scene's.
pub(crate) fn own() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["data", "models", "keys"] {
        link(&scene().join(name), &folder.path().join(name));
    }
    fs::copy(scene().join("scores.json"), folder.path().join("scores.json")).expect("copied");
    folder
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) {
    std::os::unix::fs::symlink(from, to).expect("a link");
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { link(&path, &target) } else { drop(fs::copy(&path, &target).expect("copied")) }
    }
}

fn submit(folder: &Path, more: &str) -> (i32, String) {
    run(
        folder,
        &format!(
            "submit {BATCH} --models models --scores scores.json --submitter me --github-url {URL} --key keys/miner {more}"
        ),
    )
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

fn edit(path: &Path, change: impl Fn(&mut Value)) {
    let mut value = json_of(path);
    change(&mut value);
    fs::write(path, value.to_string()).expect("written");
}

#[test]
fn from_a_simulation_to_a_verified_submission() {
    let folder = own();
    let here = folder.path();
    let page = expect(
        here,
        0,
        &format!(
            "validate {BATCH} --scores scores.json --history data --models models --github-url {URL} --output report.json"
        ),
    );
    assert!(page.starts_with("# PASS"), "{page}");
    let report = json_of(&here.join("report.json"));
    assert_eq!(report["later"], "torus-2025-12-03-30d");
    assert_eq!(report["rewards"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["rewards"][1]["status"], "complete");
    assert_eq!(report["backtest"].as_array().map(Vec::len), Some(1), "one pair of three days");
    assert_eq!(report["baselines"].as_array().map(Vec::len), Some(6));
    assert!(here.join("report.md").is_file());
    for reward in report["rewards"].as_array().expect("two") {
        let parts: f64 =
            reward["alerts"].as_array().expect("alerts").iter().filter_map(|a| a["total"].as_f64()).sum();
        assert!((parts - reward["final"].as_f64().expect("a number")).abs() < 1e-9);
    }

    let (code, text) = submit(here, "");
    assert_eq!(code, 0, "{text}");
    let document = json_of(&here.join("submissions.json"));
    let rows = document["submissions"].as_array().expect("rows");
    assert_eq!(rows.len(), report["alerts"].as_u64().expect("a number") as usize);
    let scores = json_of(&here.join("scores.json"));
    for (row, score) in rows.iter().zip(scores.as_array().expect("rows")) {
        assert_eq!(row["alert_id"], score["alert_id"]);
        assert_eq!(row["score"], score["score"]);
        assert_eq!(row["processing_date"], "2025-11-03");
        assert_eq!((&row["submitter_id"], &row["model_github_url"]), (&json!("me"), &json!(URL)));
        assert_eq!(row.as_object().map(serde_json::Map::len), Some(8));
    }
    let text = expect(
        here,
        0,
        &format!("verify submissions.json --public-key keys/miner.pub --batch {BATCH} --models models"),
    );
    assert!(text.contains("0 of") && text.ends_with("VERIFIED\n"), "{text}");

    // the same again is the same bytes
    let before = ["submissions.json", "submissions.manifest.json"]
        .map(|name| fs::read(here.join(name)).expect("a file"));
    assert_eq!(submit(here, "").0, 0);
    assert_eq!(
        ["submissions.json", "submissions.manifest.json"]
            .map(|name| fs::read(here.join(name)).expect("a file")),
        before
    );
    // and the document itself can be validated
    expect(here, 0, &format!("validate {BATCH} --scores submissions.json"));
}

#[test]
fn whoever_changes_a_submission_is_found_out() {
    let folder = own();
    let here = folder.path();
    assert_eq!(submit(here, "").0, 0);
    let whole =
        format!("verify submissions.json --public-key keys/miner.pub --batch {BATCH} --models models");
    let document = here.join("submissions.json");
    let manifest = here.join("submissions.manifest.json");
    let kept = [&document, &manifest].map(|path| fs::read(path).expect("a file"));
    let restore = || {
        fs::write(&document, &kept[0]).expect("written");
        fs::write(&manifest, &kept[1]).expect("written");
    };
    let refused = |by: &str| {
        let text = expect(here, 1, &whole);
        let line = text.lines().find(|line| line.starts_with("NO ")).unwrap_or_default();
        assert!(line.contains(by), "expected `{by}` first: {text}");
        assert!(text.ends_with("NOT VERIFIED\n"));
        restore();
    };
    edit(&document, |d| d["submissions"][0]["score"] = json!(0.123));
    refused("digests");
    edit(&document, |d| drop(d["submissions"].as_array_mut().expect("rows").pop()));
    refused("digests");
    edit(&manifest, |m| m["manifest"]["submitter_id"] = json!("somebody"));
    refused("signature");
    edit(&manifest, |m| m["signature"] = Value::Null);
    refused("signature");
    expect(here, 0, "keygen --output other");
    let text = expect(here, 1, "verify submissions.json --public-key other.pub");
    assert!(text.contains("not by the key given"), "{text}");
    let text =
        expect(here, 1, "verify submissions.json --batch data/snapshots/torus/2025-11-04/30 --models models");
    assert!(text.contains("NO   data") && text.contains("NO   replay"), "{text}");
    expect(here, 2, "verify scores.json");
    expect(here, 2, "verify absent.json");
}

#[test]
fn what_a_validator_would_refuse_is_not_written() {
    let folder = own();
    let here = folder.path();
    let scores = here.join("scores.json");
    let kept = fs::read(&scores).expect("a file");
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 5] = [
        (|s| drop(s.as_array_mut().expect("rows").pop()), "alerts of the batch have no score"),
        (|s| s[0]["score"] = json!(1.5), "scores are outside 0 to 1"),
        (|s| s[0]["score"] = Value::Null, "scores are no number"),
        (|s| s[1] = s[0].clone(), "rows repeat an alert"),
        (|s| s[0]["score"] = json!(0.123_456), "1 scores are not what bundle"),
    ];
    for (change, expected) in changes {
        fs::write(&scores, &kept).expect("written");
        edit(&scores, change);
        let (code, text) = submit(here, "");
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(!here.join("submissions.json").exists());
    }
    edit(&scores, |s| s[0]["score"] = json!("high"));
    let text = expect(here, 1, &format!("validate {BATCH} --scores scores.json --github-url {URL}"));
    assert!(text.starts_with("# FAIL") && text.contains("no number"), "{text}");
    fs::write(&scores, "{\"rows\": 3}").expect("written");
    let text = expect(here, 2, &format!("validate {BATCH} --scores scores.json"));
    assert!(text.contains("expected rows of alert_id and score"), "{text}");
    expect(here, 2, "validate nowhere --scores scores.json");
}

#[test]
fn keys_are_kept_from_others_and_never_overwritten() {
    let folder = own();
    let here = folder.path();
    expect(here, 0, "keygen --output new/key");
    let text = expect(here, 2, "keygen --output new/key");
    assert!(text.contains("not overwritten"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = here.join("new/key");
        assert_eq!(fs::metadata(&key).expect("a file").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("changed");
        let (code, text) = run(
            here,
            &format!(
                "submit {BATCH} --models models --scores scores.json --submitter me --github-url {URL} --key new/key"
            ),
        );
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("chmod 600"), "{text}");
    }
    fs::write(here.join("nonsense"), "hello").expect("written");
    let text = expect(here, 2, "verify submissions.json --public-key nonsense");
    assert!(text.contains("not a key"), "{text}");
    for url in ["", "github.com/me", "ftp://x/y", "https://"] {
        let words = [
            "submit",
            BATCH,
            "--models",
            "models",
            "--scores",
            "scores.json",
            "--submitter",
            "me",
            "--github-url",
            url,
        ];
        assert_eq!(program(here, &words).status.code(), Some(2), "{url}");
    }
}

#[test]
fn a_submission_is_sent_once() {
    let folder = own();
    let here = folder.path();
    let server =
        Server::new([("/api/v1/submissions".to_owned(), b"{\"status\":\"success\"}".to_vec())].into());
    let post = format!("--post {} --api-key secret", server.url);
    let (code, text) = submit(here, &post);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("status 200 {\"status\":\"success\"}"), "{text}");
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, "/api/v1/submissions?network=torus");
    assert_eq!(asked[0].headers["authorization"], "Bearer secret");
    assert_eq!(asked[0].headers["content-type"], "application/json");
    server.fail("/api/v1/submissions", [crate::server::Fault::Status(500, None)]);
    assert_eq!(submit(here, &post).0, 1);
    assert_eq!(server.asked().len(), 1, "validators add up what they are sent: no second try");
}

/// The program's own server.
struct Serving {
    child: Child,
    url: String,
}

impl Serving {
    fn start(models: &Path) -> Serving {
        let mut child = Command::new(env!("CARGO_BIN_EXE_aml-miner"))
            .env_remove("LOG_LEVEL")
            .args(["serve", "--port", "0", "--log-format", "json", "--models"])
            .arg(models)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let url = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).expect("text") > 0, "the log ended before the server listened");
            if let Some(at) = line.find("127.0.0.1:") {
                let port: String = line[at + 10..].chars().take_while(char::is_ascii_digit).collect();
                break format!("http://127.0.0.1:{port}");
            }
        };
        std::thread::spawn(move || log.lines().count());
        Serving { child, url }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _likewise = self.child.wait();
    }
}

#[test]
fn a_server_that_keeps_its_word_passes() {
    let folder = own();
    let here = folder.path();
    let server = Serving::start(&scene().join("models"));
    let line = format!(
        "validate {BATCH} --url {} --github-url {URL} --calls 2 --max-latency-ms 1000 --output report.json",
        server.url
    );
    let page = expect(here, 0, &line);
    assert!(page.starts_with("# PASS"), "{page}");
    let report = json_of(&here.join("report.json"));
    let checks = report["checks"].as_array().expect("checks");
    let names: Vec<&str> = checks.iter().filter_map(|check| check["name"].as_str()).collect();
    let expected = [
        "health",
        "metadata",
        "schema",
        "completeness",
        "range",
        "duplicates",
        "repeated",
        "reordered",
        "alone",
        "ranking",
        "clusters",
        "refusal",
        "latency",
    ];
    assert_eq!(names, expected);
    assert!(report["expected"]["rewards"]["as_coded"].as_f64().is_some_and(|reward| reward > 0.1));
    let slow = expect(
        here,
        1,
        &format!("validate {BATCH} --url {} --github-url {URL} --calls 1 --max-latency-ms 0", server.url),
    );
    assert!(slow.contains("| latency | **no** |"), "{slow}");
    drop(server);
    expect(here, 2, &format!("validate {BATCH} --url http://127.0.0.1:9"));
}

/// A server that answers, but not what was asked.
#[test]
fn a_server_that_does_not_fails_by_name() {
    let folder = own();
    let here = folder.path();
    let rows =
        json!([{"alert_id": "x", "score": 2, "model_version": "v", "latency_ms": 1, "explain_json": "{}"}]);
    let server = Server::new(
        [
            ("/score/alerts", rows),
            ("/health", json!({"status": "degraded"})),
            ("/version", json!({"api_version": "1"})),
        ]
        .map(|(path, body)| (path.to_owned(), body.to_string().into_bytes()))
        .into(),
    );
    let page = expect(
        here,
        1,
        &format!("validate {BATCH} --url {} --github-url {URL} --output report.json", server.url),
    );
    assert!(page.starts_with("# FAIL"), "{page}");
    let report = json_of(&here.join("report.json"));
    let checks = report["checks"].as_array().expect("checks");
    let passed: Vec<&str> =
        checks.iter().filter(|c| c["passed"] == true).filter_map(|c| c["name"].as_str()).collect();
    // it says the same thing every time, quickly and once
    assert_eq!(passed, ["duplicates", "repeated", "reordered", "alone", "latency"]);
    assert_eq!(report["rewards"][0]["status"], "tier1_failed");
}

#[test]
fn days_are_downloaded_by_the_command() {
    let folder = own();
    let here = folder.path();
    let published = here.join("data").canonicalize().expect("a folder");
    let mut files = std::collections::BTreeMap::new();
    for date in ["2025-11-03", "2025-11-04"] {
        let batch = published.join("snapshots/torus").join(date).join("30");
        for entry in fs::read_dir(batch).expect("readable") {
            let path = entry.expect("readable").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            files.insert(format!("/snapshots/torus/{date}/30/{name}"), fs::read(&path).expect("a file"));
        }
    }
    let server = Server::new(files);
    let common = format!("download --network torus --window-days 30 --output got --base-url {}", server.url);
    let text = expect(here, 0, &format!("{common} --from 2025-11-03 --to 2025-11-04"));
    assert_eq!(text.matches("fetched, ").count(), 2, "{text}");
    let text = expect(here, 1, &format!("{common} --from 2025-11-04 --to 2025-11-05"));
    assert!(text.contains("here already") && text.contains("torus-2025-11-05-30d: not published"), "{text}");
    expect(here, 2, &format!("{common} --from 2025-11-04 --to 2025-11-03"));
    expect(here, 2, "download --network torus --from 2025-11-03 --output got");
    let text = expect(
        here,
        2,
        "download --network ../x --from 2025-11-03 --output got --base-url http://127.0.0.1:9",
    );
    assert!(text.contains("expected letters"), "{text}");
    expect(here, 0, "inspect got/snapshots/torus/2025-11-04/30");
}
