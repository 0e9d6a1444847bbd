//! An address's place in the whole graph, by hops rather than by dollars.

use super::betweenness::{FEWEST, PAYMENTS, betweenness};
use super::communities::{communities, components};
use super::sample::{mean, ratio};
use super::{BLOCK, Family, Line, Lists, Scene, lines};
use crate::determinism::{math, par};

pub(super) const POSITION: Family = Family { name: "position", list, compute: |scene| position(scene) };

fn list() -> Vec<Line> {
    let mut list = lines(LIST);
    let formula = format!(
        "share of shortest paths of payments that pass through it, over all pairs of others: from every address \
         that pays while these x (addresses + pairs) are at most {PAYMENTS}, which is betweenness; else from as many \
         seeded ones as that allows, {FEWEST} at least, each standing for its share of those that pay"
    );
    list.push(("path_betweenness".to_owned(), "ratio", formula));
    list
}

const LIST: &[(&str, &str, &str)] = &[
    ("part_size", "count", "addresses that hang together with it by any payments"),
    (
        "community_size",
        "count",
        "addresses of its community (modularity of the undirected graph, fixed order)",
    ),
    (
        "community_density",
        "ratio",
        "pairs that deal with each other / all pairs of its community; 0 for one alone",
    ),
    ("community_inside_share", "ratio", "value between members / value of all payments of its community"),
    ("own_inside_share", "ratio", "its counterparties in its community / counterparties"),
    (
        "clustering_plain",
        "ratio",
        "pairs of its counterparties that deal with each other / pairs; of more than 100 the first 100",
    ),
    ("peer_degree_mean", "log count", "mean over counterparties of ln(1 + their counterparties)"),
    (
        "harmonic_closeness",
        "count",
        "sum of 1/hops over the addresses that reach it by 1 to 3 payments, at most 2,000",
    ),
    (
        "pagerank_plain",
        "ratio",
        "PageRank of payments, every pair alike, damping 0.85, times the number of addresses",
    ),
    ("pagerank_reverse", "ratio", "the same against the direction of payments: where money comes from"),
];

fn position(scene: &Scene) -> Vec<Vec<f64>> {
    let neighbours = undirected(scene);
    let (part, group) = (components(&neighbours), communities(&neighbours));
    let groups = Groups::of(scene, &group, &neighbours);
    let part_size = sizes(&part);
    let mut columns = scene.each(|address| {
        let a = address as usize;
        let own = neighbours.of(address);
        let inside = own.iter().filter(|&&b| group[b as usize] == group[a]).count();
        let degrees: Vec<f64> = own.iter().map(|&b| math::ln_1p(neighbours.of(b).len() as f64)).collect();
        let g = group[a] as usize;
        [
            part_size[part[a] as usize],
            groups.size[g],
            ratio(groups.pairs[g], groups.size[g] * (groups.size[g] - 1.0) / 2.0, 0.0),
            ratio(groups.inside[g], groups.all[g], 0.0),
            ratio(inside as f64, own.len() as f64, 0.0),
            clustering(&neighbours, own),
            mean(&degrees),
        ]
    });
    columns.push(closenesses(scene));
    columns.push(pagerank(scene, Along::Payments));
    columns.push(pagerank(scene, Along::Origins));
    columns.push(betweenness(scene));
    columns
}

/// Counterparties of each address, upwards.
pub(super) fn undirected(scene: &Scene) -> Lists {
    let blocks = par::map_blocks(scene.len(), BLOCK, |addresses| {
        let mut pairs = Vec::new();
        for a in addresses {
            let a = a as u32;
            let mut own = [scene.recipients.of(a), scene.senders.of(a)].concat();
            own.sort_unstable();
            own.dedup();
            pairs.extend(own.into_iter().map(|b| (a, b)));
        }
        pairs
    });
    Lists::of_pairs(scene.len(), blocks.concat().into_iter())
}

/// Sums over the members of each group.
struct Groups {
    size: Vec<f64>,
    pairs: Vec<f64>,
    inside: Vec<f64>,
    all: Vec<f64>,
}

