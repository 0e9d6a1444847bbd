//! Who lies within one, two and three hops of each address, added up.
//!
//! Addresses with a neighbour in common have most of what they reach in common, so their searches share what is the
//! same. Neighbours are listed by the work that lies behind them, most first, and addresses by their lists: these form
//! a tree of common beginnings, walked depth first. A neighbour is entered once for all addresses whose lists begin
//! alike up to it, over what those before it reach, and undone on the way back. An address that deals with one other
//! only, as most do, then costs nothing beside its sisters.
//!
//! What an address reaches does not depend on the order in which it is found; sums must not either, so tallies have to
//! be exact. Sharing the traversal among sources: Then et al. 2014, "The More the Merrier: Efficient Multi-Source Graph
//! Traversal", which does it with bit masks. A tree leaves every source a state of its own to add up, which masks do
//! not.

use std::cmp::Reverse;
use std::ops::{AddAssign, SubAssign};

use super::lists::Lists;
use crate::determinism::par;

/// Hops after which a search ends.
pub(super) const HOPS: usize = 3;

/// What is added up over the addresses reached; exact, for the order of additions follows the search.
pub(super) trait Tally: Copy + Default + AddAssign + SubAssign + Send + Sync {}

impl Tally for u32 {}

/// A directed graph, its addresses renumbered so that a search finds close together in memory what it looks at.
pub(super) struct Reach {
    /// The address at each place: those with most neighbours first, each with its neighbours behind it.
    addresses: Vec<u32>,
    /// The place of each address.
    places: Vec<u32>,
    /// The places of each place's neighbours, those first behind whom most work lies.
    neighbours: Lists,
    /// Places in the order of their lists.
    walk: Vec<u32>,
}

impl Reach {
    /// Of the addresses and the neighbours to which their searches lead.
    pub(super) fn of(neighbours: &Lists) -> Self {
        let addresses = by_hub(neighbours);
        let mut places = vec![0; addresses.len()];
        (0_u32..).zip(&addresses).for_each(|(place, &a)| places[a as usize] = place);
        let neighbours = by_work(neighbours, &addresses, &places);
        let mut walk: Vec<u32> = (0..addresses.len() as u32).collect();
        par::sort_by(&mut walk, |&a, &b| neighbours.of(a).cmp(neighbours.of(b)).then(a.cmp(&b)));
        Reach { addresses, places, neighbours, walk }
    }

    /// The address at each place.
    pub(super) fn addresses(&self) -> &[u32] {
        &self.addresses
    }

    /// The place of each address.
    pub(super) fn places(&self) -> &[u32] {
        &self.places
    }

    /// All addresses, those behind one another that have neighbours in common: what one looks at is still at hand for the
    /// next.
    pub(super) fn walk(&self) -> Vec<u32> {
        self.walk.iter().map(|&place| self.addresses[place as usize]).collect()
    }

    /// The places of each place's neighbours.
    pub(super) fn neighbours(&self) -> &Lists {
        &self.neighbours
    }

    /// For each address what `told` makes of the tallies of the others within 1, 2 and 3 hops; `weight` is that of the
    /// address at a place.
    ///
    /// Third hops may be left out once `is_enough` holds for the tally within 3 hops, in which the address itself may be
    /// contained, and for every larger one.
    pub(super) fn tallies<W: Tally, T: Copy + Default + Send>(
        &self,
        weight: impl Fn(u32) -> W + Sync,
        is_enough: impl Fn(W) -> bool + Sync,
        told: impl Fn([W; HOPS]) -> T + Sync,
    ) -> Vec<T> {
        // each block remembers the whole graph, so their number must not grow with it
        self.tallies_by((self.walk.len() / 256).max(64), weight, is_enough, told)
    }

    fn tallies_by<W: Tally, T: Copy + Default + Send>(
        &self,
        block: usize,
        weight: impl Fn(u32) -> W + Sync,
        is_enough: impl Fn(W) -> bool + Sync,
        told: impl Fn([W; HOPS]) -> T + Sync,
    ) -> Vec<T> {
        let blocks = par::map_blocks(self.walk.len(), block, |at| {
            let mut search = Search::of(self, &weight, &is_enough);
            self.walk[at].iter().map(|&start| told(search.tallies_of(start))).collect::<Vec<T>>()
        });
        let mut walk = self.walk.iter();
        blocks.fold(vec![T::default(); self.walk.len()], |mut tallies, found| {
            for (found, &place) in found.into_iter().zip(walk.by_ref()) {
                tallies[self.addresses[place as usize] as usize] = found;
            }
            tallies
        })
    }
}

