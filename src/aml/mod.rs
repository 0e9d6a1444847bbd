//! The domain: batches of blockchain tables, what is derived from them, and how alerts are scored.

pub mod simulate;
pub mod derive;
pub mod sot;
