//! Paths along which time never runs backwards: chains that keep or peel the amount, reach, and loops.

use std::ops::Range;

use super::{BLOCK, Family, Lists, MONTH_MS, Scene, Step, WEEK_MS, lines};
use crate::aml::derive::few::{Came, Few, Filter};
use crate::determinism::par;

pub(super) const PATHS: Family =
    Family { name: "paths", parts: 1, list: |_| lines(LIST), compute: |scene, _| paths(scene) };

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
    #[inline]
    fn holds(self, before: &Step, after: &Step) -> bool {
        after.value >= self.least * before.value && after.value <= self.most * before.value
    }
}

fn paths(scene: &Scene) -> Vec<Vec<f64>> {
    // nothing depends on the order of addresses, but it decides whether a search finds in the cache what it looks at
    let (ahead, behind) = (scene.ahead.walk(), scene.behind.walk());
    // longest chains grow transfer by transfer, on one thread, and every search ends on one; what chains remember is large
    let chained = || (chains(scene, &ahead, KEEP), chains(scene, &ahead, PEEL));
    let reached = || par::join(|| reaches_ahead(scene, &ahead), || reaches_behind(scene, &behind));
    let looped = || par::join(|| loops(scene, &ahead, ANY), || loops(scene, &ahead, EVEN));
    let ((keeps, peels), ((forth, back), (any, even))) = par::join(chained, || par::join(reached, looped));
    [keeps, peels, forth, back, any, even].concat()
}

/// Where the steps stand among all sent that go on from one: later ones (by time, then position), within `span`.
fn onward(scene: &Scene, step: &Step, span: i64) -> Range<usize> {
    let after = scene.ledger.after(step);
    let until = step.at.saturating_add(span);
    let most = after.start..after.end.min(after.start + NEXT);
    let within = scene.ledger.sent_at(most).iter().take_while(|next| next.at <= until).count();
    after.start..after.start + within
}

