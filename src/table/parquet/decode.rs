//! Pages of one column and row group to typed values.
//!
//! arrow2 finds and decompresses the pages; levels and values are decoded here, because its own decoders do not end
//! on some damaged files. Encodings: plain, dictionary, run-length booleans. Nesting: one list.

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;

use arrow2::datatypes::{DataType, TimeUnit};
use arrow2::io::parquet::read::{
    ColumnChunkMetaData, CompressedDataPage, DataPageHeader, Page, PageReader, ParquetType, PhysicalType,
    decompress,
};
use arrow2::io::parquet::write::{CompressedPage, Encoding};
use parquet_format_safe::thrift::protocol::TCompactInputProtocol;
use parquet_format_safe::{CompressionCodec, PageHeader};

use super::bytes::Bytes;
use super::footer::{Field, Footer};
use super::levels::hybrid;
use super::{MAX_PAGE_BYTES, ReadError, Values};
use crate::table::guard::guarded;
use crate::table::{Room, TableColumn, Texts};

/// Decodes one column of one row group.
pub(super) fn column_of_group(
    bytes: &Bytes<'_>,
    footer: &Footer,
    field: usize,
    group: usize,
    room: Room<'_>,
) -> Result<Values, Fault> {
    let field = &footer.fields[field];
    let Some(mut values) = empty_values(field) else {
        return Ok(Values::Other(type_name(&field.data_type)));
    };
    let rows = footer.metadata.row_groups[group].num_rows();
    let chunk = &footer.metadata.row_groups[group].columns()[field.leaves.start];
    let part = part_of(bytes, chunk)?;
    let filled = guarded(|| fill(&mut values, &part, chunk, field, room));
    filled.unwrap_or_else(|reason| Err(Fault::Malformed(reason)))?;
    match values.n_values() {
        Some(found) if found != rows => Err(wrong_count(rows, found)),
        _ => Ok(values),
    }
}

/// Decodes a column of text of one row group, in one piece.
pub(super) fn texts_of_group(
    bytes: &Bytes<'_>,
    footer: &Footer,
    field: usize,
    group: usize,
) -> Result<Texts, Fault> {
    let group = &footer.metadata.row_groups[group];
    let chunk = &group.columns()[footer.fields[field].leaves.start];
    let part = part_of(bytes, chunk)?;
    let texts = guarded(|| {
        let mut texts = Texts::default();
        Chunk::new(&part, chunk, &|_| true)?.texts(&mut texts)?;
        Ok(texts)
    });
    let texts = texts.unwrap_or_else(|reason| Err(Fault::Malformed(reason)))?;
    match texts.len() {
        found if found != group.num_rows() => Err(wrong_count(group.num_rows(), found)),
        _ => Ok(texts),
    }
}

/// Whether a column is decoded as text.
pub(super) fn is_text(field: &Field) -> bool {
    matches!(empty_values(field), Some(Values::Text(_)))
}

fn wrong_count(rows: usize, found: usize) -> Fault {
    Fault::Malformed(format!("expected {rows} values, found {found}"))
}

/// The bytes of a column of a row group.
fn part_of<'a>(bytes: &Bytes<'a>, chunk: &ColumnChunkMetaData) -> Result<Cow<'a, [u8]>, Fault> {
    let (start, length) = chunk.byte_range();
    let end = start.saturating_add(length);
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    Ok(bytes.part(place(start)..place(end))?)
}

/// Why a column cannot be decoded.
pub(super) enum Fault {
    /// It breaks its format.
    Malformed(String),
    /// There is no room for what it holds.
    NoRoom,
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Fault::Malformed(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Fault::Malformed(reason.to_owned())
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
    for part in parts {
        let part = part.map_err(|fault| unread(file, &field.name, fault))?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => extend(whole, part),
        }
    }
    let none = || empty_values(field).unwrap_or_else(|| Values::Other(type_name(&field.data_type)));
    Ok(TableColumn { name: field.name.clone(), values: whole.unwrap_or_else(none) })
}

