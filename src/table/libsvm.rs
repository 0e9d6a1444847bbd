//! LibSVM text: `label [qid:Q] index:value ... [# comment]`, one row a line; what a line leaves out is 0.
//!
//! Indices are taken as they are written, as LightGBM and XGBoost take them: index 3 is the column `Column_3`, and where
//! indices count from 1 there is a `Column_0` of zeros.

use super::{ReadError, Table, TableColumn, Values, bare, csv, excerpt};

/// The column of the label.
pub const LABEL: &str = "label";
/// The column of the query, where lines have one.
pub const QUERY: &str = "qid";

/// Cells that are always allowed,
const FREE_CELLS: usize = 1 << 24;
/// and how many more for each byte of the file: memory stays in proportion, whatever an index says.
const CELLS_PER_BYTE: usize = 256;
/// More are never read.
const MAX_CELLS: usize = 1 << 30;

/// Reads the text of a file; `name` stands in messages. Columns: [`LABEL`], [`QUERY`] where lines have one, then
/// `Column_0` to the greatest index.
///
/// # Errors
/// When a line is malformed (with line and column, the column counting the line's words from 1), some lines have a query and
/// others none, or the rows would fill far more memory than the file.
pub fn read_text(name: &str, text: &str) -> Result<Table, ReadError> {
    let mut rows = Rows { labels: vec![], queries: vec![], ends: vec![], entries: vec![], last: vec![] };
    for (line, at) in text.lines().zip(1..) {
        let line = line.split('#').next().unwrap_or_default();
        if !line.trim().is_empty() {
            rows.push(line).map_err(|fault| fault.at(name, at))?;
        }
    }
    let cells = rows.labels.len().saturating_mul(rows.last.len());
    let limit = MAX_CELLS.min(FREE_CELLS.saturating_add(text.len().saturating_mul(CELLS_PER_BYTE)));
    if cells > limit {
        let (limit, found) = (limit as u64, cells as u64);
        return Err(ReadError::Limit { file: name.to_owned(), what: "cells", limit, found });
    }
    if rows.labels.is_empty() {
        let (expected, found) = ("rows of numbers".to_owned(), "nothing".to_owned());
        return Err(ReadError::Line { file: name.to_owned(), line: 1, expected, found });
    }
    Ok(Table::new(name, rows.columns()))
}

/// Whether a line could stand in no other kind of file: it begins with a number, and a word with a colon follows.
pub(super) fn is_line(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let begins = words.next().is_some_and(|word| word.parse::<f64>().is_ok());
    let mut pairs = words.take_while(|word| !word.starts_with('#')).map(|word| word.split_once(':'));
    let is_pair = |(index, value): (&str, &str)| {
        (index == QUERY || index.parse::<u32>().is_ok()) && bare::number(value).is_some()
    };
    begins && pairs.next().flatten().is_some_and(is_pair)
}

/// What lines said, row by row.
struct Rows {
    labels: Vec<f64>,
    /// As many as rows, or none.
    queries: Vec<Option<u64>>,
    /// By row: where its entries end.
    ends: Vec<usize>,
    entries: Vec<(u32, f64)>,
    /// By index: the row that named it last, counted from 1.
    last: Vec<usize>,
}

/// What is wrong with a word of a line.
struct Fault {
    column: usize,
    expected: &'static str,
    found: String,
}

impl Fault {
    fn at(self, name: &str, line: u64) -> ReadError {
        let Fault { column, expected, found } = self;
        ReadError::Field { file: name.to_owned(), line, column, expected: expected.to_owned(), found }
    }
}

impl Rows {
    fn push(&mut self, line: &str) -> Result<(), Fault> {
        let shown = |word: &str| format!("`{}`", excerpt(word));
        let mut words = line.split_ascii_whitespace().zip(1..).peekable();
        let (label, _) = words.next().expect("a line that is not blank has a word");
        let fault = |column, expected, found| Fault { column, expected, found };
        let label = label.parse().map_err(|_| fault(1, "a label", shown(label)))?;
        let query = words.peek().and_then(|(word, _)| word.strip_prefix("qid:"));
        if let Some(id) = query {
            let id = id
                .parse()
                .map_err(|_| fault(2, "qid: and a whole number", shown(words.peek().map_or("", |w| w.0))))?;
            self.queries.push(Some(id));
            words.next();
        }
        self.labels.push(label);
        if !self.queries.is_empty() && self.queries.len() != self.labels.len() {
            let (expected, found) = match query {
                None => ("qid: and a whole number, as in the lines before", "none".to_owned()),
                Some(id) => ("no query, as in the lines before", format!("`qid:{}`", excerpt(id))),
            };
            return Err(fault(2, expected, found));
        }
        for (word, column) in words {
            let pair =
                word.split_once(':').and_then(|(i, v)| Some((i.parse::<u32>().ok()?, bare::number(v)?)));
            let (index, value) = pair.ok_or_else(|| fault(column, "index:value", shown(word)))?;
            if !self.names(index).map_err(|expected| fault(column, expected, index.to_string()))? {
                return Err(fault(column, "an index once a line", format!("{index} again")));
            }
            self.entries.push((index, value));
        }
        self.ends.push(self.entries.len());
        Ok(())
    }

