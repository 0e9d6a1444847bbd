//! The JSON of scored rows, written as they are scored: what [`answer`](super::answer) would make of
//! [`score_alerts`](super::score_alerts) to the byte, without the rows in between.
//!
//! An explanation is JSON text inside of a JSON string, so its quotes are escaped while they are written. Blocks of rows are
//! written in parallel and put together in order; the one thing that is not known before the last row is done, each
//! row's `latency_ms`, is put into the gaps left for it. The digest covers the text without it.

use super::reason::{largest, words_of};
use super::{Explain, RawRow, ScoreError, map_rows, scorer};
use crate::aml::bundle::{Bundle, Kind, Scorer};
use crate::aml::sot::Batch;
use crate::determinism::digest::{Digest, Hasher};

/// The rows of an answer as JSON, but for their latencies.
pub struct Text {
    /// Blocks of rows with the commas between them.
    pieces: Vec<Piece>,
    n_rows: usize,
    /// The field that identifies a row.
    key: &'static str,
}

/// The most rows of an answer whose features are kept for [`Text::sample`].
pub const SAMPLED: usize = 200;

/// Some rows as JSON.
#[derive(Default)]
struct Piece {
    json: Vec<u8>,
    /// Where each row begins.
    starts: Vec<usize>,
    /// Where `latency_ms` goes, one place for each row.
    gaps: Vec<usize>,
    scores: Vec<f64>,
    /// Features of some of the rows, one row after the other.
    sample: Vec<f64>,
}

/// Scores every alert of a batch, in the order of its alerts table.
///
/// # Errors
/// When the bundle has no alert scorer or the batch no alerts table.
pub fn alerts(bundle: &Bundle, batch: &Batch, explain: Explain) -> Result<Text, ScoreError> {
    let scorer = scorer(bundle, Kind::AlertScorer)?;
    let absent = || ScoreError::NoTable { batch: batch.id.name(), table: "alerts" };
    let alerts = batch.alerts.as_ref().ok_or_else(absent)?;
    Ok(rows(scorer, batch, explain, ("alert_id", alerts.len()), |row| &alerts[row].alert_id))
}

/// Scores every cluster of a batch, in the order of its clusters table.
///
/// # Errors
/// When the bundle has no cluster scorer or the batch no clusters table.
pub fn clusters(bundle: &Bundle, batch: &Batch, explain: Explain) -> Result<Text, ScoreError> {
    let scorer = scorer(bundle, Kind::ClusterScorer)?;
    let absent = || ScoreError::NoTable { batch: batch.id.name(), table: "clusters" };
    let clusters = batch.clusters.as_ref().ok_or_else(absent)?;
    Ok(rows(scorer, batch, explain, ("cluster_id", clusters.len()), |row| &clusters[row].cluster_id))
}

impl Text {
    /// Rows of the answer.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The field that identifies a row.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// The JSON of each row without latency, in blocks.
    pub(super) fn pieces(&self) -> impl Iterator<Item = impl Iterator<Item = &[u8]>> {
        self.pieces.iter().map(|Piece { json, starts, .. }| {
            // a comma stands before the next row
            let end = |i: usize| starts.get(i + 1).map_or(json.len(), |next| next - 1);
            starts.iter().enumerate().map(move |(i, start)| &json[*start..end(i)])
        })
    }

    /// The scores, in the order of the rows.
    pub fn scores(&self) -> impl Iterator<Item = f64> {
        self.pieces.iter().flat_map(|piece| piece.scores.iter().copied())
    }

    /// The features of some of the rows, evenly spread, one row after the other, each in the model's order.
    pub fn sample(&self) -> Vec<f64> {
        self.pieces.iter().flat_map(|piece| piece.sample.iter().copied()).collect()
    }

    /// SHA-256 of the JSON without latencies.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(b"[");
        self.pieces.iter().for_each(|piece| hasher.update(&piece.json));
        hasher.update(b"]");
        hasher.finish()
    }

    /// The rows as lines of JSON, each with `latency_ms` where one is given.
    pub fn into_lines(self, latency_ms: Option<f64>) -> Vec<u8> {
        let gap = gap(latency_ms);
        let mut lines = vec![];
        for Piece { json, starts, gaps, .. } in self.pieces {
            for (i, (start, at)) in starts.iter().zip(gaps).enumerate() {
                // a comma stands before the next row
                let end = starts.get(i + 1).map_or(json.len(), |next| next - 1);
                lines.extend_from_slice(&json[*start..at]);
                lines.extend_from_slice(&gap);
                lines.extend_from_slice(&json[at..end]);
                lines.push(b'\n');
            }
        }
        lines
    }

    /// The answer's bytes, a JSON array; each row with `latency_ms` where one is given. Memory is given back as it goes.
    pub fn into_json(self, latency_ms: Option<f64>) -> Vec<u8> {
        let gap = gap(latency_ms);
        let length: usize = self.pieces.iter().map(|p| p.json.len() + p.gaps.len() * gap.len()).sum();
        let mut json = Vec::with_capacity(length + 2);
        json.push(b'[');
        for piece in self.pieces {
            let mut from = 0;
            for at in piece.gaps {
                json.extend_from_slice(&piece.json[from..at]);
                json.extend_from_slice(&gap);
                from = at;
            }
            json.extend_from_slice(&piece.json[from..]);
        }
        json.push(b']');
        json
    }
}

