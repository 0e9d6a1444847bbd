//! The features of an alert: all families.

use super::{ModelFeature, address, alert, change, cluster, flow, graph, temporal};

pub(super) fn features() -> Vec<ModelFeature> {
    let own = [alert::features(), address::features(), flow::features(), temporal::features()];
    own.into_iter().chain([cluster::of_alerts(), change::features(), graph::features()]).flatten().collect()
}
