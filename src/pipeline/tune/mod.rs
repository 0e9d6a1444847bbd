//! The search for good parameters: a space, a way to choose the next point, and what is known so far.

mod grid;
mod normal;
mod parzen;
mod sampler;
mod space;
mod tpe;
mod trial;

pub use grid::Grid;
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
