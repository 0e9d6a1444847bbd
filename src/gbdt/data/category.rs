//! The categories of a feature: which of them training saw, and the code of each.

use super::Column;

/// The category of a raw value, if it is one: LightGBM casts to `int`, so the fraction is cut off, and what does not fit is no
/// category.
pub(in crate::gbdt) fn category(x: f64) -> Option<u32> {
    if x > -1.0 && x < 2_147_483_648.0 { Some(x as u32) } else { None }
}

/// Categories ascending; the code of each is its place. Whatever else a value is, it counts as missing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Categories(Vec<u32>);

impl Categories {
    /// Those of a column; of too many the most frequent, of equally frequent ones the lower.
    pub(super) fn fit(column: &Column) -> Self {
        let mut all: Vec<u32> = (0..column.len()).filter_map(|row| category(column.get(row))).collect();
        all.sort_unstable();
        let mut kept: Vec<(usize, u32)> =
            all.chunk_by(|a, b| a == b).map(|run| (run.len(), run[0])).collect();
        if kept.len() > MAX_CATEGORIES {
            kept.sort_by_key(|&(count, category)| (std::cmp::Reverse(count), category));
            kept.truncate(MAX_CATEGORIES);
        }
        let mut kept: Vec<u32> = kept.into_iter().map(|(_, category)| category).collect();
        kept.sort_unstable();
        Categories(kept)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The category of a code.
    pub(super) fn get(&self, code: usize) -> u32 {
        self.0[code]
    }

    /// The code of a value; one above the last of what is none of these.
    pub(super) fn code(&self, x: f64) -> usize {
        category(x).and_then(|category| self.0.binary_search(&category).ok()).unwrap_or(self.0.len())
    }
}

/// The most categories of a feature: with the code of missing values, as many codes as 16 bits have.
pub const MAX_CATEGORIES: usize = u16::MAX as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_category() {
        for (x, expected) in
            [(0.0, Some(0)), (-0.9, Some(0)), (7.9, Some(7)), (2_147_483_647.5, Some(2_147_483_647))]
        {
            assert_eq!(category(x), expected, "{x}");
        }
        for x in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 2_147_483_648.0] {
            assert_eq!(category(x), None, "{x}");
        }
    }

    #[test]
    fn codes_are_places() {
        let categories = Categories::fit(&Column::F64(vec![9.0, 3.0, f64::NAN, -4.0, 9.0]));
        assert_eq!(categories.len(), 2);
        assert_eq!([3.0, 9.0, 4.0, f64::NAN, -4.0].map(|x| categories.code(x)), [0, 1, 2, 2, 2]);
        assert_eq!(categories.get(1), 9);
    }

    #[test]
    fn the_rarest_of_too_many_count_as_missing() {
        let mut values: Vec<f64> = (0..=MAX_CATEGORIES).map(|i| i as f64).collect();
        values.push(MAX_CATEGORIES as f64);
        let categories = Categories::fit(&Column::F64(values));
        assert_eq!(categories.len(), MAX_CATEGORIES);
        assert_eq!(categories.code(MAX_CATEGORIES as f64), MAX_CATEGORIES - 1);
        assert_eq!(categories.code(MAX_CATEGORIES as f64 - 1.0), MAX_CATEGORIES);
    }
}
