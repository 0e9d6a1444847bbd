//! The audit log: who asked what, what answered, and what the answer was, in a form that shows if anybody changed it.
//!
//! A record is a line of JSON that holds the SHA-256 of the line before, so that none can be changed, left out or put in without all
//! after it. Checkpoints, signed, stand after so many records, after so much time, at the end of each file, and as the last record
//! of a clean stop: whoever rewrites the chain would have to sign anew, and a log whose tail was cut off lacks its last checkpoint.
//! A record that cannot be written is taken back whole, and its answer is not sent.
//!
//! The log holds digests and names of keys: no address, no score, no secret.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

use crate::determinism::digest::Digest;

/// Signs a message; the text of the signature.
pub type Sign = Box<dyn Fn(&[u8]) -> String + Send + Sync>;

/// Whether a text is the signature of a message.
pub type Verify<'a> = &'a dyn Fn(&[u8], &str) -> bool;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Counted from 1 over all files.
    pub seq: u64,
    /// RFC 3339, UTC, by the machine's clock, which may go backwards: the order is that of `seq`.
    pub time: String,
    /// SHA-256 of the line before; zeros for the first.
    pub previous: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// The service began.
    Start,
    /// A request was answered.
    Answer(Answered),
    /// All records up to here are vouched for.
    Checkpoint {
        /// Whether the service stopped here.
        last: bool,
        /// Ed25519 over what [`message`] makes of the record.
        signature: String,
    },
}

/// An answered request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The address that was called.
    pub path: String,
    /// What stood behind `?`.
    pub query: String,
    /// Name of the caller's key; null on a server without keys.
    pub key: Option<String>,
    /// SHA-256 of the body.
    pub request_sha256: String,
    /// How much of the body is JSON, where bytes follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_length: Option<usize>,
    /// The bundle that answered.
    pub model_digest: String,
    /// The header `x-score-digest` of the answer.
    pub answer_sha256: String,
}

/// How a log is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditSettings {
    /// The folder of its files.
    pub dir: PathBuf,
    /// A file that is larger is closed and the next one begun.
    pub max_file_bytes: u64,
    /// Records between checkpoints.
    pub checkpoint_records: u64,
    /// Time between checkpoints, as far as there are records.
    pub checkpoint_time: Duration,
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The system refused.
    #[error("audit log {path}: {reason}")]
    Io {
        /// File or folder.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// The last line is no record.
    #[error("audit log {path}: its last line is no record; verify it before going on in another folder")]
    Broken {
        /// The file.
        path: String,
    },
}

impl AuditSettings {
    /// The usual settings for a folder.
    pub fn new(dir: &Path) -> Self {
        AuditSettings {
            dir: dir.to_owned(),
            max_file_bytes: 64 << 20,
            checkpoint_records: 1000,
            checkpoint_time: Duration::from_secs(60),
        }
    }
}

/// An open log.
pub struct Audit {
    settings: AuditSettings,
    sign: Sign,
    writer: Mutex<Writer>,
}

struct Writer {
    file: File,
    number: u64,
    length: u64,
    seq: u64,
    head: Digest,
    /// Records since the last checkpoint, and when that was.
    open: u64,
    checkpointed: Duration,
    /// Set when a failed write could not be taken back: nothing may follow it.
    broken: bool,
}

impl Audit {
    /// Opens a log to go on where it ended, and notes the start.
    ///
    /// # Errors
    /// When the folder cannot be written, or what is there does not end in a record.
    pub fn open(
        settings: AuditSettings,
        sign: Sign,
        unix_ms: i64,
        now: Duration,
    ) -> Result<Self, AuditError> {
        let dir = settings.dir.clone();
        let fail = |path: &Path| {
            let path = path.display().to_string();
            move |error: io::Error| AuditError::Io { path, reason: error.to_string() }
        };
        fs::create_dir_all(&dir).map_err(fail(&dir))?;
        let mut files = files(&dir).map_err(fail(&dir))?;
        if let Some((_, path)) =
            files.last().filter(|(_, path)| fs::metadata(path).is_ok_and(|data| data.len() == 0))
        {
            // killed between making a file and its first record
            fs::remove_file(path).map_err(fail(path))?;
            files.pop();
        }
        let (number, end) = match files.last() {
            None => (1, End::NONE),
            Some((number, path)) => (
                *number,
                end(path)
                    .map_err(fail(path))?
                    .ok_or_else(|| AuditError::Broken { path: path.display().to_string() })?,
            ),
        };
        let path = dir.join(file_name(number));
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(fail(&path))?;
        file.set_len(end.length).map_err(fail(&path))?;
        let writer = Writer {
            file,
            number,
            length: end.length,
            seq: end.seq,
            head: end.head,
            open: 0,
            checkpointed: now,
            broken: false,
        };
        let audit = Audit { settings, sign, writer: Mutex::new(writer) };
        audit.note(Event::Start, unix_ms, now).map_err(fail(&path))?;
        Ok(audit)
    }

