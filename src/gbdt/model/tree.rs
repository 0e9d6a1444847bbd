//! One decision tree, with LightGBM's semantics of a decision.
//!
//! Numerical: with [`Missing::None`] a NaN is read as 0; with [`Missing::Zero`] values with |x| <= 1e-35 and NaN (read as 0)
//! are missing; with [`Missing::Nan`] NaN is missing. A missing value follows the default direction, any other
//! goes left when `x <= threshold`. Categorical: the value's whole part goes left when it is in the set; NaN, numbers of -1 and
//! below, infinities and unknown values go right, whatever counts as missing.

use serde::{Deserialize, Serialize};

use crate::gbdt::data::category;

/// What counts as missing at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// Nothing; NaN is read as 0.
    None,
    /// |x| <= 1e-35, and NaN.
    Zero,
    /// NaN.
    Nan,
}

impl Missing {
    /// The number for it in LightGBM's `decision_type`, and in our own format.
    pub(super) fn code(self) -> u8 {
        match self {
            Missing::None => 0,
            Missing::Zero => 1,
            Missing::Nan => 2,
        }
    }

    /// What a number of LightGBM's stands for.
    pub(super) fn of_code(code: u8) -> Option<Self> {
        [Missing::None, Missing::Zero, Missing::Nan].into_iter().find(|missing| missing.code() == code)
    }
}

/// Where a missing value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Default {
    /// To the left child.
    Left,
    /// To the right child.
    Right,
}

/// A set of category codes as a bit set: code `c` is bit `c % 32` of word `c / 32`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategorySet {
    /// The bits.
    pub words: Vec<u32>,
}

impl FromIterator<u32> for CategorySet {
    fn from_iter<I: IntoIterator<Item = u32>>(codes: I) -> Self {
        let mut words = Vec::new();
        for code in codes {
            let word = code as usize / 32;
            words.resize(words.len().max(word + 1), 0);
            words[word] |= 1 << (code % 32);
        }
        CategorySet { words }
    }
}

impl CategorySet {
    /// Whether the set holds `code`.
    pub fn contains(&self, code: u32) -> bool {
        self.words.get(code as usize / 32).is_some_and(|word| word >> (code % 32) & 1 == 1)
    }

    /// The codes in the set, rising.
    pub(super) fn codes(&self) -> impl Iterator<Item = u32> {
        (0..self.words.len() as u32 * 32).filter(|&code| self.contains(code))
    }
}

/// The question that a node asks of its feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// Left when `x <= threshold`.
    Numerical {
        /// The largest value that goes left.
        threshold: f64,
    },
    /// Left when the category is in the set.
    Categorical {
        /// Codes that go left.
        left: CategorySet,
    },
}

/// Where an edge of the tree leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Child {
    /// To another node, by position in [`Tree::nodes`]; always greater than the parent's.
    Node(u32),
    /// To a leaf, by position in [`Tree::leaves`].
    Leaf(u32),
}

impl Child {
    /// LightGBM's number for it, and that of our own format: a node's position, or `-1 - position` of a leaf.
    pub(super) fn code(self) -> i32 {
        match self {
            Child::Node(node) => i32::try_from(node).expect("a tree has fewer than 2^31 nodes"),
            Child::Leaf(leaf) => -1 - i32::try_from(leaf).expect("a tree has fewer than 2^31 leaves"),
        }
    }

    /// The child of a number.
    pub(super) fn of_code(code: i32) -> Self {
        if code >= 0 { Child::Node(code as u32) } else { Child::Leaf((-1 - code) as u32) }
    }
}

/// An inner node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Position in the model's schema.
    pub feature: u32,
    /// The question.
    pub rule: Rule,
    /// What counts as missing.
    pub missing: Missing,
    /// Where missing goes.
    pub default: Default,
    /// Taken when the answer is yes.
    pub left: Child,
    /// Taken when the answer is no.
    pub right: Child,
    /// Loss reduction of the split.
    pub gain: f64,
    /// The value this node would have had as a leaf.
    pub value: f64,
    /// Sum of hessians of the training rows that came here.
    pub weight: f64,
    /// Training rows that came here: the cover.
    pub count: u64,
}

/// An end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leaf {
    /// What is added to the raw score, learning rate included.
    pub value: f64,
    /// Sum of hessians of the training rows that came here.
    pub weight: f64,
    /// Training rows that came here: the cover.
    pub count: u64,
}

impl Default {
    /// The default direction of a `decision_type`.
    pub(super) fn of_decision_type(bits: u8) -> Self {
        if bits & 2 == 0 { Default::Right } else { Default::Left }
    }
}

/// A binary tree. Without nodes it has exactly one leaf, a constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Inner nodes; the first is the root.
    pub nodes: Vec<Node>,
    /// Leaves; always one more than nodes.
    pub leaves: Vec<Leaf>,
    /// The factor already multiplied into the leaf values (learning rate, DART's normalisation).
    pub shrinkage: f64,
}

impl Tree {
    /// A tree that adds the same to every row.
    pub fn constant(value: f64) -> Self {
        Tree { nodes: vec![], leaves: vec![Leaf { value, weight: 0.0, count: 0 }], shrinkage: 1.0 }
    }

    /// Adds the same to the answer for every row, that of rows which stop at a node included.
    pub(in crate::gbdt) fn add(&mut self, value: f64) {
        self.leaves.iter_mut().for_each(|leaf| leaf.value += value);
        self.nodes.iter_mut().for_each(|node| node.value += value);
    }

    /// Where evaluation starts.
    pub fn root(&self) -> Child {
        if self.nodes.is_empty() { Child::Leaf(0) } else { Child::Node(0) }
    }

    /// The leaf that a row of raw feature values falls into: the definition that every faster engine must equal.
    pub fn leaf_of(&self, row: &[f64]) -> usize {
        let mut at = self.root();
        loop {
            match at {
                Child::Leaf(leaf) => return leaf as usize,
                Child::Node(node) => {
                    let node = &self.nodes[node as usize];
                    at = if node.goes_left(row[node.feature as usize]) { node.left } else { node.right };
                }
            }
        }
    }
}

impl Node {
    /// Its answers as LightGBM's `decision_type` packs them: bit 0 categorical, bit 1 default left, bits 2-3 what is missing.
    pub(super) fn decision_type(&self) -> u8 {
        let categorical = u8::from(matches!(self.rule, Rule::Categorical { .. }));
        categorical | u8::from(self.default == Default::Left) << 1 | self.missing.code() << 2
    }

    /// The answer for one raw value.
    pub fn goes_left(&self, x: f64) -> bool {
        match &self.rule {
            Rule::Numerical { threshold } => self.numerical_goes_left(x, *threshold),
            Rule::Categorical { left } => category(x).is_some_and(|code| left.contains(code)),
        }
    }

    fn numerical_goes_left(&self, x: f64, threshold: f64) -> bool {
        let x = if x.is_nan() && self.missing != Missing::Nan { 0.0 } else { x };
        let missing = match self.missing {
            Missing::None => false,
            Missing::Zero => x.abs() <= ZERO,
            Missing::Nan => x.is_nan(),
        };
        if missing { self.default == Default::Left } else { x <= threshold }
    }
}

/// LightGBM's kZeroThreshold: what is no larger is zero.
pub(in crate::gbdt) const ZERO: f64 = 1e-35_f32 as f64;
