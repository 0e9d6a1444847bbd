//! Published batches -> folders here, each whole or absent.
//!
//! Files arrive in `.{window}.part` beside the folder they are for, each under its name with `.part` until its checksum held; an
//! interrupted run is taken up there, byte for byte where the server can (Range), else from the file's start. When all are there the batch
//! is opened as any reader would open it (hashes, counts, schema), and only then renamed into place. META.json is fetched first, and a
//! part that belongs to an older META.json is thrown away.
//!
//! Two kinds of server: objects by name (S3 without credentials), and an export of tables by dates with a bearer key.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Days;
use serde_json::json;

use super::client::{Client, HttpError, Limits, Streamed, explain_read};
use super::retry::{Pause, Retry, Told, retry_after};
use crate::aml::sot::{self, BatchError, BatchId, Checksum, META_FILE, Meta, TableKind};
use crate::determinism::digest::Digest;
use crate::table::{ReadError, parquet};

/// Where batches are published, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Objects under `{base}/snapshots/{network}/{date}/{window}/`.
    Objects {
        /// Without a slash at its end.
        base: String,
    },
    /// `{base}/api/v1/export/{table}?start_date&end_date`.
    Export {
        /// Without a slash at its end.
        base: String,
        /// Bearer token.
        key: Option<String>,
    },
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is here now.
    Fetched {
        /// Its files.
        files: usize,
        /// Bytes that came over the network in this run.
        bytes: u64,
    },
    /// It was here already, whole.
    Present,
    /// The server does not have it.
    NotPublished,
}

/// Who is told how far it is.
pub trait Progress {
    /// A file begins: its name, bytes already here, and in all where that is known.
    fn begins(&self, file: &str, here: u64, all: Option<u64>);
    /// So many bytes more.
    fn more(&self, bytes: u64);
    /// A try failed and is followed by another.
    fn again(&self, told: &Told, pause: Duration);
}

/// Why a batch is not here.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// No answer, however often asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer that helps nobody.
    #[error("{url}: status {status}{}", remedy(*.status))]
    Status {
        /// Which address.
        url: String,
        /// Of the last try.
        status: u16,
    },
    /// Not the file that META.json describes.
    #[error("{url}: not the file that META.json describes, even when fetched anew")]
    Hash {
        /// Which address.
        url: String,
    },
    /// The files do not make a batch, or META.json is none.
    #[error("{name}: {reason}")]
    Batch {
        /// Which batch.
        name: String,
        /// What is wrong.
        reason: BatchError,
    },
    /// META.json is of another batch.
    #[error("{name}: the server sent META.json of {found}")]
    Other {
        /// Asked for.
        name: String,
        /// Sent.
        found: String,
    },
    /// A folder is in the way.
    #[error("{}: here already, but without META.json, so not a whole batch: remove it first", .folder.display())]
    InTheWay {
        /// Which.
        folder: PathBuf,
    },
    /// The disk refuses.
    #[error("{}: {reason}", .path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Fetches batches from one source.
pub struct Downloader<'a> {
    source: Source,
    client: Client,
    limits: Limits,
    retry: Retry,
    pause: &'a dyn Pause,
    progress: &'a dyn Progress,
}

