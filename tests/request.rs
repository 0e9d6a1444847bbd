//! The reader of request bodies against its slow twin: a tree of JSON values, walked field by field with rules written down
//! a second time. Bodies are sound ones with random damage; what both say must be equal, to the word and the order.
#![allow(clippy::panic, clippy::unwrap_used, reason = "all of this is test code: a panic is a failed test")]

#[path = "request/twin.rs"]
mod twin;

use aml_miner::aml::sot::{Batch, RequestFaults, request_body};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn alert(id: &str, address: &str) -> Value {
    json!({"alert_id": id, "processing_date": "2025-06-30", "window_days": 30, "address": address,
        "typology_type": "STRUCTURING", "pattern_id": "p", "pattern_type": "", "severity": "high",
        "suspected_address_type": "unknown", "suspected_address_subtype": "", "alert_confidence_score": 0.25,
        "description": "ä \"quoted\" \\ text", "volume_usd": 12.5, "evidence_json": "{\"hops\": 3}",
        "risk_indicators": ["x", "y"]})
}

fn cluster(id: &str) -> Value {
    json!({"cluster_id": id, "processing_date": "2025-06-30", "window_days": 30, "cluster_type": "same_entity",
        "primary_address": "a", "pattern_id": "", "primary_alert_id": "1", "related_alert_ids": ["1", "2"],
        "addresses_involved": ["a", "b"], "total_alerts": 2, "total_volume_usd": 99.5, "severity_max": "low",
        "confidence_avg": 0.5, "earliest_alert_timestamp": 1, "latest_alert_timestamp": 2})
}

fn flow(from: &str, to: &str) -> Value {
    json!({"from_address": from, "to_address": to, "tx_count": 3, "amount_sum": 1.5, "amount_usd_sum": 20.25,
        "first_seen_timestamp": 5, "last_seen_timestamp": 9, "active_days": 1, "avg_tx_size_usd": 6.75,
        "unique_assets": 1, "dominant_asset": "TOR", "hourly_pattern": [1, 2], "weekly_pattern": [],
        "reciprocity_ratio": 0.5, "is_bidirectional": true})
}

/// A sound body.
fn sound() -> Value {
    let features = [
        json!({"address": "a", "total_in_usd": 1.25, "kcore": 3.0, "own_column": -0.5}),
        json!({"address": "b", "total_in_usd": 7.0, "own_column": 1e-300, "velocity_score": 0.75}),
    ];
    json!({"alerts": [alert("1", "a"), alert("2", "b")], "features": features, "clusters": [cluster("c")],
        "money_flows": [flow("a", "b"), flow("b", "c")]})
}

