//! The same scores and digests, whatever a request or an answer travels in.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::tables::{arrow_rows, tabular};
use super::{Reply, batch, header, rows, send, service, with_alerts, without_latency};

fn packed(coding: &str, bytes: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(vec![], Compression::default());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        }
        "zstd" => zstd::bulk::compress(bytes, 3).expect("memory"),
        _ => bytes.to_vec(),
    }
}

fn unpacked(reply: &Reply) -> Vec<u8> {
    match header(reply, "content-encoding") {
        "gzip" => {
            let mut text = vec![];
            GzDecoder::new(reply.body().as_slice()).read_to_end(&mut text).expect("gzip");
            text
        }
        "zstd" => zstd::stream::decode_all(reply.body().as_slice()).expect("zstd"),
        _ => reply.body().clone(),
    }
}

/// A request in lines of at most `n` rows of a list each; single rows stand without brackets.
fn in_lines(request: &str, n: usize) -> String {
    let request: Value = serde_json::from_str(request).expect("JSON");
    let mut lines = String::new();
    for (list, rows) in request.as_object().expect("an object") {
        for part in rows.as_array().map(Vec::as_slice).unwrap_or_default().chunks(n) {
            let line = if part.len() == 1 { json!({list: part[0]}) } else { json!({list: part}) };
            lines += &format!("{line}\n");
        }
    }
    lines
}

#[tokio::test]
async fn a_batch_in_lines_is_the_same_batch_however_it_is_cut() {
    let service = service();
    let request = with_alerts(rows(&batch()["alerts"])[..40].to_vec()).to_string();
    for path in ["/score/alerts?top=1", "/rank/alerts", "/score/clusters"] {
        let plain = send(&service, "POST", path, &[], request.as_bytes()).await;
        for n in [1, 7, 100] {
            let (lines, kind) =
                (in_lines(&request, n), ("content-type", "application/x-ndjson; charset=utf-8"));
            for coding in ["identity", "gzip"] {
                let headers = [kind, ("content-encoding", coding)];
                let reply = send(&service, "POST", path, &headers, &packed(coding, lines.as_bytes())).await;
                assert_eq!(reply.status(), 200, "{}", String::from_utf8_lossy(reply.body()));
                assert_eq!(header(&reply, "x-score-digest"), header(&plain, "x-score-digest"), "{path} {n}");
            }
        }
    }
    let kind = [("content-type", "application/x-ndjson")];
    for (bad, status) in [("{", 400), ("[]", 422), ("{\"alerts\": [{}]}", 422)] {
        assert_eq!(
            send(&service, "POST", "/score/alerts", &kind, bad.as_bytes()).await.status(),
            status,
            "{bad}"
        );
    }
    let infer = send(&service, "POST", "/v2/models/alert_scorer/infer", &kind, b"{}").await;
    assert_eq!(infer.status(), 415);
}

/// The rows of an answer, without `latency_ms`.
fn answer_rows(reply: &Reply) -> Vec<Value> {
    let text = unpacked(reply);
    let mut all: Vec<Value> = match header(reply, "content-type") {
        "application/vnd.apache.arrow.stream" => arrow_rows(&text),
        "application/x-ndjson" => {
            let text = String::from_utf8(text).expect("text");
            assert!(text.is_empty() || text.ends_with('\n'));
            text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
        }
        _ => serde_json::from_slice(&text).expect("rows"),
    };
    all.iter_mut().for_each(|row| _ = row.as_object_mut().expect("an object").remove("latency_ms"));
    all
}

#[tokio::test]
async fn every_way_there_and_back_gives_the_same_rows_and_digest() {
    let service = service();
    let request = with_alerts(rows(&batch()["alerts"])[..40].to_vec()).to_string();
    for path in ["/score/alerts?top=2", "/rank/alerts", "/score/clusters"] {
        let plain = send(&service, "POST", path, &[], request.as_bytes()).await;
        let expected = without_latency(&plain);
        for there in ["identity", "gzip", "zstd"] {
            for back in ["identity", "gzip", "zstd"] {
                for accept in ["application/json", "application/x-ndjson"] {
                    let headers =
                        [("content-encoding", there), ("accept-encoding", back), ("accept", accept)];
                    let reply =
                        send(&service, "POST", path, &headers, &packed(there, request.as_bytes())).await;
                    let way = format!("{path} {there} {back} {accept}");
                    assert_eq!(reply.status(), 200, "{way}");
                    assert_eq!(header(&reply, "content-type"), accept, "{way}");
                    assert_eq!(header(&reply, "vary"), "accept, accept-encoding", "{way}");
                    let coded = if back == "identity" { "" } else { back };
                    assert_eq!(header(&reply, "content-encoding"), coded, "{way}");
                    assert_eq!(header(&reply, "x-score-digest"), header(&plain, "x-score-digest"), "{way}");
                    let found: Vec<String> = answer_rows(&reply).iter().map(Value::to_string).collect();
                    assert_eq!(found, expected, "{way}");
                }
            }
        }
    }
}

#[tokio::test]
async fn bodies_that_are_not_what_they_say_are_refused() {
    let service = service();
    let body = batch().to_string();
    for coding in ["gzip", "zstd"] {
        let half = packed(coding, body.as_bytes());
        for bad in [body.as_bytes(), &half[..half.len() / 2]] {
            let reply = send(&service, "POST", "/score/alerts", &[("content-encoding", coding)], bad).await;
            assert_eq!(reply.status(), 400, "{coding}");
        }
    }
    let reply = send(&service, "POST", "/score/alerts", &[("content-encoding", "br")], body.as_bytes()).await;
    assert_eq!(reply.status(), 415);
    // a body of a few kilobytes that would be larger than all bodies may be
    let bomb = packed("zstd", &vec![b' '; aml_miner::server::MAX_BODY_BYTES + 1]);
    assert!(bomb.len() < 100_000);
    let reply = send(&service, "POST", "/score/alerts", &[("content-encoding", "zstd")], &bomb).await;
    assert_eq!(reply.status(), 413);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn split_and_recoded_requests_give_the_same_bytes_per_alert(
        from in 0_usize..60,
        n in 1_usize..30,
        there in prop::sample::select(vec!["identity", "gzip", "zstd"]),
        written in prop::sample::select(vec!["json", "arrow", "parquet", "mixed"]),
        accept in prop::sample::select(vec![
            "application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream",
        ]),
    ) {
        let alerts = rows(&batch()["alerts"]);
        let part = with_alerts(alerts[from..from + n].to_vec());
        let (kind, part) = match written {
            "json" => (("content-type", "application/json"), part.to_string().into_bytes()),
            written => tabular(written, &part),
        };
        let whole = with_alerts(alerts[..100].to_vec()).to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (part, whole) = runtime.block_on(async {
            let service = service();
            let headers = [kind, ("content-encoding", there), ("accept", accept), ("accept-encoding", "gzip")];
            let part = send(&service, "POST", "/score/alerts", &headers, &packed(there, &part)).await;
            let whole = send(&service, "POST", "/score/alerts", &[], whole.as_bytes()).await;
            (answer_rows(&part), answer_rows(&whole))
        });
        prop_assert_eq!(&part[..], &whole[from..from + n]);
        prop_assert_ne!(json!(part), json!([]));
    }
}