/// Those with most neighbours first, behind each its neighbours: who is reached together stands together.
fn by_hub(neighbours: &Lists) -> Vec<u32> {
    let mut hubs: Vec<u32> = (0..neighbours.len() as u32).collect();
    par::sort_by(&mut hubs, |&a, &b| {
        let key = |address: u32| (Reverse(neighbours.of(address).len()), address);
        key(a).cmp(&key(b))
    });
    let mut is_placed = vec![false; neighbours.len()];
    let mut order = Vec::with_capacity(neighbours.len());
    for hub in hubs {
        for &address in [hub].iter().chain(neighbours.of(hub)) {
            if !std::mem::replace(&mut is_placed[address as usize], true) {
                order.push(address);
            }
        }
    }
    order
}

/// The lists in terms of places, each in the order of the work it saves to share a neighbour.
fn by_work(neighbours: &Lists, addresses: &[u32], places: &[u32]) -> Lists {
    let work: Vec<usize> = par::map(neighbours.len(), |address| {
        neighbours.of(address as u32).iter().map(|&next| neighbours.of(next).len()).sum()
    });
    Lists::in_blocks(addresses.len(), |place| {
        let mut own = neighbours.of(addresses[place as usize]).to_vec();
        own.sort_unstable_by_key(|&next| (Reverse(work[next as usize]), places[next as usize]));
        own.into_iter().map(|next| places[next as usize])
    })
}

/// The hops of whom no search has come to.
const FAR: u8 = HOPS as u8 + 1;

/// What all addresses whose lists begin with the neighbours of `path` reach by these.
struct Search<'r, W, F, E> {
    reach: &'r Reach,
    weight: F,
    is_enough: E,
    /// Of each place; a byte, so that those of a large graph stay near.
    hops: Vec<u8>,
    /// Tallies of the places within 1, 2 and 3 hops.
    tallies: [W; HOPS],
    path: Vec<Turn<W>>,
    /// Places whose hops became fewer, and what they had been.
    before: Vec<(u32, u8)>,
    /// Places reached by two hops that have to be gone on from.
    level: Vec<u32>,
}

/// A neighbour that was entered, and how the search stood before.
struct Turn<W> {
    neighbour: u32,
    before: usize,
    tallies: [W; HOPS],
}

impl<'r, W: Tally, F: Fn(u32) -> W, E: Fn(W) -> bool> Search<'r, W, F, E> {
    fn of(reach: &'r Reach, weight: F, is_enough: E) -> Self {
        let hops = vec![FAR; reach.walk.len()];
        let tallies = [W::default(); HOPS];
        let (path, before, level) = (Vec::new(), Vec::new(), Vec::new());
        Search { reach, weight, is_enough, hops, tallies, path, before, level }
    }

    /// Of all others within 1, 2 and 3 hops of a place.
    fn tallies_of(&mut self, start: u32) -> [W; HOPS] {
        let list = self.reach.neighbours.of(start);
        let kept = self.path.iter().zip(list).take_while(|(turn, next)| turn.neighbour == **next).count();
        self.go_back(kept);
        list[kept..].iter().for_each(|&next| self.go_on(next));
        let mut tallies = self.tallies;
        let returns = usize::from(self.hops[start as usize]) - 1;
        tallies[returns..].iter_mut().for_each(|tally| *tally -= (self.weight)(start));
        tallies
    }

    /// Undoes all neighbours but the first `kept`.
    fn go_back(&mut self, kept: usize) {
        let Some(turn) = self.path.get(kept) else { return };
        self.tallies = turn.tallies;
        for (place, hops) in self.before.drain(turn.before..).rev() {
            self.hops[place as usize] = hops;
        }
        self.path.truncate(kept);
    }

