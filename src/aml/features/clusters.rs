//! The features of a cluster: its own row, and the address, flow and temporal features of its addresses, folded by
//! maximum and by mean.

use super::{Fold, ModelFeature, address, cluster, flow, temporal};

pub(super) fn features() -> Vec<ModelFeature> {
    let members = [address::features(), flow::features(), temporal::features()].concat();
    let folded = |fold| members.iter().filter_map(move |f: &ModelFeature| f.folded(fold));
    let own = cluster::of_clusters().into_iter();
    own.chain(folded(Fold::Max)).chain(folded(Fold::Mean)).collect()
}
