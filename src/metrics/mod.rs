//! Pure functions over slices: how good scores are. Labels and scores in, one number out.

pub mod binary;
pub mod ranking;
