//! A [`Table`] to the bytes of a Parquet file: one row group, zstd, no statistics, no time stamps.

use arrow2::array::Array;
use arrow2::chunk::Chunk;
use arrow2::datatypes::Schema;
use arrow2::io::parquet::write::{
    CompressionOptions, Encoding, FileWriter, RowGroupIterator, Version, WriteOptions, ZstdLevel,
};

use super::{Table, WriteError};
use crate::table::arrays::fields_and_arrays;

pub(super) fn to_bytes(table: &Table) -> Result<Vec<u8>, WriteError> {
    let fault = |reason: String| WriteError::Encode { file: table.name.clone(), reason };
    let (fields, arrays) = fields_and_arrays(table)?;
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

const ZSTD_LEVEL: i32 = 6;
