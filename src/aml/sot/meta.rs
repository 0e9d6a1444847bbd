//! META.json, which says what a batch is and what its files should hash to. Three dialects are read:
//!
//! * A, of the exporter: `counts: {table: rows}`, `sha256: {file: hex}`;
//! * B: `files: {file: {"md5": hex}}`;
//! * C: `files: [{"filename", "checksum"}]`, SHA-256.
//!
//! Where a file has checksums of both kinds, SHA-256 is the one that counts.
//! A is written, after all tables: its presence says that the batch is whole.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::batch::BatchId;
use super::cell::parse_date;
use super::fault::{BatchError, BatchFault, Faults};
use super::schema::TableKind;
use crate::determinism::digest::{Digest, Md5};
use crate::table::{ReadError, excerpt, file};

/// What META.json says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// The network, lower case.
    pub network: Option<String>,
    /// The day the window ends before.
    pub processing_date: Option<NaiveDate>,
    /// Length of the window in days.
    pub window_days: Option<u32>,
    /// Rows by table name.
    pub counts: BTreeMap<String, u64>,
    /// Checksums by file name.
    pub checksums: BTreeMap<String, Checksum>,
}

/// What a file should hash to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Dialects A and C.
    Sha256(Digest),
    /// Dialect B.
    Md5(Md5),
}

/// The name of the file.
pub const FILE: &str = "META.json";

impl Meta {
    /// Reads the bytes of a META.json.
    ///
    /// # Errors
    /// When they are no JSON object, or entries of it are not as they should be.
    pub fn from_json(bytes: &[u8]) -> Result<Meta, BatchError> {
        let reason = match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => {
                let mut faults = Faults::default();
                let meta = parse(&object, &mut faults);
                return faults.finish().map(|()| meta);
            }
            Ok(other) => format!("expected an object, found {}", excerpt(&other.to_string())),
            Err(error) => error.to_string(),
        };
        Err(BatchFault::Read(ReadError::Malformed { file: FILE.into(), format: "JSON", reason }).into())
    }

    /// The tables it lists, by a checksum or a count.
    pub fn tables(&self) -> Vec<TableKind> {
        let listed = |kind: &TableKind| {
            self.checksums.contains_key(&kind.file()) || self.counts.contains_key(kind.name())
        };
        TableKind::ALL.into_iter().filter(listed).collect()
    }
}

impl Checksum {
    /// Whether a file's bytes are those noted.
    pub fn fits(&self, bytes: &[u8]) -> bool {
        match self {
            Checksum::Sha256(noted) => *noted == Digest::of(bytes),
            Checksum::Md5(noted) => *noted == Md5::of(bytes),
        }
    }
}

/// Reads `dir/META.json`, if it is there; faults are added, and what is sound is kept.
pub(super) fn read(dir: &Path, faults: &mut Faults) -> Option<Meta> {
    const MAX_BYTES: u64 = 16 << 20;
    let path = dir.join(FILE);
    if !path.is_file() {
        return None;
    }
    let malformed =
        |reason| BatchFault::Read(ReadError::Malformed { file: FILE.into(), format: "JSON", reason });
    let value = match file::read(&path, MAX_BYTES) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| malformed(e.to_string())),
        Err(e) => Err(e.into()),
    };
    match value {
        Ok(Value::Object(object)) => Some(parse(&object, faults)),
        Ok(other) => {
            faults.add(malformed(format!("expected an object, found {}", excerpt(&other.to_string()))));
            None
        }
        Err(fault) => {
            faults.add(fault);
            None
        }
    }
}

