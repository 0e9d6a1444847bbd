//! A list of numbers for each address, one behind the other: what adjacency and ownership are kept in.

use std::ops::Range;

use crate::determinism::par;

/// Addresses whose lists one thread makes at a time.
const BLOCK: usize = 1024;

/// A list of numbers for each address.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    start: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// For each address the positions at which `owners` names it, upwards.
    pub(super) fn of_owners(n: usize, owners: impl Iterator<Item = u32> + Clone) -> Self {
        Lists::of_pairs(n, (0_u32..).zip(owners).map(|(item, owner)| (owner, item)))
    }

    /// For each address the items of its pairs, in the order of the pairs.
    pub(super) fn of_pairs(n: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut start = vec![0; n + 1];
        pairs.clone().for_each(|(owner, _)| start[owner as usize + 1] += 1);
        (0..n).for_each(|a| start[a + 1] += start[a]);
        let mut next = start.clone();
        let mut items = vec![0; start[n] as usize];
        for (owner, item) in pairs {
            items[next[owner as usize] as usize] = item;
            next[owner as usize] += 1;
        }
        Lists { start, items }
    }

    /// The lists that `own` gives for the addresses from 0 to `n`.
    pub(super) fn in_blocks<I: IntoIterator<Item = u32>>(n: usize, own: impl Fn(u32) -> I + Sync) -> Self {
        let block = |addresses: Range<usize>| {
            let mut lists = Lists::none();
            addresses.for_each(|address| lists.push(own(address as u32)));
            lists
        };
        let mut all = Lists::none();
        par::each_block(n, BLOCK, block, |block| all.append(&block));
        all
    }

    /// No list yet.
    pub(super) fn none() -> Self {
        Lists { start: vec![0], items: Vec::new() }
    }

    /// Adds the list of the next address.
    pub(super) fn push(&mut self, own: impl IntoIterator<Item = u32>) {
        self.items.extend(own);
        self.start.push(self.items.len() as u32);
    }

    /// Adds the lists of the next addresses.
    pub(super) fn append(&mut self, block: &Lists) {
        let before = self.items.len() as u32;
        self.start.extend(block.start[1..].iter().map(|end| before + end));
        self.items.extend(&block.items);
    }

    /// The list of an address.
    #[inline]
    pub(super) fn of(&self, address: u32) -> &[u32] {
        &self.items[self.range(address)]
    }

    /// Where the list of an address stands among all items.
    #[inline]
    pub(super) fn range(&self, address: u32) -> Range<usize> {
        let a = address as usize;
        self.start[a] as usize..self.start[a + 1] as usize
    }

    /// All lists, one behind the other.
    pub(super) fn items(&self) -> &[u32] {
        &self.items
    }

    /// How many lists there are.
    pub(super) fn len(&self) -> usize {
        self.start.len() - 1
    }
}
