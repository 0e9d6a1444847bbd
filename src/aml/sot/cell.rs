//! One value of a table, whatever dress it comes in: Parquet types of any width, decimals as text, dates as text, JSON.

use chrono::{DateTime, NaiveDate};
use serde::de::DeserializeSeed as _;
use serde_json::{Value, json};

use super::json::{By, Cells, Json, LONGEST_LIST};
use crate::table::{Given, Values};

/// What may stand in a column beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Whatever the type allows.
    Any,
    /// Text with at least one character.
    NotEmpty,
    /// Neither infinite nor, where required, NaN.
    Finite,
    /// Finite and not negative.
    Amount,
}

/// Why a JSON value is not a cell: pydantic's message and type.
pub(super) type JsonFault = (&'static str, &'static str);

/// A value of a table's row.
pub(super) trait Cell: Sized {
    /// The type in words.
    const KIND: &'static str;

    /// Whether a column of these values can hold such cells at all.
    fn accepts(values: &Values) -> bool;

    /// The value of a row, moved out where it can be; `Ok(None)` where missing.
    fn take(values: &mut Values, row: usize) -> Result<Option<Self>, ()>;

    /// From JSON; `Ok(None)` for null.
    fn from_json(value: Json<'_>) -> Result<Option<Self>, JsonFault>;

    /// JSON Schema of what [`Cell::from_json`] takes.
    fn schema(check: Check) -> Value;

    /// Many of them as a column.
    fn given<'a>(cells: impl Iterator<Item = &'a Self>) -> Given<'a>
    where
        Self: 'a;

    /// Whether the value keeps a check.
    fn keeps(&self, _check: Check) -> bool {
        true
    }

    /// Whether another source column should be asked.
    fn is_blank(&self) -> bool {
        false
    }
}

impl Cell for String {
    const KIND: &'static str = "text";

    fn accepts(values: &Values) -> bool {
        matches!(values, Values::Text(_) | Values::Int(_) | Values::UInt(_)) || is_empty_column(values)
    }

    fn take(values: &mut Values, row: usize) -> Result<Option<Self>, ()> {
        Ok(match values {
            Values::Text(v) => v[row].take(),
            Values::Int(v) => v[row].map(|x| x.to_string()),
            Values::UInt(v) => v[row].map(|x| x.to_string()),
            _ => None,
        })
    }

    fn from_json(value: Json<'_>) -> Result<Option<Self>, JsonFault> {
        match value {
            Json::Text(text) if is_too_long(text) => Err(LONG_TEXT),
            Json::Text(text) => Ok(Some(text.to_owned())),
            _ => Err(("Input should be a valid string", "string_type")),
        }
    }

    fn schema(check: Check) -> Value {
        json!({"type": "string", "minLength": u8::from(check == Check::NotEmpty), "maxLength": MAX_TEXT_CHARS})
    }

    fn given<'a>(cells: impl Iterator<Item = &'a Self>) -> Given<'a> {
        Given::Texts(cells.map(String::as_str).collect())
    }

    fn keeps(&self, check: Check) -> bool {
        check != Check::NotEmpty || !self.is_empty()
    }

    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}

impl Cell for f64 {
    const KIND: &'static str = "a number";

    fn accepts(values: &Values) -> bool {
        is_number(values) || matches!(values, Values::Text(_))
    }

    fn take(values: &mut Values, row: usize) -> Result<Option<Self>, ()> {
        let number = match values {
            Values::Text(v) => match &v[row] {
                None => return Ok(None),
                Some(text) => text.trim().parse().map_err(|_| ())?,
            },
            values => values.number(row).ok_or(())?,
        };
        Ok((!number.is_nan()).then_some(number))
    }

    fn from_json(value: Json<'_>) -> Result<Option<Self>, JsonFault> {
        const PARSE: JsonFault =
            ("Input should be a valid number, unable to parse string as a number", "float_parsing");
        const TYPE: JsonFault = ("Input should be a valid number", "float_type");
        match value {
            Json::Text(text) => text.trim().parse().map(Some).map_err(|_| PARSE),
            value => value.as_f64().map(Some).ok_or(TYPE),
        }
    }

    fn schema(check: Check) -> Value {
        let mut schema = json!({"type": ["number", "string"], "pattern": NUMBER_PATTERN});
        if check == Check::Amount {
            schema["minimum"] = json!(0);
            schema["pattern"] = json!(AMOUNT_PATTERN);
        }
        schema
    }