    /// Adds a record, and a checkpoint where one is due.
    ///
    /// # Errors
    /// When it cannot be written; then it is not there.
    pub fn note(&self, event: Event, unix_ms: i64, now: Duration) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.append(event, unix_ms)?;
        let due = writer.open >= self.settings.checkpoint_records
            || now.saturating_sub(writer.checkpointed) >= self.settings.checkpoint_time;
        let full = writer.length >= self.settings.max_file_bytes;
        if due || full {
            self.checkpoint(&mut writer, false, unix_ms, now)?;
        }
        if full {
            writer.turn(&self.settings.dir)?;
        }
        Ok(())
    }

    /// Signs what has been noted since the last checkpoint, if that is too long ago.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn tick(&self, unix_ms: i64, now: Duration) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now.saturating_sub(writer.checkpointed) >= self.settings.checkpoint_time;
        if due && writer.open > 0 { self.checkpoint(&mut writer, false, unix_ms, now) } else { Ok(()) }
    }

    /// Signs the end of a clean stop.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn close(&self, unix_ms: i64, now: Duration) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.checkpoint(&mut writer, true, unix_ms, now)
    }

    /// Keeps everybody from writing, as a disk that does not answer would.
    #[cfg(test)]
    pub(super) fn hold(&self) -> impl Drop + '_ {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records so far, over all files.
    pub fn seq(&self) -> u64 {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).seq
    }

    fn checkpoint(&self, writer: &mut Writer, last: bool, unix_ms: i64, now: Duration) -> io::Result<()> {
        let signature = (self.sign)(&message(writer.seq + 1, &writer.head.to_string(), last));
        writer.append(Event::Checkpoint { last, signature }, unix_ms)?;
        writer.file.sync_data()?;
        (writer.open, writer.checkpointed) = (0, now);
        Ok(())
    }
}

impl Writer {
    fn append(&mut self, event: Event, unix_ms: i64) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier record could not be taken back"));
        }
        let time = DateTime::from_timestamp_millis(unix_ms).unwrap_or_default();
        let record = Record {
            seq: self.seq + 1,
            time: time.to_rfc3339_opts(SecondsFormat::Millis, true),
            previous: self.head.to_string(),
            event,
        };
        let mut line = serde_json::to_vec(&record)?;
        let head = Digest::of(&line);
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // half a line must not stay: the next record would be lost in it
            self.broken = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += line.len() as u64;
        (self.seq, self.head, self.open) = (record.seq, head, self.open + 1);
        Ok(())
    }

    /// Begins the next file.
    fn turn(&mut self, dir: &Path) -> io::Result<()> {
        let path = dir.join(file_name(self.number + 1));
        self.file = OpenOptions::new().create_new(true).append(true).open(path)?;
        (self.number, self.length) = (self.number + 1, 0);
        Ok(())
    }
}

/// What a checkpoint signs: its own place, the line before it, and whether the service stopped.
fn message(seq: u64, previous: &str, last: bool) -> Vec<u8> {
    format!("aml-miner audit checkpoint\n{seq}\n{previous}\n{last}\n").into_bytes()
}

/// The end of a file.
struct End {
    length: u64,
    seq: u64,
    head: Digest,
}

impl End {
    /// Of a log that is not there yet.
    const NONE: End = End { length: 0, seq: 0, head: Digest([0; 32]) };
}

