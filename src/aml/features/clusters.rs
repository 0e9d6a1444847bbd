//! The features of a cluster: its own row, and the address, flow, temporal, change and graph features of its addresses, folded
//! by maximum and by mean.

use super::{Fold, ModelFeature, address, change, cluster, flow, graph, temporal};

pub(super) fn features() -> Vec<ModelFeature> {
    let rows = [address::features(), flow::features(), temporal::features()];
    let members = [rows.concat(), change::features(), graph::features()].concat();
    let folded = |fold| members.iter().filter_map(move |f: &ModelFeature| f.folded(fold));
    let own = cluster::of_clusters().into_iter();
    own.chain(folded(Fold::Max)).chain(folded(Fold::Mean)).collect()
}