    fn given<'a>(cells: impl Iterator<Item = &'a Self>) -> Given<'a> {
        Values::F64(cells.copied().collect()).into()
    }

    fn keeps(&self, check: Check) -> bool {
        match check {
            Check::Finite => self.is_finite(),
            Check::Amount => self.is_finite() && *self >= 0.0,
            Check::Any | Check::NotEmpty => true,
        }
    }

    fn is_blank(&self) -> bool {
        *self == 0.0 || self.is_nan()
    }
}

/// A whole number out of any numeric dress; text too.
fn whole(values: &Values, row: usize) -> Result<Option<i128>, ()> {
    let number = match values {
        Values::Int(v) | Values::Timestamp(v) => return Ok(v[row].map(i128::from)),
        Values::UInt(v) => return Ok(v[row].map(i128::from)),
        Values::Text(v) => match &v[row] {
            None => return Ok(None),
            Some(text) => return text.trim().parse().map(Some).map_err(|_| ()),
        },
        values => values.number(row).ok_or(())?,
    };
    match number {
        n if n.is_nan() => Ok(None),
        n if n.fract() == 0.0 && n.abs() < 1e18 => Ok(Some(n as i128)),
        _ => Err(()),
    }
}

fn whole_from_json(value: Json<'_>) -> Result<Option<i128>, JsonFault> {
    const PARSE: JsonFault =
        ("Input should be a valid integer, unable to parse string as an integer", "int_parsing");
    const FRACTION: JsonFault =
        ("Input should be a valid integer, got a number with a fractional part", "int_from_float");
    match value {
        Json::Unsigned(number) => Ok(Some(number.into())),
        Json::Signed(number) => Ok(Some(number.into())),
        Json::Float(x) if x.fract() == 0.0 && x.abs() < 1e18 => Ok(Some(x as i128)),
        Json::Float(_) => Err(FRACTION),
        Json::Text(text) => text.trim().parse().map(Some).map_err(|_| PARSE),
        _ => Err(("Input should be a valid integer", "int_type")),
    }
}

/// Whole-number cells differ only in their range.
macro_rules! whole_cell {
    ($type:ty, $kind:literal, $range_fault:expr, $variant:ident, $wide:ty) => {
        impl Cell for $type {
            const KIND: &'static str = $kind;

            fn accepts(values: &Values) -> bool {
                is_number(values) || matches!(values, Values::Text(_))
            }

            fn take(values: &mut Values, row: usize) -> Result<Option<Self>, ()> {
                whole(values, row)?.map(<$type>::try_from).transpose().map_err(|_| ())
            }

            fn from_json(value: Json<'_>) -> Result<Option<Self>, JsonFault> {
                let Some(whole) = whole_from_json(value)? else { return Ok(None) };
                let outside = if whole < 0 { $range_fault } else { TOO_LARGE };
                <$type>::try_from(whole).map(Some).map_err(|_| outside)
            }

            fn schema(_check: Check) -> Value {
                let pattern = if <$type>::MIN == 0 { COUNT_PATTERN } else { WHOLE_PATTERN };
                json!({
                    "type": ["integer", "string"], "minimum": <$type>::MIN, "maximum": <$type>::MAX, "pattern": pattern
                })
            }

            fn given<'a>(cells: impl Iterator<Item = &'a Self>) -> Given<'a> {
                Values::$variant(cells.map(|&x| Some(<$wide>::from(x))).collect()).into()
            }

            fn is_blank(&self) -> bool {
                *self == 0
            }
        }
    };
}

const NOT_NEGATIVE: JsonFault = ("Input should be greater than or equal to 0", "greater_than_equal");
const TOO_LARGE: JsonFault =
    ("Unable to parse input string as an integer, exceeded maximum size", "int_parsing_size");

whole_cell!(u32, "a whole number from 0 to 4294967295", NOT_NEGATIVE, Int, i64);
whole_cell!(u64, "a whole number, not negative", NOT_NEGATIVE, UInt, u64);
whole_cell!(i64, "a whole number", TOO_LARGE, Int, i64);

/// A time in milliseconds that may be unknown.
impl Cell for Option<i64> {
    const KIND: &'static str = "milliseconds since 1970, or nothing";

    fn accepts(values: &Values) -> bool {
        <i64 as Cell>::accepts(values)
    }