impl<'a> Downloader<'a> {
    /// A downloader that waits as `pause` does.
    pub fn new(
        source: Source,
        limits: Limits,
        retry: Retry,
        pause: &'a dyn Pause,
        progress: &'a dyn Progress,
    ) -> Downloader<'a> {
        let client = Client::new(source.base(), limits);
        Downloader { source, client, limits, retry, pause, progress }
    }

    /// Brings a batch under `output`, in the layout it is published in.
    ///
    /// # Errors
    /// When the batch is published but cannot be brought here whole; what came so far is kept for the next run.
    pub fn batch(&self, id: &BatchId, output: &Path) -> Result<Outcome, DownloadError> {
        let target = output.join("snapshots").join(path_of(id));
        if target.join(META_FILE).is_file() {
            return Ok(Outcome::Present);
        }
        if target.exists() {
            return Err(DownloadError::InTheWay { folder: target });
        }
        let part = target.with_file_name(format!(".{}.part", id.window_days));
        let fetched = match &self.source {
            Source::Objects { base } => {
                self.objects(&format!("{base}/snapshots/{}", path_of(id)), id, &part)?
            }
            Source::Export { base, .. } => Some(self.export(base, id, &part)?),
        };
        let Some((files, bytes)) = fetched else { return Ok(Outcome::NotPublished) };
        publish(&part, &target)?;
        Ok(Outcome::Fetched { files, bytes })
    }

    /// Brings the network's labels, which are published apart from the batches and carry no date, under `output`.
    ///
    /// # Errors
    /// When they are published but cannot be brought here.
    pub fn labels(&self, network: &str, output: &Path) -> Result<Outcome, DownloadError> {
        let Source::Objects { base } = &self.source else { return Ok(Outcome::NotPublished) };
        let name = format!("{network}_{}", TableKind::AddressLabels.file());
        let folder = output.join("address-labels");
        // undated: yesterday's part may be of another file, so nothing is taken up
        let part = folder.join(format!(".{name}.part"));
        make_folder(&folder)?;
        remove(&part)?;
        match self.file(&format!("{base}/address-labels/{name}"), &part, 0) {
            Err(DownloadError::Status { status: 403 | 404, .. }) => {
                let _unless_it_holds_other_labels = fs::remove_dir(&folder);
                Ok(Outcome::NotPublished)
            }
            Err(error) => Err(error),
            Ok(bytes) => {
                let readable = parquet::read(&part);
                if let Err(reason) = readable {
                    remove(&part)?;
                    return Err(not_a_batch(&name, reason));
                }
                rename(&part, &folder.join(&name))?;
                Ok(Outcome::Fetched { files: 1, bytes })
            }
        }
    }

    /// Files of a batch published as objects; `None` where there is no META.json.
    fn objects(&self, url: &str, id: &BatchId, part: &Path) -> Result<Option<(usize, u64)>, DownloadError> {
        let address = format!("{url}/{META_FILE}");
        let bytes = match self.whole(&address) {
            Err(DownloadError::Status { status: 403 | 404, .. }) => return Ok(None),
            other => other?,
        };
        let name = id.name();
        let meta =
            Meta::from_json(&bytes).map_err(|reason| DownloadError::Batch { name: name.clone(), reason })?;
        check_identity(&meta, id)?;
        take_up(part, &bytes)?;
        let (mut files, mut fetched) = (0, 0);
        for (number, kind) in meta.tables().into_iter().enumerate() {
            let checksum = meta.checksums.get(&kind.file());
            match self.verified(
                &format!("{url}/{}", kind.file()),
                &part.join(kind.file()),
                checksum,
                number as u64,
            ) {
                Ok(bytes) => (files, fetched) = (files + 1, fetched + bytes),
                // the one is kept from those who are judged by it, the other published apart
                Err(DownloadError::Status { status: 403 | 404, .. })
                    if matches!(kind, TableKind::GroundTruth | TableKind::AddressLabels) => {}
                Err(error) => return Err(error),
            }
        }
        self.finish(part, id, &bytes)?;
        Ok(Some((files, fetched)))
    }

    /// Tables of an export, and a META.json made of what came.
    fn export(&self, base: &str, id: &BatchId, part: &Path) -> Result<(usize, u64), DownloadError> {
        let day = |days: u32| {
            id.processing_date.checked_sub_days(Days::new(days.into())).unwrap_or(id.processing_date)
        };
        let dates = format!("start_date={}&end_date={}", day(id.window_days), id.processing_date);
        make_folder(part)?;
        let mut fetched = 0;
        let (mut counts, mut sha256) = (serde_json::Map::new(), serde_json::Map::new());
        for (number, (table, kind)) in EXPORTED.into_iter().enumerate() {
            let path = part.join(kind.file());
            // an export has no checksum and may change: nothing of an earlier run is taken up
            remove(&partial(&path))?;
            remove(&path)?;
            fetched +=
                self.file(&format!("{base}/api/v1/export/{table}?{dates}"), &partial(&path), number as u64)?;
            let table = parquet::read(&partial(&path)).map_err(|reason| not_a_batch(&id.name(), reason))?;
            counts.insert(kind.name().to_owned(), table.n_rows.into());
            let digest = table.digest.unwrap_or_else(|| Digest::of(&[]));
            sha256.insert(kind.file(), digest.to_string().into());
            rename(&partial(&path), &path)?;
        }
        let meta = json!({
            "schema_version": "1.0.0",
            "batch_id": id.name(),
            "network": id.network,
            "processing_date": id.processing_date.to_string(),
            "window_days": id.window_days,
            "generated_at": format!("{}T00:00:00Z", id.processing_date),
            "counts": counts,
            "sha256": sha256,
        });
        self.finish(part, id, format!("{meta:#}\n").as_bytes())?;
        Ok((EXPORTED.len(), fetched))
    }

    /// META.json last, then the batch as any reader sees it.
    fn finish(&self, part: &Path, id: &BatchId, meta: &[u8]) -> Result<(), DownloadError> {
        let path = part.join(META_FILE);
        fs::write(&path, meta).and_then(|()| File::open(&path)?.sync_all()).map_err(|e| disk(&path, &e))?;
        if let Err(reason) = sot::open(part) {
            // every checksum held, so another run would bring the same: begin anew then
            fs::remove_dir_all(part).map_err(|e| disk(part, &e))?;
            return Err(DownloadError::Batch { name: id.name(), reason });
        }
        Ok(())
    }

    /// A file with the checksum noted, at `path`; bytes that came. Once more from the start where the checksum does not hold.
    fn verified(
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
            let bytes =
                crate::table::file::read(&partial, self.limits.bytes).map_err(|e| not_a_batch(url, e))?;
            if checksum.is_none_or(|checksum| checksum.fits(&bytes)) {
                rename(&partial, path)?;
                return Ok(fetched);
            }
            remove(&partial)?;
        }
        Err(DownloadError::Hash { url: url.to_owned() })
    }

    /// A small file in memory.
    fn whole(&self, url: &str) -> Result<Vec<u8>, DownloadError> {
        self.patiently(url, META_REQUEST, &mut || {
            let reply = self.client.get(url, &self.headers()).map_err(Told::Nothing)?;
            match reply.status {
                200 => Ok(reply.body),
                status => Err(Told::Status(status, retry_after(reply.headers.get("retry-after")))),
            }
        })
    }

    /// A file at `path`, taken up where it ends; bytes that came.
    fn file(&self, url: &str, path: &Path, number: u64) -> Result<u64, DownloadError> {
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
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(from)).map_err(failed)?;
        let mut buffer = vec![0; BUFFER];
        let mut came = 0;
        loop {
            let read = match answer.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => return Err(Told::Nothing(explain_read(url, error, self.limits.bytes)).into()),
            };
            came += read as u64;
            *fetched += read as u64;
            if from + came > self.limits.bytes {
                let limit = self.limits.bytes;
                return Err(Told::Nothing(HttpError::TooLarge { url: url.to_owned(), limit }).into());
            }
            file.write_all(&buffer[..read]).map_err(failed)?;
            self.progress.more(read as u64);
        }
        file.sync_all().map_err(failed)?;
        Ok(came)
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        match &self.source {
            Source::Objects { .. } => vec![],
            Source::Export { key, .. } => {
                let accept = ("accept", "application/x-parquet");
                key.iter().map(|key| ("authorization", key.as_str())).chain([accept]).collect()
            }
        }
    }
}

