//! A set of few numbers, for searches that are run once for every address or transfer.
//!
//! A search that visits hundreds of a million addresses needs a memory of its own size, not of the graph's: this one
//! stays in the nearest cache, and emptying it costs what was put in. Numbers keep the order in which they came, and
//! nothing can see the order of the table they are looked up in.

/// Distinct numbers in the order in which they came.
pub(super) struct Few {
    /// Place in `items` plus 1; 0 where free.
    slots: Vec<u32>,
    items: Vec<u32>,
    /// The slot of each item.
    taken: Vec<u32>,
}

/// What came of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It was not there before and stands last now.
    New,
    /// It has been at this place.
    Before(usize),
}

impl Few {
    /// Room for `most` numbers.
    pub(super) fn of_at_most(most: usize) -> Self {
        // half empty, so that chains of taken slots stay short
        let slots = (2 * most + 2).next_power_of_two();
        Few { slots: vec![0; slots], items: Vec::with_capacity(most), taken: Vec::with_capacity(most) }
    }

    /// Forgets all and begins with one.
    pub(super) fn begin_with(&mut self, first: u32) {
        for slot in self.taken.drain(..) {
            self.slots[slot as usize] = 0;
        }
        self.items.clear();
        self.insert(first);
    }

    /// Adds a number where it is new.
    ///
    /// # Panics
    /// Beyond the number it has room for.
    #[inline]
    pub(super) fn insert(&mut self, number: u32) -> Came {
        let mask = self.slots.len() - 1;
        // Fibonacci hashing: the upper bits of the product depend on every bit of the number
        let bits = self.slots.len().trailing_zeros();
        let mut slot = (number.wrapping_mul(0x9E37_79B9) >> (u32::BITS - bits)) as usize;
        while let Some(place) = (self.slots[slot] as usize).checked_sub(1) {
            if self.items[place] == number {
                return Came::Before(place);
            }
            slot = (slot + 1) & mask;
        }
        assert!(2 * self.items.len() < self.slots.len(), "no more numbers than it was made for");
        self.items.push(number);
        self.taken.push(slot as u32);
        self.slots[slot] = self.items.len() as u32;
        Came::New
    }
}

/// A first look for a number among some: it misses none of them and lets few others pass. One bit for each number;
/// Bloom 1970.
pub(super) struct Filter {
    bits: [u64; 64],
}

impl Filter {
    /// More would fill it, and filling it takes as long as there are numbers.
    const MOST: usize = 512;

    /// Of any numbers; too many of them let everything pass.
    pub(super) fn of(numbers: &[u32]) -> Self {
        let mut bits = [if numbers.len() > Self::MOST { u64::MAX } else { 0 }; 64];
        for &number in numbers.iter().take(Self::MOST) {
            let (word, bit) = Self::place(number);
            bits[word] |= bit;
        }
        Filter { bits }
    }

    /// False only where the number is not among them.
    #[inline]
    pub(super) fn may_hold(&self, number: u32) -> bool {
        let (word, bit) = Self::place(number);
        self.bits[word] & bit != 0
    }

    #[inline]
    fn place(number: u32) -> (usize, u64) {
        // the upper 12 bits, as in the table above
        let place = number.wrapping_mul(0x9E37_79B9) >> 20;
        ((place >> 6) as usize, 1 << (place & 63))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_in_the_order_of_arrival(rounds in prop::collection::vec(prop::collection::vec(0u32..400, 1..200), 1..4)) {
            let mut few = Few::of_at_most(200);
            for numbers in rounds {
                // multiples of the table's size fall on the same slots more often
                let numbers: Vec<u32> = numbers.iter().map(|n| if n % 2 == 0 { n * 4096 } else { *n }).collect();
                few.begin_with(numbers[0]);
                let mut seen = BTreeSet::from([numbers[0]]);
                for &number in &numbers[1..] {
                    let place = few.items.iter().position(|&item| item == number);
                    prop_assert_eq!(few.insert(number), place.map_or(Came::New, Came::Before));
                    seen.insert(number);
                }
                prop_assert_eq!(few.items.len(), seen.len());
                prop_assert_eq!(few.items.iter().copied().collect::<BTreeSet<u32>>(), seen);
            }
        }
    }

    #[test]
    fn a_filter_misses_nothing_and_lets_few_pass() {
        for count in [0_u32, 1, 100, 512, 513, 5000] {
            let numbers: Vec<u32> = (0..count).map(|i| i.wrapping_mul(2_654_435_769) >> 3).collect();
            let filter = Filter::of(&numbers);
            assert!(numbers.iter().all(|&number| filter.may_hold(number)), "{count}");
            let others = (0..4096).filter(|&i| filter.may_hold(i << 20 | 77)).count();
            assert!(count > 512 || others <= 4096 / 4, "{others} of 4096 pass beside {count}");
        }
    }

    #[test]
    #[should_panic(expected = "no more numbers than it was made for")]
    fn it_does_not_fill_up_silently() {
        let mut few = Few::of_at_most(2);
        (0..8).for_each(|number| {
            few.insert(number);
        });
    }
}
