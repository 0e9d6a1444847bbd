//! Commands that are killed, or run out of disk, in the middle: what they leave, and what the next run makes of it.
//!
//! A full disk is a limit on the size of files (`ulimit -f`): the first write beyond it fails, in whatever file that is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::path::{BATCH, expect, scene};
use crate::server::{Fault, Server};

/// Runs the program where no file may grow beyond so many KiB; exit code and what it printed.
fn with_little_disk(folder: &Path, kib: u32, line: &str) -> (Option<i32>, String) {
    let binary = env!("CARGO_BIN_EXE_aml-miner");
    // without the trap the signal of the limit would end the program before it could say anything
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec '{binary}' {line}");
    let output = Command::new("bash").args(["-c", &script]).current_dir(folder).output().expect("bash runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[track_caller]
fn refused(folder: &Path, kib: u32, line: &str) -> String {
    let (code, text) = with_little_disk(folder, kib, line);
    assert_eq!(code, Some(3), "{line}\n{text}");
    assert!(text.contains("File too large") || text.contains("os error 27"), "{line}\n{text}");
    text
}

/// Every file below a folder, the hidden ones too.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("inside").to_owned();
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn a_disk_that_fills_up_leaves_no_half_batch_and_no_half_bundle() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let batch = scene().join(BATCH);
    refused(here, 8, "simulate --quiet --addresses 120 --patterns 8 --output made");
    let whole = files(here).into_keys().any(|name| name.ends_with("META.json"));
    assert!(!whole, "META.json marks a batch as whole");

    let settings = scene().join("training.yaml");
    let train = format!(
        "train all --quiet --data {} --config {} --output models",
        batch.display(),
        settings.display()
    );
    fs::create_dir(here.join("models")).expect("made");
    fs::write(here.join("models/of-mine"), "kept").expect("written");
    let text = refused(here, 8, &train);
    assert!(text.contains("nothing was changed"), "{text}");
    assert_eq!(files(&here.join("models")).len(), 1, "only what was there");
    expect(here, 0, &train);
    let expected = files(&scene().join("models"));
    let mut made = files(&here.join("models"));
    assert_eq!(made.remove(Path::new("of-mine")), Some(b"kept".to_vec()));
    assert_eq!(made.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert!(made == expected, "the same bundle as of a run that was not disturbed");

    let score = format!("score {} --models models --output scores.json", batch.display());
    refused(here, 4, &score);
    assert!(!here.join("scores.json").exists());
    expect(here, 0, &score);
    assert_eq!(
        fs::read(here.join("scores.json")).expect("there"),
        fs::read(scene().join("scores.json")).expect("there")
    );
}

#[test]
fn a_search_whose_disk_fills_up_goes_on_where_it_was() {
    let (whole, broken) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let line = format!(
        "tune clusters --quiet --trials 6 --no-pruning --data {} --config {} --output best.yaml",
        scene().join(BATCH).display(),
        scene().join("training.yaml").display()
    );
    expect(whole.path(), 0, &line);
    let state = fs::read(whole.path().join("best.yaml.trials")).expect("there");
    let kib = (state.len() / 1024) as u32;
    assert!(kib >= 1, "a state of {} bytes is too small to be cut", state.len());
    refused(broken.path(), kib, &line);
    assert!(!broken.path().join("best.yaml").exists());
    expect(broken.path(), 0, &line);
    assert!(files(broken.path()) == files(whole.path()));
}

#[test]
fn a_download_that_is_killed_or_fills_the_disk_is_taken_up() {
    let published = files(&scene().join(BATCH));
    let place = "snapshots/torus/2025-11-03/30";
    let url = |name: &Path| format!("/{place}/{}", name.display());
    let server = Server::new(published.iter().map(|(name, bytes)| (url(name), bytes.clone())).collect());
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let line = format!(
        "download --quiet --network torus --window-days 30 --from 2025-11-03 --output got --base-url {}",
        server.url
    );
    // half of a table, then silence: killed while it waits
    server.fail(&url(Path::new("transfers.parquet")), [Fault::Slow]);
    let words = line.split_whitespace();
    let mut child = Command::new(env!("CARGO_BIN_EXE_aml-miner"))
        .args(words)
        .current_dir(here)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let begun =
        || here.join("got").is_dir() && files(&here.join("got")).values().any(|part| part.len() > 4096);
    while !begun() {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended before it could be killed");
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert!(!here.join("got").join(place).exists(), "half a batch is not published");

    refused(here, 8, &line);
    assert!(!here.join("got").join(place).exists(), "half a batch is not published");

    expect(here, 0, &line);
    assert!(files(&here.join("got").join(place)) == published);
    expect(here, 0, &format!("inspect got/{place}"));
}
