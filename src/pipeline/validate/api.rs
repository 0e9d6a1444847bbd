//! The checks of a running server, as its users and its judges would call it.
//!
//! In: a client, the server's address and a batch with all its tables. Out: the [`Check`]s, and the scores the server gave, to be judged
//! like those of a file. The clock is the caller's; nothing but the latency check depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::submission::{Submission, SubmittedRow};
use crate::aml::sot::{Batch, keep_alerts, request_body};
use crate::pipeline::fetch::{Client, HttpError, Reply};

/// One thing asked of a server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Which.
    pub name: &'static str,
    /// Whether it is so.
    pub passed: bool,
    /// What was found.
    pub found: String,
}

/// What a server is asked for.
#[derive(Clone, Copy)]
pub struct Demands<'a> {
    /// Calls to time.
    pub calls: usize,
    /// The most milliseconds an alert may take, from end to end, in the median call.
    pub latency_ms: f64,
    /// A clock.
    pub now: &'a dyn Fn() -> Duration,
}

/// What a server did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// All checks, in a fixed order.
    pub checks: Vec<Check>,
    /// Its scores of the batch's alerts.
    pub submission: Submission,
}

/// Calls a server with a batch and checks what it says. All alerts are scored, [`MAX_CALLED`] in a call; the checks are made of the
/// first call.
///
/// # Errors
/// When the server cannot be reached at all, or gives no scores.
pub fn check(
    client: &Client,
    url: &str,
    batch: &Batch,
    github_url: &str,
    demands: &Demands<'_>,
) -> Result<Served, HttpError> {
    let server = Server { client, url: url.trim_end_matches('/') };
    let mut checks = vec![server.health()?, server.version()?];
    let submission = scores(client, url, batch, github_url)?;
    let mut batch = batch.clone();
    keep_alerts(&mut batch, MAX_CALLED);
    let first = server.score(&batch)?;
    let ids: Vec<&str> = batch.alerts.iter().flatten().map(|a| a.alert_id.as_str()).collect();
    checks.push(schema(&first));
    checks.extend(rows(&first, &ids));
    checks.push(server.repeated(&batch, &first)?);
    checks.push(server.reordered(&batch, &first)?);
    checks.push(server.single(&batch, &first)?);
    checks.push(server.ranking(&batch, &ids)?);
    checks.push(server.clusters(&batch)?);
    checks.push(server.refusal()?);
    checks.push(server.latency(&batch, demands)?);
    Ok(Served { checks, submission })
}

/// The scores of a server alone, without checks.
///
/// # Errors
/// When the server cannot be reached, or its answer is not a list of scores.
pub fn scores(client: &Client, url: &str, batch: &Batch, github_url: &str) -> Result<Submission, HttpError> {
    let server = Server { client, url: url.trim_end_matches('/') };
    let mut submission = Submission::default();
    for alerts in batch.alerts.as_deref().unwrap_or_default().chunks(MAX_CALLED) {
        let mut part = Batch { alerts: Some(alerts.to_vec()), ..batch.clone() };
        keep_alerts(&mut part, MAX_CALLED);
        let answer = server.score(&part)?;
        if answer.rows.is_empty() {
            let reason = format!("status {}, no rows of scores", answer.reply.status);
            return Err(HttpError::Broken { url: url.to_owned(), reason });
        }
        submission.rows.extend(submitted(&answer, github_url).rows);
    }
    Ok(submission)
}

struct Server<'a> {
    client: &'a Client,
    url: &'a str,
}

/// The rows of an answer; none where it is not 200 and a list.
struct Answer {
    reply: Reply,
    rows: Vec<Value>,
}

impl Answer {
    fn of(reply: Reply) -> Answer {
        let rows = match serde_json::from_slice(&reply.body) {
            Ok(Value::Array(rows)) if reply.status == 200 => rows,
            _ => vec![],
        };
        Answer { reply, rows }
    }

    /// Rows without the one field that may differ.
    fn untimed(&self) -> Vec<Value> {
        let mut rows = self.rows.clone();
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            row.remove("latency_ms");
        }
        rows
    }

    fn by_alert(&self) -> BTreeMap<String, Value> {
        let id = |row: &Value| row.get("alert_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.untimed().into_iter().map(|row| (id(&row), row)).collect()
    }

    fn digest(&self) -> Option<&String> {
        self.reply.headers.get("x-score-digest")
    }
}

