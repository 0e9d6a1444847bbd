//! The features of a cluster: its own row, and the address, flow, temporal and change features of its addresses, folded by
//! maximum and by mean.

use super::{Fold, ModelFeature, address, change, cluster, flow, temporal};

pub(super) fn features() -> Vec<ModelFeature> {
    let members = [address::features(), flow::features(), temporal::features(), change::features()].concat();
    let folded = |fold| members.iter().filter_map(move |f: &ModelFeature| f.folded(fold));
    let own = cluster::of_clusters().into_iter();
    own.chain(folded(Fold::Max)).chain(folded(Fold::Mean)).collect()
}
