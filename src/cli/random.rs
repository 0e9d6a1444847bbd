//! Randomness of the operating system: for keys and names, never for a model or a score.

use super::Fault;

/// Bytes that nobody can guess.
pub(super) fn random() -> Result<[u8; 32], Fault> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::Internal(format!("no randomness of the system: {error}")))?;
    Ok(bytes)
}
