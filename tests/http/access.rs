//! Who may call, and how long a client may take.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::json;

use super::{Server, get, header, json_of, padded, program, raw_post, send, service_with};
use aml_miner::aml::sot::MAX_TEXT_CHARS;
use aml_miner::server::{KeyFile, Scope, Settings};

const BODY: &[u8] = br#"{"alerts": [], "features": [], "clusters": []}"#;

#[tokio::test]
async fn a_key_opens_what_its_scopes_say() {
    let (state, service) = service_with(Settings::default(), Some(super::bundle()));
    let mut file = KeyFile::default();
    let mut add = |id: &str, scope, most: Option<u32>| {
        file.add(id, &[scope], most.and_then(NonZeroU32::new), [id.len() as u8; 32]).expect("a key")
    };
    let (score, read) = (add("score", Scope::Score, None), add("readers", Scope::Read, None));
    let few = add("two-only", Scope::Score, Some(2));
    // without keys, everybody
    assert_eq!(send(&service, "POST", "/score/alerts", &[], BODY).await.status(), 200);
    state.set_keys(Some(file.keys().expect("sound")));
    for path in [
        "/",
        "/health",
        "/livez",
        "/readyz",
        "/docs",
        "/openapi.json",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
    ] {
        assert_eq!(get(&service, path).await.status(), 200, "{path} is open");
    }
    for (method, path, fit, other) in [
        ("POST", "/score/alerts", &score, &read),
        ("POST", "/rank/alerts", &score, &read),
        ("POST", "/score/clusters", &score, &read),
        ("GET", "/version", &read, &score),
        ("GET", "/metrics", &read, &score),
        ("GET", "/v2/models/alert_scorer", &read, &score),
    ] {
        let refused = send(&service, method, path, &[], BODY).await;
        assert_eq!(
            (refused.status().as_u16(), header(&refused, "www-authenticate")),
            (401, "Bearer"),
            "{path}"
        );
        for wrong in ["", "amk_score_", &score[..score.len() - 1], &score.replace("score", "readers")] {
            assert_eq!(
                send(&service, method, path, &[("x-api-key", wrong)], BODY).await.status(),
                401,
                "{path} {wrong}"
            );
        }
        let reply = send(&service, method, path, &[("x-api-key", other)], BODY).await;
        assert_eq!(reply.status(), 403, "{path}");
        assert!(json_of(&reply).to_string().contains("scope") || path.starts_with("/v2"));
        for (name, value) in [("x-api-key", fit.clone()), ("authorization", format!("Bearer {fit}"))] {
            assert_eq!(send(&service, method, path, &[(name, &value)], BODY).await.status(), 200, "{path}");
        }
    }
    let mut statuses = vec![];
    for _ in 0..3 {
        statuses.push(
            send(&service, "POST", "/rank/alerts", &[("x-api-key", &few)], BODY).await.status().as_u16(),
        );
    }
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(send(&service, "POST", "/rank/alerts", &[("x-api-key", &score)], BODY).await.status(), 200);
}

#[tokio::test]
async fn depth_and_length_of_a_body_have_limits() {
    let (_, service) = service_with(Settings::default(), Some(super::bundle()));
    let post = async |body: String| {
        send(&service, "POST", "/score/alerts?explain=false", &[], body.as_bytes()).await
    };
    for (depth, status) in [(100, 200), (200, 400), (1_000_000, 400)] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let body = format!(r#"{{"alerts": [], "features": [], "clusters": [], "more": {deep}}}"#);
        assert_eq!(post(body).await.status(), status, "{depth}");
    }
    let mut request = super::with_alerts(super::rows(&super::batch()["alerts"])[..1].to_vec());
    for (length, status) in [(MAX_TEXT_CHARS - 1, 200), (MAX_TEXT_CHARS, 200), (MAX_TEXT_CHARS + 1, 422)] {
        request["alerts"][0]["description"] = json!("ä".repeat(length));
        assert_eq!(post(request.to_string()).await.status(), status, "{length}");
    }
    request["alerts"][0]["description"] = json!("");
    request["alerts"][0]["risk_indicators"] = json!(["x".repeat(MAX_TEXT_CHARS + 1)]);
    assert_eq!(post(request.to_string()).await.status(), 422);
}

#[test]
#[cfg(unix)]
fn slow_clients_are_left_and_the_others_are_served() {
    let server = Server::start(&["--client-timeout", "1"]);
    let mut silent = server.connect();
    let mut half_a_head = server.connect();
    half_a_head.write_all(b"GET /health HTTP/1.1\r\nHost:").expect("sends");
    let mut half_a_body = server.connect();
    let request = raw_post("/score/alerts", &padded(5000));
    half_a_body.write_all(&request[..3000]).expect("sends");
    assert!(server.exchange(&raw_post("/rank/alerts", BODY)).0.starts_with("http/1.1 200"));
    let mut answer = String::new();
    half_a_body.read_to_string(&mut answer).expect("an answer, then the end");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    for stream in [&mut silent, &mut half_a_head] {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        if let Err(error) = stream.read_to_end(&mut vec![]) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the connection ended");
        }
    }
}

#[test]
fn keys_are_made_and_taken_out_on_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys.json");
    let key = |arguments: &[&str]| {
        let output =
            program().args(["key", "--file"]).arg(&file).args(arguments).output().expect("the program runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("text").trim_end().to_owned())
    };
    let (code, text) = key(&["--name", "desk", "--scope", "score", "--per-minute", "600"]);
    assert!(code == Some(0) && text.starts_with("amk_desk_") && text.len() == 9 + 64, "{code:?} {text}");
    assert_eq!(key(&["--name", "desk"]).0, Some(2), "a name stands once");
    assert_eq!(key(&["--name", "a b"]).0, Some(2));
    assert_eq!(key(&["--name", "ops", "--scope", "all"]).0, Some(2));
    let server = Server::start(&["--keys", file.to_str().expect("UTF-8")]);
    let with = |key: &str| {
        let head = format!(
            "POST /rank/alerts HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Api-Key: {key}\r\nContent-Length: {}\r\n\r\n",
            BODY.len()
        );
        server.exchange(&[head.as_bytes(), BODY].concat()).0
    };
    assert!(with(&text).starts_with("http/1.1 200"));
    assert!(with("amk_desk_").starts_with("http/1.1 401"));
    assert_eq!(key(&["--name", "desk", "--revoke"]).0, Some(0));
    assert_eq!(key(&["--name", "desk", "--revoke"]).0, Some(2));
    #[cfg(unix)]
    {
        let pid = server.child.id().to_string();
        assert!(
            std::process::Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs").success()
        );
        let mut patience = 100;
        while with(&text).starts_with("http/1.1 200") && patience > 0 {
            std::thread::sleep(Duration::from_millis(50));
            patience -= 1;
        }
        assert!(with(&text).starts_with("http/1.1 401"), "the key is out after SIGHUP");
    }
}
