//! What an address's counterparties are like, and theirs.

use super::{Family, Line, Lists, Scene, Step, View};
use crate::determinism::{math, par};

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

/// Those of the family `surroundings`: counterparties' circles, how even their amounts are and how steady their days.
const FURTHER_TRAITS: &[&str] = &[
    "clustering_plain",
    "scatter_gather_source",
    "scatter_gather_sink",
    "scatter_gather_middle",
    "shared_senders_share",
    "shared_recipients_share",
    "in_amount_cv",
    "out_amount_cv",
    "in_amount_distinct_share",
    "out_amount_distinct_share",
    "hold_mean",
    "unfunded_share",
    "busiest_day_share",
    "gap_cv",
    "dormancy_share",
    "own_inside_share",
    "community_density",
    "loop_hops",
];

const SUMMARIES: [&str; 3] = ["mean", "max", "min"];

/// The summaries of each side, some traits after the others, then those of each way to the counterparties' counterparties.
pub(super) const NEIGHBOURS: Family = Family {
    name: "neighbours",
    parts: ASKED.len(),
    list: |part| ASKED[part].lines(),
    compute: |scene, part| ASKED[part].columns(scene),
};

/// A family of its own behind the others, whose columns keep their places.
pub(super) const SURROUNDINGS: Family = Family {
    name: "surroundings",
    parts: ASKED_FURTHER.len(),
    list: |part| ASKED_FURTHER[part].lines(),
    compute: |scene, part| ASKED_FURTHER[part].columns(scene),
};

const ASKED: [Asked; 10] = [
    near(SENDERS, TRAITS.split_at(9).0),
    near(SENDERS, TRAITS.split_at(9).1.split_at(9).0),
    near(SENDERS, TRAITS.split_at(18).1),
    near(RECIPIENTS, TRAITS.split_at(9).0),
    near(RECIPIENTS, TRAITS.split_at(9).1.split_at(9).0),
    near(RECIPIENTS, TRAITS.split_at(18).1),
    far(SENDERS, SENDERS),
    far(SENDERS, RECIPIENTS),
    far(RECIPIENTS, SENDERS),
    far(RECIPIENTS, RECIPIENTS),
];

const ASKED_FURTHER: [Asked; 4] = [
    further(SENDERS, FURTHER_TRAITS.split_at(9).0),
    further(SENDERS, FURTHER_TRAITS.split_at(9).1),
    further(RECIPIENTS, FURTHER_TRAITS.split_at(9).0),
    further(RECIPIENTS, FURTHER_TRAITS.split_at(9).1),
];

/// What is asked of the counterparties on a side, or of theirs on another.
struct Asked {
    side: Side,
    far: Option<Side>,
    traits: &'static [&'static str],
    /// The first so many of [`SUMMARIES`].
    summaries: usize,
}

const fn near(side: Side, traits: &'static [&'static str]) -> Asked {
    Asked { side, far: None, traits, summaries: 3 }
}

const fn further(side: Side, traits: &'static [&'static str]) -> Asked {
    Asked { side, far: None, traits, summaries: 2 }
}

const fn far(side: Side, far: Side) -> Asked {
    Asked { side, far: Some(far), traits: FAR_TRAITS, summaries: 2 }
}

/// Counterparties of one kind.
#[derive(Clone, Copy)]
struct Side {
    name: &'static str,
    of: fn(&Scene) -> &Lists,
}

const SENDERS: Side = Side { name: "senders", of: |scene| &scene.senders };
const RECIPIENTS: Side = Side { name: "recipients", of: |scene| &scene.recipients };

impl Asked {
    fn lines(&self) -> Vec<Line> {
        let side = self.side.name;
        let of = |name: &&str| {
            let own = described(name);
            let (asked, over) = match self.far {
                None => (side.to_owned(), format!("of {own} over its {side}")),
                Some(far) => {
                    let far = far.name;
                    (
                        format!("{side}_{far}"),
                        format!("over its {side} of the mean of {own} over their {far}"),
                    )
                }
            };
            let line = |how: &&str| {
                (format!("{asked}_{name}_{how}"), "as there", format!("{how} {over}; 0 for none"))
            };
            SUMMARIES[..self.summaries].iter().map(line).collect::<Vec<_>>()
        };
        self.traits.iter().flat_map(of).collect()
    }

    /// A trait at a time: what is asked of everybody stays in the cache.
    fn columns(&self, scene: &View<'_>) -> Vec<Vec<f64>> {
        let side = (self.side.of)(scene);
        let of = |at: usize| {
            let own = trait_of(scene, self.traits[at]);
            let of_each = match self.far {
                None => own,
                Some(far) => means((far.of)(scene), &own),
            };
            summaries(side, &of_each, self.summaries)
        };
        par::map(self.traits.len(), of).into_iter().flatten().collect()
    }
}

/// Whether the family reads a column of an earlier one.
pub(super) fn reads(column: &str) -> bool {
    TRAITS.contains(&column) || FURTHER_TRAITS.contains(&column)
}

fn described(name: &str) -> String {
    match name {
        "senders" | "recipients" => format!("ln(1 + distinct {name})"),
        "received" | "sent" => format!("ln(1 + value {name})"),
        column => format!("`{column}`"),
    }
}

/// The mean over the list of each address; 0 for none.
fn means(lists: &Lists, values: &[f64]) -> Vec<f64> {
    (0..lists.len() as u32).map(|a| summary(lists.of(a), values)[0]).collect()
}

/// The first so many of mean, maximum and minimum over the list of each address.
fn summaries(lists: &Lists, values: &[f64], how_many: usize) -> Vec<Vec<f64>> {
    let mut columns: Vec<Vec<f64>> = (0..how_many).map(|_| Vec::with_capacity(lists.len())).collect();
    for a in 0..lists.len() as u32 {
        let summary = summary(lists.of(a), values);
        columns.iter_mut().zip(summary).for_each(|(column, x)| column.push(x));
    }
    columns
}

fn trait_of(scene: &View<'_>, name: &str) -> Vec<f64> {
    let size =
        |lists: &Lists| (0..scene.len()).map(|a| math::ln_1p(lists.of(a as u32).len() as f64)).collect();
    let value = |steps: &[Step]| math::ln_1p(steps.iter().map(|step| step.value).sum());
    match name {
        "senders" => size(&scene.senders),
        "recipients" => size(&scene.recipients),
        "received" => par::map(scene.len(), |a| value(scene.ledger.received(a as u32))),
        "sent" => par::map(scene.len(), |a| value(scene.ledger.sent(a as u32))),
        column => scene.column(column),
    }
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