impl Groups {
    fn of(scene: &Scene, group: &[u32], neighbours: &Lists) -> Self {
        let size = sizes(group);
        let none = || vec![0.0; size.len()];
        let (mut pairs, mut inside, mut all) = (none(), none(), none());
        for a in 0..scene.len() {
            let (g, own) = (group[a], neighbours.of(a as u32));
            let within = own.iter().filter(|&&b| b as usize > a && group[b as usize] == g).count();
            pairs[g as usize] += within as f64;
        }
        for &(from, to, value) in &scene.pairs {
            let (from, to) = (group[from as usize], group[to as usize]);
            all[from as usize] += value;
            if from == to {
                inside[from as usize] += value;
            } else {
                all[to as usize] += value;
            }
        }
        Groups { size, pairs, inside, all }
    }
}

fn sizes(group: &[u32]) -> Vec<f64> {
    let mut size = vec![0.0; group.iter().max().map_or(0, |most| *most as usize + 1)];
    group.iter().for_each(|&g| size[g as usize] += 1.0);
    size
}

fn clustering(neighbours: &Lists, own: &[u32]) -> f64 {
    let own = &own[..own.len().min(100)];
    let linked = |b: &u32| own.iter().filter(|c| neighbours.of(*b).binary_search(c).is_ok()).count();
    let ends: usize = own.iter().map(linked).sum();
    ratio(ends as f64, (own.len() * own.len().saturating_sub(1)) as f64, 0.0)
}

/// Most addresses that reach one and are counted.
const MOST_NEAR: usize = 2000;

/// Memory of searches.
struct Seen {
    /// The start of the search that was there last, plus 1.
    by: Vec<u32>,
    /// Whom this one reached, its start before them.
    items: Vec<u32>,
}

fn closenesses(scene: &Scene) -> Vec<f64> {
    let blocks = par::map_blocks(scene.len(), scene.long_block(), |addresses| {
        let mut seen = Seen { by: vec![0; scene.len()], items: Vec::with_capacity(MOST_NEAR + 1) };
        addresses.map(|address| closeness(scene, address as u32, &mut seen)).collect::<Vec<_>>()
    });
    blocks.concat()
}

/// Who is reached first does not matter: once there are too many, none is added by more hops either.
fn closeness(scene: &Scene, address: u32, seen: &mut Seen) -> f64 {
    let by = address + 1;
    seen.items.clear();
    seen.items.push(address);
    seen.by[address as usize] = by;
    let (mut level, mut sum) = (0..1, 0.0);
    for hops in 1..=3_u32 {
        let from = seen.items.len();
        'level: for place in level {
            for &b in scene.senders.of(seen.items[place]) {
                if std::mem::replace(&mut seen.by[b as usize], by) != by {
                    seen.items.push(b);
                    if seen.items.len() > MOST_NEAR {
                        break 'level;
                    }
                }
            }
        }
        level = from..seen.items.len();
        sum += level.len() as f64 / f64::from(hops);
        if seen.items.len() > MOST_NEAR {
            break;
        }
    }
    sum
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Along {
    Payments,
    Origins,
}

/// Fifty rounds of PageRank, every pair alike; the mean is 1.
fn pagerank(scene: &Scene, along: Along) -> Vec<f64> {
    const DAMPING: f64 = 0.85;
    let n = scene.len();
    let (into, out) = match along {
        Along::Payments => (&scene.senders, &scene.recipients),
        Along::Origins => (&scene.recipients, &scene.senders),
    };
    let mut rank = vec![1.0; n];
    for _ in 0..50 {
        let lost: f64 = (0..n).filter(|&a| out.of(a as u32).is_empty()).map(|a| rank[a]).sum();
        let base = 1.0 - DAMPING + DAMPING * lost / n.max(1) as f64;
        let share = par::map(n, |b| rank[b] / out.of(b as u32).len() as f64);
        rank = par::map(n, |a| {
            base + DAMPING * into.of(a as u32).iter().map(|&b| share[b as usize]).sum::<f64>()
        });
    }
    rank
}
