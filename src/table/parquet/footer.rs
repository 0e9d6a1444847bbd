//! The footer of a Parquet file: schema, row groups, and the scales of its decimals.

use std::borrow::Cow;

use arrow2::datatypes::DataType;
use arrow2::io::parquet::read::schema::parquet_to_arrow_schema;
use arrow2::io::parquet::read::{FileMetaData, ParquetType, PhysicalType, PrimitiveLogicalType};
use parquet_format_safe::thrift::protocol::TCompactInputProtocol;
use parquet_format_safe::{ConvertedType, LogicalType, SchemaElement};

use super::bytes::Bytes;
use super::{MAX_COLUMNS, MAX_ROWS, ReadError};

/// What the file says about itself.
pub(super) struct Footer {
    pub(super) metadata: FileMetaData,
    pub(super) fields: Vec<Field>,
    pub(super) n_rows: usize,
}

/// A top-level column.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) data_type: DataType,
    /// Its leaves among the columns of a row group.
    pub(super) leaves: std::ops::Range<usize>,
    /// Digits after the point, where it is a decimal.
    pub(super) scale: Option<u32>,
}

impl Footer {
    pub(super) fn read(file: &str, bytes: &Bytes<'_>) -> Result<Self, ReadError> {
        let malformed =
            |reason: String| ReadError::Malformed { file: file.to_owned(), format: "Parquet", reason };
        let limit = |what, limit, found| Err(ReadError::Limit { file: file.to_owned(), what, limit, found });
        let footer = &*footer_bytes(bytes).map_err(malformed)?;
        let mut protocol = TCompactInputProtocol::new(footer, footer.len() * 2 + 1024);
        let mut thrift = parquet_format_safe::FileMetaData::read_from_in_protocol(&mut protocol)
            .map_err(|e| malformed(e.to_string()))?;
        check_depth(&thrift.schema).map_err(malformed)?;
        let scales = strip_decimals(&mut thrift.schema);
        if scales.len() as u64 > MAX_COLUMNS {
            return limit("columns", MAX_COLUMNS, scales.len() as u64);
        }
        strip_extras(&mut thrift).map_err(malformed)?;
        let metadata = FileMetaData::try_from_thrift(thrift).map_err(|e| malformed(e.to_string()))?;
        let n_rows = metadata.row_groups.iter().fold(0u64, |n, g| n.saturating_add(g.num_rows() as u64));
        if n_rows > MAX_ROWS {
            return limit("rows", MAX_ROWS, n_rows);
        }
        let fields = fields(&metadata, &scales);
        Ok(Footer { metadata, fields, n_rows: n_rows as usize })
    }
}

/// Magic, footer, its length, magic.
fn footer_bytes<'a>(bytes: &Bytes<'a>) -> Result<Cow<'a, [u8]>, String> {
    let end = bytes.len().saturating_sub(8);
    if bytes.len() < 12 {
        return Err(format!("expected at least 12 bytes, found {}", bytes.len()));
    }
    let (head, tail) = (bytes.part(0..4)?, bytes.part(end..bytes.len())?);
    let Some((length, magic)) = tail
        .split_first_chunk::<4>()
        .filter(|(_, magic)| *magic == super::MAGIC)
        .filter(|_| *head == super::MAGIC)
    else {
        return Err(
            "expected the letters PAR1 at the start and at the end (cut off or another format)".into()
        );
    };
    let length = u32::from_le_bytes(*length) as usize;
    let start = end.checked_sub(length).filter(|&start| start >= magic.len());
    let start = start.ok_or_else(|| format!("a footer of {length} bytes in a file of {}", bytes.len()))?;
    bytes.part(start..end)
}

/// The schema is a flattened tree that later code walks recursively: bound its depth first.
fn check_depth(schema: &[SchemaElement]) -> Result<(), String> {
    let mut open: Vec<i32> = vec![];
    for element in schema {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        match element.num_children {
            Some(children) if children < 0 => return Err(format!("a column with {children} children")),
            Some(children) if children > 0 => open.push(children),
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return Err(format!("columns nested deeper than {MAX_DEPTH}"));
        }
    }
    Ok(())
}

/// Takes the DECIMAL annotations off; the scale of each leaf, `None` where it is no decimal.
fn strip_decimals(schema: &mut [SchemaElement]) -> Vec<Option<u32>> {
    let leaves = schema.iter_mut().filter(|e| e.num_children.is_none_or(|n| n == 0));
    let scale_of = |element: &mut SchemaElement| {
        let logical = match &element.logical_type {
            Some(LogicalType::DECIMAL(decimal)) => Some(decimal.scale),
            _ => None,
        };
        let converted =
            (element.converted_type == Some(ConvertedType::DECIMAL)).then(|| element.scale.unwrap_or(0));
        let scale = u32::try_from(logical.or(converted)?).ok().filter(|scale| *scale <= MAX_SCALE)?;
        element.logical_type = None;
        element.converted_type = None;
        element.scale = None;
        element.precision = None;
        Some(scale)
    };
    leaves.map(scale_of).collect()
}

/// Drops what is not needed and could only fail: statistics and key-value pairs.
fn strip_extras(thrift: &mut parquet_format_safe::FileMetaData) -> Result<(), String> {
    thrift.key_value_metadata = None;
    thrift.column_orders = None;
    for chunk in thrift.row_groups.iter_mut().flat_map(|group| &mut group.columns) {
        let meta = chunk.meta_data.as_mut().ok_or("a column without a description")?;
        meta.statistics = None;
        if chunk.file_path.is_some() {
            return Err("columns kept in another file".into());
        }
    }
    Ok(())
}

fn fields(metadata: &FileMetaData, scales: &[Option<u32>]) -> Vec<Field> {
    let mut next_leaf = 0;
    let mut fields = vec![];
    for parquet_type in metadata.schema_descr.fields() {
        let leaves = next_leaf..next_leaf + count_leaves(parquet_type);
        next_leaf = leaves.end;
        let name = parquet_type.name().to_owned();
        let scale = if leaves.len() == 1 { scales.get(leaves.start).copied().flatten() } else { None };
        fields.push(Field { name, data_type: data_type(parquet_type), leaves, scale });
    }
    fields
}

fn count_leaves(parquet_type: &ParquetType) -> usize {
    match parquet_type {
        ParquetType::PrimitiveType(_) => 1,
        ParquetType::GroupType { fields, .. } => fields.iter().map(count_leaves).sum(),
    }
}

/// arrow2's reading of the Parquet type, but annotated bytes that are text by definition come as text.
fn data_type(parquet_type: &ParquetType) -> DataType {
    if let ParquetType::PrimitiveType(primitive) = parquet_type {
        let textual =
            matches!(primitive.logical_type, Some(PrimitiveLogicalType::Json | PrimitiveLogicalType::Enum));
        if textual && primitive.physical_type == PhysicalType::ByteArray {
            return DataType::Utf8;
        }
    }
    let inferred = parquet_to_arrow_schema(std::slice::from_ref(parquet_type));
    inferred.into_iter().next().map_or(DataType::Null, |field| field.data_type)
}

const MAX_DEPTH: usize = 32;

/// Digits after the point beyond those of any decimal; arrow2 refuses what is left annotated.
const MAX_SCALE: u32 = 76;
