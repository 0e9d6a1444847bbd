//! XGBoost's fields -> [`Model`].

use std::collections::BTreeMap;
use std::ops::Range;

use super::file::{self, File, Learner};
use super::threshold::largest_below;
use super::{XgboostError, is_ubj, ubj};
use crate::determinism::math;
use crate::gbdt::data::{FeatureKind, Schema};
use crate::gbdt::model::{CategorySet, Child, Default, Leaf, Missing, Model, Node, Objective, Rule, Tree};

/// Reads a model that XGBoost saved as JSON.
///
/// # Errors
/// When the text is not such a model, is of a kind that this engine does not run, or does not fit together.
pub fn from_json(json: &[u8]) -> Result<Model, XgboostError> {
    model(serde_json::from_slice(json)?)
}

/// Reads a model that XGBoost saved as UBJSON.
///
/// # Errors
/// As [`from_json`].
pub fn from_ubj(bytes: &[u8]) -> Result<Model, XgboostError> {
    model(ubj::from_slice(bytes)?)
}

/// Reads either, as the first bytes say.
///
/// # Errors
/// As [`from_json`].
pub fn from_bytes(bytes: &[u8]) -> Result<Model, XgboostError> {
    if is_ubj(bytes) { from_ubj(bytes) } else { from_json(bytes) }
}

fn model(File { learner }: File) -> Result<Model, XgboostError> {
    let found = learner.gradient_booster.model.as_ref().filter(|_| learner.gradient_booster.name == "gbtree");
    let booster =
        found.ok_or_else(|| unsupported(format!("the booster `{}`", learner.gradient_booster.name)))?;
    refuse_several_scores(&learner)?;
    let (objective, base) = objective(&learner)?;
    let numbered = booster.trees.iter().enumerate();
    let mut trees: Vec<Tree> =
        numbered.map(|(number, tree)| Reader::new(number, tree).tree()).collect::<Result<_, _>>()?;
    start_from(base, &mut trees);
    let model = Model {
        schema: schema(&learner)?,
        objective,
        trees,
        average: false,
        quantiles: vec![],
        parameters: vec![],
    };
    model.check()?;
    Ok(model)
}

fn unsupported(what: String) -> XgboostError {
    XgboostError::Unsupported { what }
}

fn refuse_several_scores(learner: &Learner) -> Result<(), XgboostError> {
    let shape = &learner.learner_model_param;
    for (name, number) in [("num_class", &shape.num_class), ("num_target", &shape.num_target)] {
        if !["", "0", "1"].contains(&number.as_str()) {
            return Err(unsupported(format!("a model of several scores ({name} = {number})")));
        }
    }
    Ok(())
}

/// What the raw score means, and the score that boosting starts from.
fn objective(learner: &Learner) -> Result<(Objective, f64), XgboostError> {
    let text = &learner.learner_model_param.base_score;
    let number = text.trim_start_matches('[').trim_end_matches(']');
    let base: f32 = number.parse().map_err(|_| XgboostError::Value {
        place: "base_score".to_owned(),
        expected: "one number".to_owned(),
        found: format!("`{text}`"),
    })?;
    let base = f64::from(base);
    let logit = math::ln(base / (1.0 - base));
    match learner.objective.name.as_str() {
        "binary:logistic" | "reg:logistic" => Ok((Objective::Binary { sigmoid: 1.0 }, logit)),
        "rank:ndcg" | "rank:map" | "rank:pairwise" => Ok((Objective::Lambdarank, base)),
        "binary:logitraw"
        | "reg:squarederror"
        | "reg:absoluteerror"
        | "reg:pseudohubererror"
        | "reg:quantileerror" => Ok((Objective::Regression, base)),
        other => Err(unsupported(format!("the objective `{other}`"))),
    }
}

