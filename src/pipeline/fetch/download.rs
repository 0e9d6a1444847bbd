//! Published batches -> folders here, each whole or absent.
//!
//! Files arrive in `.{window}.part` beside the folder they are for, each under its name with `.part` until its checksum held; an
//! interrupted run is taken up there, byte for byte where the server can (Range), else from the file's start. When all are there the batch
//! is opened as any reader would open it (hashes, counts, schema), and only then renamed into place. META.json is fetched first, and a
//! part that belongs to an older META.json is thrown away.
//!
//! Two kinds of server: objects by name (S3 without credentials), and an export of tables by dates with a bearer key.

use std::fs;
use std::path::Path;

use chrono::Days;

use super::client::Client;
use super::fault::{DownloadError, disk, not_a_batch};
use super::file::{Files, Progress, make_folder, partial, remove, rename};
use super::retry::{Pause, Retry};
use crate::aml::sot::{self, BatchId, META_FILE, Meta, TableKind, WrittenFile};
use crate::determinism::digest::Digest;
use crate::table::{file, parquet};

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

/// Fetches batches from one source.
pub struct Downloader<'a> {
    source: Source,
    files: Files<'a>,
}

impl<'a> Downloader<'a> {
    /// A downloader that waits as `pause` does; `client` is for addresses under the source's base.
    pub fn new(
        source: Source,
        client: Client,
        retry: Retry,
        pause: &'a dyn Pause,
        progress: &'a dyn Progress,
    ) -> Downloader<'a> {
        let headers = source.headers();
        Downloader { source, files: Files { client, retry, pause, progress, headers } }
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
        match self.files.file(&format!("{base}/address-labels/{name}"), &part, 0) {
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
        let bytes = match self.files.whole(&address) {
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
            match self.files.verified(
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
        let mut written = vec![];
        for (number, (table, kind)) in EXPORTED.into_iter().enumerate() {
            let path = part.join(kind.file());
            // an export has no checksum and may change: nothing of an earlier run is taken up
            remove(&partial(&path))?;
            remove(&path)?;
            fetched += self.files.file(
                &format!("{base}/api/v1/export/{table}?{dates}"),
                &partial(&path),
                number as u64,
            )?;
            let table = parquet::read(&partial(&path)).map_err(|reason| not_a_batch(&id.name(), reason))?;
            let digest = table.digest.unwrap_or_else(|| Digest::of(&[]));
            written.push(WrittenFile { table: kind.name(), rows: table.n_rows, digest });
            rename(&partial(&path), &path)?;
        }
        self.finish(part, id, sot::meta_json(id, &written).as_bytes())?;
        Ok((EXPORTED.len(), fetched))
    }

    /// META.json last, then the batch as any reader sees it.
    fn finish(&self, part: &Path, id: &BatchId, meta: &[u8]) -> Result<(), DownloadError> {
        let path = part.join(META_FILE);
        file::write_synced(&path, meta).map_err(|e| disk(&path, &e))?;
        if let Err(reason) = sot::open(part) {
            // every checksum held, so another run would bring the same: begin anew then
            fs::remove_dir_all(part).map_err(|e| disk(part, &e))?;
            return Err(DownloadError::Batch { name: id.name(), reason });
        }
        Ok(())
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

    /// What every request says beside its address.
    fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            Source::Objects { .. } => vec![],
            Source::Export { key, .. } => {
                let accept = ("accept", "application/x-parquet".to_owned());
                key.iter().map(|key| ("authorization", key.clone())).chain([accept]).collect()
            }
        }
    }

    /// What every address of it begins with.
    pub fn base(&self) -> &str {
        match self {
            Source::Objects { base } | Source::Export { base, .. } => base,
        }
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
    file::sync_folder(parent).map_err(|e| disk(parent, &e))
}

const EXPORTED: [(&str, TableKind); 4] = [
    ("transfers", TableKind::Transfers),
    ("money-flows", TableKind::MoneyFlows),
    ("prices", TableKind::AssetPrices),
    ("assets", TableKind::Assets),
];
