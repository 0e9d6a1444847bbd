//! Whole files in and out: reading within a limit, and writing so that a reader never sees half a file.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use super::{ReadError, WriteError};

/// The file's name without its folder.
pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// All bytes of a file of at most `limit` bytes.
///
/// # Errors
/// When the file cannot be read or is larger.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let io = |e: std::io::Error| ReadError::Io { file: path.display().to_string(), reason: e.to_string() };
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    if length > limit {
        return Err(ReadError::Limit { file: name(path), what: "bytes", limit, found: length });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Puts `bytes` at `path`: written beside it under another name, synced, then renamed, so `path` is either the old
/// file or the whole new one.
///
/// # Errors
/// When the operating system refuses; nothing is left behind then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let partial = path.with_file_name(format!(".{}.{}.partial", name(path), std::process::id()));
    let written = write_synced(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    written.map_err(|e| {
        let _ = fs::remove_file(&partial);
        WriteError::Io { file: path.display().to_string(), reason: e.to_string() }
    })
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_write_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let target = dir.path().join("taken");
        fs::create_dir(&target).expect("a folder");
        assert!(matches!(write(&target, b"x"), Err(WriteError::Io { .. })));
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 1);
        write(&dir.path().join("a"), b"x").expect("written");
        assert_eq!(read(&dir.path().join("a"), 1), Ok(b"x".to_vec()));
        assert!(matches!(read(&dir.path().join("a"), 0), Err(ReadError::Limit { found: 1, .. })));
    }
}