/// Names, `f0`, `f1` ... where there are none, and kinds.
fn schema(learner: &Learner) -> Result<Schema, XgboostError> {
    let number = &learner.learner_model_param.num_feature;
    let n_features = number.parse::<u32>().ok().filter(|&n| n <= MOST_FEATURES);
    let n_features = n_features.ok_or_else(|| XgboostError::Value {
        place: "num_feature".to_owned(),
        expected: format!("a number up to {MOST_FEATURES}"),
        found: format!("`{number}`"),
    })? as usize;
    let names = &learner.feature_names;
    if !names.is_empty() && names.len() != n_features {
        return Err(XgboostError::Value {
            place: "feature_names".to_owned(),
            expected: format!("{n_features} names (num_feature)"),
            found: names.len().to_string(),
        });
    }
    let mut schema = match names.is_empty() {
        true => Schema::numerical((0..n_features).map(|feature| format!("f{feature}"))),
        false => Schema::numerical(names.iter().cloned()),
    };
    for (feature, kind) in schema.features.iter_mut().zip(&learner.feature_types) {
        if kind == "c" {
            feature.kind = FeatureKind::Categorical { levels: vec![] };
        }
    }
    Ok(schema)
}

/// Adds the score that boosting starts from to the first tree.
fn start_from(base: f64, trees: &mut Vec<Tree>) {
    if trees.is_empty() {
        trees.push(Tree::constant(0.0));
    }
    trees[0].add(base);
}

/// One tree of the file.
struct Reader<'a> {
    number: usize,
    tree: &'a file::Tree,
    /// Where the set of each node with categories stands; the first that is named for a node.
    sets: BTreeMap<usize, Range<usize>>,
}

/// Whose child a node is.
#[derive(Clone, Copy)]
struct Parent {
    node: usize,
    left: bool,
}

impl<'a> Reader<'a> {
    fn new(number: usize, tree: &'a file::Tree) -> Self {
        let places = tree.categories_segments.iter().zip(&tree.categories_sizes);
        let mut sets = BTreeMap::new();
        for (&node, (&first, &size)) in tree.categories_nodes.iter().zip(places) {
            sets.entry(node).or_insert(first..first.saturating_add(size));
        }
        Reader { number, tree, sets }
    }

    /// The nodes from the root down, each before its children; what no edge leads to is left out, as XGBoost keeps pruned nodes.
    fn tree(&self) -> Result<Tree, XgboostError> {
        self.check_lengths()?;
        let mut tree = Tree { nodes: vec![], leaves: vec![], shrinkage: 1.0 };
        let mut seen = vec![false; self.tree.left_children.len()];
        let mut open: Vec<(usize, Option<Parent>)> = vec![(0, None)];
        while let Some((id, parent)) = open.pop() {
            if seen.get(id).is_none_or(|&seen| seen) {
                return Err(self.fault(id, "a node that is reached once", "another".to_owned()));
            }
            seen[id] = true;
            let is_leaf = self.tree.left_children[id] == -1;
            let child = if is_leaf {
                Child::Leaf(tree.leaves.len() as u32)
            } else {
                Child::Node(tree.nodes.len() as u32)
            };
            if let Some(Parent { node, left }) = parent {
                let side = if left { &mut tree.nodes[node].left } else { &mut tree.nodes[node].right };
                *side = child;
            }
            if is_leaf {
                tree.leaves.push(self.leaf(id));
            } else {
                let (node, [left, right]) = self.node(id)?;
                let parent = |left| Some(Parent { node: tree.nodes.len(), left });
                open.extend([(right, parent(false)), (left, parent(true))]);
                tree.nodes.push(node);
            }
        }
        count(&mut tree);
        Ok(tree)
    }

    fn fault(&self, node: usize, expected: &str, found: String) -> XgboostError {
        let place = format!("tree {}, node {node}", self.number);
        XgboostError::Value { place, expected: expected.to_owned(), found }
    }

