//! Stored results: what was computed for a day, written once, never changed, read by whoever asks.
//!
//! `DIR/NETWORK/DATE/` holds `alerts.json`, `rankings.json`, `clusters.json` (those that the batch has) and `metadata.json`. The
//! folder is filled under another name, synced, then renamed: a day is there whole or not at all, whatever is cut off. A day that is
//! there is never replaced: writing the same results again changes nothing, writing others is refused.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aml::score::answer::{AlertRow, ClusterRow, RankRow};

/// A folder of results.
#[derive(Clone, Debug)]
pub struct ResultStore {
    dir: PathBuf,
}

/// What is stored of a day beside its results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DayMetadata {
    /// The network of the batch.
    pub network: String,
    /// The day, `YYYY-MM-DD`.
    pub processing_date: String,
    /// Length of the window in days.
    pub window_days: u32,
    /// SHA-256 that names the bundle.
    pub model_digest: String,
    /// Versions of the models that answered, by name.
    pub model_versions: BTreeMap<String, String>,
    /// Rows of each stored part.
    pub rows: BTreeMap<String, usize>,
    /// SHA-256 of each part's rows without `latency_ms`, as the header `x-score-digest` has it.
    pub score_digests: BTreeMap<String, String>,
    /// When it was computed, RFC 3339, UTC.
    pub processed_at: String,
}

/// How long computing took.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Timing {
    /// RFC 3339, UTC.
    pub processed_at: String,
    /// Milliseconds for all rows.
    pub total_latency_ms: f64,
    /// Milliseconds a row.
    pub avg_latency_ms: f64,
}

/// Scores of a day's alerts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AlertResults {
    /// The day, `YYYY-MM-DD`.
    pub processing_date: String,
    /// Which model.
    pub model_version: String,
    /// How many.
    pub total_alerts: usize,
    /// In the order of the batch.
    pub scores: Vec<AlertRow>,
    /// When and how fast.
    pub metadata: Timing,
}

/// A day's alerts as a queue.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RankingResults {
    /// The day, `YYYY-MM-DD`.
    pub processing_date: String,
    /// Which model.
    pub model_version: String,
    /// How many.
    pub total_alerts: usize,
    /// Rank 1 first.
    pub rankings: Vec<RankRow>,
    /// When and how fast.
    pub metadata: Timing,
}

/// Scores of a day's clusters.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ClusterResults {
    /// The day, `YYYY-MM-DD`.
    pub processing_date: String,
    /// Which model.
    pub model_version: String,
    /// How many.
    pub total_clusters: usize,
    /// In the order of the batch.
    pub scores: Vec<ClusterRow>,
    /// When and how fast.
    pub metadata: Timing,
}

/// A kind of stored file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// [`AlertResults`].
    Alerts,
    /// [`RankingResults`].
    Rankings,
    /// [`ClusterResults`].
    Clusters,
    /// [`DayMetadata`].
    Metadata,
}

/// Whether a day was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Written,
    /// The same results were there.
    Present,
}

/// Why results are not written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A name that is no network's.
    #[error("network {0:?}: a name is 1 to 64 lower-case letters, digits, dashes and underscores")]
    Network(String),
    /// Another result stands there.
    #[error(
        "{day}: other results of this day are stored, and a stored day is never changed; name another folder"
    )]
    Different {
        /// Folder of the day.
        day: String,
    },
    /// Nothing is stored for what was asked.
    #[error("{0}")]
    Absent(String),
    /// Several networks are stored and none was named.
    #[error("results of several networks are stored ({0}): name one with ?network=")]
    Ambiguous(String),
    /// The system refused.
    #[error("{path}: {reason}")]
    Io {
        /// The file or folder.
        path: String,
        /// The system's words.
        reason: String,
    },
}

impl Part {
    /// The part's file without its extension, also its name in the metadata.
    pub fn name(self) -> &'static str {
        match self {
            Part::Alerts => "alerts",
            Part::Rankings => "rankings",
            Part::Clusters => "clusters",
            Part::Metadata => "metadata",
        }
    }

    fn file(self) -> String {
        format!("{}.json", self.name())
    }
}

impl ResultStore {
    /// The store of a folder, which need not be there yet.
    pub fn new(dir: &Path) -> Self {
        ResultStore { dir: dir.to_owned() }
    }

