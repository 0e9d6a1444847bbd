//! Pages of one column and row group to typed values.

use std::io::Cursor;
use std::sync::Arc;

use arrow2::array::{
    Array, BinaryArray, BooleanArray, FixedSizeBinaryArray, ListArray, PrimitiveArray, Utf8Array,
};
use arrow2::datatypes::{DataType, Field as ArrowField, TimeUnit};
use arrow2::io::parquet::read::{
    ArrayIter, BasicDecompressor, ColumnChunkMetaData, PageReader, column_iter_to_arrays,
};
use arrow2::types::NativeType;
use parquet_format_safe::PageHeader;
use parquet_format_safe::thrift::protocol::TCompactInputProtocol;

use super::footer::{Field, Footer};
use super::{MAX_PAGE_BYTES, ReadError, Values, guarded};
use crate::table::TableColumn;

/// Why a part could not be decoded.
pub(super) enum Fault {
    /// The bytes break the format.
    Bytes(String),
    /// One value, by its row within the part, does not fit its type.
    Cell { row: usize, expected: &'static str, found: String },
}

/// Decodes one column of one row group.
pub(super) fn column_of_group(
    bytes: &[u8],
    footer: &Footer,
    field: usize,
    group: usize,
) -> Result<Values, Fault> {
    let field = &footer.fields[field];
    let Some(mut values) = empty_values(field) else {
        return Ok(Values::Other(type_name(&field.data_type)));
    };
    let rows = footer.metadata.row_groups[group].num_rows();
    let chunks = &footer.metadata.row_groups[group].columns()[field.leaves.clone()];
    guarded(|| {
        for array in arrays(bytes, chunks, field, rows)? {
            append(&mut values, array.map_err(|e| Fault::Bytes(e.to_string()))?.as_ref())?;
        }
        Ok(())
    })
    .unwrap_or_else(|panic| Err(Fault::Bytes(panic)))?;
    match values.len() {
        Some(found) if found != rows => Err(Fault::Bytes(format!("expected {rows} values, found {found}"))),
        _ => Ok(values),
    }
}

/// Puts the parts of a column together, in row-group order.
pub(super) fn join(
    file: &str,
    footer: &Footer,
    field: usize,
    parts: Vec<Result<Values, Fault>>,
) -> Result<TableColumn, ReadError> {
    let field = &footer.fields[field];
    let mut whole: Option<Values> = None;
    let mut row_of_part = 0;
    for (part, group) in parts.into_iter().zip(&footer.metadata.row_groups) {
        let part = part.map_err(|fault| read_error(file, field, row_of_part, fault))?;
        row_of_part += group.num_rows();
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => extend(whole, part),
        }
    }
    let none = || empty_values(field).unwrap_or_else(|| Values::Other(type_name(&field.data_type)));
    Ok(TableColumn { name: field.name.clone(), values: whole.unwrap_or_else(none) })
}

fn read_error(file: &str, field: &Field, row_of_part: usize, fault: Fault) -> ReadError {
    let (file, column) = (file.to_owned(), field.name.clone());
    match fault {
        Fault::Bytes(reason) => ReadError::Column { file, column, reason },
        Fault::Cell { row, expected, found } => {
            ReadError::Cell { file, column, row: row_of_part + row, expected: expected.into(), found }
        }
    }
}

/// The variant a field is decoded into; `None` for types that no table of ours has.
fn empty_values(field: &Field) -> Option<Values> {
    if let Some(scale) = field.scale {
        let physical = matches!(
            field.data_type,
            DataType::Int32 | DataType::Int64 | DataType::FixedSizeBinary(_) | DataType::Binary
        );
        return physical.then(|| Values::Decimal { scale, units: vec![] });
    }
    Some(match &field.data_type {
        DataType::Boolean => Values::Bool(vec![]),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Values::Int(vec![]),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Values::UInt(vec![]),
        DataType::Float32 => Values::F32(vec![]),
        DataType::Float64 => Values::F64(vec![]),
        DataType::Utf8 => Values::Text(vec![]),
        DataType::Date32 => Values::Date(vec![]),
        DataType::Timestamp(..) => Values::Timestamp(vec![]),
        DataType::List(item) => match item.data_type() {
            DataType::Utf8 => Values::TextList(vec![]),
            kind if is_integer(kind) => Values::IntList(vec![]),
            _ => return None,
        },
        _ => return None,
    })
}

fn is_integer(kind: &DataType) -> bool {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    matches!(kind, Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64)
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Struct(_) => "struct".into(),
        DataType::Map(..) => "map".into(),
        DataType::List(item) => format!("list of {}", type_name(item.data_type())),
        DataType::Binary | DataType::FixedSizeBinary(_) => "binary".into(),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn arrays<'a>(
    bytes: &'a [u8],
    chunks: &'a [ColumnChunkMetaData],
    field: &Field,
    rows: usize,
) -> Result<ArrayIter<'a>, Fault> {
    let pages = chunks.iter().map(|chunk| pages(bytes, chunk)).collect::<Result<Vec<_>, _>>()?;
    let types = chunks.iter().map(|chunk| &chunk.descriptor().descriptor.primitive_type).collect();
    let arrow_field = ArrowField::new(&field.name, field.data_type.clone(), true);
    column_iter_to_arrays(pages, types, arrow_field, None, rows).map_err(|e| Fault::Bytes(e.to_string()))
}

