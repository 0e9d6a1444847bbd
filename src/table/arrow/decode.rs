//! Batches of rows to values: each buffer is cut out of its message, each value out of its buffer.

use std::collections::BTreeMap;

use arrow_format::ipc::planus::Vector;
use arrow_format::ipc::{BufferRef, DictionaryBatchRef, FieldNodeRef, RecordBatchRef};

use super::kind::{Column, Kind};
use crate::table::{ReadError, Room, Table, TableColumn, Values};

/// A table in the making.
pub(super) struct Reader<'a> {
    name: &'a str,
    columns: Vec<Column>,
    values: Vec<Values>,
    n_rows: usize,
    dictionaries: BTreeMap<i64, Vec<Option<String>>>,
    room: Room<'a>,
}

/// Why a batch cannot be read.
enum Fault {
    Malformed(String),
    NoRoom,
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Fault::Malformed(reason.to_owned())
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Fault::Malformed(reason)
    }
}

impl<'a> Reader<'a> {
    /// A table without rows.
    pub(super) fn new(name: &'a str, columns: Vec<Column>, room: Room<'a>) -> Self {
        let values = columns.iter().map(|column| empty(&column.kind)).collect();
        Reader { name, columns, values, n_rows: 0, dictionaries: BTreeMap::new(), room }
    }

    /// Adds the rows of a batch.
    pub(super) fn rows(&mut self, batch: RecordBatchRef<'_>, body: &[u8]) -> Result<(), ReadError> {
        let (mut cursor, n_rows) = self.cursor(batch, body).map_err(|fault| self.whole(fault))?;
        for (column, values) in self.columns.iter().zip(&mut self.values) {
            let read = cursor.column(&column.kind, n_rows, values, &self.dictionaries);
            read.map_err(|fault| match fault {
                Fault::NoRoom => ReadError::NoRoom { file: self.name.to_owned() },
                Fault::Malformed(reason) => {
                    ReadError::Column { file: self.name.to_owned(), column: column.name.clone(), reason }
                }
            })?;
        }
        self.n_rows = self.n_rows.saturating_add(n_rows);
        Ok(())
    }

    /// Takes a dictionary, or an addition to one.
    pub(super) fn dictionary(&mut self, batch: DictionaryBatchRef<'_>, body: &[u8]) -> Result<(), ReadError> {
        self.texts(batch, body).map_err(|fault| self.whole(fault))
    }

    /// What was read.
    pub(super) fn table(self) -> Table {
        let columns = self.columns.into_iter().zip(self.values);
        let columns = columns.map(|(column, values)| TableColumn::new(column.name, values)).collect();
        Table { name: self.name.to_owned(), columns, n_rows: self.n_rows, digest: None }
    }

    fn texts(&mut self, batch: DictionaryBatchRef<'_>, body: &[u8]) -> Result<(), Fault> {
        let (id, delta) = (batch.id().map_err(text)?, batch.is_delta().map_err(text)?);
        let wide = self.columns.iter().any(|column| is_wide(&column.kind, id));
        let data = batch.data().map_err(text)?.ok_or("a dictionary without values")?;
        let (mut cursor, n) = self.cursor(data, body)?;
        let texts = cursor.texts(n, wide)?;
        let dictionary = self.dictionaries.entry(id).or_default();
        if !delta {
            dictionary.clear();
        }
        dictionary.extend(texts);
        Ok(())
    }

    fn cursor<'b>(&self, batch: RecordBatchRef<'b>, body: &'b [u8]) -> Result<(Cursor<'b>, usize), Fault>
    where
        'a: 'b,
    {
        if batch.compression().map_err(text)?.is_some() {
            return Err(
                "compressed buffers, which are not read here; compress what carries the stream".into()
            );
        }
        let n_rows = count(batch.length().map_err(text)?)?;
        let nodes = batch.nodes().map_err(text)?.ok_or("a batch that does not say its lengths")?;
        let buffers = batch.buffers().map_err(text)?.ok_or("a batch without buffers")?;
        Ok((Cursor { nodes, buffers, at: (0, 0), body, room: self.room }, n_rows))
    }

    fn whole(&self, fault: Fault) -> ReadError {
        let file = self.name.to_owned();
        match fault {
            Fault::NoRoom => ReadError::NoRoom { file },
            Fault::Malformed(reason) => ReadError::Malformed { file, format: "Arrow stream", reason },
        }
    }
}