impl Source {
    /// Objects under a base address.
    pub fn objects(base: &str) -> Source {
        Source::Objects { base: base.trim_end_matches('/').to_owned() }
    }

    /// An export under a base address.
    pub fn export(base: &str, key: Option<&str>) -> Source {
        let key = key.map(|key| format!("Bearer {key}"));
        Source::Export { base: base.trim_end_matches('/').to_owned(), key }
    }

    fn base(&self) -> &str {
        match self {
            Source::Objects { base } | Source::Export { base, .. } => base,
        }
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

fn path_of(id: &BatchId) -> String {
    format!("{}/{}/{}", id.network, id.processing_date, id.window_days)
}

fn check_identity(meta: &Meta, id: &BatchId) -> Result<(), DownloadError> {
    let found = BatchId {
        network: meta.network.clone().unwrap_or_else(|| id.network.clone()),
        processing_date: meta.processing_date.unwrap_or(id.processing_date),
        window_days: meta.window_days.unwrap_or(id.window_days),
    };
    if found == *id { Ok(()) } else { Err(DownloadError::Other { name: id.name(), found: found.name() }) }
}

/// Makes the folder of parts, or empties one that belongs to another META.json.
fn take_up(part: &Path, meta: &[u8]) -> Result<(), DownloadError> {
    let noted = part.join(format!("{META_FILE}.part"));
    if fs::read(&noted).ok().as_deref() != Some(meta) && part.exists() {
        fs::remove_dir_all(part).map_err(|e| disk(part, &e))?;
    }
    make_folder(part)?;
    fs::write(&noted, meta).map_err(|e| disk(&noted, &e))
}

fn publish(part: &Path, target: &Path) -> Result<(), DownloadError> {
    remove(&part.join(format!("{META_FILE}.part")))?;
    rename(part, target)?;
    // the new name is on the disk only when the folder that holds it is
    let parent = target.parent().unwrap_or(target);
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(|e| disk(parent, &e))
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// `bytes 5-9/10` begins at 5.
fn starts_at(answer: &Streamed) -> Option<u64> {
    let range = answer.headers.get("content-range")?.trim().strip_prefix("bytes")?.trim_start();
    range.split_once('-')?.0.parse().ok()
}

fn make_folder(path: &Path) -> Result<(), DownloadError> {
    fs::create_dir_all(path).map_err(|e| disk(path, &e))
}

fn rename(from: &Path, to: &Path) -> Result<(), DownloadError> {
    fs::rename(from, to).map_err(|e| disk(to, &e))
}

fn remove(path: &Path) -> Result<(), DownloadError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(disk(path, &error)),
        _ => Ok(()),
    }
}

fn disk(path: &Path, error: &std::io::Error) -> DownloadError {
    DownloadError::Disk { path: path.to_owned(), reason: error.to_string() }
}

fn not_a_batch(name: &str, reason: ReadError) -> DownloadError {
    let reason = BatchError { faults: vec![reason.into()], more: 0 };
    DownloadError::Batch { name: name.to_owned(), reason }
}

fn remedy(status: u16) -> &'static str {
    match status {
        401 | 403 => ": the server does not accept the key (--api-key)",
        404 => ": not there (--base-url, --network, --window-days)",
        429 => ": asked too often; try again later",
        500.. => ": the server is in trouble; try again later, what came is kept",
        _ => "",
    }
}

const EXPORTED: [(&str, TableKind); 4] = [
    ("transfers", TableKind::Transfers),
    ("money-flows", TableKind::MoneyFlows),
    ("prices", TableKind::AssetPrices),
    ("assets", TableKind::Assets),
];
/// Keeps the jitter of META.json's retries apart from that of numbered files.
const META_REQUEST: u64 = u64::MAX;
const BUFFER: usize = 64 << 10;
