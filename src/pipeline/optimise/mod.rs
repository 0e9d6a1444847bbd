//! Numerical optimisation: the only place that names `argmin`.
//!
//! A cost and a start (or a space) flow in, the best point flows out. Nothing here reads a clock or the system's random numbers:
//! argmin is built without its default features, timers are off, and every run is bounded by its number of iterations.

mod minimise;
mod search;

pub use minimise::{Minimise, MinimiseError, Minimum, minimise};
pub use search::{Failure, FoldCosts, Journal, Progress, Search, SearchError, search};