/// Whether a column's texts stand in that dictionary, with wide offsets.
fn is_wide(kind: &Kind, id: i64) -> bool {
    matches!(kind, Kind::Coded { dictionary, wide: true, .. } if *dictionary == id)
}

/// The variant that a column is read into.
fn empty(kind: &Kind) -> Values {
    match kind {
        Kind::Bool => Values::Bool(vec![]),
        Kind::Int(_) => Values::Int(vec![]),
        Kind::UInt(_) => Values::UInt(vec![]),
        Kind::F32 => Values::F32(vec![]),
        Kind::F64 => Values::F64(vec![]),
        Kind::Text { .. } | Kind::Coded { .. } => Values::Text(vec![]),
        Kind::Days => Values::Date(vec![]),
        Kind::Instant { .. } => Values::Timestamp(vec![]),
        Kind::Decimal { scale } => Values::Decimal { scale: *scale, units: vec![] },
        Kind::List { item, .. } => match item.as_ref() {
            // lists that are empty in every row are often written as lists of nothing
            Kind::Text { .. } | Kind::Null => Values::TextList(vec![]),
            Kind::Int(_) | Kind::UInt(_) => Values::IntList(vec![]),
            _ => Values::Other(kind.name()),
        },
        Kind::Null | Kind::Other { .. } => Values::Other(kind.name()),
    }
}

/// The lengths and buffers of a batch, handed out in the order of its columns.
struct Cursor<'a> {
    nodes: Vector<'a, FieldNodeRef<'a>>,
    buffers: Vector<'a, BufferRef<'a>>,
    /// Nodes and buffers handed out so far.
    at: (usize, usize),
    body: &'a [u8],
    room: Room<'a>,
}

/// Which of a column's values are there: a bit for each, or all.
struct Present<'a>(Option<&'a [u8]>);

impl Present<'_> {
    fn at(&self, row: usize) -> bool {
        self.0.is_none_or(|bits| bit(bits, row))
    }
}

fn bit(bits: &[u8], at: usize) -> bool {
    bits[at / 8] >> (at % 8) & 1 == 1
}

impl<'a> Cursor<'a> {
    /// Appends the values of a column.
    fn column(
        &mut self,
        kind: &Kind,
        n: usize,
        values: &mut Values,
        dictionaries: &BTreeMap<i64, Vec<Option<String>>>,
    ) -> Result<(), Fault> {
        match (kind, values) {
            (Kind::Bool, Values::Bool(out)) => out.extend(self.bools(n)?),
            (Kind::Int(width), Values::Int(out)) => out.extend(self.ints(n, *width)?),
            (Kind::UInt(width), Values::UInt(out)) => out.extend(self.uints(n, *width)?),
            (Kind::F32, Values::F32(out)) => {
                out.extend(self.words(n, f32::from_le_bytes)?.into_iter().map(|x| x.unwrap_or(f32::NAN)));
            }
            (Kind::F64, Values::F64(out)) => {
                out.extend(self.words(n, f64::from_le_bytes)?.into_iter().map(|x| x.unwrap_or(f64::NAN)));
            }
            (Kind::Days, Values::Date(out)) => out.extend(self.words(n, i32::from_le_bytes)?),
            (Kind::Instant { multiply, divide }, Values::Timestamp(out)) => {
                let ms = |time: i64| time.saturating_mul(*multiply).div_euclid(*divide);
                out.extend(self.words(n, i64::from_le_bytes)?.into_iter().map(|time| time.map(ms)));
            }
            (Kind::Decimal { .. }, Values::Decimal { units, .. }) => {
                units.extend(self.words(n, i128::from_le_bytes)?);
            }
            (Kind::Text { wide }, Values::Text(out)) => out.extend(self.texts(n, *wide)?),
            (Kind::Coded { dictionary, index, .. }, Values::Text(out)) => {
                let places = self.places(n, index)?;
                out.extend(self.looked_up(places, dictionaries.get(dictionary))?);
            }
            (Kind::List { wide, item }, Values::TextList(out)) => {
                self.lists(n, *wide, out, |cursor, n| match item.as_ref() {
                    Kind::Text { wide } => cursor.texts(n, *wide),
                    _ => cursor.node().and_then(|(n, _)| cursor.hold(n, 24).map(|()| vec![None; n])),
                })?
            }
            (Kind::List { wide, item }, Values::IntList(out)) => {
                self.lists(n, *wide, out, |cursor, n| cursor.places(n, item))?;
            }
            (kind, _) => self.skip(kind)?,
        }
        Ok(())
    }

