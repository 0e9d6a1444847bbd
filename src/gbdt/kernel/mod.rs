//! Inner loops that are worth an instruction set: the only room with unsafe code.
//!
//! Each file is one kernel. Its scalar code defines the result; a faster body for a [`Level`] must equal it bit for bit, which
//! one property test asks of every level the machine has (beside the kernel, or in `tests/engine_infer/levels.rs`). A kernel takes
//! the level as its first argument and knows nothing of models, features or rows of a file: it sees plain slices.
//!
//! # Safety
//! Every unsafe call rests on one of two facts: a [`Level`] above scalar exists only where [`Level::detect`] saw the
//! instructions, and a kernel's constructor checked the indices that its loops do not check again. The block says which.

pub(in crate::gbdt) mod cell;
pub(in crate::gbdt) mod derive;
pub(in crate::gbdt) mod gain;
pub(in crate::gbdt) mod grid;
mod level;
pub(in crate::gbdt) mod parting;
mod stamp;


pub use level::Level;
