//! How often an address lies on shortest paths of payments: exactly in a small graph, estimated in a large one.
//!
//! Brandes' accumulation over the addresses that pay anybody, every payment one hop. As long as all of them fit the
//! budget of [`PAYMENTS`] all are sources, which is betweenness itself; beyond it as many as do, and [`FEWEST`] at
//! least, those with the smallest seeded random numbers, each standing for its share of all. Dependencies are added up
//! source by source, each over the recipients as [`Reach`] orders them, so neither threads nor rounds can be seen.
//! Dependencies are gathered from who comes next on a path, so that payments are read in their direction only. Sources:
//! Brandes 2001; Brandes and Pich 2007; Madduri et al. 2009 (gathering from successors).

use super::Scene;
use crate::aml::derive::reach::Reach;
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
    for some in sources.chunks((AT_A_TIME / n.max(1)).clamp(2 * BLOCK, 128 * BLOCK)) {
        let parts = par::map_blocks(some.len(), BLOCK, |places| {
            let mut search = Search::of(&scene.ahead);
            places.map(|at| search.dependencies(scene.ahead.places()[some[at] as usize])).collect::<Vec<_>>()
        });
        for (place, share) in parts.concat().into_iter().flatten() {
            sum[place as usize] += share;
        }
    }
    let stands_for = payers.len() as f64 / sources.len().max(1) as f64;
    let pairs = n as f64 * n.saturating_sub(2).max(1) as f64;
    scene.ahead.places().iter().map(|&place| sum[place as usize] * stands_for / pairs).collect()
}

/// Sources that one thread takes at a time.
const BLOCK: usize = 2;
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

/// A search, whose memory is as it was made between two.
struct Search<'r> {
    reach: &'r Reach,
    /// Of each place.
    found: Vec<Found>,
    /// Places in the order of their distances.
    order: Vec<u32>,
}

/// What is known of a place; together, for who asks for one part asks for the others.
#[derive(Clone, Copy)]
struct Found {
    /// Hops from the source.
    distance: u32,
    /// Shortest paths from the source.
    paths: f64,
    /// What ends here or passes through, for each of these paths.
    per_path: f64,
}

const FAR: Found = Found { distance: u32::MAX, paths: 0.0, per_path: 0.0 };

impl<'r> Search<'r> {
    fn of(reach: &'r Reach) -> Self {
        Search { reach, found: vec![FAR; reach.places().len()], order: Vec::new() }
    }

    /// The dependency of `source` on each place on which it has any.
    fn dependencies(&mut self, source: u32) -> Vec<(u32, f64)> {
        self.walk(source);
        let mut dependencies = Vec::new();
        for &a in self.order.iter().rev() {
            let Found { distance, paths, .. } = self.found[a as usize];
            let after = self.reach.neighbours().of(a).iter().map(|&b| &self.found[b as usize]);
            let per_path: f64 = after.filter(|b| b.distance == distance + 1).map(|b| b.per_path).sum();
            let share = paths * per_path;
            self.found[a as usize].per_path = (1.0 + share) / paths;
            if share > 0.0 && a != source {
                dependencies.push((a, share));
            }
        }
        self.order.drain(..).for_each(|a| self.found[a as usize] = FAR);
        dependencies
    }

    /// Distances, paths and the order of distances from `source`.
    fn walk(&mut self, source: u32) {
        self.found[source as usize] = Found { distance: 0, paths: 1.0, per_path: 0.0 };
        self.order.push(source);
        let mut at = 0;
        while let Some(&a) = self.order.get(at) {
            at += 1;
            let Found { distance, paths, .. } = self.found[a as usize];
            for &b in self.reach.neighbours().of(a) {
                let next = &mut self.found[b as usize];
                if next.distance == u32::MAX {
                    next.distance = distance + 1;
                    self.order.push(b);
                }
                if next.distance == distance + 1 {
                    next.paths += paths;
                }
            }
        }
    }
}
