//! The domain: batches of blockchain tables, what is derived from them, and how alerts are scored.

pub mod bundle;
pub mod calibration;
pub mod derive;
pub mod evolution;
pub mod features;
pub mod score;
pub mod simulate;
pub mod sot;
pub mod target;
