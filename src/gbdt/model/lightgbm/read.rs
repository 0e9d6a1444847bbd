//! LightGBM text -> [`Model`].

use std::collections::BTreeMap;
use std::str::FromStr;

use super::LightgbmError;
use crate::determinism::math::above;
use crate::gbdt::data::{Feature, FeatureKind, Schema};
use crate::gbdt::model::{
    CategorySet, Child, Default, Leaf, Missing, Model, Node, Objective, Rule, Tree, ZERO,
};

/// Reads a model that LightGBM saved.
///
/// # Errors
/// When the text is not such a model, is of a kind that this engine does not run, or does not fit together.
pub fn from_text(text: &str) -> Result<Model, LightgbmError> {
    let mut lines = text.lines().map(str::trim_end);
    if lines.next() != Some("tree") {
        return Err(LightgbmError::NotLightgbm);
    }
    let sections = Sections::of(text)?;
    let header = &sections.header;
    refuse_kinds(header)?;
    let n_features = header.one::<i64>("max_feature_idx")?.max(-1) as usize;
    let mut schema = read_schema(header, n_features.wrapping_add(1))?;
    let trees: Vec<Tree> = sections.trees.iter().map(read_tree).collect::<Result<_, _>>()?;
    mark_categories(&mut schema, &trees);
    let model = Model {
        schema,
        objective: read_objective(header.get("objective").unwrap_or("regression"))?,
        trees,
        average: header.values.contains_key("average_output"),
        quantiles: vec![],
        parameters: sections.parameters,
    };
    model.check()?;
    Ok(model)
}

// ------------------------------------------------------------------ lines

struct Sections<'a> {
    header: Block<'a>,
    trees: Vec<Block<'a>>,
    parameters: Vec<(String, String)>,
}

/// Lines `key=value` under one heading.
struct Block<'a> {
    place: String,
    values: BTreeMap<&'a str, &'a str>,
}

impl<'a> Sections<'a> {
    fn of(text: &'a str) -> Result<Self, LightgbmError> {
        let mut lines = text.lines().map(str::trim_end);
        let mut blocks = vec![Block::new("header".to_owned())];
        loop {
            let line = lines.next().ok_or(LightgbmError::Truncated { line: text.lines().count() })?;
            if line == "end of trees" {
                break;
            }
            if line.starts_with("Tree=") {
                blocks.push(Block::new(format!("tree {}", blocks.len() - 1)));
            } else {
                let (key, value) = line.split_once('=').unwrap_or((line, ""));
                blocks.last_mut().expect("the header's block").values.insert(key, value);
            }
        }
        let within = lines.skip_while(|&line| line != "parameters:").skip(1);
        let within = within.take_while(|&line| line != "end of parameters");
        let parameters = within.filter_map(parameter).collect();
        let header = blocks.remove(0);
        Ok(Sections { header, trees: blocks, parameters })
    }
}

/// `[name: value]`
fn parameter(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    Some((name.trim().to_owned(), value.trim().to_owned()))
}