/// Longest chains ahead of, behind and through each address.
fn chains(scene: &Scene, walk: &[u32], band: Band) -> Vec<Vec<f64>> {
    let n = scene.ledger.len();
    let (mut ahead, mut behind) = (vec![1_u32; n], vec![1_u32; n]);
    let follows = followers(scene, walk, band);
    for id in (0..n).rev() {
        ahead[id] = 1 + follows.of(id as u32).iter().map(|&next| ahead[next as usize]).max().unwrap_or(0);
    }
    for id in 0..n {
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
fn followers(scene: &Scene, walk: &[u32], band: Band) -> Lists {
    // sender by sender, for one's hops lead to the same addresses
    let blocks = par::map_blocks(walk.len(), BLOCK, |senders| {
        let mut pairs = Vec::new();
        for &sender in &walk[senders] {
            let own = scene.ledger.sent_ids(sender).iter().zip(scene.ledger.sent(sender));
            for (&id, step) in own.filter(|(_, step)| step.value > 0.0) {
                let places = onward(scene, step, WEEK_MS);
                let ids = scene.ledger.sent_ids_at(places.clone());
                let next = ids.iter().zip(scene.ledger.sent_at(places));
                let fits = next.filter(|(_, next)| band.holds(step, next) && next.peer != sender);
                pairs.extend(fits.map(|(&next, _)| (id, next)));
            }
        }
        pairs
    });
    let blocks: Vec<Vec<(u32, u32)>> = blocks.in_order();
    Lists::of_pairs(scene.ledger.len(), blocks.iter().flatten().copied())
}

fn reaches_ahead(scene: &Scene, walk: &[u32]) -> Vec<Vec<f64>> {
    let ledger = &scene.ledger;
    // an address goes on from the transfer by which money first came
    let forward = || Search::new(|step, other| step.at < other.at);
    scene.each_along(walk, BLOCK, forward, |forward, address| {
        let sent = ledger.sent(address);
        forward.count(address, &sent[..sent.len().min(MOST_REACHED)], |step| {
            let until = step.at.saturating_add(WEEK_MS);
            ledger.since(step).iter().take(MOST_REACHED).take_while(move |next| next.at <= until)
        })
    })
}

fn reaches_behind(scene: &Scene, walk: &[u32]) -> Vec<Vec<f64>> {
    let ledger = &scene.ledger;
    // going back in time, from the one by which it last left
    let backward = || Search::new(|step, other| step.at > other.at);
    scene.each_along(walk, BLOCK, backward, |backward, address| {
        let received = ledger.received(address);
        let last = received.len().saturating_sub(MOST_REACHED);
        backward.count(address, &received[last..], |step| {
            let since = step.at.saturating_sub(WEEK_MS);
            let before = ledger.until(step);
            let next = &before[before.len().saturating_sub(MOST_REACHED)..];
            let within = next.iter().rev().take_while(|other| other.at >= since).count();
            next[next.len() - within..].iter()
        })
    })
}

/// Memory of a search: the addresses reached after the first, and the transfer from which each goes on.
struct Search<B> {
    seen: Few,
    by: Vec<Step>,
    /// Whether an address goes on from the first transfer rather than from the second.
    is_before: B,
}

impl<B: Fn(&Step, &Step) -> bool> Search<B> {
    fn new(is_before: B) -> Self {
        Search { seen: Few::of_at_most(MOST_REACHED + 1), by: Vec::with_capacity(MOST_REACHED), is_before }
    }

    /// Addresses within 1, 2 and 3 transfers of one: over `first`, and over those `next` to a transfer.
    ///
    /// Once the search is full nobody can be added, neither on this level nor later, so it ends.
    fn count<'s, I: Iterator<Item = &'s Step>>(
        &mut self,
        start: u32,
        first: &[Step],
        next: impl Fn(&Step) -> I,
    ) -> [f64; 3] {
        self.seen.begin_with(start);
        self.by.clear();
        let mut counts = [MOST_REACHED as f64; 3];
        let mut level = 0..0;
        for (hop, count) in counts.iter_mut().enumerate() {
            let from = self.by.len();
            let is_full = if hop == 0 {
                !first.iter().all(|step| self.enter(step, from))
            } else {
                !level.into_iter().all(|at: usize| {
                    let by = self.by[at];
                    next(&by).all(|step| self.enter(step, from))
                })
            };
            if is_full {
                return counts;
            }
            *count = self.by.len() as f64;
            level = from..self.by.len();
        }
        counts
    }

    /// Enters whom a transfer leads to, on the level that begins at `from`; false when that was the last there is room for.
    fn enter(&mut self, step: &Step, from: usize) -> bool {
        match self.seen.insert(step.peer) {
            Came::New if self.by.len() + 1 == MOST_REACHED => return false,
            Came::New => self.by.push(*step),
            // the start stands before the others
            Came::Before(place) if place > from => {
                let by = &mut self.by[place - 1];
                if (self.is_before)(step, by) {
                    *by = *step;
                }
            }
            Came::Before(_) => {}
        }
        true
    }
}

/// Shortest loop and number of loops of each address.
fn loops(scene: &Scene, walk: &[u32], band: Band) -> Vec<Vec<f64>> {
    let ledger = &scene.ledger;
    // recipient by recipient, each in time order: the searches from one's arrivals pass nearly the same transfers
    let found = par::map_blocks(walk.len(), LOOP_BLOCK, |recipients| {
        let mut trail = Trail::new();
        let mut found = Vec::new();
        for &recipient in &walk[recipients] {
            for (&id, step) in ledger.received_ids(recipient).iter().zip(ledger.received(recipient)) {
                let home = step.peer;
                // else nothing comes back after it
                if ledger.received_ids(home).last().is_some_and(|&last| last > id) {
                    let first = ledger.sent_as(home, id);
                    let hops = first.and_then(|first| trail.shortest_loop(scene, home, first, band));
                    found.extend(hops.iter().flat_map(|&hops| trail.members.iter().map(move |&a| (a, hops))));
                }
            }
        }
        found
    });
    let none = vec![(LOOP_HOPS + 1) as f64; scene.len()];
    let (hops, count) = found.fold((none, vec![0.0; scene.len()]), |(mut hops, mut count), found| {
        for (member, length) in found {
            hops[member as usize] = hops[member as usize].min(f64::from(length));
            count[member as usize] += 1.0;
        }
        (hops, count)
    });
    vec![hops, count]
}

/// Recipients that one thread takes at a time: few, for behind some lie a thousand times as many transfers as behind others.
const LOOP_BLOCK: usize = 64;

/// Transfers that a search for a loop entered: their places among all sent, they themselves, and which led to each.
struct Trail {
    seen: Few,
    /// Who ever pays home.
    payers: Filter,
    entered: Vec<(Step, usize)>,
    /// The members of the last loop found, each once.
    members: Vec<u32>,
}

impl Trail {
    fn new() -> Self {
        Trail {
            seen: Few::of_at_most(LOOP_STEPS),
            payers: Filter::of(&[]),
            entered: Vec::with_capacity(LOOP_STEPS),
            members: Vec::with_capacity(LOOP_HOPS),
        }
    }

    /// Transfers of the shortest loop that starts with `first`, one out of `home`, and whose members stand ready then; `None`
    /// without one. Breadth first over transfers, each entered once: the first to return ends a loop of fewest hops.
    fn shortest_loop(&mut self, scene: &Scene, home: u32, first: &Step, band: Band) -> Option<u8> {
        // the first transfer's own place is never met again: whoever is entered does not pay home
        self.seen.begin_with(u32::MAX);
        self.payers = Filter::of(scene.senders.of(home));
        self.entered.clear();
        self.entered.push((*first, 0));
        let mut level = 0..1;
        for hop in 2..=LOOP_HOPS {
            let from = self.entered.len();
            for at in level {
                if self.go_on(scene, at, home, band, hop) {
                    self.walk_back(at, home);
                    return Some(hop as u8);
                }
            }
            level = from..self.entered.len();
        }
        None
    }

    /// Enters the transfers that hand on the one at `at` and go elsewhere than `home`, while there is room; true as
    /// soon as one of them goes home and that makes a loop of `hop` transfers, 3 or more.
    fn go_on(&mut self, scene: &Scene, at: usize, home: u32, band: Band, hop: usize) -> bool {
        let before = self.entered[at].0;
        let is_full = hop == LOOP_HOPS || self.entered.len() == LOOP_STEPS;
        // most transfers do not lead to anybody who ever pays home
        let may_return = hop > 2 && self.payers.may_hold(before.peer);
        let returns = may_return && scene.senders.of(home).binary_search(&before.peer).is_ok();
        if is_full && !returns {
            return false;
        }
        let places = onward(scene, &before, MONTH_MS);
        let next = (places.start as u32..).zip(scene.ledger.sent_at(places));
        for (place, step) in next.filter(|(_, step)| band.holds(&before, step)) {
            if step.peer == home {
                if returns {
                    return true;
                }
            } else if !is_full && self.entered.len() < LOOP_STEPS && self.seen.insert(place) == Came::New {
                self.entered.push((*step, at));
            }
        }
        false
    }

    /// Notes the senders of the transfers from the first to the one at `at`, and where that one led.
    fn walk_back(&mut self, mut at: usize, home: u32) {
        self.members.clear();
        self.members.push(home);
        while at > 0 {
            let (step, before) = &self.entered[at];
            self.members.push(step.peer);
            at = *before;
        }
        self.members.push(self.entered[0].0.peer);
        self.members.sort_unstable();
        self.members.dedup();
    }
}
