//! Lines of numbers, as LightGBM's examples are: no quotes, no text, one separator throughout.

use super::layout::{Layout, Separator};
use super::{ReadError, Table, TableColumn, Values, csv, excerpt, repeated};

/// Reads text whose fields are all numbers; `name` stands in messages. Of [`Layout::Headed`] text the first line names the
/// columns, otherwise their positions do.
///
/// # Errors
/// When a field is no number, or a line has more or fewer fields than the first; with line and column, from 1.
pub fn read_text(name: &str, text: &str, separator: Separator, layout: Layout) -> Result<Table, ReadError> {
    let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()).peekable();
    let first = lines.peek().map(|(line, _)| *line).unwrap_or_default();
    let names: Vec<String> = match layout {
        Layout::Headed => separator.fields(first).map(str::to_owned).collect(),
        _ => separator.fields(first).enumerate().map(|(position, _)| position.to_string()).collect(),
    };
    check_names(name, &names)?;
    if layout == Layout::Headed {
        lines.next();
    }
    let mut columns: Vec<Vec<f64>> = vec![vec![]; names.len()];
    for (line, at) in lines {
        push(name, &mut columns, line, at, separator)?;
    }
    let columns = names.into_iter().zip(columns);
    let columns = columns.map(|(name, values)| TableColumn::new(name, Values::F64(values))).collect();
    Ok(Table::new(name, columns))
}

fn push(
    name: &str,
    columns: &mut [Vec<f64>],
    line: &str,
    at: u64,
    separator: Separator,
) -> Result<(), ReadError> {
    let mut n = 0;
    for field in separator.fields(line) {
        let value = number(field).ok_or_else(|| ReadError::Field {
            file: name.to_owned(),
            line: at,
            column: n + 1,
            expected: "a number".to_owned(),
            found: format!("`{}`", excerpt(field)),
        })?;
        if let Some(column) = columns.get_mut(n) {
            column.push(value);
        }
        n += 1;
    }
    if n == columns.len() {
        return Ok(());
    }
    let expected = format!("{} fields, as in the first line", columns.len());
    Err(ReadError::Line { file: name.to_owned(), line: at, expected, found: n.to_string() })
}

/// The number of a field; NaN where it says that there is none.
pub(super) fn number(field: &str) -> Option<f64> {
    if csv::is_missing(field) { Some(f64::NAN) } else { field.parse().ok() }
}

fn check_names(name: &str, names: &[String]) -> Result<(), ReadError> {
    let line = |expected: &str, found: String| {
        Err(ReadError::Line { file: name.to_owned(), line: 1, expected: expected.to_owned(), found })
    };
    if names.is_empty() {
        return line("rows of numbers", "nothing".to_owned());
    }
    if names.len() > csv::MAX_COLUMNS {
        return line("at most 100000 columns", names.len().to_string());
    }
    match repeated(names.iter().map(String::as_str)) {
        Some(twice) => line("column names that differ", format!("`{}` twice", excerpt(twice))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::read_bytes;
    use super::*;

    fn read(text: &str) -> (Table, Layout) {
        read_bytes("t.train", "train", text.as_bytes()).expect("a table")
    }

    fn column(table: &Table, name: &str) -> Vec<f64> {
        match table.column(name) {
            Some(Values::F64(values)) => values.clone(),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn separators_and_headers_are_detected() {
        for text in ["1\t2.5\n0\t-3e2\n", "1,2.5\n0,-3e2", "1 2.5\n0   -3e2\n", " 1\t 2.5\r\n\r\n0\t-3e2\r\n"]
        {
            let (table, layout) = read(text);
            assert_eq!(layout, Layout::Numbered, "{text}");
            assert_eq!(column(&table, "0"), [1.0, 0.0], "{text}");
            assert_eq!(column(&table, "1"), [2.5, -300.0], "{text}");
        }
        for text in ["y\tx\n1\t2\n", "y,x\n1,2", "y  x\n1 2\n"] {
            let (table, layout) = read(text);
            assert_eq!((layout, column(&table, "x")), (Layout::Headed, vec![2.0]), "{text}");
        }
        let (table, _) = read("1,,NA\n0,nan,3\n");
        assert!(column(&table, "1").iter().all(|x| x.is_nan()));
        assert!(column(&table, "2")[0].is_nan());
        assert_eq!(read_bytes("t.csv", "csv", b"1,2\n").map(|(_, layout)| layout), Ok(Layout::Numbered));
        assert_eq!(read_bytes("t.csv", "csv", b"1,x\n2,3\n").map(|(_, layout)| layout), Ok(Layout::Headed));
    }

    #[test]
    fn faults_name_line_and_column() {
        let message =
            |text: &str| read_bytes("t.train", "train", text.as_bytes()).expect_err("malformed").to_string();
        assert_eq!(message("1\t2\n\n0\tx\n"), "t.train: line 3, column 2: expected a number, found `x`");
        assert_eq!(message("1 2\n0\n"), "t.train: line 2: expected 2 fields, as in the first line, found 1");
        assert_eq!(
            message("1,2\n0,1,2\n"),
            "t.train: line 2: expected 2 fields, as in the first line, found 3"
        );
        for text in ["", "\n \n", "{\"learner\": {}}\n", "words only\nand more\n", "a,b\n1\n"] {
            assert!(message(text).starts_with("t.train: expected a .parquet"), "{text}");
        }
    }
}