/// Values that fit somewhere, and values that fit nowhere.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        any::<f64>().prop_map(|x| if x.is_finite() { x.into() } else { Value::Null }),
        prop::sample::select(vec![
            "",
            " ",
            "NaN",
            "inf",
            "1",
            "-2",
            "0.5",
            "1e400",
            "2025-01-02",
            "null",
            "{}",
            "ä\u{1}"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[a-c]", inner), 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// One change of a body: where, and what to.
#[derive(Clone, Debug)]
struct Damage {
    list: usize,
    row: usize,
    field: usize,
    to: Value,
    kind: u8,
}

fn damage() -> impl Strategy<Value = Damage> {
    (0_usize..4, 0_usize..2, 0_usize..16, any_value(), 0_u8..12)
        .prop_map(|(list, row, field, to, kind)| Damage { list, row, field, to, kind })
}

const LISTS: [&str; 4] = ["alerts", "features", "clusters", "money_flows"];

fn apply(body: &mut Value, damage: &Damage) {
    let list = LISTS[damage.list];
    let row = match (damage.kind, body.get_mut(list).and_then(Value::as_array_mut)) {
        (0, _) => return body[list] = damage.to.clone(),
        (1, _) => return drop(body.as_object_mut().unwrap().remove(list)),
        (2, Some(rows)) => return rows.push(damage.to.clone()),
        (3, Some(rows)) if !rows.is_empty() => return rows.push(rows[0].clone()),
        (4, Some(rows)) => {
            return rows.push(json!({"source_address": "a", "dest_address": "b", "amount_usd": damage.to}));
        }
        (_, Some(rows)) => rows.get_mut(damage.row).and_then(Value::as_object_mut),
        (_, None) => None,
    };
    let Some(row) = row else { return };
    let Some(name) = row.keys().nth(damage.field % row.len().max(1)).cloned() else { return };
    match damage.kind {
        5 => _ = row.remove(&name),
        6 => _ = row.insert("unknown".into(), damage.to.clone()),
        7 => _ = row.insert("timestamp".into(), damage.to.clone()),
        8 => _ = row.insert("source_address".into(), damage.to.clone()),
        _ => _ = row.insert(name, damage.to.clone()),
    }
}

/// What the reader says: its batch as a body again, or its faults.
fn told(body: &[u8]) -> Result<Value, Vec<String>> {
    match Batch::from_json(body) {
        Ok(batch) => Ok(request_body(&batch)),
        Err(RequestFaults::Invalid { faults }) => {
            Err(faults.iter().map(|fault| serde_json::to_string(fault).unwrap()).collect())
        }
        Err(other) => panic!("{other}"),
    }
}

/// The body with each object's fields in the opposite order, with blanks, with every letter escaped, and with a first copy of
/// each field that the second one overrides.
fn disguised(value: &Value, out: &mut String) {
    let text = |text: &str, out: &mut String| {
        out.push('"');
        text.encode_utf16().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        out.push('"');
    };
    match value {
        Value::String(found) => text(found, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { " ,\n" } else { "\t" });
                disguised(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (name, _) in fields {
                text(name, out);
                out.push_str(": [{\"of\": [1e5, \"none\"]}, -0.5] ,");
            }
            for (i, (name, value)) in fields.iter().rev().enumerate() {
                out.push_str(if i > 0 { " ,\r" } else { " " });
                text(name, out);
                out.push_str(" : ");
                disguised(value, out);
            }
            // an object without fields got no comma either
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[test]
fn a_sound_body_comes_back_as_it_was() {
    assert_eq!(told(sound().to_string().as_bytes()), Ok(sound()));
    assert_eq!(twin::faults(&sound()), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn faults_are_those_of_the_twin(all in prop::collection::vec(damage(), 0..5)) {
        let mut body = sound();
        all.iter().for_each(|damage| apply(&mut body, damage));
        let (found, expected) = (told(body.to_string().as_bytes()), twin::faults(&body));
        match &found {
            Ok(_) => prop_assert!(expected.is_empty(), "{expected:#?}\n{body}"),
            Err(faults) => prop_assert_eq!(faults, &expected, "{}", body),
        }
        let mut text = String::new();
        disguised(&body, &mut text);
        prop_assert_eq!(told(text.as_bytes()), found, "{}", text);
    }

    #[test]
    fn damaged_text_is_refused_in_the_words_of_the_parser(at in 0.0_f64..1.0, byte in any::<u8>(), cut in any::<bool>()) {
        let mut body = sound().to_string().into_bytes();
        let at = (at * body.len() as f64) as usize;
        if cut { body.truncate(at) } else { body[at] = byte }
        let parsed: Result<Value, serde_json::Error> = serde_json::from_slice(&body);
        match (Batch::from_json(&body), parsed) {
            (Err(RequestFaults::NotJson { line, column, reason }), Err(error)) => {
                prop_assert_eq!((line, column, reason), (error.line(), error.column(), error.to_string()));
            }
            (Ok(_) | Err(RequestFaults::Invalid { .. }), Ok(_)) => {}
            (found, parsed) => prop_assert!(false, "{found:?}, but {parsed:?}"),
        }
    }
}
