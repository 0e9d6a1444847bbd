//! The state file of a search: what is searched, then one line a finished trial.
//!
//! A header that says everything the trials depend on is written whole (temporary file, sync, rename) before the first trial;
//! each trial is one line, appended and synced. After a kill, or a full disk, at most the last line is torn: it has no line
//! break, and is cut off when the file is opened again; its trial is made anew and comes out the same. A file of
//! another search is refused, and the difference named. Two processes on one file would write trials of the same number: the
//! first holds a lock on a file beside it, which the system takes back from whoever ends, however he ends; the second is refused.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sampler::Sampler;
use super::space::{Point, Space};
use super::trial::{MedianRule, Trial};
use crate::pipeline::optimise;
use crate::table::file;

/// All that trials depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Name and version of this format.
    pub format: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Which model.
    pub model: String,
    /// What is to be made good.
    pub objective: String,
    /// SHA-256 over the rows and how they are cut into folds.
    pub data_sha256: String,
    /// SHA-256 over the configuration that the parameters change.
    pub config_sha256: String,
    /// How points are chosen.
    pub sampler: Sampler,
    /// Which trials are not finished.
    pub pruning: MedianRule,
    /// The first points.
    pub first: Vec<Point>,
    /// Where points are.
    pub space: Space,
}

/// A state file.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    trials: Vec<Trial>,
    /// Closed, and with it unlocked, when the search ends.
    _lock: File,
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It cannot be read.
    #[error("{}: cannot be read: {reason}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// It cannot be written.
    #[error("{}: cannot be written: {reason}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Another process searches with it.
    #[error(
        "{}: another search is writing it; wait until that one ends, or give another --state", .path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// A line that is no record.
    #[error("{}: line {line}: {reason}; remove the file to search anew", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Another search's trials.
    #[error(
        "{}: is of another search: {what} is {found} there, {expected} now; \
         give the same arguments, another --state, or remove the file",
        .path.display()
    )]
    Differs {
        /// The file.
        path: PathBuf,
        /// The first thing that differs.
        what: String,
        /// This search's.
        expected: String,
        /// The file's.
        found: String,
    },
}

/// The format that this version writes.
pub const FORMAT: &str = "aml-miner search 1";

impl StateFile {
    /// Opens the file of this search, or begins it. Until the value is dropped no other process can open it.
    ///
    /// # Errors
    /// When it is in use, cannot be read or written, is of another search, or holds lines that are no trials of it.
    pub fn open(path: &Path, header: &Header) -> Result<Self, StateError> {
        let path = path.to_owned();
        let lock = lock(&path)?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => String::new(),
            Err(reason) => return Err(StateError::Read { path, reason }),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole == 0 {
            begin(&path, header).map_err(|reason| StateError::Write { path: path.clone(), reason })?;
            return Ok(StateFile { path, trials: vec![], _lock: lock });
        }
        let trials = read(&path, &text[..whole], header)?;
        if whole < text.len() {
            let cut = OpenOptions::new().write(true).open(&path).and_then(|file| {
                file.set_len(whole as u64)?;
                file.sync_all()
            });
            cut.map_err(|reason| StateError::Write { path: path.clone(), reason })?;
        }
        Ok(StateFile { path, trials, _lock: lock })
    }

    /// The trials found in the file when it was opened.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }
}

impl optimise::Journal for StateFile {
    type Fault = StateError;

    fn load(&self) -> Result<Vec<Trial>, StateError> {
        Ok(self.trials.clone())
    }

    fn append(&self, trial: &Trial) -> Result<(), StateError> {
        let written = OpenOptions::new().append(true).open(&self.path).and_then(|mut file| {
            file.write_all(&line(trial)?)?;
            file.sync_data()
        });
        written.map_err(|reason| StateError::Write { path: self.path.clone(), reason })
    }
}

/// Takes the lock beside the file, or says who has it. The lock's file stays: were it removed, two could hold locks on two files
/// of one name.
fn lock(path: &Path) -> Result<File, StateError> {
    let write = |reason| StateError::Write { path: path.to_owned(), reason };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(write)?;
    }
    let beside = path.with_file_name(format!(".{}.lock", file::name(path)));
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&beside).map_err(write)?;
    if !is_ours(&lock).map_err(write)? {
        return Err(StateError::Busy { path: path.to_owned() });
    }
    Ok(lock)
}

