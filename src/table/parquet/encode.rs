//! A [`Table`] to the bytes of a Parquet file: one row group, zstd, no statistics, no time stamps.

use arrow2::array::{
    Array, BooleanArray, MutableArray, MutableListArray, MutablePrimitiveArray, MutableUtf8Array,
    PrimitiveArray, TryExtend, Utf8Array,
};
use arrow2::chunk::Chunk;
use arrow2::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow2::io::parquet::write::{
    CompressionOptions, Encoding, FileWriter, RowGroupIterator, Version, WriteOptions, ZstdLevel,
};
use arrow2::types::NativeType;

use super::{Table, Values, WriteError};

pub(super) fn to_bytes(table: &Table) -> Result<Vec<u8>, WriteError> {
    let fault = |reason: String| WriteError::Encode { file: table.name.clone(), reason };
    let mut fields = vec![];
    let mut arrays = vec![];
    for column in &table.columns {
        let array = array(&column.values)
            .map_err(|kind| fault(format!("column `{}` of type {kind}", column.name)))?;
        // not `array.data_type()`'s own nullability: every column of ours may hold nulls
        fields.push(Field::new(&column.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    write(Schema::from(fields), arrays).map_err(|e| fault(e.to_string()))
}

fn write(schema: Schema, arrays: Vec<Box<dyn Array>>) -> arrow2::error::Result<Vec<u8>> {
    let options = WriteOptions {
        write_statistics: false,
        version: Version::V1,
        compression: CompressionOptions::Zstd(Some(ZstdLevel::try_new(ZSTD_LEVEL)?)),
        data_pagesize_limit: None,
    };
    let encodings = vec![vec![Encoding::Plain]; arrays.len()];
    let chunks = std::iter::once(Chunk::try_new(arrays));
    let groups = RowGroupIterator::try_new(chunks, &schema, options, encodings)?;
    let mut writer = FileWriter::try_new(vec![], schema, options)?;
    for group in groups {
        writer.write(group?)?;
    }
    writer.end(None)?;
    Ok(writer.into_inner())
}

/// The array of a column; the type's name where it has none.
fn array(values: &Values) -> Result<Box<dyn Array>, String> {
    Ok(match values {
        Values::Bool(v) => BooleanArray::from(v).boxed(),
        Values::Int(v) => PrimitiveArray::<i64>::from(v).boxed(),
        Values::UInt(v) => PrimitiveArray::<u64>::from(v).boxed(),
        Values::F32(v) => floats(v, |x| x.is_nan()),
        Values::F64(v) => floats(v, |x| x.is_nan()),
        Values::Decimal { scale, units } => decimals(*scale, units)?,
        Values::Text(v) => Utf8Array::<i32>::from(v).boxed(),
        Values::Date(v) => PrimitiveArray::<i32>::from(v).to(DataType::Date32).boxed(),
        Values::Timestamp(v) => {
            let utc = Some("UTC".to_owned());
            PrimitiveArray::<i64>::from(v).to(DataType::Timestamp(TimeUnit::Millisecond, utc)).boxed()
        }
        Values::TextList(v) => text_lists(v)?,
        Values::IntList(v) => int_lists(v)?,
        Values::Other(name) => return Err(name.clone()),
    })
}

/// NaN is how a table says null, and null is how a file says missing.
fn floats<F: NativeType>(values: &[F], missing: impl Fn(F) -> bool) -> Box<dyn Array> {
    PrimitiveArray::<F>::from_trusted_len_iter(values.iter().map(|&v| (!missing(v)).then_some(v))).boxed()
}

fn decimals(scale: u32, units: &[Option<i128>]) -> Result<Box<dyn Array>, String> {
    const DIGITS: usize = 38;
    // 10^38 exceeds what decimals of 38 digits hold
    let bound = 10u128.pow(DIGITS as u32);
    let scale = scale as usize;
    if scale > DIGITS || units.iter().flatten().any(|u| u.unsigned_abs() >= bound) {
        return Err(format!("decimal of more than {DIGITS} digits"));
    }
    Ok(PrimitiveArray::<i128>::from(units).to(DataType::Decimal(DIGITS, scale)).boxed())
}

fn text_lists(lists: &[Option<Vec<String>>]) -> Result<Box<dyn Array>, String> {
    let mut array = MutableListArray::<i32, MutableUtf8Array<i32>>::new();
    let rows = lists.iter().map(|list| list.as_ref().map(|items| items.iter().map(Some)));
    array.try_extend(rows).map_err(|e| e.to_string())?;
    Ok(array.as_box())
}

fn int_lists(lists: &[Option<Vec<i64>>]) -> Result<Box<dyn Array>, String> {
    let mut array = MutableListArray::<i32, MutablePrimitiveArray<i64>>::new();
    let rows = lists.iter().map(|list| list.as_ref().map(|items| items.iter().copied().map(Some)));
    array.try_extend(rows).map_err(|e| e.to_string())?;
    Ok(array.as_box())
}

const ZSTD_LEVEL: i32 = 6;
