//! How unlike the batch's other addresses an address is.

use super::forest::{Samples, Scaled, isolation};
use super::{Family, View, lines};
use crate::determinism::math;

pub(super) const ANOMALY: Family =
    Family { name: "anomaly", parts: 1, list: |_| lines(LIST), compute: |scene, _| anomaly(scene) };

const LIST: &[(&str, &str, &str)] = &[
    (
        "isolation_flow",
        "score",
        "isolation forest (100 seeded trees of 256 addresses) over amounts, passage and fans, sizes as ln(1 + x)",
    ),
    ("isolation_time", "score", "the same over rhythm and motifs"),
    ("isolation_graph", "score", "the same over shapes, paths and position"),
];

/// The families that each forest looks at.
const READ: [[&str; 3]; 3] =
    [["amounts", "passage", "fans"], ["rhythm", "motifs", ""], ["shapes", "paths", "position"]];

/// Whether a family's columns are read here.
pub(super) fn reads(family: &str) -> bool {
    READ.as_flattened().contains(&family)
}

fn anomaly(scene: &View<'_>) -> Vec<Vec<f64>> {
    let samples = Samples::of(scene.len());
    let mut scores = Vec::new();
    for families in READ {
        let named = super::FAMILIES.iter().filter(|family| families.contains(&family.name));
        let lines = named.flat_map(Family::lines);
        let scaled = lines.map(|(name, unit, _)| Scaled {
            values: Box::new(move |rows| scene.part(&name, rows)),
            scale: if matches!(unit, "usd" | "count" | "hours") { signed_log } else { |x| x },
        });
        scores.push(isolation(&scaled.collect::<Vec<_>>(), &samples));
    }
    scores
}

fn signed_log(x: f64) -> f64 {
    math::ln_1p(x.abs()).copysign(x)
}
