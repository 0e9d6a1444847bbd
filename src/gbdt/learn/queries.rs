//! Rows query by query.

use std::ops::Range;

/// The rows of each query; `groups` has their numbers.
pub(super) fn ranges(groups: &[u32]) -> Vec<Range<usize>> {
    let mut start = 0;
    let rows = |&n: &u32| {
        let rows = start..start + n as usize;
        start = rows.end;
        rows
    };
    groups.iter().map(rows).collect()
}

/// What each query has of values row by row; `queries` are side by side from the first row on.
pub(super) fn parts<'v, 'q, T>(
    mut values: &'v mut [T],
    queries: impl Iterator<Item = &'q Range<usize>>,
) -> Vec<&'v mut [T]> {
    let part = |rows: &Range<usize>| {
        let (part, rest) = std::mem::take(&mut values).split_at_mut(rows.len());
        values = rest;
        part
    };
    queries.map(part).collect()
}
