//! Whole files in and out: reading within a limit, and writing so that a reader never sees half a file.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

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
/// file or the whole new one. A link stays a link: what it names is replaced. What is no file but takes bytes (a device, a
/// pipe) takes them as they come; a rename would put a file in its place.
///
/// # Errors
/// When the operating system refuses; nothing is left behind then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let is_special = fs::metadata(&target).is_ok_and(|found| !found.is_file() && !found.is_dir());
    let written = if is_special { write_through(&target, bytes) } else { replace(&target, bytes) };
    written.map_err(|e| WriteError::Io { file: path.display().to_string(), reason: e.to_string() })
}

fn write_through(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut target = OpenOptions::new().write(true).open(path)?;
    target.write_all(bytes)?;
    target.flush()
}

/// The same for a path that names a file or nothing, with what the system says as it says it.
///
/// # Errors
/// As [`write()`].
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let partial = path.with_file_name(format!(".{}.{}.partial", name(path), std::process::id()));
    let written = write_synced(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

/// A file on its way: written piece by piece beside its place under another name, there once it is finished. Dropped
/// before, it leaves nothing.
pub struct Partial {
    place: PathBuf,
    partial: PathBuf,
    out: BufWriter<File>,
    is_finished: bool,
}

impl Partial {
    /// A file that is to stand at `path`, or where that link leads.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn beside(path: &Path) -> std::io::Result<Self> {
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let partial = place.with_file_name(format!(".{}.{}.partial", name(&place), std::process::id()));
        let out = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
        Ok(Partial { place, partial, out, is_finished: false })
    }

    /// Makes sure of the bytes and puts the file in its place.
    ///
    /// # Errors
    /// When the operating system refuses; nothing is left behind then.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        fs::rename(&self.partial, &self.place)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Writes a file in place, for a folder that nobody reads yet, and makes sure that its bytes outlast a power failure.
///
/// # Errors
/// When the operating system refuses; part of the file may be there then.
pub fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes sure that the names in a folder outlast a power failure, where the system can.
///
/// # Errors
/// When the operating system refuses.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
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

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let dir = tempfile::tempdir().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        fs::write(at("named"), b"old").expect("written");
        symlink("named", at("link")).expect("linked");
        write(&at("link"), b"new").expect("written");
        assert!(fs::symlink_metadata(at("link")).expect("there").is_symlink());
        assert_eq!(read(&at("named"), 9), Ok(b"new".to_vec()));
        // by way of a link, so that a mistake replaces the link and not the machine's device
        symlink("/dev/null", at("null")).expect("linked");
        write(&at("null"), b"gone").expect("taken");
        assert!(fs::metadata(at("null")).expect("there").file_type().is_char_device());
        symlink("/dev/full", at("full")).expect("linked");
        if at("full").exists() {
            assert!(matches!(write(&at("full"), b"x"), Err(WriteError::Io { .. })));
        }
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 4);
    }
}
