//! Bodies of answered requests, kept under the digest of their bytes, so that an answer can be computed again: opt-in, as a body
//! holds addresses. The same body is kept once.
//!
//! `DIR/ab/abcd....gz` holds the body whose SHA-256 is `abcd...`. Files are written under another name and renamed.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::settings::MAX_BODY_BYTES;
use crate::determinism::digest::Digest;

/// A folder of bodies.
#[derive(Debug)]
pub struct RequestStore {
    dir: PathBuf,
    /// How long a body is kept; for ever where none.
    keep: Option<Duration>,
    written: AtomicU64,
}

impl RequestStore {
    /// The store of a folder, which is made where it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: &Path, keep: Option<Duration>) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(RequestStore { dir: dir.to_owned(), keep, written: AtomicU64::new(0) })
    }

    /// Keeps a body; its digest.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left behind then.
    pub fn put(&self, body: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(body);
        let path = self.path(digest);
        if path.exists() {
            return Ok(digest);
        }
        let folder = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(folder)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let partial = folder.join(format!(".{}.{number}.partial", std::process::id()));
        let written = write(&partial, body).and_then(|()| fs::rename(&partial, &path));
        if written.is_err() {
            let _nothing_more_to_do = fs::remove_file(&partial);
        }
        written.map(|()| digest)
    }

    /// The body of a digest; `None` where it is not kept.
    ///
    /// # Errors
    /// When it cannot be read, or is not what its name says.
    pub fn get(&self, digest: Digest) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(digest)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut body = vec![];
        GzDecoder::new(file).take(MAX_BODY_BYTES as u64 + 1).read_to_end(&mut body)?;
        if Digest::of(&body) == digest {
            Ok(Some(body))
        } else {
            Err(io::Error::other("the body is not that of its digest"))
        }
    }

    /// Removes what was written too long before `unix_ms`; how many.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file not removed.
    pub fn expire(&self, unix_ms: i64) -> io::Result<usize> {
        let Some(keep) = self.keep else { return Ok(0) };
        let now = Duration::from_millis(u64::try_from(unix_ms).unwrap_or(0));
        let mut removed = 0;
        for folder in fs::read_dir(&self.dir)? {
            let folder = folder?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder)? {
                let file = file?;
                let written = file.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                if now.saturating_sub(written) > keep {
                    fs::remove_file(file.path())?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.dir.join(&name[..2]).join(format!("{name}.gz"))
    }
}

fn write(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut encoder = GzEncoder::new(File::create_new(path)?, Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()?.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_once_and_only_so_long() {
        let dir = tempfile::tempdir().expect("a folder");
        let store =
            RequestStore::open(&dir.path().join("requests"), Some(Duration::from_secs(60))).expect("opens");
        let digest = store.put(b"body").expect("kept");
        assert_eq!(store.put(b"body").expect("kept"), digest);
        assert_eq!(store.get(digest).expect("readable").as_deref(), Some(&b"body"[..]));
        assert_eq!(store.get(Digest([1; 32])).expect("readable"), None);
        let written = fs::metadata(store.path(digest)).expect("there").modified().expect("a time");
        let at =
            i64::try_from(written.duration_since(UNIX_EPOCH).expect("after 1970").as_millis()).expect("fits");
        assert_eq!(store.expire(at + 59_000).expect("readable"), 0);
        assert_eq!(store.expire(at + 61_001).expect("readable"), 1);
        assert_eq!(store.get(digest).expect("readable"), None);
        let digest = store.put(b"body").expect("kept");
        fs::write(store.path(digest), b"garbage").expect("written");
        assert!(store.get(digest).is_err());
    }
}
