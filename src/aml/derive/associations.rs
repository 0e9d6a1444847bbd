//! Clusters of several addresses: the alerts of one pattern, and grave alerts of addresses that pay each other.
//!
//! Gathered while alerts pass by, made at the end, for who asks: no shipped model learned from them. `same_pattern` is every pattern
//! with alerts on two addresses or more, in the order of their ids. `related_network` is every set of 2 to [`WIDEST`] addresses
//! with an alert of high or critical severity and at most [`MAX_PAIRS`] pairs that hang together by payments among themselves,
//! in the order of their first addresses. Whoever has more pairs is a service, by which strangers hang together; wider sets are the
//! background of a network, not a ring. The order of alerts and flows cannot be seen.

use std::collections::{BTreeMap, BTreeSet};

use super::clusters::{Bond, cluster, severity_rank};
use super::graph::FlowGraph;
use crate::aml::sot::{Alert, Batch, Cluster};
use crate::determinism::digest::Digest;

/// Most addresses of a related network.
pub(super) const WIDEST: usize = 50;
/// Most pairs of an address in one; a pair with itself counts twice, as in [`FlowGraph::degree`].
const MAX_PAIRS: usize = 20;

/// Alerts that may belong to such clusters, without their words.
#[derive(Default)]
pub(super) struct Associations {
    alerts: Vec<Alert>,
}

impl Associations {
    /// Keeps those of the alerts that come from a pattern or are grave.
    pub(super) fn gather(&mut self, alerts: &[Alert]) {
        let kept = alerts.iter().filter(|alert| !alert.pattern_id.is_empty() || is_grave(alert));
        self.alerts.extend(kept.map(|alert| Alert {
            description: String::new(),
            evidence_json: String::new(),
            risk_indicators: Vec::new(),
            ..alert.clone()
        }));
    }

    /// The clusters of all alerts that were gathered.
    pub(super) fn clusters(&self, batch: &Batch, graph: Option<&FlowGraph<'_>>) -> Vec<Cluster> {
        let mut clusters = same_pattern(batch, &self.alerts);
        clusters.extend(graph.map(|graph| related(batch, &self.alerts, graph)).unwrap_or_default());
        clusters
    }
}

fn is_grave(alert: &Alert) -> bool {
    severity_rank(&alert.severity) >= severity_rank("high")
}

fn same_pattern(batch: &Batch, alerts: &[Alert]) -> Vec<Cluster> {
    let mut of_pattern: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| !alert.pattern_id.is_empty()) {
        of_pattern.entry(&alert.pattern_id).or_default().push(alert);
    }
    let clusters = of_pattern.into_iter().filter_map(|(pattern, members)| {
        let addresses: BTreeSet<&str> = members.iter().map(|alert| alert.address.as_str()).collect();
        let bond = Bond { kind: "same_pattern", name: pattern.to_owned() };
        (addresses.len() > 1)
            .then(|| cluster(batch, &bond, &addresses.into_iter().collect::<Vec<_>>(), members))
    });
    clusters.collect()
}

fn related(batch: &Batch, alerts: &[Alert], graph: &FlowGraph<'_>) -> Vec<Cluster> {
    let mut of_address: BTreeMap<u32, Vec<&Alert>> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| is_grave(alert)) {
        let id = graph.addresses.get(&alert.address);
        if let Some(id) = id.filter(|&id| graph.degree(id) <= MAX_PAIRS) {
            of_address.entry(id).or_default().push(alert);
        }
    }
    let rings = rings(graph, |id| of_address.contains_key(&id));
    let clusters = rings.into_iter().filter(|ring| (2..=WIDEST).contains(&ring.len())).map(|ring| {
        let addresses: Vec<&str> = ring.iter().map(|&id| graph.name(id)).collect();
        let text = format!("related_network:{}", addresses.join(","));
        let name = Digest::of(text.as_bytes()).to_string()[..16].to_owned();
        let members = ring.iter().flat_map(|id| of_address[id].iter().copied()).collect();
        cluster(batch, &Bond { kind: "related_network", name }, &addresses, members)
    });
    clusters.collect()
}

/// The sets of the addresses for which `belongs` holds that hang together by payments among them, each upwards, in the order of
/// their first.
fn rings(graph: &FlowGraph<'_>, belongs: impl Fn(u32) -> bool) -> Vec<Vec<u32>> {
    let mut first: Vec<u32> = (0..graph.len() as u32).collect();
    let root = |first: &[u32], mut id: u32| {
        while first[id as usize] != id {
            id = first[id as usize];
        }
        id
    };
    for edge in graph.edges.iter().filter(|edge| belongs(edge.from) && belongs(edge.to)) {
        let (a, b) = (root(&first, edge.from), root(&first, edge.to));
        // the smaller number is the root, and who was asked about points to it from now on
        let (low, high) = (a.min(b), a.max(b));
        first[high as usize] = low;
        (first[edge.from as usize], first[edge.to as usize]) = (low, low);
    }
    let mut rings: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for id in (0..graph.len() as u32).filter(|&id| belongs(id)) {
        rings.entry(root(&first, id)).or_default().push(id);
    }
    rings.into_values().collect()
}
