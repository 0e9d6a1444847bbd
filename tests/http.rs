//! The contract of the six calls, through the filters and through a real socket of the real program.
#![allow(clippy::panic, clippy::unwrap_used, reason = "all of this is test code: a panic is a failed test")]

#[path = "http/access.rs"]
mod access;
#[path = "http/admin.rs"]
mod admin;
#[path = "http/audit.rs"]
mod audit;
#[path = "http/drift.rs"]
mod drift;
#[path = "http/encodings.rs"]
mod encodings;
#[path = "http/faults.rs"]
mod faults;
#[path = "http/openapi.rs"]
mod openapi;
#[path = "http/stored.rs"]
mod stored;
#[path = "http/tables.rs"]
mod tables;
#[path = "http/tls.rs"]
mod tls;
#[path = "http/v2.rs"]
mod v2;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aml_miner::aml::bundle::Bundle;
use aml_miner::determinism::digest::Digest;
use aml_miner::server::{Clock, Cors, MAX_BODY_BYTES, MAX_EXPLAINED_ROWS, Settings, State, routes};
use serde_json::{Value, json};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// Every look at this clock takes a millisecond; the day never changes.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn unix_ms(&self) -> i64 {
        1_763_640_000_000
    }
}

type Reply = warp::http::Response<Vec<u8>>;
type Service = BoxedFilter<(Response,)>;

fn bundle() -> Bundle {
    Bundle::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models")).expect("the shipped bundle loads")
}

fn service_with(settings: Settings, bundle: Option<Bundle>) -> (Arc<State>, Service) {
    let state = Arc::new(
        State::new(settings, Box::new(Ticking::default()), [7; 32], bundle).expect("the state sets up"),
    );
    (state.clone(), routes(state).map(warp::Reply::into_response).boxed())
}

fn service() -> Service {
    service_with(Settings::default(), Some(bundle())).1
}

async fn send(service: &Service, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let request = warp::test::request().method(method).path(path).body(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.reply(service).await.map(|body| body.to_vec())
}

async fn post(service: &Service, path: &str, body: &Value) -> Reply {
    send(service, "POST", path, &[("content-type", "application/json")], body.to_string().as_bytes()).await
}

async fn get(service: &Service, path: &str) -> Reply {
    send(service, "GET", path, &[], b"").await
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body())
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(reply.body())))
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aml-miner"));
    command
        .env_remove("LOG_LEVEL")
        .env_remove("API_PORT")
        .env_remove("API_HOST")
        .current_dir(std::env::temp_dir());
    command
}

