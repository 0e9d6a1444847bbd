//! One numerical feature turned into bytes that answer every question about it.
//!
//! A byte holds a rank, or what is left of it above a multiple of [`SPAN`] where the feature has more thresholds than a byte has
//! values: `x <= threshold[k]` exactly when `byte <= k % SPAN` in the column of window `k / SPAN`. A value that counts as missing
//! puts a fixed byte in its place: 0 goes left at every question, [`RIGHT`] goes right. Nodes that send missing values to
//! different sides, or differ in what is missing, read different columns.

use super::ladder::{BLOCK, Ladder, ranks};
use super::level::{Level, stamped};
use super::tile::Strip;

/// Questions that one column answers: `at_most` runs from 0 to 254.
pub(in crate::gbdt) const SPAN: usize = 255;
/// A byte that goes left at every question.
pub(in crate::gbdt) const LEFT: u8 = 0;
/// A byte that goes right at every question.
pub(in crate::gbdt) const RIGHT: u8 = 255;

/// A numerical feature's thresholds and the columns made of them.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct Axis {
    ladder: Ladder,
    columns: Vec<Column>,
}

/// How a rank becomes a byte.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Column {
    /// The rank that becomes 0, as lower ones do.
    pub(in crate::gbdt) from: u32,
    /// NaN is missing, and so is a value no larger than this; none is where it is negative.
    pub(in crate::gbdt) zero: f64,
    /// The byte of a missing value.
    pub(in crate::gbdt) missing: u8,
}

impl Axis {
    /// An axis of these columns, in their order.
    pub(in crate::gbdt) fn new(ladder: Ladder, columns: Vec<Column>) -> Self {
        Axis { ladder, columns }
    }

    /// The bytes of one value, one a column.
    #[inline(always)]
    fn row(&self, x: f64, out: &mut [u8]) {
        let rank = self.ladder.rank(x) as u32;
        self.columns.iter().zip(out).for_each(|(column, out)| *out = column.byte(x, rank));
    }

    /// The bytes of a block of values, from the row `first` of a tile on; one strip a column.
    pub(in crate::gbdt) fn block(
        &self,
        level: Level,
        values: &[f64; BLOCK],
        first: usize,
        out: &mut [Strip],
    ) {
        let mut rank = [0; BLOCK];
        ranks(level, &self.ladder, values, &mut rank);
        for (column, strip) in self.columns.iter().zip(out) {
            let out = strip.0[first..].first_chunk_mut().expect("a block lies within its tile");
            bytes(level, *column, values, &rank, out);
        }
    }
}

/// An axis and where it stands.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct Placed {
    /// The position of its feature in a row.
    pub(in crate::gbdt) position: usize,
    /// Its first column of bytes.
    pub(in crate::gbdt) first: usize,
    pub(in crate::gbdt) axis: Axis,
}

stamped! {
    /// The bytes of one row.
    ///
    /// # Panics
    /// When the row has no value for an axis, or `bytes` no place for a column.
    pub(in crate::gbdt) fn row_bytes(axes: &[Placed], row: &[f64], bytes: &mut [u8]) = row_bytes_body
}

#[inline(always)]
fn row_bytes_body(axes: &[Placed], row: &[f64], bytes: &mut [u8]) {
    for Placed { position, first, axis } in axes {
        axis.row(row[*position], &mut bytes[*first..]);
    }
}

impl Column {
    #[inline(always)]
    fn byte(self, x: f64, rank: u32) -> u8 {
        if x.abs() > self.zero { Self::window(rank, self.from) } else { self.missing }
    }

    /// The byte of a rank in the window that starts at `from`.
    #[inline(always)]
    pub(in crate::gbdt) fn window(rank: u32, from: u32) -> u8 {
        rank.saturating_sub(from).min(u32::from(RIGHT)) as u8
    }
}

stamped! {
    /// [`Column::byte`] of a block of values.
    fn bytes(column: Column, values: &[f64; BLOCK], ranks: &[u32; BLOCK], out: &mut [u8; BLOCK]) = bytes_body
}

#[inline(always)]
fn bytes_body(column: Column, values: &[f64; BLOCK], ranks: &[u32; BLOCK], out: &mut [u8; BLOCK]) {
    for i in 0..BLOCK {
        out[i] = column.byte(values[i], ranks[i]);
    }
}
