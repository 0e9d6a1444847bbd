//! What LightGBM keeps beside a data file: `FILE.weight`, `FILE.query` (or `.group`), `FILE.position`, `FILE.init`, one number a
//! line.

use std::path::{Path, PathBuf};

use super::frame::FrameError;
use super::{ReadError, file};

/// The lines of a side file.
pub(super) struct SideFile {
    name: String,
    lines: Vec<String>,
}

impl SideFile {
    /// The file of one of the endings beside `path`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, is no text, or there are two.
    pub(super) fn beside(path: &Path, endings: &[&str]) -> Result<Option<Self>, FrameError> {
        const MAX_BYTES: u64 = 1 << 30;
        let named = |ending: &&str| {
            let mut side = path.as_os_str().to_owned();
            side.push(format!(".{ending}"));
            PathBuf::from(side)
        };
        let found: Vec<PathBuf> = endings.iter().map(named).filter(|side| side.is_file()).collect();
        let side = match found.as_slice() {
            [] => return Ok(None),
            [side] => side,
            [side, other, ..] => {
                return Err(FrameError::SideFile {
                    file: file::name(side),
                    expected: "one side file of a kind".to_owned(),
                    found: format!("`{}` beside it", file::name(other)),
                });
            }
        };
        let name = file::name(side);
        let text = String::from_utf8(file::read(side, MAX_BYTES)?).map_err(|e| ReadError::Malformed {
            file: name.clone(),
            format: "text",
            reason: e.to_string(),
        })?;
        Ok(Some(SideFile { name, lines: text.lines().map(|line| line.trim().to_owned()).collect() }))
    }

    /// Rows of each query.
    pub(super) fn query_sizes(&self, n_rows: usize) -> Result<Vec<usize>, FrameError> {
        let size = |line: &str| line.parse::<usize>().ok().filter(|&n| n > 0);
        let sizes = self.numbers("the rows of a query, a whole number above 0", size)?;
        let total = sizes.iter().fold(0usize, |sum, &n| sum.saturating_add(n));
        if total == n_rows {
            return Ok(sizes);
        }
        let expected = format!("sizes that add up to the {n_rows} rows");
        Err(FrameError::SideFile { file: self.name.clone(), expected, found: total.to_string() })
    }

    /// The weight of each row.
    pub(super) fn weights(&self, n_rows: usize) -> Result<Vec<f64>, FrameError> {
        let weight = |line: &str| line.parse::<f64>().ok().filter(|w| w.is_finite() && *w >= 0.0);
        self.one_a_row("weights", n_rows, self.numbers("a finite weight, not negative", weight)?)
    }

    /// Where each row was shown.
    pub(super) fn positions(&self, n_rows: usize) -> Result<Vec<u32>, FrameError> {
        let positions = self.numbers("a position, a whole number", |line| line.parse().ok())?;
        self.one_a_row("positions", n_rows, positions)
    }

    /// The raw score that each row starts from.
    pub(super) fn scores(&self, n_rows: usize) -> Result<Vec<f64>, FrameError> {
        let score = |line: &str| line.parse::<f64>().ok().filter(|x| x.is_finite());
        self.one_a_row("initial scores", n_rows, self.numbers("a finite initial score", score)?)
    }

    fn one_a_row<T>(&self, what: &str, n_rows: usize, numbers: Vec<T>) -> Result<Vec<T>, FrameError> {
        if numbers.len() == n_rows {
            return Ok(numbers);
        }
        let (expected, found) = (format!("{n_rows} {what}, one per row"), numbers.len().to_string());
        Err(FrameError::SideFile { file: self.name.clone(), expected, found })
    }

    fn numbers<T>(&self, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, FrameError> {
        let number = |(line, text): (u64, &String)| {
            parse(text).ok_or_else(|| {
                FrameError::Read(ReadError::Field {
                    file: self.name.clone(),
                    line,
                    column: 1,
                    expected: expected.to_owned(),
                    found: format!("`{}`", super::excerpt(text)),
                })
            })
        };
        (1..).zip(&self.lines).filter(|(_, line)| !line.is_empty()).map(number).collect()
    }
}
