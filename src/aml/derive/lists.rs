//! A list of numbers for each address, one behind the other: what adjacency and ownership are kept in.

use std::ops::Range;

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
