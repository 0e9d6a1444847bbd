//! Inner loops that are worth an instruction set: the only room with unsafe code.
//!
//! Each file is one kernel. Its scalar code defines the result; a faster body for a [`Level`] must equal it bit for bit, which
//! one property test asks of every level the machine has (beside the kernel, or in `tests/engine_infer/levels.rs`). A kernel takes the level as its first
//! argument and knows nothing of models, features or rows of a file: it sees plain slices.
//!
//! # Safety
//! Every unsafe call rests on one of two facts: a [`Level`] above scalar exists only where [`Level::detect`] saw the
//! instructions, and a kernel's constructor checked the indices that its loops do not check again. The block says which.

#![allow(unsafe_code, reason = "the one room where it may stand")]

mod axis;
pub(in crate::gbdt) mod cell;
pub(in crate::gbdt) mod derive;
pub(in crate::gbdt) mod gain;
pub(in crate::gbdt) mod grid;
mod ladder;
pub(in crate::gbdt) mod lambda;
mod lanes;
mod level;
mod pairs;
pub(in crate::gbdt) mod parting;
mod quadrature;
#[cfg(target_arch = "x86_64")]
mod quickscorer;
#[cfg(not(target_arch = "x86_64"))]
#[path = "quickscorer_absent.rs"]
mod quickscorer;
mod reach;
mod shap;
mod tile;
mod tree;
mod walk;
#[cfg(has_avx512)]
mod wide;

pub(in crate::gbdt) use axis::{Axis, Column, LEFT, Placed, RIGHT, SPAN, row_bytes};
pub(in crate::gbdt) use ladder::{BLOCK, Ladder, ranks};
pub(in crate::gbdt) use lanes::LANES;
pub use level::Level;
pub(in crate::gbdt) use pairs::{Asked, PairScratch, Way, add_pairs};
pub(in crate::gbdt) use quadrature::Quadrature;
pub(in crate::gbdt) use quickscorer::QuickScorer;
pub(in crate::gbdt) use reach::{Masks, Reach};
pub(in crate::gbdt) use shap::{BlockScratch, RowScratch, Rows, Shap};
pub(in crate::gbdt) use tile::{Strip, TILE};
pub(in crate::gbdt) use tree::{ByteTree, End, Split};
pub(in crate::gbdt) use walk::Walk;
