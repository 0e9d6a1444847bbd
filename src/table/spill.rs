//! Columns of doubles that are put aside until they are asked for again: in memory up to a limit, in a file beyond it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::WriteError;

/// Columns by name, all of one length. A fault of the file is kept and told at the end: until then its columns are NaN.
pub struct Spill {
    rows: usize,
    /// Bytes that may stay in memory.
    limit: usize,
    /// The file of those beyond, made when there are any.
    path: PathBuf,
    columns: Mutex<Columns>,
}

#[derive(Default)]
struct Columns {
    in_memory: BTreeMap<String, Vec<f64>>,
    /// Their places in the file, counted in columns.
    in_file: BTreeMap<String, u64>,
    file: Option<File>,
    fault: Option<WriteError>,
}

impl Spill {
    /// Columns of so many rows. Those beyond a `limit` of bytes go to a file in `folder`, which is gone when the columns are.
    pub fn new(rows: usize, limit: usize, folder: &Path) -> Self {
        let path = folder.join(format!(".columns.{}.partial", std::process::id()));
        Spill { rows, limit, path, columns: Mutex::default() }
    }

    /// Columns that all stay in memory.
    pub fn in_memory(rows: usize) -> Self {
        Spill::new(rows, usize::MAX, Path::new(""))
    }

    fn columns(&self) -> MutexGuard<'_, Columns> {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts values of a column aside, from a row on.
    ///
    /// # Panics
    /// When they reach beyond the last row.
    pub fn keep(&self, column: &str, row: usize, values: &[f64]) {
        assert!(row + values.len() <= self.rows, "no more values than rows");
        let mut columns = self.columns();
        if !columns.in_memory.contains_key(column) && !columns.in_file.contains_key(column) {
            let bytes = (columns.in_memory.len() + 1).saturating_mul(8 * self.rows);
            if bytes <= self.limit {
                columns.in_memory.insert(column.to_owned(), vec![f64::NAN; self.rows]);
            } else {
                let place = columns.in_file.len() as u64;
                columns.in_file.insert(column.to_owned(), place);
            }
        }
        if let Some(kept) = columns.in_memory.get_mut(column) {
            kept[row..row + values.len()].copy_from_slice(values);
            return;
        }
        let written = self.write(&mut columns, column, row, values);
        self.note(&mut columns, written);
    }

    fn note<T>(&self, columns: &mut Columns, done: std::io::Result<T>) -> Option<T> {
        let fault = |e: std::io::Error| WriteError::Io {
            file: self.path.display().to_string(),
            reason: e.to_string(),
        };
        done.map_err(|e| columns.fault = columns.fault.take().or_else(|| Some(fault(e)))).ok()
    }

    fn write(&self, columns: &mut Columns, column: &str, row: usize, values: &[f64]) -> std::io::Result<()> {
        let place = columns.in_file[column];
        if columns.file.is_none() {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(true).open(&self.path)?;
            if cfg!(unix) {
                // its bytes stay until it is closed, whatever happens to this process
                fs::remove_file(&self.path)?;
            }
            columns.file = Some(file);
        }
        let Some(file) = &mut columns.file else { return Ok(()) };
        file.seek(SeekFrom::Start(8 * (place * self.rows as u64 + row as u64)))?;
        for some in values.chunks(BLOCK) {
            let bytes: Vec<u8> = some.iter().flat_map(|x| x.to_le_bytes()).collect();
            file.write_all(&bytes)?;
        }
        Ok(())
    }

    /// A column as it was put aside; NaN where it was not.
    pub fn column(&self, column: &str) -> Vec<f64> {
        self.part(column, 0..self.rows)
    }

    /// Some rows of a column as they were put aside; NaN where they were not.
    ///
    /// # Panics
    /// When they reach beyond the last row.
    pub fn part(&self, column: &str, rows: Range<usize>) -> Vec<f64> {
        assert!(rows.end <= self.rows, "no more values than rows");
        let mut columns = self.columns();
        if let Some(kept) = columns.in_memory.get(column) {
            return kept[rows].to_vec();
        }
        let place = columns.in_file.get(column).copied();
        let read = place.map(|place| self.read(&mut columns, place, rows.clone()));
        let read = read.and_then(|read| self.note(&mut columns, read));
        read.unwrap_or_else(|| vec![f64::NAN; rows.len()])
    }

    fn read(&self, columns: &mut Columns, place: u64, rows: Range<usize>) -> std::io::Result<Vec<f64>> {
        let mut values = Vec::with_capacity(rows.len());
        let Some(file) = &mut columns.file else { return Ok(vec![f64::NAN; rows.len()]) };
        file.seek(SeekFrom::Start(8 * (place * self.rows as u64 + rows.start as u64)))?;
        let mut bytes = vec![0; 8 * BLOCK.min(rows.len().max(1))];
        while values.len() < rows.len() {
            let some = &mut bytes[..8 * BLOCK.min(rows.len() - values.len())];
            file.read_exact(some)?;
            let word = |word: &[u8]| f64::from_le_bytes(word.try_into().expect("chunks of eight bytes"));
            values.extend(some.chunks_exact(8).map(word));
        }
        Ok(values)
    }

    /// The same of a column that nobody asks for again.
    pub fn take(&self, column: &str) -> Vec<f64> {
        let kept = self.columns().in_memory.remove(column);
        kept.unwrap_or_else(|| self.column(column))
    }

    /// Whether everything that was put aside came back.
    ///
    /// # Errors
    /// When the operating system refused something since.
    pub fn finish(self) -> Result<(), WriteError> {
        self.columns().fault.take().map_or(Ok(()), Err)
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        if !cfg!(unix) && self.columns().file.take().is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Doubles that are turned into bytes at a time.
const BLOCK: usize = 1 << 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_back_from_memory_and_from_a_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("made");
        let rows = BLOCK + 3;
        // room for one of the three
        let spill = Spill::new(rows, 8 * rows + 1, &folder);
        let values = |k: f64| (0..rows).map(|row| k * row as f64).collect::<Vec<f64>>();
        for (name, k) in [("a", 1.0), ("b", 2.0), ("c", 3.0)] {
            let column = values(k);
            spill.keep(name, 7, &column[7..]);
            spill.keep(name, 0, &column[..7]);
        }
        for (name, k) in [("b", 2.0), ("a", 1.0), ("c", 3.0), ("a", 1.0)] {
            assert_eq!(spill.column(name), values(k), "{name}");
            assert_eq!(spill.part(name, 5..BLOCK + 1), values(k)[5..=BLOCK], "{name}");
        }
        assert_eq!((spill.take("a"), spill.take("b")), (values(1.0), values(2.0)));
        assert!(spill.column("none").iter().all(|x| x.is_nan()));
        assert_eq!(spill.finish(), Ok(()));
        assert_eq!(fs::read_dir(&folder).expect("made").count(), 0, "nothing is left");
    }

    #[test]
    fn a_refusal_is_told_at_the_end() {
        let dir = tempfile::tempdir().expect("a folder");
        let taken = dir.path().join("file");
        fs::write(&taken, b"x").expect("written");
        let spill = Spill::new(2, 0, &taken);
        spill.keep("a", 0, &[1.0, 2.0]);
        assert!(spill.column("a").iter().all(|x| x.is_nan()));
        assert!(matches!(spill.finish(), Err(WriteError::Io { .. })));
    }
}
