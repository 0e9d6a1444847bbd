//! Stands in for [`QuickScorer`] where the processor has no vectors that it knows: there never is one.

use super::level::Level;
use super::tree::ByteTree;

/// Nothing.
#[derive(Clone, Debug)]
pub(in crate::gbdt) enum QuickScorer {}

impl QuickScorer {
    pub(in crate::gbdt) const MOST_LEAVES: usize = 64;

    pub(in crate::gbdt) fn new(_: Level, _: &[ByteTree]) -> Option<Self> {
        None
    }

    pub(in crate::gbdt) fn sum_row(&self, _: &[u8], _: f64) -> f64 {
        match *self {}
    }
}
