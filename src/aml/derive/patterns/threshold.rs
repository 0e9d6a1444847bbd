//! Payments that stay just under a limit.

use super::{Detector, Found, Role, Scene, Scores, evenness};
use crate::aml::derive::chronicle::Entry;
use crate::aml::derive::finite;
use crate::aml::derive::graph::FlowGraph;

/// Limits in US dollars, with their names.
const LIMITS: [(&str, f64); 3] = [("reporting", 10_000.0), ("large", 50_000.0), ("institutional", 100_000.0)];
/// Just under a limit: from this share of it.
const NEAR: f64 = 0.8;
/// Fewest payments just under the limit.
const MIN_NEAR: usize = 5;
/// Their least share of the address's payments.
const MIN_SHARE: f64 = 0.7;
/// Least of 1 - standard deviation / mean of them.
const MIN_EVENNESS: f64 = 0.8;

pub(super) const THRESHOLD: Detector = Detector {
    pattern_type: "threshold_evasion",
    definition: "An address of whose transfers sent to others at least 5, and at least 70 %, are of 80 % up to 100 % of 10,000, \
                 of 50,000 or of 100,000 dollars, with 1 - standard deviation / mean at least 0.8. Needs single transfers.",
    bound: "O(transfers log transfers).",
    detect: evasions,
};

fn evasions(scene: &Scene<'_>) -> Vec<Found> {
    let Some(transfers) = scene.transfers else { return Vec::new() };
    let numbers = transfers.numbers_in(&scene.graph.addresses);
    let mut rows: Vec<&Entry> = transfers.entries().iter().filter(|t| t.from != t.to).collect();
    // stable: each sender's stay in time order
    rows.sort_by_key(|t| t.from);
    let by_sender = rows.chunk_by(|a, b| a.from == b.from);
    let of_sender = |own: &[&Entry]| {
        let who = numbers[own[0].from as usize]?;
        Some(LIMITS.iter().filter_map(|limit| evasion(scene.graph, who, own, *limit)).collect::<Vec<_>>())
    };
    by_sender.filter_map(of_sender).flatten().collect()
}

fn evasion(graph: &FlowGraph<'_>, who: u32, own: &[&Entry], (name, limit): (&str, f64)) -> Option<Found> {
    let under = |t: &&&Entry| (NEAR * limit..limit).contains(&finite(t.usd));
    let near: Vec<&Entry> = own.iter().filter(under).copied().collect();
    let share = near.len() as f64 / own.len() as f64;
    let evenness = evenness(&near.iter().map(|t| t.usd).collect::<Vec<_>>());
    if near.len() < MIN_NEAR || share < MIN_SHARE || evenness < MIN_EVENNESS {
        return None;
    }
    let strength = (near.len() as f64 / 20.0).min(1.0);
    let scores =
        Scores { severity: 0.5 + 0.5 * strength, confidence: 0.5 * share + 0.5 * evenness, risk: strength };
    let about = format!("{name},{limit}");
    let who = (who, Role::PrimaryAddress);
    Some(Found::of_transfers(graph, THRESHOLD.pattern_type, who, &about, &near, scores))
}