    /// Notes that the current row names an index; whether it does so for the first time.
    fn names(&mut self, index: u32) -> Result<bool, &'static str> {
        let index = index as usize;
        if index >= csv::MAX_COLUMNS {
            return Err("an index below 100000");
        }
        if index >= self.last.len() {
            self.last.resize(index + 1, 0);
        }
        let before = std::mem::replace(&mut self.last[index], self.labels.len());
        Ok(before != self.labels.len())
    }

    fn columns(self) -> Vec<TableColumn> {
        let n_rows = self.labels.len();
        let mut features = vec![vec![0.0; n_rows]; self.last.len()];
        let mut start = 0;
        for (row, &end) in self.ends.iter().enumerate() {
            for &(index, value) in &self.entries[start..end] {
                features[index as usize][row] = value;
            }
            start = end;
        }
        let mut columns = vec![TableColumn::new(LABEL, Values::F64(self.labels))];
        if !self.queries.is_empty() {
            columns.push(TableColumn::new(QUERY, Values::UInt(self.queries)));
        }
        let features = features.into_iter().enumerate();
        columns
            .extend(features.map(|(i, values)| TableColumn::new(format!("Column_{i}"), Values::F64(values))));
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::{Layout, read_bytes};
    use super::*;

    #[test]
    fn rows_become_columns_with_zeros_where_lines_say_nothing() {
        let text = "2 qid:10 1:0.5 3:NA # doc 7\n\n0 qid:10\n1 qid:9 3:-2 1:1e3\n";
        let table = read_text("t.svm", text).expect("a table");
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["label", "qid", "Column_0", "Column_1", "Column_2", "Column_3"]);
        assert_eq!(table.column("qid"), Some(&Values::UInt(vec![Some(10), Some(10), Some(9)])));
        assert_eq!(table.column("Column_1"), Some(&Values::F64(vec![0.5, 0.0, 1000.0])));
        assert_eq!(table.column("Column_0"), Some(&Values::F64(vec![0.0; 3])));
        assert!(
            matches!(table.column("Column_3"), Some(Values::F64(v)) if v[0].is_nan() && v[1..] == [0.0, -2.0])
        );
    }

    #[test]
    fn it_is_told_by_its_lines() {
        for text in ["1 2:3\n", "0\n1\n1 7:0.5\n", "1 qid:3 1:2\n", "-1 1:0\n"] {
            let (_, layout) = read_bytes("rank.train", "train", text.as_bytes()).expect("a table");
            assert_eq!(layout, Layout::Sparse, "{text}");
        }
        for text in ["1 2\n", "0\n", "1,2:3\n4,5\n"] {
            assert!(!matches!(read_bytes("t", "", text.as_bytes()), Ok((_, Layout::Sparse))), "{text}");
        }
    }

    #[test]
    fn faults_name_line_and_word() {
        let message = |text: &str| read_text("t.svm", text).expect_err("malformed").to_string();
        assert_eq!(message("1 1:2\nx 1:2\n"), "t.svm: line 2, column 1: expected a label, found `x`");
        assert_eq!(message("1 1:2 3\n"), "t.svm: line 1, column 3: expected index:value, found `3`");
        assert_eq!(message("1 1:2 -3:1\n"), "t.svm: line 1, column 3: expected index:value, found `-3:1`");
        assert_eq!(message("1 1:x\n"), "t.svm: line 1, column 2: expected index:value, found `1:x`");
        assert_eq!(
            message("1 1:2 1:3\n"),
            "t.svm: line 1, column 3: expected an index once a line, found 1 again"
        );
        assert_eq!(
            message("1 4000000000:1\n"),
            "t.svm: line 1, column 2: expected an index below 100000, found 4000000000"
        );
        assert_eq!(
            message("1 qid:a 1:2\n"),
            "t.svm: line 1, column 2: expected qid: and a whole number, found `qid:a`"
        );
        let mixed = "t.svm: line 2, column 2: expected";
        assert_eq!(
            message("1 qid:1 1:2\n1 1:2\n"),
            format!("{mixed} qid: and a whole number, as in the lines before, found none")
        );
        assert_eq!(
            message("1 1:2\n1 qid:1\n"),
            format!("{mixed} no query, as in the lines before, found `qid:1`")
        );
        assert_eq!(message("# nothing\n"), "t.svm: line 1: expected rows of numbers, found nothing");
        let wide: String = "1 99999:1\n".repeat(200);
        assert_eq!(message(&wide), "t.svm: 20000000 cells, more than the limit of 17289216");
    }
}
