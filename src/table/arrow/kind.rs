//! What a schema says of its columns: how many buffers each takes of a batch, and what they hold.

use arrow_format::ipc::{DateUnit, Endianness, FieldRef, IntRef, Precision, SchemaRef, TimeUnit, TypeRef};

use super::TABLE_KEY;
use crate::table::excerpt;

/// A schema.
pub(super) struct Columns {
    /// What its metadata calls the table.
    pub(super) table: Option<String>,
    pub(super) columns: Vec<Column>,
}

/// A column.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// How the values of a column are laid out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Nulls alone, which take no buffer.
    Null,
    Bool,
    /// Of so many bytes.
    Int(usize),
    UInt(usize),
    F32,
    F64,
    /// With offsets of 64 bits where they are wide.
    Text {
        wide: bool,
    },
    /// 32 bits of days.
    Days,
    /// 64 bits of time: `multiply` and then `divide` make it milliseconds.
    Instant {
        multiply: i64,
        divide: i64,
    },
    /// 128 bits.
    Decimal {
        scale: u32,
    },
    /// Places in a dictionary of texts, which has wide offsets or not.
    Coded {
        dictionary: i64,
        wide: bool,
        index: Box<Kind>,
    },
    List {
        wide: bool,
        item: Box<Kind>,
    },
    /// What no table of ours holds: it is passed over.
    Other {
        name: &'static str,
        buffers: usize,
        children: Vec<Kind>,
    },
}

impl Columns {
    /// Reads a schema.
    pub(super) fn read(schema: SchemaRef<'_>) -> Result<Self, String> {
        if schema.endianness().map_err(text)? != Endianness::Little {
            return Err("expected numbers with the lowest byte first".to_owned());
        }
        let mut table = None;
        for pair in schema.custom_metadata().map_err(text)?.into_iter().flatten() {
            let pair = pair.map_err(text)?;
            if pair.key().map_err(text)? == Some(TABLE_KEY) {
                table = pair.value().map_err(text)?.map(str::to_owned);
            }
        }
        let mut columns = vec![];
        for field in schema.fields().map_err(text)?.into_iter().flatten() {
            let field = field.map_err(text)?;
            let name = field.name().map_err(text)?.unwrap_or_default().to_owned();
            let kind = kind(field, 0).map_err(|reason| format!("column `{}`: {reason}", excerpt(&name)))?;
            columns.push(Column { name, kind });
            if columns.len() > MAX_COLUMNS {
                return Err(format!("more than {MAX_COLUMNS} columns"));
            }
        }
        Ok(Columns { table, columns })
    }
}

impl Kind {
    /// Its name in messages.
    pub(super) fn name(&self) -> String {
        match self {
            Kind::Null => "null".into(),
            Kind::List { item, .. } => format!("list of {}", item.name()),
            Kind::Coded { .. } => "dictionary".into(),
            Kind::Other { name, .. } => (*name).into(),
            flat => format!("{flat:?}").to_lowercase(),
        }
    }
}

fn kind(field: FieldRef<'_>, depth: usize) -> Result<Kind, String> {
    if depth > MAX_DEPTH {
        return Err(format!("nested deeper than {MAX_DEPTH}"));
    }
    let coded = field.dictionary().map_err(text)?;
    let kind = match field.type_().map_err(text)?.ok_or("no type")? {
        TypeRef::Null(_) => Kind::Null,
        TypeRef::Bool(_) => Kind::Bool,
        TypeRef::Int(int) => whole(int)?,
        TypeRef::FloatingPoint(float) => match float.precision().map_err(text)? {
            Precision::Half => other("half float", 2, vec![]),
            Precision::Single => Kind::F32,
            Precision::Double => Kind::F64,
        },
        TypeRef::Utf8(_) => Kind::Text { wide: false },
        TypeRef::LargeUtf8(_) => Kind::Text { wide: true },
        TypeRef::Date(date) => match date.unit().map_err(text)? {
            DateUnit::Day => Kind::Days,
            DateUnit::Millisecond => Kind::Instant { multiply: 1, divide: 1 },
        },
        TypeRef::Timestamp(time) => instant(time.unit().map_err(text)?),
        TypeRef::Decimal(decimal) => {
            let scale =
                u32::try_from(decimal.scale().map_err(text)?).ok().filter(|scale| *scale <= MAX_SCALE);
            match (scale, decimal.bit_width().map_err(text)?) {
                (Some(scale), 128) => Kind::Decimal { scale },
                _ => other("wide decimal", 2, vec![]),
            }
        }
        nested => self::nested(nested, field, depth)?,
    };
    match (coded, kind) {
        (None, kind) => Ok(kind),
        (Some(coded), Kind::Text { wide }) => {
            let index = coded.index_type().map_err(text)?.map_or(Ok(Kind::Int(4)), whole)?;
            Ok(Kind::Coded { dictionary: coded.id().map_err(text)?, wide, index: Box::new(index) })
        }
        (Some(_), kind) => Err(format!("a dictionary of {}, where only text is read", kind.name())),
    }
}

fn nested(kind: TypeRef<'_>, field: FieldRef<'_>, depth: usize) -> Result<Kind, String> {
    let mut children = vec![];
    for child in field.children().map_err(text)?.into_iter().flatten() {
        children.push(self::kind(child.map_err(text)?, depth + 1)?);
    }
    Ok(match kind {
        TypeRef::List(_) | TypeRef::LargeList(_) => {
            let wide = matches!(kind, TypeRef::LargeList(_));
            let item =
                children.pop().filter(|_| children.is_empty()).ok_or("a list without one type of items")?;
            Kind::List { wide, item: Box::new(item) }
        }
        TypeRef::Struct(_) => other("struct", 1, children),
        TypeRef::FixedSizeList(_) => other("list of fixed size", 1, children),
        TypeRef::Map(_) => other("map", 2, children),
        TypeRef::Binary(_) | TypeRef::LargeBinary(_) => other("binary", 3, children),
        TypeRef::FixedSizeBinary(_) => other("binary", 2, children),
        TypeRef::Time(_) | TypeRef::Duration(_) | TypeRef::Interval(_) => other("time", 2, children),
        _ => return Err("a type that is not read here".to_owned()),
    })
}

fn other(name: &'static str, buffers: usize, children: Vec<Kind>) -> Kind {
    Kind::Other { name, buffers, children }
}

fn whole(int: IntRef<'_>) -> Result<Kind, String> {
    let width = match int.bit_width().map_err(text)? {
        8 => 1,
        16 => 2,
        32 => 4,
        64 => 8,
        bits => return Err(format!("whole numbers of {bits} bits")),
    };
    Ok(if int.is_signed().map_err(text)? { Kind::Int(width) } else { Kind::UInt(width) })
}

fn instant(unit: TimeUnit) -> Kind {
    let (multiply, divide) = match unit {
        TimeUnit::Second => (1000, 1),
        TimeUnit::Millisecond => (1, 1),
        TimeUnit::Microsecond => (1, 1000),
        TimeUnit::Nanosecond => (1, 1_000_000),
    };
    Kind::Instant { multiply, divide }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// As of Parquet files.
const MAX_COLUMNS: usize = 20_000;
/// Levels of nesting; deeper ones would use up the stack.
const MAX_DEPTH: usize = 32;
/// Digits after the point beyond those of any decimal.
const MAX_SCALE: u32 = 76;
