//! A column on its way to a file: what somebody else holds is lent rather than copied.

use std::borrow::Cow;

use super::Values;

/// The values of a column, none of them missing but where [`Values`] says so.
#[derive(Clone, Debug)]
pub enum Given<'t> {
    /// Of any type.
    Values(Cow<'t, Values>),
    /// Doubles; NaN where missing.
    Floats(&'t [f64]),
    /// Text.
    Texts(Vec<&'t str>),
    /// Lists of text.
    TextLists(Vec<&'t [String]>),
    /// Lists of counts; those of 2^63 and more are written as one less.
    CountLists(Vec<&'t [u64]>),
}

impl Given<'_> {
    /// How many rows there are; `None` for values of a type that is not decoded.
    pub fn n_rows(&self) -> Option<usize> {
        match self {
            Given::Values(values) => values.n_values(),
            Given::Floats(values) => Some(values.len()),
            Given::Texts(texts) => Some(texts.len()),
            Given::TextLists(lists) => Some(lists.len()),
            Given::CountLists(lists) => Some(lists.len()),
        }
    }

    /// The same as values of a table.
    pub fn into_values(self) -> Values {
        match self {
            Given::Values(values) => values.into_owned(),
            Given::Floats(values) => Values::F64(values.to_vec()),
            Given::Texts(texts) => {
                Values::Text(texts.into_iter().map(|text| Some(text.to_owned())).collect())
            }
            Given::TextLists(lists) => {
                Values::TextList(lists.into_iter().map(|list| Some(list.to_vec())).collect())
            }
            Given::CountLists(lists) => {
                let list = |counts: &[u64]| counts.iter().map(|&count| whole(count)).collect();
                Values::IntList(lists.into_iter().map(|counts| Some(list(counts))).collect())
            }
        }
    }
}

impl From<Values> for Given<'_> {
    fn from(values: Values) -> Self {
        Given::Values(Cow::Owned(values))
    }
}

/// A count as a signed number.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
