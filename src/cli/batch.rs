//! What the commands on batches share: a batch with all its tables, a bundle, and rows going out.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Fault;
use crate::aml::bundle::Bundle;
use crate::aml::derive::{self, ColumnExtent};
use crate::aml::features::Family;
use crate::aml::score::Explain;
use crate::aml::score::answer::Answer;
use crate::aml::sot::{Batch, discover};
use crate::table::{Table, TableColumn, Values, file, parquet};

/// A batch and the models to put on it.
#[derive(Debug, Args)]
pub(crate) struct Input {
    /// Folder of the batch; absent tables are derived
    #[arg(value_name = "BATCH")]
    pub(crate) batch: PathBuf,
    /// Folder of the bundle
    #[arg(long, value_name = "DIR", default_value = "models", env = "AML_MINER_MODELS")]
    pub(crate) models: PathBuf,
}

/// What is told beside a score.
#[derive(Debug, Args)]
pub(crate) struct Reasons {
    /// How many reasons to give
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    /// Scores alone
    #[arg(long)]
    no_explain: bool,
}

impl Reasons {
    pub(crate) fn explain(&self) -> Explain {
        if self.no_explain { Explain::No } else { Explain::Top(self.top) }
    }
}

/// Where rows go.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Write rows here: .parquet, .json, .ndjson or .csv [default: a table on the terminal]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON, the same bytes as the HTTP answer but for latency_ms
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

impl Input {
    /// The batch with absent tables derived, and the bundle.
    pub(crate) fn open(&self) -> Result<(Batch, Bundle), Fault> {
        let bundle = open_bundle(&self.models)?;
        let batch = open_batch(&self.batch, columns_for(&bundle))?;
        if !bundle.knows(&batch.id.network) {
            let (network, known) = (&batch.id.network, &bundle.manifest().network);
            tracing::warn!("the models were trained on {known}, not on {network}: scores are a guess there");
        }
        Ok((batch, bundle))
    }
}

/// A batch with absent tables derived, address features with these columns.
pub(crate) fn open_batch(dir: &Path, columns: ColumnExtent) -> Result<Batch, Fault> {
    Batch::open(dir).map(|batch| derive::complete_with(batch, columns)).map_err(Fault::input)
}

/// The address features that are derived for a bundle.
pub(crate) fn columns_for(bundle: &Bundle) -> ColumnExtent {
    if bundle.reads(Family::Graph) { ColumnExtent::All } else { ColumnExtent::Official }
}

/// A bundle.
pub(crate) fn open_bundle(dir: &Path) -> Result<Bundle, Fault> {
    Bundle::open(dir).map_err(|error| Fault::Input(format!("models {}: {error}", dir.display())))
}

/// The folders of all batches under a folder, in the order of their names.
pub(crate) fn discover_batches(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    let found = discover(dir).map_err(Fault::input)?;
    if found.is_empty() {
        return Err(Fault::Input(format!("{}: no batch (a folder with META.json) in it", dir.display())));
    }
    Ok(found)
}

/// Writes or prints the rows of an answer, then its digest.
pub(crate) fn put<R: Serialize>(answer: &Answer<R>, output: &Output) -> Result<(), Fault> {
    if output.json {
        println!("{}", String::from_utf8_lossy(&answer.to_json()));
        eprintln!("digest {}", answer.digest);
        return Ok(());
    }
    let rows = objects(&answer.rows)?;
    match &output.output {
        None => print(&rows),
        Some(path) => {
            write_file(path, &encode(path, &rows, answer)?)?;
            println!("{} rows written to {}", rows.len(), path.display());
        }
    }
    println!("digest {}", answer.digest);
    Ok(())
}

/// Writes a file, and the folders above it: whole or not at all.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let fail = |e| Fault::Internal(format!("{}: cannot be made: {e}", folder.display()));
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    file::write(path, bytes).map_err(Fault::internal)
}

fn encode<R: Serialize>(
    path: &Path,
    rows: &[Map<String, Value>],
    answer: &Answer<R>,
) -> Result<Vec<u8>, Fault> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension.as_str() {
        "json" => Ok([answer.to_json(), b"\n".to_vec()].concat()),
        "ndjson" | "jsonl" => {
            let mut text = vec![];
            for row in &answer.rows {
                serde_json::to_writer(&mut text, row).map_err(Fault::internal)?;
                text.push(b'\n');
            }
            Ok(text)
        }
        "csv" => Ok(csv(rows).into_bytes()),
        "parquet" => parquet::to_bytes(&table(rows)).map_err(Fault::internal),
        other => Err(Fault::Input(format!(
            "--output: expected .parquet, .json, .ndjson or .csv, found `.{other}`"
        ))),
    }
}

/// Each row as its fields; field order is alphabetic.
fn objects<R: Serialize>(rows: &[R]) -> Result<Vec<Map<String, Value>>, Fault> {
    let object = |row: &R| match serde_json::to_value(row) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Fault::Internal("a row is no object".to_owned())),
        Err(error) => Err(Fault::internal(error)),
    };
    rows.iter().map(object).collect()
}

/// The columns that rows can have, in the order of files.
const FIELDS: [&str; 6] = ["alert_id", "cluster_id", "rank", "score", "model_version", "explain_json"];

fn fields(rows: &[Map<String, Value>]) -> Vec<&'static str> {
    FIELDS.into_iter().filter(|field| rows.iter().any(|row| row.contains_key(*field))).collect()
}

fn csv(rows: &[Map<String, Value>]) -> String {
    let fields = fields(rows);
    let mut text = fields.join(",") + "\n";
    for row in rows {
        let cells: Vec<String> = fields.iter().map(|field| quoted(&plain(row.get(*field)))).collect();
        text += &(cells.join(",") + "\n");
    }
    text
}

/// RFC 4180.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn table(rows: &[Map<String, Value>]) -> Table {
    let column = |name: &str| {
        let values = || rows.iter().map(|row| row.get(name));
        let values = match name {
            "score" => Values::F64(values().map(|v| v.and_then(Value::as_f64).unwrap_or(f64::NAN)).collect()),
            "rank" => Values::UInt(values().map(|v| v.and_then(Value::as_u64)).collect()),
            _ => Values::Text(values().map(|v| v.and_then(Value::as_str).map(str::to_owned)).collect()),
        };
        TableColumn { name: name.to_owned(), values }
    };
    let columns = fields(rows).into_iter().map(column).collect();
    Table { name: "scores".to_owned(), columns, n_rows: rows.len(), digest: None }
}

/// Ids and numbers; explanations are for `explain` and for files.
fn print(rows: &[Map<String, Value>]) {
    let shown: Vec<&str> =
        fields(rows).into_iter().filter(|f| *f != "explain_json" && *f != "model_version").collect();
    let width = |field: &str| {
        let cells = rows.iter().map(|row| plain(row.get(field)).chars().count());
        cells.chain([field.len()]).max().unwrap_or_default().min(WIDEST)
    };
    let widths: Vec<usize> = shown.iter().map(|field| width(field)).collect();
    let line = |cells: Vec<String>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", padded.join("  ").trim_end());
    };
    line(shown.iter().map(|field| (*field).to_owned()).collect());
    rows.iter().for_each(|row| line(shown.iter().map(|field| plain(row.get(*field))).collect()));
}

/// Columns are lined up to this width; a longer cell pushes the rest of its line aside.
const WIDEST: usize = 120;