    /// Enters a further neighbour and whom it leads to, as far as others do not lead there by as few hops: what lies
    /// behind those has been entered with them.
    fn go_on(&mut self, neighbour: u32) {
        let reach = self.reach;
        self.path.push(Turn { neighbour, before: self.before.len(), tallies: self.tallies });
        if !self.enter(neighbour, 1) {
            return;
        }
        self.level.clear();
        for &second in reach.neighbours.of(neighbour) {
            if self.enter(second, 2) {
                self.level.push(second);
            }
        }
        for at in 0..self.level.len() {
            if (self.is_enough)(self.tallies[HOPS - 1]) {
                return;
            }
            for &third in reach.neighbours.of(self.level[at]) {
                self.enter(third, 3);
            }
        }
    }

    /// Enters a place by so many hops; false if it is there by as few.
    fn enter(&mut self, place: u32, hops: u8) -> bool {
        let own = &mut self.hops[place as usize];
        let before = *own;
        if before <= hops {
            return false;
        }
        *own = hops;
        self.before.push((place, before));
        let weight = (self.weight)(place);
        let more = usize::from(hops) - 1..usize::from(before) - 1;
        self.tallies[more].iter_mut().for_each(|tally| *tally += weight);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One search after the other: the addresses within each number of hops, upwards.
    fn within(neighbours: &Lists, start: u32) -> [Vec<u32>; HOPS] {
        let mut seen = std::collections::BTreeSet::from([start]);
        [(); HOPS].map(|()| {
            let next: Vec<u32> = seen.iter().flat_map(|&a| neighbours.of(a)).copied().collect();
            seen.extend(next);
            seen.iter().copied().filter(|&a| a != start).collect()
        })
    }

    fn twin(neighbours: &Lists, weight: impl Fn(u32) -> u32) -> Vec<[u32; HOPS]> {
        let tally = |found: Vec<u32>| found.into_iter().map(&weight).sum();
        (0..neighbours.len() as u32).map(|start| within(neighbours, start).map(tally)).collect()
    }

    /// Addresses and pairs, among them payments to oneself and the same pair twice; some addresses deal with most others.
    fn graphs() -> impl Strategy<Value = Lists> {
        let pairs = |n: u32| {
            let few = prop::collection::vec((0..n, 0..n), 0..60);
            let hubs = prop::collection::vec((0..n.min(3), 0..n), 0..60);
            (few, hubs, prop::bool::ANY)
        };
        (1_u32..40).prop_flat_map(move |n| (Just(n), pairs(n))).prop_map(|(n, (few, hubs, is_payer))| {
            let turned =
                hubs.into_iter().map(|(hub, other)| if is_payer { (hub, other) } else { (other, hub) });
            let pairs: Vec<(u32, u32)> = few.into_iter().chain(turned).collect();
            Lists::of_pairs(n as usize, pairs.iter().copied())
        })
    }

    proptest! {
        #[test]
        fn shared_searches_reach_whom_single_ones_do(neighbours in graphs(), block in 1_usize..50) {
            let weight = |a: u32| 1 + a * a;
            let reach = Reach::of(&neighbours);
            let addresses = reach.addresses().to_vec();
            let found = reach.tallies_by(block, |place| weight(addresses[place as usize]), |_| false, |told| told);
            prop_assert_eq!(found, twin(&neighbours, weight));
        }

        #[test]
        fn who_needs_no_more_gets_no_less(neighbours in graphs(), block in 1_usize..50, most in 0_u32..30) {
            let found = Reach::of(&neighbours).tallies_by(block, |_| 1, |within| within > most, |told| told);
            let up_to = |tallies: Vec<[u32; HOPS]>| {
                tallies.into_iter().map(|of| of.map(|count| count.min(most))).collect::<Vec<_>>()
            };
            prop_assert_eq!(up_to(found), up_to(twin(&neighbours, |_| 1)));
        }
    }

    #[test]
    fn a_graph_without_addresses_is_searched() {
        let none = Reach::of(&Lists::of_pairs(0, std::iter::empty()));
        assert_eq!(none.tallies(|_| 1_u32, |_| false, |told| told), Vec::<[u32; HOPS]>::new());
    }
}
