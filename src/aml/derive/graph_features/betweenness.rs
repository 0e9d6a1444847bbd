//! How often an address lies on shortest paths of payments: exactly in a small graph, estimated in a large one.
//!
//! Brandes' accumulation over the addresses that pay anybody, every payment one hop. As long as all of them fit the
//! budget of [`PAYMENTS`] all are sources, which is betweenness itself; beyond it as many as do, and [`FEWEST`] at
//! least, those with the smallest seeded random numbers, each standing for its share of all. Dependencies are added up
//! source by source, so neither threads nor rounds can be seen. Sources: Brandes 2001; Brandes and Pich 2007.

use super::Scene;
use crate::determinism::par;
use crate::determinism::rng::Stream;

/// Addresses and pairs that all searches together may look at: all sources up to some 4,000 addresses.
pub(super) const PAYMENTS: usize = 50_000_000;
/// Sources of the largest graphs.
pub(super) const FEWEST: usize = 64;
/// Any number would do; it is part of the column's definition.
const SEED: u64 = 20_251_120;

/// The sum of all sources' dependencies on each address over the pairs of others that could depend on it.
pub(super) fn betweenness(scene: &Scene) -> Vec<f64> {
    let n = scene.len();
    let payers: Vec<u32> = (0..n as u32).filter(|&a| !scene.recipients.of(a).is_empty()).collect();
    let budget = PAYMENTS / (n + scene.recipients.items().len()).max(1);
    let sources = sources(&payers, budget.max(FEWEST));
    let mut sum = vec![0.0; n];
    // a part at a time, for each may hold a number for every address
    for some in sources.chunks((AT_A_TIME / n.max(1)).clamp(2 * BLOCK, 64 * BLOCK)) {
        let parts = par::map_blocks(some.len(), BLOCK, |places| {
            let mut search = Search::of(n);
            places.map(|at| search.dependencies(scene, some[at])).collect::<Vec<_>>()
        });
        for (address, share) in parts.concat().into_iter().flatten() {
            sum[address as usize] += share;
        }
    }
    let stands_for = payers.len() as f64 / sources.len().max(1) as f64;
    let pairs = n as f64 * n.saturating_sub(2).max(1) as f64;
    sum.iter().map(|x| x * stands_for / pairs).collect()
}

/// Sources that one thread takes at a time.
const BLOCK: usize = 4;
/// Numbers that are held together, about.
const AT_A_TIME: usize = 1 << 23;

/// At most so many of the addresses: all as they stand, or those with the smallest numbers, by these numbers.
fn sources(payers: &[u32], most: usize) -> Vec<u32> {
    if payers.len() <= most {
        return payers.to_vec();
    }
    let rng = Stream::new(SEED, "betweenness");
    let mut order: Vec<(u64, u32)> = payers.iter().map(|&a| (rng.bits(u64::from(a)), a)).collect();
    order.sort_unstable();
    order.truncate(most);
    order.into_iter().map(|x| x.1).collect()
}

/// Memory of a search; between two it is as it was made.
struct Search {
    distance: Vec<u32>,
    /// Shortest paths from the source.
    paths: Vec<f64>,
    /// Their shares that pass through, added up over their ends.
    share: Vec<f64>,
    order: Vec<u32>,
}

impl Search {
    fn of(n: usize) -> Self {
        Search { distance: vec![u32::MAX; n], paths: vec![0.0; n], share: vec![0.0; n], order: Vec::new() }
    }

    /// The dependency of `source` on each address on which it has any.
    fn dependencies(&mut self, scene: &Scene, source: u32) -> Vec<(u32, f64)> {
        self.walk(scene, source);
        for &b in self.order.iter().rev() {
            let b = b as usize;
            let per_path = (1.0 + self.share[b]) / self.paths[b];
            for &a in scene.senders.of(b as u32) {
                let a = a as usize;
                if self.distance[a] != u32::MAX && self.distance[a] + 1 == self.distance[b] {
                    self.share[a] += self.paths[a] * per_path;
                }
            }
        }
        let mut found = Vec::new();
        for a in self.order.drain(..) {
            let at = a as usize;
            self.distance[at] = u32::MAX;
            self.paths[at] = 0.0;
            let share = std::mem::take(&mut self.share[at]);
            if share > 0.0 && a != source {
                found.push((a, share));
            }
        }
        found
    }

    /// Distances, paths and the order of distances from `source`.
    fn walk(&mut self, scene: &Scene, source: u32) {
        (self.distance[source as usize], self.paths[source as usize]) = (0, 1.0);
        self.order.push(source);
        let mut at = 0;
        while let Some(&a) = self.order.get(at) {
            at += 1;
            let (far, ways) = (self.distance[a as usize] + 1, self.paths[a as usize]);
            for &b in scene.recipients.of(a) {
                if self.distance[b as usize] == u32::MAX {
                    self.distance[b as usize] = far;
                    self.order.push(b);
                }
                if self.distance[b as usize] == far {
                    self.paths[b as usize] += ways;
                }
            }
        }
    }
}
