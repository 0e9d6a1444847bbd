//! Strings to dense ids in the order of first appearance. The table of slots is asked, never walked, so its order
//! cannot leak; the hash is keyed anew by each process, so nobody can choose names that all fall on one slot.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// A set of strings numbered 0, 1, 2 ... by insertion. A clone shares the strings until one of the two grows.
#[derive(Clone, Default)]
pub struct Interner(Arc<Names>);

/// All strings in one piece: millions of addresses cost their bytes and sixteen more each.
#[derive(Clone, Default)]
struct Names {
    text: String,
    /// Where each string ends in `text`.
    ends: Vec<usize>,
    /// Id plus 1; 0 where free. A power of two of them, at most half taken.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Names {
    fn name(&self, id: usize) -> &str {
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[id]]
    }

    /// The slot where `name` stands, or would; `slots` must not be empty.
    fn slot(&self, name: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hasher.hash_one(name) as usize & mask;
        while self.slots[slot] != 0 && self.name(self.slots[slot] as usize - 1) != name {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn get(&self, name: &str) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        self.slots[self.slot(name)].checked_sub(1)
    }

    fn intern(&mut self, name: &str) -> u32 {
        self.make_room(1);
        let slot = self.slot(name);
        if let Some(id) = self.slots[slot].checked_sub(1) {
            return id;
        }
        self.text.push_str(name);
        self.ends.push(self.text.len());
        let after = u32::try_from(self.ends.len()).expect("fewer than 2^32 distinct strings");
        self.slots[slot] = after;
        after - 1
    }

    /// [`Self::intern`] for several names. Each step is taken for all of them before the next: a large set lies far from the
    /// processor, and so it fetches for many names at a time instead of waiting for every one.
    fn intern_some(&mut self, names: &[&str], ids: &mut Vec<u32>) {
        self.make_room(names.len());
        let mask = self.slots.len() - 1;
        let slots: Vec<usize> = names.iter().map(|name| self.hasher.hash_one(name) as usize & mask).collect();
        let taken: Vec<Option<usize>> =
            slots.iter().map(|&slot| (self.slots[slot] as usize).checked_sub(1)).collect();
        let known: Vec<&str> = taken.iter().map(|id| id.map_or("", |id| self.name(id))).collect();
        let found: Vec<bool> = known.iter().zip(names).map(|(known, name)| known == name).collect();
        for ((name, id), is_it) in names.iter().zip(taken).zip(found) {
            ids.push(id.filter(|_| is_it).map_or_else(|| self.intern(name), |id| id as u32));
        }
    }

    /// Makes sure of free slots for so many names more.
    fn make_room(&mut self, more: usize) {
        let names = self.ends.len() + more;
        if self.slots.len() >= 2 * names {
            return;
        }
        self.slots = vec![0; (2 * names).next_power_of_two().max(16)];
        for id in 0..self.ends.len() {
            let slot = self.slot(self.name(id));
            self.slots[slot] = id as u32 + 1;
        }
    }
}

impl Interner {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of `name`, new if it was not seen before.
    ///
    /// # Panics
    /// Beyond 2^32 - 2 distinct strings.
    pub fn intern(&mut self, name: &str) -> u32 {
        Arc::make_mut(&mut self.0).intern(name)
    }

    /// The ids of names, in their order: as [`Self::intern`] gives them, but sooner where there are many.
    ///
    /// # Panics
    /// Beyond 2^32 - 2 distinct strings.
    pub fn intern_all<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Vec<u32> {
        let set = Arc::make_mut(&mut self.0);
        let mut ids = Vec::with_capacity(names.size_hint().0);
        let mut names = names.peekable();
        while names.peek().is_some() {
            let some: Vec<&str> = names.by_ref().take(AT_A_TIME).collect();
            set.intern_some(&some, &mut ids);
        }
        ids
    }

    /// The id of `name`, if it is in the set.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.0.get(name)
    }

    /// The string of an id.
    ///
    /// # Panics
    /// When `id` was not given out by this set.
    pub fn name(&self, id: u32) -> &str {
        self.0.name(id as usize)
    }

    /// All strings in the order of their ids.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|id| self.0.name(id))
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.0.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.ends.is_empty()
    }

    /// Whether both are clones of one set and none has grown since: then ids of one are ids of the other.
    pub fn is_shared_with(&self, other: &Interner) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Names that are looked up together.
const AT_A_TIME: usize = 256;

impl fmt::Debug for Interner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl<'a> FromIterator<&'a str> for Interner {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut set = Interner::new();
        set.intern_all(names.into_iter());
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_follow_first_appearance(names in prop::collection::vec("[ab]{0,5}", 0..300)) {
            let set: Interner = names.iter().map(String::as_str).collect();
            let mut first: Vec<&str> = Vec::new();
            names.iter().for_each(|name| {
                if !first.contains(&name.as_str()) {
                    first.push(name);
                }
            });
            prop_assert_eq!(set.names().collect::<Vec<_>>(), first.clone());
            for (id, name) in (0..).zip(first) {
                prop_assert_eq!((set.get(name), set.name(id)), (Some(id), name));
            }
            prop_assert_eq!(set.get("absent"), None);
        }

        #[test]
        fn many_at_a_time_get_the_ids_of_one_by_one(
            before in prop::collection::vec("[ab]{0,5}", 0..30),
            names in prop::collection::vec("[ab]{0,12}", 0..1000),
        ) {
            let mut one_by_one: Interner = before.iter().map(String::as_str).collect();
            let mut together = one_by_one.clone();
            let ids: Vec<u32> = names.iter().map(|name| one_by_one.intern(name)).collect();
            prop_assert_eq!(together.intern_all(names.iter().map(String::as_str)), ids);
            prop_assert!(together.names().eq(one_by_one.names()));
        }
    }

    #[test]
    fn a_clone_grows_alone() {
        let mut one: Interner = ["a"].into_iter().collect();
        let other = one.clone();
        assert!(one.is_shared_with(&other));
        assert_eq!(one.intern("b"), 1);
        assert_eq!((other.len(), other.get("b")), (1, None));
        assert!(!one.is_shared_with(&other));
    }
}
