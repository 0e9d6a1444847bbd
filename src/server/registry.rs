//! Where bundles come from: one folder, or a folder of versions of which a file names the current one.
//!
//! `DIR/manifest.json` makes DIR a bundle. Otherwise each folder `DIR/VERSION/` with a manifest is a version, and the first line of
//! `DIR/current` names the one to start with and to load at SIGHUP. A version is loaded whole and checked file by file against its
//! manifest before it takes the place of another.

use std::path::{Path, PathBuf};

use crate::aml::bundle::{Bundle, MANIFEST};

/// A source of bundles.
pub struct Registry(Source);

enum Source {
    Folder(PathBuf),
    Fixed(Box<dyn Fn() -> Result<Bundle, String> + Send + Sync>),
}

/// The file that names the current version.
const CURRENT: &str = "current";

impl Registry {
    /// The bundle or the versions of a folder.
    pub fn folder(dir: &Path) -> Self {
        Registry(Source::Folder(dir.to_owned()))
    }

    /// A bundle that has no versions beside it.
    pub fn fixed(load: impl Fn() -> Result<Bundle, String> + Send + Sync + 'static) -> Self {
        Registry(Source::Fixed(Box::new(load)))
    }

    /// The bundle of a version, or the current one.
    ///
    /// # Errors
    /// In words for an operator: no such version, or it does not load.
    pub fn load(&self, version: Option<&str>) -> Result<Bundle, String> {
        match (&self.0, version) {
            (Source::Fixed(load), None) => load(),
            (Source::Fixed(_), Some(version)) => {
                Err(format!("no version {version:?}: there is one bundle alone"))
            }
            (Source::Folder(dir), None) if dir.join(MANIFEST).exists() => open(dir),
            (Source::Folder(dir), None) => {
                let file = dir.join(CURRENT);
                let text = std::fs::read_to_string(&file).map_err(|error| {
                    format!(
                        "{}: neither a {MANIFEST} nor a file `{CURRENT}` that names a version: {error}",
                        dir.display()
                    )
                })?;
                self.load(Some(text.lines().next().unwrap_or_default().trim()))
            }
            (Source::Folder(dir), Some(version)) => {
                let known = self.versions()?;
                match known.iter().any(|name| name == version) {
                    true => open(&dir.join(version)),
                    false => Err(format!("no version {version:?}; there are {known:?}")),
                }
            }
        }
    }

    /// The versions on disk, in the order of their names.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn versions(&self) -> Result<Vec<String>, String> {
        let Source::Folder(dir) = &self.0 else { return Ok(vec![]) };
        let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().join(MANIFEST).is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }
}

fn open(dir: &Path) -> Result<Bundle, String> {
    Bundle::open(dir).map_err(|error| format!("models {}: {error}", dir.display()))
}
