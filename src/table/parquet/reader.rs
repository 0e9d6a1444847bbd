//! A file whose columns are decoded when they are asked for: neither the file nor what nobody reads of it is ever in memory.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use super::bytes::Bytes;
use super::footer::Footer;
use super::{Columns, MAX_BYTES, ReadError, TableColumn, decode, decode_columns, malformed, read_footer};
use crate::determinism::digest::{Digest, Hasher};
use crate::determinism::par;
use crate::table::{Texts, file};

/// An open file of which the description is read, its columns not yet.
pub struct Reader {
    name: String,
    file: Mutex<File>,
    length: usize,
    footer: Footer,
}

impl Reader {
    /// Opens a file and reads what it says about itself.
    ///
    /// # Errors
    /// When it cannot be read, is no Parquet file, or is too large.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let io =
            |e: std::io::Error| ReadError::Io { file: path.display().to_string(), reason: e.to_string() };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let name = file::name(path);
        if length > MAX_BYTES {
            return Err(ReadError::Limit { file: name, what: "bytes", limit: MAX_BYTES, found: length });
        }
        let (file, length) = (Mutex::new(file), length as usize);
        let footer = read_footer(&name, &Bytes::Of(&file, length))?;
        Ok(Reader { name, file, length, footer })
    }

    fn bytes(&self) -> Bytes<'_> {
        Bytes::Of(&self.file, self.length)
    }

    /// The file's name without its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows of every column.
    pub fn n_rows(&self) -> usize {
        self.footer.n_rows
    }

    /// The columns' names, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.footer.fields.iter().map(|field| field.name.as_str())
    }

    /// Decodes columns, in file order and in parallel.
    ///
    /// # Errors
    /// When they are malformed.
    pub fn columns(&self, columns: Columns<'_>) -> Result<Vec<TableColumn>, ReadError> {
        decode_columns(&self.name, &self.bytes(), &self.footer, columns, &|_| true)
    }

    /// Hands on columns of text row group by row group, each with its place among `names`, in the order of the rows. Names of
    /// other columns, and of none, are passed over.
    ///
    /// # Errors
    /// When one is malformed.
    pub fn each_texts(&self, names: &[&str], mut each: impl FnMut(usize, Texts)) -> Result<(), ReadError> {
        let fields = &self.footer.fields;
        let place = |name: &&str| fields.iter().position(|f| f.name == **name && decode::is_text(f));
        let columns = names.iter().enumerate().filter_map(|(which, name)| Some((which, place(name)?)));
        let columns: Vec<(usize, usize)> = columns.collect();
        let tasks = columns.len() * self.footer.metadata.row_groups.len();
        // as many parts at a time as there are threads: all of them would be the whole table
        for first in (0..tasks).step_by(par::width()) {
            let some = par::map(par::width().min(tasks - first), |at| {
                let (group, column) = ((first + at) / columns.len(), (first + at) % columns.len());
                decode::texts_of_group(&self.bytes(), &self.footer, columns[column].1, group)
            });
            for (task, part) in (first..).zip(some) {
                let which = columns[task % columns.len()].0;
                each(which, part.map_err(|fault| decode::unread(&self.name, names[which], fault))?);
            }
        }
        Ok(())
    }

    /// The SHA-256 of the file's bytes.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn digest(&self) -> Result<Digest, ReadError> {
        let mut hasher = Hasher::new();
        self.each_block(|block| hasher.update(block))?;
        Ok(hasher.finish())
    }

    /// Calls `each` with the file's bytes, some at a time.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn each_block(&self, mut each: impl FnMut(&[u8])) -> Result<(), ReadError> {
        for start in (0..self.length).step_by(BLOCK) {
            let block = self.bytes().part(start..self.length.min(start + BLOCK));
            each(&block.map_err(malformed(&self.name))?);
        }
        Ok(())
    }
}

/// Bytes that are read at a time for a digest.
const BLOCK: usize = 1 << 20;
