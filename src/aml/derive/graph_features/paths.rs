//! Paths along which time never runs backwards: chains that keep or peel the amount, reach, and loops.

use std::collections::BTreeSet;

use super::{Family, MONTH_MS, Scene, Step, WEEK_MS, lines};
use crate::determinism::par;

pub(super) const PATHS: Family = Family { name: "paths", list: || lines(LIST), compute: paths };

/// Transfers looked at after one.
const NEXT: usize = 32;
/// Addresses after which a search for reach ends.
const MOST_REACHED: usize = 300;
/// Most transfers in a loop, and steps after which a search for one ends.
const LOOP_HOPS: usize = 6;
const LOOP_STEPS: usize = 300;

const LIST: &[(&str, &str, &str)] = &[
    (
        "chain_ahead",
        "count",
        "longest chain of transfers that starts with one it sent: each follows within 7 days and carries 80 % to 102 % of \
         the one before; of each address's transfers in that time the first 32",
    ),
    ("chain_behind", "count", "longest such chain that ends with a transfer received"),
    ("chain_through", "count", "longest such chain with a transfer of this address"),
    (
        "peel_ahead",
        "count",
        "longest chain that starts with a transfer sent where each carries 40 % to 98 % of the one before",
    ),
    ("peel_behind", "count", "longest such chain that ends with a transfer received"),
    ("peel_through", "count", "longest such chain with a transfer of this address"),
    (
        "reach_ahead_1",
        "count",
        "addresses reached by 1 transfer or more, each within 7 days after the money first came; at most 300 are counted, \
         those reached by fewer transfers first",
    ),
    ("reach_ahead_2", "count", "by at most 2 transfers"),
    ("reach_ahead_3", "count", "by at most 3 transfers"),
    ("reach_behind_1", "count", "addresses from which it was reached, in the same way"),
    ("reach_behind_2", "count", "by at most 2 transfers"),
    ("reach_behind_3", "count", "by at most 3 transfers"),
    (
        "loop_hops",
        "count",
        "fewest transfers, 3 to 6, of a loop it is part of: each hop within 30 days after the one before; 7 for none \
         (searched from each transfer over at most 300 others)",
    ),
    (
        "loop_count",
        "count",
        "transfers that start such a loop of which it is part, the shortest loop of each",
    ),
    (
        "even_loop_hops",
        "count",
        "fewest transfers of a loop whose hops carry 50 % to 102 % of the one before; 7 for none",
    ),
    ("even_loop_count", "count", "transfers that start a loop of that kind of which it is part"),
];

/// What a chain may carry from hop to hop.
#[derive(Clone, Copy)]
struct Band {
    least: f64,
    most: f64,
}

const KEEP: Band = Band { least: 0.8, most: 1.02 };
const PEEL: Band = Band { least: 0.4, most: 0.98 };
const EVEN: Band = Band { least: 0.5, most: 1.02 };
const ANY: Band = Band { least: 0.0, most: f64::INFINITY };

impl Band {
    fn holds(self, before: &Step, after: &Step) -> bool {
        after.value >= self.least * before.value && after.value <= self.most * before.value
    }
}

fn paths(scene: &Scene<'_>) -> Vec<Vec<f64>> {
    let mut columns = chains(scene, KEEP);
    columns.extend(chains(scene, PEEL));
    columns.extend(reaches(scene));
    columns.extend(loops(scene, ANY));
    columns.extend(loops(scene, EVEN));
    columns
}

/// Transfers that go on from `step`: later ones (by time, then position), within `span`.
fn onward<'s>(scene: &'s Scene<'_>, id: u32, span: i64) -> impl Iterator<Item = u32> + 's {
    let step = scene.ledger.steps[id as usize];
    let ids = scene.ledger.sent_ids(step.to);
    let from = ids.partition_point(|&next| next <= id);
    let until = step.at.saturating_add(span);
    ids[from..]
        .iter()
        .copied()
        .take_while(move |&next| scene.ledger.steps[next as usize].at <= until)
        .take(NEXT)
}

/// Longest chains ahead of, behind and through each address.
fn chains(scene: &Scene<'_>, band: Band) -> Vec<Vec<f64>> {
    let steps = &scene.ledger.steps;
    let (mut ahead, mut behind) = (vec![1_u32; steps.len()], vec![1_u32; steps.len()]);
    let follows: Vec<Vec<u32>> = par::map(steps.len(), |id| {
        let step = &steps[id];
        let fits = |next: &u32| {
            step.value > 0.0
                && band.holds(step, &steps[*next as usize])
                && steps[*next as usize].to != step.from
        };
        onward(scene, id as u32, WEEK_MS).filter(fits).collect()
    });
    for id in (0..steps.len()).rev() {
        ahead[id] = 1 + follows[id].iter().map(|&next| ahead[next as usize]).max().unwrap_or(0);
    }
    for (id, next) in follows.iter().enumerate() {
        for &next in next {
            behind[next as usize] = behind[next as usize].max(behind[id] + 1);
        }
    }
    scene.each(|address| {
        let most = |ids: &[u32], length: &dyn Fn(usize) -> u32| {
            f64::from(ids.iter().map(|&id| length(id as usize)).max().unwrap_or(0))
        };
        let (sent, received) = (scene.ledger.sent_ids(address), scene.ledger.received_ids(address));
        let through = |id: usize| ahead[id] + behind[id] - 1;
        [
            most(sent, &|id| ahead[id]),
            most(received, &|id| behind[id]),
            most(sent, &through).max(most(received, &through)),
        ]
    })
}

