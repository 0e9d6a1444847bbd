//! The Open Inference Protocol: what it says, and that it says the same as the other calls.

use serde_json::{Value, json};

use super::{batch, get, header, json_of, post, rows, send, service, service_with};
use aml_miner::server::Settings;

fn tensor<'a>(answer: &'a Value, name: &str) -> &'a Value {
    rows(&answer["outputs"])
        .iter()
        .find(|t| t["name"] == name)
        .unwrap_or_else(|| panic!("{name} in {answer}"))
}

fn numbers(tensor: &Value) -> Vec<f64> {
    rows(&tensor["data"]).iter().map(|number| number.as_f64().expect("a number")).collect()
}

/// A batch as an input.
fn whole_batch() -> Value {
    json!({"id": "7", "inputs": [{"name": "batch", "datatype": "BYTES", "shape": [1], "data": [batch().to_string()]}]})
}

#[tokio::test]
async fn server_and_models_tell_what_they_are() {
    let (loaded, empty) = (service(), service_with(Settings::default(), None).1);
    assert_eq!(json_of(&get(&loaded, "/v2").await)["extensions"], json!(["binary_tensor_data", "explain"]));
    assert_eq!(json_of(&get(&empty, "/v2/health/live").await), json!({"live": true}));
    assert_eq!(json_of(&get(&loaded, "/v2/health/ready").await), json!({"ready": true}));
    assert_eq!(get(&empty, "/v2/health/ready").await.status(), 503);
    for name in ["alert_scorer", "alert_ranker", "cluster_scorer"] {
        let model = json_of(&get(&loaded, &format!("/v2/models/{name}")).await);
        let version = model["versions"][0].as_str().expect("a version").to_owned();
        assert_eq!(json_of(&get(&loaded, &format!("/v2/models/{name}/versions/{version}")).await), model);
        let width = rows(&model["features"]).len();
        assert_eq!(model["inputs"][0], json!({"name": "features", "datatype": "FP64", "shape": [-1, width]}));
        let ready = json_of(&get(&loaded, &format!("/v2/models/{name}/versions/{version}/ready")).await);
        assert_eq!(ready, json!({"name": name, "ready": true}));
        assert_eq!(get(&empty, &format!("/v2/models/{name}/ready")).await.status(), 503);
    }
    for path in ["/v2/models/other", "/v2/models/alert_scorer/versions/9", "/v2/models/other/ready"] {
        let reply = get(&loaded, path).await;
        assert_eq!(reply.status(), 404, "{path}");
        assert!(json_of(&reply)["error"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn a_batch_gets_the_scores_of_the_other_calls() {
    let service = service();
    for (name, path, id) in [
        ("alert_scorer", "/score/alerts?explain=false", "alert_id"),
        ("alert_ranker", "/rank/alerts", "alert_id"),
        ("cluster_scorer", "/score/clusters?explain=false", "cluster_id"),
    ] {
        let reply = post(&service, &format!("/v2/models/{name}/infer"), &whole_batch()).await;
        assert_eq!(reply.status(), 200, "{}", String::from_utf8_lossy(reply.body()));
        assert_eq!(
            (header(&reply, "x-score-digest").len(), header(&reply, "x-model-digest").len()),
            (64, 64)
        );
        let answer = json_of(&reply);
        assert_eq!((&answer["model_name"], &answer["id"]), (&json!(name), &json!("7")));
        let expected = json_of(&post(&service, path, batch()).await);
        let (ids, scores) = (rows(&tensor(&answer, "id")["data"]), numbers(tensor(&answer, "score")));
        assert_eq!(ids.len(), rows(&expected).len());
        for row in rows(&expected) {
            let at = ids.iter().position(|found| *found == row[id]).expect("the id");
            assert_eq!(Some(scores[at]), row["score"].as_f64());
            assert_eq!(answer["model_version"], row["model_version"]);
            if let Some(rank) = row["rank"].as_u64() {
                assert_eq!(tensor(&answer, "rank")["data"][at].as_u64(), Some(rank), "ties apart");
            }
        }
    }
}

#[tokio::test]
async fn explanations_add_up_and_features_score_as_their_batch_does() {
    let service = service();
    for name in ["alert_scorer", "alert_ranker", "cluster_scorer"] {
        let path = format!("/v2/models/{name}");
        let answer = json_of(&post(&service, &format!("{path}/explain"), &whole_batch()).await);
        let contributions = tensor(&answer, "contributions");
        let width = contributions["shape"][1].as_u64().expect("a width") as usize;
        let (parts, raw) = (numbers(contributions), numbers(tensor(&answer, "raw_score")));
        let base = numbers(tensor(&answer, "base_value"))[0];
        for (parts, raw) in parts.chunks(width).zip(&raw) {
            let scale: f64 = base.abs() + parts.iter().map(|p| p.abs()).sum::<f64>();
            assert!((base + parts.iter().sum::<f64>() - raw).abs() <= 1e-9 * scale, "{name}");
        }
        // three rows of features, one of them without any
        let mut data = vec![json!([0.25]); width - 1];
        data.extend(vec![json!(1.0), Value::Null]);
        data.extend(vec![json!(3); width - 1]);
        data.extend(vec![Value::Null; width]);
        let input = json!({"name": "features", "datatype": "FP64", "shape": [3, width], "data": data});
        let answer = json_of(&post(&service, &format!("{path}/infer"), &json!({"inputs": [input]})).await);
        assert_eq!(tensor(&answer, "score")["shape"], json!([3]), "{answer}");
        assert!(rows(&answer["outputs"]).iter().all(|t| t["name"] != "id" && t["name"] != "contributions"));

        // the same as bytes, answered as bytes
        let bytes: Vec<u8> = data
            .iter()
            .flat_map(|cell| cell[0].as_f64().or(cell.as_f64()).unwrap_or(f64::NAN).to_le_bytes())
            .collect();
        let input = json!({"name": "features", "datatype": "FP64", "shape": [3, width], "parameters": {"binary_data_size": bytes.len()}});
        let outputs = json!([{"name": "score", "parameters": {"binary_data": true}}, {"name": "raw_score"}]);
        let head = json!({"inputs": [input], "outputs": outputs}).to_string();
        let length = head.len().to_string();
        let headers = [
            ("content-type", "application/octet-stream"),
            ("inference-header-content-length", length.as_str()),
        ];
        let body = [head.as_bytes(), &bytes].concat();
        let reply = send(&service, "POST", &format!("{path}/infer"), &headers, &body).await;
        assert_eq!(reply.status(), 200, "{}", String::from_utf8_lossy(reply.body()));
        let length: usize = header(&reply, "inference-header-content-length").parse().expect("a length");
        let (head, bytes) = reply.body().split_at(length);
        let head: Value = serde_json::from_slice(head).expect("JSON");
        assert_eq!(head["outputs"][0]["parameters"], json!({"binary_data_size": 24}));
        let scores: Vec<f64> =
            bytes.chunks(8).map(|item| f64::from_le_bytes(item.try_into().expect("eight"))).collect();
        assert_eq!(scores, numbers(tensor(&answer, "score")));
        assert_eq!(head["outputs"][1], *tensor(&answer, "raw_score"));
    }
}

#[tokio::test]
async fn faults_are_said_in_the_protocols_words() {
    let service = service();
    let input = |name: &str, datatype: &str, shape: Value, data: Value| json!({"inputs": [{"name": name, "datatype": datatype, "shape": shape, "data": data}]});
    for (status, body) in [
        (422, json!({})),
        (422, json!({"inputs": []})),
        (422, json!({"inputs": 7})),
        (422, input("other", "FP64", json!([1, 1]), json!([1]))),
        (422, input("features", "FP64", json!([1, 1]), json!([1]))),
        (422, input("features", "FP64", json!([1, 2]), json!([1]))),
        (422, input("features", "FP16", json!([1, 1]), json!([1]))),
        (422, input("features", "BYTES", json!([1]), json!(["x"]))),
        (422, input("batch", "BYTES", json!([2]), json!(["{}", "{}"]))),
        (422, input("batch", "BYTES", json!([1]), json!(["{}"]))),
        (400, input("batch", "BYTES", json!([1]), json!(["{"]))),
        (422, json!({"inputs": whole_batch()["inputs"], "outputs": [{"name": "contributions"}]})),
    ] {
        let reply = post(&service, "/v2/models/alert_scorer/infer", &body).await;
        assert_eq!(reply.status(), status, "{body}");
        assert!(json_of(&reply)["error"].as_str().is_some_and(|e| !e.is_empty()), "{body}");
    }
    let deep = format!("{{\"inputs\":[{{\"data\":{}", "[".repeat(100_000));
    let reply = send(&service, "POST", "/v2/models/alert_scorer/infer", &[], deep.as_bytes()).await;
    assert_eq!(reply.status(), 400);
    for length in ["x", "-1", "999999"] {
        let headers = [("inference-header-content-length", length)];
        let reply = send(&service, "POST", "/v2/models/alert_scorer/infer", &headers, b"{}").await;
        assert!(matches!(reply.status().as_u16(), 400 | 415), "{length}");
    }
    assert_eq!(post(&service, "/v2/models/other/infer", &whole_batch()).await.status(), 404);
}
