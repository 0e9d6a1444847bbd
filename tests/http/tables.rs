//! Requests that come as tables: Parquet in a form, Arrow streams one behind the other; and answers as an Arrow stream.

use std::sync::OnceLock;

use aml_miner::aml::sot::{Batch, TableKind, to_table};
use aml_miner::server::Settings;
use aml_miner::table::{Table, TableColumn, Values, arrow, parquet};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Reply, batch, header, json_of, rows, send, service, service_with, with_alerts, without_latency};

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=between");
const ARROW: (&str, &str) = ("content-type", "application/vnd.apache.arrow.stream");

const KINDS: [TableKind; 4] =
    [TableKind::Alerts, TableKind::Features, TableKind::Clusters, TableKind::MoneyFlows];

/// The tables of a request, each under its name.
pub(super) fn tables(request: &Value) -> Vec<Table> {
    let batch = Batch::from_json(request.to_string().as_bytes()).expect("a sound request");
    let table =
        |kind| Table { name: TableKind::name(kind).to_owned(), ..to_table(&batch, kind).expect("there") };
    KINDS.into_iter().map(table).collect()
}

pub(super) fn form(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![];
    for (name, bytes) in parts {
        let head = format!("--between\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--between--\r\n");
    body
}

/// A request as a form with a part for each table; `write` makes the bytes of a part.
fn form_of(tables: &[Table], write: fn(&Table) -> Vec<u8>) -> Vec<u8> {
    let parts: Vec<(&str, Vec<u8>)> = tables.iter().map(|t| (t.name.as_str(), write(t))).collect();
    form(&parts)
}

fn as_parquet(table: &Table) -> Vec<u8> {
    parquet::to_bytes(table).expect("encodes")
}

fn as_arrow(table: &Table) -> Vec<u8> {
    arrow::to_bytes(table).expect("encodes")
}

/// A request in a tabular encoding, with the header that declares it.
pub(super) fn tabular(encoding: &str, request: &Value) -> ((&'static str, &'static str), Vec<u8>) {
    let tables = tables(request);
    match encoding {
        "arrow" => (ARROW, tables.iter().flat_map(as_arrow).collect()),
        "parquet" => (FORM, form_of(&tables, as_parquet)),
        _ => {
            // every encoding in one form
            let text = |list: &str| request[list].to_string().into_bytes();
            let parts = [
                ("clusters", text("clusters")),
                ("alerts", as_parquet(&tables[0])),
                ("money_flows", as_parquet(&tables[3])),
                ("features", as_arrow(&tables[1])),
            ];
            (FORM, form(&parts))
        }
    }
}

/// The rows of an Arrow answer as those of JSON are, without `latency_ms`.
pub(super) fn arrow_rows(bytes: &[u8]) -> Vec<Value> {
    let table = arrow::read_streams("answer", bytes, &|_| true).expect("a stream").remove(0);
    let value = |values: &Values, row: usize| match values {
        Values::Text(v) => json!(v[row]),
        Values::UInt(v) => json!(v[row]),
        Values::F64(v) => json!(v[row]),
        other => panic!("a column of {}", other.kind()),
    };
    let row = |row: usize| {
        let columns = table.columns.iter().filter(|column| column.name != "latency_ms");
        Value::Object(columns.map(|column| (column.name.clone(), value(&column.values, row))).collect())
    };
    (0..table.n_rows).map(row).collect()
}

#[tokio::test]
async fn tables_give_the_same_rows_and_digest_as_json() {
    let service = service();
    let request = with_alerts(rows(&batch()["alerts"])[..40].to_vec());
    for path in ["/score/alerts?top=2", "/score/alerts?explain=false", "/rank/alerts", "/score/clusters"] {
        let plain = send(&service, "POST", path, &[], request.to_string().as_bytes()).await;
        let expected = without_latency(&plain);
        for encoding in ["arrow", "parquet", "mixed"] {
            let (kind, body) = tabular(encoding, &request);
            // a body that was kept is read without its head
            for headers in [&[kind, ("accept", ARROW.1)][..], &[]] {
                let reply = send(&service, "POST", path, headers, &body).await;
                assert_eq!(
                    reply.status(),
                    200,
                    "{path} {encoding} {}",
                    String::from_utf8_lossy(reply.body())
                );
                assert_eq!(
                    header(&reply, "x-score-digest"),
                    header(&plain, "x-score-digest"),
                    "{path} {encoding}"
                );
                let found: Vec<String> = if headers.is_empty() {
                    without_latency(&reply)
                } else {
                    assert_eq!(header(&reply, "content-type"), ARROW.1);
                    arrow_rows(reply.body()).iter().map(Value::to_string).collect()
                };
                assert_eq!(found, expected, "{path} {encoding}");
            }
        }
    }
}

/// Where every row of a request's list is made wrong, the same fault comes in every encoding.
#[tokio::test]
async fn faults_are_told_in_the_same_words_as_those_of_json() {
    let service = service();
    let mut request = with_alerts(rows(&batch()["alerts"])[..5].to_vec());
    let mut tables = tables(&request);
    let column = |table: &mut Table, name: &str, change: &dyn Fn(&mut Values)| {
        change(&mut table.columns.iter_mut().find(|column| column.name == name).expect("there").values);
    };
    request["alerts"][3]["alert_confidence_score"] = Value::Null;
    column(&mut tables[0], "alert_confidence_score", &|values| match values {
        Values::F64(scores) => scores[3] = f64::NAN,
        other => panic!("{}", other.kind()),
    });
    request["alerts"][4]["alert_id"] = json!("");
    column(&mut tables[0], "alert_id", &|values| match values {
        Values::Text(ids) => ids[4] = Some(String::new()),
        other => panic!("{}", other.kind()),
    });
    for row in request["clusters"].as_array_mut().expect("a list") {
        row.as_object_mut().expect("an object").remove("total_alerts");
    }
    tables[2].columns.retain(|column| column.name != "total_alerts");
    let first = request["features"][0]["address"].clone();
    request["features"][1]["address"] = first;
    column(&mut tables[1], "address", &|values| match values {
        Values::Text(addresses) => addresses[1] = addresses[0].clone(),
        other => panic!("{}", other.kind()),
    });
    request["money_flows"][0]["tx_count"] = json!(-1);
    column(&mut tables[3], "tx_count", &|values| *values = with_minus_one(values));
    let expected = send(&service, "POST", "/score/alerts", &[], request.to_string().as_bytes()).await;
    assert_eq!(expected.status(), 422);
    assert!(json_of(&expected)["detail"].as_array().expect("faults").len() > 4);
    for (kind, body) in
        [(ARROW, tables.iter().flat_map(as_arrow).collect::<Vec<u8>>()), (FORM, form_of(&tables, as_parquet))]
    {
        let reply = send(&service, "POST", "/score/alerts", &[kind], &body).await;
        assert_eq!((reply.status().as_u16(), json_of(&reply)), (422, json_of(&expected)));
    }
}

fn with_minus_one(values: &Values) -> Values {
    let Values::UInt(counts) = values else { panic!("{}", values.kind()) };
    let mut counts: Vec<Option<i64>> = counts.iter().map(|count| count.map(|n| n as i64)).collect();
    counts[0] = Some(-1);
    Values::Int(counts)
}

#[tokio::test]
async fn columns_in_the_dress_of_other_writers_are_read() {
    let service = service();
    let request = with_alerts(rows(&batch()["alerts"])[..5].to_vec());
    let plain = send(&service, "POST", "/score/alerts", &[], request.to_string().as_bytes()).await;
    let mut tables = tables(&request);
    for column in tables.iter_mut().flat_map(|table| &mut table.columns) {
        let dressed = match &column.values {
            // pandas keeps dates as times, and lists that went through a CSV file are JSON text
            Values::Date(days) => {
                Values::Timestamp(days.iter().map(|d| d.map(|d| i64::from(d) * 86_400_000)).collect())
            }
            Values::TextList(lists) => Values::Text(
                lists.iter().map(|list| list.as_ref().map(|list| json!(list).to_string())).collect(),
            ),
            Values::UInt(counts) => {
                Values::F64(counts.iter().map(|n| n.map_or(f64::NAN, |n| n as f64)).collect())
            }
            _ => continue,
        };
        column.values = dressed;
    }
    for (kind, body) in
        [(ARROW, tables.iter().flat_map(as_arrow).collect::<Vec<u8>>()), (FORM, form_of(&tables, as_parquet))]
    {
        let reply = send(&service, "POST", "/score/alerts", &[kind], &body).await;
        assert_eq!(reply.status(), 200, "{}", String::from_utf8_lossy(reply.body()));
        assert_eq!(header(&reply, "x-score-digest"), header(&plain, "x-score-digest"));
    }
}

fn detail(reply: &Reply) -> String {
    json_of(reply)["detail"].to_string()
}

#[tokio::test]
async fn what_is_no_table_or_not_one_of_ours_is_refused_by_name() {
    let service = service();
    let sound = tables(&with_alerts(rows(&batch()["alerts"])[..5].to_vec()));
    let [alerts, features, clusters, _] = &sound[..] else { panic!("four tables") };
    let renamed = Table { name: "alert".to_owned(), ..alerts.clone() };
    let cut = as_arrow(alerts)[..200].to_vec();
    for (kind, body, status, words) in [
        (FORM, form(&[("alerts", b"alert_id,score".to_vec())]), 400, "alerts: expected a Parquet file"),
        (FORM, form(&[("alerts", b"PAR1PAR1PAR1".to_vec())]), 400, "alerts: not a valid Parquet file"),
        (FORM, form(&[("alerts", cut.clone())]), 400, "alerts: not a valid Arrow stream"),
        (FORM, form(&[("alerts", b"[7".to_vec())]), 400, "alerts: not JSON"),
        (FORM, b"--other\r\n".to_vec(), 400, "boundary"),
        (FORM, form_of(&[renamed.clone(), features.clone(), clusters.clone()], as_parquet), 422, "\"alert\""),
        (FORM, form_of(&[alerts.clone(), features.clone()], as_parquet), 422, "Field required"),
        (FORM, form_of(&[alerts.clone(), alerts.clone()], as_parquet), 422, "once"),
        (ARROW, cut, 400, "cut off"),
        (ARROW, vec![], 400, "cut off"),
        (ARROW, b"{}".to_vec(), 400, "cut off"),
        (ARROW, [as_arrow(alerts), as_arrow(features)].concat(), 422, "Field required"),
        (ARROW, as_arrow(&renamed), 422, "one of alerts"),
        (("content-type", "application/json"), as_arrow(alerts), 400, "not JSON"),
    ] {
        let reply = send(&service, "POST", "/score/alerts", &[kind], &body).await;
        assert_eq!(reply.status(), status, "{words}: {}", detail(&reply));
        assert!(detail(&reply).contains(words), "{words}: {}", detail(&reply));
    }
    let infer = send(&service, "POST", "/v2/models/alert_scorer/infer", &[ARROW], &as_arrow(alerts)).await;
    assert_eq!(infer.status(), 415);
}

/// A table of a few kilobytes that unpacks to megabytes.
fn large() -> Table {
    let texts = vec![Some("the same words again and again; ".repeat(1000)); 100];
    Table::new("alerts", vec![TableColumn::new("description", Values::Text(texts))])
}

#[tokio::test]
async fn what_tables_unpack_to_counts_against_the_limit_of_a_body() {
    let table = large();
    let body = form_of(std::slice::from_ref(&table), as_parquet);
    assert!(body.len() < 100_000, "{}", body.len());
    for (limit, status) in [(1 << 20, 413), (64 << 20, 422)] {
        let settings = Settings { max_body_bytes: limit, ..Settings::default() };
        let service = service_with(settings, Some(super::bundle())).1;
        let reply = send(&service, "POST", "/score/alerts", &[FORM], &body).await;
        assert_eq!(reply.status(), status, "{}", detail(&reply));
    }
}

#[tokio::test]
async fn rows_beyond_the_limit_are_refused_without_a_look_at_them() {
    let ids = Values::Text((0..100_001).map(|i| Some(i.to_string())).collect());
    let table = Table::new("alerts", vec![TableColumn::new("alert_id", ids)]);
    let service = service();
    for (kind, body) in [(ARROW, as_arrow(&table)), (FORM, form_of(std::slice::from_ref(&table), as_parquet))]
    {
        let reply = send(&service, "POST", "/score/alerts", &[kind], &body).await;
        assert_eq!(reply.status(), 422);
        assert!(
            detail(&reply).contains("at most 100000 items after validation, not 100001"),
            "{}",
            detail(&reply)
        );
    }
}

/// A small request in both encodings, with the digest of its answer.
fn small() -> &'static [(&'static str, &'static str, Vec<u8>)] {
    static SMALL: OnceLock<Vec<(&str, &str, Vec<u8>)>> = OnceLock::new();
    SMALL.get_or_init(|| {
        let mut request = with_alerts(rows(&batch()["alerts"])[..3].to_vec());
        for list in ["features", "clusters", "money_flows"] {
            request[list] = rows(&request[list])[..3].into();
        }
        let encode = |encoding| {
            let ((name, value), body) = tabular(encoding, &request);
            (name, value, body)
        };
        ["arrow", "parquet", "mixed"].into_iter().map(encode).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_tables_are_refused_or_read_and_the_server_stays_up(
        encoding in 0_usize..3,
        cut in any::<bool>(),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let (name, value, sound) = &small()[encoding];
        let mut body = sound.clone();
        let at = at.index(body.len());
        if cut { body.truncate(at) } else { body[at] ^= 1 << bit }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let status = runtime.block_on(async {
            send(shared(), "POST", "/score/alerts", &[(name, value)], &body).await.status().as_u16()
        });
        // the end of a form may be cut, a bit of a number or of a text may be another
        prop_assert!([200, 400, 413, 422].contains(&status), "{status}");
    }
}

/// One service for many cases.
fn shared() -> &'static super::Service {
    static SERVICE: OnceLock<super::Service> = OnceLock::new();
    SERVICE.get_or_init(service)
}