    fn node(&mut self) -> Result<(usize, bool), Fault> {
        let node = self.nodes.get(self.at.0).ok_or("a batch of fewer columns than its schema")?;
        self.at.0 += 1;
        Ok((count(node.length())?, node.null_count() != 0))
    }

    fn buffer(&mut self) -> Result<&'a [u8], Fault> {
        let buffer = self.buffers.get(self.at.1).ok_or("a batch of fewer buffers than its schema")?;
        self.at.1 += 1;
        let (start, length) = (count(buffer.offset())?, count(buffer.length())?);
        let range = start..start.saturating_add(length);
        self.body.get(range).ok_or_else(|| "a buffer that reaches beyond its message".into())
    }

    /// The node and the first buffer of a column of `n` values.
    fn start(&mut self, n: usize) -> Result<Present<'a>, Fault> {
        let (length, has_nulls) = self.node()?;
        if length != n {
            return Err(format!("expected {n} values, found {length}").into());
        }
        let bits = self.buffer()?;
        if has_nulls && bits.len() < n.div_ceil(8) {
            return Err("fewer bits than values".into());
        }
        Ok(Present(has_nulls.then_some(bits)))
    }

    /// Asks for room for `n` values of `bytes` each.
    fn hold(&self, n: usize, bytes: usize) -> Result<(), Fault> {
        if (self.room)(n.saturating_mul(bytes)) { Ok(()) } else { Err(Fault::NoRoom) }
    }

    fn bools(&mut self, n: usize) -> Result<Vec<Option<bool>>, Fault> {
        let present = self.start(n)?;
        let bits = self.buffer()?;
        if bits.len() < n.div_ceil(8) {
            return Err(SHORT.into());
        }
        self.hold(n, 1)?;
        Ok((0..n).map(|row| present.at(row).then(|| bit(bits, row))).collect())
    }

    /// Values of `N` bytes.
    fn words<const N: usize, T>(
        &mut self,
        n: usize,
        from: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<Option<T>>, Fault> {
        let present = self.start(n)?;
        let bytes = self.buffer()?;
        let bytes = n.checked_mul(N).and_then(|length| bytes.get(..length)).ok_or(SHORT)?;
        self.hold(n, 2 * N)?;
        let words = bytes.chunks_exact(N).map(|word| word.try_into().expect("chunks of N bytes"));
        Ok(words.enumerate().map(|(row, word)| present.at(row).then(|| from(word))).collect())
    }

    fn ints(&mut self, n: usize, width: usize) -> Result<Vec<Option<i64>>, Fault> {
        Ok(match width {
            1 => self.words(n, |word| i8::from_le_bytes(word).into())?,
            2 => self.words(n, |word| i16::from_le_bytes(word).into())?,
            4 => self.words(n, |word| i32::from_le_bytes(word).into())?,
            _ => self.words(n, i64::from_le_bytes)?,
        })
    }

    fn uints(&mut self, n: usize, width: usize) -> Result<Vec<Option<u64>>, Fault> {
        Ok(match width {
            1 => self.words(n, |word| u8::from_le_bytes(word).into())?,
            2 => self.words(n, |word| u16::from_le_bytes(word).into())?,
            4 => self.words(n, |word| u32::from_le_bytes(word).into())?,
            _ => self.words(n, u64::from_le_bytes)?,
        })
    }

    /// Whole numbers of either kind, as far as 63 bits hold them.
    fn places(&mut self, n: usize, kind: &Kind) -> Result<Vec<Option<i64>>, Fault> {
        match kind {
            Kind::UInt(width) => {
                let signed = |x: Option<u64>| x.map(i64::try_from).transpose();
                let all: Result<_, _> = self.uints(n, *width)?.into_iter().map(signed).collect();
                all.map_err(|_| "a whole number beyond 63 bits".into())
            }
            Kind::Int(width) => self.ints(n, *width),
            _ => Err("whole numbers were expected".into()),
        }
    }

    fn texts(&mut self, n: usize, wide: bool) -> Result<Vec<Option<String>>, Fault> {
        let present = self.start(n)?;
        let ends = self.offsets(n, wide)?;
        let bytes = self.buffer()?;
        let length: usize = ends.last().map_or(0, |last| last - ends[0]);
        self.hold(n, 24)?;
        self.hold(length, 1)?;
        let text = |row: usize| -> Result<Option<String>, Fault> {
            if !present.at(row) {
                return Ok(None);
            }
            let bytes = bytes.get(ends[row]..ends[row + 1]).ok_or("a text that reaches beyond its buffer")?;
            let text =
                std::str::from_utf8(bytes).map_err(|error| format!("text that is not UTF-8: {error}"))?;
            Ok(Some(text.to_owned()))
        };
        (0..n).map(text).collect()
    }

    /// Where each of `n` values begins, and where the last ends: none before the one in front of it.
    fn offsets(&mut self, n: usize, wide: bool) -> Result<Vec<usize>, Fault> {
        let bytes = self.buffer()?;
        if n == 0 {
            return Ok(vec![0]);
        }
        let width = if wide { 8 } else { 4 };
        let bytes = (n + 1).checked_mul(width).and_then(|length| bytes.get(..length)).ok_or(SHORT)?;
        self.hold(n, 8)?;
        let mut last = 0;
        let mut ends = Vec::with_capacity(n + 1);
        for word in bytes.chunks_exact(width) {
            let end = match <[u8; 8]>::try_from(word) {
                Ok(word) => i64::from_le_bytes(word),
                Err(_) => i32::from_le_bytes(word.try_into().expect("chunks of 4 bytes")).into(),
            };
            let end = count(end)?;
            if end < last {
                return Err("a value that ends before it begins".into());
            }
            ends.push(end);
            last = end;
        }
        Ok(ends)
    }

    fn lists<T>(
        &mut self,
        n: usize,
        wide: bool,
        out: &mut Vec<Option<Vec<T>>>,
        items: impl Fn(&mut Self, usize) -> Result<Vec<Option<T>>, Fault>,
    ) -> Result<(), Fault> {
        let present = self.start(n)?;
        let ends = self.offsets(n, wide)?;
        // the node of the items is the next
        let n_items = count(self.nodes.get(self.at.0).ok_or("a list without items")?.length())?;
        if ends.last().is_some_and(|last| *last > n_items) {
            return Err("a list that reaches beyond its items".into());
        }
        self.hold(n, 24)?;
        // lists do not overlap, so that what stands before the first and behind the last is nobody's
        let mut items = items(self, n_items)?.into_iter().skip(ends[0]);
        for row in 0..n {
            let list: Vec<Option<T>> = items.by_ref().take(ends[row + 1] - ends[row]).collect();
            out.push(if present.at(row) {
                let whole: Option<Vec<T>> = list.into_iter().collect();
                Some(whole.ok_or("a list with a null in it")?)
            } else {
                None
            });
        }
        Ok(())
    }

    fn looked_up(
        &self,
        places: Vec<Option<i64>>,
        dictionary: Option<&Vec<Option<String>>>,
    ) -> Result<Vec<Option<String>>, Fault> {
        let none = vec![];
        let dictionary = dictionary.unwrap_or(&none);
        self.hold(places.len(), 24)?;
        let look = |place: Option<i64>| -> Result<Option<String>, Fault> {
            let Some(place) = place else { return Ok(None) };
            let text = usize::try_from(place).ok().and_then(|place| dictionary.get(place));
            let text = text.ok_or("a place beyond its dictionary")?;
            self.hold(text.as_ref().map_or(0, String::len), 1)?;
            Ok(text.clone())
        };
        places.into_iter().map(look).collect()
    }

    /// Passes over a column.
    fn skip(&mut self, kind: &Kind) -> Result<(), Fault> {
        self.node()?;
        let (buffers, children) = match kind {
            Kind::Null => (0, &[][..]),
            Kind::Text { .. } => (3, &[][..]),
            Kind::List { item, .. } => (2, std::slice::from_ref(item.as_ref())),
            Kind::Other { buffers, children, .. } => (*buffers, children.as_slice()),
            _ => (2, &[][..]),
        };
        for _ in 0..buffers {
            self.buffer()?;
        }
        children.iter().try_for_each(|child| self.skip(child))
    }
}

const SHORT: &str = "fewer bytes than values";

fn count(number: i64) -> Result<usize, Fault> {
    usize::try_from(number).map_err(|_| "a negative length".into())
}

fn text(error: impl ToString) -> Fault {
    Fault::Malformed(error.to_string())
}
