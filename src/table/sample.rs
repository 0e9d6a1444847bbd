//! Tables of every type that is written, for the tests of what writes and reads them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{Table, TableColumn, Values};

/// One column of every type that is written.
pub(super) fn table_of(rows: &[Row]) -> Table {
    let text = |r: &Row| r.text.clone();
    let columns = vec![
        TableColumn::new("bool", Values::Bool(rows.iter().map(|r| r.int.map(|i| i > 0)).collect())),
        TableColumn::new("int", Values::Int(rows.iter().map(|r| r.int).collect())),
        TableColumn::new("uint", Values::UInt(rows.iter().map(|r| r.int.map(|i| i as u64)).collect())),
        TableColumn::new("f32", Values::F32(rows.iter().map(|r| r.float as f32).collect())),
        TableColumn::new("f64", Values::F64(rows.iter().map(|r| r.float).collect())),
        TableColumn::new("d", Values::Decimal { scale: 18, units: rows.iter().map(|r| r.units).collect() }),
        TableColumn::new("text", Values::Text(rows.iter().map(text).collect())),
        TableColumn::new("date", Values::Date(rows.iter().map(|r| r.int.map(|i| i as i32)).collect())),
        TableColumn::new("time", Values::Timestamp(rows.iter().map(|r| r.int).collect())),
        TableColumn::new("texts", Values::TextList(rows.iter().map(|r| r.texts.clone()).collect())),
        TableColumn::new("ints", Values::IntList(rows.iter().map(|r| r.ints.clone()).collect())),
    ];
    Table::new("t.parquet", columns)
}

/// Its values.
#[derive(Clone, Debug)]
pub(super) struct Row {
    int: Option<i64>,
    float: f64,
    units: Option<i128>,
    text: Option<String>,
    texts: Option<Vec<String>>,
    ints: Option<Vec<i64>>,
}

/// Any row.
pub(super) fn row() -> impl Strategy<Value = Row> {
    let units = option::of(-(10i128.pow(38) - 1)..10i128.pow(38));
    let float = prop_oneof![9 => any::<f64>(), 1 => Just(f64::NAN)];
    let lists = (option::of(vec("[a-zé]{0,5}", 0..4)), option::of(vec(any::<i64>(), 0..4)));
    (any::<Option<i64>>(), float, units, option::of("[ -~]{0,9}"), lists)
        .prop_map(|(int, float, units, text, (texts, ints))| Row { int, float, units, text, texts, ints })
}

/// Whether two tables hold the same, nulls and signs of zero included.
pub(super) fn same_bits(a: &Table, b: &Table) -> bool {
    let bits = |values: &Values| match values {
        Values::F32(v) => {
            format!("{:?}", v.iter().map(|x| (!x.is_nan()).then_some(x.to_bits())).collect::<Vec<_>>())
        }
        Values::F64(v) => {
            format!("{:?}", v.iter().map(|x| (!x.is_nan()).then_some(x.to_bits())).collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    };
    let columns = |t: &Table| t.columns.iter().map(|c| (c.name.clone(), bits(&c.values))).collect::<Vec<_>>();
    columns(a) == columns(b)
}
