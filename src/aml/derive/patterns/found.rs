//! A pattern as detectors find it: numbers instead of texts, a tenth of the memory of the row that is written of it.

use std::collections::BTreeMap;

use super::{Scores, dollars, volume};
use crate::aml::derive::chronicle::Entry;
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::aml::sot::Pattern;
use crate::determinism::digest::Digest;

/// Type and method of a pattern.
pub(in crate::aml::derive) type Kind = (&'static str, &'static str);

/// An address of the graph and its part in the pattern.
pub(in crate::aml::derive) type Member = (u32, Role);

/// A pattern between addresses of a graph.
#[derive(Clone, Debug)]
pub(in crate::aml::derive) struct Found {
    pub(in crate::aml::derive) kind: Kind,
    /// The first eight bytes of the digest that names it.
    hash: u64,
    pub(in crate::aml::derive) members: Box<[Member]>,
    pub(in crate::aml::derive) scores: Scores,
    pub(in crate::aml::derive) volume_usd: f64,
    /// First to last transfer, milliseconds since 1970.
    pub(in crate::aml::derive) time: [i64; 2],
    pub(in crate::aml::derive) transfers: u64,
}

/// What an address does in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::aml::derive) enum Role {
    BurstSource,
    Center,
    Contract,
    Destination,
    Developer,
    Exit,
    Intermediary,
    Marketing,
    Participant,
    PrimaryAddress,
    RiskSource,
    Source,
    Suspect,
}

impl Role {
    /// As the table of patterns has it.
    pub(in crate::aml::derive) fn name(self) -> &'static str {
        match self {
            Role::BurstSource => "burst_source",
            Role::Center => "center",
            Role::Contract => "contract",
            Role::Destination => "destination",
            Role::Developer => "developer",
            Role::Exit => "exit",
            Role::Intermediary => "intermediary",
            Role::Marketing => "marketing",
            Role::Participant => "participant",
            Role::PrimaryAddress => "primary_address",
            Role::RiskSource => "risk_source",
            Role::Source => "source",
            Role::Suspect => "suspect",
        }
    }
}

impl Found {
    /// The pattern that `edges` between members form.
    pub(in crate::aml::derive) fn of_edges(
        graph: &FlowGraph<'_>,
        kind: Kind,
        members: &[Member],
        edges: &[&Edge<'_>],
        scores: Scores,
    ) -> Found {
        let mut ids: Vec<u32> = members.iter().map(|member| member.0).collect();
        // numbers are in byte order
        ids.sort_unstable();
        let names: Vec<&str> = ids.into_iter().map(|id| graph.name(id)).collect();
        let first = edges.iter().map(|e| e.flow.first_seen_timestamp).min();
        let last = edges.iter().map(|e| e.flow.last_seen_timestamp).max();
        Found {
            kind,
            hash: hash_of(kind.0, &names.join(",")),
            members: members.into(),
            scores,
            volume_usd: volume(edges),
            time: [first.unwrap_or(0), last.unwrap_or(0)],
            transfers: edges.iter().fold(0, |sum, e| sum.saturating_add(e.flow.tx_count)),
        }
    }

    /// The pattern that transfers of one address, in time order, form; `about` tells it from others of its kind and address.
    pub(super) fn of_transfers(
        graph: &FlowGraph<'_>,
        kind: &'static str,
        member: Member,
        about: &str,
        rows: &[&Entry],
        scores: Scores,
    ) -> Found {
        Found {
            kind: (kind, "temporal_analysis"),
            hash: hash_of(kind, &format!("{},{about}", graph.name(member.0))),
            members: [member].into(),
            scores,
            volume_usd: dollars(rows),
            time: [rows.first().map_or(0, |t| t.at), rows.last().map_or(0, |t| t.at)],
            transfers: rows.len() as u64,
        }
    }

    /// `pattern_hash` of its row.
    pub(in crate::aml::derive) fn hash(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// `pattern_id` of its row.
    pub(in crate::aml::derive) fn id(&self) -> String {
        id_of(self.kind.0, self.hash)
    }

    /// Its row.
    pub(in crate::aml::derive) fn row(&self, graph: &FlowGraph<'_>) -> Pattern {
        let [pattern_start_time, pattern_end_time] = self.time;
        Pattern {
            pattern_id: self.id(),
            pattern_type: self.kind.0.to_owned(),
            pattern_hash: self.hash(),
            addresses_involved: self.members.iter().map(|member| graph.name(member.0).to_owned()).collect(),
            address_roles: self.members.iter().map(|member| member.1.name().to_owned()).collect(),
            severity_score: self.scores.severity,
            confidence_score: self.scores.confidence,
            risk_score: self.scores.risk,
            volume_usd: self.volume_usd,
            pattern_start_time,
            pattern_end_time,
            evidence_transaction_count: self.transfers,
            detection_method: self.kind.1.to_owned(),
        }
    }

    fn addresses(&self) -> impl Iterator<Item = u32> {
        self.members.iter().map(|member| member.0)
    }

    /// Whether it is listed rather than another of its id: the one that moved most, then the one whose addresses come first.
    fn is_listed_before(&self, other: &Found) -> bool {
        let by_volume = self.volume_usd.total_cmp(&other.volume_usd);
        by_volume.then_with(|| other.addresses().cmp(self.addresses())).is_gt()
    }
}

/// The rows of some.
pub(in crate::aml::derive) fn rows(found: &[Found], graph: &FlowGraph<'_>) -> Vec<Pattern> {
    found.iter().map(|found| found.row(graph)).collect()
}

/// One pattern per id of those of a kind, by id.
pub(super) fn unique(found: Vec<Found>) -> Vec<Found> {
    let mut kept: BTreeMap<u64, Found> = BTreeMap::new();
    for found in found {
        if kept.get(&found.hash).is_none_or(|old| found.is_listed_before(old)) {
            kept.insert(found.hash, found);
        }
    }
    kept.into_values().collect()
}

/// `{type}_{hash}`: the hash is the first 16 hexadecimal digits of SHA-256 over `{type}:` and the sorted members.
pub fn pattern_id(pattern_type: &str, members: &[&str]) -> String {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    id_of(pattern_type, hash_of(pattern_type, &sorted.join(",")))
}

fn id_of(pattern_type: &str, hash: u64) -> String {
    format!("{pattern_type}_{hash:016x}")
}

fn hash_of(pattern_type: &str, text: &str) -> u64 {
    let digest = Digest::of(format!("{pattern_type}:{text}").as_bytes());
    digest.0[..8].iter().fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}
