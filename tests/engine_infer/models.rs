//! Random models and rows that visit every kind of question and every special value.

use aml_miner::determinism::rng::Stream;
use aml_miner::gbdt::data::{Column, Feature, FeatureKind, FeatureMatrix, Schema};
use aml_miner::gbdt::model::{
    CategorySet, Child, Default, Leaf, Missing, Model, Node, Objective, Rule, Tree,
};

/// Draws in a row from one stream.
pub(crate) struct Draws {
    stream: Stream,
    next: u64,
}

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Draws { stream: Stream::new(seed, "test models"), next: 0 }
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.next += 1;
        self.stream.below(self.next, n as u64) as usize
    }

    pub(crate) fn unit(&mut self) -> f64 {
        self.next += 1;
        self.stream.unit(self.next)
    }
}

/// What a random model is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) features: usize,
    pub(crate) trees: usize,
    pub(crate) leaves: usize,
}

/// Trees of up to so many leaves; every third feature is categorical.
pub(crate) fn model(seed: u64, shape: Shape) -> Model {
    made(seed, shape, |draws, most| 1 + draws.below(most))
}

/// Trees of exactly so many leaves.
pub(crate) fn exact(seed: u64, shape: Shape) -> Model {
    made(seed, shape, |_, leaves| leaves)
}

fn made(seed: u64, shape: Shape, leaves: impl Fn(&mut Draws, usize) -> usize) -> Model {
    let draws = &mut Draws::new(seed);
    let mut grow = || {
        let leaves = leaves(draws, shape.leaves);
        tree(draws, Shape { leaves, ..shape })
    };
    let features = (0..shape.features).map(|i| {
        let categorical = i % 3 == 2;
        let kind = match categorical {
            true => FeatureKind::Categorical { levels: vec![] },
            false => FeatureKind::Numerical,
        };
        Feature { name: format!("f{i}"), kind }
    });
    Model {
        schema: Schema { features: features.collect() },
        objective: Objective::Binary { sigmoid: 1.0 },
        trees: (0..shape.trees).map(|_| grow()).collect(),
        average: false,
        quantiles: vec![],
        parameters: vec![("learning_rate".into(), "0.1".into())],
    }
}

/// Grows by splitting a random leaf, so children always follow their parents.
fn tree(draws: &mut Draws, shape: Shape) -> Tree {
    let target = shape.leaves;
    let mut nodes: Vec<Node> = vec![];
    let mut open = vec![None::<(usize, bool)>];
    while open.len() < target {
        let at = draws.below(open.len());
        let index = nodes.len();
        if let Some((parent, left)) = open.swap_remove(at) {
            let edge = if left { &mut nodes[parent].left } else { &mut nodes[parent].right };
            *edge = Child::Node(index as u32);
        }
        nodes.push(node(draws, shape));
        open.extend([Some((index, true)), Some((index, false))]);
    }
    for (leaf, place) in open.iter().enumerate() {
        if let Some((parent, left)) = *place {
            let edge = if left { &mut nodes[parent].left } else { &mut nodes[parent].right };
            *edge = Child::Leaf(leaf as u32);
        }
    }
    let leaves = (0..target).map(|_| Leaf {
        value: draws.unit() * 2.0 - 1.0,
        weight: draws.unit() * 9.0,
        count: if draws.below(8) == 0 { 0 } else { 1 + draws.below(50) as u64 },
    });
    let leaves: Vec<Leaf> = leaves.collect();
    let mut tree = Tree { nodes, leaves, shrinkage: 0.1 };
    count(&mut tree);
    tree
}

fn node(draws: &mut Draws, shape: Shape) -> Node {
    let feature = draws.below(shape.features);
    let rule = if feature % 3 == 2 {
        let words = (0..1 + draws.below(2)).map(|_| draws.below(1 << 32) as u32).collect();
        Rule::Categorical { left: CategorySet { words } }
    } else {
        Rule::Numerical { threshold: SPECIAL[draws.below(4)] + draws.unit() * 4.0 - 2.0 }
    };
    Node {
        feature: feature as u32,
        rule,
        missing: [Missing::None, Missing::Zero, Missing::Nan][draws.below(3)],
        default: [Default::Left, Default::Right][draws.below(2)],
        left: Child::Leaf(0),
        right: Child::Leaf(0),
        gain: draws.unit(),
        value: draws.unit(),
        weight: draws.unit(),
        count: 0,
    }
}

fn count(tree: &mut Tree) {
    for i in (0..tree.nodes.len()).rev() {
        let at = |child| match child {
            Child::Node(node) => tree.nodes[node as usize].count,
            Child::Leaf(leaf) => tree.leaves[leaf as usize].count,
        };
        tree.nodes[i].count = at(tree.nodes[i].left) + at(tree.nodes[i].right);
    }
}

/// Ordinary values, and all that is not.
pub(crate) fn row(draws: &mut Draws, features: usize) -> Vec<f64> {
    let value = |feature: usize, draws: &mut Draws| match draws.below(4) {
        0 => SPECIAL[draws.below(SPECIAL.len())],
        _ if feature % 3 == 2 => draws.below(70) as f64,
        _ => draws.unit() * 4.0 - 2.0,
    };
    (0..features).map(|feature| value(feature, draws)).collect()
}

pub(crate) const SPECIAL: [f64; 17] = [
    0.0,
    0.5,
    -0.5,
    1.0,
    -0.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    1e-36,
    -1e-36,
    1e-34,
    f64::MAX,
    -0.999,
    -1.0,
    2_147_483_647.0,
    2_147_483_648.0,
    4_294_967_296.5,
];

/// Rows as a matrix in double precision.
pub(crate) fn matrix(schema: &Schema, rows: &[Vec<f64>]) -> FeatureMatrix {
    let column = |feature: usize| Column::F64(rows.iter().map(|row| row[feature]).collect());
    FeatureMatrix::new(schema.clone(), (0..schema.len()).map(column).collect())
        .expect("columns fit the schema")
}