impl<'a> Block<'a> {
    fn new(place: String) -> Self {
        Block { place, values: BTreeMap::new() }
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).copied()
    }

    fn need(&self, key: &'static str) -> Result<&'a str, LightgbmError> {
        self.get(key).ok_or_else(|| LightgbmError::Missing { place: self.place.clone(), key })
    }

    fn fault(
        &self,
        key: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> LightgbmError {
        LightgbmError::Value {
            place: self.place.clone(),
            key,
            expected: expected.into(),
            found: found.into(),
        }
    }

    fn one<T: FromStr>(&self, key: &'static str) -> Result<T, LightgbmError> {
        let text = self.need(key)?;
        text.trim().parse().map_err(|_| self.fault(key, "a number", format!("`{text}`")))
    }

    /// `n` numbers between spaces.
    fn list<T: FromStr>(&self, key: &'static str, n: usize) -> Result<Vec<T>, LightgbmError> {
        let words: Vec<&str> = self.need(key)?.split_ascii_whitespace().collect();
        if words.len() != n {
            return Err(self.fault(key, format!("{n} numbers"), words.len().to_string()));
        }
        let number = |word: &&str| word.parse().map_err(|_| self.fault(key, "a number", format!("`{word}`")));
        words.iter().map(number).collect()
    }

    /// The same, `fallback` for all where the line is absent.
    fn list_or<T: FromStr + Clone>(
        &self,
        key: &'static str,
        n: usize,
        fallback: T,
    ) -> Result<Vec<T>, LightgbmError> {
        match self.get(key) {
            Some(_) => self.list(key, n),
            None => Ok(vec![fallback; n]),
        }
    }
}

// ------------------------------------------------------------------ the header

fn refuse_kinds(header: &Block<'_>) -> Result<(), LightgbmError> {
    let version = header.need("version")?;
    if !["v3", "v4"].contains(&version) {
        return Err(LightgbmError::Version { found: version.to_owned() });
    }
    for key in ["num_class", "num_tree_per_iteration"] {
        if header.one::<i64>(key)? != 1 {
            let what = format!("a multiclass model ({key}={})", header.need(key)?);
            return Err(LightgbmError::Unsupported { what });
        }
    }
    Ok(())
}

fn read_objective(text: &str) -> Result<Objective, LightgbmError> {
    let mut words = text.split_ascii_whitespace();
    let name = words.next().unwrap_or("regression");
    let unsupported = || LightgbmError::Unsupported { what: format!("the objective `{text}`") };
    let mut sigmoid = 1.0;
    for word in words {
        match word.split_once(':') {
            Some(("sigmoid", value)) => {
                sigmoid = value.parse().map_err(|_| unsupported())?;
            }
            _ if word == "sqrt" => return Err(unsupported()),
            _ => {}
        }
    }
    match name {
        "binary" => Ok(Objective::Binary { sigmoid }),
        "cross_entropy" | "xentropy" => Ok(Objective::Binary { sigmoid: 1.0 }),
        "lambdarank" | "rank_xendcg" => Ok(Objective::Lambdarank),
        "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" | "custom" => {
            Ok(Objective::Regression)
        }
        _ => Err(unsupported()),
    }
}

/// Names, and the kinds that the ranges tell: `[min:max]` numerical, `a:b:c` categorical, `none` unused.
fn read_schema(header: &Block<'_>, n_features: usize) -> Result<Schema, LightgbmError> {
    let names: Vec<&str> = header.need("feature_names")?.split(' ').filter(|name| !name.is_empty()).collect();
    if names.len() != n_features {
        let expected = format!("{n_features} names (max_feature_idx + 1)");
        return Err(header.fault("feature_names", expected, names.len().to_string()));
    }
    let infos = header.get("feature_infos").unwrap_or("").split_ascii_whitespace();
    let mut schema = Schema::numerical(names);
    for (feature, info) in schema.features.iter_mut().zip(infos) {
        if !info.starts_with('[') && info != "none" {
            feature.kind = FeatureKind::Categorical { levels: vec![] };
        }
    }
    Ok(schema)
}

fn mark_categories(schema: &mut Schema, trees: &[Tree]) {
    for node in trees.iter().flat_map(|tree| &tree.nodes) {
        if let (Rule::Categorical { .. }, Some(Feature { kind, .. })) =
            (&node.rule, schema.features.get_mut(node.feature as usize))
        {
            *kind = FeatureKind::Categorical { levels: vec![] };
        }
    }
}

// ------------------------------------------------------------------ a tree

/// The columns of a tree's nodes.
struct NodeColumns {
    feature: Vec<u32>,
    threshold: Vec<f64>,
    decision: Vec<u8>,
    left: Vec<i32>,
    right: Vec<i32>,
    gain: Vec<f64>,
    value: Vec<f64>,
    weight: Vec<f64>,
    count: Vec<u64>,
}

fn read_tree(block: &Block<'_>) -> Result<Tree, LightgbmError> {
    if block.get("is_linear").is_some_and(|flag| flag.trim() != "0") {
        return Err(LightgbmError::Unsupported { what: format!("a linear tree ({})", block.place) });
    }
    let n_leaves: usize = block.one("num_leaves")?;
    if n_leaves == 0 {
        return Err(block.fault("num_leaves", "at least 1", "0"));
    }
    let values = block.list("leaf_value", n_leaves)?;
    let shrinkage = if block.get("shrinkage").is_some() { block.one("shrinkage")? } else { 1.0 };
    if n_leaves == 1 {
        // LightGBM leaves the weight of a constant empty, and the count too where it knows none
        let count = block.list("leaf_count", 1).map_or(0, |counts| counts[0]);
        let weight = block.list("leaf_weight", 1).map_or(0.0, |weights| weights[0]);
        return Ok(Tree { nodes: vec![], leaves: vec![Leaf { value: values[0], weight, count }], shrinkage });
    }
    let weights = block.list_or("leaf_weight", n_leaves, 0.0)?;
    let counts = block.list_or("leaf_count", n_leaves, 0)?;
    let leaves = values.into_iter().zip(weights).zip(counts);
    let leaves = leaves.map(|((value, weight), count)| Leaf { value, weight, count }).collect();
    let n = n_leaves - 1;
    let columns = NodeColumns {
        feature: block.list("split_feature", n)?,
        threshold: block.list("threshold", n)?,
        decision: block.list_or("decision_type", n, 0)?,
        left: block.list("left_child", n)?,
        right: block.list("right_child", n)?,
        gain: block.list_or("split_gain", n, 0.0)?,
        value: block.list_or("internal_value", n, 0.0)?,
        weight: block.list_or("internal_weight", n, 0.0)?,
        count: block.list_or("internal_count", n, 0)?,
    };
    let sets = read_sets(block)?;
    let nodes = (0..n).map(|i| read_node(block, &columns, &sets, i)).collect::<Result<_, _>>()?;
    Ok(Tree { nodes, leaves, shrinkage })
}

/// Category sets: the words `cat_boundaries[i]..cat_boundaries[i + 1]` of `cat_threshold`.
fn read_sets(block: &Block<'_>) -> Result<Vec<CategorySet>, LightgbmError> {
    let n_sets: usize = if block.get("num_cat").is_some() { block.one("num_cat")? } else { 0 };
    if n_sets == 0 {
        return Ok(vec![]);
    }
    let bounds: Vec<usize> = block.list("cat_boundaries", n_sets.saturating_add(1))?;
    let n_words = bounds[n_sets];
    let words: Vec<u32> = block.list("cat_threshold", n_words)?;
    let set = |pair: &[usize]| words.get(pair[0]..pair[1]).map(|words| CategorySet { words: words.to_vec() });
    let sets: Option<Vec<CategorySet>> = bounds.windows(2).map(set).collect();
    sets.ok_or_else(|| block.fault("cat_boundaries", "rising positions", format!("{bounds:?}")))
}

fn read_node(
    block: &Block<'_>,
    columns: &NodeColumns,
    sets: &[CategorySet],
    i: usize,
) -> Result<Node, LightgbmError> {
    let (decision, threshold) = (columns.decision[i], columns.threshold[i]);
    let missing = Missing::of_code(decision >> 2 & 3)
        .ok_or_else(|| block.fault("decision_type", "a known missing type", decision.to_string()))?;
    let rule = if decision & 1 == 0 {
        Rule::Numerical { threshold: beside_zero(threshold) }
    } else {
        let set = sets.get(threshold as usize).filter(|_| threshold >= 0.0);
        let expected = || {
            block.fault("threshold", format!("a category set below {}", sets.len()), threshold.to_string())
        };
        Rule::Categorical { left: set.cloned().ok_or_else(expected)? }
    };
    Ok(Node {
        feature: columns.feature[i],
        rule,
        missing,
        default: Default::of_decision_type(decision),
        left: Child::of_code(columns.left[i]),
        right: Child::of_code(columns.right[i]),
        gain: columns.gain[i],
        value: columns.value[i],
        weight: columns.weight[i],
        count: columns.count[i],
    })
}

/// LightGBM reads |x| <= 1e-35 as 0, so all of that band stands on one side of every threshold.
fn beside_zero(threshold: f64) -> f64 {
    if (0.0..ZERO).contains(&threshold) {
        ZERO
    } else if (-ZERO..0.0).contains(&threshold) {
        -above(ZERO)
    } else {
        threshold
    }
}
