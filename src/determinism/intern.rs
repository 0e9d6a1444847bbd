//! Strings to dense ids in the order of first appearance. The only user of `HashMap`: the map is asked,
//! never walked, so its order cannot leak.
#![allow(clippy::disallowed_types, reason = "the map is only looked up in, never iterated")]

use std::collections::HashMap;

/// A set of strings numbered 0, 1, 2 ... by insertion.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    ids: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
}

impl Interner {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of `name`, new if it was not seen before.
    ///
    /// # Panics
    /// Beyond 2^32 distinct strings.
    pub fn intern(&mut self, name: &str) -> u32 {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = u32::try_from(self.names.len()).expect("fewer than 2^32 distinct strings");
        self.ids.insert(name.into(), id);
        self.names.push(name.into());
        id
    }

    /// The id of `name`, if it is in the set.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    /// The string of an id.
    ///
    /// # Panics
    /// When `id` was not given out by this set.
    pub fn name(&self, id: u32) -> &str {
        &self.names[id as usize]
    }

    /// All strings in the order of their ids.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl<'a> FromIterator<&'a str> for Interner {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut set = Interner::new();
        names.into_iter().for_each(|name| {
            set.intern(name);
        });
        set
    }
}
