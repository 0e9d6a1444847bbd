//! A folder of files appears whole or not at all.
//!
//! In flow names with bytes; out a folder that holds exactly these, beside what stood there under other names. Everything is written to
//! a hidden folder beside the target and synced; then the two change places in one step (on Linux; elsewhere the old one is
//! moved aside first). Whoever is killed before that leaves the old folder as it was, and a hidden one that the next run
//! clears away; who reads meanwhile sees the old files or the new ones, never a mixture.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::table::file;

/// Why a folder was not published. The target is as it was.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written, nothing was changed: {reason}", .path.display())]
pub struct PublishError {
    /// What was being written.
    pub path: PathBuf,
    /// What the system said.
    pub reason: io::Error,
}

/// Replaces `target` by a folder that holds `files` and whatever else it held before.
///
/// # Errors
/// When anything cannot be written; the target is then as it was.
pub fn publish(target: &Path, files: &[(String, Vec<u8>)]) -> Result<(), PublishError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |reason| PublishError { path, reason }
    };
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&parent).map_err(fail(&parent))?;
    recover(target).map_err(fail(target))?;
    let staged = beside(target, "new");
    let done = stage(&staged, target, files).and_then(|()| exchange(&staged, target).map_err(fail(target)));
    if done.is_err() {
        let _the_first_error_matters = fs::remove_dir_all(&staged);
    }
    done?;
    let _only_disk_space = fs::remove_dir_all(&staged);
    file::sync_folder(&parent).map_err(fail(&parent))
}

/// Writes the new folder: what the target holds under other names, then the files.
fn stage(staged: &Path, target: &Path, files: &[(String, Vec<u8>)]) -> Result<(), PublishError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |reason| PublishError { path, reason }
    };
    if staged.exists() {
        fs::remove_dir_all(staged).map_err(fail(staged))?;
    }
    fs::create_dir(staged).map_err(fail(staged))?;
    if target.is_dir() {
        carry(target, staged).map_err(fail(target))?;
    }
    for (name, bytes) in files {
        let path = staged.join(name);
        write(&path, bytes).map_err(fail(&path))?;
    }
    file::sync_folder(staged).map_err(fail(staged))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    file::write_synced(path, bytes)
}

/// Copies a folder's content, folders below it included.
fn carry(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            fs::create_dir(&copy)?;
            carry(&source, &copy)?;
        } else {
            fs::copy(&source, &copy)?;
        }
    }
    Ok(())
}

/// Puts `staged` in the target's place; what stood there, if anything, then has the name of `staged`.
fn exchange(staged: &Path, target: &Path) -> io::Result<()> {
    if !target.exists() {
        return fs::rename(staged, target);
    }
    swap(staged, target)
}

#[cfg(target_os = "linux")]
fn swap(staged: &Path, target: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, staged, CWD, target, RenameFlags::EXCHANGE) {
        // file systems without the exchange
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => move_aside(staged, target),
        done => done.map_err(io::Error::from),
    }
}

#[cfg(not(target_os = "linux"))]
fn swap(staged: &Path, target: &Path) -> io::Result<()> {
    move_aside(staged, target)
}

/// Two renames; [`recover`] undoes the first where the second never came.
fn move_aside(staged: &Path, target: &Path) -> io::Result<()> {
    let old = beside(target, "old");
    fs::rename(target, &old)?;
    fs::rename(staged, target)?;
    fs::rename(&old, staged)
}

/// A run that was killed between two renames left the old folder under another name.
fn recover(target: &Path) -> io::Result<()> {
    let old = beside(target, "old");
    match (old.exists(), target.exists()) {
        (true, false) => fs::rename(&old, target),
        (true, true) => fs::remove_dir_all(&old),
        _ => Ok(()),
    }
}

/// `.{name}.{what}` in the same folder.
fn beside(target: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_else(|| "bundle".as_ref()));
    name.push(format!(".{what}"));
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(words: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        words.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn read(dir: &Path, name: &str) -> Option<String> {
        fs::read_to_string(dir.join(name)).ok()
    }

    #[test]
    fn new_files_replace_old_ones_and_others_stay() {
        let home = tempfile::tempdir().expect("a folder");
        let target = home.path().join("deep/models");
        publish(&target, &files(&[("a", "1"), ("b", "1")])).expect("published");
        fs::create_dir(target.join("evaluation")).expect("a folder");
        fs::write(target.join("evaluation/x.json"), "kept").expect("a file");
        publish(&target, &files(&[("a", "2"), ("c", "2")])).expect("published");
        let all = ["a", "b", "c", "evaluation/x.json"].map(|name| read(&target, name));
        assert_eq!(all, ["2", "1", "2", "kept"].map(|text| Some(text.to_owned())));
        let left: Vec<_> = fs::read_dir(home.path().join("deep")).expect("a folder").collect();
        assert_eq!(left.len(), 1, "nothing hidden is left: {left:?}");
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_folder() {
        let home = tempfile::tempdir().expect("a folder");
        let target = home.path().join("models");
        publish(&target, &files(&[("a", "1")])).expect("published");
        // a file where a folder would have to be stands for a full disk: the second file cannot be written
        let error = publish(&target, &files(&[("a", "2"), ("a/b", "2")])).expect_err("refused").to_string();
        assert!(error.contains("cannot be written, nothing was changed"), "{error}");
        assert_eq!(read(&target, "a").as_deref(), Some("1"));
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn what_a_killed_run_left_is_cleared_or_brought_back() {
        let home = tempfile::tempdir().expect("a folder");
        let target = home.path().join("models");
        publish(&target, &files(&[("a", "1")])).expect("published");
        // killed while writing: a half-written hidden folder
        fs::create_dir(beside(&target, "new")).expect("a folder");
        fs::write(beside(&target, "new").join("half"), "?").expect("a file");
        publish(&target, &files(&[("b", "2")])).expect("published");
        assert_eq!([read(&target, "a"), read(&target, "half")], [Some("1".to_owned()), None]);
        // killed between two renames, where there is no exchange
        fs::rename(&target, beside(&target, "old")).expect("renamed");
        publish(&target, &files(&[("c", "3")])).expect("published");
        assert_eq!(["a", "b", "c"].map(|n| read(&target, n)), ["1", "2", "3"].map(|t| Some(t.to_owned())));
        // the two-step way itself
        publish(&beside(&target, "new"), &files(&[("d", "4")])).expect("published");
        move_aside(&beside(&target, "new"), &target).expect("moved");
        assert_eq!([read(&target, "a"), read(&target, "d")], [None, Some("4".to_owned())]);
    }
}