    fn take(values: &mut Values, row: usize) -> Result<Option<Self>, ()> {
        Ok(<i64 as Cell>::take(values, row)?.map(Some))
    }

    fn from_json(value: Json<'_>) -> Result<Option<Self>, JsonFault> {
        Ok(<i64 as Cell>::from_json(value)?.map(Some))
    }

    fn schema(check: Check) -> Value {
        <i64 as Cell>::schema(check)
    }

    fn given<'a>(cells: impl Iterator<Item = &'a Self>) -> Given<'a> {
        Values::Int(cells.copied().collect()).into()
    }
}

impl Cell for bool {
    const KIND: &'static str = "true or false";

    fn accepts(values: &Values) -> bool {
        is_number(values)
    }

    fn take(values: &mut Values, row: usize) -> Result<Option<Self>, ()> {
        match values.number(row).ok_or(())? {
            n if n.is_nan() => Ok(None),
            0.0 => Ok(Some(false)),
            1.0 => Ok(Some(true)),
            _ => Err(()),
        }
    }

    fn from_json(value: Json<'_>) -> Result<Option<Self>, JsonFault> {
        match value {
            Json::Bool(flag) => Ok(Some(flag)),
            value if value.as_f64() == Some(0.0) => Ok(Some(false)),
            value if value.as_f64() == Some(1.0) => Ok(Some(true)),
            _ => Err(("Input should be a valid boolean", "bool_type")),
        }
    }

    fn schema(_check: Check) -> Value {
        json!({"type": ["boolean", "integer"], "minimum": 0, "maximum": 1})
    }

    fn given<'a>(cells: impl Iterator<Item = &'a Self>) -> Given<'a> {
        Values::Bool(cells.map(|&x| Some(x)).collect()).into()
    }
}

impl Cell for NaiveDate {
    const KIND: &'static str = "a date (YYYY-MM-DD)";

    fn accepts(values: &Values) -> bool {
        matches!(values, Values::Date(_) | Values::Timestamp(_) | Values::Text(_)) || is_empty_column(values)
    }

    fn take(values: &mut Values, row: usize) -> Result<Option<Self>, ()> {
        let days = match values {
            Values::Date(v) => v[row].map(i64::from),
            Values::Timestamp(v) => v[row].map(|ms| ms.div_euclid(DAY_MS)),
            Values::Text(v) => return v[row].as_deref().map(|text| parse_date(text).ok_or(())).transpose(),
            _ => None,
        };
        days.map(|days| DateTime::from_timestamp(days * DAY_MS / 1000, 0).map(|t| t.date_naive()).ok_or(()))
            .transpose()
    }

    fn from_json(value: Json<'_>) -> Result<Option<Self>, JsonFault> {
        match value {
            Json::Text(text) => {
                let fault = ("Input should be a valid date in the format YYYY-MM-DD", "date_parsing");
                parse_date(text).map(Some).ok_or(fault)
            }
            _ => Err(("Input should be a valid date", "date_type")),
        }
    }

    fn schema(_check: Check) -> Value {
        json!({"type": "string", "format": "date"})
    }

    fn given<'a>(cells: impl Iterator<Item = &'a Self>) -> Given<'a> {
        Values::Date(cells.map(|&date| Some(days_of(date))).collect()).into()
    }
}

impl Cell for Vec<String> {
    const KIND: &'static str = "a list of text";

    fn accepts(values: &Values) -> bool {
        matches!(values, Values::TextList(_) | Values::Text(_)) || is_empty_column(values)
    }

    fn take(values: &mut Values, row: usize) -> Result<Option<Self>, ()> {
        match values {
            Values::TextList(v) => Ok(v[row].take()),
            Values::Text(v) => from_json_text(v[row].as_deref()),
            _ => Ok(None),
        }
    }

    fn from_json(value: Json<'_>) -> Result<Option<Self>, JsonFault> {
        match value {
            Json::Texts(texts) if texts.iter().any(|text| is_too_long(text)) => Err(LONG_TEXT),
            Json::Texts(texts) => Ok(Some(texts)),
            Json::LongList => Err(LONG_LIST),
            Json::Counts(_) | Json::List => Err(("Input should be a list of valid strings", "string_type")),
            _ => Err(NO_LIST),
        }
    }

    fn schema(_check: Check) -> Value {
        json!({"type": "array", "items": {"type": "string", "maxLength": MAX_TEXT_CHARS}, "maxItems": LONGEST_LIST})
    }