    /// Writes a day: the files of its parts, and its metadata.
    ///
    /// # Errors
    /// When other results of the day are there, or the system refuses; nothing is left behind then.
    pub fn write(&self, metadata: &DayMetadata, parts: &[(Part, Vec<u8>)]) -> Result<Outcome, StoreError> {
        let network = self.dir.join(checked(&metadata.network)?);
        let day = network.join(&metadata.processing_date);
        if let Some(outcome) = same(&day, metadata)? {
            return Ok(outcome);
        }
        fs::create_dir_all(&network).map_err(|error| io(&network, &error))?;
        let partial = network.join(format!(".{}.{}.partial", metadata.processing_date, std::process::id()));
        let written = fill(&partial, metadata, parts).and_then(|()| {
            fs::rename(&partial, &day).map_err(|error| io(&day, &error))?;
            sync(&network)
        });
        if written.is_err() {
            let _nothing_more_to_do = fs::remove_dir_all(&partial);
        }
        match (written, same(&day, metadata)) {
            (Ok(()), _) => Ok(Outcome::Written),
            // another writer was first
            (Err(_), Ok(Some(outcome))) => Ok(outcome),
            (Err(_), Err(StoreError::Different { day })) => Err(StoreError::Different { day }),
            (Err(error), _) => Err(error),
        }
    }

    /// The networks of which there are results.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn networks(&self) -> Result<Vec<String>, StoreError> {
        Ok(names(&self.dir)?.into_iter().filter(|name| checked(name).is_ok()).collect())
    }

    /// The days of which there are results, first to last.
    ///
    /// # Errors
    /// When no network is named where there are several, or the folder cannot be read.
    pub fn dates(&self, network: Option<&str>) -> Result<Vec<NaiveDate>, StoreError> {
        let Some(network) = self.network(network)? else { return Ok(vec![]) };
        Ok(names(&self.dir.join(network))?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// A part of a day, or of the last one.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    pub fn read(
        &self,
        network: Option<&str>,
        date: Option<NaiveDate>,
        part: Part,
    ) -> Result<Vec<u8>, StoreError> {
        let last = || self.dates(network).map(|dates| dates.last().copied());
        let date = date.map_or_else(last, |date| Ok(Some(date)))?;
        let absent =
            |date: &str| StoreError::Absent(format!("No {} found for processing_date: {date}", part.words()));
        let date = date.ok_or_else(|| absent("latest"))?;
        let network = self.network(network)?.ok_or_else(|| absent(&date.to_string()))?;
        let path = self.dir.join(network).join(date.to_string()).join(part.file());
        fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => absent(&date.to_string()),
            _ => io(&path, &error),
        })
    }

    /// The metadata of every day, last first.
    ///
    /// # Errors
    /// As [`ResultStore::dates`].
    pub fn history(&self, network: Option<&str>) -> Result<Vec<DayMetadata>, StoreError> {
        let of = |date: &NaiveDate| {
            let text = self.read(network, Some(*date), Part::Metadata)?;
            serde_json::from_slice(&text)
                .map_err(|error| StoreError::Io { path: date.to_string(), reason: error.to_string() })
        };
        self.dates(network)?.iter().rev().map(of).collect()
    }

    /// The network that is meant; `None` where nothing is stored.
    fn network(&self, named: Option<&str>) -> Result<Option<String>, StoreError> {
        if let Some(name) = named {
            return checked(name).map(|name| Some(name.to_owned()));
        }
        let mut networks = self.networks()?;
        match networks.len() {
            0 | 1 => Ok(networks.pop()),
            _ => Err(StoreError::Ambiguous(networks.join(", "))),
        }
    }
}

impl Part {
    fn words(self) -> &'static str {
        match self {
            Part::Alerts | Part::Clusters => "scores",
            Part::Rankings => "rankings",
            Part::Metadata => "metadata",
        }
    }
}

/// A name that leads nowhere else.
fn checked(network: &str) -> Result<&str, StoreError> {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let fine = (1..=64).contains(&network.len()) && network.bytes().all(sound);
    if fine { Ok(network) } else { Err(StoreError::Network(network.to_owned())) }
}

