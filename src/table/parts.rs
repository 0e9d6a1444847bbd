//! Rows split over several files: one table, as if one file had held them all.

use std::path::Path;

use super::layout::{self, Layout};
use super::{ReadError, Table, TableColumn, Values, file};

/// Reads files of one layout and puts their rows one behind the other; also says how many rows each has. Columns are found by
/// the names of the first file; of LibSVM files a narrower one is 0 where it has no column.
///
/// # Errors
/// When a file cannot be read, or has other columns than the first.
pub(super) fn open<P: AsRef<Path>>(paths: &[P]) -> Result<(Table, Layout, Vec<usize>), ReadError> {
    let (first, rest) = paths.split_first().expect("the caller names a file");
    let (mut whole, layout) = layout::open(first.as_ref())?;
    let mut rows = vec![whole.n_rows];
    let first = whole.name.clone();
    for path in rest {
        let (mut part, found) = layout::open(path.as_ref())?;
        let file = part.name.clone();
        let fault = |expected: String, found: String| ReadError::Part {
            file: file.clone(),
            first: first.clone(),
            expected,
            found,
        };
        if layout != found {
            return Err(fault(layout.to_string(), found.to_string()));
        }
        if layout == Layout::Sparse {
            widen(&mut whole, &part);
            widen(&mut part, &whole);
        }
        append(&mut whole, &part).map_err(|(expected, found)| fault(expected, found))?;
        rows.push(part.n_rows);
    }
    if !rest.is_empty() {
        whole.name = name(paths);
        whole.digest = None;
    }
    Ok((whole, layout, rows))
}

/// What messages call several files.
pub fn name<P: AsRef<Path>>(paths: &[P]) -> String {
    let first = paths.first().map(|path| file::name(path.as_ref())).unwrap_or_default();
    match paths.len() {
        0 | 1 => first,
        2 => format!("{first} and {}", file::name(paths[1].as_ref())),
        n => format!("{first} and {} other files", n - 1),
    }
}

/// Gives a table the features of another one's lines: 0, since its own leave them out.
fn widen(table: &mut Table, other: &Table) {
    for column in &other.columns {
        if table.column(&column.name).is_none() && matches!(column.values, Values::F64(_)) {
            let zeros = Values::F64(vec![0.0; table.n_rows]);
            table.columns.push(TableColumn::new(column.name.clone(), zeros));
        }
    }
}

/// Rows behind rows; else what was expected and what found.
fn append(whole: &mut Table, part: &Table) -> Result<(), (String, String)> {
    if let Some(column) = part.columns.iter().find(|column| whole.column(&column.name).is_none()) {
        let expected = format!("{} columns", whole.columns.len());
        return Err((expected, format!("a column `{}` among {}", column.name, part.columns.len())));
    }
    for column in &mut whole.columns {
        let more = part.column(&column.name);
        let more = more.ok_or_else(|| (format!("a column `{}`", column.name), "none".to_owned()))?;
        join(&mut column.values, more, part.n_rows)
            .map_err(|()| (format!("column `{}` of {}", column.name, column.values.kind()), more.kind()))?;
    }
    whole.n_rows += part.n_rows;
    Ok(())
}

