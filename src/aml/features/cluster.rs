//! Cluster family: for an alert, the clusters that name it; for a cluster, its own row.

use super::view::{AlertView, ClusterView};
use super::vocabulary::{self, CLUSTER_TYPES};
use super::{Family, ModelFeature, Unit, ratio};
use crate::aml::sot::Cluster;

/// What an alert reads of the clusters that name it.
pub(super) fn of_alerts() -> Vec<ModelFeature> {
    OF_ALERTS.to_vec()
}

/// What a cluster reads of its own row.
pub(super) fn of_clusters() -> Vec<ModelFeature> {
    OF_CLUSTERS.to_vec()
}

const fn named(
    name: &'static str,
    unit: Unit,
    doc: &'static str,
    read: fn(&AlertView<'_>) -> f64,
) -> ModelFeature {
    ModelFeature::alert(Family::Cluster, name, unit, doc, read)
}

static OF_ALERTS: [ModelFeature; 5] = [
    named("cluster_count", Unit::Count, "Clusters that name the alert.", |v| {
        v.clusters.map_or(f64::NAN, |clusters| clusters.len() as f64)
    }),
    named("cluster_alerts_max", Unit::Count, "Members of the largest cluster that names it.", |v| {
        largest(v, |c| c.total_alerts as f64)
    }),
    named("cluster_volume_max_usd", Unit::Usd, "Volume of the largest cluster that names it.", |v| {
        largest(v, |c| c.total_volume_usd)
    }),
    named("cluster_severity_max", Unit::Level, "Highest severity of the clusters that name it.", |v| {
        largest(v, |c| vocabulary::severity(&c.severity_max))
    }),
    named(
        "cluster_confidence_max",
        Unit::Share,
        "Highest mean confidence of the clusters that name it.",
        |v| largest(v, |c| c.confidence_avg),
    ),
];

static OF_CLUSTERS: [ModelFeature; 13] = [
    ModelFeature::cluster("cluster_total_alerts", Unit::Count, "Members of the cluster.", |v| {
        v.cluster.total_alerts as f64
    }),
    ModelFeature::cluster("cluster_addresses", Unit::Count, "Distinct addresses of the cluster.", |v| {
        v.members.len() as f64
    }),
    ModelFeature::cluster("cluster_alerts_per_address", Unit::Ratio, "Members per address.", |v| {
        ratio(v.cluster.total_alerts as f64, v.members.len() as f64)
    }),
    ModelFeature::cluster("cluster_volume_usd", Unit::Usd, "Volume of the cluster.", |v| {
        v.cluster.total_volume_usd
    }),
    ModelFeature::cluster("cluster_volume_per_alert_usd", Unit::Usd, "Volume per member.", |v| {
        ratio(v.cluster.total_volume_usd, v.cluster.total_alerts as f64)
    }),
    ModelFeature::cluster("cluster_severity", Unit::Level, "Highest severity of its members.", |v| {
        vocabulary::severity(&v.cluster.severity_max)
    }),
    ModelFeature::cluster("cluster_confidence", Unit::Share, "Mean confidence of its members.", |v| {
        v.cluster.confidence_avg
    }),
    ModelFeature::cluster("cluster_span_hours", Unit::Hours, "Earliest to latest member alert.", |v| {
        span(v.cluster)
    }),
    ModelFeature::cluster("cluster_is_same_entity", Unit::Flag, "Made of one address's alerts.", |v| {
        is(v, 0)
    }),
    ModelFeature::cluster("cluster_is_same_pattern", Unit::Flag, "Made of one pattern's alerts.", |v| {
        is(v, 1)
    }),
    ModelFeature::cluster("cluster_is_related_network", Unit::Flag, "Made of connected addresses.", |v| {
        is(v, 2)
    }),
    ModelFeature::cluster("cluster_is_time_based", Unit::Flag, "Made of alerts near in time.", |v| is(v, 3)),
    ModelFeature::cluster("cluster_is_other", Unit::Flag, "Of a type outside the vocabulary.", |v| {
        f64::from(u8::from(vocabulary::code(&CLUSTER_TYPES, &v.cluster.cluster_type).is_none()))
    }),
];

fn largest(view: &AlertView<'_>, value: impl Fn(&Cluster) -> f64) -> f64 {
    view.clusters.into_iter().flatten().map(|c| value(c)).fold(f64::NAN, f64::max)
}

fn is(view: &ClusterView<'_>, code: usize) -> f64 {
    f64::from(u8::from(vocabulary::code(&CLUSTER_TYPES, &view.cluster.cluster_type) == Some(code)))
}

/// Hours between the first and the last alert; NaN where a time is unknown (0).
fn span(cluster: &Cluster) -> f64 {
    let (first, last) = (cluster.earliest_alert_timestamp, cluster.latest_alert_timestamp);
    if first == 0 || last == 0 { f64::NAN } else { (last as f64 - first as f64) / 3_600_000.0 }
}