fn pages<'a>(
    bytes: &'a [u8],
    chunk: &ColumnChunkMetaData,
) -> Result<BasicDecompressor<PageReader<Cursor<&'a [u8]>>>, Fault> {
    let (start, length) = chunk.byte_range();
    let end = start.saturating_add(length);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = range.and_then(|(start, end)| bytes.get(start..end)).ok_or_else(|| {
        Fault::Bytes(format!("its bytes {start} to {end} lie outside the file of {} bytes", bytes.len()))
    })?;
    check_pages(part, chunk.num_values()).map_err(Fault::Bytes)?;
    let reader =
        PageReader::new(Cursor::new(part), chunk, Arc::new(|_, _| true), vec![], part.len() * 2 + 1024);
    Ok(BasicDecompressor::new(reader, vec![]))
}

/// Walks the page headers of a column: nobody allocates by a claimed size that was not checked here.
fn check_pages(part: &[u8], mut values_left: i64) -> Result<(), String> {
    let mut rest = part;
    while values_left > 0 {
        let mut protocol = TCompactInputProtocol::new(&mut rest, part.len() * 2 + 1024);
        let header = PageHeader::read_from_in_protocol(&mut protocol).map_err(|e| e.to_string())?;
        let size = u64::try_from(header.uncompressed_page_size).map_err(|_| "a page of negative size")?;
        if size > MAX_PAGE_BYTES {
            return Err(format!("a page of {size} bytes, more than the limit of {MAX_PAGE_BYTES}"));
        }
        // the shortest entry of a dictionary is a byte long
        let entries = header.dictionary_page_header.map_or(0, |h| h.num_values.into());
        if !(0..=size as i64).contains(&entries) {
            return Err(format!("a dictionary of {entries} entries in {size} bytes"));
        }
        let v1 = header.data_page_header.map_or(0, |h| h.num_values);
        let v2 = header.data_page_header_v2.map_or(0, |h| h.num_values);
        values_left -= i64::from(v1.max(v2));
        if v1 < 0 || v2 < 0 || values_left < 0 {
            return Err("its pages hold more values than its description says".into());
        }
        let compressed =
            usize::try_from(header.compressed_page_size).map_err(|_| "a page of negative size")?;
        rest = rest.get(compressed..).ok_or("a page reaches beyond its column")?;
    }
    Ok(())
}

fn append(values: &mut Values, array: &dyn Array) -> Result<(), Fault> {
    match values {
        Values::Bool(out) => out.extend(cast::<BooleanArray>(array)?.iter()),
        Values::Int(out) => append_integers(out, array, |v| v)?,
        Values::UInt(out) => append_integers(out, array, |v| v as u64)?,
        Values::F32(out) => append_floats(out, cast(array)?, f32::NAN),
        Values::F64(out) => append_floats(out, cast(array)?, f64::NAN),
        Values::Decimal { units, .. } => append_decimals(units, array)?,
        Values::Text(out) => out.extend(cast::<Utf8Array<i32>>(array)?.iter().map(|t| t.map(str::to_owned))),
        Values::Date(out) => out.extend(cast::<PrimitiveArray<i32>>(array)?.iter().map(|d| d.copied())),
        Values::Timestamp(out) => append_timestamps(out, array)?,
        Values::TextList(out) => append_lists(out, array, |items| {
            let items = cast::<Utf8Array<i32>>(items)?;
            Ok(items.iter().map(|item| item.unwrap_or_default().to_owned()).collect())
        })?,
        Values::IntList(out) => append_lists(out, array, |items| {
            let mut integers = vec![];
            append_integers(&mut integers, items, |v| v)?;
            Ok(integers.into_iter().map(Option::unwrap_or_default).collect())
        })?,
        Values::Other(_) => {}
    }
    Ok(())
}

fn cast<A: 'static>(array: &dyn Array) -> Result<&A, Fault> {
    array.as_any().downcast_ref().ok_or_else(|| Fault::Bytes(format!("unexpected {:?}", array.data_type())))
}

