//! What an address's counterparties are like, and theirs.

use super::{Family, Line, Lists, Scene, Step};
use crate::determinism::{math, par};

pub(super) const NEIGHBOURS: Family = Family { name: "neighbours", list, compute: neighbours };

/// What is asked of counterparties; the first four are counted here, the others are columns of earlier families.
const TRAITS: &[&str] = &[
    "senders",
    "recipients",
    "received",
    "sent",
    "start_share",
    "life_share",
    "in_pair_day",
    "out_pair_day",
    "in_amount_digits",
    "out_amount_digits",
    "in_amount_low",
    "out_amount_low",
    "in_amount_near_share",
    "out_amount_near_share",
    "in_fan_day",
    "out_fan_day",
    "passed_day_share",
    "equal_forward_share",
    "turn_order",
    "chain_through",
    "isolation_flow",
    "isolation_time",
    "isolation_graph",
];

/// Those that are asked of the counterparties' counterparties too.
const FAR_TRAITS: &[&str] = &[
    "senders",
    "recipients",
    "received",
    "sent",
    "in_pair_day",
    "out_pair_day",
    "in_amount_low",
    "out_amount_low",
    "passed_day_share",
    "isolation_flow",
    "isolation_time",
    "isolation_graph",
];

const SUMMARIES: [&str; 3] = ["mean", "max", "min"];

fn list() -> Vec<Line> {
    let mut list = Vec::new();
    for side in ["senders", "recipients"] {
        for name in TRAITS {
            for how in SUMMARIES {
                let formula = format!("{how} of {} over its {side}; 0 for none", described(name));
                list.push((format!("{side}_{name}_{how}"), "as there", formula));
            }
        }
    }
    for (side, far) in WAYS {
        for name in FAR_TRAITS {
            for how in ["mean", "max"] {
                let inner = format!("the mean of {} over their {far}", described(name));
                let formula = format!("{how} over its {side} of {inner}; 0 for none");
                list.push((format!("{side}_{far}_{name}_{how}"), "as there", formula));
            }
        }
    }
    list
}

const WAYS: [(&str, &str); 4] = [
    ("senders", "senders"),
    ("senders", "recipients"),
    ("recipients", "senders"),
    ("recipients", "recipients"),
];

fn described(name: &str) -> String {
    match name {
        "senders" | "recipients" => format!("ln(1 + distinct {name})"),
        "received" | "sent" => format!("ln(1 + value {name})"),
        column => format!("`{column}`"),
    }
}

fn neighbours(scene: &Scene<'_>) -> Vec<Vec<f64>> {
    let mut columns = Vec::new();
    for side in [&scene.senders, &scene.recipients] {
        for name in TRAITS {
            let values = trait_of(scene, name);
            let rows = par::map(scene.len(), |a| summary(side.of(a as u32), &values));
            columns.extend((0..3).map(|at| rows.iter().map(|row| row[at]).collect::<Vec<f64>>()));
        }
    }
    let lists = |side: &str| if side == "senders" { &scene.senders } else { &scene.recipients };
    for (side, far) in WAYS {
        for name in FAR_TRAITS {
            let means = means(lists(far), &trait_of(scene, name), scene.len());
            let rows = par::map(scene.len(), |a| summary(lists(side).of(a as u32), &means));
            columns.extend((0..2).map(|at| rows.iter().map(|row| row[at]).collect::<Vec<f64>>()));
        }
    }
    columns
}

fn trait_of(scene: &Scene<'_>, name: &str) -> Vec<f64> {
    let size =
        |lists: &Lists| (0..scene.len()).map(|a| math::ln_1p(lists.of(a as u32).len() as f64)).collect();
    let value = |steps: &[Step]| math::ln_1p(steps.iter().map(|step| step.value).sum());
    match name {
        "senders" => size(&scene.senders),
        "recipients" => size(&scene.recipients),
        "received" => par::map(scene.len(), |a| value(scene.ledger.received(a as u32))),
        "sent" => par::map(scene.len(), |a| value(scene.ledger.sent(a as u32))),
        column => scene.column(column).to_vec(),
    }
}

fn means(lists: &Lists, values: &[f64], n: usize) -> Vec<f64> {
    par::map(n, |a| summary(lists.of(a as u32), values)[0])
}

/// Mean, maximum, minimum; 0 for none.
fn summary(of: &[u32], values: &[f64]) -> [f64; 3] {
    let (mut sum, mut most, mut least) = (0.0, f64::NEG_INFINITY, f64::INFINITY);
    for &a in of {
        let x = values[a as usize];
        sum += x;
        (most, least) = (f64::max(most, x), f64::min(least, x));
    }
    if of.is_empty() { [0.0; 3] } else { [sum / of.len() as f64, most, least] }
}