fn parse(object: &Map<String, Value>, faults: &mut Faults) -> Meta {
    let mut meta = Meta::default();
    let mut entry = |field: &str, expected, read: &mut dyn FnMut(&Value) -> bool| {
        if let Some(value) = object.get(field).filter(|v| !v.is_null()) {
            if !read(value) {
                let found = excerpt(&value.to_string());
                faults.add(BatchFault::Meta { field: field.to_owned(), expected, found });
            }
        }
    };
    entry("network", "text", &mut |v| {
        meta.network = v.as_str().map(str::to_lowercase);
        meta.network.is_some()
    });
    entry("processing_date", "a date (YYYY-MM-DD)", &mut |v| {
        meta.processing_date = v.as_str().and_then(parse_date);
        meta.processing_date.is_some()
    });
    entry("window_days", "a whole number of days", &mut |v| {
        let number = v.as_u64().or_else(|| v.as_str()?.trim_end_matches('d').parse().ok());
        meta.window_days = number.and_then(|n| u32::try_from(n).ok());
        meta.window_days.is_some()
    });
    entry("counts", "row counts by table", &mut |v| counts(v).map(|c| meta.counts = c).is_some());
    entry("sha256", "64 hexadecimal digits by file", &mut |v| {
        let sums = v.as_object().and_then(|files| files.iter().map(|(f, v)| sha256(f, v)).collect());
        sums.map(|sums: BTreeMap<_, _>| meta.checksums.extend(sums)).is_some()
    });
    entry("files", "a list of filename and checksum, or md5 by file", &mut |v| {
        let sums = files(v);
        for (file, sum) in sums.iter().flatten() {
            meta.checksums.entry(file.clone()).or_insert(*sum);
        }
        sums.is_some()
    });
    meta
}

fn counts(value: &Value) -> Option<BTreeMap<String, u64>> {
    let count = |(table, rows): (&String, &Value)| {
        let table = table.strip_suffix(".parquet").unwrap_or(table);
        Some((table.to_owned(), rows.as_u64()?))
    };
    value.as_object()?.iter().map(count).collect()
}

fn sha256(file: &str, hex: &Value) -> Option<(String, Checksum)> {
    let digest = Digest::from_hex(hex.as_str()?)?;
    is_plain_name(file).then(|| (file.to_owned(), Checksum::Sha256(digest)))
}

fn md5(file: &str, hex: &Value) -> Option<(String, Checksum)> {
    let sum = Md5::from_hex(hex.as_str()?)?;
    is_plain_name(file).then(|| (file.to_owned(), Checksum::Md5(sum)))
}

fn files(value: &Value) -> Option<BTreeMap<String, Checksum>> {
    match value {
        Value::Array(files) => {
            files.iter().map(|file| sha256(file.get("filename")?.as_str()?, file.get("checksum")?)).collect()
        }
        Value::Object(files) => {
            let sum = |(file, sums): (&String, &Value)| match sums.get("sha256") {
                Some(hex) => sha256(file, hex),
                None => md5(file, sums.get("md5")?),
            };
            files.iter().map(sum).collect()
        }
        _ => None,
    }
}

/// A name in this folder and no other.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\', ':']) && !name.starts_with('.')
}

/// Dialect A for a batch of these files. It holds nothing of when or where it was written: `generated_at` is the
/// processing date.
pub fn meta_json(id: &BatchId, files: &[WrittenFile]) -> String {
    let counts: Map<String, Value> = files.iter().map(|f| (f.table.to_owned(), f.rows.into())).collect();
    let sha256: Map<String, Value> =
        files.iter().map(|f| (format!("{}.parquet", f.table), f.digest.to_string().into())).collect();
    let meta = json!({
        "schema_version": "1.0.0",
        "batch_id": id.name(),
        "network": id.network,
        "processing_date": id.processing_date.to_string(),
        "window_days": id.window_days,
        "generated_at": format!("{}T00:00:00Z", id.processing_date),
        "counts": counts,
        "sha256": sha256,
    });
    format!("{meta:#}\n")
}

/// A table that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// Its name: the file's without `.parquet`.
    pub table: &'static str,
    /// Its rows.
    pub rows: usize,
    /// SHA-256 of the file.
    pub digest: Digest,
}
