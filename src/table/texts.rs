//! A column of text in one piece: a long table's texts cost their bytes and twelve more each, those that a file keeps in a
//! dictionary four.

/// Texts by row, some missing. What stands in many rows may be kept once.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// All entries, one behind the other.
    text: String,
    /// Where each entry ends in `text`.
    ends: Vec<usize>,
    /// The entry of each row; [`MISSING`] where there is none.
    rows: Vec<u32>,
}

impl Texts {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text of a row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.entry_of(row).map(|entry| self.entry(entry))
    }

    /// Every row's text.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Which entry a row has.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn entry_of(&self, row: usize) -> Option<usize> {
        Some(self.rows[row]).filter(|&entry| entry != MISSING).map(|entry| entry as usize)
    }

    /// How many entries there are; two may say the same.
    pub fn n_entries(&self) -> usize {
        self.ends.len()
    }

    /// An entry.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn entry(&self, entry: usize) -> &str {
        let start = entry.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[entry]]
    }

    /// Adds an entry, for rows to come, and says which it is.
    ///
    /// # Panics
    /// Beyond 2^32 - 2 entries: no file has as many rows.
    pub fn add_entry(&mut self, text: &str) -> usize {
        assert!(self.ends.len() < MISSING as usize, "fewer entries than numbers for them");
        self.text.push_str(text);
        self.ends.push(self.text.len());
        self.ends.len() - 1
    }

    /// Adds a row that has an entry, or none.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn push_entry(&mut self, entry: Option<usize>) {
        assert!(entry.is_none_or(|entry| entry < self.ends.len()), "a row names an entry that is there");
        self.rows.push(entry.map_or(MISSING, |entry| entry as u32));
    }

    /// Adds a row.
    pub fn push(&mut self, text: Option<&str>) {
        let entry = text.map(|text| self.add_entry(text));
        self.push_entry(entry);
    }

    /// Puts the rows of another behind these.
    pub fn append(&mut self, other: Texts) {
        if self.ends.is_empty() && self.rows.is_empty() {
            *self = other;
            return;
        }
        let (before, bytes) = (self.ends.len(), self.text.len());
        self.text.push_str(&other.text);
        self.ends.extend(other.ends.iter().map(|end| bytes + end));
        assert!(self.ends.len() < MISSING as usize, "fewer entries than numbers for them");
        let entry = |&row: &u32| if row == MISSING { MISSING } else { row + before as u32 };
        self.rows.extend(other.rows.iter().map(entry));
    }

    /// The same, with a text where there is none.
    #[must_use]
    pub fn or(mut self, text: &str) -> Self {
        let entry = self.add_entry(text) as u32;
        self.rows.iter_mut().filter(|row| **row == MISSING).for_each(|row| *row = entry);
        self
    }

    /// The rows in another order: the row at each place is the one that stood at `order`'s.
    ///
    /// # Panics
    /// When `order` names a row that is not there.
    pub fn reorder(&mut self, order: &[u32]) {
        self.rows = order.iter().map(|&row| self.rows[row as usize]).collect();
    }
}

/// By what the rows say, however it is kept.
impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: AsRef<str>> FromIterator<Option<T>> for Texts {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(texts: I) -> Self {
        let mut all = Texts::default();
        texts.into_iter().for_each(|text| all.push(text.as_ref().map(AsRef::as_ref)));
        all
    }
}

const MISSING: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_those_of_a_list(
            a in prop::collection::vec(prop::option::of("[ab]{0,3}"), 0..20),
            b in prop::collection::vec(prop::option::of("[ab]{0,3}"), 0..20),
        ) {
            let texts = |list: &[Option<String>]| list.iter().cloned().collect::<Texts>();
            let mut both = texts(&a);
            both.append(texts(&b));
            let list = [a.as_slice(), b.as_slice()].concat();
            let rows: Vec<Option<String>> = both.iter().map(|text| text.map(str::to_owned)).collect();
            prop_assert_eq!(&rows, &list);
            let backwards: Vec<u32> = (0..list.len() as u32).rev().collect();
            both.reorder(&backwards);
            prop_assert_eq!(both.clone(), texts(&list.iter().rev().cloned().collect::<Vec<_>>()));
            // one entry for many rows is still the same texts
            let mut shared = Texts::default();
            let entry = shared.add_entry("x");
            list.iter().for_each(|_| shared.push_entry(Some(entry)));
            prop_assert_eq!(shared, texts(&vec![Some("x".to_owned()); list.len()]));
        }
    }
}