/// Where a file's last whole line ends; what follows is the rest of a write that was cut off, and was never answered. `None` when
/// that line is no record.
fn end(path: &Path) -> io::Result<Option<End>> {
    let bytes = fs::read(path)?;
    let length = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = &bytes[..length.saturating_sub(1)];
    let line = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let record: Option<Record> = serde_json::from_slice(line).ok();
    Ok(record.map(|record| End { length: length as u64, seq: record.seq, head: Digest::of(line) }))
}

fn file_name(number: u64) -> String {
    format!("audit-{number:06}.jsonl")
}

/// The files of a log, first to last.
fn files(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = vec![];
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix("audit-").and_then(|rest| rest.strip_suffix(".jsonl")?.parse().ok());
        if let Some(number) = number {
            files.push((number, dir.join(name)));
        }
    }
    files.sort();
    Ok(files)
}

/// What a log was found to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Whole records.
    pub records: u64,
    /// Signed ones among them.
    pub checkpoints: u64,
    /// Records behind the last checkpoint, for which nobody vouches yet.
    pub open: u64,
    /// Whether the last record is the checkpoint of a clean stop.
    pub closed: bool,
    /// Starts that follow no clean stop: the service was killed there, or the log was cut.
    pub unclean: Vec<u64>,
    /// What is wrong, with file and line.
    pub faults: Vec<String>,
}

/// Reads a whole log, calls `each` with every record, and says whether it holds together.
///
/// # Errors
/// When it cannot be read.
pub fn verify(dir: &Path, check: Verify<'_>, mut each: impl FnMut(&Record)) -> io::Result<Findings> {
    let mut found = Findings { closed: true, ..Findings::default() };
    let mut head = Digest([0; 32]);
    for (place, (number, path)) in files(dir)?.into_iter().enumerate() {
        if number != place as u64 + 1 {
            found.faults.push(format!("{}: expected {}", path.display(), file_name(place as u64 + 1)));
        }
        let mut reader = BufReader::new(File::open(&path)?);
        let (mut line, mut at) = (vec![], 0_usize);
        while reader.read_until(b'\n', &mut line)? > 0 {
            at += 1;
            if line.pop() != Some(b'\n') {
                found.faults.push(format!("{}:{at}: the last line is cut off", path.display()));
                break;
            }
            match serde_json::from_slice::<Record>(&line) {
                Ok(record) => {
                    let place = format!("{}:{at}", path.display());
                    found.follow(&record, &head.to_string(), &place, check);
                    each(&record);
                }
                Err(error) => found.faults.push(format!("{}:{at}: no record: {error}", path.display())),
            }
            head = Digest::of(&line);
            line.clear();
        }
    }
    Ok(found)
}

impl Findings {
    /// Whether nothing is wrong, cut, or open.
    pub fn sound(&self) -> bool {
        self.faults.is_empty() && self.closed && self.unclean.is_empty() && self.records > 0
    }