/// What is said of a column that cannot be decoded.
pub(super) fn unread(file: &str, column: &str, fault: Fault) -> ReadError {
    let (file, column) = (file.to_owned(), column.to_owned());
    match fault {
        Fault::Malformed(reason) => ReadError::Column { file, column, reason },
        Fault::NoRoom => ReadError::NoRoom { file },
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

/// Decodes a column of a row group into values of its variant.
fn fill(
    values: &mut Values,
    part: &[u8],
    chunk: &ColumnChunkMetaData,
    field: &Field,
    room: Room<'_>,
) -> Result<(), Fault> {
    let column = Chunk::new(part, chunk, room)?;
    match values {
        Values::Bool(out) => column.flat(out, None, booleans(), Some)?,
        Values::Int(out) => column.flat(out, None, integers(chunk)?, Some)?,
        Values::UInt(out) => column.flat(out, None, unsigned(chunk)?, Some)?,
        Values::F32(out) => column.flat(out, f32::NAN, f32s(), |v| v)?,
        Values::F64(out) => column.flat(out, f64::NAN, f64s(), |v| v)?,
        Values::Decimal { units, .. } => column.flat(units, None, decimals(chunk)?, Some)?,
        Values::Text(out) => column.flat(out, None, texts(), Some)?,
        Values::Date(out) => column.flat(out, None, i32s(), Some)?,
        Values::Timestamp(out) => {
            let per_ms = match field.data_type {
                DataType::Timestamp(TimeUnit::Nanosecond, _) => 1_000_000,
                DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
                _ => 1,
            };
            column.flat(out, None, instants(chunk), |v| Some(v.div_euclid(per_ms)))?;
        }
        Values::TextList(out) => column.lists(out, texts())?,
        Values::IntList(out) => column.lists(out, integers(chunk)?)?,
        Values::Other(_) => {}
    }
    Ok(())
}

/// The pages of a column in a row group, checked and ready to be walked.
struct Chunk<'a> {
    pages: PageReader<Cursor<&'a [u8]>>,
    max_def: u32,
    max_rep: u32,
    /// From this definition level on, a list is there.
    list_def: u32,
    room: Room<'a>,
}

/// A page's levels and the bytes of its values.
struct Split<'a> {
    rep: Vec<u32>,
    def: Vec<u32>,
    values: &'a [u8],
    encoding: Encoding,
    count: usize,
}

/// A page as it is worked on.
enum Unpacked<'a> {
    /// The bytes of a dictionary, and how many values they are.
    Dictionary(&'a [u8], usize),
    /// Levels and values, and how many of them there are.
    Data(&'a Split<'a>, usize),
}

/// Decodes so many plain values.
type Plain<T> = fn(&[u8], usize, usize) -> Result<Vec<T>, String>;

/// How plain values of a column are decoded, and the length of each where it is fixed.
struct Decoder<T> {
    plain: Plain<T>,
    length: usize,
    /// Bytes that a value holds beside itself.
    beside: fn(&T) -> usize,
}

impl<T> Decoder<T> {
    /// Of values that hold nothing beside themselves.
    fn new(plain: Plain<T>, length: usize) -> Self {
        Decoder { plain, length, beside: |_| 0 }
    }
}

/// Room for a value and its levels: more than any type's, so that none is counted apart.
const VALUE_BYTES: usize = 32;

impl<'a> Chunk<'a> {
    fn new(part: &'a [u8], chunk: &ColumnChunkMetaData, room: Room<'a>) -> Result<Self, Fault> {
        let unpacked = check_pages(part, chunk.num_values(), chunk.metadata().codec)?;
        let n_values = usize::try_from(chunk.num_values()).map_err(|_| "a negative count")?;
        if !room(unpacked.saturating_add(n_values.saturating_mul(VALUE_BYTES))) {
            return Err(Fault::NoRoom);
        }
        let limit = part.len() * 2 + 1024;
        let pages = PageReader::new(Cursor::new(part), chunk, Arc::new(|_, _| true), vec![], limit);
        let column = chunk.descriptor();
        let level = |level: i16| u32::try_from(level).map_err(|_| "a negative level".to_owned());
        let (max_def, max_rep) =
            (level(column.descriptor.max_def_level)?, level(column.descriptor.max_rep_level)?);
        // a list in a group of its own may be absent; a bare repeated column may only be empty
        let optional = match &column.base_type {
            ParquetType::PrimitiveType(_) => false,
            ParquetType::GroupType { field_info, .. } => format!("{:?}", field_info.repetition) == "Optional",
        };
        Ok(Chunk { pages, max_def, max_rep, list_def: u32::from(optional), room })
    }

