//! The search for good parameters: a space, a way to choose the next point, and what is known so far.

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
