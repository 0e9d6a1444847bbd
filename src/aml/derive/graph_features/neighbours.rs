//! What an address's counterparties are like, and theirs.

use super::{Family, Line, Lists, Step, View};
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

/// The summaries of each side, some traits after the others; then, of each way to the counterparties' counterparties, a part
/// of the family for each, so that not all columns are there at once.
pub(super) const SENDERS: [Family; 3] = [
    Family { name: NAME, list: || near_list("senders", 0), compute: |scene| near(scene, &scene.senders, 0) },
    Family { name: NAME, list: || near_list("senders", 1), compute: |scene| near(scene, &scene.senders, 1) },
    Family { name: NAME, list: || near_list("senders", 2), compute: |scene| near(scene, &scene.senders, 2) },
];
pub(super) const RECIPIENTS: [Family; 3] = [
    Family {
        name: NAME,
        list: || near_list("recipients", 0),
        compute: |scene| near(scene, &scene.recipients, 0),
    },
    Family {
        name: NAME,
        list: || near_list("recipients", 1),
        compute: |scene| near(scene, &scene.recipients, 1),
    },
    Family {
        name: NAME,
        list: || near_list("recipients", 2),
        compute: |scene| near(scene, &scene.recipients, 2),
    },
];
pub(super) const SENDERS_SENDERS: Family = Family {
    name: NAME,
    list: || far_list("senders", "senders"),
    compute: |scene| far(scene, &scene.senders, &scene.senders),
};
pub(super) const SENDERS_RECIPIENTS: Family = Family {
    name: NAME,
    list: || far_list("senders", "recipients"),
    compute: |scene| far(scene, &scene.senders, &scene.recipients),
};
pub(super) const RECIPIENTS_SENDERS: Family = Family {
    name: NAME,
    list: || far_list("recipients", "senders"),
    compute: |scene| far(scene, &scene.recipients, &scene.senders),
};
pub(super) const RECIPIENTS_RECIPIENTS: Family = Family {
    name: NAME,
    list: || far_list("recipients", "recipients"),
    compute: |scene| far(scene, &scene.recipients, &scene.recipients),
};

/// A family of its own behind the others, whose columns keep their places.
pub(super) const SENDERS_FURTHER: [Family; 2] = [
    Family {
        name: FURTHER,
        list: || further_list("senders", 0),
        compute: |scene| further(scene, &scene.senders, 0),
    },
    Family {
        name: FURTHER,
        list: || further_list("senders", 1),
        compute: |scene| further(scene, &scene.senders, 1),
    },
];
pub(super) const RECIPIENTS_FURTHER: [Family; 2] = [
    Family {
        name: FURTHER,
        list: || further_list("recipients", 0),
        compute: |scene| further(scene, &scene.recipients, 0),
    },
    Family {
        name: FURTHER,
        list: || further_list("recipients", 1),
        compute: |scene| further(scene, &scene.recipients, 1),
    },
];

pub(super) const NAME: &str = "neighbours";
const FURTHER: &str = "surroundings";

/// The traits of a part.
fn part_of(traits: &'static [&'static str], part: usize) -> &'static [&'static str] {
    &traits[part * TRAITS_OF_PART..traits.len().min((part + 1) * TRAITS_OF_PART)]
}

const TRAITS_OF_PART: usize = 9;
const _: () = assert!(TRAITS.len().div_ceil(TRAITS_OF_PART) == SENDERS.len(), "every trait is in a part");
const _: () = assert!(FURTHER_TRAITS.len().div_ceil(TRAITS_OF_PART) == SENDERS_FURTHER.len(), "these too");

fn near_list(side: &str, part: usize) -> Vec<Line> {
    summaries_list(side, part_of(TRAITS, part), &SUMMARIES)
}

fn further_list(side: &str, part: usize) -> Vec<Line> {
    summaries_list(side, part_of(FURTHER_TRAITS, part), &SUMMARIES[..2])
}

fn summaries_list(side: &str, traits: &[&str], summaries: &[&str]) -> Vec<Line> {
    let of = |name: &&str| {
        let described = described(name);
        let line = |how: &&str| {
            let formula = format!("{how} of {described} over its {side}; 0 for none");
            (format!("{side}_{name}_{how}"), "as there", formula)
        };
        summaries.iter().map(line).collect::<Vec<_>>()
    };
    traits.iter().flat_map(of).collect()
}

fn far_list(side: &str, far: &str) -> Vec<Line> {
    let of = |name: &&str| {
        let inner = format!("the mean of {} over their {far}", described(name));
        ["mean", "max"].map(|how| {
            let formula = format!("{how} over its {side} of {inner}; 0 for none");
            (format!("{side}_{far}_{name}_{how}"), "as there", formula)
        })
    };
    FAR_TRAITS.iter().flat_map(of).collect()
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

fn near(scene: &View<'_>, side: &Lists, part: usize) -> Vec<Vec<f64>> {
    let traits = part_of(TRAITS, part);
    // a trait at a time: what is asked of everybody stays in the cache
    let of = |at: usize| summaries::<3>(side, &trait_of(scene, traits[at]));
    par::map(traits.len(), of).into_iter().flatten().collect()
}

fn further(scene: &View<'_>, side: &Lists, part: usize) -> Vec<Vec<f64>> {
    let traits = part_of(FURTHER_TRAITS, part);
    let of = |at: usize| summaries::<2>(side, &trait_of(scene, traits[at]));
    par::map(traits.len(), of).into_iter().flatten().collect()
}

fn far(scene: &View<'_>, side: &Lists, far: &Lists) -> Vec<Vec<f64>> {
    let of = |at: usize| {
        let [means] = summaries::<1>(far, &trait_of(scene, FAR_TRAITS[at]));
        summaries::<2>(side, &means)
    };
    par::map(FAR_TRAITS.len(), of).into_iter().flatten().collect()
}

/// The first `N` of mean, maximum and minimum over the list of each address.
fn summaries<const N: usize>(lists: &Lists, values: &[f64]) -> [Vec<f64>; N] {
    let mut columns = [(); N].map(|()| Vec::with_capacity(lists.len()));
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
