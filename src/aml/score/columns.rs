//! Scored rows as an Arrow stream: the fields of the JSON rows as columns, one batch.
//!
//! Rows are read back from the very text that the digest covers, so a score cannot differ between the two.

use serde::Deserialize;

use super::answer::{Answer, RankRow};
use super::text::Text;
use crate::determinism::par;
use crate::table::{Table, TableColumn, Values, arrow};

/// A row of the text, whatever it names its key.
#[derive(Deserialize)]
struct Row {
    #[serde(alias = "cluster_id")]
    alert_id: String,
    score: f64,
    model_version: String,
    explain_json: Option<String>,
}

/// Scored alerts or clusters, with `latency_ms` in every row.
pub fn scored(text: Text, latency_ms: Option<f64>) -> Vec<u8> {
    let pieces: Vec<Vec<&[u8]>> = text.pieces().map(Iterator::collect).collect();
    let read = |row: &&[u8]| -> Row { serde_json::from_slice(row).expect("our own rows are JSON") };
    let rows = par::map(pieces.len(), |piece| pieces[piece].iter().map(read).collect::<Vec<_>>());
    let n_rows = text.n_rows();
    let (mut ids, mut scores) = (Vec::with_capacity(n_rows), Vec::with_capacity(n_rows));
    let (mut versions, mut explained) = (Vec::with_capacity(n_rows), Vec::with_capacity(n_rows));
    for row in rows.into_iter().flatten() {
        ids.push(Some(row.alert_id));
        scores.push(row.score);
        versions.push(Some(row.model_version));
        explained.push(row.explain_json);
    }
    let columns = vec![
        TableColumn::new(text.key(), Values::Text(ids)),
        TableColumn::new("score", Values::F64(scores)),
        TableColumn::new("model_version", Values::Text(versions)),
        TableColumn::new("latency_ms", Values::F64(vec![latency_ms.unwrap_or(f64::NAN); n_rows])),
        TableColumn::new("explain_json", Values::Text(explained)),
    ];
    stream(columns)
}

/// Ranked alerts.
pub fn ranked(answer: &Answer<RankRow>) -> Vec<u8> {
    let rows = &answer.rows;
    let text =
        |of: fn(&RankRow) -> &String| Values::Text(rows.iter().map(|row| Some(of(row).clone())).collect());
    stream(vec![
        TableColumn::new("alert_id", text(|row| &row.alert_id)),
        TableColumn::new("rank", Values::UInt(rows.iter().map(|row| Some(row.rank as u64)).collect())),
        TableColumn::new("score", Values::F64(rows.iter().map(|row| row.score).collect())),
        TableColumn::new("model_version", text(|row| &row.model_version)),
    ])
}

fn stream(columns: Vec<TableColumn>) -> Vec<u8> {
    arrow::to_bytes(&Table::new("scores", columns)).expect("columns of text and numbers are written")
}
