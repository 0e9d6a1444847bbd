//! A table of columns, read as the list of JSON objects that it would be: one description of the tables, one set of checks
//! and one wording of faults serve both.
//!
//! In: a [`Table`]. Out: what a JSON parser would say of its rows. Numbers keep their value, dates are text, times milliseconds,
//! and what is null or NaN is null.

use chrono::NaiveDate;
use serde::de::value::Error;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::cell::Cell;
use super::schema::TableKind;
use crate::table::{Table, TableColumn, Values, decimal};

/// A table on its way to rows.
pub(super) struct Rowwise(Table);

impl Rowwise {
    /// The table of a kind. Columns that files write in another dress are brought into that of bodies: dates kept as times, and
    /// lists kept as JSON text.
    pub(super) fn new(mut table: Table, kind: TableKind) -> Self {
        for column in &mut table.columns {
            let spec = kind.columns().iter().find(|spec| spec.name == column.name);
            let settled = match (&column.values, spec.map(|spec| spec.kind)) {
                (Values::Timestamp(_), Some(<NaiveDate as Cell>::KIND)) => cells::<NaiveDate>(column),
                (Values::Text(_), Some(<Vec<String> as Cell>::KIND)) => cells::<Vec<String>>(column),
                (Values::Text(_), Some(<Vec<u64> as Cell>::KIND)) => cells::<Vec<u64>>(column),
                _ => None,
            };
            if let Some(values) = settled {
                column.values = values;
            }
        }
        Rowwise(table)
    }
}

/// The column as cells of a type; `None` where one is missing or none of that type, which is then told row by row.
fn cells<T: Cell>(column: &TableColumn) -> Option<Values> {
    let mut values = column.values.clone();
    let cells: Option<Vec<T>> = (0..values.n_values()?).map(|row| T::take(&mut values, row).ok()?).collect();
    Some(T::given(cells?.iter()).into_values())
}

impl<'de> Deserializer<'de> for Rowwise {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Rows { table: &self.0, row: 0 })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Rows<'a> {
    table: &'a Table,
    row: usize,
}

impl<'de> SeqAccess<'de> for Rows<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.row >= self.table.n_rows {
            return Ok(None);
        }
        let row = Row { columns: &self.table.columns, row: self.row, column: 0 };
        self.row += 1;
        seed.deserialize(row).map(Some)
    }
}

/// A row as an object, from a column on.
struct Row<'a> {
    columns: &'a [TableColumn],
    row: usize,
    column: usize,
}

impl<'de> Deserializer<'de> for Row<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Row<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(column) = self.columns.get(self.column) else { return Ok(None) };
        seed.deserialize(Value::Text(&column.name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let value = Value::of(&self.columns[self.column].values, self.row);
        self.column += 1;
        seed.deserialize(value)
    }
}

/// A cell as JSON has it.
enum Value<'a> {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(&'a str),
    Date(NaiveDate),
    Texts(&'a [String]),
    Wholes(&'a [i64]),
    /// What has parts that nobody here reads.
    Object,
}

impl<'a> Value<'a> {
    fn of(values: &'a Values, row: usize) -> Self {
        let some = match values {
            Values::Bool(v) => v[row].map(Value::Bool),
            Values::Int(v) | Values::Timestamp(v) => v[row].map(Value::whole),
            Values::UInt(v) => v[row].map(Value::Unsigned),
            Values::F32(v) => Some(f64::from(v[row])).filter(|x| !x.is_nan()).map(Value::Float),
            Values::F64(v) => Some(v[row]).filter(|x| !x.is_nan()).map(Value::Float),
            Values::Decimal { scale, units } => {
                units[row].map(|units| Value::Float(decimal::to_f64(units, *scale)))
            }
            Values::Text(v) => v[row].as_deref().map(Value::Text),
            Values::Date(v) => v[row].map(Value::date),
            Values::TextList(v) => v[row].as_deref().map(Value::Texts),
            Values::IntList(v) => v[row].as_deref().map(Value::Wholes),
            // a column of nothing says nothing of its type
            Values::Other(name) => (name != "null").then_some(Value::Object),
        };
        some.unwrap_or(Value::Null)
    }

    /// JSON's parsers tell apart by the sign.
    fn whole(number: i64) -> Self {
        u64::try_from(number).map_or(Value::Signed(number), Value::Unsigned)
    }

    fn date(days: i32) -> Self {
        let date =
            chrono::DateTime::from_timestamp(i64::from(days) * 86_400, 0).map(|time| time.date_naive());
        date.map_or(Value::Object, Value::Date)
    }
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Signed(number) => visitor.visit_i64(number),
            Value::Unsigned(number) => visitor.visit_u64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Text(text) => visitor.visit_str(text),
            Value::Date(date) => visitor.visit_str(&date.to_string()),
            Value::Texts(items) => visitor.visit_seq(Items(items.iter().map(|item| Value::Text(item)))),
            Value::Wholes(items) => visitor.visit_seq(Items(items.iter().map(|item| Value::whole(*item)))),
            Value::Object => visitor.visit_map(Row { columns: &[], row: 0, column: 0 }),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Items of a list.
struct Items<I>(I);

impl<'de, 'a, I: Iterator<Item = Value<'a>>> SeqAccess<'de> for Items<I> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }
}