/// One column behind another. Numbers of two types become doubles; where nothing is present, a type says nothing.
fn join(values: &mut Values, more: &Values, n_more: usize) -> Result<(), ()> {
    match (&mut *values, more) {
        (Values::Bool(a), Values::Bool(b)) => a.extend_from_slice(b),
        (Values::Int(a), Values::Int(b)) | (Values::Timestamp(a), Values::Timestamp(b)) => {
            a.extend_from_slice(b)
        }
        (Values::UInt(a), Values::UInt(b)) => a.extend_from_slice(b),
        (Values::F32(a), Values::F32(b)) => a.extend_from_slice(b),
        (Values::F64(a), Values::F64(b)) => a.extend_from_slice(b),
        (Values::Decimal { scale: s, units: a }, Values::Decimal { scale: t, units: b }) if s == t => {
            a.extend_from_slice(b);
        }
        (Values::Text(a), Values::Text(b)) => a.extend_from_slice(b),
        (Values::Date(a), Values::Date(b)) => a.extend_from_slice(b),
        (Values::Text(a), more) if is_empty(more) => a.resize(a.len() + n_more, None),
        (Values::Bool(a), more) if is_empty(more) => a.resize(a.len() + n_more, None),
        (empty, Values::Text(b)) if is_empty(empty) => *values = Values::Text(behind_nothing(empty, b)),
        (empty, Values::Bool(b)) if is_empty(empty) => *values = Values::Bool(behind_nothing(empty, b)),
        (a, b) if is_number(a) && is_number(b) => {
            let doubles =
                |v: &Values| (0..v.n_values().unwrap_or(0)).filter_map(|row| v.number(row)).collect();
            let (mut joined, more): (Vec<f64>, Vec<f64>) = (doubles(a), doubles(b));
            joined.extend(more);
            *values = Values::F64(joined);
        }
        _ => return Err(()),
    }
    Ok(())
}

fn behind_nothing<T: Clone>(empty: &Values, more: &[Option<T>]) -> Vec<Option<T>> {
    let mut joined = vec![None; empty.n_values().unwrap_or(0)];
    joined.extend_from_slice(more);
    joined
}

/// Whether text had no value by which to tell the column's type.
fn is_empty(values: &Values) -> bool {
    matches!(values, Values::F64(v) if v.iter().all(|x| x.is_nan()))
}

fn is_number(values: &Values) -> bool {
    matches!(values, Values::Int(_) | Values::UInt(_) | Values::F32(_) | Values::F64(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, columns: Vec<(&str, Values)>) -> Table {
        Table::new(name, columns.into_iter().map(|(name, values)| TableColumn::new(name, values)).collect())
    }

    #[test]
    fn columns_meet_by_name_and_widen() {
        let text =
            |words: &[Option<&str>]| Values::Text(words.iter().map(|w| w.map(str::to_owned)).collect());
        let mut whole = part(
            "a",
            vec![
                ("n", Values::Int(vec![Some(1), None])),
                ("t", text(&[Some("x"), None])),
                ("e", Values::F64(vec![f64::NAN; 2])),
            ],
        );
        let more = part(
            "b",
            vec![
                ("e", text(&[Some("y")])),
                ("t", Values::F64(vec![f64::NAN])),
                ("n", Values::F32(vec![0.5])),
            ],
        );
        append(&mut whole, &more).expect("the same columns");
        assert_eq!(whole.n_rows, 3);
        assert!(
            matches!(whole.column("n"), Some(Values::F64(v)) if v[0] == 1.0 && v[1].is_nan() && v[2] == 0.5)
        );
        assert_eq!(whole.column("t"), Some(&text(&[Some("x"), None, None])));
        assert_eq!(whole.column("e"), Some(&text(&[None, None, Some("y")])));
    }

    #[test]
    fn other_columns_are_refused() {
        let whole = || part("a", vec![("n", Values::F64(vec![1.0])), ("t", Values::Text(vec![None]))]);
        let refused = |more: Table| append(&mut whole(), &more).expect_err("refused");
        let words = Values::Text(vec![Some("x".into())]);
        let found = refused(part("b", vec![("n", words), ("t", Values::Text(vec![None]))]));
        assert_eq!(found, ("column `n` of float64".into(), "text".into()));
        let found = refused(part("b", vec![("n", Values::F64(vec![1.0]))]));
        assert_eq!(found, ("a column `t`".into(), "none".into()));
        let found = refused(part("b", vec![("z", Values::F64(vec![1.0]))]));
        assert_eq!(found, ("2 columns".into(), "a column `z` among 1".into()));
    }
}
