//! Paths along which time never runs backwards: chains that keep or peel the amount, reach, and loops.

use super::{BLOCK, Family, Lists, MONTH_MS, Scene, Step, WEEK_MS, lines};
use crate::aml::derive::few::{Came, Few};
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

/// Transfers that go on from one: later ones (by time, then position), within `span`.
fn onward<'s>(scene: &'s Scene<'_>, id: u32, span: i64) -> impl Iterator<Item = (u32, &'s Step)> {
    let until = scene.ledger.steps[id as usize].at.saturating_add(span);
    scene.ledger.onward(id).take_while(move |(_, step)| step.at <= until).take(NEXT)
}

/// Longest chains ahead of, behind and through each address.
fn chains(scene: &Scene<'_>, band: Band) -> Vec<Vec<f64>> {
    let steps = &scene.ledger.steps;
    let (mut ahead, mut behind) = (vec![1_u32; steps.len()], vec![1_u32; steps.len()]);
    let follows = followers(scene, band);
    for id in (0..steps.len()).rev() {
        ahead[id] = 1 + follows.of(id as u32).iter().map(|&next| ahead[next as usize]).max().unwrap_or(0);
    }
    for id in 0..steps.len() {
        for &next in follows.of(id as u32) {
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

/// For each transfer those that hand it on: within a week, by somebody else than who sent it, within the band.
fn followers(scene: &Scene<'_>, band: Band) -> Lists {
    let steps = &scene.ledger.steps;
    let blocks = par::map_blocks(steps.len(), BLOCK, |ids| {
        let fits =
            |step: &Step, next: &Step| step.value > 0.0 && band.holds(step, next) && next.to != step.from;
        let of = |id: usize| {
            onward(scene, id as u32, WEEK_MS)
                .filter(move |&(_, next)| fits(&steps[id], next))
                .map(move |(next, _)| (id as u32, next))
        };
        ids.flat_map(of).collect::<Vec<_>>()
    });
    Lists::of_pairs(steps.len(), blocks.concat().iter().copied())
}

/// Which way in time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    Forward,
    Backward,
}

fn reaches(scene: &Scene<'_>) -> Vec<Vec<f64>> {
    let memory = || (Few::of_at_most(MOST_REACHED + 1), Vec::new());
    scene.each_with(memory, |(seen, since), address| {
        let ahead = reach(scene, address, Time::Forward, seen, since);
        let behind = reach(scene, address, Time::Backward, seen, since);
        [ahead[0], ahead[1], ahead[2], behind[0], behind[1], behind[2]]
    })
}

/// Addresses within 1, 2 and 3 transfers. An address goes on from when money first came there (backwards: last left).
///
/// `seen` and `since` are memory: the addresses, and when money came to each. Once the search is full nobody can be
/// added, neither on this level nor later, so it ends.
fn reach(
    scene: &Scene<'_>,
    start: u32,
    time: Time,
    seen: &mut Few,
    since: &mut Vec<Option<i64>>,
) -> [f64; 3] {
    seen.begin_with(start);
    since.clear();
    since.push(None);
    let mut counts = [MOST_REACHED as f64; 3];
    let mut level = 0..1;
    for count in &mut counts {
        let from = seen.len();
        for at in level {
            for &id in leaving(scene, seen.items()[at], since[at], time) {
                let step = &scene.ledger.steps[id as usize];
                let end = if time == Time::Forward { step.to } else { step.from };
                match seen.insert(end) {
                    Came::New if seen.len() > MOST_REACHED => return counts,
                    Came::New => since.push(Some(step.at)),
                    Came::Before(place) if place >= from => {
                        since[place] = since[place].map(|t| time.first(t, step.at))
                    }
                    Came::Before(_) => {}
                }
            }
        }
        *count = (seen.len() - 1) as f64;
        level = from..seen.len();
    }
    counts
}

impl Time {
    /// Which of two times comes first, going this way.
    fn first(self, a: i64, b: i64) -> i64 {
        match self {
            Time::Forward => a.min(b),
            Time::Backward => a.max(b),
        }
    }
}

/// Transfers that leave an address within 7 days of `since` (all where it is the start), the 300 next to it.
fn leaving<'s>(scene: &'s Scene<'_>, address: u32, since: Option<i64>, time: Time) -> &'s [u32] {
    let at = |id: &u32| scene.ledger.steps[*id as usize].at;
    match time {
        Time::Forward => {
            let ids = scene.ledger.sent_ids(address);
            let from = since.map_or(0, |since| ids.partition_point(|id| at(id) < since));
            let next = &ids[from..ids.len().min(from + MOST_REACHED)];
            let until = since.map_or(i64::MAX, |since| since.saturating_add(WEEK_MS));
            &next[..next.partition_point(|id| at(id) <= until)]
        }
        Time::Backward => {
            let ids = scene.ledger.received_ids(address);
            let to = since.map_or(ids.len(), |since| ids.partition_point(|id| at(id) <= since));
            let next = &ids[to.saturating_sub(MOST_REACHED)..to];
            let from = since.map_or(i64::MIN, |since| since.saturating_sub(WEEK_MS));
            &next[next.partition_point(|id| at(id) < from)..]
        }
    }
}

/// Shortest loop and number of loops of each address.
fn loops(scene: &Scene<'_>, band: Band) -> Vec<Vec<f64>> {
    let found = par::map_blocks(scene.ledger.steps.len(), BLOCK, |ids| {
        let mut trail = Trail { seen: Few::of_at_most(LOOP_STEPS), led_from: Vec::new() };
        ids.map(|id| shortest_loop(scene, id as u32, band, &mut trail))
            .filter(|members| !members.is_empty())
            .collect::<Vec<_>>()
    });
    let mut hops = vec![(LOOP_HOPS + 1) as f64; scene.len()];
    let mut count = vec![0.0; scene.len()];
    for mut members in found.concat() {
        let length = members.len() as f64;
        members.sort_unstable();
        members.dedup();
        for address in members {
            hops[address as usize] = hops[address as usize].min(length);
            count[address as usize] += 1.0;
        }
    }
    vec![hops, count]
}

/// Transfers that a search for a loop entered, and the place of the one that led to each.
struct Trail {
    seen: Few,
    led_from: Vec<usize>,
}

/// Senders of the shortest loop's transfers that starts with a transfer; none without one. Breadth first over transfers,
/// each entered once: the first to return ends a loop of fewest hops.
fn shortest_loop(scene: &Scene<'_>, first: u32, band: Band, trail: &mut Trail) -> Vec<u32> {
    let steps = &scene.ledger.steps;
    let home = steps[first as usize].from;
    if scene.ledger.received_ids(home).last().is_none_or(|&last| last <= first) {
        // nothing comes back after it
        return Vec::new();
    }
    trail.seen.begin_with(first);
    trail.led_from.clear();
    trail.led_from.push(0);
    let mut level = 0..1;
    for hop in 2..=LOOP_HOPS {
        if let Some(at) =
            level.clone().find(|&at| hop > 2 && returns(scene, trail.seen.items()[at], home, band))
        {
            return trail.walk_back(at, steps);
        }
        let from = trail.seen.len();
        if hop < LOOP_HOPS {
            level.for_each(|at| trail.go_on(scene, at, home, band));
        }
        level = from..trail.seen.len();
    }
    Vec::new()
}

/// Whether a transfer that hands this one on goes to `home`.
fn returns(scene: &Scene<'_>, id: u32, home: u32, band: Band) -> bool {
    let steps = &scene.ledger.steps;
    let before = &steps[id as usize];
    // most transfers do not lead to anybody who ever pays home
    scene.senders.of(home).binary_search(&before.to).is_ok()
        && onward(scene, id, MONTH_MS).any(|(_, step)| step.to == home && band.holds(before, step))
}

impl Trail {
    /// Enters the transfers that hand on the one at `at`, while there is room.
    fn go_on(&mut self, scene: &Scene<'_>, at: usize, home: u32, band: Band) {
        if self.seen.len() == LOOP_STEPS {
            return;
        }
        let id = self.seen.items()[at];
        let before = &scene.ledger.steps[id as usize];
        for (next, step) in onward(scene, id, MONTH_MS) {
            let goes_on = step.to != home && band.holds(before, step);
            if goes_on && self.seen.len() < LOOP_STEPS && self.seen.insert(next) == Came::New {
                self.led_from.push(at);
            }
        }
    }

    /// Senders of the transfers from the first to the one at `at`, and where that one led.
    fn walk_back(&self, mut at: usize, steps: &[Step]) -> Vec<u32> {
        let step = |at: usize| &steps[self.seen.items()[at] as usize];
        let mut members = vec![step(at).to];
        loop {
            members.push(step(at).from);
            if at == 0 {
                return members;
            }
            at = self.led_from[at];
        }
    }
}