    fn given<'a>(cells: impl Iterator<Item = &'a Self>) -> Given<'a> {
        Given::TextLists(cells.map(Vec::as_slice).collect())
    }

    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}

impl Cell for Vec<u64> {
    const KIND: &'static str = "a list of whole numbers, not negative";

    fn accepts(values: &Values) -> bool {
        matches!(values, Values::IntList(_) | Values::Text(_)) || is_empty_column(values)
    }

    fn take(values: &mut Values, row: usize) -> Result<Option<Self>, ()> {
        match values {
            Values::IntList(v) => {
                let list = v[row].as_ref().map(|items| items.iter().map(|&x| u64::try_from(x)).collect());
                list.transpose().map_err(|_| ())
            }
            Values::Text(v) => from_json_text(v[row].as_deref()),
            _ => Ok(None),
        }
    }

    fn from_json(value: Json<'_>) -> Result<Option<Self>, JsonFault> {
        match value {
            Json::Counts(counts) => Ok(Some(counts)),
            Json::Texts(texts) if texts.is_empty() => Ok(Some(vec![])),
            Json::LongList => Err(LONG_LIST),
            Json::Texts(_) | Json::List => {
                Err(("Input should be a list of valid integers, not negative", "int_type"))
            }
            _ => Err(NO_LIST),
        }
    }

    fn schema(_check: Check) -> Value {
        json!({"type": "array", "items": {"type": "integer", "minimum": 0}, "maxItems": LONGEST_LIST})
    }

    fn given<'a>(cells: impl Iterator<Item = &'a Self>) -> Given<'a> {
        Given::CountLists(cells.map(Vec::as_slice).collect())
    }
}

/// Numbers written as text, with blanks around them.
pub(super) const NUMBER_PATTERN: &str = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$";
/// The same, not negative.
const AMOUNT_PATTERN: &str = r"^\s*\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$";
/// Whole numbers written as text.
const WHOLE_PATTERN: &str = r"^\s*[+-]?[0-9]+\s*$";
/// The same, not negative.
const COUNT_PATTERN: &str = r"^\s*\+?[0-9]+\s*$";

const NO_LIST: JsonFault = ("Input should be a valid list", "list_type");
const LONG_LIST: JsonFault = ("List should have at most 1000000 items after validation", "too_long");
const _: () = assert!(LONGEST_LIST == 1_000_000, "the message names the limit");

/// The most characters of one text of a request's body.
pub const MAX_TEXT_CHARS: usize = 1_000_000;
const LONG_TEXT: JsonFault = ("String should have at most 1000000 characters", "string_too_long");
const _: () = assert!(MAX_TEXT_CHARS == 1_000_000, "the message names the limit");

fn is_too_long(text: &str) -> bool {
    // there are no more characters than bytes
    text.len() > MAX_TEXT_CHARS && text.chars().count() > MAX_TEXT_CHARS
}

/// Lists that were written as JSON text.
fn from_json_text<T: Cell>(text: Option<&str>) -> Result<Option<T>, ()> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => {
            let mut reader = serde_json::Deserializer::from_str(text);
            let cell = By(Cells(T::from_json)).deserialize(&mut reader).map_err(|_| ())?;
            reader.end().map_err(|_| ())?;
            cell.map_err(|_| ())
        }
    }
}

fn is_number(values: &Values) -> bool {
    !matches!(values, Values::Text(_) | Values::TextList(_) | Values::IntList(_) | Values::Other(_))
        || is_empty_column(values)
}

/// A column of nulls is often written with the wrong type, or none.
fn is_empty_column(values: &Values) -> bool {
    match values {
        Values::F32(v) => v.iter().all(|x| x.is_nan()),
        Values::F64(v) => v.iter().all(|x| x.is_nan()),
        Values::Int(v) => v.iter().all(Option::is_none),
        Values::Text(v) => v.iter().all(Option::is_none),
        _ => false,
    }
}

/// `YYYY-MM-DD`, also at the start of a date with a time.
pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    let (date, rest) = text.trim().split_at_checked(10)?;
    if !rest.is_empty() && !rest.starts_with(['T', ' ']) {
        return None;
    }
    NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()
}

/// Days since 1970-01-01.
pub(super) fn days_of(date: NaiveDate) -> i32 {
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days())
        .expect("chrono's dates fit i32 days")
}

const DAY_MS: i64 = 86_400_000;
