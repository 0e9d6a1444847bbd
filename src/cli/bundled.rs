//! The demo batch and the shipped models, inside the program: `demo`, `serve` and `request` work from any folder.

use std::path::{Path, PathBuf};

use super::Fault;
use crate::aml::bundle::{Bundle, MANIFEST};
use crate::aml::sot::Batch;
use crate::server::Registry;

/// Names and contents.
type Files = &'static [(&'static str, &'static [u8])];

// BATCH and MODELS, written by build.rs from fixtures/demo and models/
include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// The bundle of a folder, or the shipped one.
pub(super) fn open_bundle(dir: Option<&Path>) -> Result<Bundle, Fault> {
    match dir {
        Some(dir) => {
            Bundle::open(dir).map_err(|error| Fault::Input(format!("models {}: {error}", dir.display())))
        }
        None => {
            let manifest = MODELS.iter().find(|(name, _)| *name == MANIFEST);
            let (_, manifest) = manifest.ok_or_else(|| absent("models", "--models DIR"))?;
            Bundle::from_parts(manifest, MODELS).map_err(Fault::internal)
        }
    }
}

/// Where a service finds bundles: the folder's, or the shipped one.
pub(super) fn registry(dir: Option<&Path>) -> Registry {
    match dir {
        Some(dir) => Registry::folder(dir),
        None => Registry::fixed(|| open_bundle(None).map_err(|error| error.to_string())),
    }
}

/// The batch of a folder, or the demo batch, as its files are: nothing derived.
pub(super) fn open_batch(dir: Option<&Path>) -> Result<Batch, Fault> {
    match dir {
        Some(dir) => Batch::open(dir).map_err(Fault::input),
        None if BATCH.is_empty() => Err(absent("batch", "a folder")),
        None => Batch::open(&Unpacked::new(BATCH)?.0).map_err(Fault::internal),
    }
}

fn absent(what: &str, remedy: &str) -> Fault {
    Fault::Input(format!("this program was built without its {what}: give {remedy}"))
}

/// Files in a folder of their own that goes away with this value: readers of batches take folders.
struct Unpacked(PathBuf);

impl Unpacked {
    fn new(files: Files) -> Result<Self, Fault> {
        let dir = own_folder()?;
        let unpacked = Unpacked(dir);
        for (name, bytes) in files {
            let path = unpacked.0.join(name);
            std::fs::write(&path, bytes).map_err(|error| cannot_write(&path, &error))?;
        }
        Ok(unpacked)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _nothing_else_to_do = std::fs::remove_dir_all(&self.0);
    }
}

/// A new folder among the temporary files; a folder that is there already belongs to somebody else.
fn own_folder() -> Result<PathBuf, Fault> {
    let base = std::env::temp_dir();
    let mut number = 0_u32;
    loop {
        let dir = base.join(format!("aml-miner-demo-{}-{number}", std::process::id()));
        match std::fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(cannot_write(&dir, &error)),
        }
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Fault {
    Fault::Internal(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_opens_and_leaves_nothing_behind() {
        let bundle = open_bundle(None).expect("the shipped bundle");
        let on_disk =
            Bundle::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models")).expect("the same, on disk");
        assert_eq!(bundle.digest(), on_disk.digest());
        let unpacked = Unpacked::new(BATCH).expect("a temporary folder");
        let dir = unpacked.0.clone();
        assert!(Batch::open(&dir).expect("the demo batch").transfers.is_some_and(|t| !t.is_empty()));
        drop(unpacked);
        assert!(!dir.exists());
    }
}
