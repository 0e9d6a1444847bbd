//! One file from a server, however often it takes: taken up where it broke off, and kept only with the right checksum.
//!
//! What came of a file lies under its name with `.part`; a try asks for the bytes after those (Range). A server that sends all of it
//! instead is believed, and one that sends another range, or says there is none, makes the file begin anew.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client::{Client, HttpError, Streamed, explain_read};
use super::fault::{DownloadError, disk, not_a_batch};
use super::retry::{Pause, Retry, Told, retry_after};
use crate::aml::sot::Checksum;
use crate::table::file;

/// Who is told how far it is.
pub trait Progress {
    /// A file begins: its name, bytes already here, and in all where that is known.
    fn begins(&self, file: &str, here: u64, all: Option<u64>);
    /// So many bytes more.
    fn more(&self, bytes: u64);
    /// A try failed and is followed by another.
    fn again(&self, told: &Told, pause: Duration);
}

/// Brings files from one server.
pub(super) struct Files<'a> {
    pub(super) client: Client,
    pub(super) retry: Retry,
    pub(super) pause: &'a dyn Pause,
    pub(super) progress: &'a dyn Progress,
    /// Sent with every request.
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Files<'_> {
    /// A file with the checksum noted, at `path`; bytes that came. Once more from the start where the checksum does not hold.
    pub(super) fn verified(
        &self,
        url: &str,
        path: &Path,
        checksum: Option<&Checksum>,
        number: u64,
    ) -> Result<u64, DownloadError> {
        if path.is_file() {
            return Ok(0);
        }
        let partial = partial(path);
        let mut fetched = 0;
        for _ in 0..2 {
            fetched += self.file(url, &partial, number)?;
            let bytes = file::read(&partial, self.client.limits().bytes).map_err(|e| not_a_batch(url, e))?;
            if checksum.is_none_or(|checksum| checksum.fits(&bytes)) {
                rename(&partial, path)?;
                return Ok(fetched);
            }
            remove(&partial)?;
        }
        Err(DownloadError::Hash { url: url.to_owned() })
    }

    /// A small file in memory.
    pub(super) fn whole(&self, url: &str) -> Result<Vec<u8>, DownloadError> {
        self.patiently(url, META_REQUEST, &mut || {
            let reply = self.client.get(url, &self.headers()).map_err(Told::Nothing)?;
            match reply.status {
                200 => Ok(reply.body),
                status => Err(Told::Status(status, retry_after(reply.headers.get("retry-after")))),
            }
        })
    }

    /// A file at `path`, taken up where it ends; bytes that came.
    pub(super) fn file(&self, url: &str, path: &Path, number: u64) -> Result<u64, DownloadError> {
        let mut failed = None;
        let mut fetched = 0;
        let done = self.patiently(url, number, &mut || match self.rest(url, path, &mut fetched) {
            Ok(()) => Ok(()),
            Err(Broken::Told(told)) => Err(told),
            Err(Broken::Disk(error)) => {
                failed = Some(error);
                Ok(())
            }
        });
        if matches!(done, Err(DownloadError::Http(HttpError::TooLarge { .. }))) {
            remove(path)?;
        }
        match failed {
            Some(error) => Err(error),
            None => done.map(|()| fetched),
        }
    }

    /// Tries until it goes well, or there is no sense in more.
    fn patiently<T>(
        &self,
        url: &str,
        number: u64,
        attempt: &mut dyn FnMut() -> Result<T, Told>,
    ) -> Result<T, DownloadError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let told = match attempt() {
                Ok(value) => return Ok(value),
                Err(told) => told,
            };
            let Some(pause) = self.retry.after(&told, tried, number) else {
                return Err(match told {
                    Told::Nothing(error) => error.into(),
                    Told::Status(status, _) => DownloadError::Status { url: url.to_owned(), status },
                });
            };
            self.progress.again(&told, pause);
            self.pause.pause(pause);
        }
    }

    /// One try: the bytes after those that are here.
    fn rest(&self, url: &str, path: &Path, fetched: &mut u64) -> Result<(), Broken> {
        let here = fs::metadata(path).map_or(0, |data| data.len());
        let range = format!("bytes={here}-");
        let mut headers = self.headers();
        if here > 0 {
            headers.push(("range", &range));
        }
        let answer = self.client.stream(url, &headers).map_err(Told::Nothing)?;
        let from = match answer.status {
            200 => 0,
            206 if starts_at(&answer) == Some(here) => here,
            206 | 416 => {
                // not the part that was asked for, or beyond the end: what is here belongs to another file
                remove(path).map_err(Broken::Disk)?;
                let reason = format!("status {} for {range}", answer.status);
                return Err(Told::Nothing(HttpError::Broken { url: url.to_owned(), reason }).into());
            }
            status => return Err(Told::Status(status, retry_after(answer.headers.get("retry-after"))).into()),
        };
        let length = answer.headers.get("content-length").and_then(|text| text.parse::<u64>().ok());
        self.progress.begins(url, from, length.map(|length| from + length));
        let came = self.pour(url, answer, path, from, fetched)?;
        match length {
            Some(length) if length != came => {
                let reason = format!("{came} of {length} bytes came");
                Err(Told::Nothing(HttpError::Broken { url: url.to_owned(), reason }).into())
            }
            _ => Ok(()),
        }
    }

    /// The body to the end of a file; what came before a fault stays there.
    fn pour(
        &self,
        url: &str,
        mut answer: Streamed,
        path: &Path,
        from: u64,
        fetched: &mut u64,
    ) -> Result<u64, Broken> {
        let failed = |e: std::io::Error| Broken::Disk(disk(path, &e));
        let mut options = OpenOptions::new();
        let mut file = options.create(true).write(true).truncate(false).open(path).map_err(failed)?;
        file.set_len(from).map_err(failed)?;
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        let mut buffer = vec![0; BUFFER];
        let mut came = 0;
        loop {
            let read = match answer.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => {
                    return Err(Told::Nothing(explain_read(url, error, self.client.limits().bytes)).into());
                }
            };
            came += read as u64;
            *fetched += read as u64;
            if from + came > self.client.limits().bytes {
                let limit = self.client.limits().bytes;
                return Err(Told::Nothing(HttpError::TooLarge { url: url.to_owned(), limit }).into());
            }
            file.write_all(&buffer[..read]).map_err(failed)?;
            self.progress.more(read as u64);
        }
        file.sync_all().map_err(failed)?;
        Ok(came)
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

/// Why a try ended.
enum Broken {
    Told(Told),
    Disk(DownloadError),
}

impl From<Told> for Broken {
    fn from(told: Told) -> Self {
        Broken::Told(told)
    }
}

/// Where the bytes of a file lie until all are here.
pub(super) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// `bytes 5-9/10` begins at 5.
fn starts_at(answer: &Streamed) -> Option<u64> {
    let range = answer.headers.get("content-range")?.trim().strip_prefix("bytes")?.trim_start();
    range.split_once('-')?.0.parse().ok()
}

pub(super) fn make_folder(path: &Path) -> Result<(), DownloadError> {
    fs::create_dir_all(path).map_err(|e| disk(path, &e))
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), DownloadError> {
    fs::rename(from, to).map_err(|e| disk(to, &e))
}

pub(super) fn remove(path: &Path) -> Result<(), DownloadError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(disk(path, &error)),
        _ => Ok(()),
    }
}

/// Keeps the jitter of META.json's retries apart from that of numbered files.
const META_REQUEST: u64 = u64::MAX;
const BUFFER: usize = 64 << 10;
