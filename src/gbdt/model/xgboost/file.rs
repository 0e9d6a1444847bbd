//! The fields of XGBoost's JSON that are read; all others are ignored.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct File {
    pub(super) learner: Learner,
}

#[derive(Deserialize)]
pub(super) struct Learner {
    #[serde(default)]
    pub(super) feature_names: Vec<String>,
    #[serde(default)]
    pub(super) feature_types: Vec<String>,
    pub(super) gradient_booster: Booster,
    pub(super) learner_model_param: Shape,
    pub(super) objective: Objective,
}

#[derive(Deserialize)]
pub(super) struct Booster {
    pub(super) name: String,
    /// Absent in linear and dart boosters, which are refused by name.
    pub(super) model: Option<Trees>,
}

#[derive(Deserialize)]
pub(super) struct Trees {
    pub(super) trees: Vec<Tree>,
}

/// Numbers as text.
#[derive(Deserialize)]
pub(super) struct Shape {
    pub(super) base_score: String,
    #[serde(default)]
    pub(super) num_class: String,
    pub(super) num_feature: String,
    #[serde(default)]
    pub(super) num_target: String,
}

#[derive(Deserialize)]
pub(super) struct Objective {
    pub(super) name: String,
}

/// Columns of nodes, the root first; a node whose left child is -1 is a leaf, and its condition the leaf's value.
#[derive(Deserialize)]
pub(super) struct Tree {
    pub(super) left_children: Vec<i64>,
    pub(super) right_children: Vec<i64>,
    pub(super) split_indices: Vec<u32>,
    pub(super) split_conditions: Vec<f32>,
    pub(super) default_left: Vec<Flag>,
    pub(super) sum_hessian: Vec<f32>,
    pub(super) loss_changes: Vec<f32>,
    pub(super) base_weights: Vec<f32>,
    #[serde(default)]
    pub(super) split_type: Vec<u8>,
    #[serde(default)]
    pub(super) categories: Vec<u32>,
    #[serde(default)]
    pub(super) categories_nodes: Vec<usize>,
    #[serde(default)]
    pub(super) categories_segments: Vec<usize>,
    #[serde(default)]
    pub(super) categories_sizes: Vec<usize>,
}

/// A flag: a number since XGBoost 2, true or false before.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(super) enum Flag {
    Number(u8),
    Bool(bool),
}

impl Flag {
    pub(super) fn is_set(self) -> bool {
        match self {
            Flag::Number(number) => number != 0,
            Flag::Bool(flag) => flag,
        }
    }
}
