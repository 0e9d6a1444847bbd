//! Patterns as alerts read them: rows that a batch came with, or what was found in its graph and has no rows yet.

use super::graph::FlowGraph;
use super::patterns::{Found, Scores};
use crate::aml::sot::Pattern;

/// Patterns in their order.
#[derive(Clone, Copy)]
pub(super) enum Sightings<'a> {
    /// Of a table.
    Given(&'a [Pattern]),
    /// Of a graph.
    Found(&'a [Found], &'a FlowGraph<'a>),
}

/// An address in a pattern.
pub(super) struct Sighting<'a> {
    pub(super) address: &'a str,
    /// Empty where unknown.
    pub(super) role: &'a str,
    pub(super) kind: &'a str,
    /// How many addresses the pattern has.
    pub(super) members: usize,
    pub(super) pattern_id: String,
    pub(super) pattern_hash: String,
    pub(super) scores: Scores,
    pub(super) volume_usd: f64,
    /// Of the first and of the last transfer, milliseconds since 1970; 0 where unknown.
    pub(super) time: [i64; 2],
    pub(super) transfers: u64,
}

impl<'a> Sightings<'a> {
    /// How many patterns.
    pub(super) fn len(self) -> usize {
        match self {
            Sightings::Given(rows) => rows.len(),
            Sightings::Found(found, _) => found.len(),
        }
    }

    /// The type of a pattern.
    pub(super) fn kind(self, at: usize) -> &'a str {
        match self {
            Sightings::Given(rows) => &rows[at].pattern_type,
            Sightings::Found(found, _) => found[at].kind.0,
        }
    }

    /// How many addresses it has.
    pub(super) fn members(self, at: usize) -> usize {
        match self {
            Sightings::Given(rows) => rows[at].addresses_involved.len(),
            Sightings::Found(found, _) => found[at].members.len(),
        }
    }

    /// The address at a place of its list.
    pub(super) fn address(self, at: usize, place: usize) -> &'a str {
        match self {
            Sightings::Given(rows) => &rows[at].addresses_involved[place],
            Sightings::Found(found, graph) => graph.name(found[at].members[place].0),
        }
    }

    /// That address and the pattern.
    pub(super) fn sighting(self, at: usize, place: usize) -> Sighting<'a> {
        match self {
            Sightings::Given(rows) => Sighting::of_row(&rows[at], place),
            Sightings::Found(found, graph) => Sighting::of_found(&found[at], graph, place),
        }
    }
}

impl<'a> Sighting<'a> {
    fn of_row(row: &'a Pattern, place: usize) -> Self {
        Sighting {
            address: &row.addresses_involved[place],
            role: row.address_roles.get(place).map_or("", String::as_str),
            kind: &row.pattern_type,
            members: row.addresses_involved.len(),
            pattern_id: row.pattern_id.clone(),
            pattern_hash: row.pattern_hash.clone(),
            scores: Scores {
                severity: row.severity_score,
                confidence: row.confidence_score,
                risk: row.risk_score,
            },
            volume_usd: row.volume_usd,
            time: [row.pattern_start_time, row.pattern_end_time],
            transfers: row.evidence_transaction_count,
        }
    }

    fn of_found(found: &Found, graph: &'a FlowGraph<'_>, place: usize) -> Self {
        let (address, role) = found.members[place];
        Sighting {
            address: graph.name(address),
            role: role.name(),
            kind: found.kind.0,
            members: found.members.len(),
            pattern_id: found.id(),
            pattern_hash: found.hash(),
            scores: found.scores,
            volume_usd: found.volume_usd,
            time: found.time,
            transfers: found.transfers,
        }
    }
}