/// Whether the day holds these results already.
fn same(day: &Path, metadata: &DayMetadata) -> Result<Option<Outcome>, StoreError> {
    let path = day.join(Part::Metadata.file());
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(&path, &error)),
    };
    let different = || StoreError::Different { day: day.display().to_string() };
    let stored: DayMetadata = serde_json::from_slice(&text).map_err(|_| different())?;
    let timeless = DayMetadata { processed_at: metadata.processed_at.clone(), ..stored };
    if timeless == *metadata { Ok(Some(Outcome::Present)) } else { Err(different()) }
}

fn fill(folder: &Path, metadata: &DayMetadata, parts: &[(Part, Vec<u8>)]) -> Result<(), StoreError> {
    let _left_by_a_process_that_died = fs::remove_dir_all(folder);
    fs::create_dir(folder).map_err(|error| io(folder, &error))?;
    let text = serde_json::to_vec_pretty(metadata)
        .map_err(|error| StoreError::Io { path: folder.display().to_string(), reason: error.to_string() })?;
    let parts =
        parts.iter().map(|(part, bytes)| (part.file(), bytes)).chain([(Part::Metadata.file(), &text)]);
    for (name, bytes) in parts {
        let path = folder.join(name);
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(|error| io(&path, &error))?;
    }
    sync(folder)
}

/// Makes sure that the names in a folder outlast a power failure, where the system can.
fn sync(folder: &Path) -> Result<(), StoreError> {
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(|error| io(folder, &error))?;
    }
    Ok(())
}

/// What stands in a folder, in order; nothing where there is none.
fn names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(io(dir, &error)),
    };
    let mut names = vec![];
    for entry in entries {
        names.push(entry.map_err(|error| io(dir, &error))?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn io(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io { path: path.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str, digest: &str) -> DayMetadata {
        DayMetadata {
            network: "torus".into(),
            processing_date: date.into(),
            window_days: 30,
            model_digest: "0".into(),
            model_versions: BTreeMap::new(),
            rows: BTreeMap::new(),
            score_digests: BTreeMap::from([("alerts".into(), digest.into())]),
            processed_at: "now".into(),
        }
    }

    #[test]
    fn a_day_is_written_once_and_never_changed() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = ResultStore::new(&dir.path().join("results"));
        assert_eq!(store.dates(None).expect("empty"), vec![]);
        let parts = [(Part::Alerts, b"[1]".to_vec())];
        assert_eq!(store.write(&day("2025-01-02", "a"), &parts).expect("new"), Outcome::Written);
        let later = DayMetadata { processed_at: "later".into(), ..day("2025-01-02", "a") };
        assert_eq!(store.write(&later, &parts).expect("the same"), Outcome::Present);
        assert!(matches!(store.write(&day("2025-01-02", "b"), &parts), Err(StoreError::Different { .. })));
        assert_eq!(store.write(&day("2025-01-01", "c"), &parts).expect("new"), Outcome::Written);
        assert_eq!(store.dates(None).expect("two").len(), 2);
        assert_eq!(store.read(None, None, Part::Alerts).expect("there"), b"[1]");
        assert_eq!(store.history(None).expect("two")[0], day("2025-01-02", "a"));
        assert!(matches!(store.read(None, None, Part::Clusters), Err(StoreError::Absent(_))));
        assert!(matches!(store.read(Some("other"), None, Part::Alerts), Err(StoreError::Absent(_))));
        assert!(matches!(store.read(Some("../x"), None, Part::Alerts), Err(StoreError::Network(_))));
        let other = DayMetadata { network: "bittensor".into(), ..day("2025-01-01", "c") };
        store.write(&other, &parts).expect("new");
        assert!(matches!(store.dates(None), Err(StoreError::Ambiguous(_))));
        assert_eq!(store.dates(Some("torus")).expect("two").len(), 2);
        let left: Vec<String> = names(&dir.path().join("results/torus")).expect("readable");
        assert_eq!(left, ["2025-01-01", "2025-01-02"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_refusal_of_the_system_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("torus"), b"a file in the way").expect("written");
        let store = ResultStore::new(dir.path());
        let refused = store.write(&day("2025-01-01", "a"), &[(Part::Alerts, vec![])]);
        assert!(matches!(refused, Err(StoreError::Io { .. })), "{refused:?}");
        assert_eq!(names(dir.path()).expect("readable"), ["torus"]);
    }
}
