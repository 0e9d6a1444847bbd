//! /openapi.json against what the service really takes and answers, and the page that shows it.

use serde_json::{Value, json};

use super::{batch, get, header, json_of, post, rows, send, service, service_with};
use aml_miner::server::Settings;

async fn document() -> Value {
    json_of(&get(&service(), "/openapi.json").await)
}

/// A validator of a schema of the document, whose references lead into the document.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut whole = json!({"$schema": "https://json-schema.org/draft/2020-12/schema"});
    whole["components"] = document["components"].clone();
    whole["allOf"] = json!([schema]);
    jsonschema::options().should_validate_formats(true).build(&whole).expect("a sound schema")
}

/// The schema of a call's answer, shut: a field that it does not name is a fault.
fn answer_schema<'a>(document: &'a Value, method: &str, path: &str, status: &str) -> &'a Value {
    let schema =
        &document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} {status}");
    schema
}

/// No object of the components takes fields that it does not name.
fn shut(document: &mut Value) {
    for schema in document["components"]["schemas"].as_object_mut().expect("schemas").values_mut() {
        if schema["properties"].is_object() {
            schema["additionalProperties"] = json!(false);
        }
    }
}

#[tokio::test]
async fn answers_keep_their_schemas_and_have_no_field_beside_them() {
    let mut document = document().await;
    shut(&mut document);
    let (loaded, empty) = (service(), service_with(Settings::default(), None).1);
    for (method, path, status) in [
        ("POST", "/score/alerts", 200),
        ("POST", "/rank/alerts", 200),
        ("POST", "/score/clusters", 200),
        ("GET", "/health", 200),
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
        ("GET", "/readyz", 503),
        ("GET", "/version", 200),
        ("GET", "/", 200),
    ] {
        let service = if status == 503 { &empty } else { &loaded };
        let body = if method == "POST" { batch().to_string() } else { String::new() };
        let reply = send(service, method, path, &[], body.as_bytes()).await;
        assert_eq!(reply.status(), status, "{path}");
        let schema = answer_schema(&document, &method.to_ascii_lowercase(), path, &status.to_string());
        let answer = json_of(&reply);
        let faults: Vec<String> = validator(&document, schema)
            .iter_errors(&answer)
            .map(|e| format!("{e} at {}", e.instance_path()))
            .take(3)
            .collect();
        assert!(faults.is_empty(), "{path}: {faults:?}");
    }
}

#[tokio::test]
async fn refusals_keep_their_schemas() {
    let (document, service) = (document().await, service());
    let long = json!({"alerts": [{}], "features": 7}).to_string();
    for (kind, body, status) in
        [("application/json", "{", 400), ("text/plain", "{}", 415), ("application/json", long.as_str(), 422)]
    {
        let reply = send(&service, "POST", "/score/alerts", &[("content-type", kind)], body.as_bytes()).await;
        assert_eq!(reply.status(), status);
        let schema = answer_schema(&document, "post", "/score/alerts", &status.to_string());
        assert!(validator(&document, schema).is_valid(&json_of(&reply)), "{status}");
    }
}

#[tokio::test]
async fn bodies_are_taken_and_refused_as_the_schema_says() {
    let (document, service) = (document().await, service());
    let schema = json!({"$ref": "#/components/schemas/BatchData"});
    let validator = validator(&document, &schema);
    let small = || {
        let mut small = json!({});
        for table in ["alerts", "features", "clusters", "money_flows"] {
            small[table] = rows(&batch()[table])[..2].into();
        }
        small
    };
    assert!(validator.is_valid(batch()));
    let mut tried = 0;
    for (table, value) in [
        ("alerts", Value::Null),
        ("alerts", json!(7)),
        ("alerts", json!("")),
        ("alerts", json!([])),
        ("alerts", json!(true)),
        ("clusters", Value::Null),
        ("clusters", json!("x")),
        ("clusters", json!(-1)),
        ("clusters", json!(1.5)),
        ("clusters", json!(["a"])),
        ("money_flows", Value::Null),
        ("money_flows", json!(-1)),
        ("money_flows", json!(0)),
        ("features", json!("")),
        ("features", json!("much")),
        ("features", json!({})),
    ] {
        let columns: Vec<String> =
            small()[table][0].as_object().expect("an object").keys().cloned().collect();
        for column in columns {
            for gone in [false, true] {
                let mut request = small();
                let row = request[table][0].as_object_mut().expect("an object");
                _ = if gone { row.remove(&column) } else { row.insert(column.clone(), value.clone()) };
                let taken = post(&service, "/score/alerts?explain=false", &request).await.status();
                let (valid, taken) = (validator.is_valid(&request), taken == 200);
                assert_eq!(valid, taken, "{table} {column} {value} gone: {gone}");
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried}");
}

#[tokio::test]
async fn every_call_is_described_and_every_description_is_a_call() {
    let (document, service) = (document().await, service());
    assert_eq!(document["openapi"], "3.1.0");
    let described: Vec<String> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().expect("methods").keys().map(move |m| format!("{} {path}", m.to_uppercase()))
        })
        .collect();
    let mut listed: Vec<String> =
        serde_json::from_value(json_of(&get(&service, "/").await)["calls"].clone()).expect("texts");
    listed.sort();
    let mut sorted = described.clone();
    sorted.sort();
    assert_eq!(sorted, listed);
    for call in described {
        let (method, path) = call.split_once(' ').expect("two words");
        assert_ne!(send(&service, method, path, &[], b"").await.status(), 405, "{call}");
        assert_eq!(send(&service, "DELETE", path, &[], b"").await.status(), 405, "{call}");
    }
    let reference = include_str!("../../docs/api_reference.md");
    for call in &listed {
        let path = call.split_once(' ').expect("two words").1;
        assert!(reference.contains(path), "docs/api_reference.md does not name {path}");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let service = service();
    let page = get(&service, "/docs").await;
    assert_eq!((page.status().as_u16(), header(&page, "content-type")), (200, "text/html; charset=utf-8"));
    let policy = header(&page, "content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    for path in ["/docs", "/docs/page.js", "/docs/page.css"] {
        let text = String::from_utf8(get(&service, path).await.into_body()).expect("text");
        assert!(!text.contains("//") || text.lines().all(|line| !line.contains("http")), "{path}");
        for name in text.split(['"', '(', ')']).filter(|word| word.starts_with('/') && word.len() > 2) {
            assert_eq!(
                get(&service, name.split(' ').next().expect("a word")).await.status(),
                200,
                "{path}: {name}"
            );
        }
    }
}