    /// Appends one value a row; `missing` where there is none.
    fn flat<T: Clone, U: Clone>(
        self,
        out: &mut Vec<U>,
        missing: U,
        decoder: Decoder<T>,
        wrap: impl Fn(T) -> U,
    ) -> Result<(), Fault> {
        if self.max_rep != 0 {
            return Err("a list where a value was expected".into());
        }
        let max_def = self.max_def;
        self.each_page(&decoder, |split, values| {
            let mut values = values.into_iter();
            if values.len() == split.count {
                out.extend(values.map(&wrap));
                return Ok(());
            }
            out.reserve(split.count);
            for &def in &split.def {
                let value = if def == max_def { values.next().map(&wrap) } else { None };
                out.push(value.unwrap_or_else(|| missing.clone()));
            }
            Ok(())
        })
    }

    /// Appends one list a row.
    fn lists<T: Clone + Default>(
        self,
        out: &mut Vec<Option<Vec<T>>>,
        decoder: Decoder<T>,
    ) -> Result<(), Fault> {
        let (max_def, list_def) = (self.max_def, self.list_def);
        if self.max_rep != 1 {
            return Err("a list within a list".into());
        }
        self.each_page(&decoder, |split, values| {
            let mut values = values.into_iter();
            for (&rep, &def) in split.rep.iter().zip(&split.def) {
                if rep == 0 {
                    out.push((def >= list_def).then(Vec::new));
                }
                if def > list_def {
                    let item = if def == max_def { values.next() } else { None };
                    let list = out.last_mut().and_then(Option::as_mut).ok_or("an item outside a list")?;
                    list.push(item.unwrap_or_default());
                }
            }
            Ok(())
        })
    }

    /// Appends one text a row, what a dictionary holds only once.
    fn texts(self, out: &mut Texts) -> Result<(), Fault> {
        if self.max_rep != 0 {
            return Err("a list where a value was expected".into());
        }
        let max_def = self.max_def;
        // where the dictionary's entries stand among those of the column
        let mut dictionary = 0..0;
        self.walk(|page| {
            let (split, present) = match page {
                Unpacked::Dictionary(bytes, n) => {
                    let first = out.n_entries();
                    lengthy(bytes, n, |item| text(item).map(|text| out.add_entry(text)))?;
                    dictionary = first..out.n_entries();
                    return Ok(());
                }
                Unpacked::Data(split, present) => (split, present),
            };
            let entries: Vec<usize> = match split.encoding {
                _ if present == 0 => vec![],
                Encoding::Plain => {
                    lengthy(split.values, present, |item| text(item).map(|text| out.add_entry(text)))?
                }
                Encoding::RleDictionary | Encoding::PlainDictionary => {
                    let entry = |index: u32| {
                        Some(dictionary.start + index as usize).filter(|e| dictionary.contains(e))
                    };
                    let entries = indices(split, present)?.into_iter().map(entry);
                    entries.collect::<Option<_>>().ok_or(BEYOND_DICTIONARY)?
                }
                other => return Err(not_read(other).into()),
            };
            let mut entries = entries.into_iter();
            if present == split.count {
                entries.for_each(|entry| out.push_entry(Some(entry)));
            } else {
                split
                    .def
                    .iter()
                    .for_each(|&def| out.push_entry(if def == max_def { entries.next() } else { None }));
            }
            Ok(())
        })
    }

