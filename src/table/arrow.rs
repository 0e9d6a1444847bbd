//! Arrow IPC streams to [`Table`]s and back.
//!
//! In: one stream or several, one behind the other, each a schema, batches of rows, and its end mark; the key `table` of a schema's
//! metadata names the table. Out: columns in the order of the schema, batches joined in the order of the stream.
//!
//! arrow2 writes. It is not let near bytes from outside: it believes the lengths that a message claims, and memory that cannot be
//! had ends the program, which no guard catches. So messages are taken apart here by arrow2's own sister crate, whose
//! readers check every offset, and each buffer is cut out of the bytes that are there. What is unpacked asks for room first: a
//! dictionary lets a few bytes stand for many. Compressed buffers are refused; transports compress.
//!
//! Sources: Apache Arrow columnar format 1.5 (IPC streaming format; `Message.fbs`, `Schema.fbs`).

use std::collections::BTreeMap;

use arrow_format::ipc::MessageHeaderRef;
use arrow2::chunk::Chunk;
use arrow2::datatypes::Schema;
use arrow2::io::ipc::write::{StreamWriter, WriteOptions};

use super::arrays::fields_and_arrays;
use super::guard::guarded;
use super::{ReadError, Room, Table, WriteError, excerpt, repeated};

mod decode;
mod kind;
mod message;

use decode::Reader;
use kind::Columns;

/// The first bytes of every stream.
pub const MAGIC: [u8; 4] = message::CONTINUATION;

/// The key of a schema's metadata that names the table.
pub const TABLE_KEY: &str = "table";

/// Reads all streams of `bytes`; `name` stands in messages, and is the name of tables that have none.
///
/// # Errors
/// When the bytes are malformed or cut off, or when there is no room for what they hold.
pub fn read_streams(name: &str, bytes: &[u8], room: Room<'_>) -> Result<Vec<Table>, ReadError> {
    let malformed = |reason| ReadError::Malformed { file: name.to_owned(), format: "Arrow stream", reason };
    let mut rest = bytes;
    let mut tables = vec![];
    loop {
        let table = guarded(|| stream(name, &mut rest, room)).map_err(malformed)??;
        tables.push(table);
        if rest.is_empty() {
            return Ok(tables);
        }
    }
}

/// A table as a stream of one batch, named in its metadata.
///
/// # Errors
/// When a column is of a type that is not written.
pub fn to_bytes(table: &Table) -> Result<Vec<u8>, WriteError> {
    let fault = |reason: String| WriteError::Encode { file: table.name.clone(), reason };
    let (fields, arrays) = fields_and_arrays(table)?;
    let metadata = BTreeMap::from([(TABLE_KEY.to_owned(), table.name.clone())]);
    let schema = Schema::from(fields).with_metadata(metadata);
    let mut writer = StreamWriter::new(vec![], WriteOptions { compression: None });
    let write = || {
        writer.start(&schema, None)?;
        writer.write(&Chunk::try_new(arrays)?, None)?;
        writer.finish()
    };
    write().map_err(|error| fault(error.to_string()))?;
    Ok(writer.into_inner())
}

/// Reads one stream off the front of `rest`.
fn stream(file: &str, rest: &mut &[u8], room: Room<'_>) -> Result<Table, ReadError> {
    let malformed = |reason| ReadError::Malformed { file: file.to_owned(), format: "Arrow stream", reason };
    let first = message::next(rest).map_err(malformed)?;
    let Some(MessageHeaderRef::Schema(schema)) = first.map(|message| message.header) else {
        return Err(malformed("expected a schema at its start".to_owned()));
    };
    let Columns { table, columns } = Columns::read(schema).map_err(malformed)?;
    if let Some(twice) = repeated(columns.iter().map(|column| column.name.as_str())) {
        let reason = format!("expected column names that differ, found `{}` twice", excerpt(twice));
        return Err(malformed(reason));
    }
    let name = table.unwrap_or_else(|| file.to_owned());
    let mut reader = Reader::new(&name, columns, room);
    while let Some(message) = message::next(rest).map_err(malformed)? {
        match message.header {
            MessageHeaderRef::DictionaryBatch(batch) => reader.dictionary(batch, message.body)?,
            MessageHeaderRef::RecordBatch(batch) => reader.rows(batch, message.body)?,
            _ => return Err(malformed("expected rows or a dictionary behind the schema".to_owned())),
        }
    }
    Ok(reader.table())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::sample::{row, same_bits, table_of};

    const ENOUGH: Room<'_> = &|_| true;

    fn read(bytes: &[u8]) -> Result<Vec<Table>, ReadError> {
        read_streams("t", bytes, ENOUGH)
    }

    proptest! {
        #[test]
        fn streams_read_back_as_they_were_written(rows in prop::collection::vec(row(), 0..20)) {
            let table = table_of(&rows);
            let one = to_bytes(&table).expect("encodes");
            let two = [one.as_slice(), &one].concat();
            let back = read(&two).expect("decodes");
            prop_assert_eq!(back.len(), 2);
            prop_assert!(back.iter().all(|back| same_bits(back, &table)), "{:?}", back);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn damaged_streams_never_panic(
            rows in prop::collection::vec(row(), 1..6),
            at in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let mut bytes = to_bytes(&table_of(&rows)).expect("encodes");
            let at = at.index(bytes.len());
            // cut off there, or one bit over: an error or another table, but an answer
            prop_assert!(read(&bytes[..at]).is_err());
            bytes[at] ^= 1 << bit;
            let _ = read(&bytes);
        }

        #[test]
        fn other_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes).is_err());
            let framed = [&MAGIC[..], &(bytes.len() as u32).to_le_bytes(), &bytes].concat();
            prop_assert!(read(&framed).is_err());
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_not_unpacked() {
        let texts = vec![Some("x".repeat(1000)); 50];
        let column = super::super::TableColumn::new("t", super::super::Values::Text(texts));
        let bytes = to_bytes(&Table::new("t", vec![column])).expect("encodes");
        let tight: Room<'_> = &|n| n < 50_000;
        assert!(matches!(read_streams("t", &bytes, tight), Err(ReadError::NoRoom { .. })));
    }
}