impl Server<'_> {
    fn get(&self, path: &str) -> Result<(u16, Value), HttpError> {
        let reply = self.client.get(&format!("{}{path}", self.url), &[])?;
        Ok((reply.status, serde_json::from_slice(&reply.body).unwrap_or_default()))
    }

    fn post(&self, path: &str, body: &Value) -> Result<Answer, HttpError> {
        let bytes = body.to_string().into_bytes();
        self.client.post_json(&format!("{}{path}", self.url), &bytes, &[]).map(Answer::of)
    }

    fn score(&self, batch: &Batch) -> Result<Answer, HttpError> {
        self.post("/score/alerts", &request_body(batch))
    }

    fn health(&self) -> Result<Check, HttpError> {
        let (status, body) = self.get("/health")?;
        let loaded = body.pointer("/models_loaded/alert_scorer") == Some(&Value::Bool(true));
        let healthy = body.get("status").and_then(Value::as_str) == Some("healthy");
        Ok(Check {
            name: "health",
            passed: status == 200 && healthy && loaded,
            found: format!(
                "status {status}, {}, alert_scorer {}",
                text(&body, "status"),
                said(loaded, "loaded")
            ),
        })
    }

    fn version(&self) -> Result<Check, HttpError> {
        let (status, body) = self.get("/version")?;
        let models = body.get("model_versions").and_then(Value::as_object);
        let named = models.is_some_and(|models| {
            !models.is_empty() && models.values().all(|v| v.as_str().is_some_and(|v| !v.is_empty()))
        });
        let api = text(&body, "api_version");
        Ok(Check {
            name: "metadata",
            passed: status == 200 && !api.is_empty() && named,
            found: format!("status {status}, api_version `{api}`, model versions {}", said(named, "named")),
        })
    }

    /// The same call twice gives the same bytes, latencies apart.
    fn repeated(&self, batch: &Batch, first: &Answer) -> Result<Check, HttpError> {
        let again = self.score(batch)?;
        let same = !first.rows.is_empty() && again.untimed() == first.untimed();
        let digests = again.digest() == first.digest();
        Ok(Check {
            name: "repeated",
            passed: same && digests,
            found: format!("rows {}, x-score-digest {}", said(same, "equal"), said(digests, "equal")),
        })
    }

    /// What is asked in another order is answered the same, alert by alert.
    fn reordered(&self, batch: &Batch, first: &Answer) -> Result<Check, HttpError> {
        let mut turned = batch.clone();
        turned.alerts.iter_mut().for_each(|alerts| alerts.reverse());
        turned.money_flows.iter_mut().for_each(|flows| flows.reverse());
        let answer = self.score(&turned)?;
        let (expected, found) = (first.by_alert(), answer.by_alert());
        let different = expected.iter().filter(|(id, row)| found.get(*id) != Some(row)).count();
        let in_order = answer.rows.iter().rev().map(id_of).eq(first.rows.iter().map(id_of));
        Ok(Check {
            name: "reordered",
            passed: !first.rows.is_empty() && different == 0 && in_order,
            found: format!("{different} of {} rows differ, order {}", expected.len(), said(in_order, "kept")),
        })
    }

    /// An alert alone has the score it has among others.
    fn single(&self, batch: &Batch, first: &Answer) -> Result<Check, HttpError> {
        let mut one = batch.clone();
        keep_alerts(&mut one, 1);
        let answer = self.score(&one)?;
        let expected = first.by_alert();
        let found = answer.by_alert();
        let same = found.len() == 1 && found.iter().all(|(id, row)| expected.get(id) == Some(row));
        Ok(Check {
            name: "alone",
            passed: same,
            found: format!("the first alert alone is scored {}", said(same, "the same")),
        })
    }

    fn ranking(&self, batch: &Batch, ids: &[&str]) -> Result<Check, HttpError> {
        let answer = self.post("/rank/alerts", &request_body(batch))?;
        let ranked: BTreeSet<&str> = answer.rows.iter().map(id_of).collect();
        let complete = ranked == ids.iter().copied().collect() && answer.rows.len() == ids.len();
        let in_order = answer.rows.iter().zip(1..).all(|(row, rank)| row.get("rank") == Some(&json!(rank)));
        let scores: Vec<f64> = answer.rows.iter().map(score_of).collect();
        let falling = scores.windows(2).all(|pair| pair[0] >= pair[1]);
        Ok(Check {
            name: "ranking",
            passed: complete && in_order && falling,
            found: format!(
                "status {}, alerts {}, ranks {}, scores {}",
                answer.reply.status,
                said(complete, "complete"),
                said(in_order, "in order"),
                said(falling, "falling")
            ),
        })
    }

    fn clusters(&self, batch: &Batch) -> Result<Check, HttpError> {
        let expected: Vec<&str> = batch.clusters.iter().flatten().map(|c| c.cluster_id.as_str()).collect();
        let answer = self.post("/score/clusters", &request_body(batch))?;
        let found =
            answer.rows.iter().map(|row| row.get("cluster_id").and_then(Value::as_str).unwrap_or_default());
        let complete = answer.reply.status == 200 && found.eq(expected.iter().copied());
        let in_range = answer.rows.iter().all(|row| (0.0..=1.0).contains(&score_of(row)));
        Ok(Check {
            name: "clusters",
            passed: complete && in_range,
            found: format!(
                "status {}, {} clusters {}, scores {}",
                answer.reply.status,
                expected.len(),
                said(complete, "complete"),
                said(in_range, "in range")
            ),
        })
    }

    /// A request that is wrong is refused with the place of the fault.
    fn refusal(&self) -> Result<Check, HttpError> {
        let reply =
            self.post("/score/alerts", &json!({"alerts": [{}], "features": [], "clusters": []}))?.reply;
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let placed = body.pointer("/detail/0/loc").is_some_and(Value::is_array);
        Ok(Check {
            name: "refusal",
            passed: reply.status == 422 && placed,
            found: format!("an empty alert: status {}, place {}", reply.status, said(placed, "told")),
        })
    }

    fn latency(&self, batch: &Batch, demands: &Demands<'_>) -> Result<Check, HttpError> {
        let alerts = batch.alerts.as_ref().map_or(1, Vec::len).max(1) as f64;
        let body = request_body(batch).to_string().into_bytes();
        let address = format!("{}/score/alerts", self.url);
        let mut times = vec![];
        for _ in 0..demands.calls.max(1) {
            let start = (demands.now)();
            self.client.post_json(&address, &body, &[])?;
            times.push((demands.now)().saturating_sub(start).as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
        Ok(Check {
            name: "latency",
            passed: median / alerts <= demands.latency_ms,
            found: format!(
                "{} calls of {alerts} alerts: median {median:.1} ms ({:.4} ms an alert, {} allowed), longest {longest:.1} ms",
                times.len(),
                median / alerts,
                demands.latency_ms
            ),
        })
    }
}

fn schema(answer: &Answer) -> Check {
    let sound = |row: &&Value| {
        let texts =
            ["alert_id", "model_version"].iter().all(|field| row.get(field).is_some_and(Value::is_string));
        let numbers =
            ["score", "latency_ms"].iter().all(|field| row.get(field).is_some_and(Value::is_number));
        texts && numbers && row.get("explain_json").is_some_and(is_explanation)
    };
    let count = answer.rows.iter().filter(sound).count();
    Check {
        name: "schema",
        passed: !answer.rows.is_empty() && count == answer.rows.len(),
        found: format!("status {}, {count} of {} rows as agreed", answer.reply.status, answer.rows.len()),
    }
}

/// Null, or text that holds JSON with the reasons.
fn is_explanation(value: &Value) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    value.is_null()
        || value.as_str().is_some_and(|text| parsed(text).get("top_features").is_some_and(Value::is_array))
}