    /// Calls `each` with the levels and the decoded values of every data page.
    fn each_page<T: Clone>(
        self,
        decoder: &Decoder<T>,
        mut each: impl FnMut(&Split<'_>, Vec<T>) -> Result<(), String>,
    ) -> Result<(), Fault> {
        let room = self.room;
        let mut dictionary: Vec<T> = vec![];
        self.walk(|page| {
            match page {
                Unpacked::Dictionary(bytes, n) => dictionary = (decoder.plain)(bytes, n, decoder.length)?,
                Unpacked::Data(split, present) => {
                    each(split, present_values(split, present, decoder, &dictionary, room)?)?;
                }
            }
            Ok(())
        })
    }

    /// Calls `each` with every page, unpacked.
    fn walk(self, mut each: impl FnMut(Unpacked<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        let (max_def, max_rep) = (self.max_def, self.max_rep);
        let mut buffer = vec![];
        for page in self.pages {
            let page = page.map_err(|e| e.to_string())?;
            check_levels(&page)?;
            match decompress(page, &mut buffer).map_err(|e| e.to_string())? {
                Page::Dict(page) => {
                    each(Unpacked::Dictionary(&page.buffer, page.num_values))?;
                    buffer = page.buffer;
                }
                Page::Data(mut page) => {
                    let bytes = std::mem::take(page.buffer_mut());
                    let split = split(page.header(), page.encoding(), &bytes, [max_rep, max_def])?;
                    let present = match max_def {
                        0 => split.count,
                        _ => split.def.iter().filter(|&&def| def == max_def).count(),
                    };
                    each(Unpacked::Data(&split, present))?;
                    buffer = bytes;
                }
            }
        }
        Ok(())
    }
}

/// Walks the page headers of a column: nobody allocates by a claimed size that was not checked here. The bytes that its pages
/// unpack to.
fn check_pages(part: &[u8], mut values_left: i64, codec: CompressionCodec) -> Result<usize, String> {
    let mut rest = part;
    let mut unpacked = 0_usize;
    while values_left > 0 {
        let mut protocol = TCompactInputProtocol::new(&mut rest, part.len() * 2 + 1024);
        let header = PageHeader::read_from_in_protocol(&mut protocol).map_err(|e| e.to_string())?;
        let size = u64::try_from(header.uncompressed_page_size).map_err(|_| "a page of negative size")?;
        if size > MAX_PAGE_BYTES {
            return Err(format!("a page of {size} bytes, more than the limit of {MAX_PAGE_BYTES}"));
        }
        unpacked = unpacked.saturating_add(size as usize);
        // the shortest entry of a dictionary is a bit long
        let entries = header.dictionary_page_header.map_or(0, |h| h.num_values.into());
        if !(0..=size.saturating_mul(8) as i64).contains(&entries) {
            return Err(format!("a dictionary of {entries} entries in {size} bytes"));
        }
        let v1 = header.data_page_header.map_or(0, |h| h.num_values);
        // levels of version 2 stand before what is compressed
        let levels = header.data_page_header_v2.as_ref().map_or(0, |h| {
            i64::from(h.definition_levels_byte_length) + i64::from(h.repetition_levels_byte_length)
        });
        let v2 = header.data_page_header_v2.map_or(0, |h| h.num_values);
        values_left -= i64::from(v1.max(v2));
        if v1 < 0 || v2 < 0 || values_left < 0 {
            return Err("its pages hold more values than its description says".into());
        }
        let compressed =
            usize::try_from(header.compressed_page_size).map_err(|_| "a page of negative size")?;
        let (page, after) = rest.split_at_checked(compressed).ok_or("a page reaches beyond its column")?;
        if codec == CompressionCodec::BROTLI {
            check_window(page, levels)?;
        }
        rest = after;
    }
    Ok(unpacked)
}

/// A decoder of Brotli sets aside what the stream names as its window, whatever the page unpacks to: up to 16 MiB by the
/// standard, but up to 1 GiB by an extension, which its first seven bits announce (RFC 7932, section 9.1).
fn check_window(page: &[u8], levels: i64) -> Result<(), String> {
    let first = usize::try_from(levels).ok().and_then(|levels| page.get(levels));
    match first {
        Some(first) if first & 0x7f == 0x11 => Err("a Brotli page with a window beyond the standard".into()),
        _ => Ok(()),
    }
}

/// Levels of other encodings died out before the format was finished.
fn check_levels(page: &CompressedPage) -> Result<(), String> {
    let CompressedPage::Data(page) = page else { return Ok(()) };
    let header: fn(&CompressedDataPage) -> &DataPageHeader = CompressedDataPage::header;
    match header(page) {
        DataPageHeader::V1(v1)
            if v1.definition_level_encoding.0 != RLE || v1.repetition_level_encoding.0 != RLE =>
        {
            Err("levels of an outdated encoding".into())
        }
        _ => Ok(()),
    }
}

/// Thrift's number of the encoding.
const RLE: i32 = 3;

/// Takes a page apart. `max`: the highest repetition and definition level.
fn split<'a>(
    header: &DataPageHeader,
    encoding: Encoding,
    bytes: &'a [u8],
    [max_rep, max_def]: [u32; 2],
) -> Result<Split<'a>, String> {
    const SHORT: &str = "a page ends within its levels";
    let count = header.num_values();
    let width = |max: u32| u32::BITS - max.leading_zeros();
    let (rep, def, values) = match header {
        DataPageHeader::V1(_) => {
            let mut rest = bytes;
            let mut prefixed = |max: u32| -> Result<&'a [u8], String> {
                if max == 0 {
                    return Ok(&[]);
                }
                let (length, after) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
                let (levels, after) =
                    after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(SHORT)?;
                rest = after;
                Ok(levels)
            };
            let (rep, def) = (prefixed(max_rep)?, prefixed(max_def)?);
            (rep, def, rest)
        }
        DataPageHeader::V2(v2) => {
            let length = |bytes: i32| usize::try_from(bytes).map_err(|_| SHORT);
            let (rep, rest) =
                bytes.split_at_checked(length(v2.repetition_levels_byte_length)?).ok_or(SHORT)?;
            let (def, rest) =
                rest.split_at_checked(length(v2.definition_levels_byte_length)?).ok_or(SHORT)?;
            (rep, def, rest)
        }
    };
    let levels = |bytes, max| if max == 0 { Ok(vec![]) } else { hybrid(bytes, width(max), count) };
    Ok(Split { rep: levels(rep, max_rep)?, def: levels(def, max_def)?, values, encoding, count })
}

