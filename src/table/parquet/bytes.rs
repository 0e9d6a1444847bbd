//! The bytes of a file, in memory or where they lie.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Bytes of which parts are asked for.
pub(super) enum Bytes<'a> {
    /// All of them.
    Whole(&'a [u8]),
    /// Those of a file, and how many it had when it was opened.
    Of(&'a Mutex<File>, usize),
}

impl<'a> Bytes<'a> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Bytes::Whole(bytes) => bytes.len(),
            Bytes::Of(_, length) => *length,
        }
    }

    /// Some of them; why not, where they are not there.
    pub(super) fn part(&self, range: Range<usize>) -> Result<Cow<'a, [u8]>, String> {
        let outside = || {
            format!("its bytes {} to {} lie outside the file of {} bytes", range.start, range.end, self.len())
        };
        if range.start > range.end || range.end > self.len() {
            return Err(outside());
        }
        match self {
            Bytes::Whole(bytes) => Ok(Cow::Borrowed(&bytes[range])),
            Bytes::Of(file, _) => {
                let read = read(file, range.clone());
                read.map(Cow::Owned).map_err(|e| format!("its bytes {} to {}: {e}", range.start, range.end))
            }
        }
    }
}

fn read(file: &Mutex<File>, range: Range<usize>) -> std::io::Result<Vec<u8>> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(range.start as u64))?;
    let mut bytes = vec![0; range.len()];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
