//! What training as a whole must hold to.

use aml_miner::gbdt::data::Task;
use aml_miner::metrics::binary::{auc, binary_logloss};

use crate::made;

#[test]
fn training_learns() {
    let (matrix, labels) = made::binary(4000, 5, 1);
    let model = made::fit(&made::plan(&[("num_iterations", "50")]), &matrix, Task::binary(labels.clone()));
    assert_eq!(model.trees.len(), 50);
    let raw = made::raw_scores(&model, &matrix);
    let auc = auc(&labels, &raw, None).expect("two classes");
    assert!(auc > 0.95, "{auc}");
    let chances: Vec<f64> = raw.iter().map(|&x| model.objective.transform(x)).collect();
    let loss = binary_logloss(&labels, &chances, None).expect("rows");
    assert!(loss < 0.35, "{loss}");
}

#[test]
fn covers_add_up() {
    let (matrix, labels) = made::binary(3000, 4, 2);
    let plan = made::plan(&[("num_iterations", "5"), ("bagging_fraction", "0.6"), ("bagging_freq", "1")]);
    let model = made::fit(&plan, &matrix, Task::binary(labels));
    for tree in &model.trees {
        let leaves: u64 = tree.leaves.iter().map(|leaf| leaf.count).sum();
        assert_eq!(leaves, tree.nodes[0].count);
        assert!((1600..2000).contains(&leaves), "{leaves}");
        assert!(tree.leaves.iter().all(|leaf| leaf.count >= 20));
    }
}
