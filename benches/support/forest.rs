//! A model and rows of a fixed seed: trees grown by splitting a random leaf at a random place.

use aml_miner::determinism::rng::Stream;
use aml_miner::gbdt::data::{Column, FeatureMatrix, Schema};
use aml_miner::gbdt::model::{Child, Default, Leaf, Missing, Model, Node, Objective, Rule, Tree};

pub(crate) fn model(trees: usize, leaves: usize, features: usize) -> Model {
    let stream = Stream::new(1, "bench model");
    Model {
        schema: Schema::numerical((0..features).map(|i| format!("f{i}"))),
        objective: Objective::Binary { sigmoid: 1.0 },
        trees: (0..trees).map(|i| tree(stream.round(i as u64), leaves, features)).collect(),
        average: false,
        quantiles: vec![],
        parameters: vec![],
    }
}

fn tree(stream: Stream, leaves: usize, features: usize) -> Tree {
    let mut nodes: Vec<Node> = vec![];
    let mut open = vec![None::<(usize, bool)>];
    while open.len() < leaves {
        let index = nodes.len();
        let draw = |what: u64, n: usize| stream.below(4 * index as u64 + what, n as u64) as usize;
        hang(&mut nodes, open.swap_remove(draw(0, open.len())), Child::Node(index as u32));
        nodes.push(Node {
            feature: draw(1, features) as u32,
            rule: Rule::Numerical { threshold: stream.unit(4 * index as u64 + 2) * 2.0 - 1.0 },
            missing: Missing::Nan,
            default: if draw(3, 2) == 0 { Default::Left } else { Default::Right },
            left: Child::Leaf(0),
            right: Child::Leaf(0),
            gain: 1.0,
            value: 0.0,
            weight: 1.0,
            count: 1,
        });
        open.extend([Some((index, true)), Some((index, false))]);
    }
    for (leaf, place) in open.iter().enumerate() {
        hang(&mut nodes, *place, Child::Leaf(leaf as u32));
    }
    let leaf = |i: usize| {
        let draw = (1 << 32) + 2 * i as u64;
        Leaf { value: stream.unit(draw) - 0.5, weight: 1.0, count: 1 + stream.below(draw + 1, 1000) }
    };
    Tree { nodes, leaves: (0..leaves).map(leaf).collect(), shrinkage: 0.1 }
}

fn hang(nodes: &mut [Node], place: Option<(usize, bool)>, child: Child) {
    if let Some((parent, left)) = place {
        let edge = if left { &mut nodes[parent].left } else { &mut nodes[parent].right };
        *edge = child;
    }
}

/// Values in [-1, 1), 2 % missing.
pub(crate) fn rows(n: usize, features: usize) -> Vec<Vec<f64>> {
    let stream = Stream::new(2, "bench rows");
    let value = |i: u64| {
        if stream.below(2 * i, 50) == 0 { f64::NAN } else { stream.unit(2 * i + 1) * 2.0 - 1.0 }
    };
    (0..n).map(|row| (0..features).map(|f| value((row * features + f) as u64)).collect()).collect()
}

pub(crate) fn matrix(rows: &[Vec<f64>]) -> FeatureMatrix {
    let n = rows.first().map_or(0, Vec::len);
    let columns = (0..n).map(|f| Column::F64(rows.iter().map(|row| row[f]).collect())).collect();
    let schema = Schema::numerical((0..n).map(|i| format!("f{i}")));
    FeatureMatrix::new(schema, columns).expect("one column per feature, all of one length")
}