/// Completeness with order, range, duplicates.
fn rows(answer: &Answer, ids: &[&str]) -> [Check; 3] {
    let found: Vec<&str> = answer.rows.iter().map(id_of).collect();
    let distinct: BTreeSet<&str> = found.iter().copied().collect();
    let outside = answer.rows.iter().filter(|row| !(0.0..=1.0).contains(&score_of(row))).count();
    [
        Check {
            name: "completeness",
            passed: found == ids,
            found: format!(
                "{} rows for {} alerts, order {}",
                found.len(),
                ids.len(),
                said(found == ids, "kept")
            ),
        },
        Check {
            name: "range",
            passed: outside == 0 && !found.is_empty(),
            found: format!("{outside} scores outside 0 to 1"),
        },
        Check {
            name: "duplicates",
            passed: distinct.len() == found.len(),
            found: format!("{} alerts twice", found.len() - distinct.len()),
        },
    ]
}

fn submitted(answer: &Answer, github_url: &str) -> Submission {
    let row = |row: &Value| SubmittedRow {
        alert_id: id_of(row).to_owned(),
        score: score_of(row),
        model_version: text(row, "model_version"),
        model_github_url: github_url.to_owned(),
    };
    Submission { rows: answer.rows.iter().map(row).collect() }
}

fn id_of(row: &Value) -> &str {
    row.get("alert_id").and_then(Value::as_str).unwrap_or_default()
}

fn score_of(row: &Value) -> f64 {
    row.get("score").and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn said(yes: bool, what: &str) -> String {
    if yes { what.to_owned() } else { format!("not {what}") }
}

/// Alerts in one call: what belongs to so many is well below the largest body that a server takes.
pub const MAX_CALLED: usize = 2_000;