/// The bundled batch as a request.
fn batch() -> &'static Value {
    static BATCH: OnceLock<Value> = OnceLock::new();
    BATCH.get_or_init(|| {
        let output = program().args(["request", "--quiet"]).output().expect("the program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    })
}

fn rows(value: &Value) -> &Vec<Value> {
    value.as_array().expect("an array")
}

/// An answer's rows without `latency_ms`, as text.
fn without_latency(reply: &Reply) -> Vec<String> {
    let mut answer = json_of(reply);
    for row in answer.as_array_mut().expect("an array") {
        row.as_object_mut().expect("an object").remove("latency_ms");
    }
    rows(&answer).iter().map(Value::to_string).collect()
}

fn with_alerts(alerts: Vec<Value>) -> Value {
    let mut request = batch().clone();
    request["alerts"] = alerts.into();
    request
}

// ---- the six calls

#[tokio::test]
async fn scores_come_in_request_order_with_contributions_that_add_up() {
    let service = service();
    let reply = post(&service, "/score/alerts", batch()).await;
    assert_eq!(reply.status(), 200, "{}", String::from_utf8_lossy(reply.body()));
    assert_eq!(header(&reply, "content-type"), "application/json");
    let answer = json_of(&reply);
    let alerts = rows(&batch()["alerts"]);
    assert_eq!(rows(&answer).len(), alerts.len());
    for (row, alert) in rows(&answer).iter().zip(alerts) {
        assert_eq!(row["alert_id"], alert["alert_id"]);
        let score = row["score"].as_f64().expect("a number");
        assert!((0.0..=1.0).contains(&score));
        assert!(row["latency_ms"].as_f64().expect("a number") > 0.0);
        assert!(row["model_version"].as_str().is_some_and(|v| !v.is_empty()));
        let why: Value =
            serde_json::from_str(row["explain_json"].as_str().expect("a string")).expect("JSON inside");
        assert!((1..=5).contains(&rows(&why["top_features"]).len()));
        for top in rows(&why["top_features"]) {
            let name = top["name"].as_str().expect("a name");
            assert_eq!(top["contribution"], why["feature_contributions"][name]);
            assert!(top["reason"].as_str().is_some_and(|r| !r.is_empty()));
        }
        let contributions = why["feature_contributions"].as_object().expect("an object");
        let parts: Vec<f64> = contributions.values().map(|v| v.as_f64().expect("a number")).collect();
        let (base, raw) =
            (why["base_value"].as_f64().expect("base"), why["raw_score"].as_f64().expect("raw"));
        let scale: f64 = base.abs() + parts.iter().map(|p| p.abs()).sum::<f64>();
        assert!((base + parts.iter().sum::<f64>() - raw).abs() <= 1e-9 * scale);
    }
}

#[tokio::test]
async fn ranks_count_from_one_by_falling_score() {
    let service = service();
    let reply = post(&service, "/rank/alerts", batch()).await;
    assert_eq!(reply.status(), 200, "{}", String::from_utf8_lossy(reply.body()));
    let answer = json_of(&reply);
    let ranked = rows(&answer);
    assert_eq!(ranked.len(), rows(&batch()["alerts"]).len());
    for (i, row) in ranked.iter().enumerate() {
        assert_eq!(row["rank"], json!(i + 1));
        assert!(row["model_version"].is_string());
    }
    assert!(ranked.windows(2).all(|w| w[0]["score"].as_f64() >= w[1]["score"].as_f64()));
    assert_eq!(header(&reply, "x-score-digest").len(), 64);
}

#[tokio::test]
async fn clusters_are_scored() {
    let service = service();
    let reply = post(&service, "/score/clusters", batch()).await;
    assert_eq!(reply.status(), 200, "{}", String::from_utf8_lossy(reply.body()));
    let (answer, clusters) = (json_of(&reply), rows(&batch()["clusters"]));
    assert_eq!(rows(&answer).len(), clusters.len());
    for (row, cluster) in rows(&answer).iter().zip(clusters) {
        assert_eq!(row["cluster_id"], cluster["cluster_id"]);
        assert!(row["score"].is_number() && row["latency_ms"].is_number() && row["explain_json"].is_string());
    }
}

#[tokio::test]
async fn query_chooses_how_much_is_explained() {
    let service = service();
    let request = with_alerts(rows(&batch()["alerts"])[..2].to_vec());
    for (query, expected) in [("?top=0", 0), ("?top=3", 3), ("?explain=true", 5)] {
        let reply = post(&service, &format!("/score/alerts{query}"), &request).await;
        let answer = json_of(&reply);
        let why: Value =
            serde_json::from_str(answer[0]["explain_json"].as_str().expect("text")).expect("JSON");
        assert_eq!(rows(&why["top_features"]).len(), expected, "{query}");
    }
    let plain = post(&service, "/score/alerts?explain=false", &request).await;
    let full = post(&service, "/score/alerts", &request).await;
    assert_eq!(json_of(&plain)[0]["explain_json"], Value::Null);
    assert_eq!(json_of(&plain)[0]["score"], json_of(&full)[0]["score"]);
}

#[tokio::test]
async fn health_version_metrics_and_info_tell_the_state() {
    let (state, service) = service_with(Settings::default(), Some(bundle()));
    let digest = state.bundle().expect("loaded").digest().to_string();
    post(&service, "/score/alerts", batch()).await;

    let health = json_of(&get(&service, "/health").await);
    assert_eq!(health["status"], "healthy");
    assert_eq!(
        health["models_loaded"],
        json!({"alert_scorer": true, "alert_ranker": true, "cluster_scorer": true})
    );
    assert_eq!(health["timestamp"], "2025-11-20T12:00:00.000Z");
    assert!(health["uptime_seconds"].as_f64().is_some_and(|s| s > 0.0));
    if cfg!(target_os = "linux") {
        assert!(health["memory_mb"].as_f64().is_some_and(|m| m > 1.0));
    }

    let reply = get(&service, "/version").await;
    let version = json_of(&reply);
    assert_eq!(header(&reply, "x-model-digest"), digest);
    for model in ["alert_scorer", "alert_ranker", "cluster_scorer"] {
        assert!(version[format!("{model}_version")].is_string());
        assert_eq!(version["model_versions"][model], version[format!("{model}_version")]);
        assert!(Digest::from_hex(version["model_sha256"][model].as_str().expect("text")).is_some());
    }
    for key in ["api_version", "rust_version", "engine_version"] {
        assert!(version[key].as_str().is_some_and(|v| v.contains('.')), "{key}");
    }

    let reply = get(&service, "/metrics").await;
    let text = String::from_utf8(reply.body().clone()).expect("text");
    let count = rows(&batch()["alerts"]).len();
    assert!(header(&reply, "content-type").starts_with("text/plain"));
    assert!(
        text.contains("aml_miner_http_requests_total{route=\"/score/alerts\",status=\"200\"} 1"),
        "{text}"
    );
    assert!(text.contains(&format!("aml_miner_alerts_scored_total {count}")), "{text}");
    assert!(text.contains(&format!("aml_miner_bundle_loaded{{model_digest=\"{digest}\"}} 1")), "{text}");
    assert!(text.contains("aml_miner_http_request_seconds_bucket{route=\"/score/alerts\""), "{text}");
    assert!(text.contains(&format!("aml_miner_score_count{{model=\"alert_scorer\"}} {count}")), "{text}");
    let drifts = text.lines().filter(|line| line.starts_with("aml_miner_feature_drift_psi{")).count();
    let lacks = text.lines().filter(|line| line.starts_with("aml_miner_feature_missing_ratio{")).count();
    assert!(drifts > 20 && lacks >= drifts, "{text}");
    let value =
        |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number");
    let ratios = text.lines().filter(|line| line.starts_with("aml_miner_feature_missing_ratio{"));
    assert!(ratios.map(value).all(|ratio| (0.0..=1.0).contains(&ratio)));

    assert_eq!(send(&service, "HEAD", "/health", &[], b"").await.status(), 200);
}

// ---- same request, same bytes

#[tokio::test]
async fn every_answer_bears_a_name_a_trace_and_guards() {
    let service = service();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let named = [("x-request-id", "batch-7"), ("traceparent", parent.as_str())];
    for (method, path, status) in
        [("GET", "/health", 200), ("POST", "/score/alerts", 400), ("GET", "/none", 404)]
    {
        let reply = send(&service, method, path, &named, b"").await;
        assert_eq!(reply.status(), status, "{path}");
        assert_eq!(header(&reply, "x-request-id"), "batch-7");
        assert!(header(&reply, "traceparent").starts_with(&format!("00-{trace}-")), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(header(&reply, name), value, "{path}");
        }
    }
    let (first, second) = (get(&service, "/health").await, get(&service, "/health").await);
    assert_ne!(header(&first, "x-request-id"), header(&second, "x-request-id"));
}

#[tokio::test]
async fn readiness_is_about_models_and_liveness_is_not() {
    let (state, service) = service_with(Settings::default(), None);
    assert_eq!(get(&service, "/livez").await.status(), 200);
    let reply = get(&service, "/readyz").await;
    assert_eq!((reply.status().as_u16(), header(&reply, "retry-after")), (503, "10"));
    state.swap(bundle());
    let reply = get(&service, "/readyz").await;
    assert_eq!(reply.status(), 200);
    assert_eq!(json_of(&reply)["model_digest"], bundle().digest().to_string());
}

#[tokio::test]
async fn the_digest_is_that_of_the_answer_without_latency_and_repeats() {
    let service = service();
    for path in ["/score/alerts", "/rank/alerts", "/score/clusters", "/score/alerts?top=2"] {
        let (first, second) = (post(&service, path, batch()).await, post(&service, path, batch()).await);
        assert_eq!(without_latency(&first), without_latency(&second), "{path}");
        assert_eq!(header(&first, "x-score-digest"), header(&second, "x-score-digest"), "{path}");
        // the text itself, with every latency cut out, not a re-encoding of it
        let text = String::from_utf8(first.body().clone()).expect("text");
        assert_eq!(
            Digest::of(cut_latency(&text).as_bytes()).to_string(),
            header(&first, "x-score-digest"),
            "{path}"
        );
        assert_eq!(header(&first, "x-model-digest"), bundle().digest().to_string());
    }
}

/// Removes `"latency_ms":number,` wherever it stands in compact JSON (explanations are strings, their quotes escaped).
fn cut_latency(text: &str) -> String {
    let mut parts = text.split("\"latency_ms\":");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find([',', '}']).expect("a number ends");
        if part[end..].starts_with(',') {
            out.push_str(&part[end + 1..]);
        } else {
            out.truncate(out.trim_end_matches(',').len());
            out.push_str(&part[end..]);
        }
    }
    out
}

#[tokio::test]
async fn an_alert_scores_the_same_in_any_company_and_order() {
    let service = service();
    let whole = without_latency(&post(&service, "/score/alerts", batch()).await);
    let alerts = rows(&batch()["alerts"]);

    let mut turned = batch().clone();
    for table in ["alerts", "features", "clusters", "money_flows"] {
        if let Some(rows) = turned[table].as_array_mut() {
            rows.reverse();
        }
    }
    let mut reversed = without_latency(&post(&service, "/score/alerts", &turned).await);
    reversed.reverse();
    assert_eq!(whole, reversed);

    let mut parts = vec![];
    for part in alerts.chunks(400) {
        parts.extend(without_latency(&post(&service, "/score/alerts", &with_alerts(part.to_vec())).await));
    }
    assert_eq!(whole, parts);
}

#[tokio::test]
async fn settings_change_no_score() {
    let few = Settings { workers: 1, queue: 1, threads: 1, ..Settings::default() };
    let many = Settings { workers: 8, queue: 9, threads: 8, ..Settings::default() };
    let mut digests = vec![];
    for settings in [few, many] {
        let service = service_with(settings, Some(bundle())).1;
        digests.push(header(&post(&service, "/score/alerts", batch()).await, "x-score-digest").to_owned());
    }
    assert_eq!(digests[0], digests[1]);
}

// ---- refusals

#[tokio::test]
async fn unknown_addresses_and_methods_are_named() {
    let service = service();
    for path in ["/nowhere", "/score", "/score/alerts/x", "//score/alerts", "/health/x"] {
        let reply = get(&service, path).await;
        assert_eq!((path, reply.status().as_u16()), (path, 404));
        assert!(json_of(&reply)["detail"].is_string());
    }
    for (method, path, allow) in [
        ("GET", "/score/alerts", "POST"),
        ("GET", "/score/alerts/", "POST"),
        ("PUT", "/rank/alerts", "POST"),
        ("DELETE", "/score/clusters", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("OPTIONS", "/version", "GET, HEAD"),
    ] {
        let reply = send(&service, method, path, &[], b"").await;
        assert_eq!((path, reply.status().as_u16(), header(&reply, "allow")), (path, 405, allow));
        assert!(json_of(&reply)["detail"].is_string());
    }
}

#[tokio::test]
async fn only_json_is_taken() {
    let service = service();
    let body = batch().to_string();
    for headers in [
        &[("content-type", "text/plain")][..],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/json"), ("content-encoding", "br")],
    ] {
        let reply = send(&service, "POST", "/score/alerts", headers, body.as_bytes()).await;
        assert_eq!(reply.status(), 415, "{headers:?}");
        assert!(json_of(&reply)["detail"].as_str().is_some_and(|d| d.contains("found")));
    }
    // silence about the type is taken as JSON
    assert_eq!(send(&service, "POST", "/score/alerts", &[], body.as_bytes()).await.status(), 200);
    for bad in [&b"not json"[..], b"", b"{", b"{\"alerts\": [}", b"\xff\xfe", b"{} {}"] {
        let reply =
            send(&service, "POST", "/score/alerts", &[("content-type", "application/json")], bad).await;
        assert_eq!(reply.status(), 400, "{:?}", String::from_utf8_lossy(bad));
        assert!(json_of(&reply)["detail"].as_str().is_some_and(|d| d.contains("not JSON")));
    }
}

#[tokio::test]
async fn every_fault_of_a_request_is_reported_at_once() {
    let service = service();
    let mut request = with_alerts(rows(&batch()["alerts"])[..3].to_vec());
    request["alerts"][0].as_object_mut().expect("an object").remove("alert_id");
    request["alerts"][1]["alert_confidence_score"] = json!("high");
    request["alerts"][2]["processing_date"] = json!("yesterday");
    let reply = post(&service, "/score/alerts?top=many&explain=perhaps", &request).await;
    assert_eq!(reply.status(), 422);
    let answer = json_of(&reply);
    let faults = rows(&answer["detail"]);
    let at = |loc: Value| {
        let fault = faults.iter().find(|f| f["loc"] == loc).unwrap_or_else(|| panic!("{loc} in {answer}"));
        assert!(fault["msg"].as_str().is_some_and(|m| !m.is_empty()) && fault["type"].is_string());
    };
    at(json!(["query", "top"]));
    at(json!(["query", "explain"]));
    at(json!(["body", "alerts", 0, "alert_id"]));
    at(json!(["body", "alerts", 1, "alert_confidence_score"]));
    at(json!(["body", "alerts", 2, "processing_date"]));
    assert_eq!(faults.len(), 5, "{answer}");
    for bad in [json!([]), json!("text"), json!(null), json!(7), json!({"alerts": 7})] {
        assert_eq!(post(&service, "/score/alerts", &bad).await.status(), 422, "{bad}");
    }
}

/// A valid request of exactly `length` bytes: blanks are JSON too.
fn padded(length: usize) -> Vec<u8> {
    let mut body = json!({"alerts": [], "features": [], "clusters": []}).to_string().into_bytes();
    body.resize(length, b' ');
    body
}

#[tokio::test]
async fn the_largest_body_is_taken_and_one_byte_more_is_not() {
    let json = [("content-type", "application/json")];
    for (settings, limit) in [
        (Settings::default(), MAX_BODY_BYTES),
        (Settings { max_body_bytes: 1000, ..Settings::default() }, 1000),
    ] {
        let service = service_with(settings, Some(bundle())).1;
        for (length, status) in [(limit - 1, 200), (limit, 200), (limit + 1, 413)] {
            let reply = send(&service, "POST", "/score/alerts", &json, &padded(length)).await;
            assert_eq!((length, reply.status().as_u16()), (length, status));
            if status == 413 {
                assert!(json_of(&reply)["detail"].as_str().is_some_and(|d| d.contains(&limit.to_string())));
            }
        }
    }
}

#[tokio::test]
async fn as_many_rows_are_explained_as_promised_and_not_one_more() {
    let service = service();
    let alert = &batch()["alerts"][0];
    let many = |n: usize| {
        let numbered = (0..n).map(|i| {
            let mut alert = alert.clone();
            alert["alert_id"] = json!(i.to_string());
            alert
        });
        json!({"alerts": numbered.collect::<Vec<_>>(), "features": [], "clusters": []})
    };
    let (most, more) = (many(MAX_EXPLAINED_ROWS), many(MAX_EXPLAINED_ROWS + 1));
    assert_eq!(post(&service, "/score/alerts?top=0", &most).await.status(), 200);
    let refused = post(&service, "/score/alerts?top=0", &more).await;
    assert_eq!(
        (refused.status().as_u16(), &json_of(&refused)["detail"][0]["loc"]),
        (422, &json!(["body", "alerts"]))
    );
    assert_eq!(post(&service, "/score/alerts?explain=false", &more).await.status(), 200);
}

#[tokio::test]
async fn without_models_the_server_is_degraded_until_some_are_swapped_in() {
    let (state, service) = service_with(Settings::default(), None);
    for path in ["/score/alerts", "/rank/alerts", "/score/clusters"] {
        let reply = post(&service, path, batch()).await;
        assert_eq!(reply.status(), 503);
        assert!(!header(&reply, "retry-after").is_empty());
    }
    let health = json_of(&get(&service, "/health").await);
    assert_eq!(
        (&health["status"], &health["models_loaded"]["alert_ranker"]),
        (&json!("degraded"), &json!(false))
    );
    assert_eq!(json_of(&get(&service, "/version").await)["alert_scorer_version"], Value::Null);
    state.swap(bundle());
    assert_eq!(post(&service, "/score/alerts", batch()).await.status(), 200);
    assert_eq!(json_of(&get(&service, "/health").await)["status"], "healthy");
}

#[tokio::test]
async fn a_deadline_that_passes_is_503() {
    let settings = Settings { timeout: Duration::ZERO, ..Settings::default() };
    let service = service_with(settings, Some(bundle())).1;
    let reply = post(&service, "/score/alerts", batch()).await;
    assert_eq!((reply.status().as_u16(), header(&reply, "retry-after")), (503, "1"));
}

#[tokio::test]
async fn a_rate_limit_is_kept_for_each_address() {
    let settings = Settings { rate_limit: NonZeroU32::new(2), ..Settings::default() };
    let service = service_with(settings, Some(bundle())).1;
    let body = json!({"alerts": [], "features": [], "clusters": []});
    let from = async |client: [u8; 4]| {
        let address = SocketAddr::from((client, 1));
        let request =
            warp::test::request().method("POST").path("/score/alerts").json(&body).remote_addr(address);
        request.reply(&service).await
    };
    assert_eq!(from([10, 0, 0, 1]).await.status(), 200);
    assert_eq!(from([10, 0, 0, 1]).await.status(), 200);
    let refused = from([10, 0, 0, 1]).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(from([10, 0, 0, 2]).await.status(), 200);
    assert_eq!(get(&service, "/health").await.status(), 200);
}

#[tokio::test]
async fn cors_is_off_until_origins_are_named() {
    let origin = [("origin", "https://desk.example")];
    let preflight = [
        ("origin", "https://desk.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let off = service();
    assert_eq!(header(&send(&off, "GET", "/health", &origin, b"").await, "access-control-allow-origin"), "");

    for cors in [Cors::Any, Cors::Origins(vec!["https://desk.example".into()])] {
        let settings = Settings { cors, ..Settings::default() };
        let service = service_with(settings, Some(bundle())).1;
        let reply = send(&service, "OPTIONS", "/score/alerts", &preflight, b"").await;
        assert_eq!(reply.status(), 200);
        assert_eq!(header(&reply, "access-control-allow-origin"), "https://desk.example");
        assert!(header(&reply, "access-control-allow-methods").contains("POST"));
        for path in ["/health", "/nowhere"] {
            let reply = send(&service, "GET", path, &origin, b"").await;
            assert_eq!(header(&reply, "access-control-allow-origin"), "https://desk.example", "{path}");
            assert!(header(&reply, "access-control-expose-headers").contains("x-score-digest"));
        }
        assert_eq!(get(&service, "/health").await.status(), 200);
    }
    let other = Settings { cors: Cors::Origins(vec!["https://else.example".into()]), ..Settings::default() };
    let service = service_with(other, Some(bundle())).1;
    assert_eq!(send(&service, "GET", "/health", &origin, b"").await.status(), 403);
}

// ---- the program and a socket

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        Server::start_by(program(), arguments)
    }

    fn start_by(mut program: Command, arguments: &[&str]) -> Self {
        let mut child = program
            .args(["serve", "--port", "0", "--log-format", "json"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).expect("text") > 0, "the log ended before the server listened");
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if let Some(url) = event["url"].as_str() {
                break url
                    .trim_start_matches("https://")
                    .trim_start_matches("http://")
                    .parse()
                    .expect("an address");
            }
        };
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Server { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server accepts");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        stream
    }

    /// Sends a whole request and reads the answer to its end: status line and headers, body.
    fn exchange(&self, request: &[u8]) -> (String, Vec<u8>) {
        let mut stream = self.connect();
        stream.write_all(request).expect("sends");
        finish(&mut stream)
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn finish(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = vec![];
    stream.read_to_end(&mut bytes).expect("an answer");
    let split = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("headers end");
    (String::from_utf8_lossy(&bytes[..split]).to_lowercase(), bytes[split + 4..].to_vec())
}

fn raw_post(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[test]
#[cfg(unix)]
fn the_program_serves_and_sigterm_lets_requests_finish() {
    let mut server = Server::start(&["--workers", "2"]);
    let (head, body) = server.exchange(&raw_post("/score/alerts", batch().to_string().as_bytes()));
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("x-score-digest: ") && head.contains("x-model-digest: "));
    let answer: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(rows(&answer).len(), rows(&batch()["alerts"]).len());

    // a chunked body, no length declared
    let text = json!({"alerts": [], "features": [], "clusters": []}).to_string();
    let chunked = format!(
        "POST /rank/alerts HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n0\r\n\r\n",
        text.len()
    );
    assert!(server.exchange(chunked.as_bytes()).0.starts_with("http/1.1 200"));

    // half of a request is under way when the signal comes
    let request = raw_post("/score/alerts", batch().to_string().as_bytes());
    let (first, second) = request.split_at(request.len() / 2);
    let mut under_way = server.connect();
    under_way.write_all(first).expect("sends");
    std::thread::sleep(Duration::from_millis(200));
    server.terminate();
    std::thread::sleep(Duration::from_millis(200));
    assert!(TcpStream::connect(server.address).is_err(), "no new connection is taken");
    under_way.write_all(second).expect("still listened to");
    let (head, late) = finish(&mut under_way);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let late: Value = serde_json::from_slice(&late).expect("JSON");
    assert_eq!(late[0]["score"], answer[0]["score"]);
    assert_eq!(server.child.wait().expect("ends").code(), Some(0));
}

/// Exit code and words of `health` asked of an address.
fn health(address: SocketAddr, timeout: &str) -> (Option<i32>, String) {
    let port = address.port().to_string();
    let output =
        program().args(["health", "--host", "0.0.0.0", "--port", &port, "--timeout", timeout]).output();
    let output = output.expect("the program runs");
    let words = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&words).trim_end().to_owned())
}

#[test]
#[cfg(unix)]
fn the_program_asks_a_service_for_its_health() {
    let mut server = Server::start(&[]);
    assert_eq!(health(server.address, "20"), (Some(0), "healthy".to_owned()));
    server.terminate();
    assert_eq!(server.child.wait().expect("ends").code(), Some(0));
    let (code, words) = health(server.address, "20");
    assert!(code == Some(1) && words.contains("refused"), "{code:?} {words}");
    let degraded = Server::start(&["--models", "no-such-folder", "--allow-degraded"]);
    assert_eq!(health(degraded.address, "20"), (Some(1), "degraded".to_owned()));
    // somebody who takes calls and never answers
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (code, words) = health(silent.local_addr().expect("bound"), "1");
    assert!(code == Some(1) && words.contains("within 1 s"), "{code:?} {words}");
}

#[test]
fn the_command_line_gives_the_digests_of_the_server() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let server = Server::start(&[]);
    for (command, path) in
        [("score", "/score/alerts"), ("rank", "/rank/alerts"), ("clusters", "/score/clusters")]
    {
        let output = program()
            .args([command, "--models"])
            .arg(root.join("models"))
            .arg(root.join("fixtures/demo"))
            .output()
            .expect("the program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let digest = text.lines().find_map(|line| line.strip_prefix("digest ")).expect("a digest");
        let (head, _) = server.exchange(&raw_post(path, batch().to_string().as_bytes()));
        assert!(head.contains(&format!("x-score-digest: {digest}")), "{command}: {digest} in {head}");
    }
}

#[test]
#[cfg(unix)]
fn a_stop_does_not_wait_beyond_its_deadline() {
    let mut server = Server::start(&["--drain", "1"]);
    let request = raw_post("/score/alerts", batch().to_string().as_bytes());
    let mut stuck = server.connect();
    stuck.write_all(&request[..request.len() / 2]).expect("sends");
    std::thread::sleep(Duration::from_millis(200));
    server.terminate();
    assert_eq!(server.child.wait().expect("ends").code(), Some(1));
}

#[test]
fn a_body_too_large_is_answered_over_a_socket_too() {
    let server = Server::start(&["--max-body", "100000"]);
    let (head, body) = server.exchange(&raw_post("/score/alerts", &padded(150_000)));
    assert!(head.starts_with("http/1.1 413"), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("100000"));
}

/// Whoever is refused before the body was read still gets to the end of sending, and so to the answer.
#[test]
fn a_refusal_waits_for_the_end_of_the_body() {
    let server = Server::start(&[]);
    let head = "POST /score/alerts HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 8000000\r\n\r\n";
    let (head, _) = server.exchange(&[head.as_bytes(), &padded(8_000_000)].concat());
    assert!(head.starts_with("http/1.1 415"), "{head}");
}

#[test]
fn models_that_do_not_load_stop_the_start_unless_degraded_is_allowed() {
    let output =
        program().args(["serve", "--models", "no-such-folder", "--port", "0"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-folder"));
    let server = Server::start(&["--models", "no-such-folder", "--allow-degraded"]);
    let (head, body) = server.exchange(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("http/1.1 200") && String::from_utf8_lossy(&body).contains("degraded"));
}