fn present_values<T: Clone>(
    split: &Split<'_>,
    present: usize,
    decoder: &Decoder<T>,
    dictionary: &[T],
    room: Room<'_>,
) -> Result<Vec<T>, Fault> {
    if present == 0 {
        return Ok(vec![]);
    }
    match split.encoding {
        Encoding::Plain => Ok((decoder.plain)(split.values, present, decoder.length)?),
        Encoding::RleDictionary | Encoding::PlainDictionary => {
            let value = |index: u32| dictionary.get(index as usize);
            let values: Option<Vec<&T>> = indices(split, present)?.into_iter().map(value).collect();
            let values = values.ok_or(BEYOND_DICTIONARY)?;
            // a long text may stand in many rows
            let beside =
                values.iter().fold(0_usize, |sum, value| sum.saturating_add((decoder.beside)(value)));
            if beside > 0 && !room(beside) {
                return Err(Fault::NoRoom);
            }
            Ok(values.into_iter().cloned().collect())
        }
        Encoding::Rle if decoder.length == BIT => {
            let bits = split.values.get(4..).ok_or("a page without values")?;
            let packed = hybrid(bits, 1, present)?;
            // as plain booleans look, so that one decoder serves both
            let bytes: Vec<u8> =
                packed.chunks(8).map(|c| c.iter().rev().fold(0, |b, &v| (b << 1) | v as u8)).collect();
            Ok((decoder.plain)(&bytes, present, BIT)?)
        }
        other => Err(not_read(other).into()),
    }
}

/// Places in the dictionary, one for each value that is present.
fn indices(split: &Split<'_>, present: usize) -> Result<Vec<u32>, String> {
    let (&width, indices) = split.values.split_first().ok_or("a page without indices")?;
    hybrid(indices, width.into(), present)
}

const BEYOND_DICTIONARY: &str = "an index beyond its dictionary";

fn not_read(encoding: Encoding) -> String {
    format!("values encoded as {encoding:?}, which is not read here")
}

/// Stands for the length of a boolean.
const BIT: usize = 0;

fn booleans() -> Decoder<bool> {
    let plain: Plain<bool> = |bytes, n, _| {
        if bytes.len().saturating_mul(8) < n {
            return Err("its values end early".into());
        }
        Ok((0..n).map(|i| bytes[i / 8] >> (i % 8) & 1 == 1).collect())
    };
    Decoder::new(plain, BIT)
}

fn f32s() -> Decoder<f32> {
    Decoder::new(|bytes, n, _| words(bytes, n, f32::from_le_bytes), 4)
}

fn f64s() -> Decoder<f64> {
    Decoder::new(|bytes, n, _| words(bytes, n, f64::from_le_bytes), 8)
}

fn i32s() -> Decoder<i32> {
    Decoder::new(|bytes, n, _| words(bytes, n, i32::from_le_bytes), 4)
}

/// Whole numbers of 32 or 64 bits, sign extended.
fn integers(chunk: &ColumnChunkMetaData) -> Result<Decoder<i64>, String> {
    match chunk.physical_type() {
        PhysicalType::Int32 => {
            Ok(Decoder::new(|bytes, n, _| words(bytes, n, |w| i32::from_le_bytes(w).into()), 4))
        }
        PhysicalType::Int64 => Ok(Decoder::new(|bytes, n, _| words(bytes, n, i64::from_le_bytes), 8)),
        other => Err(format!("whole numbers kept as {other:?}")),
    }
}

