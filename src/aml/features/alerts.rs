//! The features of an alert: all five families.

use super::{ModelFeature, address, alert, cluster, flow, temporal};

pub(super) fn features() -> Vec<ModelFeature> {
    [alert::features(), address::features(), flow::features(), temporal::features(), cluster::of_alerts()]
        .concat()
}
