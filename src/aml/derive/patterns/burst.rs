//! A flurry of transfers by an address that is otherwise quiet.

use super::{Detector, Found, Role, Scene, Scores, dollars};
use crate::aml::derive::chronicle::Entry;
use crate::aml::derive::graph::FlowGraph;
use crate::determinism::par;

/// Length of the flurry.
pub(super) const WINDOW_MS: i64 = 3_600_000;
/// Fewest transfers in it.
pub(super) const MIN_TRANSFERS: usize = 10;
/// How many times busier than the address's average hour.
pub(super) const MIN_INTENSITY: f64 = 3.0;
/// Least standard deviations above the average, were transfers independent.
pub(super) const MIN_Z: f64 = 2.0;

pub(super) const BURST: Detector = Detector {
    pattern_type: "temporal_burst",
    definition: "An hour, starting at one of its transfers, in which an address has at least 10 transfers, at least 3 \
                 times and 2 standard deviations (root of the average) more than its average hour between its first \
                 and last transfer. One per address: the largest deviation, then the earliest. Needs single transfers.",
    bound: "O(transfers log transfers): one sweep per address.",
    detect: bursts,
};

/// A flurry: transfers `from..to` of an address's list.
#[derive(Clone, Copy, Debug)]
struct Flurry {
    from: usize,
    to: usize,
    intensity: f64,
    z: f64,
}

fn bursts(scene: &Scene<'_>) -> Vec<Found> {
    let Some(transfers) = scene.transfers else { return Vec::new() };
    let places = transfers.by_address(&scene.graph.addresses);
    let of_address = |id: usize| {
        let places = places.of(id as u32);
        if places.len() < MIN_TRANSFERS {
            return None;
        }
        let own: Vec<&Entry> = places.iter().map(|&place| &transfers.entries()[place as usize]).collect();
        strongest(&own).map(|flurry| describe(scene.graph, id as u32, &own, flurry))
    };
    let blocks =
        par::map_blocks(scene.graph.len(), BLOCK, |ids| ids.filter_map(of_address).collect::<Vec<_>>());
    blocks.concat()
}

/// Addresses that one thread takes at a time.
const BLOCK: usize = 1024;

fn strongest(own: &[&Entry]) -> Option<Flurry> {
    let (first, last) = (own.first()?.at, own.last()?.at);
    let average = own.len() as f64 / (last.saturating_sub(first) as f64 / WINDOW_MS as f64).max(1.0);
    let mut best: Option<Flurry> = None;
    let mut to = 0;
    for from in 0..own.len() {
        while to < own.len() && own[to].at.saturating_sub(own[from].at) < WINDOW_MS {
            to += 1;
        }
        let count = (to - from) as f64;
        let flurry = Flurry {
            from,
            to,
            intensity: count / average.max(0.1),
            z: (count - average) / average.sqrt().max(0.1),
        };
        let strong = to - from >= MIN_TRANSFERS && flurry.intensity >= MIN_INTENSITY && flurry.z >= MIN_Z;
        if strong && best.is_none_or(|b| flurry.z > b.z) {
            best = Some(flurry);
        }
    }
    best
}

fn describe(graph: &FlowGraph<'_>, address: u32, own: &[&Entry], flurry: Flurry) -> Found {
    let rows = &own[flurry.from..flurry.to];
    let volume = dollars(rows);
    let strength = (flurry.intensity / 50.0).min(1.0);
    let scores = Scores {
        severity: 0.5 * strength + 0.5 * (volume / 50_000.0).min(1.0),
        confidence: 0.5 + 0.25 * strength + 0.25 * (rows.len() as f64 / 50.0).min(1.0),
        risk: 0.5 * strength,
    };
    let about = rows[0].at.to_string();
    Found::of_transfers(graph, BURST.pattern_type, (address, Role::BurstSource), &about, rows, scores)
}
