//! What was learned: trees, the features they read, and how the sum of their leaves becomes a score.

mod model;
mod tree;

pub use model::{Model, Objective};
pub use tree::{CategorySet, Child, Default, Leaf, Missing, Node, Rule, Tree};
