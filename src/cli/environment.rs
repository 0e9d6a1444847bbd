//! Settings from a `.env` file in the working directory. What the environment already says stays as it is.

use super::Fault;

/// Reads `.env`, if there is one. Only the working directory's: a file of some folder above is not ours.
///
/// # Errors
/// When the file is there and cannot be read, or a line of it is not `NAME=value`.
pub(super) fn load() -> Result<(), Fault> {
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        Err(error) => Err(Fault::Input(format!(".env: {error}"))),
    }
}
