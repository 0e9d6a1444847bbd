//! Rows of bytes side by side.

/// Rows of a tile.
pub(in crate::gbdt) const TILE: usize = 512;

/// The bytes of one column, one for each row of a tile, on a boundary of the widest vector.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(in crate::gbdt) struct Strip(pub(in crate::gbdt) [u8; TILE]);

impl Strip {
    /// A strip of zeros.
    pub(in crate::gbdt) const EMPTY: Self = Strip([0; TILE]);
}