/// Integers of any width; unsigned 64-bit ones pass through i64 as bits.
fn append_integers<T>(
    out: &mut Vec<Option<T>>,
    array: &dyn Array,
    from: impl Fn(i64) -> T,
) -> Result<(), Fault> {
    fn each<N: NativeType, T>(
        out: &mut Vec<Option<T>>,
        array: &dyn Array,
        from: impl Fn(N) -> T,
    ) -> Result<(), Fault> {
        let array = cast::<PrimitiveArray<N>>(array)?;
        match array.validity() {
            None => out.extend(array.values().iter().map(|&v| Some(from(v)))),
            Some(_) => out.extend(array.iter().map(|v| v.map(|&v| from(v)))),
        }
        Ok(())
    }
    match array.data_type() {
        DataType::Int8 => each(out, array, |v: i8| from(v.into())),
        DataType::Int16 => each(out, array, |v: i16| from(v.into())),
        DataType::Int32 => each(out, array, |v: i32| from(v.into())),
        DataType::UInt8 => each(out, array, |v: u8| from(v.into())),
        DataType::UInt16 => each(out, array, |v: u16| from(v.into())),
        DataType::UInt32 => each(out, array, |v: u32| from(v.into())),
        DataType::UInt64 => each(out, array, |v: u64| from(v as i64)),
        _ => each(out, array, from),
    }
}

fn append_floats<F: NativeType>(out: &mut Vec<F>, array: &PrimitiveArray<F>, missing: F) {
    let start = out.len();
    out.extend_from_slice(array.values());
    if let Some(validity) = array.validity().filter(|v| v.unset_bits() > 0) {
        for (value, valid) in out[start..].iter_mut().zip(validity.iter()) {
            if !valid {
                *value = missing;
            }
        }
    }
}

fn append_decimals(out: &mut Vec<Option<i128>>, array: &dyn Array) -> Result<(), Fault> {
    let wide = |(row, value): (usize, Option<&[u8]>)| {
        value.map(|bytes| units(bytes)).transpose().map_err(|found| Fault::Cell {
            row,
            expected: "a decimal of at most 38 digits",
            found,
        })
    };
    let start = out.len();
    match array.data_type() {
        DataType::Int32 | DataType::Int64 => append_integers(out, array, i128::from)?,
        DataType::Binary => {
            for item in cast::<BinaryArray<i32>>(array)?.iter().enumerate() {
                out.push(wide((start + item.0, item.1))?);
            }
        }
        _ => {
            for item in cast::<FixedSizeBinaryArray>(array)?.iter().enumerate() {
                out.push(wide((start + item.0, item.1))?);
            }
        }
    }
    Ok(())
}

/// Two's complement, most significant byte first, of any length whose value fits.
fn units(bytes: &[u8]) -> Result<i128, String> {
    let negative = bytes.first().is_some_and(|&b| b >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let spare = bytes.len().saturating_sub(16);
    let mut whole = [fill; 16];
    whole[16 - (bytes.len() - spare)..].copy_from_slice(&bytes[spare..]);
    let units = i128::from_be_bytes(whole);
    if bytes[..spare].iter().any(|&b| b != fill) || (units < 0) != negative {
        return Err(format!("a number of {} bytes", bytes.len()));
    }
    Ok(units)
}

fn append_timestamps(out: &mut Vec<Option<i64>>, array: &dyn Array) -> Result<(), Fault> {
    let per_ms = match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1_000_000,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
        _ => 1,
    };
    out.extend(cast::<PrimitiveArray<i64>>(array)?.iter().map(|t| t.map(|&t| t.div_euclid(per_ms))));
    Ok(())
}

fn append_lists<T: Clone>(
    out: &mut Vec<Option<Vec<T>>>,
    array: &dyn Array,
    flatten: impl Fn(&dyn Array) -> Result<Vec<T>, Fault>,
) -> Result<(), Fault> {
    let lists = cast::<ListArray<i32>>(array)?;
    let items = flatten(lists.values().as_ref())?;
    for (row, bounds) in lists.offsets().buffer().windows(2).enumerate() {
        let valid = lists.validity().is_none_or(|v| v.get_bit(row));
        let part = items.get(bounds[0] as usize..bounds[1] as usize);
        let part = part.ok_or_else(|| Fault::Bytes("a list reaches beyond its items".into()))?;
        out.push(valid.then(|| part.to_vec()));
    }
    Ok(())
}

fn extend(whole: &mut Values, part: Values) {
    match (whole, part) {
        (Values::Bool(a), Values::Bool(b)) => a.extend(b),
        (Values::Int(a), Values::Int(b)) | (Values::Timestamp(a), Values::Timestamp(b)) => a.extend(b),
        (Values::UInt(a), Values::UInt(b)) => a.extend(b),
        (Values::F32(a), Values::F32(b)) => a.extend(b),
        (Values::F64(a), Values::F64(b)) => a.extend(b),
        (Values::Decimal { units: a, .. }, Values::Decimal { units: b, .. }) => a.extend(b),
        (Values::Text(a), Values::Text(b)) => a.extend(b),
        (Values::Date(a), Values::Date(b)) => a.extend(b),
        (Values::TextList(a), Values::TextList(b)) => a.extend(b),
        (Values::IntList(a), Values::IntList(b)) => a.extend(b),
        // one field decodes to one variant, and `Other` holds no values
        _ => {}
    }
}