/// Whole numbers of 32 or 64 bits without a sign.
fn unsigned(chunk: &ColumnChunkMetaData) -> Result<Decoder<u64>, String> {
    match chunk.physical_type() {
        PhysicalType::Int32 => {
            Ok(Decoder::new(|bytes, n, _| words(bytes, n, |w| u32::from_le_bytes(w).into()), 4))
        }
        PhysicalType::Int64 => Ok(Decoder::new(|bytes, n, _| words(bytes, n, u64::from_le_bytes), 8)),
        other => Err(format!("whole numbers kept as {other:?}")),
    }
}

/// Instants of 64 bits in the column's unit, or of 96 bits: nanoseconds of the day and the Julian day.
fn instants(chunk: &ColumnChunkMetaData) -> Decoder<i64> {
    const JULIAN_1970: i64 = 2_440_588;
    const DAY_NS: i64 = 86_400_000_000_000;
    if chunk.physical_type() != PhysicalType::Int96 {
        return Decoder::new(|bytes, n, _| words(bytes, n, i64::from_le_bytes), 8);
    }
    fn instant([a, b, c, d, e, f, g, h, day @ ..]: [u8; 12]) -> i64 {
        let days = i64::from(u32::from_le_bytes(day)) - JULIAN_1970;
        days.saturating_mul(DAY_NS).saturating_add(i64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
    Decoder::new(|bytes, n, _| words(bytes, n, instant), 12)
}

fn texts() -> Decoder<String> {
    let plain: Plain<String> = |bytes, n, _| lengthy(bytes, n, |item| text(item).map(str::to_owned));
    Decoder { plain, length: 1, beside: String::len }
}

fn text(item: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(item).map_err(|e| format!("text that is not UTF-8: {e}"))
}

/// Unscaled units: whole numbers, or two's complement with the most significant byte first.
fn decimals(chunk: &ColumnChunkMetaData) -> Result<Decoder<i128>, String> {
    match chunk.physical_type() {
        PhysicalType::Int32 => {
            Ok(Decoder::new(|bytes, n, _| words(bytes, n, |w| i32::from_le_bytes(w).into()), 4))
        }
        PhysicalType::Int64 => {
            Ok(Decoder::new(|bytes, n, _| words(bytes, n, |w| i64::from_le_bytes(w).into()), 8))
        }
        PhysicalType::FixedLenByteArray(length) if length > 0 => {
            let plain: Plain<i128> = |bytes, n, length| {
                let whole =
                    n.checked_mul(length).and_then(|all| bytes.get(..all)).ok_or("its values end early")?;
                whole.chunks_exact(length).map(units).collect()
            };
            Ok(Decoder::new(plain, length))
        }
        PhysicalType::ByteArray => Ok(Decoder::new(|bytes, n, _| lengthy(bytes, n, units), 1)),
        other => Err(format!("decimals kept as {other:?}")),
    }
}

fn units(bytes: &[u8]) -> Result<i128, String> {
    let negative = bytes.first().is_some_and(|&b| b >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let spare = bytes.len().saturating_sub(16);
    let mut whole = [fill; 16];
    whole[16 - (bytes.len() - spare)..].copy_from_slice(&bytes[spare..]);
    let units = i128::from_be_bytes(whole);
    if bytes[..spare].iter().any(|&b| b != fill) || (units < 0) != negative {
        return Err("a decimal of more than 38 digits".into());
    }
    Ok(units)
}

/// Splits into values of `N` bytes.
fn words<const N: usize, T>(bytes: &[u8], n: usize, from: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    let whole = n.checked_mul(N).and_then(|length| bytes.get(..length)).ok_or("its values end early")?;
    Ok(whole.chunks_exact(N).map(|word| from(word.try_into().expect("chunks of N bytes"))).collect())
}

/// Splits into values that each state their length first.
fn lengthy<T>(
    mut bytes: &[u8],
    n: usize,
    mut from: impl FnMut(&[u8]) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    const EARLY: &str = "its values end early";
    if n > bytes.len() / 4 {
        return Err(EARLY.into());
    }
    let mut values = Vec::with_capacity(n);
    for _ in 0..n {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(EARLY)?;
        let (item, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(EARLY)?;
        values.push(from(item)?);
        bytes = rest;
    }
    Ok(values)
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