#[cfg(target_os = "linux")]
fn is_ours(lock: &File) -> io::Result<bool> {
    use rustix::fs::{FlockOperation, flock};
    match flock(lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        // a file system without locks
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => Ok(true),
        Err(other) => Err(other.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn is_ours(_lock: &File) -> io::Result<bool> {
    Ok(true)
}

fn begin(path: &Path, header: &Header) -> io::Result<()> {
    file::replace(path, &line(header)?)
}

fn line(record: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

fn read(path: &Path, text: &str, header: &Header) -> Result<Vec<Trial>, StateError> {
    let error = |line: usize, reason: String| StateError::Record { path: path.to_owned(), line, reason };
    let mut lines = text.lines().enumerate();
    let first = lines.next().map_or("", |(_, line)| line);
    let found: Value = serde_json::from_str(first).map_err(|e| error(1, e.to_string()))?;
    let expected = serde_json::to_value(header).map_err(|e| error(1, e.to_string()))?;
    if let Some((what, expected, found)) = difference(&expected, &found) {
        return Err(StateError::Differs { path: path.to_owned(), what, expected, found });
    }
    let mut trials = vec![];
    for (at, line) in lines {
        let trial: Trial = serde_json::from_str(line).map_err(|e| error(at + 1, e.to_string()))?;
        if trial.number != trials.len() as u64
            || trial.point.len() != header.space.len()
            || trial.costs.is_empty()
        {
            return Err(error(at + 1, format!("expected trial {} of this search", trials.len())));
        }
        trials.push(trial);
    }
    Ok(trials)
}

/// The first field that differs, with both values.
fn difference(expected: &Value, found: &Value) -> Option<(String, String, String)> {
    let nothing = Value::Null;
    let fields = expected.as_object()?;
    let differs = |(name, expected): (&String, &Value)| {
        let found = found.get(name).unwrap_or(&nothing);
        (found != expected).then(|| (name.clone(), expected.to_string(), found.to_string()))
    };
    fields.iter().find_map(differs)
}

#[cfg(test)]
mod tests {
    use super::super::space::{Dimension, Domain};
    use super::super::trial::End;
    use super::*;
    use crate::gbdt::params::Scale;
    use optimise::Journal as _;
    use proptest::prelude::*;

    fn header() -> Header {
        let domain = Domain::Float { low: 0.0, high: 1.0, scale: Scale::Linear };
        Header {
            format: FORMAT.to_owned(),
            engine_version: "1.0.0".to_owned(),
            model: "alert_scorer".to_owned(),
            objective: "auc".to_owned(),
            data_sha256: "d".to_owned(),
            config_sha256: "c".to_owned(),
            sampler: Sampler::Random { seed: 1 },
            pruning: MedianRule::default(),
            first: vec![],
            space: Space::new(vec![Dimension { name: "x".to_owned(), domain }]).expect("legal"),
        }
    }

    fn trial(number: u64, cost: f64) -> Trial {
        Trial { number, point: vec![cost / 3.0], costs: vec![cost], end: End::Complete }
    }

    #[test]
    fn trials_come_back_and_a_torn_line_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/state");
        let file = StateFile::open(&path, &header()).expect("begun");
        assert!(file.trials().is_empty());
        let trials = [trial(0, 0.1 + 0.2), trial(1, 1.0 / 3.0)];
        trials.iter().for_each(|trial| file.append(trial).expect("kept"));
        let whole = std::fs::read(&path).expect("there");
        std::fs::write(&path, [&whole[..], b"{\"number\":2,\"poi"].concat()).expect("torn");
        drop(file);
        let again = StateFile::open(&path, &header()).expect("mended");
        assert_eq!(again.trials(), trials);
        assert_eq!(std::fs::read(&path).expect("there"), whole);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn one_search_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        let first = StateFile::open(&path, &header()).expect("begun");
        assert!(matches!(StateFile::open(&path, &header()), Err(StateError::Busy { .. })));
        StateFile::open(&folder.path().join("other"), &header()).expect("another file is another search");
        first.append(&trial(0, 0.5)).expect("kept");
        drop(first);
        assert_eq!(StateFile::open(&path, &header()).expect("free again").trials(), [trial(0, 0.5)]);
    }

    #[test]
    fn mistakes_are_typed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        let file = StateFile::open(&path, &header()).expect("begun");
        file.append(&trial(0, 0.5)).expect("kept");
        file.append(&trial(5, 0.5)).expect("kept");
        drop(file);
        let other = Header { objective: "log_loss".to_owned(), ..header() };
        let says = |header: &Header| StateFile::open(&path, header).expect_err("refused").to_string();
        assert!(says(&other).contains("objective is \"auc\" there, \"log_loss\" now"), "{}", says(&other));
        assert!(says(&header()).contains("line 3: expected trial 1 of this search"), "{}", says(&header()));
        std::fs::write(&path, "no json\n").expect("written");
        let a_folder = folder.path().join("folder");
        std::fs::create_dir(&a_folder).expect("made");
        assert!(matches!(StateFile::open(&path, &header()), Err(StateError::Record { line: 1, .. })));
        assert!(matches!(StateFile::open(&a_folder, &header()), Err(StateError::Read { .. })));
        std::fs::remove_file(&path).expect("removed");
        let file = StateFile::open(&path, &header()).expect("begun anew");
        std::fs::remove_file(&path).expect("removed");
        assert!(matches!(file.append(&trial(1, 0.5)), Err(StateError::Write { .. })));
        let under_a_file = folder.path().join("plain");
        std::fs::write(&under_a_file, "").expect("written");
        let inside = StateFile::open(&under_a_file.join("state"), &header());
        assert!(matches!(inside, Err(StateError::Read { .. } | StateError::Write { .. })));
    }

    proptest! {
        /// Cut anywhere, the file gives the trials whose lines are whole, or none.
        #[test]
        fn any_cut_leaves_a_prefix(n in 0_usize..5, share in 0.0..1.0_f64) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("state");
            let file = StateFile::open(&path, &header()).expect("begun");
            let trials: Vec<Trial> = (0..n).map(|i| trial(i as u64, 0.1 * i as f64)).collect();
            trials.iter().for_each(|trial| file.append(trial).expect("kept"));
            drop(file);
            let bytes = std::fs::read(&path).expect("there");
            let cut = (share * bytes.len() as f64) as usize;
            std::fs::write(&path, &bytes[..cut]).expect("cut");
            let lines = bytes[..cut].iter().filter(|&&b| b == b'\n').count();
            let again = StateFile::open(&path, &header()).expect("a prefix");
            prop_assert_eq!(again.trials(), &trials[..lines.saturating_sub(1)]);
        }
    }
}