    fn follow(&mut self, record: &Record, head: &str, place: &str, check: Verify<'_>) {
        if record.seq != self.records + 1 {
            self.faults.push(format!("{place}: expected record {}, found {}", self.records + 1, record.seq));
        }
        if record.previous != head {
            self.faults.push(format!("{place}: the line before was changed, left out or put in"));
        }
        (self.records, self.open) = (record.seq, self.open + 1);
        match &record.event {
            Event::Start => {
                if !self.closed {
                    self.unclean.push(record.seq);
                }
                self.closed = false;
            }
            Event::Answer(_) => self.closed = false,
            Event::Checkpoint { last, signature } => {
                if !check(&message(record.seq, &record.previous, *last), signature) {
                    self.faults.push(format!("{place}: the signature is not the key's"));
                }
                self.checkpoints += 1;
                (self.open, self.closed) = (0, *last);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signature that anybody could make: signing itself is tested where it is done.
    fn sign() -> Sign {
        Box::new(|message| Digest::of(message).to_string())
    }

    fn check(message: &[u8], signature: &str) -> bool {
        Digest::of(message).to_string() == signature
    }

    fn settings(dir: &Path) -> AuditSettings {
        AuditSettings { max_file_bytes: 4000, checkpoint_records: 5, ..AuditSettings::new(dir) }
    }

    fn answer(i: u64) -> Event {
        Event::Answer(Answered { path: format!("/{i}"), ..Answered::default() })
    }

    fn filled(dir: &Path) {
        let audit = Audit::open(settings(dir), sign(), 0, Duration::ZERO).expect("opens");
        for i in 0..40 {
            // the clock goes backwards, which changes nothing
            audit.note(answer(i), -(i as i64), Duration::from_secs(i)).expect("noted");
        }
        audit.close(7, Duration::ZERO).expect("closed");
    }

    fn verified(dir: &Path) -> Findings {
        verify(dir, &check, |_| ()).expect("readable")
    }

    #[test]
    fn a_log_goes_on_over_files_and_starts() {
        let dir = tempfile::tempdir().expect("a folder");
        filled(dir.path());
        filled(dir.path());
        let found = verified(dir.path());
        assert!(found.sound(), "{found:?}");
        assert!(files(dir.path()).expect("readable").len() > 3);
        let mut answers = 0;
        verify(dir.path(), &check, |record| answers += u32::from(matches!(record.event, Event::Answer(_))))
            .expect("readable");
        assert_eq!(answers, 80);
    }

    #[test]
    fn whatever_is_changed_shows() {
        let dir = tempfile::tempdir().expect("a folder");
        filled(dir.path());
        let files = files(dir.path()).expect("readable");
        for (_, path) in &files {
            let text = fs::read_to_string(path).expect("readable");
            let lines: Vec<&str> = text.lines().collect();
            for i in 0..lines.len() {
                let without = [&lines[..i], &lines[i + 1..]].concat();
                let twice = [&lines[..=i], &lines[i..]].concat();
                let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
                changed[i] = changed[i].replacen("\"seq\":", "\"seq\": ", 1);
                let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
                let is_last = i + 1 == lines.len() && path == &files[files.len() - 1].1;
                for (what, lines) in [("left out", without), ("twice", twice), ("changed", changed)] {
                    fs::write(path, lines.join("\n") + "\n").expect("written");
                    // the form of the very last line is vouched for by nothing behind it, its content by its signature
                    if !(is_last && what == "changed") {
                        assert!(!verified(dir.path()).sound(), "{} line {i} {what}", path.display());
                    }
                }
            }
            fs::write(path, &text).expect("written");
        }
        assert!(verified(dir.path()).sound());
        fs::remove_file(&files[files.len() - 1].1).expect("removed");
        assert!(!verified(dir.path()).sound(), "the last file is gone");
    }

    #[test]
    fn another_key_and_a_killed_service_show() {
        let dir = tempfile::tempdir().expect("a folder");
        filled(dir.path());
        assert!(!verify(dir.path(), &|_, _| false, |_| ()).expect("readable").sound());
        drop(Audit::open(settings(dir.path()), sign(), 0, Duration::ZERO).expect("opens"));
        let found = verified(dir.path());
        assert!(!found.sound() && !found.closed && found.faults.is_empty(), "{found:?}");
        // killed within a line: the rest of it is taken off, and the start is told as unclean
        let last = files(dir.path()).expect("readable").pop().expect("a file").1;
        OpenOptions::new().append(true).open(&last).expect("opens").write_all(b"{\"seq\":").expect("written");
        filled(dir.path());
        let found = verified(dir.path());
        assert_eq!((found.unclean.len(), found.faults.len()), (1, 0), "{found:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_and_the_log_stays_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let audit = Audit::open(settings(dir.path()), sign(), 0, Duration::ZERO).expect("opens");
        let file = OpenOptions::new().write(true).open("/dev/full").expect("the device");
        let kept = std::mem::replace(&mut audit.writer.lock().expect("free").file, file);
        assert!(audit.note(answer(1), 0, Duration::ZERO).is_err());
        let mut writer = audit.writer.lock().expect("free");
        (writer.file, writer.broken) = (kept, false);
        drop(writer);
        audit.note(answer(2), 0, Duration::ZERO).expect("room again");
        audit.close(0, Duration::ZERO).expect("closed");
        assert!(verified(dir.path()).sound());
    }
}
