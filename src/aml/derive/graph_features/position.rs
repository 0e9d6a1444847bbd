//! An address's place in the whole graph, by hops rather than by dollars.

use super::betweenness::{FEWEST, PAYMENTS, betweenness};
use super::communities::{communities, components};
use super::sample::{mean, ratio};
use super::{BLOCK, Family, Line, Lists, Reach, Scene, lines};
use crate::determinism::{math, par};

pub(super) const POSITION: Family =
    Family { name: "position", parts: 1, list: |_| list(), compute: |scene, _| position(scene) };

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
    // communities grow one address after the other, which leaves the other threads without work
    let ((part, group), columns_of_searches) = par::join(
        || (components(&neighbours), communities(&neighbours)),
        || {
            [
                closenesses(scene),
                pagerank(&scene.behind, &scene.recipients),
                pagerank(&scene.ahead, &scene.senders),
                betweenness(scene),
            ]
        },
    );
    let groups = Groups::of(scene, &group, &neighbours);
    let part_size = sizes(&part);
    let mut columns = scene.each_along(
        &scene.behind.walk(),
        BLOCK,
        || (),
        |(), address| {
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
        },
    );
    columns.extend(columns_of_searches);
    columns
}

/// Counterparties of each address, upwards.
pub(super) fn undirected(scene: &Scene) -> Lists {
    Lists::in_blocks(scene.len(), |address| {
        let mut own = [scene.recipients.of(address), scene.senders.of(address)].concat();
        own.sort_unstable();
        own.dedup();
        own
    })
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
const MOST_NEAR: u32 = 2000;

/// Who is reached first does not matter: once there are too many, none is added by more hops either.
fn closenesses(scene: &Scene) -> Vec<f64> {
    let closeness = |counts: [u32; 3]| {
        let [one, two, three] = counts.map(|count| count.min(MOST_NEAR));
        f64::from(one) + f64::from(two - one) / 2.0 + f64::from(three - two) / 3.0
    };
    scene.behind.tallies(|_| 1_u32, |within| within > MOST_NEAR, closeness)
}

/// Fifty rounds of PageRank, every pair alike; the mean is 1. Rank comes from the neighbours of `into`, each of whom
/// shares its own among its list of `out`.
///
/// Ranks stand and are added up in the order of `into`.
fn pagerank(into: &Reach, out: &Lists) -> Vec<f64> {
    const DAMPING: f64 = 0.85;
    let n = out.len();
    let shares: Vec<f64> = into.addresses().iter().map(|&a| out.of(a).len() as f64).collect();
    let mut rank = vec![1.0; n];
    for _ in 0..50 {
        let lost: f64 = rank.iter().zip(&shares).filter(|(_, shares)| **shares <= 0.0).map(|x| x.0).sum();
        let base = 1.0 - DAMPING + DAMPING * lost / n.max(1) as f64;
        let share = par::map(n, |b| rank[b] / shares[b]);
        rank = par::map(n, |a| {
            let received = into.neighbours().of(a as u32).iter().map(|&b| share[b as usize]);
            base + DAMPING * received.sum::<f64>()
        });
    }
    into.places().iter().map(|&place| rank[place as usize]).collect()
}