/// Which way in time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    Forward,
    Backward,
}

fn reaches(scene: &Scene<'_>) -> Vec<Vec<f64>> {
    scene.each(|address| {
        let (ahead, behind) = (reach(scene, address, Time::Forward), reach(scene, address, Time::Backward));
        [ahead[0], ahead[1], ahead[2], behind[0], behind[1], behind[2]]
    })
}

/// Addresses within 1, 2 and 3 transfers. An address goes on from when money first came there (backwards: last left).
fn reach(scene: &Scene<'_>, start: u32, time: Time) -> [f64; 3] {
    let mut seen = BTreeSet::from([start]);
    let mut counts = [0.0; 3];
    let mut level: Vec<(u32, Option<i64>)> = vec![(start, None)];
    for count in &mut counts {
        // who is reached on this level, and when first
        let mut next: std::collections::BTreeMap<u32, i64> = std::collections::BTreeMap::new();
        for &(address, since) in &level {
            for step in leaving(scene, address, since, time) {
                let (end, at) = match time {
                    Time::Forward => (step.to, step.at),
                    Time::Backward => (step.from, step.at.saturating_neg()),
                };
                if !seen.contains(&end) {
                    next.entry(end).and_modify(|t| *t = at.min(*t)).or_insert(at);
                }
            }
        }
        seen.extend(next.keys().copied().take((MOST_REACHED + 1).saturating_sub(seen.len())));
        *count = (seen.len() - 1) as f64;
        level = next.into_iter().filter(|(a, _)| seen.contains(a)).map(|(a, at)| (a, Some(at))).collect();
    }
    counts
}

/// Transfers that leave an address within 7 days of `since` (all where it is the start), at most 300.
fn leaving<'s>(
    scene: &'s Scene<'_>,
    address: u32,
    since: Option<i64>,
    time: Time,
) -> Box<dyn Iterator<Item = &'s Step> + 's> {
    let step = |id: &u32| &scene.ledger.steps[*id as usize];
    let (sent, received) = (scene.ledger.sent_ids(address), scene.ledger.received_ids(address));
    match (time, since) {
        (Time::Forward, None) => Box::new(sent.iter().map(step).take(MOST_REACHED)),
        (Time::Backward, None) => Box::new(received.iter().rev().map(step).take(MOST_REACHED)),
        (Time::Forward, Some(since)) => {
            let from = sent.partition_point(|id| step(id).at < since);
            let until = since.saturating_add(WEEK_MS);
            Box::new(sent[from..].iter().map(step).take_while(move |s| s.at <= until).take(MOST_REACHED))
        }
        (Time::Backward, Some(negated)) => {
            let until = negated.saturating_neg();
            let to = received.partition_point(|id| step(id).at <= until);
            let since = until.saturating_sub(WEEK_MS);
            Box::new(
                received[..to].iter().rev().map(step).take_while(move |s| s.at >= since).take(MOST_REACHED),
            )
        }
    }
}

/// Shortest loop and number of loops of each address.
fn loops(scene: &Scene<'_>, band: Band) -> Vec<Vec<f64>> {
    let found = par::map(scene.ledger.steps.len(), |id| shortest_loop(scene, id as u32, band));
    let mut hops = vec![(LOOP_HOPS + 1) as f64; scene.len()];
    let mut count = vec![0.0; scene.len()];
    for members in found.iter().filter(|members| !members.is_empty()) {
        let mut distinct = members.clone();
        distinct.sort_unstable();
        distinct.dedup();
        for address in distinct {
            hops[address as usize] = hops[address as usize].min(members.len() as f64);
            count[address as usize] += 1.0;
        }
    }
    vec![hops, count]
}

/// Senders of the shortest loop's transfers that starts with a transfer; none without one. Breadth first over transfers,
/// each entered once: the first to return ends a loop of fewest hops.
fn shortest_loop(scene: &Scene<'_>, first: u32, band: Band) -> Vec<u32> {
    let steps = &scene.ledger.steps;
    let home = steps[first as usize].from;
    let mut trail: Vec<(u32, usize)> = vec![(first, 0)];
    let mut seen = BTreeSet::from([first]);
    let mut level = 0..1;
    for hop in 2..=LOOP_HOPS {
        let from = trail.len();
        for at in level.clone() {
            let before = steps[trail[at].0 as usize];
            for next in onward(scene, trail[at].0, MONTH_MS) {
                let step = steps[next as usize];
                if !band.holds(&before, &step) {
                    continue;
                }
                if step.to == home && hop > 2 {
                    return walk_back(&trail, at, steps);
                }
                if step.to != home && trail.len() < LOOP_STEPS && seen.insert(next) {
                    trail.push((next, at));
                }
            }
        }
        level = from..trail.len();
    }
    Vec::new()
}

/// Senders of the transfers from the first to the one at `at`, and where that one led.
fn walk_back(trail: &[(u32, usize)], mut at: usize, steps: &[Step]) -> Vec<u32> {
    let mut members = vec![steps[trail[at].0 as usize].to];
    loop {
        members.push(steps[trail[at].0 as usize].from);
        if at == 0 {
            return members;
        }
        at = trail[at].1;
    }
}
