//! A request whose tables come as tables: Parquet, Arrow streams, or lists of JSON, one for each.
//!
//! In: the bytes of each table, or streams one behind the other that name their tables. Out: the [`Batch`] that the same rows make
//! as JSON, or its faults in the same words.

use serde::de::DeserializeSeed as _;

use super::batch::Batch;
use super::json::By;
use super::request::{Bounds, RequestFaults, Source, Tables};
use super::rows::{List, Rows, Section};
use super::rowwise::Rowwise;
use super::schema::TableKind;
use crate::table::{ReadError, Room, Table, arrow, parquet};

/// A table as it came.
#[derive(Clone, Copy, Debug)]
pub struct TablePart<'a> {
    /// `alerts`, `features`, `clusters` or `money_flows`.
    pub name: &'a str,
    /// A Parquet file, an Arrow stream or a JSON list, told by how they begin.
    pub bytes: &'a [u8],
}

/// The rows of a part, not looked at yet.
enum Unread<'a> {
    Columns(Table),
    Json(&'a [u8]),
}

impl Batch {
    /// Reads the tables of a request. What they unpack to asks for `room`.
    ///
    /// # Errors
    /// When one cannot be read, or with all faults of those that can.
    pub fn from_parts(parts: &[TablePart<'_>], room: Room<'_>) -> Result<Batch, RequestFaults> {
        let unread = parts.iter().map(|part| Ok((part.name, unread(*part, room)?)));
        of_tables(unread.collect::<Result<_, _>>()?)
    }

    /// Reads a request that is Arrow streams, each a table that is named by the key `table` of its schema's metadata. What they
    /// unpack to asks for `room`.
    ///
    /// # Errors
    /// When one cannot be read, or with all faults of those that can.
    pub fn from_arrow(bytes: &[u8], room: Room<'_>) -> Result<Batch, RequestFaults> {
        let mut tables = arrow::read_streams("the body", bytes, room).map_err(unreadable)?;
        let names: Vec<String> = tables.iter_mut().map(|table| std::mem::take(&mut table.name)).collect();
        let tables = names.iter().map(String::as_str).zip(tables.into_iter().map(Unread::Columns));
        of_tables(tables.collect())
    }

    /// Whether a request's bytes begin as Arrow streams do.
    pub fn is_arrow(bytes: &[u8]) -> bool {
        bytes.starts_with(&arrow::MAGIC)
    }
}

/// Reads a part by how it begins.
fn unread<'a>(part: TablePart<'a>, room: Room<'_>) -> Result<Unread<'a>, RequestFaults> {
    let TablePart { name, bytes } = part;
    if bytes.starts_with(&parquet::MAGIC) {
        return parquet::read_within(name, bytes, room).map(Unread::Columns).map_err(unreadable);
    }
    if bytes.starts_with(&arrow::MAGIC) {
        let mut found = arrow::read_streams(name, bytes, room).map_err(unreadable)?;
        let several = || not_table(name, &format!("expected one Arrow stream, found {}", found.len()));
        return if found.len() > 1 { Err(several()) } else { Ok(Unread::Columns(found.swap_remove(0))) };
    }
    match bytes.trim_ascii_start() {
        [b'[' | b'n', ..] => Ok(Unread::Json(bytes)),
        _ => Err(not_table(name, "expected a Parquet file, an Arrow stream or a JSON list")),
    }
}

fn of_tables(parts: Vec<(&str, Unread<'_>)>) -> Result<Batch, RequestFaults> {
    let bounds = Bounds::default();
    let mut scope = bounds.scope();
    let (mut tables, mut seen) = (Tables::default(), vec![]);
    for (name, part) in parts {
        let kind = TableKind::ALL.into_iter().find(|kind| kind.name() == name);
        match (Tables::place(name), kind) {
            (Some(place), _) if seen.contains(&place) => {
                _ = scope.fault_at::<()>(name, "Table should be given once", "value_error");
            }
            (Some(place), Some(kind)) => {
                seen.push(place);
                tables.read(place, Part { kind, unread: part }, &bounds)?;
            }
            _ => _ = scope.fault_at::<()>(name, NO_SUCH_TABLE, "extra_forbidden"),
        }
    }
    tables.batch(scope)
}

/// A part of a known name.
struct Part<'a> {
    kind: TableKind,
    unread: Unread<'a>,
}

impl<'de> Source<'de> for Part<'de> {
    type Error = RequestFaults;

    fn list<R: Rows>(self, list: List<'_, R>) -> Result<Option<Section<R::Out>>, RequestFaults> {
        let name = self.kind.name();
        match self.unread {
            Unread::Columns(table) => match list.unless_too_long(table.n_rows) {
                Err(refused) => Ok(Some(refused)),
                Ok(list) => {
                    let read = By(list).deserialize(Rowwise::new(table, self.kind));
                    read.map_err(|error| not_table(name, &error.to_string()))
                }
            },
            Unread::Json(text) => {
                let fault = |error: serde_json::Error| not_table(name, &format!("not JSON: {error}"));
                let mut reader = serde_json::Deserializer::from_slice(text);
                let section = By(list).deserialize(&mut reader).map_err(fault)?;
                reader.end().map_err(fault)?;
                Ok(section)
            }
        }
    }
}

fn unreadable(error: ReadError) -> RequestFaults {
    match error {
        ReadError::NoRoom { .. } => RequestFaults::NoRoom,
        error => RequestFaults::NotTable { reason: error.to_string() },
    }
}

fn not_table(name: &str, reason: &str) -> RequestFaults {
    RequestFaults::NotTable { reason: format!("{name}: {reason}") }
}

const NO_SUCH_TABLE: &str = "Table should be one of alerts, features, clusters and money_flows";