/// The member that stands in the gaps.
fn gap(latency_ms: Option<f64>) -> Vec<u8> {
    let mut gap = vec![];
    if let Some(latency) = latency_ms {
        gap.extend_from_slice(b"\"latency_ms\":");
        number(&mut gap, latency);
        gap.push(b',');
    }
    gap
}

fn rows<'a>(
    scorer: &Scorer,
    batch: &Batch,
    explain: Explain,
    (key, n_rows): (&'static str, usize),
    id: impl Fn(usize) -> &'a String + Sync,
) -> Text {
    let name = key;
    let key = format!("{{\"{name}\":");
    let mut version = b",\"model_version\":".to_vec();
    text(&mut version, scorer.version());
    version.push(b',');
    let step = n_rows.div_ceil(SAMPLED).max(1);
    let pieces = map_rows(scorer, batch, explain, Piece::default, |piece, row| {
        let score = scorer.score(row.raw_score);
        piece.scores.push(score);
        if row.at % step == 0 {
            piece.sample.extend_from_slice(row.values);
        }
        if row.at > 0 {
            piece.json.push(b',');
        }
        piece.starts.push(piece.json.len());
        let json = &mut piece.json;
        json.extend_from_slice(key.as_bytes());
        text(json, id(row.at));
        json.extend_from_slice(b",\"score\":");
        number(json, score);
        json.extend_from_slice(&version);
        piece.gaps.push(json.len());
        json.extend_from_slice(b"\"explain_json\":");
        match explain {
            Explain::No => json.extend_from_slice(b"null"),
            Explain::Top(top) => explanation(json, scorer, row, top),
        }
        json.push(b'}');
    });
    Text { pieces, n_rows, key: name }
}

/// The explanation of a row as a JSON string that holds JSON.
fn explanation(json: &mut Vec<u8>, scorer: &Scorer, row: &RawRow<'_>, top: usize) {
    let features = scorer.features().features();
    let values = row.contributions;
    json.extend_from_slice(br#""{\"top_features\":["#);
    for (i, feature) in largest(features, values, top).into_iter().enumerate() {
        json.extend_from_slice(if i == 0 { br#"{\"name\":"# } else { br#",{\"name\":"# });
        nested_text(json, &features[feature].name);
        json.extend_from_slice(br#",\"value\":"#);
        number(json, row.values[feature]);
        json.extend_from_slice(br#",\"contribution\":"#);
        number(json, values[feature]);
        json.extend_from_slice(br#",\"reason\":"#);
        nested_text(json, &words_of(scorer, feature, row.values[feature], values[feature]));
        json.push(b'}');
    }
    json.extend_from_slice(br#"],\"feature_contributions\":{"#);
    for (i, (feature, value)) in features.iter().zip(values).enumerate() {
        if i > 0 {
            json.push(b',');
        }
        nested_text(json, &feature.name);
        json.push(b':');
        number(json, *value);
    }
    json.extend_from_slice(br#"},\"base_value\":"#);
    number(json, scorer.explainer().base_value());
    json.extend_from_slice(br#",\"raw_score\":"#);
    number(json, row.raw_score);
    json.extend_from_slice(br#"}""#);
}

/// The shortest text that reads back exactly; null where it is no finite number.
fn number(json: &mut Vec<u8>, value: f64) {
    serde_json::to_writer(json, &value).expect("memory takes every number");
}

fn text(json: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(json, text).expect("memory takes every text");
}

/// A text in JSON that stands in a JSON string itself.
fn nested_text(json: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        json.extend_from_slice(br#"\""#);
        json.extend_from_slice(text.as_bytes());
        json.extend_from_slice(br#"\""#);
    } else {
        let inner = serde_json::to_string(text).expect("texts serialise");
        let outer = serde_json::to_string(&inner).expect("texts serialise");
        json.extend_from_slice(&outer.as_bytes()[1..outer.len() - 1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_within_a_text_reads_back_twice() {
        for text in ["total_in_usd", "", "a \"quoted\" \\ name", "line\nbreak \u{1} \u{7f} ä €"] {
            let mut json = b"\"".to_vec();
            nested_text(&mut json, text);
            json.push(b'"');
            let outer: String = serde_json::from_slice(&json).expect("a JSON string");
            assert_eq!(outer, serde_json::to_string(text).expect("serialises"));
            let inner: String = serde_json::from_str(&outer).expect("a JSON string inside");
            assert_eq!(inner, text);
        }
    }
}
