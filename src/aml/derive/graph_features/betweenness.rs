//! How often an address lies on shortest paths of payments, estimated from seeded sources.
//!
//! Brandes' accumulation from at most [`SOURCES`] addresses, those with the smallest seeded random numbers; every payment
//! is one hop. With all addresses as sources this is betweenness itself. Sources: Brandes 2001; Brandes and Pich 2007.

use super::Scene;
use crate::determinism::par;
use crate::determinism::rng::Stream;

/// Most addresses that paths start from.
pub(super) const SOURCES: usize = 64;
/// Any number would do; it is part of the column's definition.
const SEED: u64 = 20_251_120;

/// Mean dependency of the sources on each address, over the pairs that could depend on it.
pub(super) fn betweenness(scene: &Scene<'_>) -> Vec<f64> {
    let n = scene.len();
    let sources = sources(n);
    let mut sum = vec![0.0; n];
    // a few at a time: each holds a number for every address
    for some in sources.chunks(8) {
        for part in par::map(some.len(), |at| dependencies(scene, some[at])) {
            sum.iter_mut().zip(part).for_each(|(total, x)| *total += x);
        }
    }
    let pairs = sources.len() as f64 * n.saturating_sub(2).max(1) as f64;
    sum.iter().map(|x| x / pairs).collect()
}

fn sources(n: usize) -> Vec<u32> {
    let rng = Stream::new(SEED, "betweenness");
    let mut order: Vec<(u64, u32)> = (0..n as u32).map(|a| (rng.bits(u64::from(a)), a)).collect();
    order.sort_unstable();
    order.truncate(SOURCES);
    order.into_iter().map(|x| x.1).collect()
}

/// The share of shortest paths from `source` that pass through each address, added up over their ends.
fn dependencies(scene: &Scene<'_>, source: u32) -> Vec<f64> {
    let n = scene.len();
    let (mut distance, mut paths) = (vec![u32::MAX; n], vec![0.0; n]);
    (distance[source as usize], paths[source as usize]) = (0, 1.0);
    let mut order = vec![source];
    let mut at = 0;
    while let Some(&a) = order.get(at) {
        at += 1;
        let (far, ways) = (distance[a as usize] + 1, paths[a as usize]);
        for &b in scene.recipients.of(a) {
            if distance[b as usize] == u32::MAX {
                distance[b as usize] = far;
                order.push(b);
            }
            if distance[b as usize] == far {
                paths[b as usize] += ways;
            }
        }
    }
    let mut share = vec![0.0; n];
    for &b in order.iter().rev() {
        for &a in scene.senders.of(b) {
            if distance[a as usize] != u32::MAX && distance[a as usize] + 1 == distance[b as usize] {
                share[a as usize] += paths[a as usize] / paths[b as usize] * (1.0 + share[b as usize]);
            }
        }
    }
    share[source as usize] = 0.0;
    share
}