    /// Columns of one length, and at least a root.
    fn check_lengths(&self) -> Result<(), XgboostError> {
        let file::Tree { left_children, right_children, split_indices, split_conditions, .. } = self.tree;
        let n = left_children.len();
        let lengths = [
            ("right_children", right_children.len()),
            ("split_indices", split_indices.len()),
            ("split_conditions", split_conditions.len()),
            ("default_left", self.tree.default_left.len()),
            ("sum_hessian", self.tree.sum_hessian.len()),
            ("loss_changes", self.tree.loss_changes.len()),
            ("base_weights", self.tree.base_weights.len()),
        ];
        match lengths.into_iter().find(|&(_, length)| length != n || n == 0) {
            None => Ok(()),
            Some((name, length)) => Err(XgboostError::Value {
                place: format!("tree {}, {name}", self.number),
                expected: format!("{} values, as left_children has", n.max(1)),
                found: length.to_string(),
            }),
        }
    }

    fn leaf(&self, id: usize) -> Leaf {
        let weight = f64::from(self.tree.sum_hessian[id]);
        Leaf { value: f64::from(self.tree.split_conditions[id]), weight, count: 0 }
    }

    /// A node without its children, and the places of these in the file.
    fn node(&self, id: usize) -> Result<(Node, [usize; 2]), XgboostError> {
        let tree = self.tree;
        let place = |child: i64| {
            usize::try_from(child).map_err(|_| self.fault(id, "two children", format!("child {child}")))
        };
        let mut children = [place(tree.left_children[id])?, place(tree.right_children[id])?];
        let mut default = if tree.default_left[id].is_set() { Default::Left } else { Default::Right };
        let rule = if tree.split_type.get(id) == Some(&1) {
            if default == Default::Right {
                let what = "missing values on the side of a node's categories";
                return Err(unsupported(format!("{what} (tree {}, node {id})", self.number)));
            }
            children.reverse();
            default = Default::Right;
            Rule::Categorical { left: self.categories(id)? }
        } else {
            let condition = tree.split_conditions[id];
            let threshold = largest_below(condition);
            let threshold = threshold.ok_or_else(|| self.fault(id, "a threshold", condition.to_string()))?;
            Rule::Numerical { threshold }
        };
        let node = Node {
            feature: tree.split_indices[id],
            rule,
            missing: Missing::Nan,
            default,
            left: Child::Leaf(0),
            right: Child::Leaf(0),
            gain: f64::from(tree.loss_changes[id]),
            value: f64::from(tree.base_weights[id]),
            weight: f64::from(tree.sum_hessian[id]),
            count: 0,
        };
        Ok((node, children))
    }

    fn categories(&self, id: usize) -> Result<CategorySet, XgboostError> {
        let found = self.sets.get(&id).and_then(|place| self.tree.categories.get(place.clone()));
        let found = found.ok_or_else(|| self.fault(id, "a set of categories", "none".to_owned()))?;
        match found.iter().find(|&&category| category > MOST_CATEGORIES) {
            Some(category) => {
                Err(self.fault(id, &format!("categories up to {MOST_CATEGORIES}"), category.to_string()))
            }
            None => Ok(found.iter().copied().collect()),
        }
    }
}

/// Counts nodes in parts of the tree's hessians: a leaf by its share, a node by its children.
fn count(tree: &mut Tree) {
    let total: f64 = tree.leaves.iter().map(|leaf| leaf.weight).sum();
    let parts = if total > 0.0 && total.is_finite() { PARTS / total } else { 0.0 };
    tree.leaves.iter_mut().for_each(|leaf| leaf.count = ((leaf.weight * parts).round() as u64).max(1));
    for at in (0..tree.nodes.len()).rev() {
        let count = |child: Child| match child {
            Child::Node(node) => tree.nodes[node as usize].count,
            Child::Leaf(leaf) => tree.leaves[leaf as usize].count,
        };
        tree.nodes[at].count = count(tree.nodes[at].left) + count(tree.nodes[at].right);
    }
}

/// Parts of a tree's hessians: as many as readers of LightGBM's text can count.
const PARTS: f64 = (1u32 << 30) as f64;
/// The largest category of XGBoost: floats count no further without gaps.
const MOST_CATEGORIES: u32 = 1 << 24;
/// Names are made for features without, so their number is bounded before.
const MOST_FEATURES: u32 = 1 << 24;
