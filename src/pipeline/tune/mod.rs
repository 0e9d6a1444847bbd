//! The search for good parameters.
//!
//! In flow the labelled rows of one kind of model, cut into folds ([`crate::pipeline::cross`]), and a configuration; out flow trials,
//! the configuration with the best values, and a page. [`Space`] says where to look (the table of parameters, changed by the
//! configuration), a [`Sampler`] where next, [`MedianRule`] what to give up, [`Tuner`] what a point is worth,
//! [`StateFile`] what is known so far; [`crate::pipeline::optimise::search`] is the loop.
//!
//! The result is a function of rows, configuration, seed and the number of trials: not of threads, nor of how often the search
//! was interrupted.

mod chart;
mod goal;
mod grid;
mod importance;
mod journal;
mod normal;
mod parzen;
mod report;
mod sampler;
mod space;
mod tpe;
mod trial;
mod tuner;
mod yaml;

pub use goal::Goal;
pub use grid::Grid;
pub use importance::{FEWEST, importance};
pub use journal::{FORMAT, Header, StateError, StateFile};
pub use report::{best, html};
pub use sampler::Sampler;
pub use space::{Dimension, Domain, Overrides, Point, Space, SpaceError};
pub use tpe::{Structure, Tpe};
pub use trial::{End, MedianRule, Trial};
pub use tuner::{TuneError, Tuner};

/// A YAML value as the text that the engine reads.
fn scalar(value: &serde_norway::Value) -> Option<String> {
    use serde_norway::Value;
    match value {
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::String(s) => Some(s.clone()),
        _ => None,
    }
}
